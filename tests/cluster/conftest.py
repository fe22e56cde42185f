"""Fixtures for the tests of libcql from Python on a cluster: the node of CQL_TEST_NODE (host:port), or whatever
CQL_CLUSTER_URL names. Tests that need another cluster make one, or take the one on CQL_TEST_PORT that runs with their
settings."""

import os
import pathlib
import sys
import uuid

import pytest
from keyspaces import drop_keyspace

import libcql

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "cassandra"))  # clusters of other kinds

from testcluster import DEFAULT_PORT  # noqa: E402

KEYSPACE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")


@pytest.fixture(scope="session")
def cluster_port():
    """Where clusters of other kinds are looked for, or made on a free port after it."""
    return int(os.environ.get("CQL_TEST_PORT", DEFAULT_PORT))


@pytest.fixture
def url():
    """The cluster's URL without a keyspace or options."""
    return os.environ.get("CQL_CLUSTER_URL") or "cassandra://" + os.environ["CQL_TEST_NODE"]


@pytest.fixture
def cluster(url):
    """A session over a keyspace of its own with a table n: 25 rows in partition 1."""
    with libcql.connect(url) as session:
        name = f"t{uuid.uuid4().hex[:12]}"
        session.execute(f"CREATE KEYSPACE {name} {KEYSPACE}")
        session.execute(f"USE {name}")
        session.execute("CREATE TABLE n (p int, c int, v text, PRIMARY KEY (p, c))")
        session.execute_many(
            "INSERT INTO n (p, c, v) VALUES (1, ?, ?)", [[c, f"row {c}"] for c in range(25)]
        )
        yield session
        if not session.closed:
            drop_keyspace(session, name)
