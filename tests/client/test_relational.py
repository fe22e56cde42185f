"""SQL over CQL tables: parameters, values both ways, rows, budgets, errors."""

import datetime
import ipaddress
import re
import uuid
from decimal import Decimal

import pytest

import libcql

UTC = datetime.timezone.utc


class Text(str):
    pass


class Number(int):
    pass


class Moment(datetime.datetime):
    pass


# --- parameters -------------------------------------------------------------------------------------------------------

PARAMS = [
    (None, None, "null"),
    (True, 1, "integer"),
    (False, 0, "integer"),
    (-(1 << 63), -(1 << 63), "integer"),
    ((1 << 63) - 1, (1 << 63) - 1, "integer"),
    (Number(7), 7, "integer"),
    (1.5, 1.5, "real"),
    (float("inf"), float("inf"), "real"),
    (float("nan"), None, "null"),
    ("", "", "text"),
    ("ö \U0001f389", "ö \U0001f389", "text"),
    ("a\0b", "a\0b", "text"),
    (Text("safe"), "safe", "text"),
    (b"", b"", "blob"),
    (b"\0\xff", b"\0\xff", "blob"),
    (bytearray(b"xy"), b"xy", "blob"),
    (memoryview(b"abcdef")[::2], b"ace", "blob"),
    (datetime.date(2026, 1, 31), "2026-01-31", "text"),
    (datetime.datetime(2026, 1, 31, 12), "2026-01-31 12:00:00", "text"),
    (datetime.datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31 12:00:00+00:00", "text"),
    (Moment(2026, 1, 31, 12, 0, 0, 5), "2026-01-31 12:00:00.000005", "text"),
    (datetime.time(12, 30), "12:30:00", "text"),
    (Decimal("1.50"), "1.50", "text"),
    (Decimal("NaN"), "NaN", "text"),
]


@pytest.mark.parametrize(("value", "expected", "kind"), PARAMS)
def test_a_parameter_is_what_sqlite_has_for_it(sql, value, expected, kind):
    for found, name in (
        sql.execute("SELECT ?, typeof(?)", (value, value)).fetchone(),
        sql.execute("SELECT :v, typeof(:v)", {"v": value}).fetchone(),
    ):
        assert (found, type(found), name) == (expected, type(expected), kind)


@pytest.mark.parametrize(
    ("statement", "params", "kind", "message"),
    [
        (
            "SELECT ?",
            (1 << 63,),
            OverflowError,
            "Python int too large to convert to SQLite INTEGER",
        ),
        ("SELECT ?", [object()], "P", "Error binding parameter 1: type 'object' is not supported"),
        ("SELECT ?, ?", [1, 1j], "P", "Error binding parameter 2: type 'complex' is not supported"),
        ("SELECT :x", {"x": {}}, "P", "Error binding parameter ':x': type 'dict' is not supported"),
        ("SELECT ?", [uuid.UUID(int=1)], "P", "parameter 1: type 'UUID' is not supported"),
        ("SELECT ?", ["\ud800"], "D", "Error binding parameter 1: the str holds a surrogate"),
        ("SELECT ?", [], "P", "The statement has 1 parameters, and 0 were supplied"),
        ("SELECT ?", None, "P", "The statement has 1 parameters, and 0 were supplied"),
        ("SELECT 1", [1], "P", "The statement has 0 parameters, and 1 were supplied"),
        ("SELECT :x", {"y": 1}, "P", "You did not supply a value for parameter :x"),
        ("SELECT ?", {"y": 1}, "P", "Parameter 1 has no name, and a dict has only names"),
        ("SELECT ?", "x", TypeError, "params is a tuple, a list or a dict, not str"),
        ("SELECT ?", {1}, TypeError, "params is a tuple, a list or a dict, not set"),
    ],
)
def test_parameters_that_cannot_be(sql, statement, params, kind, message):
    kind = {"P": libcql.ProgrammingError, "D": libcql.DataError}.get(kind, kind)
    with pytest.raises(kind, match=re.escape(message)):
        sql.execute(statement, params)
    assert sql.execute("SELECT 1").fetchall() == [(1,)]


def test_an_exception_of_a_value_is_its_own(sql):
    class Bad(Decimal):
        def __str__(self):
            raise LookupError("no text")

    class Names(dict):
        def __missing__(self, key):
            return key * 2

    with pytest.raises(LookupError, match="no text"):
        sql.execute("SELECT ?", [Bad(1)])
    assert sql.execute("SELECT :ab", Names()).fetchone() == ("abab",)


def test_a_list_that_changes_while_it_is_read(sql):
    class Shrinks(Decimal):
        def __str__(self):
            values.clear()
            return "1"

    values = [Shrinks(1), "kept"]
    assert sql.execute("SELECT ?, ?", values).fetchone() == ("1", "kept")


# --- exact values -----------------------------------------------------------------------------------------------------

TYPES = {
    "a": ("ascii", "plain"),
    "bi": ("bigint", -(1 << 63)),
    "bl": ("blob", b"\0\xff"),
    "bo": ("boolean", True),
    "da": ("date", datetime.date(2026, 1, 31)),
    "de": ("decimal", Decimal("12345678901234567890.1200")),
    "do": ("double", 0.1),
    "du": ("duration", libcql.Duration(1, 2, 3)),
    "fl": ("float", 1.5),
    "ip": ("inet", ipaddress.ip_address("::1")),
    "i": ("int", -7),
    "l": ("list<int>", [1, 2, 3]),
    "m": ("map<text, frozen<list<int>>>", {"a": [1], "b": []}),
    "s": ("set<text>", {"x", "y"}),
    "si": ("smallint", 300),
    "te": ("text", "ö"),
    "ti": ("time", datetime.time(12, 30, 0, 1)),
    "ts": ("timestamp", datetime.datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=UTC)),
    "tu": ("timeuuid", uuid.UUID("d2177dd0-eaa2-11de-a572-001b779c76e3")),
    "ty": ("tinyint", -1),
    "tp": ("tuple<int, text>", (1, "x")),
    "ud": ("frozen<address>", {"street": "Karl", "number": 5}),
    "uu": ("uuid", uuid.UUID(int=(1 << 128) - 1)),
    "vi": ("varint", 1 << 100),
    "ve": ("vector<float, 2>", [0.5, 1.5]),
}


