"""CQL types and values in one neutral form, for comparing what two servers answered.

A value is held as the plainest Python object that loses nothing:

    int                   tinyint smallint int bigint varint counter
    int                   timestamp (ms since 1970), date (days since 1970), time (ns of the day)
    float, Decimal, bool, str, bytes, UUID, ipaddress object
    (months, days, ns)    duration
    list                  list, set (in the server's order), tuple, vector; of pairs for a map; of the
                          fields' values, in the type's order, for a user type
    None                  null
    EMPTY                 the value of no bytes, which most fixed-size types allow

``to_literal`` prints a value in the canonical form that the corpus uses, ``from_literal`` reads it
back, and ``decode`` reads the bytes of native protocol v5, section 6.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DATE_ZERO = 1 << 31  # the date type's 1970-01-01 on the wire

INTEGERS = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "counter": 8, "varint": None}
TEXTS = {"text", "ascii"}
FIXED_WIDTHS = {
    "boolean": 1,
    **dict.fromkeys(("int", "float"), 4),
    **dict.fromkeys(("bigint", "double", "timestamp"), 8),
    **dict.fromkeys(("uuid", "timeuuid"), 16),
}
NEWLINE = "{newline}"  # a row of the corpus is one line
DURATION_UNITS = [("y", 12), ("mo", 1)]
NANOS = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
]


class _Word:
    """A value that is only itself."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __repr__(self) -> str:
        return self.word


EMPTY = _Word("empty")
UNSET = _Word("unset")


class LiteralError(ValueError):
    """A value in a .test file that does not fit its type."""


class Type(NamedTuple):
    """A CQL type as result metadata tells it, that is, without ``frozen``. A user type has fields,
    and is written ``addr<street text, no int>``."""

    name: str
    args: tuple[Type, ...] = ()
    fields: tuple[str, ...] = ()  # names, beside args

    def __str__(self) -> str:
        if self.fields:
            pairs = zip(self.fields, self.args, strict=True)
            return f"{self.name}<{', '.join(f'{field} {t}' for field, t in pairs)}>"
        return f"{self.name}<{', '.join(map(str, self.args))}>" if self.args else self.name


def parse_type(text: str) -> Type:
    """``"map<text, frozen<list<int>>>"`` as a Type; ``frozen`` is dropped, as the protocol does."""
    text = text.strip()
    if "<" not in text:
        return Type("text" if text == "varchar" else text)
    name, rest = text.split("<", 1)
    args = tuple(parse_type(part) for part in split_list(rest.rstrip()[:-1]))
    return args[0] if name.strip() == "frozen" else Type(name.strip(), args)


def split_list(text: str, separator: str = ",") -> list[str]:
    """Cut at separators that stand outside quotes and brackets; [] for blank text."""
    parts, depth, start, quote = [], 0, 0, None
    for i, c in enumerate(text):
        if quote:
            quote = None if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{<":
            depth += 1
        elif c in ")]}>":
            depth -= 1
        elif c == separator and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts, last] if parts or last else []


# --- printing ----------------------------------------------------------------------------------


def to_literal(value: Any, t: Type) -> str:
    """The canonical literal of a value."""
    if value is None:
        return "null"
    if value is EMPTY:
        return "empty"
    if t.name in _PRINTERS:
        return _PRINTERS[t.name](value)
    if t.name in ("list", "vector"):
        return f"[{', '.join(to_literal(v, t.args[0]) for v in value)}]"
    if t.name == "set":
        return f"{{{', '.join(to_literal(v, t.args[0]) for v in value)}}}"
    if t.name == "map":
        k, v = t.args
        return f"{{{', '.join(f'{to_literal(a, k)}: {to_literal(b, v)}' for a, b in value)}}}"
    if t.name == "tuple":
        return f"({', '.join(to_literal(v, a) for v, a in zip(value, t.args, strict=True))})"
    if t.fields:
        items = zip(t.fields, value, t.args, strict=True)
        return f"{{{', '.join(f'{field}: {to_literal(v, a)}' for field, v, a in items)}}}"
    raise LiteralError(f"no literal for type {t}")


