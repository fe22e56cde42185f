"""Session.compact() and Session.check(): what goes, what stays, and what is found."""

import subprocess
import sys
import time

import pytest
from conftest import make_keyspace

import libcql

TABLE = "CREATE TABLE t (k int PRIMARY KEY, v text, w text) WITH gc_grace_seconds = 0"


def fill(session, count):
    session.execute(TABLE)
    session.execute("CREATE INDEX ON t (w)")
    for k in range(count):
        session.execute("INSERT INTO t (k, v, w) VALUES (?, ?, ?)", (k, "v" * 500, str(k % 10)))


def let_the_grace_pass():
    """gc_grace_seconds = 0 ends with the second."""
    time.sleep(1.1)


def test_compact_shrinks_the_file_and_changes_no_answer(url, tmp_path):
    path = tmp_path / "test.cql"
    with libcql.connect(url) as session:
        fill(session, 2000)
        for k in range(0, 2000):
            if k % 10:
                session.execute("DELETE FROM t WHERE k = ?", (k,))
        session.execute("ALTER TABLE t DROP v")
        let_the_grace_pass()
        before = session.execute("SELECT * FROM t", page_size=None).all()
        report = session.compact()
        assert 0 < report.keys_removed <= 1800  # the deletions' own steps may have begun
        assert 0 < report.rows_rewritten <= 200
        assert report.bytes_after < report.bytes_before / 4
        assert path.stat().st_size == report.bytes_after
        assert session.execute("SELECT * FROM t", page_size=None).all() == before
        assert session.check().rows == 200
        again = session.compact()
        assert (again.keys_removed, again.rows_rewritten) == (0, 0)


WRITER = """
import sys, libcql
with libcql.connect(sys.argv[1]) as session:
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    for k in range(500):
        session.execute("INSERT INTO other (k) VALUES (?)", (k,))
"""


def test_others_write_while_a_file_is_compacted(url):
    with libcql.connect(url) as session:
        fill(session, 3000)
        session.execute("CREATE TABLE other (k int PRIMARY KEY)")
        session.execute("TRUNCATE t")
        for k in range(3000):
            session.execute("DELETE FROM t WHERE k = ?", (k,))
        let_the_grace_pass()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert writer.stdout.readline() == b"ready\n"
        removed = session.compact().keys_removed
        output, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0, output.decode()
        assert 0 < removed <= 3000  # the writer's own steps did the rest
        report = session.check()
        assert (report.rows, report.problems) == (500, [])


def test_progress_is_told_and_may_stop_it(session):
    fill(session, 2000)
    seen = []
    session.compact(progress=lambda doing, done: seen.append((doing, done)))
    assert {doing for doing, _ in seen} == {"sweep"}
    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert seen[-1][1] == 1.0
    seen.clear()
    session.check(progress=lambda doing, done: seen.append((doing, done)))
    assert {doing for doing, _ in seen} == {"check"}
    assert all(0.0 <= done <= 1.0 for _, done in seen)

    def stop(doing, done):
        raise KeyError(doing)

    with pytest.raises(KeyError, match="sweep"):
        session.compact(progress=stop)
    with pytest.raises(KeyError, match="check"):
        session.check(progress=stop)
    assert session.check().problem_count == 0


def test_progress_must_be_callable(session):
    with pytest.raises(TypeError, match="progress is a callable, not int"):
        session.compact(progress=1)
    with pytest.raises(TypeError, match="progress is a callable, not str"):
        session.check(progress="yes")


def test_a_closed_session_is_refused(url):
    session = libcql.connect(url)
    session.close()
    with pytest.raises(libcql.InterfaceError, match="closed"):
        session.compact()
    with pytest.raises(libcql.InterfaceError, match="closed"):
        session.check()


def test_check_counts_what_is_there(session):
    fill(session, 25)
    session.execute("DELETE FROM t WHERE k = 1")
    report = session.check()
    assert (report.tables, report.indexes) == (1, 1)
    assert (report.rows, report.entries) == (25, 24)
    assert (report.stale_entries, report.ahead_of_clock) == (0, 0)
    assert (report.problem_count, report.problems) == (0, [])


# No other copy of SQLite may open the file in this process.
DAMAGE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for (key,) in db.execute("SELECT k FROM kv WHERE k >= x'00000101' AND k < x'00000102' LIMIT 3").fetchall():
    db.execute("DELETE FROM kv WHERE k = ?", (key,))
db.execute("UPDATE kv SET v = x'FF' WHERE k = (SELECT k FROM kv WHERE k >= x'00000100' AND k < x'00000101' LIMIT 1)")
db.commit()
"""


@pytest.fixture
def path(tmp_path):
    """A file that will be damaged: nobody looks at it afterwards."""
    return tmp_path / "damaged.cql"


@pytest.fixture
def damaged(path):
    with libcql.connect(libcql.local_url(path)) as session:
        make_keyspace(session)
    return libcql.local_url(path, keyspace="ks")


def test_damage_is_found(damaged, path):
    with libcql.connect(damaged) as session:
        fill(session, 20)
    subprocess.run([sys.executable, "-c", DAMAGE, str(path)], check=True)
    with libcql.connect(damaged) as session:
        report = session.check()
    assert report.problem_count == len(report.problems) > 0
    assert any("the bytes are no row" in problem for problem in report.problems)
    assert any("index t_w_idx lacks an entry" in problem for problem in report.problems)


def test_damaged_pages_are_found(damaged, path):
    with libcql.connect(damaged) as session:
        fill(session, 500)
        session.compact()  # empties the log
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with libcql.connect(damaged) as session:
        report = session.check()
    assert any(problem.startswith("SQLite: ") for problem in report.problems)
