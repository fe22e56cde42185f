"""Ids for AutoField: ranges of numbers that a lightweight transaction reserves, one counter per table.

    CREATE TABLE django_sequences (name text PRIMARY KEY, next bigint)

`next` is the smallest id that nobody has. Ids are unique and small; a reserved one may stay unused. What a process
saw last is remembered, so that reserving takes one statement while nobody else reserves; a wrong memory is
corrected by the answer to that statement. On a cluster, where that statement is dear, a process reserves
OPTIONS["id_block"] ids at once and gives them one by one; ids of several processes are then not in the order of time."""

import os
import threading
import weakref

from . import outcomes
from .dbapi import InvalidRequest, OperationalError
from .exceptions import WriteContention

TABLE = "django_sequences"
CREATE = f'CREATE TABLE IF NOT EXISTS "{TABLE}" (name text PRIMARY KEY, next bigint)'
_READ = f'SELECT next FROM "{TABLE}" WHERE name = ?'
READ_NAMES = f'SELECT name FROM "{TABLE}"'
_BEGIN = f'INSERT INTO "{TABLE}" (name, next) VALUES (?, ?) IF NOT EXISTS'
_MOVE = f'UPDATE "{TABLE}" SET next = ? WHERE name = ? IF next = ?'
RESET = f'DELETE FROM "{TABLE}" WHERE name = ? IF EXISTS'
MAX_ID = 2**63 - 1

#: All data centres count together: ids are unique in the cluster.
SERIAL = {"serial_consistency": "SERIAL"}

_remembered: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # session: {table: next}
_blocks: "weakref.WeakKeyDictionary" = (
    weakref.WeakKeyDictionary()
)  # session: {table: range of ids to give}
_lock = threading.Lock()  # of _blocks


def _forget_blocks() -> None:
    """In a forked child: the ids that its parent has reserved are its parent's."""
    global _lock
    _lock = threading.Lock()
    _blocks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_blocks)


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

    def read_again(self) -> None:
        """Take the value as it is after the last writer of all, a half-done one included."""
        row = self._cursor.send(_READ, [self._name], consistency="SERIAL").one()
        self.next = self._memory[self._name] = None if row is None else row[0]


def reserve(cursor, name: str, count: int) -> int:
    """The first of `count` ids that are now the caller's."""
    block = cursor.connection.settings.id_block
    if count > 1 or block == 1:
        return _advance(cursor, name, lambda first: (first, first + count))
    blocks = _blocks.setdefault(cursor.connection.session, {})
    with _lock:
        left = blocks.get(name)
        if left:
            blocks[name] = left[1:]
            return left[0]
    first = _advance(cursor, name, lambda first: (first, first + block))
    with _lock:  # what another thread has reserved meanwhile stays unused
        blocks[name] = range(first + 1, first + block)
    return first


def move_past(cursor, name: str, taken: int) -> None:
    """Make sure that no id up to `taken`, which a caller chose, is given out later. Ids go on behind it."""
    if not 0 < taken < MAX_ID:
        return
    with _lock:
        blocks = _blocks.get(cursor.connection.session, {})
        if taken >= blocks.get(name, range(0)).start:
            blocks.pop(name, None)
    if not cursor.connection.settings.chains and Counter(cursor, name).first > taken:
        return  # it is there already, which saves a lightweight transaction
    _advance(cursor, name, lambda first: (first, max(first, taken + 1)))


def forget(cursor, name: str) -> None:
    """The next id comes from the counter itself, which begins anew."""
    with _lock:
        _blocks.get(cursor.connection.session, {}).pop(name, None)
    _remembered.get(cursor.connection.session, {}).pop(name, None)


def _advance(cursor, name, change) -> int:
    counter = Counter(cursor, name)
    with cursor.connection.attempts() as attempts:
        for _ in attempts:
            first, after = change(counter.first)
            try:
                result = cursor.send(*counter.move(after), **SERIAL)
            except OperationalError as error:
                if not outcomes.is_unknown(error):
                    raise
                outcomes.patiently(counter.read_again)  # if it was applied, these ids stay unused
                continue
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
