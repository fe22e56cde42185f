"""The scan budget: how many rows a query may read that it does not return."""

import asyncio
import concurrent
import logging
import os
import sys
import threading
from collections.abc import Callable

import asgiref
import django
from django.conf import settings
from django.core.management.base import BaseCommand

from . import cost_report
from .exceptions import ScanBudgetExceeded

logger = logging.getLogger("django.db.backends.cassandra")


#: In DEBUG, a query that counts so many rows gets advice, long before it fails.
NOTICED = 100

#: Management commands that serve requests or run tests: the budget holds under them.
_SERVING = ("runserver", "testserver", "test")


def in_maintenance() -> bool:
    """Is a management command running (dumpdata, a data migration …)? They may scan.

    It runs on this thread, or on the main thread, which then waits for this one or for an event loop.
    Asked only once a budget is exceeded, so looking at stacks costs nothing in the common case."""
    if (answer := _runs_command(sys._getframe())) is not None:
        return answer
    return bool(_runs_command(sys._current_frames().get(threading.main_thread().ident)))


def _runs_command(frame) -> bool | None:
    """May the command on this stack scan? None: there is none."""
    while frame is not None:
        if frame.f_code is BaseCommand.execute.__code__:
            name = type(frame.f_locals["self"]).__module__.rpartition(".")[2]
            return name not in _SERVING
        frame = frame.f_back
    return None


#: Where the advice was logged already: files and lines, or the query where no line is known.
_advised: set = set()
#: What is not the project's own code.
_MACHINERY = (
    *(
        os.path.dirname(module.__file__) + os.sep
        for module in (django, asgiref, concurrent, asyncio)
    ),
    os.path.dirname(__file__) + os.sep,
    threading.__file__,
)


def call_site() -> tuple[str, int] | None:
    """File and line of the project's code that asked for the query. None on a thread that async code waits for."""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_MACHINERY):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


def call_place() -> str:
    """The same for people."""
    site = call_site()
    return "a line that is not known" if site is None else f"{site[0]}, line {site[1]}"


class ScanBudget:
    """Counts the rows of one query. `limit` None counts nothing; `advice()` says what would make it cheap."""

    def __init__(self, limit: int | None, table: str, query: str, advice: Callable[[], str]):
        self.limit = limit
        self.table = table
        self.query = query
        self.advice = advice
        self.rows = 0
        self._half = None if limit is None else max(limit // 2, 1)
        self._notice = NOTICED if settings.DEBUG else 0
        if cost_report.current is not None:
            cost_report.current.watch(call_place(), self)

    def spend(self) -> None:
        """One row was read that is not, or not yet, returned. ScanBudgetExceeded past the limit."""
        self.rows += 1
        if self.rows == self._notice:
            self._advise()
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

    def _advise(self) -> None:
        """Say what would make the query cheap, once for each line of code that asks for it."""
        site = call_site()
        mark = site or str(self.query)
        if mark in _advised:
            return
        _advised.add(mark)
        logger.info(
            "%s reads rows of table %r that it does not return. %s The query: %s",
            "A query" if site is None else f"The query in {site[0]}, line {site[1]},",
            self.table,
            self.advice(),
            self.query,
        )

    def _exceeded(self, rows: int) -> None:
        if in_maintenance():
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
