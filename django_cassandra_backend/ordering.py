"""One order for values, on both sides: what Python sorts agrees with Cassandra's clustering order."""

import array
import functools
import ipaddress
import math
import uuid


def order_key(value: object) -> object:
    """A key that sorts values of one column as Cassandra's comparator of its type does (not null)."""
    if isinstance(value, uuid.UUID):
        # UUIDType: the version first, then the time of version 1, then unsigned bytes.
        return (value.version or 0, value.time if value.version == 1 else 0, value.bytes)
    if isinstance(value, float):
        return _NAN if math.isnan(value) else value
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return value.packed
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(
        value, dict
    ):  # a map, sorted by its keys, or a user type, in the order of its fields
        return [(_part(k), _part(v)) for k, v in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_part, value))
    if isinstance(value, (list, tuple, array.array)):
        return list(map(_part, value))
    return value


def _part(value: object) -> tuple:
    """A value inside of another, where null comes first."""
    return (0,) if value is None else (1, order_key(value))


@functools.total_ordering
class _Greatest:
    """Greater than every number, as NaN is for Cassandra."""

    def __eq__(self, other: object) -> bool:
        return self is other

    def __lt__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


_NAN = _Greatest()


@functools.total_ordering
class _Descending:
    """Turns an order around, so that mixed directions sort in one pass."""

    __slots__ = ("key",)

    def __init__(self, key: object):
        self.key = key

    def __eq__(self, other: object) -> bool:
        return self.key == other.key

    def __lt__(self, other: "_Descending") -> bool:
        return other.key < self.key


def sort_key(getters):
    """A key function for rows. `getters`: (getter, descending, nulls_first) per ORDER BY expression."""

    def key(row):
        parts = []
        for get, descending, nulls_first in getters:
            value = get(row)
            if value is None:
                parts.append((0 if nulls_first else 2,))
            else:
                part = order_key(value)
                parts.append((1, _Descending(part) if descending else part))
        return parts

    return key
