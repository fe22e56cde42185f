"""Writes tests/data/value/cassandra.tsv: what Cassandra's own classes say of thousands of values.

    python make_cassandra_golden.py JARS > ../../data/value/cassandra.tsv

JARS is the folder of jars that tools/cassandra/node fetches. The questions are listed in test_golden.c.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from values import NATIVE, Type, native_value, random_type, random_value

HERE = Path(__file__).parent
SEED = 20260101

FROM_STRING = {
    "TimestampType": [
        *("2011-02-03", "2011-02-03 04:05", "2011-02-03 04:05:06", "2011-02-03T04:05:06Z"),
        *("2011-02-03 04:05:06.5", "2011-02-03 04:05:06.123456789", "2011-02-03 04:05.5"),
        *("2011-02-03 04:05:06.", "2011-02-03 04:05:06.1234567891", "2011-02-03 04:05:06.9999"),
        *("2011-02-03 04:05:06+01", "2011-02-03 04:05:06+0100", "2011-02-03 04:05:06+01:00"),
        *("2011-02-03 04:05:06 +01", "2011-02-03 04:05:06 +0100", "2011-02-03 04:05:06 +01:00"),
        *("2011-02-03 04:05:06 +01:00:30", "2011-02-03 04:05:06+01:00:30", "2011-02-03T04:05-0830"),
        *("2011-02-03 04:05:06 UTC", "2011-02-03 04:05:06 GMT", "2011-02-03 04:05:06 UTC+01:00"),
        *("2011-02-03 04:05:06 GMT+1", "2011-02-03 04:05:06 Z", "2011-02-03 04:05:06 utc"),
        *("2011-02-03+0100", "2011-02-03+01", "2011-02-03+01:00", "2011-02-03Z", "2011-02-03 Z"),
        *("2011-02-03 UTC", "2011-02-03 +01:00", "2011-02-03+01:00:30", "2011-02-31", "2011-02-32"),
        *("2011-02-31 00:00", "2012-02-31 00:00", "2011-04-31 00:00", "2011-2-3", "2011-2-3 1:2"),
        *("2011-02-03 24:00", "2011-02-03 24:00:01", "2011-02-03 23:59:60", "2011-02-03 23:60"),
        *("12011-02-03", "+12011-02-03", "-0001-01-01", "0000-01-01", "0001-01-01", "0000-01-01 00:00"),
        *("1-1-1 00:00", "292278993-01-01 00:00", "292278995-01-01 00:00", "+292278995-01-01", ""),
        *("now2", "-1", "0", "12345678901234567890", "9223372036854775807", "2011-02-03t04:05"),
        *("2011-02-03 04:05:06+1", "2011-02-03 04:05:06+19:00", "2011-02-03 04:05:06-18:00"),
        *("2011-02-03 04:05:06-18:01", "2011-02-03 04:05:06+01:60", "2011-02-03  04:05"),
        *("2011-02-03 4:5:6.7Z", " 2011-02-03", "2011-02-03 ", "2011-02-03 04:05:06utc", "011-02-03"),
        *("2011-02-03 04:05:06UTC", "2011-02-3", "2011-13-01", "2011-00-01", "1969-12-31 23:59:59.999"),
        *("1600-02-29", "1900-02-29", "2000-02-29 12:00Z", "x", "2011", "2011-02", "2011/02/03"),
    ],
    "SimpleDateType": [
        *("2011-02-03", "2011-2-3", "2011-02-31", "2012-02-29", "2011-02-29", "-1", "0", "4294967295"),
        *("4294967296", "2147483648", "-5877641-06-23", "-5877641-06-22", "+5881580-07-11"),
        *("+5881580-07-12", "5881580-07-11", "12011-01-01", "-0001-01-01", "0000-01-01", "0001-01-01"),
        *("", "2011-02-03Z", "+2011-01-01", "-12345-01-01", "1969-12-31", "1970-01-01", "9999-12-31"),
        *("+10000-01-01", "2011-00-01", "2011-13-01", "2011-01-00", "2011-01-32", "x", "2011-02-03 "),
    ],
    "TimeType": [
        *("10:11:12", "10:11:12.5", "10:11:12.123456789", "10:11:12.1234567890", "10:11:12."),
        *("24:00:00", "1:2:3", "10:11", "-1", "86400000000000", "86399999999999", "", "10:11:12.-5"),
        *("+1:02:03", "10:11:+12", "10:11:12.5x", "a:b:c", ":1:2", "-1:0:0", "10:11:12:13", "10:-1:00"),
        *("23:59:59.999999999", "10:60:00", "10:00:60", "010:011:012", "10:11:12.000000001", "::"),
    ],
    "DurationType": [
        *("1y2mo3w4d5h6m7s8ms9us10ns", "1Y", "1MO", "1µs", "1µS", "1US", "P1Y2M3DT4H5M6S", "P4W", "-P4W"),
        *("P0001-02-03T04:05:06", "-P0001-02-03T04:05:06", "", "-", "P", "PT", "1", "1d1y", "1d1d", "1x"),
        *("2147483647mo", "2147483648mo", "178956971y", "9223372036854775807ns", "9223372036854775808ns"),
        *("3000000h", "P1DT", "PT1H1D", "P1M1Y", "P1Y1Y", "1y 2d", "+1y", "p1y", "-1y2mo", "0d"),
        *("106751d24h", "P4W1D", "1m1mo", "-2147483648mo", "1ns1us", "PT1M1H", "P1.5D", "5w2d1w", "W"),
        *("P0001-13-40T99:99:99", "9999999999999999999y", "P99999999999W", "PW", "P1W", "P-1W", "-PT5M"),
        *("1h1m1s", "89h4m48s", "1s1m", "P1Y2M3D", "PT4H", "PT6S", "P001-02-03T04:05:06", "1y1"),
    ],
    "InetAddressType": [
        *("1.2.3.4", "::1", "127.1", "1", "256.1.1.1", "::ffff:1.2.3.4", "", "[::1]", "1.2.3.4.5"),
        *("01.02.03.04", "1.2.3.", "abcd::", "::1.2.3.4", "0x7f.1", "4294967295", "4294967296", " 1.2.3.4"),
        *("1.2.65535", "1.2.65536", "1.16777215", "::", "1::2::3", "12345::", "2001:db8:0:0:1:0:0:1", ":"),
    ],
    "Int32Type": ["42", "+42", "-0", "2147483647", "2147483648", "-2147483648", "-2147483649", "", "1.0", "3x", "007"],
    "LongType": ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-129", "", "+5", "1e1", "-"],
    "ShortType": ["32767", "32768", "-32768", "-32769", "-129", "", "+5", "x"],
    "ByteType": ["127", "128", "-128", "-129", "", "+5", "x"],
    "IntegerType": ["-129", "128", "+5", "", "1e5", "--1", "00012", "1.0", "0", "-0", "9" * 60, "-1" + "0" * 90, "x"],
    "DecimalType": [
        *("1.50", "1E+3", "1e3", ".5", "5.", "-.5", "+1", "1e", "", "1E2147483647", "1E2147483648"),
        *("1E-2147483648", "1e-2147483647", "0.00", "NaN", "1_0", "1.2.3", ".", "1e+", "-0", "-0.0"),
        *("1E99999999999", "12345678901234567890.12345678901234567890", "0E+5", "1.0E-5", "-1e+05", "x"),
    ],
    "FloatType": ["1", "1.5e10", "1e400", "-1e400", "NaN", "-NaN", "Infinity", "-Infinity", "", "1e-400", ".5", "5."]
    + ["1e", "3.4028235e38", "3.4028236e38", "1.17549435E-38", "1e-45", "0.1", "16777217", "x", "1e5", "-0.0"],
    "DoubleType": ["1", "1.5e10", "1e400", "-1e400", "NaN", "-NaN", "Infinity", "-Infinity", "", "1e-400", ".5", "5."]
    + ["1e", "2.2250738585072012e-308", "4.9E-324", "1.7976931348623157E308", "0.1", "x", "9007199254740993"],
    "BooleanType": ["true", "TRUE", "False", "1", "", "yes"],
    "BytesType": ["cafe", "CAFE", "abc", "", "0xcafe", "zz", "00ff"],
    "UUIDType": ["12345678-1234-1234-1234-1234567890ab", "1-2-3-4-5", "", "x", "12345678-1234-1234-1234-1234567890AB"],
    "TimeUUIDType": ["12345678-1234-1234-1234-1234567890ab", "12345678-1234-4234-1234-1234567890ab", "", "x"],
    "AsciiType": ["abc", "é", "", "it's"],
    "UTF8Type": ["abc", "é", "", "\U0001f600"],
}

VALIDATE = {
    "ListType(Int32Type)": ["", "00000001", "00000001ffffffff", "0000000000", "0000000100000003010203"]
    + ["0000000100000000", "00000000", "7fffffff", "000000020000000400000001"],
    "SetType(Int32Type)": ["00000002000000040000000200000004000000", "00000000000000", "0000000100000004000000"],
    "MapType(Int32Type,Int32Type)": ["000000010000000400000002", "000000010000000400000002ffffffff", "00000000ff"],
    "TupleType(Int32Type,UTF8Type)": ["00", "0000000300000001", "0000000400000001", "", "0000000400000001ffffffff00"]
    + ["0000000400000001fffffffe", "000000040000000100000001ff", "00000004000001", "0000000400000001000000"],
    "TupleType(Int32Type)": ["000000040000000100"],
    "VectorType(FloatType,3)": ["", "3f80000040000000404000", "3f800000400000004040000000"],
    "VectorType(UTF8Type,2)": ["01610162", "016102", "0161016200", "01ff0162", "0000"],
    "UserType(ks,61,62:Int32Type,4263:UTF8Type)": ["000000040000000100000000", "00000004000000010000000000", "", "00"],
    "DurationType": ["0000", "00020100", "020100", "0000f0", "f1fffffffe0000", "00f1fffffffe00", "000000", ""],
}

NAMES = [
    "ListType(Int32Type)",
    "FrozenType(ListType(Int32Type))",
    "FrozenType(ListType(ListType(Int32Type)))",
    "ListType(FrozenType(ListType(Int32Type)))",
    "TupleType(Int32Type,ListType(UTF8Type))",
    "TupleType(Int32Type,FrozenType(ListType(UTF8Type)))",
    "ListType(TupleType(Int32Type,ListType(UTF8Type)))",
    "FrozenType(MapType(UTF8Type,SetType(Int32Type)))",
    "VectorType(FloatType,3)",
    "VectorType(ListType(Int32Type),3)",
    "FrozenType(ListType(VectorType(ListType(Int32Type),3)))",
    "FrozenType(UserType(ks,61,62:Int32Type,4263:ListType(UTF8Type)))",
    "FrozenType(UserType(ks,4142,62:Int32Type))",
    "ListType(FrozenType(UserType(ks,61,62:Int32Type)))",
    "CounterColumnType",
]

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


def questions() -> Iterator[list[str]]:
    rng = random.Random(SEED)
    for java, texts in FROM_STRING.items():
        for text in texts:
            yield ["P", java, text]
    natives = [Type(name) for name in NATIVE]
    for type in natives:
        for value in values_of(rng, type, 25) + [b""] * (type.kind not in ("date", "time", "smallint", "tinyint")):
            yield ["S", type.java(), value.hex()]
    for _ in range(200):
        type = random_type(rng, ordered=False)
        yield ["S", type.java(), random_value(rng, type).hex()]
    for type in natives:
        for length in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17):
            if type.kind not in ("duration", "varint", "decimal", "timeuuid"):
                yield ["V", type.java(), rng.randbytes(length).hex()]
    for java, texts in VALIDATE.items():
        for text in texts:
            yield ["V", java, text]
    for _ in range(200):
        type = random_type(rng, ordered=False)
        yield ["V", type.java(), random_value(rng, type).hex()]
    for type in [t for t in natives if t.kind != "duration"] * 2 + [random_type(rng) for _ in range(150)]:
        few = values_of(rng, type, 6)
        for _ in range(12):
            yield ["C", type.java(), rng.choice(few).hex(), rng.choice(few).hex()]
    for name in NAMES:
        yield ["Q", name]
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
    command += [f"-Dlogback.configurationFile={HERE / 'silent.xml'}", "-cp", f"{jars}/*", str(HERE / "Oracle.java")]
    said = subprocess.run(
        command, input="".join("\t".join(q) + "\n" for q in asked), text=True, stdout=subprocess.PIPE, check=True
    ).stdout.split("\n")
    print("# Written by tests/unit/value/make_cassandra_golden.py from the classes of Cassandra 5.0. See test_golden.c.")
    for question, answer in zip(asked, said, strict=False):
        if printable(answer):
            print("\t".join([*question, answer]))


if __name__ == "__main__":
    main()
