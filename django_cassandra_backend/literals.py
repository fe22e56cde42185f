"""CQL text for people: values as literals, and statements with their values in place of the markers.

Only logs, `str(queryset.query)` and `sqlmigrate` use this; what is sent to the database carries
its values apart from its text."""

import array
import datetime
import decimal
import ipaddress
import re
import uuid

from libcql import Duration

from .dbapi import UNSET
from .hashing import FrozenRecord, Record

#: A string, a quoted name, a comment: places where a marker is not a marker.
OPAQUE = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\$.*?\$\$|--[^\n]*|//[^\n]*|/\*.*?\*/"""
_MARKER = re.compile(rf"(?P<opaque>{OPAQUE})|\?", re.DOTALL)


def quote(text: str) -> str:
    """A CQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: object) -> str:
    """A value as CQL would be written by hand."""
    if value is None:
        return "null"
    if value is UNSET:
        return "unset"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, datetime.datetime):
        return quote(value.isoformat(timespec="milliseconds"))
    if isinstance(
        value, (datetime.date, datetime.time, ipaddress.IPv4Address, ipaddress.IPv6Address)
    ):
        return quote(str(value))
    if isinstance(value, Duration):
        return str(value) or "0s"
    if isinstance(value, Record):
        return _record(value.items())
    if isinstance(value, FrozenRecord):
        return _record(zip(value.names, value, strict=True))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(map(literal, value))) + "}"
    if isinstance(value, (list, array.array)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + ")"
    return quote(str(value))


def _record(items) -> str:
    """A value of a user type, whose fields have names and not keys."""
    quoted = (('"' + name.replace('"', '""') + '"', literal(value)) for name, value in items)
    return "{" + ", ".join(f"{name}: {text}" for name, text in quoted) + "}"


def inline(cql: str, values) -> str:
    """The statement with literals where its `?` markers stand."""
    if not values:
        return cql
    rest = iter(values)

    def replace(match: re.Match) -> str:
        return match[0] if match["opaque"] else literal(next(rest, None))

    return _MARKER.sub(replace, cql)
