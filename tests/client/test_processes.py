"""Several processes on one file."""

import subprocess
import sys

import libcql

WRITER = """
import sys, libcql
url, number, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with libcql.connect(url) as session:
    for k in range(count):
        session.execute("INSERT INTO t (p, c) VALUES (?, ?)", [number, k])
        while True:
            (n,) = session.execute("SELECT n FROM total WHERE k = 1").one()
            if session.execute("UPDATE total SET n = ? WHERE k = 1 IF n = ?", [n + 1, n]).was_applied:
                break
"""


def test_writers_in_four_processes_lose_nothing(url):
    with libcql.connect(url) as session:
        session.execute("CREATE TABLE t (p int, c int, PRIMARY KEY (p, c))")
        session.execute("CREATE TABLE total (k int PRIMARY KEY, n int)")
        session.execute("INSERT INTO total (k, n) VALUES (1, 0)")
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, url, str(n), "25"], stderr=subprocess.PIPE
            )
            for n in range(4)
        ]
        for writer in writers:
            _, errors = writer.communicate(timeout=120)
            assert writer.returncode == 0, errors.decode()
        assert session.execute("SELECT n FROM total WHERE k = 1").one() == (100,)
        assert session.execute("SELECT count(*) FROM t").one() == (100,)


def test_a_schema_made_by_another_process(url):
    code = "import sys, libcql; libcql.connect(sys.argv[1]).execute('CREATE TABLE late (k int PRIMARY KEY)')"
    with libcql.connect(url) as session:
        subprocess.run([sys.executable, "-c", code, url], check=True, timeout=60)
        assert session.execute("SELECT * FROM late").all() == []
