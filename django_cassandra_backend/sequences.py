"""Ids for AutoField: ranges of numbers that a lightweight transaction reserves, one counter per table.

    CREATE TABLE django_sequences (name text PRIMARY KEY, next bigint)

`next` is the smallest id that nobody has. Ids are unique and small; a reserved one may stay unused. What a process
saw last is remembered, so that reserving takes one statement while nobody else reserves; a wrong memory is
corrected by the answer to that statement."""

import weakref

from .dbapi import InvalidRequest
from .exceptions import WriteContention

TABLE = "django_sequences"
CREATE = f'CREATE TABLE IF NOT EXISTS "{TABLE}" (name text PRIMARY KEY, next bigint)'
_READ = f'SELECT next FROM "{TABLE}" WHERE name = ?'
_BEGIN = f'INSERT INTO "{TABLE}" (name, next) VALUES (?, ?) IF NOT EXISTS'
_MOVE = f'UPDATE "{TABLE}" SET next = ? WHERE name = ? IF next = ?'
RESET = f'DELETE FROM "{TABLE}" WHERE name = ? IF EXISTS'
MAX_ID = 2**63 - 1

_remembered: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # session: {table: next}


class Counter:
    """The counter of one table, as far as this process knows it. `next`: None when it has not begun."""

    def __init__(self, cursor, name: str):
        self._cursor, self._name = cursor, name
        self._memory = _remembered.setdefault(cursor.connection.session, {})
        self.next: int | None = self._memory[name] if name in self._memory else self._read()

    @property
    def first(self) -> int:
        """The smallest id to give."""
        return 1 if self.next is None else self.next

    def move(self, after: int) -> tuple[str, list]:
        """The statement that makes `after` the next id, if the counter is where it is thought to be."""
        if self.next is None:
            return _BEGIN, [self._name, after]
        return _MOVE, [after, self._name, self.next]

    def moved(self, after: int) -> None:
        """A statement of move() was applied."""
        self.next = self._memory[self._name] = after

    def learn(self, result) -> None:
        """Take the value that the answer to a refused statement of move() gives."""
        found = dict(zip(result.column_names, result.one(), strict=True))
        self.next = self._memory[self._name] = found.get("next")

    def _read(self) -> int | None:
        try:
            row = self._cursor.send(_READ, [self._name]).one()
        except InvalidRequest:  # the first use in this keyspace
            self._cursor.send(CREATE)
            row = self._cursor.send(_READ, [self._name]).one()
        return None if row is None else row[0]


def reserve(cursor, name: str, count: int) -> int:
    """The first of `count` ids that are now the caller's."""
    return _advance(cursor, name, lambda first: (first, first + count))


def move_past(cursor, name: str, taken: int) -> None:
    """Make sure that no id up to `taken`, which a caller chose, is given out later."""
    if 0 < taken < MAX_ID:
        _advance(cursor, name, lambda first: (first, max(first, taken + 1)))


def _advance(cursor, name, change) -> int:
    counter = Counter(cursor, name)
    with cursor.connection.attempts() as attempts:
        for _ in attempts:
            first, after = change(counter.first)
            result = cursor.send(*counter.move(after))
            if result.was_applied:
                counter.moved(after)
                return first
            counter.learn(result)
    raise contention(name)


def contention(name: str) -> WriteContention:
    """The error for a counter that was never where it was thought to be."""
    return WriteContention(f"no ids could be reserved for {name!r}: too many writers at once")


def reset_statements(names) -> list[tuple[str, list]]:
    """What makes the counters of these tables begin anew."""
    return [(RESET, [name]) for name in names]
