"""What does a row cost, from its bytes to a tuple? Twelve columns, ten thousand rows, in CPU time; the answer lies in memory.

The peer is the same page read by Python's own classes from values at hand: one call for each UUID, datetime and Decimal, and
nothing else. That is a floor for a reader that is written in Python.
"""

import datetime
import decimal
import random
import time
import uuid

from bench import Bench

import libcql

NAMES = ["decode", "decode_plain"]
ROWS = 10_000
COLUMNS = "p, id, a, b, c, d, e, f, g, h, i, j"
PLAIN = "p, id, a, b, c, d, e, f, g, h, j"
CREATE = [
    "CREATE KEYSPACE b WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "USE b",
    "CREATE TABLE t (p int, id uuid, a text, b text, c int, d bigint, e double, f boolean, g timestamp, h list<int>,"
    " i decimal, j text, PRIMARY KEY (p, id))",
]
INSERT = f"INSERT INTO t ({COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
UTC = datetime.timezone.utc


def filled():
    session = libcql.connect("local::memory:")
    for statement in CREATE:
        session.execute(statement)
    chance = random.Random(1)
    now = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    session.execute_many(
        INSERT,
        (
            [
                uuid.UUID(int=chance.getrandbits(128)),
                f"name {n}",
                "some words of a row",
                n,
                n * 10**9,
                n * 1.5,
                n % 2 == 0,
                now + datetime.timedelta(seconds=n),
                [n, n + 1, n + 2],
                decimal.Decimal(n * 100 + 7).scaleb(-2),
                "city",
            ]
            for n in range(ROWS)
        ),
        concurrency=1000,
    )
    return session


def reading(session, columns):
    """CPU time of reading all rows, in microseconds, without the statement itself."""

    def run():
        result = session.execute(f"SELECT {columns} FROM t", page_size=None)
        started = time.process_time()
        rows = result.all()
        taken = time.process_time() - started
        assert len(rows) == ROWS
        return taken * 1e6

    return run


def by_classes(with_decimal):
    """CPU time of making the same UUIDs, datetimes and Decimals by calling their classes."""
    values = [(uuid.uuid4().bytes, 1_767_322_845.678 + n, f"{n * 100 + 7}E-2") for n in range(ROWS)]

    def run():
        started = time.process_time()
        for data, moment, text in values:
            uuid.UUID(bytes=data)
            datetime.datetime.fromtimestamp(moment, UTC)
            if with_decimal:
                decimal.Decimal(text)
        return (time.process_time() - started) * 1e6

    return run


def benches(folder):
    """The questions, over one table in memory."""
    session = filled()
    for name, columns, with_decimal in (("decode", COLUMNS, True), ("decode_plain", PLAIN, False)):
        subjects = {"libcql": reading(session, columns), "classes": by_classes(with_decimal)}
        yield Bench(name, ROWS, subjects, "libcql", "classes", limit=1)
