"""Values that Python has no type for: Duration, Time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .unset import UNSET, UnsetType

__all__ = ["UNSET", "Duration", "Time", "UnsetType"]

NANOSECONDS_PER_SECOND: Final = 1_000_000_000
NANOSECONDS_PER_DAY: Final = 86_400 * NANOSECONDS_PER_SECOND
INT32_MAX: Final = 2**31 - 1
INT64_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Duration:
    """A CQL duration: months, days and nanoseconds, none of which can be turned into another.

    All three are integers and carry the same sign, or are zero. Durations have no order: whether
    a month is longer than 30 days depends on the month.

    >>> str(Duration(14, 3, 90_000_000_000))
    '1y2mo3d1m30s'
    """

    months: int = 0
    days: int = 0
    nanoseconds: int = 0

    def __post_init__(self) -> None:
        parts = (self.months, self.days, self.nanoseconds)
        for value, limit in zip(parts, (INT32_MAX, INT32_MAX, INT64_MAX), strict=True):
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError("months, days and nanoseconds of a Duration are integers")
            if abs(value) > limit:
                raise ValueError(f"{value} is too large for a part of a Duration")
        if min(parts) < 0 < max(parts):
            raise ValueError("the parts of a Duration carry the same sign")

    def __str__(self) -> str:
        """Return the CQL literal, as Cassandra prints it."""
        text = "-" if min(self.months, self.days, self.nanoseconds) < 0 else ""
        months, days, rest = abs(self.months), abs(self.days), abs(self.nanoseconds)
        units = [("y", months // 12), ("mo", months % 12), ("d", days)]
        for unit, size in (("h", 3600 * 10**9), ("m", 60 * 10**9), ("s", 10**9)):
            units.append((unit, rest // size))
            rest %= size
        units += [("ms", rest // 10**6), ("us", rest // 10**3 % 10**3), ("ns", rest % 10**3)]
        return text + "".join(f"{n}{unit}" for unit, n in units if n)


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """A time of day to the nanosecond, for values of the CQL type ``time`` that ``datetime.time`` cannot hold.

    A ``time`` column gives a ``datetime.time`` when the value is a whole number of microseconds,
    and a ``Time`` when it is not, so that nothing is cut off unseen. Both are accepted as values.

    >>> str(Time(34_200_000_000_001))
    '09:30:00.000000001'
    """

    nanoseconds: int  #: since midnight

    def __post_init__(self) -> None:
        if not isinstance(self.nanoseconds, int) or isinstance(self.nanoseconds, bool):
            raise TypeError("the nanoseconds of a Time are an integer")
        if not 0 <= self.nanoseconds < NANOSECONDS_PER_DAY:
            raise ValueError(f"{self.nanoseconds} nanoseconds are not within one day")

    @property
    def hour(self) -> int:
        return self.nanoseconds // (3600 * NANOSECONDS_PER_SECOND)

    @property
    def minute(self) -> int:
        return self.nanoseconds // (60 * NANOSECONDS_PER_SECOND) % 60

    @property
    def second(self) -> int:
        return self.nanoseconds // NANOSECONDS_PER_SECOND % 60

    @property
    def nanosecond(self) -> int:
        """The part below the second, 0 to 999,999,999."""
        return self.nanoseconds % NANOSECONDS_PER_SECOND

    def __str__(self) -> str:
        return f"{self.hour:02}:{self.minute:02}:{self.second:02}.{self.nanosecond:09}"
