"""The Python driver, unchanged, through the stand-in with its bundle. That is what makes it a stand-in."""

from __future__ import annotations

import pytest
from conftest import ADDRESSES

TABLE = "CREATE TABLE IF NOT EXISTS seat (show text, n int, v text, PRIMARY KEY (show, n))"


@pytest.fixture
def table(astra, driver):
    driver(astra, TABLE, all_addresses=True)
    astra.settle()


def names(astra):
    return set(astra.describe()["contact_info"]["contact_points"])


@pytest.mark.usefixtures("table")
def test_reads_and_writes(astra, driver):
    """Without any help with the proxy's name: localhost is the first of its addresses."""
    text = "x" * 300_000  # an envelope in several segments, both ways
    told = driver(
        astra,
        f"INSERT INTO seat (show, n, v) VALUES ('hamlet', 7, '{text}')",
        "SELECT * FROM seat WHERE show = 'hamlet'",
        "INSERT INTO seat (show, n) VALUES ('hamlet', 7) IF NOT EXISTS",
    )
    assert [a.get("rows") for a in told["answers"][:2]] == [[], [["hamlet", 7, text]]]
    assert told["answers"][2]["rows"][0][0] is False
    assert (told["is_astra"], told["protocol"]) == (True, 5)
    assert set(told["hosts"]) == names(astra)


def test_all_nodes_are_used(astra, driver):
    told = driver(astra, "SELECT host_id FROM system.local", times=12, all_addresses=True)
    assert set(told["coordinators"]) == names(astra)
    assert {route.address for route in astra.routes} >= set(ADDRESSES)


def test_client_id_and_secret(astra, driver):
    told = driver(astra, TABLE, user=astra.client_id, password=astra.client_secret)
    assert told["answers"][0]["rows"] == []


def test_a_bad_token(astra, driver):
    told = driver(astra, password=astra.token[:-1] + "!")
    assert told["error"] == "NoHostAvailable"
    assert "Bad credentials" in told["message"]


def test_no_such_keyspace(astra, driver):
    told = driver(astra, keyspace="nowhere")
    assert told["error"] == "NoHostAvailable"
    assert "using keyspace 'nowhere'" in told["message"]


def test_hibernated(astra, driver):
    astra.hibernate()
    assert "Unable to connect to the metadata service" in driver(astra)["message"]


def test_certificate_of_the_past(astra, driver):
    astra.faults.certificate = "expired"
    told = driver(astra)
    assert told["error"] == "NoHostAvailable"
    assert "certificate has expired" in told["message"]


def test_keyspaces_are_not_made_here(astra, driver):
    text = "CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
    (answer,) = driver(astra, text)["answers"]
    assert answer["error"] == "Unauthorized"
    assert "Missing correct permission on other." in answer["message"]


@pytest.mark.usefixtures("table")
def test_guardrails(astra, driver):
    many = ", ".join(f"'{n}'" for n in range(21))
    ignored, keys, one_less = driver(
        astra,
        "CREATE TABLE IF NOT EXISTS ignored (k int PRIMARY KEY) WITH gc_grace_seconds = 5",
        f"SELECT * FROM seat WHERE show IN ({many})",
        f"SELECT * FROM seat WHERE show IN ({many[5:]})",
    )["answers"]
    assert "Ignoring provided values [gc_grace_seconds]" in ignored["warnings"][0]
    assert keys["error"] == "InvalidRequest"
    assert "partition_keys_in_select" in keys["message"]
    assert one_less["rows"] == []


@pytest.mark.usefixtures("table")
def test_rate_limit(astra, driver):
    astra.refuse("FROM seat", "Rate limit reached", code=0x1001)
    (answer,) = driver(astra, "SELECT n FROM seat WHERE show = 'hamlet'")["answers"]
    assert answer["error"] == "NoHostAvailable"
    assert "Rate limit reached" in answer["message"]