def _float_literal(value: float, pack: str = "d") -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if pack == "d":
        return repr(value)
    # The shortest text that is the same 32-bit number.
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack(">f", float(text)) == struct.pack(">f", value):
            return repr(float(text))
    return repr(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("\n", NEWLINE) + "'"


def _timestamp_literal(ms: int) -> str:
    try:
        at = EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return str(ms)
    return (
        f"'{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}+0000'" if at.year > 999 else str(ms)
    )


def _date_literal(days: int) -> str:
    try:
        return _quoted((date(1970, 1, 1) + timedelta(days=days)).isoformat())
    except OverflowError:
        return str(days + DATE_ZERO)


def _time_literal(ns: int) -> str:
    seconds, fraction = divmod(ns, 1_000_000_000)
    return f"'{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:09d}'"


def _duration_literal(value: tuple[int, int, int]) -> str:
    months, days, ns = value
    sign = "-" if min(value) < 0 else ""
    text = ""
    months, days, ns = abs(months), abs(days), abs(ns)
    for unit, size in DURATION_UNITS:
        count, months = divmod(months, size)
        text += f"{count}{unit}" if count else ""
    text += f"{days}d" if days else ""
    for unit, size in NANOS:
        count, ns = divmod(ns, size)
        text += f"{count}{unit}" if count else ""
    return sign + (text or "0s")


_PRINTERS = {
    **dict.fromkeys(INTEGERS, str),
    **dict.fromkeys(TEXTS, _quoted),
    "blob": lambda v: "0x" + v.hex(),
    "boolean": lambda v: "true" if v else "false",
    "decimal": str,
    "double": _float_literal,
    "float": lambda v: _float_literal(v, "f"),
    "inet": lambda v: _quoted(str(v)),
    "uuid": str,
    "timeuuid": str,
    "timestamp": _timestamp_literal,
    "date": _date_literal,
    "time": _time_literal,
    "duration": _duration_literal,
}

KNOWN_TYPES = frozenset(_PRINTERS)  # native types: other names are those of user types


# --- reading -----------------------------------------------------------------------------------


def from_literal(text: str, t: Type) -> Any:
    """The value of a canonical literal. Raises LiteralError."""
    text = text.strip()
    words = {"null": None, "unset": UNSET, "empty": EMPTY}
    if text in words:
        return words[text]
    try:
        if t.name in _READERS:
            return _READERS[t.name](text)
        inner = split_list(text[1:-1])
        if t.name in ("list", "set", "vector"):
            return [from_literal(part, t.args[0]) for part in inner]
        if t.name == "tuple":
            return [from_literal(p, a) for p, a in zip(inner, t.args, strict=True)]
        if t.name == "map":
            pairs = [split_list(part, ":") for part in inner]
            return [(from_literal(k, t.args[0]), from_literal(v, t.args[1])) for k, v in pairs]
        if t.fields:
            given = dict(split_list(part, ":") for part in inner)
            return [
                from_literal(given.pop(f, "null"), a) for f, a in zip(t.fields, t.args, strict=True)
            ]
    except LiteralError:
        raise
    except (ValueError, ArithmeticError, KeyError) as e:
        raise LiteralError(f"{text} is not a {t}: {e}") from e
    raise LiteralError(f"no literal for type {t}")


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[0] != "'" or text[-1] != "'":
        raise LiteralError(f"{text} should be quoted")
    return text[1:-1].replace("''", "'").replace(NEWLINE, "\n")


def _read_timestamp(text: str) -> int:
    if text[0] != "'":
        return int(text)
    at = datetime.strptime(_unquoted(text), "%Y-%m-%d %H:%M:%S.%f%z")
    return (at - EPOCH) // timedelta(milliseconds=1)


def _read_date(text: str) -> int:
    if text[0] != "'":
        return int(text) - DATE_ZERO
    return (date.fromisoformat(_unquoted(text)) - date(1970, 1, 1)).days


def _read_time(text: str) -> int:
    hours, minutes, seconds = _unquoted(text).split(":")
    return int((int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds)) * 1_000_000_000)


