"""What does CQL on a file cost, beside Python's own sqlite3 on one?

The same table, rows and values; both in WAL mode with synchronous=NORMAL and one commit for each insert. The engine does
more for each statement (timestamps, tombstones, a merge with what is stored), so a ratio of 1 is not the aim: it is the floor.
"""

import random
import sqlite3
import uuid

from bench import Bench, timed

import libcql

NAMES = ["open", "insert", "insert_chain", "point_get", "update", "delete", "index_read", "scan"]
ROWS = 20_000
BATCH = 500
KINDS = 400
CREATE_SQL = [
    "CREATE TABLE party (city TEXT, id BLOB, name TEXT, people INTEGER, kind TEXT, PRIMARY KEY (city, id)) WITHOUT ROWID",
    "CREATE INDEX by_kind ON party (kind)",
]
CREATE_CQL = [
    "CREATE KEYSPACE b WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "USE b",
    "CREATE TABLE party (city text, id uuid, name text, people int, kind text, PRIMARY KEY ((city), id))",
    "CREATE INDEX by_kind ON party (kind) USING 'sai'",
]
INSERT = "INSERT INTO party (city, id, name, people) VALUES (?, ?, ?, ?)"
FILL = "INSERT INTO party (city, id, name, people, kind) VALUES (?, ?, ?, ?, ?)"
GET = "SELECT name, people FROM party WHERE city = ? AND id = ?"
UPDATE = "UPDATE party SET people = ? WHERE city = ? AND id = ?"
DELETE = "DELETE FROM party WHERE city = ? AND id = ?"
BY_KIND = "SELECT city, id, name FROM party WHERE kind = ?"
SCAN = "SELECT city, id, name, people FROM party"


def benches(folder):
    """The questions, over two files filled with the same rows."""
    chance = random.Random(1)
    rows = [
        (
            f"city {number % 200}",
            uuid.UUID(int=chance.getrandbits(128)),
            f"party {number}",
            number,
            f"kind {number % KINDS}",
        )
        for number in range(ROWS)
    ]
    cql_path, sql_path = folder / "bench.cql", folder / "bench.sqlite3"
    cql, sql = open_cql(cql_path), open_sql(sql_path)
    for statement in CREATE_CQL:
        cql.execute(statement)
    for statement in CREATE_SQL:
        sql.execute(statement)
    sql.execute("BEGIN")
    cql.execute_chain([(FILL, row) for row in rows])
    sql.executemany(FILL, [(row[0], row[1].bytes, *row[2:]) for row in rows])
    sql.execute("COMMIT")

    def subjects(run_cql, run_sql, arguments):
        """The same calls on both; keys are UUIDs here and their bytes there."""

        def plain(values):
            return [v.bytes if isinstance(v, uuid.UUID) else v for v in values]

        return {
            "libcql": lambda: timed(run_cql, arguments()),
            "sqlite3": lambda: timed(run_sql, [plain(values) for values in arguments()]),
        }

    def fresh():
        return [("new city", uuid.uuid4(), "party", number) for number in range(BATCH)]

    def keys():
        return [row[:2] for row in chance.sample(rows, BATCH)]

    def question(name, text, arguments, count=BATCH, read=None, **more):
        """One statement, often; `read` takes the rows."""

        def run_cql(values):
            result = cql.execute(text, values)
            return read and read(result)

        def run_sql(values):
            result = sql.execute(text, values)
            return read and (result.fetchone() if read is one else result.fetchall())

        both = subjects(run_cql, run_sql, arguments)
        return Bench(name, count, both, "libcql", "sqlite3", **more)

    def one(result):
        return result.one()

    def all_of(result):
        return result.all()

    def reopen(opened, path, text):
        def run():
            session = opened(path)
            session.execute(text)
            session.close()

        return lambda: timed(lambda _: run(), range(1)) / 1000

    yield Bench(
        "open",
        1,
        {
            "libcql": reopen(open_cql, cql_path, "SELECT people FROM b.party LIMIT 1"),
            "sqlite3": reopen(open_sql, sql_path, "SELECT people FROM party LIMIT 1"),
        },
        "libcql",
        "sqlite3",
        unit="ms",
        most=20,
    )
    yield question("insert", INSERT, fresh, limit=2)
    yield Bench(
        "insert_chain",
        BATCH,
        {
            "libcql": lambda: timed(cql.execute_chain, [[(INSERT, row) for row in fresh()]]),
            "sqlite3": lambda: timed(
                lambda batch: in_one_transaction(sql, batch),
                [[(row[0], row[1].bytes, *row[2:]) for row in fresh()]],
            ),
        },
        "libcql",
        "sqlite3",
    )
    yield question("point_get", GET, keys, read=one, limit=2)
    yield question("update", UPDATE, lambda: [(7, *key) for key in keys()])
    yield question(
        "index_read",
        BY_KIND,
        lambda: [(f"kind {chance.randrange(KINDS)}",) for _ in range(20)],
        20 * ROWS // KINDS,
        read=all_of,
    )
    yield question("scan", SCAN, lambda: [()], ROWS, read=all_of)
    yield question("delete", DELETE, keys)


def open_cql(path):
    return libcql.connect(f"local:{path}")


def open_sql(path):
    sql = sqlite3.connect(path, isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=NORMAL")
    return sql


def in_one_transaction(sql, rows):
    sql.execute("BEGIN")
    for row in rows:
        sql.execute(INSERT, row)
    sql.execute("COMMIT")
