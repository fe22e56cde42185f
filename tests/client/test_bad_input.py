"""Malformed statements, values, paging states, URLs and files: each error names what is wrong, and nothing is harmed."""

import datetime
import re
import uuid
from decimal import Decimal

import pytest

import libcql
from libcql import exceptions

COLUMNS = {
    "ti": "tinyint",
    "b": "bigint",
    "vi": "varint",
    "d": "decimal",
    "f": "float",
    "bo": "boolean",
    "bl": "blob",
    "ip": "inet",
    "da": "date",
    "tm": "time",
    "ts": "timestamp",
    "du": "duration",
    "id": "uuid",
    "tu": "timeuuid",
    "a": "ascii",
    "x": "text",
    "l": "list<int>",
    "m": "map<text, int>",
    "s": "set<int>",
    "tp": "tuple<int, text>",
    "v": "vector<float, 3>",
}


@pytest.fixture
def table(session):
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, {columns})")
    for k in range(3):
        session.execute("INSERT INTO t (k) VALUES (?)", [k])
    return session


# column, value, what the message holds beside the column's name
VALUES = [
    ("ti", 300, "300 is out of range for tinyint (-128 to 127)"),
    ("ti", -129, "out of range for tinyint"),
    ("b", 1 << 63, "out of range for bigint"),
    ("b", 1.5, "the type bigint takes an int, not float"),
    ("vi", "1", "the type varint takes an int, not str"),
    ("d", "1.5", "the type decimal takes a decimal.Decimal or an int, not str"),
    ("d", Decimal("NaN"), "NaN"),
    ("d", Decimal("Infinity"), "Infinity"),
    ("f", "x", "the type float takes a float or an int, not str"),
    ("bo", 2, "the type boolean takes a bool, not int"),
    ("bl", "x", "the type blob takes bytes or another buffer, not str"),
    ("ip", "1.2.3", "'1.2.3' is not an IP address"),
    ("ip", 3, "the type inet takes"),
    ("da", "2020", "the type date takes a datetime.date, not str"),
    ("tm", datetime.date(2020, 1, 1), "the type time takes"),
    ("ts", "now", "the type timestamp takes an aware datetime.datetime, not str"),
    ("ts", datetime.datetime(2020, 1, 1), "aware"),
    ("du", 5, "the type duration takes a libcql.Duration, not int"),
    ("id", "x", "the type uuid takes a uuid.UUID, not str"),
    ("tu", uuid.UUID(int=1 << 78), "is not a version 1 UUID"),
    ("a", "é", "not ASCII"),
    ("x", b"\xff", "the type text takes a str, not bytes"),
    ("x", "\ud800", "surrogate"),
    ("l", 5, "the type list<int> takes a list or a tuple, not int"),
    ("l", ["x"], "the type int takes an int, not str"),
    ("l", [1 << 31], "out of range for int"),
    ("m", {1: 1}, "the type text takes a str, not int"),
    ("m", [1], "takes a dict or another mapping, not list"),
    ("s", {"x"}, "the type int takes an int, not str"),
    ("tp", (1, "x", 3), "the type has 2 fields, not 3"),
    ("tp", ("x", "y"), "the type int takes an int, not str"),
    ("v", [1, 2], "the vector has 3 elements, not 2"),
    ("v", [1, 2, "x"], "the type float takes a float or an int, not str"),
]


@pytest.mark.parametrize(("column", "value", "message"), VALUES)
def test_a_value_of_the_wrong_kind_is_named_with_its_column(table, column, value, message):
    with pytest.raises(exceptions.DataError, match=f"^{column}: .*{re.escape(message)}"):
        table.execute(f"INSERT INTO t (k, {column}) VALUES (?, ?)", [9, value])
    assert list(table.execute("SELECT k FROM t WHERE k = 9")) == []


STATEMENTS = [
    ("", exceptions.SyntaxException, "<EOF>"),
    ("SELEC", exceptions.SyntaxException, "line 1:0 .*'SELEC'"),
    ("SELECT * FROM", exceptions.SyntaxException, "<EOF>"),
    ("SELECT *\nFROM t\nWHERE WHERE", exceptions.SyntaxException, "line 3:6"),
    ("SELECT 'x FROM t", exceptions.SyntaxException, "line 1:16"),
    ("SELECT \x00 FROM t", exceptions.SyntaxException, "line 1:7"),
    ("SELECT k FROM t; SELECT k FROM t", exceptions.SyntaxException, "line 1:17"),
    ('CREATE TABLE u (k int PRIMARY KEY, "a\x00b" int)', exceptions.InvalidRequest, "zero byte"),
    ('CREATE TYPE u (k int, "a\x00" int)', exceptions.InvalidRequest, "Names with a zero byte"),
    (
        "CREATE KEYSPACE u WITH replication = {'class': 'NetworkTopologyStrategy', 'dc\x00': 1}",
        exceptions.InvalidRequest,
        "Properties with a zero byte",
    ),
    ("SELECT * FROM nope", exceptions.InvalidRequest, "table nope does not exist"),
    ("SELECT * FROM nope.t", exceptions.InvalidRequest, "keyspace nope does not exist"),
    ("SELECT nope FROM t", exceptions.InvalidRequest, "nope .*ks.t"),
    ("SELECT nope(k) FROM t", exceptions.InvalidRequest, "nope"),
    ("INSERT INTO t (k, ti) VALUES (1, 'x')", exceptions.InvalidRequest, "'?x'?.*ti.*tinyint"),
    ("SELECT * FROM t WHERE x = 'a'", exceptions.InvalidRequest, "ALLOW FILTERING"),
]


