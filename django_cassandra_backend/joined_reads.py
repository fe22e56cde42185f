"""Reading tables as one: rows of the first, and for a batch of them at a time the rows of the second side by side. Of
more than two, the first ones are read so as the first.

The number of waves grows with the batches, never with the rows. Memory is bounded by a batch, what it finds, and what a
sort holds."""

import itertools
from collections.abc import Iterator

from .budget import ScanBudget
from .hashing import hashable
from .plan import Plan
from .reads import MOST_POINTS, SelectPlan

#: Rows of the looked-up table that are kept for the next batches: many articles have the same few tags.
MOST_KNOWN = 10_000


class JoinedPlan(SelectPlan):
    """Rows of `source` with those of another table, joined by one column.

    source: a SelectPlan; at: where the joined value stands in its rows.
    look_up: values → SelectPlan for the rows of the other table; found_at: where the value stands in those.
    nulls: a row of the other table for rows without one, or None: then they are left out.
    steps: the tables that were looked up so far, this one the last.      few: how many rows are enough, or None.
    tested: columns, as (alias, column), that the test compares.
    `key` and `access` are those of the first table. `rows()` does the rest as for one, over the joined rows."""

    def logged(self, executed) -> str:
        return Plan.logged(self, executed)

    def _stored(self, cursor, budget) -> Iterator[tuple]:
        rows = self.source.rows(cursor, budget)
        known: dict[object, list[tuple]] = {}
        kept, count = 0, self._first_batch()
        while batch := list(itertools.islice(rows, count)):
            if kept > MOST_KNOWN:
                known.clear()
                kept = 0
            kept += self._find(cursor, budget, batch, known)
            for row in batch:
                yield from self._joined(row, known, budget)
            count = min(2 * count, MOST_POINTS)

    @property
    def counts_sorting(self) -> bool:
        """Of rows that were named key by key, those that a step finds many of for one of them."""
        many = any(not step.table.finds_one(step.column.name) for step in self.steps)
        return bool(self.order) and (many or super().counts_sorting)

    def _first_batch(self) -> int:
        """As many rows as are wanted, where they come one by one: most rows have a partner."""
        return MOST_POINTS if self.few is None else max(min(self.few, MOST_POINTS), 1)

    def _find(self, cursor, budget: ScanBudget, batch: list[tuple], known: dict) -> int:
        """Look up what is not known of a batch; how many rows that gives."""
        values = (row[self.at] for row in batch)
        wanted = {hashable(value): value for value in values if value is not None}
        missing = {mark: value for mark, value in wanted.items() if mark not in known}
        if not missing:
            return 0
        known |= {mark: [] for mark in missing}
        count = 0
        for found in self.look_up(list(missing.values())).rows(cursor, budget):
            known[hashable(found[self.found_at])].append(found)
            count += 1
        return count

    def _joined(self, row: tuple, known: dict, budget: ScanBudget) -> Iterator[tuple]:
        value = row[self.at]
        found = () if value is None else known[hashable(value)]
        for other in found:
            yield row + other
        if found:
            return
        if self.nulls is not None:
            yield row + self.nulls
        else:
            budget.spend()
