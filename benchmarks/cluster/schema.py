"""The tables, statements and rows of the network benchmarks. Runs in every peer's environment: standard library only."""

import datetime
import decimal
import time
import uuid

KEYSPACE = "bench_net"
ORM_KEYSPACE = "bench_orm"  # of our backend
ENGINE_KEYSPACE = "bench_engine"  # of django-cassandra-engine
KEYSPACES = [KEYSPACE, ORM_KEYSPACE, ENGINE_KEYSPACE]
ROWS = 10_000  # of each table that is read; floor.c knows the number
STRIDE = 7919  # floor.c goes through the rows by the same steps
PREFIX = int.from_bytes(b"bench\0\0\0", "big") << 64
NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.timezone.utc)

WIDE = "id, name, city, people, rating, open, date, day, price, note"
MARKERS = ", ".join("?" * 10)
STATEMENTS = {
    "get": f"SELECT name, people, date FROM {KEYSPACE}.point WHERE id = ?",
    "insert": f"INSERT INTO {KEYSPACE}.point_new (id, name, people, date) VALUES (?, ?, ?, ?)",
    "create": f"INSERT INTO {KEYSPACE}.wide_new ({WIDE}) VALUES ({MARKERS})",
    "lwt": f"INSERT INTO {KEYSPACE}.wide_new ({WIDE}) VALUES ({MARKERS}) IF NOT EXISTS",
    "fill_point": f"INSERT INTO {KEYSPACE}.point (id, name, people, date) VALUES (?, ?, ?, ?)",
}
# Twelve columns; the decimal is last, for a reader that leaves it out.
COLUMNS = {
    "n": "int",
    "id": "uuid",
    "name": "text",
    "city": "text",
    "big": "bigint",
    "rating": "double",
    "open": "boolean",
    "date": "timestamp",
    "changed": "timestamp",
    "tags": "list<text>",
    "code": "text",
    "price": "decimal",
}
STATEMENTS["rows"] = f"SELECT {', '.join(COLUMNS)} FROM {KEYSPACE}.rows WHERE part = 0"
STATEMENTS["rows_plain"] = (
    f"SELECT {', '.join(list(COLUMNS)[:-1])} FROM {KEYSPACE}.rows WHERE part = 0"
)
STATEMENTS["fill_rows"] = (
    f"INSERT INTO {KEYSPACE}.rows (part, {', '.join(COLUMNS)}) VALUES (0, {', '.join('?' * len(COLUMNS))})"
)

_POINT = "id uuid PRIMARY KEY, name text, people int, date timestamp"
_WIDE = (
    "id uuid PRIMARY KEY, name text, city text, people int, rating double, open boolean,"
    " date timestamp, day date, price decimal, note text"
)
_ROWS = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
KEYSPACE_CQL = (
    "CREATE KEYSPACE {} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
)
CREATE = [
    *(KEYSPACE_CQL.format(name) for name in KEYSPACES),
    f"CREATE TABLE {KEYSPACE}.point ({_POINT})",
    f"CREATE TABLE {KEYSPACE}.point_new ({_POINT})",
    f"CREATE TABLE {KEYSPACE}.wide_new ({_WIDE})",
    f"CREATE TABLE {KEYSPACE}.rows (part int, {_ROWS}, PRIMARY KEY (part, n))",
]


def key(number: int) -> uuid.UUID:
    return uuid.UUID(int=PREFIX | number)


def first_new() -> int:
    """A number from which on no run has made rows: each takes fewer than there are nanoseconds in between."""
    return time.time_ns()


def arguments(job: str, count: int, first: int) -> list[list]:
    """The bind values of `count` requests. Lists: acsylla takes nothing else."""
    if job == "get":
        return [[key((first + STRIDE * n) % ROWS)] for n in range(count)]
    return [[key(first + n), "party", 7, NOW] for n in range(count)]


def party(number: int) -> dict:
    """The fields of one instance of the ORM's model."""
    return {
        "id": key(number),
        "name": f"party {number}",
        "city": "Oslo",
        "people": number,
        "rating": 1.5,
        "open": True,
        "date": NOW,
        "day": NOW.date(),
        "price": decimal.Decimal("12.34"),
        "note": "a note of some words",
    }


def rows():
    """The rows that are decoded: no two alike, 150 bytes or so each."""
    for n in range(ROWS):
        yield (
            n,
            key(n * STRIDE),
            f"party number {n}",
            f"city {n % 200}",
            n * 1_000_003,
            n / 7,
            n % 3 == 0,
            NOW + datetime.timedelta(milliseconds=n),
            NOW - datetime.timedelta(seconds=n),
            [f"tag {n % 10}", f"tag {n % 17}", "music"],
            f"{n:08x}",
            decimal.Decimal(n * 37).scaleb(-2),
        )
