"""Writes tests/data/value/cassandra.tsv: what Cassandra's own classes say of thousands of values.

    python make_cassandra_golden.py JARS > ../../data/value/cassandra.tsv

JARS is the folder of jars that tools/cassandra/node fetches. The questions are listed in test_golden.c.
"""

from __future__ import annotations

import random
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from values import MAY_BE_EMPTY, NATIVE, Type, native_value, random_type, random_value

HERE = Path(__file__).parent
SEED = 20260101

COMPATIBLE = [
    *NATIVE.values(),
    "CounterColumnType",
    "ListType(Int32Type)",
    "ListType(IntegerType)",
    "ListType(UTF8Type)",
    "ListType(AsciiType)",
    "ListType(BytesType)",
    "ListType(LongType)",
    "ListType(TimestampType)",
    "ListType(SimpleDateType)",
    "SetType(UTF8Type)",
    "SetType(AsciiType)",
    "SetType(BytesType)",
    "FrozenType(ListType(TimestampType))",
    "FrozenType(ListType(LongType))",
    "FrozenType(SetType(BytesType))",
    "FrozenType(SetType(UTF8Type))",
    "FrozenType(SetType(FrozenType(ListType(AsciiType))))",
    "FrozenType(SetType(FrozenType(ListType(BytesType))))",
    "FrozenType(SetType(FrozenType(ListType(Int32Type))))",
    "FrozenType(UserType(ks,61,62:Int32Type))",
    "FrozenType(UserType(ks,61,62:Int32Type,63:UTF8Type))",
    "FrozenType(UserType(ks,62,62:Int32Type))",
    "UserType(ks,61,62:Int32Type)",
    "FrozenType(ListType(Int32Type))",
    "FrozenType(ListType(IntegerType))",
    "FrozenType(SetType(Int32Type))",
    "FrozenType(SetType(IntegerType))",
    "SetType(Int32Type)",
    "MapType(Int32Type,AsciiType)",
    "MapType(Int32Type,UTF8Type)",
    "MapType(BytesType,UTF8Type)",
    "FrozenType(MapType(Int32Type,AsciiType))",
    "FrozenType(MapType(Int32Type,UTF8Type))",
    "TupleType(Int32Type)",
    "TupleType(Int32Type,UTF8Type)",
    "TupleType(IntegerType,UTF8Type)",
    "VectorType(FloatType,3)",
    "VectorType(FloatType,2)",
    "VectorType(UTF8Type,3)",
    "VectorType(AsciiType,3)",
]


def values_of(rng: random.Random, type: Type, count: int) -> list[bytes]:
    return [random_value(rng, type) for _ in range(count)]


def printable(text: str) -> bool:
    return not any(c in text for c in "\0\t\n\r")


def has_needless_digits(question: list[str], answer: str) -> bool:
    """Java before 19 prints some binary fractions with a digit too many (JDK-4511638): not Cassandra's doing."""
    codes = [
        code for code, name in ((">f", "FloatType"), (">d", "DoubleType")) if name in question[1]
    ]
    if question[0] != "S":
        return False
    for token in re.findall(r"-?\d+\.\d+(?:E-?\d+)?", answer):
        digits = len(Decimal(token).as_tuple().digits)
        shorter = f"{Decimal(token):.{max(digits - 2, 1)}e}"
        for code in codes if digits > 2 else []:
            try:
                if struct.pack(code, float(shorter)) == struct.pack(code, float(token)):
                    return True
            except OverflowError:  # a double beside a float: too large for one
                continue
    return False


def questions() -> Iterator[list[str]]:
    rng = random.Random(SEED)
    for line in (HERE / "questions.tsv").read_text().splitlines():
        if not line.startswith("#"):
            yield line.split("\t")
    natives = [Type(name) for name in NATIVE]
    for type in natives:
        empty = [b""] if type.kind in MAY_BE_EMPTY else []
        for value in values_of(rng, type, 25) + empty:
            yield ["S", type.java(), value.hex()]
    for _ in range(200):
        type = random_type(rng, ordered=False)
        yield ["S", type.java(), random_value(rng, type).hex()]
    for type in natives:
        for length in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17):
            if type.kind not in ("duration", "varint", "decimal", "timeuuid"):
                yield ["V", type.java(), rng.randbytes(length).hex()]
    for _ in range(200):
        type = random_type(rng, ordered=False)
        yield ["V", type.java(), random_value(rng, type).hex()]
    ordered = [type for type in natives if type.kind != "duration"]
    for type in ordered * 2 + [random_type(rng) for _ in range(150)]:
        few = values_of(rng, type, 6)
        for _ in range(12):
            yield ["C", type.java(), rng.choice(few).hex(), rng.choice(few).hex()]
    for to in COMPATIBLE:
        for other in COMPATIBLE:
            yield ["M", to, other]
    for length in range(0, 41):
        yield ["T", rng.randbytes(length).hex()]
        yield ["T", bytes(rng.randint(0x80, 0xFF) for _ in range(length)).hex()]
    for _ in range(30):
        yield ["U", native_value(rng, "timeuuid").hex()]


def main() -> None:
    jars = Path(sys.argv[1]).resolve()
    asked = list(questions())
    opens = ["java.base/java.nio", "java.base/sun.nio.ch", "java.base/jdk.internal.ref"]
    command = ["java", "-Xmx256m", *(f"--add-opens={name}=ALL-UNNAMED" for name in opens)]
    command += [
        f"-Dlogback.configurationFile={HERE / 'silent.xml'}",
        "-cp",
        f"{jars}/*",
        str(HERE / "Oracle.java"),
    ]
    said = subprocess.run(
        command,
        input="".join("\t".join(q) + "\n" for q in asked),
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.split("\n")
    print("# Written by tests/unit/value/make_cassandra_golden.py; see test_golden.c.")
    for question, answer in zip(asked, said, strict=False):
        if printable(answer) and not has_needless_digits(question, answer):
            print("\t".join([*question, answer]))


if __name__ == "__main__":
    main()
