"""Functions and aggregates of the program's in SQL over CQL tables."""

import gc
import hashlib
import re
import weakref

import pytest

import libcql


class Text(str):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Sum:
    """Of its arguments. Its objects can be seen to go."""

    made = weakref.WeakSet()

    def __init__(self):
        self.total = 0
        Sum.made.add(self)

    def step(self, value):
        self.total += value

    def finalize(self):
        return self.total


def failing(kind, *words):
    def fail(*_args):
        raise kind(*words)

    return fail


def none_is_left():
    gc.collect()
    return len(Sum.made) == 0


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NULL", None),
        ("-9223372036854775808", -(1 << 63)),
        ("1.5", 1.5),
        ("''", ""),
        ("'ö' || char(0, 128137)", "ö\0\U0001f489"),
        ("x''", b""),
        ("x'00ff'", b"\0\xff"),
    ],
)
def test_arguments_and_results(sql, text, value):
    seen = []
    sql.create_function("same", 1, lambda x: seen.append(x) or x)
    assert sql.execute(
        f"SELECT same({text}), typeof(same({text})) = typeof({text})"
    ).fetchone() == (
        value,
        1,
    )
    assert [(x, type(x)) for x in seen] == [(value, type(value))] * 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1),
        (Number(5), 5),
        (Real(1.5), 1.5),
        (Text("x"), "x"),
        (float("nan"), None),
        ("x" * 3_000_000, "x" * 3_000_000),
    ],
)
def test_results_of_other_classes(sql, value, expected):
    sql.create_function("give", 0, lambda: value)
    (found,) = sql.execute("SELECT give()").fetchone()
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ([], TypeError, "an SQL function returns None, int, float, str or bytes, not list"),
        (bytearray(b"x"), TypeError, "or bytes, not bytearray"),
        (1 << 63, OverflowError, "Python int too large to convert to SQLite INTEGER"),
        ("\ud800", UnicodeEncodeError, "surrogates not allowed"),
    ],
)
def test_results_that_cannot_be(sql, value, kind, message):
    sql.create_function("give", 0, lambda: value)
    with pytest.raises(
        libcql.OperationalError, match="user-defined function raised exception"
    ) as e:
        sql.execute("SELECT give()")
    assert isinstance(e.value.__cause__, kind)
    assert message in str(e.value.__cause__)


def test_a_text_that_is_not_utf8(sql):
    sql.create_function("same", 1, lambda x: x)
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT same(CAST(x'ff' AS TEXT))")
    assert isinstance(caught.value.__cause__, UnicodeDecodeError)


def test_how_many_arguments(sql):
    sql.create_function("f", -1, lambda *args: len(args))
    sql.create_function("f", 2, lambda *args: "two")
    assert sql.execute("SELECT f(), f(1), f(1, 2), f(1, 2, 3)").fetchone() == (0, 1, "two", 3)
    many = ", ".join(["?"] * 100)
    assert sql.execute(f"SELECT f({many})", [1] * 100).fetchone() == (100,)
    sql.create_function("one", 1, abs)
    with pytest.raises(libcql.ProgrammingError, match=re.escape("wrong number of arguments")):
        sql.execute("SELECT one(1, 2)")


def test_calls_of_one_function_within_another(sql):
    sql.create_function("f", 2, lambda a, b: f"({a} {b})")
    assert sql.execute("SELECT f(f(1, f(2, 3)), f(4, 5))").fetchone() == ("((1 (2 3)) (4 5))",)


def test_only_what_is_deterministic_may_stand_in_an_index(sql):
    sql.execute("CREATE TABLE kept (x)")
    sql.create_function("same", 1, lambda x: x)
    with pytest.raises(libcql.Error, match="non-deterministic functions prohibited"):
        sql.execute("CREATE INDEX i ON kept (same(x))")
    sql.create_function("same", 1, lambda x: x, deterministic=True)
    sql.execute("CREATE INDEX i ON kept (same(x))")


