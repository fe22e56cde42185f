"""Each CQL type as a Python value, written and read back through a table."""

import ctypes
import datetime
import decimal
import gc
import ipaddress
import math
import pickle
import types
import uuid
import weakref
from array import array
from decimal import Decimal

import pytest

import libcql
from libcql import Duration, Time

UTC = datetime.timezone.utc
V1 = uuid.UUID("13814000-1dd2-11b2-8080-808080808080")


def round_trip(session, cql_type, value):
    """Return value as it comes back from a column of the type."""
    session.execute(f"CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY, v {cql_type})")
    session.execute("INSERT INTO t (k, v) VALUES (1, ?)", [value])
    return session.execute("SELECT v FROM t WHERE k = 1").one()[0]


SAME = [
    ("ascii", "plain"),
    ("text", "Ærøskøbing \U0001f600"),
    ("text", ""),
    ("blob", b"\x00\xff"),
    ("blob", b""),
    ("boolean", True),
    ("boolean", False),
    ("tinyint", -128),
    ("tinyint", 127),
    ("smallint", -32768),
    ("int", 2**31 - 1),
    ("int", -(2**31)),
    ("bigint", 2**63 - 1),
    ("bigint", -(2**63)),
    *[
        ("varint", n)
        for n in (0, 1, -1, 127, 128, -128, -129, 2**63, -(2**63) - 1, 10**60, -(10**60))
    ],
    ("float", 1.5),
    ("float", math.inf),
    ("double", 1e300),
    ("double", -0.0),
    ("decimal", Decimal("1.50")),
    ("decimal", Decimal("-123456789012345678901234567890.125")),
    ("decimal", Decimal("1E+3")),
    ("decimal", Decimal("0E-7")),
    ("uuid", uuid.UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479")),
    ("timeuuid", V1),
    ("inet", ipaddress.IPv4Address("192.0.2.7")),
    ("inet", ipaddress.IPv6Address("2001:db8::7")),
    ("timestamp", datetime.datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)),
    ("timestamp", datetime.datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ("timestamp", datetime.datetime(1, 1, 1, tzinfo=UTC)),
    ("timestamp", datetime.datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ("date", datetime.date(1, 1, 1)),
    ("date", datetime.date(2000, 2, 29)),
    ("date", datetime.date(9999, 12, 31)),
    ("time", datetime.time(0)),
    ("time", datetime.time(23, 59, 59, 999999)),
    ("time", Time(86_399_999_999_999)),
    ("duration", Duration(14, 3, 90_000_000_000)),
    ("duration", Duration(-1, -2, -3)),
    ("list<int>", [3, 1, 2, 1]),
    ("set<text>", {"b", "a"}),
    ("map<text, int>", {"b": 2, "a": 1}),
    ("frozen<list<int>>", []),
    ("frozen<map<uuid, timestamp>>", {V1: datetime.datetime(2020, 1, 1, tzinfo=UTC)}),
    ("tuple<int, text, boolean>", (1, None, True)),
    ("list<frozen<map<text, frozen<set<int>>>>>", [{"x": {1, 2}}, {}]),
    ("set<frozen<list<int>>>", {(1, 2), (3,)}),
    ("set<frozen<set<int>>>", {frozenset({1, 2})}),
    ("map<frozen<map<int, int>>, text>", {((1, 2), (3, 4)): "x"}),
    ("vector<float, 3>", array("f", [0.5, -1.25, 3.0])),
    ("vector<double, 2>", array("d", [0.1, -math.inf])),
    ("vector<int, 2>", array("i", [-(2**31), 2**31 - 1])),
    ("vector<bigint, 1>", array("q", [-(2**63)])),
    ("vector<smallint, 2>", [1, -2]),
    ("vector<text, 3>", ["", "ä", "x" * 300]),
    ("vector<frozen<list<int>>, 2>", [[1], []]),
    ("vector<vector<float, 2>, 2>", [array("f", [1.0, 2.0]), array("f", [3.0, 4.0])]),
    ("set<frozen<vector<float, 2>>>", {(1.0, 2.0)}),
]


@pytest.mark.parametrize(("cql_type", "value"), SAME, ids=lambda x: str(x)[:40])
def test_the_same_value_comes_back(session, cql_type, value):
    got = round_trip(session, cql_type, value)
    assert got == value
    assert type(got) is type(value)
    assert str(got) == str(value) or isinstance(value, (set, frozenset, dict))


EQUIVALENT = [
    ("double", 3, 3.0),
    ("decimal", -7, Decimal("-7")),
    ("blob", bytearray(b"ab"), b"ab"),
    ("blob", memoryview(b"abc")[1:], b"bc"),
    ("inet", "10.0.0.1", ipaddress.IPv4Address("10.0.0.1")),
    ("inet", "::1", ipaddress.IPv6Address("::1")),
    ("timestamp", 1500, datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)),
    ("list<int>", (1, 2), [1, 2]),
    ("vector<float, 2>", [1, 2.5], array("f", [1, 2.5])),
    ("vector<float, 2>", array("d", [1, 2.5]), array("f", [1, 2.5])),  # other numbers, one by one
    ("vector<float, 2>", memoryview(array("f", [1, 2.5])), array("f", [1, 2.5])),
    ("vector<float, 2>", memoryview(array("f", [1, 0, 2.5]))[::2], array("f", [1, 2.5])),
    ("vector<float, 2>", (ctypes.c_float * 2)(1, 2.5), array("f", [1, 2.5])),  # says "<f"
    ("vector<int, 2>", array("i", [1, 2]), array("i", [1, 2])),
    ("vector<int, 2>", array("h", [1, 2]), array("i", [1, 2])),
    ("vector<bigint, 2>", array("l", [1, 2]), array("q", [1, 2])),
    ("vector<bigint, 2>", array("q", [1, 2]), array("q", [1, 2])),
    ("set<int>", frozenset({1, 2}), {1, 2}),
    ("set<int>", [2, 1, 2], {1, 2}),
    ("map<text, int>", types.MappingProxyType({"a": 1}), {"a": 1}),
    ("tuple<int, int>", [1, 2], (1, 2)),
    ("list<int>", [], None),  # an empty collection that is not frozen is no collection at all
    ("set<int>", set(), None),
    ("text", None, None),
]


@pytest.mark.parametrize(("cql_type", "value", "expected"), EQUIVALENT, ids=lambda x: str(x)[:40])
def test_other_spellings_are_accepted(session, cql_type, value, expected):
    assert round_trip(session, cql_type, value) == expected


def test_an_aware_datetime_of_any_zone_becomes_utc_milliseconds(session):
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    value = datetime.datetime(2024, 3, 1, 1, 0, 0, 123999, tzinfo=zone)
    got = round_trip(session, "timestamp", value)
    assert got == datetime.datetime(2024, 2, 29, 19, 30, 0, 123000, tzinfo=UTC)
    assert got.tzinfo is UTC


def test_nan_comes_back(session):
    assert math.isnan(round_trip(session, "double", math.nan))


def test_decimals_do_not_pass_through_the_decimal_context(session):
    with decimal.localcontext() as context:
        context.prec = 3
        assert round_trip(session, "decimal", Decimal("1.23456789")) == Decimal("1.23456789")


def test_subclasses_of_int_and_str_are_accepted(session):
    class Number(int):
        pass

    class Text(str):
        pass

    assert round_trip(session, "int", Number(7)) == 7
    session.execute("DROP TABLE t")
    assert round_trip(session, "text", Text("x")) == "x"


REFUSED = [
    ("vector<float, 2>", [1.0], "2 elements, not 1"),
    ("vector<float, 2>", array("f", [1, 2, 3]), "2 elements, not 3"),
    ("vector<float, 2>", [1.0, None], "null"),
    ("vector<float, 2>", b"12345678", "a list or a tuple, not bytes"),
    ("vector<float, 2>", ["a", "b"], "float"),
    ("vector<int, 2>", array("d", [1, 2]), "int"),
    ("int", 2**31, "v: 2147483648 is out of range for int (-2147483648 to 2147483647)"),
    ("tinyint", 128, "v: 128 is out of range for tinyint (-128 to 127)"),
    ("smallint", -32769, "out of range for smallint"),
    ("bigint", 2**63, "out of range for bigint"),
    ("int", True, "v: the type int takes an int, not bool"),
    ("int", "1", "v: the type int takes an int, not str"),
    ("int", 1.0, "not float"),
    ("boolean", 1, "v: the type boolean takes a bool, not int"),
    ("text", b"x", "v: the type text takes a str, not bytes"),
    ("text", "\ud800", "surrogate"),
    ("ascii", "é", "not ASCII"),
    ("blob", "x", "v: the type blob takes bytes or another buffer, not str"),
    ("decimal", Decimal("NaN"), "v: NaN is no value of the type decimal"),
    ("decimal", Decimal("-Infinity"), "v: -Infinity is no value of the type decimal"),
    ("decimal", Decimal("sNaN"), "no value of the type decimal"),
    ("decimal", Decimal("1E+99999999999"), "too large an exponent"),
    ("decimal", 1.5, "not float"),
    ("float", 1e39, "out of range for float"),
    ("double", 10**400, "too large"),
    ("timestamp", datetime.datetime(2024, 1, 1), "has no time zone"),
    ("timestamp", datetime.date(2024, 1, 1), "not datetime.date"),
    ("date", datetime.datetime(2024, 1, 1, tzinfo=UTC), "not datetime.datetime"),
    ("time", datetime.time(1, tzinfo=UTC), "has a time zone"),
    ("uuid", str(V1), "v: the type uuid takes a uuid.UUID, not str"),
    ("timeuuid", uuid.uuid4(), "version 1"),
    ("inet", "1.2.3", "is not an IP address"),
    ("inet", "fe80::1%eth0", "scope"),
    ("duration", 5, "v: the type duration takes a libcql.Duration, not int"),
    ("list<int>", "123", "v: the type list<int> takes a list or a tuple, not str"),
    ("list<int>", {1, 2}, "not set"),
    ("list<int>", [1, "2"], "v: the type int takes an int, not str"),
    ("list<int>", [libcql.UNSET], "UNSET stands for a whole value"),
    ("map<text, int>", [("a", 1)], "v: the type map<text, int> takes a dict"),
    ("tuple<int, int>", (1, 2, 3), "v: the type has 2 fields, not 3"),
]


@pytest.mark.parametrize(("cql_type", "value", "message"), REFUSED, ids=lambda x: str(x)[:40])
def test_a_value_that_does_not_fit_is_refused(session, cql_type, value, message):
    with pytest.raises(libcql.DataError) as caught:
        round_trip(session, cql_type, value)
    assert message in str(caught.value)


def test_null_in_a_collection_is_refused_by_the_database(session):
    with pytest.raises(libcql.InvalidRequest):
        round_trip(session, "list<int>", [1, None])


@pytest.mark.parametrize(
    ("cql_type", "literal", "message"),
    [
        ("timestamp", "253402300800000", "outside datetime's years 1 to 9999"),
        ("timestamp", "-62135596800001", "outside datetime's years"),
        ("date", "'-0044-03-15'", "outside datetime's years"),
        ("date", "'+10000-01-01'", "outside datetime's years"),
    ],
)
def test_a_value_that_python_cannot_hold_is_an_error_and_not_a_crash(
    session, cql_type, literal, message
):
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, v {cql_type})")
    session.execute(f"INSERT INTO t (k, v) VALUES (1, {literal})")
    with pytest.raises(libcql.DataError, match="v: "):
        session.execute("SELECT v FROM t").one()
    with pytest.raises(libcql.DataError) as caught:
        session.execute("SELECT v FROM t").all()
    assert message in str(caught.value)


