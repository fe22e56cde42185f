"""execute_many(): one statement, many rows, each with an outcome of its own."""

import pytest

import libcql

INSERT = "INSERT INTO t (k, v) VALUES (?, ?)"


@pytest.fixture
def table(session):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    return session


def keys(session):
    return sorted(k for (k,) in session.execute("SELECT k FROM t"))


@pytest.mark.parametrize("concurrency", [1, 3, 10, 128])
def test_every_row_is_written(table, concurrency):
    outcomes = table.execute_many(INSERT, [(k, "x") for k in range(10)], concurrency=concurrency)
    assert outcomes == [None] * 10
    assert keys(table) == list(range(10))


def test_no_rows_are_fine(table):
    assert table.execute_many(INSERT, []) == []


def test_reads_give_their_results_in_order(table):
    table.execute_many(INSERT, [(k, f"v{k}") for k in range(5)])
    results = table.execute_many("SELECT v FROM t WHERE k = ?", [[4], [9], [0]])
    assert [r.one() for r in results] == [("v4",), None, ("v0",)]


def test_results_page_by_themselves(table):
    table.execute_many(INSERT, [(k, "x") for k in range(25)])
    results = table.execute_many(
        "SELECT k FROM t WHERE k > ? ALLOW FILTERING", [[-1], [9]], page_size=4
    )
    assert [len(list(r)) for r in results] == [25, 15]


def test_conditions_say_whether_they_were_met(table):
    results = table.execute_many(INSERT + " IF NOT EXISTS", [(1, "a"), (1, "b"), (2, "c")])
    assert [r.was_applied for r in results] == [True, False, True]
    assert results[1].one() == (False, 1, "a")


def test_params_may_be_mappings_and_the_statement_prepared(table):
    prepared = table.prepare("INSERT INTO t (k, v) VALUES (:k, :v)")
    table.execute_many(prepared, ({"k": k, "v": "x"} for k in range(3)))
    assert keys(table) == [0, 1, 2]


def test_rows_are_read_as_they_are_needed(table):
    seen = []

    def rows():
        for k in range(10):
            seen.append(keys(table))
            yield k, "x"

    table.execute_many(INSERT, rows(), concurrency=5)
    assert seen == [[]] * 5 + [[0, 1, 2, 3, 4]] * 5


def test_the_first_error_says_which_row(table):
    with pytest.raises(libcql.DataError, match="the type int takes an int, not str") as caught:
        table.execute_many(INSERT, [(1, "a"), (2, "b"), ("x", "c"), (4, "d")], concurrency=2)
    assert caught.value.row == 2
    assert keys(table) == [1, 2]


def test_a_row_refused_by_the_database_says_which_it_is(table):
    with pytest.raises(
        libcql.InvalidRequest, match="null value in condition for column k"
    ) as caught:
        table.execute_many(INSERT, [(1, "a"), (None, "b"), (3, "c")])
    assert caught.value.row == 1


def test_exceptions_may_be_returned(table):
    rows = [(1, "a"), ("x", "b"), (None, "c"), 7, (5, "e")]
    outcomes = table.execute_many(INSERT, rows, return_exceptions=True)
    assert [type(o) for o in outcomes] == [
        type(None),
        libcql.DataError,
        libcql.InvalidRequest,
        TypeError,
        type(None),
    ]
    assert [getattr(o, "row", None) for o in outcomes] == [None, 1, 2, 3, None]
    assert keys(table) == [1, 5]


def test_an_error_of_the_rows_is_raised_as_it_is(table):
    def rows():
        yield 1, "a"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        table.execute_many(INSERT, rows(), return_exceptions=True)


@pytest.mark.parametrize("concurrency", [0, -1, 4097, "8", 1.5])
def test_the_concurrency_is_checked(table, concurrency):
    with pytest.raises(ValueError, match="concurrency is a number of rows from 1 to 4096"):
        table.execute_many(INSERT, [], concurrency=concurrency)


def test_what_is_missing_is_told(table):
    with pytest.raises(TypeError, match="needs a query and the rows"):
        table.execute_many(INSERT)
    with pytest.raises(TypeError, match="not iterable"):
        table.execute_many(INSERT, 5)


def test_a_schema_change_between_groups_is_followed(table):
    def rows():
        yield 1, "a"
        table.execute("ALTER TABLE t DROP v")
        table.execute("ALTER TABLE t ADD v text")
        yield 2, "b"

    table.execute_many(INSERT, rows(), concurrency=1)
    assert table.execute("SELECT v FROM t WHERE k = 2").one() == ("b",)


def test_timestamps_are_the_callers(table):
    table.execute_many(INSERT, [(1, "a"), (2, "b")], timestamp=1234)
    assert set(table.execute("SELECT writetime(v) FROM t")) == {(1234,)}


def test_another_process_sees_groups_as_they_are_committed(url):
    with libcql.connect(url) as writer, libcql.connect(url) as reader:
        writer.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
        counts = []

        def rows():
            for k in range(6):
                counts.append(len(keys(reader)))
                yield k, "x"

        writer.execute_many(INSERT, rows(), concurrency=3)
        assert counts == [0, 0, 0, 3, 3, 3]