def test_functions_are_replaced_and_taken_away(sql):
    class Callable:
        def __call__(self):
            return 1

    first = Callable()
    ref = weakref.ref(first)
    sql.create_function("f", 0, first)
    del first
    assert sql.execute("SELECT f()").fetchone() == (1,)
    sql.create_function(name="f", narg=0, func=lambda: 2)
    assert ref() is None
    assert sql.execute("SELECT f()").fetchone() == (2,)
    sql.create_function("f", 0, None)
    with pytest.raises(libcql.ProgrammingError, match="no such function: f"):
        sql.execute("SELECT f()")


def test_not_while_a_statement_is_half_read(sql):
    sql.create_function("f", 0, lambda: 1)
    rows = sql.execute("SELECT c FROM n")
    with pytest.raises(libcql.OperationalError, match="unable to delete/modify user-function") as e:
        sql.create_function("f", 0, lambda: 2)
    assert e.value.code == "BUSY"
    rows.close()
    sql.create_function("f", 0, lambda: 2)
    assert sql.execute("SELECT f()").fetchone() == (2,)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("f", 1, 5), TypeError, "made of a callable or None, not of int"),
        (("f", -2, abs), libcql.InterfaceError, "The SQL function f with -2 arguments"),
        (("f", 5000, abs), libcql.InterfaceError, "The SQL function f with 5000 arguments"),
        (("f" * 300, 1, abs), libcql.InterfaceError, "bad parameter"),
        (("f\0", 1, abs), ValueError, "embedded null"),
        ((5, 1, abs), TypeError, "must be str"),
    ],
)
@pytest.mark.parametrize("method", ["create_function", "create_aggregate"])
def test_definitions_that_cannot_be(sql, method, arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        getattr(sql, method)(*arguments)


# --- exceptions -------------------------------------------------------------------------------------------------------


def test_what_a_function_raises_is_the_cause(sql):
    error = LookupError("not there")

    def fail(_value):
        raise error

    sql.create_function("f", 1, fail)
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT f(1)")
    assert str(caught.value) == "user-defined function raised exception"
    assert caught.value.__cause__ is error
    assert error.__traceback__.tb_frame.f_code is fail.__code__
    assert sql.execute("SELECT 1").fetchone() == (1,)


def test_rows_before_the_exception_are_given_first(sql):
    sql.create_function("f", 1, lambda c: c if c < 10 else 1 // 0)
    rows, found = sql.execute("SELECT f(c) FROM n"), []
    with pytest.raises(libcql.OperationalError) as caught:
        for (c,) in rows:
            found.append(c)
    assert found == list(range(10))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(libcql.OperationalError):
        sql.execute("SELECT f(c) FROM n").fetchall()
    rows = sql.execute("SELECT f(c) FROM n")
    assert len(rows.fetchmany(10)) == 10
    with pytest.raises(libcql.OperationalError):
        rows.fetchmany(10)
    assert rows.fetchall() == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_shall_end_the_program_goes_through(sql, kind):
    sql.create_function("f", 1, lambda c: c if c < 10 else failing(kind, 3)())
    with pytest.raises(kind) as caught:
        sql.execute("SELECT f(c) FROM n").fetchall()
    assert caught.value.args == (3,)
    rows = sql.execute("SELECT f(c) FROM n")
    with pytest.raises(kind):  # at once: the rows before it are dropped
        [next(rows) for _ in range(10)]
    assert list(rows) == []
    assert sql.execute("SELECT 1").fetchone() == (1,)


def test_the_first_exception_counts_and_nothing_is_called_after_it(sql):
    calls = []

    class Fails(Sum):
        def step(self, value):
            calls.append("step")
            raise LookupError("first")

        def finalize(self):
            calls.append("finalize")
            raise LookupError("second")

    sql.create_aggregate("fails", 1, Fails)
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT fails(c) FROM n")
    assert str(caught.value.__cause__) == "first"
    assert calls == ["step"]
    del caught
    assert none_is_left()


# --- aggregates -------------------------------------------------------------------------------------------------------


def test_aggregates(sql):
    sql.create_aggregate("total", 1, Sum)
    assert sql.execute("SELECT total(c) FROM n").fetchall() == [(300,)]
    found = sql.execute("SELECT c % 3, total(c), total(p) FROM n GROUP BY c % 3").fetchall()
    assert found == [(0, 108, 9), (1, 92, 8), (2, 100, 8)]
    assert none_is_left()


def test_an_aggregate_of_no_rows_is_null(sql):
    made = []
    sql.create_aggregate("total", 1, lambda: made.append(1) or Sum())
    assert sql.execute("SELECT total(c) FROM n WHERE c > 100").fetchall() == [(None,)]
    assert made == []
    sql.create_aggregate("total", 1, None)
    with pytest.raises(libcql.ProgrammingError):
        sql.execute("SELECT total(c) FROM n")


@pytest.mark.parametrize("method", ["__init__", "step", "finalize"])
def test_exceptions_in_aggregates(sql, method):
    class Fails(Sum):
        pass

    setattr(Fails, method, failing(LookupError, method))
    sql.create_aggregate("fails", 1, Fails)
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT fails(c) FROM n GROUP BY c % 2")
    assert str(caught.value.__cause__) == method
    del caught
    assert none_is_left()


@pytest.mark.parametrize("missing", ["step", "finalize"])
def test_a_class_without_the_method(sql, missing):
    body = {"step": lambda self, value: None, "finalize": lambda self: 1}
    del body[missing]
    sql.create_aggregate("fails", 1, type("Fails", (), body))
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT fails(c) FROM n")
    assert isinstance(caught.value.__cause__, AttributeError)


def test_a_budget_that_ends_within_an_aggregate(sql):
    class Fails(Sum):
        def finalize(self):
            raise LookupError("nobody asked")

    sql.create_aggregate("total", 1, Fails)
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT total(c) FROM n", budget=5)
    assert caught.value.code == "BUDGET"
    del caught
    assert none_is_left()


# --- what functions do ------------------------------------------------------------------------------------------------


def test_a_function_cannot_use_its_own_connection(sql):
    uses = {
        "execute": lambda: sql.execute("SELECT 1"),
        "attach": lambda: sql.attach("n"),
        "create": lambda: sql.create_function("g", 0, abs),
        "close": lambda: sql.close(),
        "next": lambda: half_read.fetchone(),
    }
    half_read = sql.execute("SELECT c FROM n")
    half_read.fetchone()
    sql.create_function("use", 1, lambda name: uses[name]())
    for name in uses:
        with pytest.raises(libcql.OperationalError) as caught:
            sql.execute("SELECT use(?)", [name])
        cause = caught.value.__cause__
        assert (type(cause), cause.code) == (libcql.InterfaceError, "MISUSE")
        assert "an SQL function cannot use the connection whose statement calls it" in str(cause)
    assert half_read.fetchall() == [(c,) for c in range(1, 25)]


def test_a_function_may_use_the_session_and_another_connection(rows, sql):
    with_table = rows.relational("ks")
    with_table.attach("n")
    with_table.create_function("double", 1, lambda x: 2 * x)

    def look_up(c):
        (text,) = rows.execute("SELECT v FROM n WHERE p = 1 AND c = ?", [c]).one()
        (twice,) = with_table.execute(
            "SELECT double(c) FROM n WHERE p = 1 AND c = ?", [c]
        ).fetchone()
        return f"{text} {twice}"

    sql.create_function("look_up", 1, look_up)
    found = sql.execute("SELECT look_up(c) FROM n").fetchall()
    assert found == [(f"row {c} {2 * c}",) for c in range(25)]


def test_djangos_functions(rows, sql):
    functions = pytest.importorskip("django.db.backends.sqlite3._functions")
    functions.register(sql)
    digest = hashlib.md5(b"row 3").hexdigest()
    found = sql.execute(
        "SELECT MD5(v), STDDEV_POP(c), LPAD(v, 8, '-'), RAND() < 1, django_date_extract('year', ?),"
        " BITXOR(c, 1), v REGEXP ?, SQRT(4.0) FROM n GROUP BY 1 HAVING c = 3",
        ["2026-01-31", "^r.w 3$"],
    ).fetchall()
    assert found == [(digest, 0.0, "---row 3", 1, 2026, 2, 1, 2.0)]
