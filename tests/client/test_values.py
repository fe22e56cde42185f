"""How values reach their markers: sequences, mappings, null and unset, counts, timestamps."""

import collections

import pytest

import libcql
from libcql import UNSET

INSERT = "INSERT INTO n (p, c, v) VALUES (?, ?, ?)"


def row(session, p, c):
    return session.execute("SELECT v FROM n WHERE p = ? AND c = ?", (p, c)).one()


def test_a_sequence_or_a_mapping(rows):
    rows.execute(INSERT, (7, 1, "tuple"))
    rows.execute(INSERT, [7, 2, "list"])
    rows.execute(INSERT, collections.UserList([7, 3, "user list"]))
    rows.execute(INSERT, {"p": 7, "c": 4, "v": "by column", "more": "is ignored"})
    rows.execute(
        "INSERT INTO n (p, c, v) VALUES (:a, :b, :text)", {"a": 7, "b": 5, "text": "named"}
    )
    rows.execute(INSERT, collections.ChainMap({"v": "chain"}, {"p": 7, "c": 6}))
    found = rows.execute("SELECT v FROM n WHERE p = 7").all()
    assert [v for (v,) in found] == ["tuple", "list", "user list", "by column", "named", "chain"]


def test_text_in_values_stays_text(rows):
    words = "'); DROP TABLE n; -- %s ? :x"
    rows.execute(INSERT, [7, 1, words])
    assert row(rows, 7, 1) == (words,)


def test_none_writes_null_and_unset_writes_nothing(rows):
    rows.execute(INSERT, [1, 3, UNSET])
    assert row(rows, 1, 3) == ("row 3",)
    rows.execute(INSERT, [1, 3, None])
    assert row(rows, 1, 3) == (None,)
    assert repr(UNSET) == "libcql.UNSET"
    with pytest.raises(libcql.InvalidRequest):
        rows.execute(INSERT, [1, UNSET, "x"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([1, 2], "there were 3 markers(?) in CQL but 2 bound variables"),
        ([1, 2, "x", 4], "there were 3 markers(?) in CQL but 4 bound variables"),
        ([], "there were 3 markers(?) in CQL but 0 bound variables"),
        ({"p": 1, "c": 2}, "there is no value for the marker 'v'"),
    ],
)
def test_a_value_per_marker(rows, params, message):
    with pytest.raises(libcql.InvalidRequest) as caught:
        rows.execute(INSERT, params)
    assert message in str(caught.value)


def test_markers_without_values(rows):
    with pytest.raises(libcql.InvalidRequest):
        rows.execute(INSERT)


def test_timestamps(rows):
    rows.execute(INSERT, [9, 1, "late"], timestamp=2000)
    rows.execute(INSERT, [9, 1, "early"], timestamp=1000)
    assert row(rows, 9, 1) == ("late",)
    assert rows.execute("SELECT writetime(v) FROM n WHERE p = 9 AND c = 1").one() == (2000,)


def test_consistency_levels(rows):
    for level in ("ONE", libcql.consistency.QUORUM, libcql.Consistency.LOCAL_ONE, 5):
        assert rows.execute("SELECT c FROM n WHERE p = 1", consistency=level).one() == (0,)
    with pytest.raises(
        libcql.InvalidRequest, match="ANY ConsistencyLevel is only supported for writes"
    ):
        rows.execute("SELECT c FROM n WHERE p = 1", consistency="ANY")
    with pytest.raises(libcql.InvalidRequest, match="conditional updates"):
        rows.execute(INSERT, [1, 1, "x"], consistency="SERIAL")


def test_a_list_that_changes_while_it_is_bound(session):
    """The values are taken before the first of them runs code of its own."""
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v list<int>)")

    class Sneaky(int):
        def __index__(self):
            values.clear()
            return 5

    values = [Sneaky(1), 2, 3]
    session.execute("INSERT INTO t (k, v) VALUES (1, ?)", [values])
    assert len(session.execute("SELECT v FROM t").one()[0]) == 3