@pytest.fixture
def typed(session):
    session.execute("CREATE TYPE address (street text, number int)")
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in TYPES.items())
    session.execute(f"CREATE TABLE t (k int PRIMARY KEY, {columns})")
    names, values = list(TYPES), [value for _, value in TYPES.values()]
    session.execute(f"INSERT INTO t (k, {', '.join(names)}) VALUES (1{', ?' * len(names)})", values)
    session.execute("INSERT INTO t (k) VALUES (2)")
    connection = session.relational("ks")
    connection.attach("t")
    return session, connection


def test_raw_columns_come_as_the_session_gives_them(typed):
    session, sql = typed
    names = list(TYPES)
    outputs = ", ".join(f'"{name}$raw"' for name in names)
    found = sql.execute(
        f"SELECT {outputs} FROM t ORDER BY k", raw=[("t", name) for name in names]
    ).fetchall()
    expected = [
        session.execute(f"SELECT {', '.join(names)} FROM t WHERE k = ?", [k]).one() for k in (1, 2)
    ]
    assert found == expected
    assert [repr(value) for value in found[0]] == [repr(value) for value in expected[0]]
    assert found[1] == (None,) * len(names)


def test_raw_and_other_columns_side_by_side(typed):
    _, sql = typed
    found = sql.execute(
        'SELECT k, "de$raw", de, "l$raw" FROM t WHERE k = 1',
        raw=(None, ("t", "de"), None, ("t", "l")),
    )
    assert found.column_names == ("k", "de$raw", "de", "l$raw")
    assert found.fetchall() == [
        (1, Decimal("12345678901234567890.1200"), 12345678901234567890.12, [1, 2, 3])
    ]


def test_the_largest_of_exact_values(typed):
    _, sql = typed
    found = sql.execute('SELECT MAX("te$raw") FROM t', raw=[("t", "te")])
    assert found.fetchall() == [("ö",)]