def _read_duration(text: str) -> tuple[int, int, int]:
    sizes = {"y": (12, 0, 0), "mo": (1, 0, 0), "d": (0, 1, 0)}
    sizes |= {unit: (0, 0, ns) for unit, ns in NANOS}
    sign = -1 if text.startswith("-") else 1
    total = (0, 0, 0)
    for count, unit in re.findall(r"(\d+)([a-z]+)", text):
        total = tuple(a + sign * int(count) * b for a, b in zip(total, sizes[unit], strict=True))
    return total


_READERS = {
    **dict.fromkeys(INTEGERS, int),
    **dict.fromkeys(TEXTS, _unquoted),
    "blob": lambda s: bytes.fromhex(s.removeprefix("0x")),
    "boolean": lambda s: {"true": True, "false": False}[s],
    "decimal": Decimal,
    "double": float,
    "float": float,
    "inet": lambda s: ipaddress.ip_address(_unquoted(s)),
    "uuid": UUID,
    "timeuuid": UUID,
    "timestamp": _read_timestamp,
    "date": _read_date,
    "time": _read_time,
    "duration": _read_duration,
}


# --- bytes -------------------------------------------------------------------------------------


def decode(data: bytes | None, t: Type) -> Any:
    """The value of protocol bytes."""
    if data is None:
        return None
    if t.name in TEXTS:
        return data.decode()
    if t.name == "blob":
        return data
    if not data:
        return EMPTY
    if t.name in _DECODERS:
        return _DECODERS[t.name](data)
    if t.name in ("list", "set"):
        return [decode(v, t.args[0]) for v in _elements(data[4:])]
    if t.name == "map":
        flat = list(_elements(data[4:]))
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return [(decode(k, t.args[0]), decode(v, t.args[1])) for k, v in pairs]
    if t.name == "vector":
        return [decode(v, t.args[0]) for v in _vector_elements(data, t)]
    if t.name == "tuple" or t.fields:
        values = list(_elements(data))
        values += [None] * (len(t.args) - len(values))
        return [decode(v, a) for v, a in zip(values, t.args, strict=True)]
    raise LiteralError(f"no decoder for type {t}")


def _elements(data: bytes):
    """The length-prefixed values of a collection or tuple; a negative length is null."""
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        yield data[at : at + size] if size >= 0 else None
        at += max(size, 0)


def _fixed_width(t: Type) -> int | None:
    """The bytes of every value that stands in a vector, None where they carry their length."""
    if t.name != "vector":
        return FIXED_WIDTHS.get(t.name)
    width = _fixed_width(t.args[0])
    return width and width * int(t.args[1].name)


def _vector_elements(data: bytes, t: Type):
    at, width = 0, _fixed_width(t.args[0])
    while at < len(data):
        size = width
        if size is None:
            size, at = _unsigned_vint(data, at)
        yield data[at : at + size]
        at += size


def _unsigned_vint(data: bytes, at: int) -> tuple[int, int]:
    """The number and where it ends. Leading ones in the first byte count the bytes that follow."""
    extra = 8 - (~data[at] & 0xFF).bit_length()
    first = data[at] & (0xFF >> (extra + 1)) if extra < 8 else 0
    end = at + 1 + extra
    return int.from_bytes(bytes([first]) + data[at + 1 : end], "big"), end


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _decode_decimal(data: bytes) -> Decimal:
    unscaled = _signed(data[4:])
    digits = tuple(int(c) for c in str(abs(unscaled)))
    return Decimal((int(unscaled < 0), digits, -_signed(data[:4])))


def _decode_duration(data: bytes) -> tuple[int, int, int]:
    parts, at = [], 0
    for _ in range(3):
        raw, at = _unsigned_vint(data, at)
        parts.append((raw >> 1) ^ -(raw & 1))
    return tuple(parts)


_DECODERS = {
    **dict.fromkeys(INTEGERS, _signed),
    "boolean": lambda b: b != b"\0",
    "decimal": _decode_decimal,
    "double": lambda b: struct.unpack(">d", b)[0],
    "float": lambda b: struct.unpack(">f", b)[0],
    "inet": ipaddress.ip_address,
    "uuid": lambda b: UUID(bytes=b),
    "timeuuid": lambda b: UUID(bytes=b),
    "timestamp": _signed,
    "date": lambda b: int.from_bytes(b, "big") - DATE_ZERO,
    "time": _signed,
    "duration": _decode_duration,
}
