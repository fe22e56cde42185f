"""The scan budget: how many rows a query may read that it does not return."""

import logging
import sys
from collections.abc import Callable

from django.core.management.base import BaseCommand

from .exceptions import ScanBudgetExceeded

logger = logging.getLogger("django.db.backends.cassandra")


#: Management commands that serve requests or run tests: the budget holds under them.
_SERVING = ("runserver", "testserver", "test")


def _in_maintenance() -> bool:
    """Is a management command running on this thread (dumpdata, a data migration …)? They may scan.

    Asked only once a budget is exceeded, so looking at the stack costs nothing in the common case."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code is BaseCommand.execute.__code__:
            name = type(frame.f_locals["self"]).__module__.rpartition(".")[2]
            return name not in _SERVING
        frame = frame.f_back
    return False


class ScanBudget:
    """Counts the rows of one query. `limit` None counts nothing; `advice()` says what would make it cheap."""

    def __init__(self, limit: int | None, table: str, query: str, advice: Callable[[], str]):
        self.limit = limit
        self.table = table
        self.query = query
        self.advice = advice
        self.rows = 0
        self._half = None if limit is None else max(limit // 2, 1)

    def spend(self) -> None:
        """One row was read that is not, or not yet, returned. ScanBudgetExceeded past the limit."""
        self.rows += 1
        if self.rows == 1:
            self._first()
        if self.limit is None:
            return
        if self.rows > self.limit:
            self._exceeded(self.rows)
        elif self.rows == self._half and self.limit > 1:
            self._warn()

    def hold(self, count: int) -> None:
        """So many rows wait until they are sorted, and are returned then: they count while they wait."""
        if self.limit is not None and self.rows + count > self.limit:
            self._exceeded(self.rows + count)

    def _first(self) -> None:
        """Something is read that is not returned: while a site is developed, say so."""

    def _exceeded(self, rows: int) -> None:
        if _in_maintenance():
            self.limit = None
            return
        raise ScanBudgetExceeded(
            f"The query read {rows} rows of {self.table!r} that it does not return; "
            f'OPTIONS["scan_budget"] allows {self.limit}. {self.advice()} The query: {self.query}'
        )

    def _warn(self) -> None:
        logger.warning(
            "A query has used half of its scan budget of %s rows on table %r. %s The query: %s",
            self.limit,
            self.table,
            self.advice(),
            self.query,
        )
