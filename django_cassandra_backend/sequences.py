"""Ids for AutoField: ranges of numbers that a lightweight transaction reserves, one counter per table.

    CREATE TABLE django_sequences (name text PRIMARY KEY, next bigint)

`next` is the smallest id that nobody has. Ids are unique and small; a reserved one may stay unused."""

from .dbapi import InvalidRequest
from .exceptions import WriteContention
from .retry import attempts

TABLE = "django_sequences"
CREATE = f'CREATE TABLE IF NOT EXISTS "{TABLE}" (name text PRIMARY KEY, next bigint)'
_READ = f'SELECT next FROM "{TABLE}" WHERE name = ?'
_BEGIN = f'INSERT INTO "{TABLE}" (name, next) VALUES (?, ?) IF NOT EXISTS'
_MOVE = f'UPDATE "{TABLE}" SET next = ? WHERE name = ? IF next = ?'
RESET = f'DELETE FROM "{TABLE}" WHERE name = ? IF EXISTS'
MAX_ID = 2**63 - 1


def reserve(cursor, name: str, count: int) -> int:
    """The first of `count` ids that are now the caller's."""
    return _advance(cursor, name, lambda next_id: (next_id, next_id + count))


def move_past(cursor, name: str, taken: int) -> None:
    """Make sure that no id up to `taken`, which a caller chose, is given out later."""
    if 0 < taken < MAX_ID:
        _advance(cursor, name, lambda next_id: (next_id, max(next_id, taken + 1)))


def _advance(cursor, name, change) -> int:
    for _ in attempts(cursor.connection.settings.write_attempts):
        current = _current(cursor, name)
        first, after = change(1 if current is None else current)
        if after == current:
            return first
        if current is None:
            done = cursor.send(_BEGIN, [name, after]).was_applied
        else:
            done = cursor.send(_MOVE, [after, name, current]).was_applied
        if done:
            return first
    raise WriteContention(f"no ids could be reserved for {name!r}: too many writers at once")


def _current(cursor, name) -> int | None:
    try:
        row = cursor.send(_READ, [name]).one()
    except InvalidRequest:  # the first use in this keyspace
        cursor.send(CREATE)
        row = cursor.send(_READ, [name]).one()
    return None if row is None else row[0]


def reset_statements(names) -> list[tuple[str, list]]:
    """What makes the counters of these tables begin anew."""
    return [(RESET, [name]) for name in names]