@pytest.mark.parametrize(
    ("outputs", "raw", "kind", "message"),
    [
        ("k", [], libcql.ProgrammingError, "raw has 0 entries, and the result 1 columns"),
        (
            "k",
            [("t", "no")],
            libcql.ProgrammingError,
            "raw names t.no: no table with such a column",
        ),
        (
            "k",
            [("no", "k")],
            libcql.ProgrammingError,
            "raw names no.k: no table with such a column",
        ),
        ("k", [("t", "k")], libcql.ProgrammingError, "Column 1 of the result, k, is no NAME$raw"),
        ("k", ["k"], TypeError, "an entry of raw is None or (table, column), not 'k'"),
        ("k", [("t",)], TypeError, "an entry of raw is None or (table, column)"),
        ("k", 5, TypeError, "'int' object is not iterable"),
        ('"te$raw"', [("t", "i")], libcql.InternalError, "the bytes are no value of the type int"),
    ],
)
def test_raw_that_cannot_be(typed, outputs, raw, kind, message):
    _, sql = typed
    with pytest.raises(kind, match=re.escape(message)):
        sql.execute(f"SELECT {outputs} FROM t WHERE k = 1", raw=raw)


def test_a_table_is_attached_anew_after_it_has_changed(rows):
    sql = rows.relational("ks")
    sql.attach("n")
    rows.execute("ALTER TABLE n ADD more int")
    with pytest.raises(libcql.ProgrammingError, match="no such column: more"):
        sql.execute("SELECT more FROM n")
    sql.attach("n")
    assert sql.execute("SELECT DISTINCT more FROM n").fetchall() == [(None,)]
    with pytest.raises(libcql.InvalidRequest, match="nothing"):
        sql.attach("nothing")
    with pytest.raises(TypeError, match="must be str, not int"):
        sql.attach(5)
    with pytest.raises(ValueError, match="null character"):
        sql.attach("n\0")
    with pytest.raises(TypeError, match="keyspace is a str, not None"):
        rows.relational(None)


# --- rows -------------------------------------------------------------------------------------------------------------

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT ?) SELECT i FROM n"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 127, 128, 129, 1000])
def test_every_row_once(sql, count):
    expected = [(i,) for i in range(count)]
    assert list(sql.execute(NUMBERS, [count])) == expected
    assert sql.execute(NUMBERS, [count]).fetchall() == expected
    rows, one = sql.execute(NUMBERS, [count]), []
    while (row := rows.fetchone()) is not None:
        one.append(row)
    assert one == expected
    rows, many = sql.execute(NUMBERS, [count]), []
    while more := rows.fetchmany(50):
        assert len(more) <= 50
        many += more
    assert many == expected
    assert rows.fetchone() is None
    assert (rows.fetchmany(5), rows.fetchall(), list(rows)) == ([], [], [])


def test_ways_to_read_may_be_mixed(sql):
    rows = sql.execute(NUMBERS, [600])
    assert next(rows) == (0,)
    assert rows.fetchmany(3) == [(1,), (2,), (3,)]
    assert rows.fetchmany() == [(4,)]
    assert rows.fetchmany(size=0) == []
    assert rows.fetchone() == (5,)
    assert len(rows.fetchmany(300)) == 300
    assert rows.fetchall() == [(i,) for i in range(306, 600)]
    with pytest.raises(ValueError, match="size is a number of rows, not -1"):
        rows.fetchmany(-1)


def test_fetchmany_reads_no_more_than_it_gives(sql):
    seen = []
    sql.create_function("see", 1, lambda i: seen.append(i) or i)
    rows = sql.execute("SELECT see(c) FROM n WHERE p = 1 ORDER BY c")
    assert seen == [0]
    rows.fetchmany(7)
    assert seen == list(range(7))


def test_large_values_are_read_a_few_at_a_time(sql):
    seen = []
    sql.create_function("big", 1, lambda i: seen.append(i) or b"x" * 700_000)
    rows = sql.execute("SELECT big(c) FROM n")
    assert len(rows.fetchmany(3)) == 3
    assert len(rows.fetchall()) == 22
    assert len(seen) == 25
    assert [len(data) for (data,) in sql.execute("SELECT big(c) FROM n")] == [700_000] * 25


def test_what_gives_no_rows_is_done_at_once(sql):
    rows = sql.execute("CREATE TABLE kept (x)")
    assert (rows.column_names, rows.fetchall(), rows.fetchone()) == ((), [], None)
    sql.execute("INSERT INTO kept VALUES (?), (?)", [1, 2])
    assert sql.execute("SELECT sum(x) FROM kept").fetchall() == [(3,)]


def test_names_of_columns(sql):
    rows = sql.execute('SELECT 1 AS "größe", p, count(*) FROM n')
    assert rows.column_names == ("größe", "p", "count(*)")


