"""Fixtures for the tests of libcql from Python on a cluster: the node of CQL_TEST_NODE (host:port), or whatever
CQL_CLUSTER_URL names."""

import os
import uuid

import pytest

import libcql

KEYSPACE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")


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
            session.execute(f"DROP KEYSPACE {name}")
