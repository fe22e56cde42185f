"""Chains: several statements, one after the other, in one transaction of the file."""

import pytest

import libcql

INSERT = "INSERT INTO n (p, c, v) VALUES (?, ?, ?)"
CLAIM = INSERT + " IF NOT EXISTS"
CHANGE = "UPDATE n SET v = ? WHERE p = ? AND c = ? IF v = ?"
READ = "SELECT p, c, v FROM n WHERE p = ?"


def stored(session, partition):
    return session.execute(READ, [partition]).all()


def test_each_sees_what_those_before_it_wrote(rows):
    results = rows.execute_chain(
        [
            (CLAIM, [7, 1, "a"]),
            (CHANGE, ["b", 7, 1, "a"]),
            (CHANGE, ["c", 7, 1, "b"]),
            (INSERT, [8, 1, "plain"]),
            ("DELETE FROM n WHERE p = 7 AND c = 2", None),
        ]
    )
    assert [result.was_applied for result in results] == [True] * 5
    assert [result.kind for result in results] == ["rows"] * 3 + ["void"] * 2
    assert stored(rows, 7) + stored(rows, 8) == [(7, 1, "c"), (8, 1, "plain")]


def test_a_condition_that_is_not_met_undoes_all_of_it(rows):
    rows.execute(INSERT, [7, 2, "taken"])
    results = rows.execute_chain([(CLAIM, [8, 1, "a"]), (CLAIM, [7, 2, "b"]), (CLAIM, [9, 1, "c"])])
    assert [result.was_applied for result in results] == [True, False]
    assert results[1].one() == (False, 7, 2, "taken")
    assert stored(rows, 8) == stored(rows, 9) == []


def test_or_every_statement_stands_for_itself(rows):
    rows.execute(INSERT, [7, 2, "taken"])
    claims = [(CLAIM, [8, 1, "a"]), (CLAIM, [7, 2, "b"]), (CLAIM, [9, 1, "c"])]
    results = rows.execute_chain(claims, all_or_nothing=False)
    assert [result.was_applied for result in results] == [True, False, True]
    assert stored(rows, 8) == [(8, 1, "a")]
    assert stored(rows, 7) == [(7, 2, "taken")]


def test_an_error_keeps_nothing(rows):
    with pytest.raises(libcql.InvalidRequest, match="c"):
        rows.execute_chain([(INSERT, [7, 1, "a"]), (INSERT, [7, None, "b"])], all_or_nothing=False)
    assert stored(rows, 7) == []


def test_timestamps_grow_along_the_chain(rows):
    rows.execute_chain([(INSERT, [7, number, "x"]) for number in range(5)])
    times = [row[0] for row in rows.execute("SELECT writetime(v) FROM n WHERE p = 7")]
    assert times == sorted(set(times))
    rows.execute_chain([(INSERT, [7, 1, "y"])], timestamp=77)  # older than what is there
    assert stored(rows, 7)[1] == (7, 1, "x")


def test_a_schema_that_changes_between_two_chains(rows):
    chain = [(INSERT, [7, 1, "a"]), (rows.prepare(CLAIM), [7, 2, "b"])]
    rows.execute_chain(chain)
    rows.execute("ALTER TABLE n ADD extra int")
    rows.execute("DELETE FROM n WHERE p = 7")
    assert [result.was_applied for result in rows.execute_chain(chain)] == [True, True]
    assert len(stored(rows, 7)) == 2


def test_nothing_to_do(rows):
    assert rows.execute_chain([]) == []


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM n", "TRUNCATE n", "BEGIN BATCH DELETE FROM n WHERE p = 1 APPLY BATCH"],
)
def test_other_statements_are_refused(rows, statement):
    with pytest.raises(libcql.InvalidRequest, match="only UPDATE, INSERT and DELETE"):
        rows.execute_chain([(INSERT, [7, 1, "a"]), (statement, None)])
    assert stored(rows, 7) == []


@pytest.mark.parametrize(
    "arguments, error",
    [
        ([], TypeError),
        (["INSERT"], TypeError),
        ([[INSERT]], TypeError),
        ([[(INSERT, [1])]], libcql.InvalidRequest),
        ([[(INSERT, ["x", 1, "a"])]], libcql.DataError),
        ([[(INSERT, [1, 1, "a"])] * 65536], libcql.InvalidRequest),
    ],
)
def test_mistakes(rows, arguments, error):
    with pytest.raises(error):
        rows.execute_chain(*arguments)
    with pytest.raises(TypeError):
        rows.execute_chain([], type="logged")
