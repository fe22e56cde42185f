"""Two rows with one primary key beside a PhysicalKey: a move in progress, or what a crash in one left.

Readers by the primary key take the row that was written last. Writers wait for a move to end first, so that
nobody changes the new row while the old one may still be kept."""

from collections.abc import Callable, Iterator

from .keys import TableKey
from .retry import attempts


class Newest:
    """Passes rows on, of several with the same primary key only the newest. `columns` are those of the rows."""

    def __init__(self, key: TableKey, columns, regular, quote):
        self.key = key
        self.regular = [column for column in regular if column not in key.columns]
        self.quote = quote
        self.pk = columns.index(key.lookup)
        self.where = [columns.index(column) for column in key.columns]

    def __call__(self, cursor, rows: Iterator[tuple]) -> Iterator[tuple]:
        found: dict[object, tuple] = {}
        for row in rows:
            other = found.get(row[self.pk])
            if other is None or self._written(cursor, row) > self._written(cursor, other):
                found[row[self.pk]] = row
        return iter(found.values())

    def _written(self, cursor, row: tuple) -> int:
        """Microseconds since 1970 of the row's last write; 0 when only its key is left."""
        if not self.regular:
            return 0
        times = ", ".join(f"WRITETIME({self.quote(column)})" for column in self.regular)
        where = " AND ".join(f"{self.quote(column)} = ?" for column in self.key.columns)
        text = f"SELECT {times} FROM {self.quote(self.key.table)} WHERE {where}"
        written = cursor.send(text, [row[i] for i in self.where]).one() or ()
        return max((time for time in written if time is not None), default=0)


def settled(read: Callable[[], list[tuple]], newest: Newest, cursor, limit: int) -> list[tuple]:
    """What read() gives once no primary key stands twice in it; after `limit` reads, the newest of each."""
    rows: list[tuple] = []
    for _ in attempts(limit):
        rows = read()
        if len({row[newest.pk] for row in rows}) == len(rows):
            return rows
    return list(newest(cursor, iter(rows)))
