"""Two rows with one primary key beside a PhysicalKey: what a crash in a move left, where a move is not one transaction.

Readers and writers by the primary key take the row that was written last; `manage.py cql repair-moves` removes the other."""

from collections.abc import Callable, Iterator

from .keys import TableKey


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


def settled(read: Callable[[], list[tuple]], newest: Newest, cursor) -> list[tuple]:
    """What read() gives, of two rows with one primary key the newer."""
    rows = read()
    if len({row[newest.pk] for row in rows}) == len(rows):
        return rows
    return list(newest(cursor, iter(rows)))
