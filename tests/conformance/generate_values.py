"""Random types and values for generate.py.

A value is a tree: a literal for a simple one, None for null, a list for list, set, tuple and vector, a list of pairs for a
map. ``show`` prints it in the form that cqltypes.py reads, which is CQL as well.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from typing import Any

# Of each type a few values, edges among them, in the server's order.
DOMAINS: dict[str, list[str]] = {
    "int": ["-2147483648", "-1", "0", "1", "2", "2147483647"],
    "bigint": ["-9223372036854775808", "-1", "0", "1", "9223372036854775807"],
    "smallint": ["-32768", "-1", "0", "1", "32767"],
    "tinyint": ["-128", "-1", "0", "1", "127"],
    "varint": ["-1180591620717411303424", "-129", "-1", "0", "1", "255", "18446744073709551616"],
    "decimal": ["-1.5", "0", "1.5E-30", "1.0", "1.00", "10", "1.5E+30"],
    "double": ["-Infinity", "-1.5", "-0.0", "0.0", "5e-324", "1.5", "1e+300", "Infinity", "NaN"],
    "float": ["-Infinity", "-1.5", "-0.0", "0.0", "1e-45", "1.5", "1e+38", "NaN"],
    "text": ["''", "'A'", "'a'", "'a''b'", "'aa'", "'b'", "'é\"'"],
    "ascii": ["''", "'a'", "'aa'", "'b'"],
    "blob": ["0x", "0x00", "0x0000", "0x01", "0xff"],
    "boolean": ["false", "true"],
    "uuid": [
        "00000000-0000-1000-8000-000000000080",
        "10000000-0000-1000-8000-000000000001",
        "00000000-0000-4000-8000-000000000002",
        "f0000000-0000-4000-8000-000000000002",
    ],
    "timeuuid": [
        "00000000-0000-1000-8000-000000000080",
        "00000000-0000-1000-8000-000000000001",
        "00000000-0000-1000-8000-00000000007f",
        "10000000-0000-1000-8000-000000000001",
        "00000000-0000-1001-8000-000000000001",
    ],
    "timestamp": [
        "'1500-02-28 00:00:00.000+0000'",
        "'1969-12-31 23:59:59.999+0000'",
        "'1970-01-01 00:00:00.000+0000'",
        "'2024-02-29 12:00:00.001+0000'",
        "'9000-12-31 23:59:59.999+0000'",
    ],
    "date": ["'1000-01-01'", "'1969-12-31'", "'1970-01-01'", "'2024-02-29'", "'9000-12-31'"],
    "time": ["'00:00:00.000000000'", "'12:30:00.000000001'", "'23:59:59.999999999'"],
    "inet": ["'::1'", "'10.0.0.1'", "'127.0.0.1'", "'255.0.0.1'", "'ff02::1'"],
    "counter": ["-1", "0", "1", "5"],
    "duration": ["1ns", "-1mo2d3h", "1mo", "30d", "1y2mo3d4h5m6s7ms8us9ns"],
}
SIMPLE = [name for name in DOMAINS if name not in ("duration", "counter")]
NUMERIC = {
    "counter",
    "int",
    "bigint",
    "smallint",
    "tinyint",
    "varint",
    "decimal",
    "double",
    "float",
}
VECTOR_ELEMENTS = ["float", "float", "int", "text"]
TWINS = {
    "1.00",
    "0.0",
}  # equal to another value, but written otherwise: not for sets and clusterings


@dataclass(frozen=True)
class CqlType:
    name: str
    args: tuple[CqlType, ...] = ()
    frozen: bool = False
    size: int = 0  # of a vector
    fields: tuple[str, ...] = ()  # of a user type

    def __str__(self) -> str:
        if self.fields:
            return f"frozen<{self.name}>" if self.frozen else self.name
        if not self.args:
            return self.name
        inner = [str(a) for a in self.args] + ([str(self.size)] if self.size else [])
        text = f"{self.name}<{', '.join(inner)}>"
        return f"frozen<{text}>" if self.frozen else text

    @property
    def multi_cell(self) -> bool:
        return (self.collection or bool(self.fields)) and not self.frozen

    @property
    def collection(self) -> bool:
        return self.name in ("list", "set", "map")


def simple(name: str) -> CqlType:
    return CqlType(name)


# The user types of the keyspace.
USER_TYPES = [
    CqlType("ua", (simple("int"), simple("text")), fields=("a", "b")),
    CqlType(
        "ub",
        (simple("double"), CqlType("set", (simple("int"),), True), simple("timeuuid")),
        fields=("x", "y", "z"),
    ),
]


def create_user_types() -> list[str]:
    return [
        f"CREATE TYPE {t.name} ({', '.join(f'{f} {a}' for f, a in zip(t.fields, t.args, strict=True))})"
        for t in USER_TYPES
    ]


def unquoted(literal: str) -> str:
    return literal[1:-1].replace("''", "'") if literal.startswith("'") else literal


class Values:
    """Chance, types and values."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def odds(self, percent: float) -> bool:
        return self.rng.random() * 100 < percent

    def some(self, items: list, low: int = 1, high: int | None = None) -> list:
        count = self.rng.randint(min(low, len(items)), min(high or len(items), len(items)))
        return self.rng.sample(items, count)

    # --- types -------------------------------------------------------------------------------------

    def scalar_type(self) -> CqlType:
        return simple(self.rng.choice(["int", "text", "int", "text", *SIMPLE]))

    def element_type(self, depth: int, duration: bool = True) -> CqlType:
        """Of what stands in a collection: frozen when it is one itself."""
        if depth < 2 and self.odds(12):
            return self.nested_type(depth + 1, duration)
        if duration and self.odds(3):
            return simple("duration")
        return self.scalar_type()

    def nested_type(self, depth: int, duration: bool) -> CqlType:
        name = self.rng.choice(["list", "set", "map", "tuple", "user"])
        if name == "user":
            return replace(self.rng.choice(USER_TYPES), frozen=True)
        if name == "tuple":
            count = self.rng.randint(1, 3)
            return CqlType(name, tuple(self.element_type(depth, duration) for _ in range(count)))
        return CqlType(name, self.collection_args(name, depth, duration), True)

    def collection_args(self, name: str, depth: int, duration: bool) -> tuple[CqlType, ...]:
        if name == "list":
            return (self.element_type(depth, duration),)
        key = self.element_type(depth, False)
        return (key,) if name == "set" else (key, self.element_type(depth, duration))

    def key_type(self) -> CqlType:
        if self.odds(12):
            return self.nested_type(1, False)
        return simple(self.rng.choice(["int", "text"])) if self.odds(40) else self.scalar_type()

    def column_type(self) -> CqlType:
        name = self.rng.choice(
            ["simple"] * 11 + ["list", "list", "set", "set", "map", "map", "map", "tuple", "tuple"]
            + ["vector", "duration", "user", "user"]
        )  # fmt: skip
        if name == "simple":
            return self.scalar_type()
        if name == "duration":
            return simple(name)
        if name == "user":
            return replace(self.rng.choice(USER_TYPES), frozen=self.odds(35))
        if name == "vector":
            element = simple(self.rng.choice(VECTOR_ELEMENTS))
            return CqlType(name, (element,), size=self.rng.randint(1, 3))
        if name == "tuple":
            count = self.rng.randint(1, 3)
            return CqlType(name, tuple(self.element_type(1) for _ in range(count)))
        return CqlType(name, self.collection_args(name, 0, True), self.odds(35))

    # --- values ------------------------------------------------------------------------------------

    def value(self, t: CqlType, low: int = 0, unique: bool = False) -> Any:
        """A value with collections of at least ``low`` elements; ``unique``: not one of two equal ones."""
        if t.name in DOMAINS:
            domain = DOMAINS[t.name]
            return self.rng.choice([v for v in domain if v not in TWINS] if unique else domain)
        if t.name == "tuple" or t.fields:
            return [None if self.odds(12) else self.value(a, 0, unique) for a in t.args]
        count = t.size or self.rng.randint(low, 3)
        if t.name in ("list", "vector"):
            return [self.value(t.args[0], 0, unique) for _ in range(count)]
        keys = self.distinct(t.args[0], count)
        return keys if t.name == "set" else [(k, self.value(t.args[1], 0, unique)) for k in keys]

    def distinct(self, t: CqlType, count: int) -> list:
        """Different values in the server's order: a bound set is stored as it came."""
        found: dict[str, Any] = {}
        for _ in range(count):
            value = self.value(t, 0, True)
            found.setdefault(self.show(t, value), value)
        return sorted(found.values(), key=lambda v: self.rank(t, v))

    def rank(self, t: CqlType, value: Any) -> Any:
        """A sort key for the server's order."""
        if value is None:
            return []
        if t.name in DOMAINS:
            return [DOMAINS[t.name].index(value)]
        if t.name == "map":
            return [
                part
                for k, v in value
                for part in (self.rank(t.args[0], k), self.rank(t.args[1], v))
            ]
        args = t.args if t.name == "tuple" or t.fields else t.args * len(value)
        return [self.rank(a, v) for a, v in zip(args, value, strict=True)]

    def show(self, t: CqlType, value: Any) -> str:
        if value is None:
            return "null"
        if t.name in DOMAINS:
            return value
        if t.fields:
            given = zip(t.fields, t.args, value, strict=True)
            return f"{{{', '.join(f'{f}: {self.show(a, v)}' for f, a, v in given)}}}"
        if t.name in ("list", "vector"):
            return f"[{', '.join(self.show(t.args[0], v) for v in value)}]"
        if t.name == "set":
            return f"{{{', '.join(self.show(t.args[0], v) for v in value)}}}"
        if t.name == "map":
            k, v = t.args
            return f"{{{', '.join(f'{self.show(k, a)}: {self.show(v, b)}' for a, b in value)}}}"
        return f"({', '.join(self.show(a, v) for a, v in zip(t.args, value, strict=True))})"

    def term(self, t: CqlType, low: int = 0, unique: bool = False) -> str:
        """A value's text."""
        return self.show(t, self.value(t, low, unique))

    def json(self, t: CqlType, value: Any) -> str:
        """A value as INSERT JSON takes it."""
        if value is None:
            return "null"
        if t.name in DOMAINS:
            bare = t.name == "boolean" or (t.name in NUMERIC and value[-1].isdigit())
            return value if bare else json.dumps(unquoted(value), ensure_ascii=False)
        if t.name == "map":
            k, v = t.args
            return f"{{{', '.join(f'{self.json_key(k, a)}: {self.json(v, b)}' for a, b in value)}}}"
        if t.fields:
            given = zip(t.fields, t.args, value, strict=True)
            return f"{{{', '.join(f'{json.dumps(f)}: {self.json(a, v)}' for f, a, v in given)}}}"
        args = t.args if t.name == "tuple" else t.args * len(value)
        return f"[{', '.join(self.json(a, v) for a, v in zip(args, value, strict=True))}]"

    def json_key(self, t: CqlType, value: Any) -> str:
        """Keys are strings: of what they hold when that is simple, else of its JSON."""
        text = unquoted(value) if t.name in DOMAINS else self.json(t, value)
        return json.dumps(text, ensure_ascii=False)

    def expression(self, t: CqlType, unique: bool = False) -> str:
        """A term that is more than a literal, for statements without markers."""
        literal = self.term(t, 0, unique)
        ways = [f"({t}) {literal}"]
        if t.name in ("int", "bigint", "text", "uuid", "boolean", "timestamp", "varint", "inet"):
            ways.append(f"blob_as_{t.name}({t.name}_as_blob({literal}))")
        if t.name in ("int", "bigint", "uuid", "timestamp", "boolean", "date", "time", "double"):
            ways.append(f"blob_as_{t.name}(0x)")
        if t.name in ("int", "bigint", "decimal"):
            ways.append(f"{literal} + 0" if self.odds(50) else f"- {self.term(t, 0, unique)}")
        if t.name == "date":
            ways.append(f"to_date({self.term(simple('timestamp'))})")
        if t.name == "timestamp":
            ways.append(f"to_timestamp({self.term(simple('date'))})")
        return self.rng.choice(ways)
