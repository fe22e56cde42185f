"""Writes tests/data/value/driver.tsv: literals and their bytes, and tokens, as the Python driver makes them.

    python make_driver_golden.py > ../../data/value/driver.tsv

Needs the environment of tools/driver-venv. The questions are listed in test_golden.c.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import random
import uuid
from typing import Any

from cassandra.cqltypes import lookup_casstype
from cassandra.metadata import Murmur3Token
from cassandra.util import Date, Duration, Time
from values import NATIVE, Type, random_type

SEED = 20260102
PROTOCOL = 5


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _int(rng: random.Random, bits: int) -> int:
    top = 1 << (bits - 1)
    return rng.choice([0, 1, -1, top - 1, -top, rng.randint(-top, top - 1)])


def native(rng: random.Random, kind: str) -> tuple[Any, str]:
    """A value for the driver and the literal that stands for it."""
    bits = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}.get(kind)
    if bits or kind == "varint":
        value: Any = _int(rng, bits or rng.choice([8, 64, 65, 200]))
        return value, str(value)
    if kind in ("text", "ascii"):
        letters = "abz' \"${}" if kind == "ascii" else "abz' é\U0001f600"
        value = "".join(rng.choice(letters) for _ in range(rng.randint(0, 6)))
        return value, quoted(value)
    if kind == "blob":
        value = rng.randbytes(rng.randint(0, 6))
        return value, "0x" + value.hex()
    if kind == "boolean":
        value = rng.random() < 0.5
        return value, str(value).lower()
    if kind == "decimal":
        value = decimal.Decimal(_int(rng, 64)).scaleb(rng.randint(-20, 20))
        return value, str(value)
    if kind in ("float", "double"):
        value = rng.choice(
            [0.0, -0.0, 1.5, -2.25, 1e10, float("inf"), float("-inf"), rng.randint(-99, 99) / 8]
        )
        return value, {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), repr(value))
    if kind in ("uuid", "timeuuid"):
        value = uuid.UUID(bytes=rng.randbytes(16), version=1 if kind == "timeuuid" else 4)
        return value, str(value)
    return moment(rng, kind)


def moment(rng: random.Random, kind: str) -> tuple[Any, str]:
    if kind == "inet":
        address = ipaddress.ip_address(rng.randbytes(rng.choice([4, 16])))
        return str(address), quoted(str(address))
    if kind == "date":
        day = datetime.date.fromordinal(rng.randint(1, 3652059))
        return Date(day), quoted(day.isoformat())
    if kind == "time":
        ns = rng.randrange(86400 * 10**9)
        return Time(ns), quoted(str(Time(ns)))
    if kind == "timestamp":
        ms = rng.randint(-62135596800000, 253402300799999)
        value = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
        form = rng.choice(["{}", "{}Z", "{} UTC", "{}+0000", "{}+00:00"])
        return value, quoted(form.format(value.isoformat(rng.choice("T "), "milliseconds")))
    months, days, ns = rng.randrange(2**31), rng.randrange(2**31), rng.randrange(2**62)
    sign = rng.choice([1, -1])
    text = f"{months}mo{days}d{ns}ns"
    return Duration(sign * months, sign * days, sign * ns), ("-" if sign < 0 else "") + text


def encoded(type: Type, value: Any) -> bytes:
    return lookup_casstype(plain_java(type)).serialize(value, PROTOCOL)


def value_of(rng: random.Random, type: Type) -> tuple[Any, str]:
    if type.kind in NATIVE:
        return native(rng, type.kind)
    if type.kind == "tuple":
        parts = [(None, "null") if rng.random() < 0.2 else value_of(rng, arg) for arg in type.args]
        return tuple(v for v, _ in parts), f"({', '.join(text for _, text in parts)})"
    if type.kind == "map":
        key, value = value_of(rng, type.args[0]), value_of(rng, type.args[1])
        return [(key[0], value[0])], f"{{{key[1]}: {value[1]}}}"
    count = (
        type.dimension if type.kind == "vector" else 1 if type.kind == "set" else rng.randint(0, 3)
    )
    parts = [value_of(rng, type.args[0]) for _ in range(count)]
    text = ", ".join(text for _, text in parts)
    return [v for v, _ in parts], f"{{{text}}}" if type.kind == "set" else f"[{text}]"


def plain_java(type: Type) -> str:
    return type.java().replace("FrozenType", "org.apache.cassandra.db.marshal.FrozenType")


def cql(type: Type) -> str:
    if type.kind in NATIVE:
        return type.kind
    parts = [cql(arg) for arg in type.args] + [str(type.dimension)] * (type.kind == "vector")
    text = f"{type.kind}<{', '.join(parts)}>"
    return text if type.kind == "vector" else f"frozen<{text}>"


class Pairs(dict[Any, Any]):
    """A map whose keys need no hash: the driver only asks for items() and the length."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        super().__init__()
        self.pairs = pairs

    def items(self) -> Any:
        return self.pairs

    def __len__(self) -> int:
        return len(self.pairs)


def for_driver(type: Type, value: Any) -> Any:
    if value is None or type.kind in NATIVE:
        return value
    if type.kind == "map":
        return Pairs([(for_driver(type.args[0], k), for_driver(type.args[1], v)) for k, v in value])
    if type.kind == "tuple":
        return tuple(for_driver(arg, v) for arg, v in zip(type.args, value, strict=True))
    return [for_driver(type.args[0], v) for v in value]


def main() -> None:
    rng = random.Random(SEED)
    print("# Written by tests/unit/value/make_driver_golden.py; see test_golden.c.")
    types = [Type(name) for name in NATIVE for _ in range(20)]
    types += [random_type(rng, ordered=False) for _ in range(400)]
    for type in types:
        if any(keyed.has("duration") for keyed in keys(type)):
            continue
        value, text = value_of(rng, type)
        print("E", cql(type), text, encoded(type, for_driver(type, value)).hex(), sep="\t")
    for length in range(0, 41):
        for key in (rng.randbytes(length), bytes(rng.randint(0x80, 0xFF) for _ in range(length))):
            if key:  # the driver hashes the empty key; Cassandra gives it the smallest token
                print("T", key.hex(), Murmur3Token.hash_fn(key), sep="\t")


def keys(type: Type) -> list[Type]:
    """What stands where Cassandra wants an order: set elements and map keys."""
    own = [type.args[0]] if type.kind in ("set", "map") else []
    return own + [key for arg in type.args for key in keys(arg)]


if __name__ == "__main__":
    main()
