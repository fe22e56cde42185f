"""What does CQL on a file cost, beside Python's own sqlite3 on one?

The same table, rows and values; both in WAL mode with synchronous=NORMAL and one commit for each insert. The engine does
more for each statement (timestamps, tombstones, a merge with what is stored), so a ratio of 1 is not the aim: it is the floor.
"""

import random
import sqlite3
import time
import uuid

from bench import Bench

import libcql

ROWS = 20_000
BATCH = 500
CREATE_SQL = "CREATE TABLE party (city TEXT, id BLOB, name TEXT, people INTEGER, PRIMARY KEY (city, id)) WITHOUT ROWID"
CREATE_CQL = (
    "CREATE TABLE party (city text, id uuid, name text, people int, PRIMARY KEY ((city), id))"
)
INSERT = "INSERT INTO party (city, id, name, people) VALUES (?, ?, ?, ?)"
GET = "SELECT name, people FROM party WHERE city = ? AND id = ?"
SCAN = "SELECT city, id, name, people FROM party"


def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def benches(folder):
    """The questions, over two files filled with the same rows."""
    chance = random.Random(1)
    rows = [
        (f"city {number % 200}", uuid.UUID(int=chance.getrandbits(128)), f"party {number}", number)
        for number in range(ROWS)
    ]
    cql = libcql.connect(f"local:{folder / 'bench.cql'}")
    cql.execute(
        "CREATE KEYSPACE b WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    )
    cql.execute("USE b")
    cql.execute(CREATE_CQL)
    sql = sqlite3.connect(folder / "bench.sqlite3", isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=NORMAL")
    sql.execute(CREATE_SQL)
    sql.execute("BEGIN")
    for row in rows:
        cql.execute(INSERT, row)
        sql.execute(INSERT, (row[0], row[1].bytes, row[2], row[3]))
    sql.execute("COMMIT")

    def fresh():
        return [("new city", uuid.uuid4(), "party", number) for number in range(BATCH)]

    def insert_cql():
        batch = fresh()
        return timed(lambda: [cql.execute(INSERT, row) for row in batch])

    def insert_sql():
        batch = [(row[0], row[1].bytes, row[2], row[3]) for row in fresh()]
        return timed(lambda: [sql.execute(INSERT, row) for row in batch])

    def get_cql():
        picked = [row[:2] for row in chance.sample(rows, BATCH)]
        return timed(lambda: [cql.execute(GET, key).one() for key in picked])

    def get_sql():
        picked = [(row[0], row[1].bytes) for row in chance.sample(rows, BATCH)]
        return timed(lambda: [sql.execute(GET, key).fetchone() for key in picked])

    yield Bench("insert", BATCH, {"libcql": insert_cql, "sqlite3": insert_sql}, "libcql", "sqlite3")
    yield Bench("point_get", BATCH, {"libcql": get_cql, "sqlite3": get_sql}, "libcql", "sqlite3")
    yield Bench(
        "scan",
        ROWS,
        {
            "libcql": lambda: timed(lambda: cql.execute(SCAN).all()),
            "sqlite3": lambda: timed(lambda: sql.execute(SCAN).fetchall()),
        },
        "libcql",
        "sqlite3",
    )
