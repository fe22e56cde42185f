"""Results: rows, pages, columns, what a statement did."""

import pickle

import pytest
from conftest import KEYSPACE

import libcql

ALL = [(1, c, f"row {c}") for c in range(25)]


def test_iterating_gives_the_rows_of_all_pages(rows):
    result = rows.execute("SELECT p, c, v FROM n WHERE p = 1", page_size=10)
    assert iter(result) is result
    assert list(result) == ALL
    assert list(result) == []


@pytest.mark.parametrize("page_size", [1, 7, 24, 25, 26, 5000, None])
def test_all(rows, page_size):
    assert rows.execute("SELECT p, c, v FROM n", page_size=page_size).all() == ALL


def test_pages_are_fetched_as_they_are_needed(rows):
    result = rows.execute("SELECT c FROM n WHERE p = ?", [1], page_size=10)
    assert result.has_more_pages
    assert isinstance(result.paging_state, bytes)
    assert result.page() == [(c,) for c in range(10)]
    assert result.page() == []
    assert result.one() == (10,)
    assert result.fetch_next_page()
    assert result.one() == (20,)
    assert result.all() == [(c,) for c in range(21, 25)]
    assert result.one() is None
    assert not result.fetch_next_page()
    assert not result.has_more_pages
    assert result.paging_state is None


def test_a_paging_state_continues_elsewhere(rows):
    query = "SELECT c FROM n WHERE p = :p"
    seen, state = [], None
    while True:
        result = rows.execute(query, {"p": 1}, page_size=4, paging_state=state)
        seen += result.page()
        state = result.paging_state
        if state is None:
            break
    assert seen == [(c,) for c in range(25)]


def test_a_paging_state_that_is_not_one(rows):
    with pytest.raises(libcql.DatabaseError):
        rows.execute(
            "SELECT c FROM n WHERE p = 1", page_size=4, paging_state=b"\xff\x01nonsense"
        ).all()


def test_rows_written_while_paging_are_no_trouble(rows):
    result = rows.execute("SELECT c FROM n WHERE p = 1", page_size=10)
    result.page()
    rows.execute("DELETE FROM n WHERE p = 1 AND c = 10")
    rows.execute("INSERT INTO n (p, c) VALUES (1, 30)")
    assert result.all() == [(c,) for c in (*range(11, 25), 30)]


def test_dicts(rows):
    result = rows.execute("SELECT c, v AS words FROM n WHERE p = 1", page_size=10)
    assert result.one() == (0, "row 0")
    found = list(result.dicts())
    assert found[0] == {"c": 1, "words": "row 1"}
    assert len(found) == 24


def test_columns(rows):
    result = rows.execute("SELECT c, v, writetime(v) FROM n")
    assert result.column_names == ("c", "v", "writetime(v)")
    assert [tuple(c) for c in result.columns] == [
        ("c", "int"),
        ("v", "text"),
        ("writetime(v)", "bigint"),
    ]
    column = result.columns[1]
    assert (column.name, column.type, column.keyspace, column.table) == ("v", "text", "ks", "n")
    assert result.columns is result.columns
    again = pickle.loads(pickle.dumps(column))
    assert (again.name, again.type, again.keyspace, again.table) == ("v", "text", "ks", "n")


def test_no_rows_is_not_no_columns(rows):
    result = rows.execute("SELECT c FROM n WHERE p = 99")
    assert (result.kind, result.column_names, result.one(), result.all()) == (
        "rows",
        ("c",),
        None,
        [],
    )


def test_a_write_has_no_rows(rows):
    result = rows.execute("INSERT INTO n (p, c) VALUES (5, 5)")
    assert (result.kind, result.columns, result.column_names) == ("void", (), ())
    assert result.one() is None
    assert result.all() == result.page() == list(result.dicts()) == []
    assert result.was_applied
    assert result.schema_change is None
    assert result.warnings == []
    assert not result.fetch_next_page()


def test_a_condition_tells_whether_it_was_met(rows):
    insert = "INSERT INTO n (p, c, v) VALUES (?, ?, ?) IF NOT EXISTS"
    first = rows.execute(insert, [2, 1, "mine"])
    assert first.was_applied
    assert list(first.dicts()) == [{"[applied]": True}]
    second = rows.execute(insert, [2, 1, "theirs"])
    assert not second.was_applied
    assert second.one() == (False, 2, 1, "mine")  # was_applied has consumed nothing
    assert not second.was_applied
    assert rows.execute("SELECT p FROM n").was_applied


def test_compare_and_set(rows):
    update = "UPDATE n SET v = ? WHERE p = ? AND c = ? IF v = ?"
    assert rows.execute(update, ["new", 1, 3, "row 3"]).was_applied
    result = rows.execute(update, ["newer", 1, 3, "row 3"])
    assert next(result.dicts()) == {"[applied]": False, "v": "new"}


def test_schema_change(session):
    change = session.execute(f"CREATE KEYSPACE other {KEYSPACE}").schema_change
    assert (change.change, change.target, change.keyspace) == ("CREATED", "KEYSPACE", "other")
    result = session.execute("CREATE TABLE other.t (k int PRIMARY KEY)")
    assert result.kind == "schema_change"
    assert tuple(result.schema_change) == ("CREATED", "TABLE", "other", "t")
    result = session.execute("ALTER TABLE other.t ADD v int")
    assert tuple(result.schema_change) == ("UPDATED", "TABLE", "other", "t")
    result = session.execute("DROP TABLE other.t")
    assert tuple(result.schema_change) == ("DROPPED", "TABLE", "other", "t")


def test_results_prepared_statements_and_sessions_are_made_by_libcql_alone():
    for kind in (libcql.Session, libcql.Result, libcql.Prepared):
        with pytest.raises(TypeError):
            kind()
