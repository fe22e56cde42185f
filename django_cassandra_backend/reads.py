"""Reading: statements into a stream of rows, then filter, sort, cut and project on our side."""

import heapq
import itertools
import operator
from collections.abc import Callable, Iterator

from .access import CLAIMS, NOTHING, POINTS, Access
from .budget import ScanBudget
from .duplicates import found_for_sure
from .hashing import hashable
from .keys import TableKey
from .ordering import order_key, sort_key
from .plan import Plan
from .uniques import owner_columns, owner_names

SMALL_PAGE = 500  # rows; where reading may end early

# Statements that are sent side by side: few at first, since the caller may want the first rows alone.
FIRST_READS = 16
MOST_POINTS = 128  # each gives a row or none
MOST_SLICES = 8  # each gives a page of rows


class SelectPlan(Plan):
    """Rows of one table.

    key, access: where they come from.      test: a bound predicate, or None.
    tests: a bound predicate for each statement, or None.
    order: (getter, descending, nulls_first) per sort expression, or None where the rows come in order.
    presorted: how many of them the rows are sorted by already.
    merge: the same for the order that the rows of each statement have, when there are several.
    distinct: row → what makes it a repetition, or None.      project: row → output tuple, or None.
    low, high: the slice; high None is open.      limit: the statements' LIMIT, or None.
    nearest: the column whose index on vectors gives the rows, or None.
    newest: takes the newest of rows with one pk, or None.      advice: a function for ScanBudget.
    columns: the CQL of what is read, where claims tell which rows.
    at_once: how many statements go side by side at first.      page: rows, where all of a page is not wanted, or None.
    """

    tests = None
    presorted = 0
    nearest = None
    at_once = FIRST_READS
    page = None

    def run(self, cursor) -> None:
        cursor.give(self.rows(cursor))

    def logged(self, executed) -> str:
        """The statements are sent as the rows are taken, most of them after execute() has returned."""
        return super().logged(executed if len(executed) >= len(self.statements) else [])

    def budget(self, cursor) -> ScanBudget:
        """A budget for one run of this plan."""
        return ScanBudget(cursor.connection.scan_budget, self.key.table, self, self.advice)

    def rows(self, cursor, budget: ScanBudget | None = None) -> Iterator[tuple]:
        budget = budget or self.budget(cursor)
        rows = self._stored(cursor, budget) if self.newest is None else self._newest(cursor, budget)
        if self.test is not None:
            rows = _filtered(rows, self.test, budget)
        if self.order:
            rows = self._sorted(rows, budget)
        if self.distinct is not None:
            rows = _distinct(rows, self.distinct, budget)
        if self.project is not None:
            rows = map(self.project, rows)
        if self.low:
            rows = _skipped(rows, self.low, budget)
        if self.high is not None:
            rows = itertools.islice(rows, max(self.high - self.low, 0))
        return rows

    def _newest(self, cursor, budget) -> Iterator[tuple]:
        """The rows of a look-up. Where a move is no transaction one that is not found is looked up again."""

        def read():
            return self.newest(cursor, self._stored(cursor, budget))

        if cursor.connection.settings.chains:
            return read()
        return iter(found_for_sure(lambda: list(read())))

    def _sorted(self, rows, budget):
        if self.presorted:
            before, after = self.order[: self.presorted], self.order[self.presorted :]
            hold = budget.hold if self.counts_sorting else lambda count: None
            return _sorted_groups(rows, sort_key(before), sort_key(after), hold)
        high = self.high if self.distinct is None else None
        if not self.counts_sorting:
            return _least(rows, sort_key(self.order), high)
        return _least(_counted(rows, budget), sort_key(self.order), high)

    @property
    def counts_sorting(self) -> bool:
        """Do sorted rows count against the budget? Not those that the caller named key by key."""
        return bool(self.order) and self.access.kind not in (POINTS, CLAIMS)

    def _stored(self, cursor, budget) -> Iterator[tuple]:
        page = self._page_size(cursor.connection.settings.page_size)
        statements, kind = self.statements, self.access.kind
        if kind == CLAIMS:
            statements = claimed(cursor, self.key, statements, self.columns, self.quote)
            kind = POINTS
        results = side_by_side(
            cursor, statements, kind, page_size=page, wanted=self.high, first=self.at_once
        )
        streams = map(iter, results)
        if self.tests is not None:
            streams = (
                _filtered(rows, test, budget)
                for rows, test in zip(streams, self.tests, strict=True)
            )
        if self.merge:
            return heapq.merge(*streams, key=sort_key(self.merge))
        return itertools.chain.from_iterable(streams)

    def _page_size(self, most: int) -> int:
        if self.page is not None:
            return min(most, self.page)
        if self.limit is not None:
            return min(most, max(self.limit, 1))
        in_order = not self.order or self.presorted
        if self.high is not None and in_order and self.access.pinned:
            return min(most, max(self.high, SMALL_PAGE))
        return most


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


