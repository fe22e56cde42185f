"""What `import libcql` brings along: little, because the time to the first answer begins with it."""

import subprocess
import sys

import pytest

import libcql

COSTLY = {"asyncio", "dataclasses", "datetime", "decimal", "enum", "ipaddress", "re", "typing"}
COSTLY |= {"array", "urllib.parse", "uuid", "libcql.consistency", "libcql.types"}

FIRST_ANSWER = """
import sys
before = set(sys.modules)
import libcql
with libcql.connect("local::memory:") as session:
    assert session.execute("SELECT release_version FROM system.local").one() is not None
print(*set(sys.modules) - before)
"""


def run(program):
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout


def test_a_first_answer_needs_no_costly_module():
    assert not COSTLY & set(run(FIRST_ANSWER).split())


@pytest.mark.parametrize("name", libcql.__all__)
def test_every_name_is_there_when_it_is_asked_for(name):
    assert getattr(libcql, name) is not None
    assert name in dir(libcql)


def test_late_names_are_those_of_their_modules():
    program = (
        "import libcql; d = libcql.Duration; import libcql.types; assert d is libcql.types.Duration"
    )
    run(program)
    run(
        "import libcql; assert libcql.types.Time and libcql.consistency.ONE is libcql.Consistency.ONE"
    )
    run("from libcql import *; assert Duration(1).months == 1 and consistency.ANY == 0")


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match=r"'libcql' has no attribute 'Durations'"):
        _ = libcql.Durations


VALUES = {
    "uuid": "uuid.UUID(int=1)",
    "timeuuid": "uuid.UUID('13814000-1dd2-11b2-8080-808080808080')",
    "inet": "ipaddress.ip_address('::1')",
    "decimal": "decimal.Decimal('1.50')",
    "timestamp": "datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)",
    "date": "datetime.date(2026, 1, 1)",
    "time": "libcql.Time(1)",
    "duration": "libcql.Duration(1, 2, 3)",
    "vector<float, 2>": "array.array('f', [1.0, 2.0])",
    "map<uuid, frozen<list<decimal>>>": "{uuid.UUID(int=1): [decimal.Decimal(7)]}",
}


@pytest.mark.parametrize("cql_type", VALUES)
def test_the_first_value_of_a_type_in_a_process(tmp_path, cql_type):
    """Whichever is first, a value to write or a column to read, brings the classes along."""
    url = libcql.local_url(tmp_path / "db.cql")
    begin = f"import libcql; session = libcql.connect({url!r});"
    modules = "import array, datetime, decimal, ipaddress, uuid;"
    value = VALUES[cql_type]
    with libcql.connect(url) as session:
        session.execute(
            "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        session.execute(f"CREATE TABLE k.t (id int PRIMARY KEY, v {cql_type})")
    insert = f"session.execute('INSERT INTO k.t (id, v) VALUES (1, ?)', [{value}])"
    select = f"v = session.execute('SELECT v FROM k.t').one()[0]; {modules} assert v == {value}, v"
    run(f"{begin} {modules} {insert}")
    run(f"{begin} {select}")