def test_counts_say_what_the_session_was_asked_for(sql):
    assert sql.counts == (0, 0, 0, 0)
    sql.execute("SELECT * FROM n").fetchall()
    assert sql.counts == (1, 25, 1, 1)
    sql.execute("SELECT * FROM n WHERE p = 1 AND c = 3").fetchall()
    assert sql.counts == (2, 26, 1, 2)
    assert (sql.counts.requests, sql.counts.rows, sql.counts.scans) == (2, 26, 1)


# --- budgets ----------------------------------------------------------------------------------------------------------


def test_rows_that_are_returned_cost_nothing(sql):
    rows = sql.execute("SELECT c FROM n", budget=0)
    assert len(rows.fetchall()) == 25
    assert rows.spent == 0


def test_rows_that_are_left_out_are_counted(sql):
    rows = sql.execute("SELECT c FROM n WHERE c % 5 = 4", budget=20)
    assert [c for (c,) in rows] == [4, 9, 14, 19, 24]
    assert rows.spent == 20
    with pytest.raises(libcql.OperationalError, match="the last of them of n") as caught:
        sql.execute("SELECT c FROM n WHERE c % 5 = 4", budget=19).fetchall()
    assert (caught.value.code, caught.value.table) == ("BUDGET", "n")


def test_rows_before_the_budget_ends_are_given_first(sql):
    rows, found = sql.execute("SELECT c FROM n WHERE c % 5 = 4", budget=18), []
    with pytest.raises(libcql.OperationalError) as caught:
        for (c,) in rows:
            found.append(c)
    assert (caught.value.code, found) == ("BUDGET", [4, 9, 14, 19])
    assert list(rows) == []


def test_a_budget_that_ends_before_the_first_row(sql):
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT count(*) FROM n", budget=10)
    assert caught.value.code == "BUDGET"
    assert sql.execute("SELECT count(*) FROM n", budget=25).fetchall() == [(25,)]
    assert sql.execute("SELECT count(*) FROM n", budget=None).fetchall() == [(25,)]


@pytest.mark.parametrize("budget", [-1, 1.5, True, "1", 1 << 64])
def test_a_budget_is_a_number_of_rows(sql, budget):
    with pytest.raises(ValueError, match="budget is None or a number of rows"):
        sql.execute("SELECT 1", budget=budget)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("SELEC 1", libcql.SyntaxException, 'near "SELEC": syntax error'),
        ("SELECT no FROM n", libcql.SyntaxException, "no such column: no"),
        ("SELECT 1; SELECT 2", libcql.ProgrammingError, "One statement can be executed at a time"),
        ("SELECT 1;;x", libcql.ProgrammingError, "One statement can be executed at a time"),
        ("SELECT 1; /* x */ x", libcql.ProgrammingError, "One statement can be executed"),
        ("SELECT 1\0", libcql.ProgrammingError, "The statement holds a NUL character"),
        ("", libcql.SyntaxException, "The text has no statement"),
        ("-- nothing", libcql.SyntaxException, "The text has no statement"),
        ("SELECT abs(-9223372036854775808)", libcql.DatabaseError, "integer overflow"),
        ("SELECT CAST(x'ff' AS TEXT) AS t", libcql.OperationalError, "t, has a text that is not"),
    ],
)
def test_statements_that_cannot_be(sql, statement, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        sql.execute(statement)
    assert sql.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1;", " \n SELECT 1 ; ; -- more", "/* a */ SELECT 1 /* b */; /* c", "SELECT 1; --\n"],
)
def test_what_may_stand_behind_a_statement(sql, statement):
    assert sql.execute(statement).fetchall() == [(1,)]


def test_rows_before_one_that_cannot_be_read(sql):
    rows = sql.execute("SELECT CASE WHEN c < 20 THEN c ELSE CAST(x'ff' AS TEXT) END FROM n")
    found = []
    with pytest.raises(libcql.OperationalError, match="not UTF-8"):
        for (c,) in rows:
            found.append(c)
    assert found == list(range(20))
    assert rows.fetchone() is None


def test_arguments_that_cannot_be(sql):
    with pytest.raises(TypeError):
        sql.execute(b"SELECT 1")
    with pytest.raises(TypeError):
        sql.execute("SELECT 1", nothing=1)
    with pytest.raises(TypeError):
        libcql.Relational()
    with pytest.raises(TypeError):
        libcql.Rows()
