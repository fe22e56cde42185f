"""Opening, closing, URLs, keyspaces, backup."""

import gc
import os
import pathlib

import pytest
from conftest import KEYSPACE

import libcql


def test_pep_249_globals():
    assert (libcql.apilevel, libcql.threadsafety, libcql.paramstyle) == ("2.0", 2, "format")
    assert issubclass(libcql.ProgrammingError, libcql.DatabaseError)
    assert issubclass(libcql.DatabaseError, libcql.Error)
    assert not issubclass(libcql.InterfaceError, libcql.DatabaseError)


def test_a_file_keeps_what_was_written(url):
    with libcql.connect(url) as session:
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
        session.execute("INSERT INTO t (k, v) VALUES (1, 'kept')")
    with libcql.connect(url) as session:
        assert session.execute("SELECT v FROM t WHERE k = 1").one() == ("kept",)


def test_the_session_tells_about_itself(url):
    session = libcql.connect(url)
    assert session.url == url
    assert session.keyspace == "ks"
    assert not session.closed
    session.close()
    session.close()
    assert session.closed
    assert "closed" in repr(session)


def test_a_closed_session_refuses_everything(url):
    session = libcql.connect(url)
    prepared = session.prepare("SELECT * FROM system.local")
    session.close()
    for call in (
        lambda: session.execute("SELECT * FROM system.local"),
        lambda: session.execute(prepared),
        lambda: session.prepare("SELECT * FROM system.local"),
        lambda: session.execute_batch([]),
        lambda: session.backup("x"),
        lambda: session.__enter__(),
    ):
        with pytest.raises(libcql.InterfaceError, match="closed") as caught:
            call()
        assert caught.value.code == "CLOSED"
    assert prepared.bind_names == ()


def test_rows_in_hand_outlive_the_session(url):
    session = libcql.connect(url)
    result = session.execute("SELECT key FROM system.local")
    session.close()
    del session
    gc.collect()
    assert result.all() == [("local",)]


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("db.cql", libcql.InterfaceError, "write local:PATH"),
        ("", libcql.InterfaceError, "not a session URL"),
        ("local:", libcql.InterfaceError, "names no file"),
        ("local://tmp/x.cql", libcql.InterfaceError, "no // before"),
        ("local:x?colour=red", libcql.InterfaceError, "Unknown option 'colour'"),
        ("local:x?keyspace", libcql.InterfaceError, "has no value"),
        ("local:x?keyspace=", libcql.InterfaceError, "is empty"),
        ("local:x?durability=half", libcql.InterfaceError, "normal or full, not 'half'"),
        ("local:x?busy_timeout_ms=-1", libcql.InterfaceError, "from 1 to"),
        ("local:x?busy_timeout_ms=0", libcql.InterfaceError, "from 1 to"),
        ("local:x?keyspace=a&keyspace=b", libcql.InterfaceError, "given twice"),
        ("local:x%2", libcql.InterfaceError, "two hex digits"),
        ("local:x%00y", libcql.InterfaceError, "NUL"),
        ("local:x\0y", libcql.InterfaceError, "NUL"),
        ("local:" + "x" * 9000, libcql.InterfaceError, "longer than"),
        ("local::memory:?durability=full", libcql.InterfaceError, "no meaning"),
        ("cassandra://h1,h2:x/ks", libcql.InterfaceError, "behind 'h2' is a port"),
        ("astra:nowhere.zip", libcql.InterfaceError, "No such file"),
        ("astra:b.zip?user=token", libcql.InterfaceError, "the password is missing"),
    ],
)
def test_a_url_that_is_not_understood(url, error, message):
    with pytest.raises(error) as caught:
        libcql.connect(url)
    assert message in str(caught.value)
    assert caught.value.code in ("BAD_URL", "UNSUPPORTED")


def test_urls_are_text():
    with pytest.raises(TypeError):
        libcql.connect(5)


def test_a_path_with_odd_characters(tmp_path):
    path = tmp_path / "50% done? ünï.cql"
    with libcql.connect(libcql.local_url(path, durability="full", busy_timeout_ms=500)) as session:
        session.execute(f"CREATE KEYSPACE ks {KEYSPACE}")
    assert path.exists()


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(libcql.OperationalError) as caught:
        libcql.connect(libcql.local_url(tmp_path / "none" / "x.cql"))
    assert caught.value.code == "IO"


