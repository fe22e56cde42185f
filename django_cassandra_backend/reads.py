"""Reading: statements into a stream of rows, then filter, sort, cut and project on our side."""

import heapq
import itertools
import operator
from collections.abc import Callable, Iterator

from .access import NOTHING, SCAN, Access
from .budget import ScanBudget
from .keys import TableKey
from .ordering import sort_key
from .plan import Plan
from .predicates import Predicate

PAGE_SIZE = 5000  # rows


class SelectPlan(Plan):
    """Rows of one table.

    test: a bound predicate, or None.        order: (getter, descending, nulls_first) per sort expression, or None
    merge: the same, when each statement is sorted already.      project: row → output tuple, or None
    distinct: row → what makes it a repetition, or None.     advice: a function for ScanBudget.     low, high: the slice; high None is open.     single: see _newest()
    """

    def run(self, cursor) -> None:
        cursor.give(self.rows(cursor))

    def budget(self, cursor) -> ScanBudget:
        """A budget for one run of this plan."""
        return ScanBudget(cursor.connection.scan_budget, self.key.table, self, self.advice)

    def rows(self, cursor, budget: ScanBudget | None = None) -> Iterator[tuple]:
        budget = budget or self.budget(cursor)
        rows = self._stored(cursor)
        if self.newest is not None:
            rows = self.newest(cursor, rows)
        if self.test is not None:
            rows = _filtered(rows, self.test, budget)
        if self.order:
            rows = _sorted(
                rows, sort_key(self.order), self.high if self.distinct is None else None, budget
            )
        if self.distinct is not None:
            rows = _distinct(rows, self.distinct, budget)
        if self.project is not None:
            rows = map(self.project, rows)
        if self.low:
            rows = _skipped(rows, self.low, budget)
        if self.high is not None:
            rows = itertools.islice(rows, max(self.high - self.low, 0))
        return rows

    def _stored(self, cursor) -> Iterator[tuple]:
        page = PAGE_SIZE if self.limit is None else min(PAGE_SIZE, max(self.limit, 1))
        streams = (
            iter(cursor.send(cql, values, page_size=page)) for cql, values in self.statements
        )
        if self.merge:
            return heapq.merge(*streams, key=sort_key(self.merge))
        return itertools.chain.from_iterable(streams)


class AggregatePlan(Plan):
    """One row of aggregates, folded from the rows of `source`, a SelectPlan."""

    def run(self, cursor) -> None:
        folds = [make() for make in self.folds]
        budget = self.source.budget(cursor)
        for row in self.source.rows(cursor, budget):
            budget.spend()
            for fold in folds:
                fold.step(row)
        cursor.give([tuple(fold.finish() for fold in folds)])


class CountPlan(Plan):
    """COUNT(*) on the server; the sum over the statements. `width` columns all show it."""

    def run(self, cursor) -> None:
        total = sum(cursor.send(cql, values).one()[0] for cql, values in self.statements)
        cursor.give([(total,) * self.width])


class ServerAggregatePlan(Plan):
    """Aggregates that the server computes within one partition, in the order of the output."""

    def run(self, cursor) -> None:
        ((cql, values),) = self.statements
        cursor.give([cursor.send(cql, values).one()])


class EmptyPlan(Plan):
    """No row can match: nothing is sent. `rows` is what the query gives all the same."""

    def run(self, cursor) -> None:
        cursor.give(self.rows)


def select_statements(
    key: TableKey, access: Access, columns, quote, *, order="", limit=None, distinct=False
) -> list:
    """(CQL, values) for each read of the access path."""
    if access.kind == NOTHING:
        return []
    head = f"SELECT {'DISTINCT ' if distinct else ''}{', '.join(map(quote, columns))} FROM {quote(key.table)}"
    tail = (f" ORDER BY {order}" if order else "") + (" LIMIT ?" if limit is not None else "")
    more = [] if limit is None else [limit]
    return [
        (f"{head}{' WHERE ' if where else ''}{where}{tail}", [*values, *more])
        for where, values in access.reads
    ]


def advise(key: TableKey, access: Access, predicate: Predicate) -> str:
    """What would serve the query: an index or a key on the columns that it filters by."""
    columns = predicate.columns
    if access.kind == SCAN:
        wanted = sorted(set(columns) - set(key.columns)) or sorted(set(columns))
        if wanted:
            return f"An index (db_index=True) on {_listed(wanted)}, or a filter on {_listed(key.partition)}, would serve it."
        return f"A filter on {_listed(key.partition)} would serve it."
    wanted = sorted(set(columns) - key.indexed - set(key.columns))
    if wanted:
        return f"An index (db_index=True) on {_listed(wanted)} would serve it."
    return "A key that is clustered by the columns it orders by or compares would serve it."


def _listed(names) -> str:
    return ", ".join(repr(name) for name in names)


def projection(getters: list[Callable], plain: list[int | None]) -> Callable:
    """row → tuple of outputs. `plain` holds the position of each output that is just a column."""
    if None not in plain:
        if len(plain) == 1:
            position = plain[0]
            return lambda row: (row[position],)
        return operator.itemgetter(*plain)
    return lambda row: tuple(get(row) for get in getters)


def _filtered(rows, test, budget):
    for row in rows:
        if test(row) is True:
            yield row
        else:
            budget.spend()


def _sorted(rows, key, high, budget):
    """All rows are gone through before the first one appears; with an upper end only so many are kept."""

    def counted():
        for row in rows:
            budget.spend()
            yield row

    if high is not None:
        yield from heapq.nsmallest(high, counted(), key=key)
    else:
        yield from sorted(counted(), key=key)


def _distinct(rows, identity, budget):
    seen = set()
    for row in rows:
        mark = identity(row)
        if mark in seen:
            budget.spend()
        else:
            seen.add(mark)
            yield row


def _skipped(rows, low, budget):
    for _ in itertools.islice(rows, low):
        budget.spend()
    yield from rows
