"""Random values of random types, as bytes, for the golden files. Everything comes from a seeded generator."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

# CQL name, Java class, and whether Cassandra orders it (a duration has no order).
NATIVE = {
    "ascii": "AsciiType",
    "bigint": "LongType",
    "blob": "BytesType",
    "boolean": "BooleanType",
    "date": "SimpleDateType",
    "decimal": "DecimalType",
    "double": "DoubleType",
    "duration": "DurationType",
    "float": "FloatType",
    "inet": "InetAddressType",
    "int": "Int32Type",
    "smallint": "ShortType",
    "text": "UTF8Type",
    "time": "TimeType",
    "timestamp": "TimestampType",
    "timeuuid": "TimeUUIDType",
    "tinyint": "ByteType",
    "uuid": "UUIDType",
    "varint": "IntegerType",
}
FIXED_IN_VECTOR = {
    "boolean": 1,
    "int": 4,
    "float": 4,
    "bigint": 8,
    "double": 8,
    "timestamp": 8,
    "uuid": 16,
    "timeuuid": 16,
}
MAY_BE_EMPTY = set(NATIVE) - {"date", "time", "smallint", "tinyint", "duration"}
PACKAGE = "org.apache.cassandra.db.marshal."
INTS = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "timestamp": 8}


@dataclass(frozen=True)
class Type:
    """A type as a tree. kind: a native name, or list, set, map, tuple, vector."""

    kind: str
    args: tuple[Type, ...] = ()
    dimension: int = 0

    def java(self, inside_frozen: bool = True) -> str:
        """The class name without packages; everything nested is frozen."""
        if not self.args:
            return NATIVE[self.kind]
        name = {
            "list": "ListType",
            "set": "SetType",
            "map": "MapType",
            "tuple": "TupleType",
            "vector": "VectorType",
        }[self.kind]
        parts = [arg.java() for arg in self.args]
        if self.kind == "vector":
            parts.append(str(self.dimension))
        text = f"{name}({','.join(parts)})"
        return f"FrozenType({text})" if self.kind in ("list", "set", "map") else text

    def has(self, kind: str) -> bool:
        return self.kind == kind or any(arg.has(kind) for arg in self.args)


def random_type(rng: random.Random, depth: int = 3, ordered: bool = True) -> Type:
    natives = [name for name in NATIVE if not (ordered and name == "duration")]
    kinds = ["list", "set", "map", "tuple", "vector"]
    kind = rng.choice(kinds) if depth > 0 and rng.random() < 0.6 else rng.choice(natives)
    if kind in NATIVE:
        return Type(kind)
    count = {"map": 2, "tuple": rng.randint(1, 4)}.get(kind, 1)
    args = tuple(random_type(rng, depth - 1, ordered) for _ in range(count))
    return Type(kind, args, rng.randint(1, 3) if kind == "vector" else 0)


def varint(value: int) -> bytes:
    length = value.bit_length() // 8 + 1
    return value.to_bytes(length, "big", signed=True)


def vint(value: int) -> bytes:
    return uvint((value << 1) ^ (value >> 63))


def uvint(value: int) -> bytes:
    value &= (1 << 64) - 1
    extra = min(8, max(0, (value.bit_length() - 1) // 7))
    if extra == 8:
        return b"\xff" + value.to_bytes(8, "big")
    head = (0xFF << (8 - extra)) & 0xFF
    raw = value.to_bytes(extra + 1, "big")
    return bytes([raw[0] | head]) + raw[1:]


def _int(rng: random.Random, length: int) -> int:
    top = 1 << (8 * length - 1)
    near = [0, 1, -1, top - 1, -top, 127 % top, -128]
    value = rng.choice(near) if rng.random() < 0.4 else rng.randint(-top, top - 1)
    return max(-top, min(top - 1, value))


def _big(rng: random.Random) -> int:
    sizes = [4, 4, 8, 8, 16, 30, 63, 64, 65, 130, 500, 1100]
    value = rng.getrandbits(rng.choice(sizes))
    if rng.random() < 0.4:
        value = rng.choice(
            [0, 1, 10, 100, 128, 255, 256, 10**9, 10**18, 10**40, 2**63, 2**64, 2**960]
        )
    return -value if rng.random() < 0.4 else value


def _float(rng: random.Random, width: int) -> bytes:
    code = ">f" if width == 4 else ">d"
    if rng.random() < 0.5:
        special = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            float("inf"),
            float("-inf"),
            float("nan"),
            1e-40,
            0.1,
            1e7,
            1e-3,
        ]
        return struct.pack(code, rng.choice(special))
    if rng.random() < 0.3:
        return rng.randbytes(width)
    return struct.pack(code, round(rng.uniform(-1e4, 1e4), rng.randint(0, 5)))


def _bytes(rng: random.Random) -> bytes:
    return bytes(
        rng.choice([0, 0, 1, 0x37, 0x61, 0x7F, 0xFE, 0xFF]) for _ in range(rng.randint(0, 5))
    )


def _text(rng: random.Random) -> bytes:
    letters = "\0\0\1abz'\"é\x7f\u07ff\uffee\U0001f600"
    return "".join(rng.choice(letters) for _ in range(rng.randint(0, 5))).encode()


def _decimal(rng: random.Random) -> bytes:
    scale = rng.choice([0, 0, 1, 2, 3, 5, 19, 40, -1, -3, -19, rng.randint(-50, 50), _int(rng, 4)])
    value = _big(rng)
    if rng.random() < 0.4:  # the same number in another dress
        zeros = rng.randint(0, 25)
        value, scale = value * 10**zeros, scale + zeros
    return struct.pack(">i", max(-(2**31), min(2**31 - 1, scale))) + varint(value)


def _uuid(rng: random.Random, version: int) -> bytes:
    few = [0x00, 0x01, 0x7F, 0x80, 0xFF]
    raw = bytearray(rng.choice(few) for _ in range(16))
    if rng.random() < 0.3:
        raw = bytearray(rng.randbytes(16))
    if rng.random() < 0.5:  # one time for many: the low half decides
        raw[:8] = bytes(8)
    raw[6] = version << 4 | raw[6] & 0x0F
    return bytes(raw)


def _duration(rng: random.Random) -> bytes:
    sign = rng.choice([1, -1])
    parts = [rng.choice([0, 1, 63, 64, 8191, rng.getrandbits(31)]) for _ in range(2)]
    parts.append(rng.choice([0, 1, 10**9, rng.getrandbits(63)]))
    return b"".join(vint(sign * part) for part in parts)


def native_value(rng: random.Random, kind: str) -> bytes:
    if kind in INTS:
        return _int(rng, INTS[kind]).to_bytes(INTS[kind], "big", signed=True)
    makers = {
        "ascii": lambda: bytes(rng.choice(b"\0\1abz'\x7f") for _ in range(rng.randint(0, 5))),
        "blob": lambda: _bytes(rng),
        "boolean": lambda: rng.choice([b"\0", b"\1", b"\1", b"\2"]),
        "date": lambda: rng.choice(
            [0, 1, 2**31 - 1, 2**31, 2**32 - 1, rng.getrandbits(32)]
        ).to_bytes(4, "big"),
        "decimal": lambda: _decimal(rng),
        "double": lambda: _float(rng, 8),
        "duration": lambda: _duration(rng),
        "float": lambda: _float(rng, 4),
        "inet": lambda: (
            rng.randbytes(rng.choice([4, 16])) if rng.random() < 0.5 else bytes(rng.choice([4, 16]))
        ),
        "text": lambda: _text(rng),
        "time": lambda: rng.choice(
            [0, 1, 10**9, 86399999999999, rng.randrange(86400 * 10**9)]
        ).to_bytes(8, "big"),
        "timeuuid": lambda: _uuid(rng, 1),
        "uuid": lambda: _uuid(rng, rng.choice([0, 1, 1, 3, 4, 4, 5, 7, 15])),
        "varint": lambda: varint(_big(rng)),
    }
    return makers[kind]()


def framed(value: bytes | None) -> bytes:
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def random_value(rng: random.Random, type: Type, top: bool = True) -> bytes:
    kind = type.kind
    if kind in NATIVE:
        if kind in MAY_BE_EMPTY and not top and rng.random() < 0.05:
            return b""
        return native_value(rng, kind)
    if kind in ("list", "set", "map"):
        count = rng.randint(0, 3)
        parts = [random_value(rng, arg, False) for _ in range(count) for arg in type.args]
        return struct.pack(">i", count) + b"".join(map(framed, parts))
    if kind == "tuple":
        shown = type.args if rng.random() < 0.8 else type.args[: rng.randint(1, len(type.args))]
        return b"".join(
            framed(None if rng.random() < 0.2 else random_value(rng, arg, False)) for arg in shown
        )
    parts = [vector_element(rng, type.args[0]) for _ in range(type.dimension)]
    if fixed_length(type.args[0]):
        return b"".join(parts)
    return b"".join(uvint(len(part)) + part for part in parts)


def fixed_length(type: Type) -> int:
    """Bytes of each value of the type inside a vector; 0: they vary, and carry their length."""
    if type.kind == "vector":
        return fixed_length(type.args[0]) * type.dimension
    return FIXED_IN_VECTOR.get(type.kind, 0)


def vector_element(rng: random.Random, type: Type) -> bytes:
    while True:
        value = random_value(rng, type, False)
        if value or not fixed_length(type):
            return value
