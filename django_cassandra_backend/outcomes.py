"""Conditional writes of which the answer was lost: they may have been applied or not.

Sending one again is wrong as long as that is not known, and taking its refusal then for somebody else's row is worse.
So the row is read first, at the serial level, which brings a half-done write to its end. What the row does not tell
either is an OutcomeUnknown."""

from collections.abc import Callable

from .access import POINTS, Access
from .dbapi import OperationalError
from .exceptions import OutcomeUnknown
from .keys import TableKey
from .reads import column_list, select_statements
from .retry import pause

#: Codes of errors after which a write may have happened all the same. Others were given before it could.
UNKNOWN_CODES = frozenset(
    [
        "CAS_UNKNOWN",
        "WRITE_TIMEOUT",
        "WRITE_FAILURE",
        "READ_TIMEOUT",  # of the row, before or after another's half-done write was finished
        "READ_FAILURE",
        "SERVER",
        "TIMEOUT",
        "CONNECTION",
    ]
)
TRIES = 3  # of one write, or of one look at its row, whose answer is lost again and again
PATIENCE = 4  # a pause as after so many tries among competitors: some milliseconds, then more

#: Was it applied? None: the row does not tell.
Probe = Callable[[], bool | None]


class Applied:
    """The answer to a write that is known to have been applied, in the place of a libcql result."""

    was_applied = True
    column_names = ("[applied]",)

    def one(self) -> tuple:
        return (True,)


APPLIED = Applied()


def is_unknown(error: BaseException) -> bool:
    """May the write that ended with this error have been applied?"""
    return isinstance(error, OperationalError) and getattr(error, "code", None) in UNKNOWN_CODES


def send(cursor, cql: str, values: list, probe: Probe, options: dict | None = None):
    """Send one conditional write. What is not known of it is asked of its row."""
    for _ in range(TRIES):
        try:
            return cursor.send(cql, values, **(options or {}))
        except OperationalError as error:
            if not is_unknown(error):
                raise
            if settled(error, probe):
                return APPLIED
            last = error
    raise last  # it was not applied: the row said so


def settled(error: OperationalError, probe: Probe) -> bool:
    """Was the write applied that ended with this error? OutcomeUnknown when nobody knows."""
    try:
        known = patiently(probe)
    except OperationalError as second:
        raise OutcomeUnknown(_TEXT.format(f"{error}; then: {second}")) from error
    if known is None:
        raise OutcomeUnknown(_TEXT.format(error)) from error
    return known


def patiently(read: Callable):
    """What a serial read gives. Among many writers it meets the same trouble as a write; but to read again does no harm."""
    for number in range(TRIES):
        try:
            return read()
        except OperationalError as error:
            if not is_unknown(error) or number == TRIES - 1:
                raise
        pause(number + PATIENCE)


_TEXT = "It is not known whether a conditional write was applied: {}"


def serial_row(cursor, key: TableKey, columns, point, quote) -> dict | None:
    """The row at a key as the last conditional write left it, none of them half done."""
    where = " AND ".join(f"{quote(column)} = ?" for column in key.columns)
    access = Access(POINTS, [(where, list(point))], [])
    ((text, values),) = select_statements(key, access, column_list(columns, quote), quote)
    level = cursor.connection.settings.serial_consistency
    row = cursor.send(text, values, consistency=level).one()
    return None if row is None else dict(zip(columns, row, strict=True))
