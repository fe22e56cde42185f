"""Writers that are killed in the middle: what was acknowledged is there, and the file opens."""

import os
import random
import signal
import subprocess
import sys
import time

import libcql

WRITERS = 4
ROUNDS = 20

WRITER = """
import sys
import libcql

path, writer, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
session = libcql.connect(f"local:{path}?keyspace=k")
n = first
while True:
    if n % 5 == 0:
        session.execute("UPDATE acked SET n = ? WHERE writer = ? AND part = 0 IF EXISTS", (n, writer))
    session.execute("INSERT INTO acked (writer, part, n) VALUES (?, ?, ?)", (writer, n, n))
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
    n += 1
"""


def last_acknowledged(output):
    """The last whole line a writer wrote before it was killed."""
    lines = output.split(b"\n")[:-1]
    return int(lines[-1]) if lines else None


def test_kill_9_of_four_writers_loses_nothing(tmp_path):
    path = tmp_path / "killed.cql"
    with libcql.connect(f"local:{path}") as session:
        session.execute(
            "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.execute(
            "CREATE TABLE k.acked (writer int, part int, n int, PRIMARY KEY ((writer), part))"
        )
        for writer in range(WRITERS):
            session.execute("INSERT INTO k.acked (writer, part, n) VALUES (?, 0, 0)", (writer,))
    chance = random.Random(9)
    acknowledged = dict.fromkeys(range(WRITERS), 0)
    for round in range(ROUNDS):
        outputs = [(tmp_path / f"{round}-{writer}").open("w+b") for writer in range(WRITERS)]
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), str(n), str(acknowledged[n] + 1)],
                stdout=outputs[n],
            )
            for n in range(WRITERS)
        ]
        deadline = time.monotonic() + 20
        while any(os.fstat(out.fileno()).st_size == 0 for out in outputs):
            assert time.monotonic() < deadline, "a writer did not start"
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.1))
        for process in writers:
            process.send_signal(signal.SIGKILL)
        for n, (process, out) in enumerate(zip(writers, outputs, strict=True)):
            assert process.wait() == -signal.SIGKILL
            out.seek(0)
            acknowledged[n] = last_acknowledged(out.read()) or acknowledged[n]
            out.close()
        with libcql.connect(f"local:{path}?keyspace=k") as session:
            for n, last in acknowledged.items():
                found = session.execute("SELECT part, n FROM acked WHERE writer = ?", (n,)).all()
                parts = dict(found)
                assert set(range(last + 1)) <= set(parts), f"round {round}, writer {n}"
                # One more row than was acknowledged may be there: killed between the write and its line.
                assert len(parts) <= last + 2
                assert parts[0] >= last // 5 * 5
                acknowledged[n] = max(parts)
    assert all(last > ROUNDS for last in acknowledged.values())
