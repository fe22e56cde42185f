"""Prepared statements: what they tell, and how they follow the schema."""

import pytest

import libcql


def test_what_a_prepared_statement_tells(rows):
    query = "SELECT c, v FROM n WHERE p = ? AND c > :least LIMIT ?"
    prepared = rows.prepare(query)
    assert prepared.text == query
    assert prepared.bind_names == ("p", "least", "[limit]")
    assert prepared.bind_types == ("int", "int", "int")
    assert [tuple(c) for c in prepared.columns] == [("c", "int"), ("v", "text")]
    assert prepared.is_select
    assert not prepared.is_conditional
    assert rows.execute(prepared, [1, 3, 2]).all() == [(4, "row 4"), (5, "row 5")]
    assert rows.execute(prepared, {"p": 1, "least": 22, "[limit]": 9}, page_size=1).all() == [
        (23, "row 23"),
        (24, "row 24"),
    ]


def test_a_prepared_write(rows):
    prepared = rows.prepare("UPDATE n SET v = ? WHERE p = ? AND c = ? IF v = ?")
    assert prepared.is_conditional
    assert not prepared.is_select
    assert prepared.columns == ()
    assert prepared.bind_types == ("text", "int", "int", "text")


def test_a_prepared_statement_belongs_to_its_session(rows):
    with libcql.connect("local::memory:") as other:
        prepared = other.prepare("SELECT key FROM system.local")
        with pytest.raises(libcql.InterfaceError, match="another session"):
            rows.execute(prepared)
        with pytest.raises(TypeError, match="has its keyspace"):
            other.execute(prepared, keyspace="x")


def test_errors_come_when_it_is_prepared(session):
    with pytest.raises(libcql.SyntaxException):
        session.prepare("SELEC * FROM t")
    with pytest.raises(libcql.InvalidRequest):
        session.prepare("SELECT * FROM nowhere")


def test_other_sessions_may_add_columns(url):
    with libcql.connect(url) as mine, libcql.connect(url) as theirs:
        mine.execute("CREATE TABLE t (k int PRIMARY KEY)")
        mine.execute("INSERT INTO t (k) VALUES (1)")
        prepared = mine.prepare("SELECT * FROM t WHERE k = ?")
        assert mine.execute(prepared, [1]).one() == (1,)
        theirs.execute("ALTER TABLE t ADD v text")
        theirs.execute("INSERT INTO t (k, v) VALUES (1, 'x')")
        result = mine.execute(prepared, [1])
        assert result.column_names == ("k", "v")
        assert result.one() == (1, "x")
        assert mine.execute("SELECT * FROM t WHERE k = ?", [1]).one() == (1, "x")
        assert [c.name for c in mine.prepare("SELECT * FROM t WHERE k = ?").columns] == ["k", "v"]


def test_a_column_that_comes_back_with_another_type(url):
    """The markers' types have changed: the values are encoded again, for the new ones."""
    with libcql.connect(url) as mine, libcql.connect(url) as theirs:
        mine.execute("CREATE TABLE t (k int PRIMARY KEY, v int)")
        query = "INSERT INTO t (k, v) VALUES (?, ?)"
        prepared = mine.prepare(query)
        mine.execute(prepared, [1, 1])
        theirs.execute("DROP TABLE t")
        with pytest.raises(libcql.InvalidRequest):
            mine.execute(prepared, [1, 1])
        theirs.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
        mine.execute(prepared, [1, "text now"])
        assert prepared.bind_types == ("int", "text")
        mine.execute(query, [2, "text too"])
        with pytest.raises(libcql.DataError):
            mine.execute(query, [2, 5])
        mine.execute_batch([(query, [3, "in a batch"]), (prepared, [4, "as well"])])
        found = mine.execute("SELECT v FROM t WHERE k IN (1, 2, 3, 4)").all()
        assert found == [("text now",), ("text too",), ("in a batch",), ("as well",)]


def test_more_texts_than_the_cache_holds(rows):
    for n in range(1100):
        assert rows.execute(f"SELECT v FROM n WHERE p = ? AND c < {n + 1} LIMIT 1", [1]).one() == (
            "row 0",
        )
    assert rows.execute("SELECT v FROM n WHERE p = ? AND c < 1 LIMIT 1", [1]).one() == ("row 0",)


def test_preparing_again_looks_at_the_schema_as_it_is(session):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v int)")
    query = "INSERT INTO t (k, v) VALUES (?, ?)"
    assert session.prepare(query).bind_types == ("int", "int")
    session.execute(query, [1, 1])
    session.execute("DROP TABLE t")
    session.execute("CREATE TABLE t (k text PRIMARY KEY, v int)")
    assert session.prepare(query).bind_types == ("text", "int")
    session.execute(query, ["one", 1])
    with pytest.raises(libcql.DataError, match="k: the type text takes a str, not int"):
        session.execute(query, [1, 1])
