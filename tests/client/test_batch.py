"""Batches."""

import pytest

import libcql

INSERT = "INSERT INTO n (p, c, v) VALUES (?, ?, ?)"


def test_a_batch_of_texts_and_prepared_statements(rows):
    prepared = rows.prepare(INSERT)
    result = rows.execute_batch(
        [
            (prepared, [3, 1, "a"]),
            (INSERT, {"p": 3, "c": 2, "v": "b"}),
            ("INSERT INTO n (p, c, v) VALUES (3, 3, 'c')", None),
            ("DELETE FROM n WHERE p = ? AND c = ?", (1, 0)),
        ]
    )
    assert result.kind == "void"
    assert rows.execute("SELECT v FROM n WHERE p = 3").all() == [("a",), ("b",), ("c",)]
    assert rows.execute("SELECT c FROM n WHERE p = 1").one() == (1,)


@pytest.mark.parametrize("kind", ["logged", "unlogged"])
def test_kinds_and_timestamps(rows, kind):
    rows.execute_batch([(INSERT, [4, 1, "x"])], type=kind, timestamp=77, consistency="ONE")
    assert rows.execute("SELECT writetime(v) FROM n WHERE p = 4").one() == (77,)


def test_a_conditional_batch_applies_as_a_whole(rows):
    batch = [
        (INSERT + " IF NOT EXISTS", [1, 50, "new"]),
        (INSERT + " IF NOT EXISTS", [1, 0, "taken"]),
    ]
    result = rows.execute_batch(batch)
    assert not result.was_applied
    assert rows.execute("SELECT v FROM n WHERE p = 1 AND c = 50").one() is None
    assert rows.execute_batch(batch[:1]).was_applied


def test_one_bad_statement_and_nothing_is_written(rows):
    with pytest.raises(libcql.DataError):
        rows.execute_batch([(INSERT, [5, 1, "x"]), (INSERT, [5, 2, 3])])
    with pytest.raises(libcql.InvalidRequest):
        rows.execute_batch([(INSERT, [5, 1, "x"]), ("SELECT * FROM n", None)])
    with pytest.raises(libcql.SyntaxException):
        rows.execute_batch([(INSERT, [5, 1, "x"]), ("INSERT", None)])
    assert rows.execute("SELECT * FROM n WHERE p = 5").all() == []


def test_arguments(rows):
    assert rows.execute_batch([]).kind == "void"
    for statements in ("x", [INSERT], [(INSERT,)], [(INSERT, [1, 1, "x"], 3)], 5):
        with pytest.raises(TypeError):
            rows.execute_batch(statements)
    with pytest.raises(ValueError, match="'logged', 'unlogged' or 'counter'"):
        rows.execute_batch([], type="big")
    with pytest.raises(TypeError):
        rows.execute_batch([], page_size=5)
