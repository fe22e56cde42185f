"""A row whose key changes: the new row is inserted and the old one deleted, in one transaction of the file.

The old row is deleted only if it still is what was read, so no other writer's change is lost."""

from . import conditions
from .dbapi import UNSET, IntegrityError
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
        guard = ("", []) if self.plan.plain else self._unchanged(row)
        chain = [self._insert(row | self.values | self.new), self._delete(self.old, *guard)]
        results = self.cursor.send_chain(chain)
        if results[-1].was_applied:
            return True
        if (
            len(results) == 1 and not self.plan.key.lookup
        ):  # else the same row, moved by another writer
            place = ", ".join(f"{column} = {literal(value)}" for column, value in self.new.items())
            raise IntegrityError(
                f"duplicate key: {place} exists already in {self.plan.key.table!r}"
            )
        return False

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
