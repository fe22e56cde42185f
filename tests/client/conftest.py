"""Fixtures for the tests of libcql from Python: a session in memory, and one on a file."""

import pytest

import libcql

KEYSPACE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")


def make_keyspace(session, name="ks"):
    """Create a keyspace and make it the session's own."""
    session.execute(f"CREATE KEYSPACE {name} {KEYSPACE}")
    session.execute(f"USE {name}")


def assert_sound(session):
    """Whatever a test has done, everything that must hold in its file still does."""
    report = session.check()
    assert report.problems == []
    assert report.stale_entries == 0


@pytest.fixture
def session():
    """A session over an empty keyspace in memory."""
    with libcql.connect("local::memory:") as s:
        make_keyspace(s)
        yield s
        if not s.closed:
            assert_sound(s)


@pytest.fixture
def url(tmp_path):
    """The URL of a database file with an empty keyspace ks, which is the default one."""
    text = libcql.local_url(tmp_path / "test.cql")
    with libcql.connect(text) as s:
        make_keyspace(s)
    yield text + "?keyspace=ks"
    with libcql.connect(text) as s:
        assert_sound(s)


@pytest.fixture
def rows(session):
    """A table n (p int, c int, v text) with 25 rows in partition 1."""
    session.execute("CREATE TABLE n (p int, c int, v text, PRIMARY KEY (p, c))")
    for c in range(25):
        session.execute("INSERT INTO n (p, c, v) VALUES (?, ?, ?)", [1, c, f"row {c}"])
    return session


@pytest.fixture
def sql(rows):
    """A connection over the table n of the fixture rows."""
    connection = rows.relational("ks")
    connection.attach("n")
    yield connection
    connection.close()