@pytest.mark.parametrize(("text", "kind", "message"), STATEMENTS)
def test_a_malformed_statement_says_where_or_what(table, text, kind, message):
    with pytest.raises(kind, match=message):
        table.execute(text)


def test_markers_and_values_are_counted(table):
    for values in ([], [1, 2]):
        with pytest.raises(exceptions.InvalidRequest, match=f"1 markers.* {len(values)} bound"):
            table.execute("SELECT k FROM t WHERE k = ?", values)
    with pytest.raises(exceptions.InvalidRequest, match="'k'"):
        table.execute("SELECT k FROM t WHERE k = :k", {"x": 1})


OPTIONS = [
    ({"page_size": "x"}, ValueError, "page_size"),
    ({"page_size": 0}, ValueError, "page_size"),
    ({"page_size": 1 << 40}, ValueError, "page_size"),
    ({"consistency": 99}, ValueError, "99 is not a consistency level"),
    ({"timestamp": "x"}, TypeError, "timestamp"),
    ({"timestamp": 1 << 70}, exceptions.DataError, "timestamp"),
    ({"keyspace": 5}, TypeError, "keyspace is a str, not int"),
    ({"keyspace": "nope"}, exceptions.InvalidRequest, "keyspace nope does not exist"),
    ({"paging_state": "x"}, TypeError, "paging_state is bytes, not str"),
    ({"paging_state": b""}, exceptions.ProtocolException, "paging state"),
    ({"paging_state": b"\x01" * 60}, exceptions.ProtocolException, "paging state"),
    ({"nope": 1}, TypeError, "nope"),
]


@pytest.mark.parametrize(("options", "kind", "message"), OPTIONS)
def test_an_option_of_a_call_is_named(table, options, kind, message):
    with pytest.raises(kind, match=message):
        table.execute("SELECT k FROM t", **options)


def test_every_damage_to_a_paging_state_is_refused(table):
    state = table.execute("SELECT k FROM t", page_size=1).paging_state
    damaged = [state[:n] for n in range(len(state))] + [state + b"\0"]
    damaged += [state[:n] + bytes([state[n] ^ 1]) + state[n + 1 :] for n in range(len(state))]
    for bad in damaged:
        with pytest.raises(exceptions.ProtocolException, match="paging state"):
            table.execute("SELECT k FROM t", page_size=1, paging_state=bad)
    with pytest.raises(exceptions.ProtocolException, match="paging state"):
        table.execute("SELECT k, x FROM t", page_size=1, paging_state=state)
    assert len(list(table.execute("SELECT k FROM t", page_size=5, paging_state=state))) == 2


URLS = [
    ("", exceptions.InterfaceError, "local:PATH"),
    ("locals:x", exceptions.InterfaceError, "'locals:x' is not a session URL"),
    ("local:", exceptions.InterfaceError, "names no file"),
    ("local:a?x=1", exceptions.InterfaceError, "'x'"),
    ("local:a?durability", exceptions.InterfaceError, "durability"),
    ("local:a?durability=odd", exceptions.InterfaceError, "durability.*'odd'"),
    ("local:a?busy_timeout_ms=-1", exceptions.InterfaceError, "busy_timeout_ms.*'-1'"),
    ("local:a?keyspace=", exceptions.InterfaceError, "keyspace is empty"),
    ("local:a%zz", exceptions.InterfaceError, "path has a %"),
    ("local:a%00", exceptions.InterfaceError, "NUL"),
    ("local:" + "a" * 9000, exceptions.InterfaceError, "longer than"),
    ("local:/nope/x/y.cql", exceptions.OperationalError, "/nope/x/y.cql"),
    ("local:/", exceptions.OperationalError, "/ is a directory"),
    ("cassandra://h?tls_ca=x", exceptions.InterfaceError, "no meaning without tls=on"),
    (5, TypeError, "url is a str, not int"),
]


@pytest.mark.parametrize(("url", "kind", "message"), URLS, ids=lambda v: str(v)[:24])
def test_a_url_that_is_not_understood_says_why(url, kind, message):
    with pytest.raises(kind, match=message):
        libcql.connect(url)


FILES = {
    "text": (lambda good: b"hello world", "is not a libcql database"),
    "zeros": (lambda good: bytes(len(good)), "is not a libcql database"),
    "other-application": (
        lambda good: good[:68] + b"abcd" + good[72:],
        "another application",
    ),
    "newer-format": (lambda good: good[:60] + b"\0\0\0\x63" + good[64:], "file format 99"),
    "cut": (lambda good: good[:1000], "cut off"),
    "cut-at-a-page": (lambda good: good[:4096], "cut off"),
    "schema-damaged": (lambda good: good[:100] + b"\7" * (len(good) - 100), "is damaged"),
    "pages-damaged": (lambda good: good[:4096] + b"\7" * (len(good) - 4096), "is damaged"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_used_is_named_and_left_alone(tmp_path, name):
    change, message = FILES[name]
    good = tmp_path / "good.cql"
    libcql.connect(libcql.local_url(good)).close()
    bad = tmp_path / "bad.cql"
    bad.write_bytes(change(good.read_bytes()))
    before = bad.read_bytes()
    with pytest.raises(exceptions.DatabaseError, match=f"{re.escape(str(bad))}.*{message}"):
        libcql.connect(libcql.local_url(bad))
    assert bad.read_bytes() == before
