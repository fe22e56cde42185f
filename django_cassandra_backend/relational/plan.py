"""A query of the relational road, ready to run."""

import logging

from .. import cost_report
from ..budget import call_place
from ..dbapi import OperationalError
from ..exceptions import ScanBudgetExceeded
from ..literals import literal
from ..plan import Plan

logger = logging.getLogger("django.db.backends.cassandra")
OVER_BUDGET = "BUDGET"  # the code of libcql's error


class RelationalPlan(Plan):
    """SQL for libcql's SQLite. As a string it is that SQL; the CQL that it led to is in the query log and in explain()."""

    def __new__(cls, sql: str, params, *, raw: list, tested):
        self = str.__new__(cls, sql)
        self.statements = []
        self.params = tuple(params)
        self.raw = raw if any(raw) else None
        self.tested = tested
        return self

    def inlined(self) -> str:
        return str.__mod__(self, tuple(map(_literal, self.params)))

    def logged(self, executed) -> str:
        """The SQL, and what it sent by the time that the first rows had come."""
        sent = "; ".join(cql for cql, _ in executed)
        return f"{self.inlined()} -- {sent}" if sent else self.inlined()

    @property
    def text(self) -> str:
        """With the markers that SQLite knows."""
        return str.__mod__(self, ("?",) * len(self.params))

    def run(self, cursor) -> None:
        connection = cursor.connection
        budget = connection.budget_now
        try:
            rows = connection.relational.execute(self, budget)
        except OperationalError as error:  # before the first row
            raise if_over_budget(error, self, budget) from None
        cursor.give(self.given(rows, budget))
        cursor.executed += [(line, []) for line in sent_lines(rows)]

    def given(self, rows, budget):
        """The rows; the error of the budget says what to do."""
        place = None if cost_report.current is None else call_place()
        try:
            yield from rows
        except OperationalError as error:
            raise if_over_budget(error, self, budget, rows.spent) from None
        finally:
            spent = rows.spent
            if logger.isEnabledFor(logging.DEBUG):
                sent = "; ".join(sent_lines(rows))
                logger.debug("In all, a query has sent: %s. The query: %s", sent, self)
            rows.close()
            if place is not None and cost_report.current is not None:
                self._report(cost_report.current, place, spent)
        if budget and spent * 2 >= budget:
            logger.warning(
                "A query has used %s rows of its scan budget of %s. The query: %s",
                spent,
                budget,
                self,
            )

    def _report(self, report, place: str, spent: int) -> None:
        table = next(iter(self.tested.tables.values()), "")  # the first one stands for all
        report.note(place, table, spent, self.inlined(), self.tested.advice(table))


def sent_lines(rows) -> list[str]:
    """What rows have been asked for with so far, a line for each CQL statement."""
    return [
        f"{cql} ({requests} requests in {waves} waves, {count} rows)"
        for cql, requests, count, waves in rows.statements
    ]


def if_over_budget(error: OperationalError, query, budget, spent: int | None = None) -> Exception:
    """What to raise for an error of libcql's: where it is the budget's, one that says what to do. `spent` is known once there
    are rows; before that the first row too many has ended the query."""
    if getattr(error, "code", None) != OVER_BUDGET:
        return error
    spent = budget + 1 if spent is None else spent
    table = getattr(error, "table", None) or ", ".join(query.tested.tables.values())
    return ScanBudgetExceeded(
        f"The query read {spent} rows that it does not return, the last of them of {table!r}; "
        f'OPTIONS["scan_budget"] allows {budget}. {query.tested.advice(table)} The query: {query.inlined()}'
    )


def _literal(value) -> str:
    """A parameter as SQLite writes it."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"X'{bytes(value).hex()}'"
    return "NULL" if value is None else literal(value)
