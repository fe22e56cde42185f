"""A row whose key changes: the new row is inserted, then the old one deleted.

A crash between the two leaves both. The old row is deleted only if it still is what was
read, so no other writer's change is lost; if it is not, the new row is taken away again."""

from . import conditions
from .dbapi import UNSET, IntegrityError
from .exceptions import WriteContention
from .literals import literal


class Move:
    """One row of `plan`'s table, from the key `old` to the key `new`, with `values` for regular columns.

    `read`: regular columns and values that the decision rests on."""

    def __init__(self, plan, cursor, old: dict, new: dict, values: dict, read: dict):
        self.plan, self.cursor = plan, cursor
        self.old, self.new, self.values, self.read = old, new, values, read

    def run(self) -> bool:
        """False when another writer changed the row meanwhile, and nothing was moved."""
        row = self.plan.read_row(self.cursor, self.old)
        if row is None or any(row[column] != value for column, value in self.read.items()):
            return False
        moved = row | self.values | self.new
        if self.plan.plain:
            self._insert(moved)
            self._delete(self.old, "", [])
            return True
        if not self._insert(moved):
            if self.plan.key.lookup:
                return False  # the same row, on its way by another writer
            place = ", ".join(f"{column} = {literal(value)}" for column, value in self.new.items())
            raise IntegrityError(
                f"duplicate key: {place} exists already in {self.plan.key.table!r}"
            )
        if self._delete(self.old, *self._unchanged(row)):
            return True
        if not self._delete(self.new, *self._unchanged(moved)):
            raise WriteContention(
                f"a row of {self.plan.key.table!r} was changed at its old and at its new key while it moved; "
                "both rows are kept"
            )
        return False

    def _unchanged(self, row: dict) -> tuple[str, list]:
        regular = {column: value for column, value in row.items() if column not in self.old}
        return conditions.from_values(regular, self.plan.quote) or (" IF EXISTS", [])

    def _insert(self, row: dict) -> bool:
        quote, plain = self.plan.quote, self.plan.plain
        text = (
            f"INSERT INTO {quote(self.plan.key.table)} ({', '.join(map(quote, row))}) "
            f"VALUES ({', '.join('?' * len(row))}){'' if plain else ' IF NOT EXISTS'}"
        )
        values = (
            row.values() if plain else (UNSET if value is None else value for value in row.values())
        )
        return bool(self.cursor.send(text, list(values)).was_applied)

    def _delete(self, point: dict, guard: str, values: list) -> bool:
        quote = self.plan.quote
        where = " AND ".join(f"{quote(column)} = ?" for column in point)
        text = f"DELETE FROM {quote(self.plan.key.table)} WHERE {where}{guard}"
        return bool(self.cursor.send(text, [*point.values(), *values]).was_applied)
