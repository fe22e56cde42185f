"""A row whose key changes: the new row is inserted and the old one deleted, in one transaction of a file.

The old row is deleted only if it still is what was read, so no other writer's change is lost. On a cluster the new
row is there first, for a moment beside the old one; if that was changed meanwhile, the new one is taken back. What a
crash leaves in between, a row under both keys, is what `duplicates.py` is about."""

import time

from . import conditions, outcomes
from .dbapi import UNSET, IntegrityError
from .duplicates import MOVE_TIME
from .exceptions import OutcomeUnknown
from .literals import literal
from .timestamps import next_timestamp


class Handover:
    """What has to happen while a row stands under both of its keys, on a cluster. Here: nothing."""

    def over(self) -> bool:
        """Done? If not, the row stays where it was."""
        return True

    def back(self) -> None:
        """The row stays where it was after all, and will not be under its new key any more."""


class Move:
    """One row of `plan`'s table, from the key `old` to the key `new`, with `values` for regular columns.

    `read`: regular columns and values that the decision rests on."""

    def __init__(self, plan, cursor, old: dict, new: dict, values: dict, read: dict):
        self.plan, self.cursor = plan, cursor
        self.old, self.new, self.values, self.read = old, new, values, read

    def run(self, handover: Handover | None = None) -> bool:
        """False when another writer changed the row meanwhile, and nothing was moved."""
        statements = self.statements()
        if statements is None:
            return False
        if self.cursor.connection.settings.chains:
            results = self.cursor.send_chain(statements)
            return results[-1].was_applied or (len(results) == 1 and self.met_another())
        if self.plan.plain:
            self.cursor.send_batch(statements, type="logged", timestamp=next_timestamp())
            return True
        return self._one_by_one(handover or Handover(), *statements)

    def statements(self) -> list[tuple[str, list]] | None:
        """The INSERT and the DELETE; None when another writer changed the row meanwhile."""
        row = self.plan.read_row(self.cursor, self.old)
        if row is None or any(row[column] != value for column, value in self.read.items()):
            return None
        self.moved = row | self.values | self.new
        guard = ("", []) if self.plan.plain else self._unchanged(row)
        return [self._insert(self.moved), self._delete(self.old, *guard)]

    def met_another(self) -> bool:
        """The new key is taken: by the same row, if another writer moved it, or else by another row."""
        if self.plan.key.lookup:
            return False
        place = ", ".join(f"{column} = {literal(value)}" for column, value in self.new.items())
        raise IntegrityError(f"duplicate key: {place} exists already in {self.plan.key.table!r}")

    def _one_by_one(self, handover: Handover, insert: tuple, delete: tuple) -> bool:
        """The delete decides: of those who move or change the old row, one comes first. The others take back what they
        have inserted, which nobody has written to meanwhile who looked the row up: writers wait while there are two."""
        began = time.monotonic()
        new = self.moved
        if not outcomes.send(self.cursor, *insert, lambda: self._stands(new)).was_applied:
            return self.met_another()
        is_over = handover.over()
        if is_over and outcomes.send(self.cursor, *delete, self._is_gone).was_applied:
            return True
        if time.monotonic() - began > MOVE_TIME / 2:
            raise OutcomeUnknown(
                f"A move in {self.plan.key.table!r} took too long: others may have ended it. If the row stands under two "
                "keys now, the next writer, or `manage.py cql repair-moves`, removes the older."
            )
        if is_over:
            handover.back()
        self.cursor.send(*self._delete(self.new, " IF EXISTS", []))
        return False

    def _stands(self, new: dict) -> bool | None:
        """Is the new row there, when the answer to its INSERT was lost? The primary key beside a PhysicalKey is in it."""
        found = self._serial_row(self.new)
        if found is None:
            return False
        return True if self.plan.key.lookup and found == {c: new[c] for c in found} else None

    def _is_gone(self) -> bool | None:
        """Was the old row deleted by us, when the answer to that was lost? Not if another has moved it elsewhere."""
        if self._serial_row(self.old) is not None:
            return False
        key, quote = self.plan.key, self.plan.quote
        if key.lookup is None:
            return True
        text = f"SELECT {quote(key.lookup)} FROM {quote(key.table)} WHERE {quote(key.lookup)} = ?"
        return True if len(self.cursor.send(text, [self.new[key.lookup]]).all()) == 1 else None

    def _serial_row(self, point: dict) -> dict | None:
        plan = self.plan
        return outcomes.serial_row(self.cursor, plan.key, plan.columns, point.values(), plan.quote)

    def _unchanged(self, row: dict) -> tuple[str, list]:
        regular = {column: value for column, value in row.items() if column not in self.old}
        return conditions.from_values(regular, self.plan.quote) or (" IF EXISTS", [])

    def _insert(self, row: dict) -> tuple[str, list]:
        quote, plain = self.plan.quote, self.plan.plain
        text = (
            f"INSERT INTO {quote(self.plan.key.table)} ({', '.join(map(quote, row))}) "
            f"VALUES ({', '.join('?' * len(row))}){'' if plain else ' IF NOT EXISTS'}"
        )
        values = (
            row.values() if plain else (UNSET if value is None else value for value in row.values())
        )
        return text, list(values)

    def _delete(self, point: dict, guard: str, values: list) -> tuple[str, list]:
        quote = self.plan.quote
        where = " AND ".join(f"{quote(column)} = ?" for column in point)
        text = f"DELETE FROM {quote(self.plan.key.table)} WHERE {where}{guard}"
        return text, [*point.values(), *values]