def test_durations_and_times_print_as_cql():
    assert str(Duration(14, 3, 90_000_000_000)) == "1y2mo3d1m30s"
    assert str(Duration(-1, 0, -1)) == "-1mo1ns"
    assert str(Time(34_200_000_000_001)) == "09:30:00.000000001"
    with pytest.raises(ValueError, match="same sign"):
        Duration(1, -1, 0)
    with pytest.raises(ValueError, match="not within one day"):
        Time(86_400_000_000_000)


def test_uuids_are_whole(session):
    """They are built without their class's constructor; nothing may be missing."""
    got = round_trip(session, "uuid", V1)
    assert (got.hex, got.version, got.time, hash(got)) == (V1.hex, 1, V1.time, hash(V1))
    assert got.is_safe is uuid.SafeUUID.unknown
    with pytest.raises(TypeError):
        got.int = 5


def test_decimals_are_what_the_class_makes(session):
    session.execute("CREATE TABLE d (k int PRIMARY KEY, v decimal)")
    numbers = [0, 1, 9, 10, 9999, 10_000, 10**17, 10**18 - 1, 10**18, 2**63 - 1, 2**63, 10**30 + 7]
    values = [
        decimal.Decimal((sign, tuple(map(int, str(number))), exponent))
        for number in numbers
        for sign in (0, 1)
        for exponent in (0, -2, 5, -40)
        if number or not sign  # a negative zero is no value of the type
    ]
    session.execute_many("INSERT INTO d (k, v) VALUES (?, ?)", list(enumerate(values)))
    for k, found in session.execute("SELECT k, v FROM d"):
        wanted = values[k]
        assert type(found) is decimal.Decimal
        assert (found.as_tuple(), hash(found)) == (wanted.as_tuple(), hash(wanted))
        assert (repr(found), found + 1, -found) == (repr(wanted), wanted + 1, -wanted)
        assert pickle.loads(pickle.dumps(found)) == wanted


def test_rows_and_uuids_survive_the_collector(session):
    session.execute("CREATE TABLE u (k uuid PRIMARY KEY, v list<int>)")
    keys = [uuid.uuid4() for _ in range(300)]
    session.execute_many("INSERT INTO u (k, v) VALUES (?, [1])", [[key] for key in keys])
    rows = session.execute("SELECT k FROM u").all() + session.execute("SELECT k, v FROM u").all()
    gc.collect()
    assert sorted(row[0] for row in rows) == sorted(keys * 2)
    assert all(row[0].is_safe is uuid.SafeUUID.unknown and weakref.ref(row[0])() for row in rows)
    pairs = [(row, row[0]) for row in rows]
    del rows
    gc.collect()
    assert len({row[0] for row, _ in pairs}) == 300