def test_a_file_that_is_not_ours_is_refused_unharmed(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear reader, this is no database. " * 100)
    with pytest.raises(libcql.DatabaseError) as caught:
        libcql.connect(libcql.local_url(path))
    assert caught.value.code == "NOT_A_DATABASE"
    assert path.read_bytes() == b"Dear reader, this is no database. " * 100
    assert os.listdir(tmp_path) == ["letter.txt"]


def test_the_keyspace_need_not_exist_when_the_session_is_opened(tmp_path):
    with libcql.connect(libcql.local_url(tmp_path / "x.cql"), keyspace="later") as session:
        assert session.keyspace == "later"
        with pytest.raises(libcql.InvalidRequest):
            session.execute("SELECT * FROM t")
        session.execute(f"CREATE KEYSPACE later {KEYSPACE}")
        session.execute("CREATE TABLE t (k int PRIMARY KEY)")
        assert session.execute("SELECT * FROM t").all() == []


def test_keyspace_twice_is_refused():
    with pytest.raises(libcql.InterfaceError, match="twice"):
        libcql.connect("local::memory:?keyspace=a", keyspace="b")


def test_use_changes_the_keyspace_and_what_texts_mean(session):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    session.execute("INSERT INTO t (k, v) VALUES (?, ?)", [1, "first"])
    session.execute(f"CREATE KEYSPACE second {KEYSPACE}")
    result = session.execute("USE second")
    assert (result.kind, session.keyspace) == ("set_keyspace", "second")
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    query = "SELECT v FROM t WHERE k = ?"
    assert session.execute(query, [1]).one() is None
    assert session.execute(query, [1], keyspace="ks").one() == ("first",)
    session.execute("USE ks")
    assert session.execute(query, [1]).one() == ("first",)
    with pytest.raises(libcql.InvalidRequest):
        session.execute("USE nowhere")
    assert session.keyspace == "ks"


def test_two_sessions_in_memory_are_two_databases():
    with libcql.connect("local::memory:") as a, libcql.connect("local::memory:") as b:
        a.execute(f"CREATE KEYSPACE ks {KEYSPACE}")
        b.execute(f"CREATE KEYSPACE ks {KEYSPACE}")


def test_backup(url, tmp_path):
    copy = tmp_path / "copy.cql"
    with libcql.connect(url) as session:
        session.execute("CREATE TABLE t (k int PRIMARY KEY)")
        session.execute("INSERT INTO t (k) VALUES (1)")
        session.backup(copy)
        session.execute("INSERT INTO t (k) VALUES (2)")
        with pytest.raises(libcql.OperationalError):
            session.backup(str(copy))
    with libcql.connect(libcql.local_url(copy), keyspace="ks") as session:
        assert session.execute("SELECT k FROM t").all() == [(1,)]


def test_a_file_has_no_nodes(session):
    with pytest.raises(libcql.NotSupportedError, match="has no nodes"):
        session.nodes()


def test_arguments_are_checked(session):
    for kwargs, error in (
        ({"colour": 1}, TypeError),
        ({"keyspace": 5}, TypeError),
        ({"page_size": 0}, ValueError),
        ({"page_size": "5"}, ValueError),
        ({"paging_state": "x"}, TypeError),
        ({"consistency": "SOME"}, ValueError),
        ({"consistency": 99}, ValueError),
        ({"serial_consistency": "QUORUM"}, ValueError),
        ({"timestamp": "now"}, TypeError),
        ({"timestamp": 2**63}, libcql.DataError),
    ):
        with pytest.raises(error):
            session.execute("SELECT * FROM system.local", **kwargs)
    for args in ((), (None,), (5,), ("SELECT", [], "x")):
        with pytest.raises(TypeError):
            session.execute(*args)
    with pytest.raises(TypeError, match="sequence or a mapping"):
        session.execute("SELECT * FROM system.local", "abc")


def test_stubs_and_marker_are_shipped():
    home = pathlib.Path(libcql.__file__).parent
    assert (home / "py.typed").exists()
    assert (home / "_libcql.pyi").exists()
