"""Cassandra's error classes as exceptions, each under its PEP 249 parent."""

import pickle

import pytest
from conftest import KEYSPACE

import libcql

CASES = [
    ("SELEC * FROM t", libcql.SyntaxException, libcql.ProgrammingError, "SYNTAX"),
    ("SELECT * FROM nowhere", libcql.InvalidRequest, libcql.ProgrammingError, "INVALID"),
    ("SELECT nothing FROM n", libcql.InvalidRequest, libcql.ProgrammingError, "INVALID"),
    ("CREATE KEYSPACE x", libcql.SyntaxException, libcql.ProgrammingError, "SYNTAX"),
    (
        "CREATE KEYSPACE x WITH replication = {'class': 'Nonsense'}",
        libcql.ConfigurationException,
        libcql.ProgrammingError,
        "CONFIG",
    ),
    (
        f"CREATE KEYSPACE ks {KEYSPACE}",
        libcql.AlreadyExists,
        libcql.ProgrammingError,
        "ALREADY_EXISTS",
    ),
]


@pytest.mark.parametrize(("query", "kind", "parent", "code"), CASES, ids=lambda x: str(x)[:30])
def test_the_class_tells_what_is_wrong(rows, query, kind, parent, code):
    with pytest.raises(kind) as caught:
        rows.execute(query)
    error = caught.value
    assert type(error) is kind
    assert isinstance(error, parent)
    assert isinstance(error, libcql.Error)
    assert error.code == code
    assert str(error)


def test_a_syntax_error_has_a_place(session):
    with pytest.raises(libcql.SyntaxException) as caught:
        session.execute("SELECT *\nFRM t")
    assert (caught.value.line, caught.value.column) == (2, 0)
    assert str(caught.value).startswith("line 2:0 ")


def test_what_exists_already_is_named(rows):
    with pytest.raises(libcql.AlreadyExists) as caught:
        rows.execute("CREATE TABLE n (k int PRIMARY KEY)")
    assert (caught.value.keyspace, caught.value.table) == ("ks", "n")


def test_filtering_is_refused_in_cassandras_words(rows):
    with pytest.raises(libcql.InvalidRequest, match="use ALLOW FILTERING"):
        rows.execute("SELECT * FROM n WHERE v = 'x'")


def test_exceptions_travel_between_processes(rows):
    with pytest.raises(libcql.AlreadyExists) as caught:
        rows.execute("CREATE TABLE n (k int PRIMARY KEY)")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (libcql.AlreadyExists, str(caught.value))
    assert (again.code, again.table) == ("ALREADY_EXISTS", "n")


def test_a_text_with_a_nul_or_a_surrogate(session):
    with pytest.raises(libcql.SyntaxException):
        session.execute("SELECT * FROM system.local\0")
    with pytest.raises(UnicodeEncodeError):
        session.execute("SELECT '\ud800' FROM system.local")
