"""Writers that are killed in the middle: what was acknowledged is there, nothing else is, and the file is sound.

CQL_KILL_ROUNDS is how often four writers and a compaction are started and killed (default 20).
"""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

from kill_writer import KEYS, TAGS

import libcql

WRITERS = 4
ROUNDS = int(os.environ.get("CQL_KILL_ROUNDS", "20"))
WRITER = pathlib.Path(__file__).parent / "kill_writer.py"
START_S = 30  # for a process to come up on a busy machine

TABLES = [
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE k.item (writer int, k int, v int, tag int, PRIMARY KEY (writer, k)) WITH gc_grace_seconds = 1",
    "CREATE INDEX item_tag ON k.item (tag)",
    "CREATE TABLE k.hits (writer int PRIMARY KEY, n counter)",
    "CREATE TABLE k.total (k int PRIMARY KEY, n int)",
    "CREATE TABLE k.brief (writer int, k int, v int, PRIMARY KEY (writer, k)) WITH gc_grace_seconds = 0",
    "INSERT INTO k.total (k, n) VALUES (0, 0)",
]


class Expected:
    """What one writer's rows are, by what it said."""

    def __init__(self):
        self.rows, self.hits, self.totals = {}, 0, 0

    def copy(self):
        other = Expected()
        other.rows, other.hits, other.totals = dict(self.rows), self.hits, self.totals
        return other

    def apply(self, name, key, value):
        rows = self.rows
        there = key in rows
        if name in ("put", "set") or (name == "new" and not there) or (name == "cas" and there):
            rows[key] = value
        elif name == "delete":
            rows.pop(key, None)
        elif name == "clear":
            for k in range(key, key + 4):
                rows.pop(k, None)
        elif name == "both":
            rows[key] = rows[key + KEYS] = value
        self.hits += name == "count"
        self.totals += name == "total"


def replay(expected, said):
    """Apply what was acknowledged; return the state with the one operation more that may have been done, or None."""
    lines = said.split(b"\n")[:-1]  # the last may be cut
    pending, done = None, 0
    for line in lines:
        if line == b"<":
            expected.apply(*pending)
            pending, done = None, done + 1
        else:
            _, name, key, value = line.decode().split()
            pending = name, int(key), int(value)
    if pending is None:
        return None, done
    further = expected.copy()
    further.apply(*pending)
    return further, done


def stored(session, writer):
    found = Expected()
    found.rows = dict(
        session.execute("SELECT k, v FROM item WHERE writer = ?", (writer,), page_size=None)
    )
    hits = session.execute("SELECT n FROM hits WHERE writer = ?", (writer,)).one()
    found.hits = hits[0] if hits else 0
    return found


def start(url, path, *arguments):
    out = path.open("w+b")
    command = [sys.executable, str(WRITER), url, *map(str, arguments)]
    return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT), out


def wait_until_all_speak(processes):
    deadline = time.monotonic() + START_S
    while any(os.fstat(out.fileno()).st_size == 0 for _, out in processes):
        assert time.monotonic() < deadline, "a writer did not start"
        time.sleep(0.01)


def kill(processes):
    """Kill them all at once; return what each had said."""
    for process, _ in processes:
        process.send_signal(signal.SIGKILL)
    said = []
    for process, out in processes:
        status = process.wait()
        out.seek(0)
        said.append(out.read())
        out.close()
        assert status == -signal.SIGKILL, said[-1].decode()
    return said


def check_writers(session, expected, said, round_):
    """Compare; what is stored becomes what is expected. Return how many were acknowledged, and how many totals may be."""
    done, more = 0, 0
    for writer, state in enumerate(expected):
        further, count = replay(state, said[writer])
        done += count
        found = stored(session, writer)
        choices = [state] if further is None else [state, further]
        assert any((found.rows, found.hits) == (choice.rows, choice.hits) for choice in choices), (
            f"round {round_}, writer {writer}: {found.rows} is none of {[c.rows for c in choices]}"
        )
        more += further is not None and further.totals > state.totals
        state.rows, state.hits = found.rows, found.hits
    return done, more


def check_index(session, expected):
    for tag in range(TAGS):
        found = set(
            session.execute("SELECT writer, k FROM item WHERE tag = ?", (tag,), page_size=None)
        )
        wanted = {
            (writer, k)
            for writer, state in enumerate(expected)
            for k, v in state.rows.items()
            if v % TAGS == tag
        }
        assert found == wanted


def test_kill_9_of_writers_and_a_compaction_loses_nothing(tmp_path):
    url = libcql.local_url(tmp_path / "killed.cql", keyspace="k")
    with libcql.connect(url) as session:
        for statement in TABLES:
            session.execute(statement)
    chance = random.Random(9)
    expected = [Expected() for _ in range(WRITERS)]
    acknowledged, total = 0, 0
    for round_ in range(ROUNDS):
        processes = [
            start(url, tmp_path / f"{round_}-{n}", n, round_ * WRITERS + n + 1)
            for n in range(WRITERS)
        ]
        processes.append(start(url, tmp_path / f"{round_}-compact", "compact"))
        wait_until_all_speak(processes[:WRITERS])
        time.sleep(chance.uniform(0.0, 0.3))
        said = kill(processes)
        with libcql.connect(url) as session:
            before = sum(state.totals for state in expected)
            done, more = check_writers(session, expected, said, round_)
            acknowledged += done
            check_index(session, expected)
            added = sum(state.totals for state in expected) - before
            (n,) = session.execute("SELECT n FROM total WHERE k = 0").one()
            assert total + added <= n <= total + added + more
            total = n
            report = session.check()
            assert report.problems == []
            assert report.stale_entries == 0
    assert acknowledged > ROUNDS * WRITERS
    print(f"{ROUNDS} rounds, {acknowledged} writes acknowledged, none lost")
