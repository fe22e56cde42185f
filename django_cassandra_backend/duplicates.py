"""Two rows with one primary key beside a PhysicalKey: a row on the move, or what a crash in a move left, where a move is
not one transaction.

Readers by the primary key take the row that was written last; `manage.py cql repair-moves` removes the other. A writer
waits while a row is on the move: what it would write to one of the two could go with it. When nothing has happened to
either for longer than a move can take, it removes the older one and goes on."""

import time
from collections.abc import Callable, Iterator

from .exceptions import WriteContention
from .keys import TableKey
from .retry import pause

MOVE_TIME = 30.0  # seconds: more than the requests of one move take together
_PATIENCE = 2 * MOVE_TIME
_LOOKS = 3  # for a row that is not found


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

    def is_old(self, cursor, row: tuple) -> bool:
        """Was the row last written longer ago than a move takes? Not one that has left meanwhile, or does not tell."""
        written = self._written(cursor, row)
        return written > 0 and time.time() - written / 1_000_000 > MOVE_TIME

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


def found_for_sure(read: Callable[[], list[tuple]]) -> list[tuple]:
    """What read() gives, asked again when that is nothing: a look-up goes through an index partition by partition, and may
    pass by the new place of a row before it is there, and by the old one after it has left."""
    for _ in range(_LOOKS - 1):
        if rows := read():
            return rows
    return read()


def at_rest(
    read: Callable[[], list[tuple]], newest: Newest, cursor, remove: Callable[[tuple], None]
) -> list[tuple]:
    """What read() gives when no row is on the move. remove(row) deletes one that a crash left, if it still is as it was."""
    began, number = time.monotonic(), 0
    while time.monotonic() - began < _PATIENCE:
        rows = found_for_sure(read)
        kept = list(newest(cursor, iter(rows)))
        if len(kept) == len(rows):
            return rows
        twins = [row for row in rows if row not in kept]
        moving = {row[newest.pk] for row in twins}
        if all(newest.is_old(cursor, row) for row in kept if row[newest.pk] in moving):
            for row in twins:
                remove(row)
        else:
            pause(number)
            number += 1
    raise WriteContention(f"a row of {newest.key.table!r} is on the move all the time")