class ServerAggregatePlan(Plan):
    """Aggregates that the server computes, one row from each statement; `merges` makes one value of those of a column."""

    def run(self, cursor) -> None:
        rows = [cursor.send(cql, values).one() for cql, values in self.statements]
        columns = zip(*rows, strict=True)
        cursor.give([tuple(merge(c) for merge, c in zip(self.merges, columns, strict=True))])


class EmptyPlan(Plan):
    """No row can match: nothing is sent. `rows` is what the query gives all the same."""

    def run(self, cursor) -> None:
        cursor.give(self.rows)


def least(values) -> object:
    """The least of the minimums of several partitions; those without rows have None."""
    return min((v for v in values if v is not None), key=order_key, default=None)


def greatest(values) -> object:
    """The greatest of the maximums of several partitions; those without rows have None."""
    return max((v for v in values if v is not None), key=order_key, default=None)


def column_list(columns, quote) -> str:
    """As CQL."""
    return ", ".join(map(quote, columns))


def select_statements(
    key: TableKey,
    access: Access,
    columns: str,
    quote,
    *,
    order="",
    order_values=(),
    limit=None,
    distinct=False,
) -> list:
    """(CQL, values) for each read of the access path. `columns` and `order` are CQL."""
    if access.kind == NOTHING:
        return []
    if access.kind == CLAIMS:
        names, table = column_list(owner_names(key), quote), quote(access.claims)
        return [(f"SELECT {names} FROM {table} WHERE {where}", v) for where, v in access.reads]
    head = f"SELECT {'DISTINCT ' if distinct else ''}{columns} FROM {quote(key.table)}"
    tail = (f" ORDER BY {order}" if order else "") + (" LIMIT ?" if limit is not None else "")
    more = [*order_values] if limit is None else [*order_values, limit]
    return [
        (f"{head}{' WHERE ' if where else ''}{where}{tail}", [*values, *more])
        for where, values in access.reads
    ]


def claimed(cursor, key: TableKey, claims, columns: str, quote) -> list:
    """(CQL, values) for the rows that claims belong to. `claims`: what select_statements() gave for them."""
    owners = {row: None for result in side_by_side(cursor, claims, POINTS) for row in result}
    where = " AND ".join(f"{quote(column)} = ?" for column in owner_columns(key))
    text = f"SELECT {columns} FROM {quote(key.table)} WHERE {where}"
    return [(text, list(owner)) for owner in owners]


def projection(getters: list[Callable], plain: list[int | None]) -> Callable:
    """row → tuple of outputs. `plain` holds the position of each output that is just a column."""
    if None not in plain:
        if len(plain) == 1:
            position = plain[0]
            return lambda row: (row[position],)
        return operator.itemgetter(*plain)
    return lambda row: tuple(get(row) for get in getters)


def side_by_side(
    cursor, statements, kind: str, *, page_size=None, wanted=None, first=FIRST_READS
) -> Iterator:
    """One result for each of the reads of an access of this kind, in their order. `wanted`: how many rows, at most;
    `first`: how many statements go at first."""
    most = MOST_POINTS if kind == POINTS else MOST_SLICES
    count = min(first, most, wanted or most)
    for text, same in itertools.groupby(statements, key=operator.itemgetter(0)):
        values = [v for _, v in same]
        at = 0
        while at < len(values):
            yield from cursor.send_reads(text, values[at : at + count], page_size=page_size)
            at += count
            count = min(2 * count, most)


def _filtered(rows, test, budget):
    for row in rows:
        if test(row) is True:
            yield row
        else:
            budget.spend()


def _counted(rows, budget):
    for row in rows:
        budget.spend()
        yield row


def _least(rows, key, high):
    """All rows are gone through before the first one appears; with an upper end only so many are kept."""
    if high is not None:
        yield from heapq.nsmallest(high, rows, key=key)
    else:
        yield from sorted(rows, key=key)


def _sorted_groups(rows, group, key, hold):
    """Rows that come sorted by `group`, sorted by `key` within each. Only the rows of one group wait at a time;
    hold() is told how many."""
    waiting: list[tuple] = []
    current = None
    for row in rows:
        mark = group(row)
        if waiting and mark != current:
            yield from sorted(waiting, key=key)
            waiting.clear()
        waiting.append(row)
        current = mark
        hold(len(waiting) - 1)
    yield from sorted(waiting, key=key)


def _distinct(rows, identity, budget):
    seen = set()
    for row in rows:
        mark = hashable(identity(row))
        if mark in seen:
            budget.spend()
        else:
            seen.add(mark)
            yield row


def _skipped(rows, low, budget):
    for _ in itertools.islice(rows, low):
        budget.spend()
    yield from rows
