"""Metadata service and proxy as a client meets them that knows nothing but the bundle, and each misbehaviour."""

from __future__ import annotations

import ssl
import time
import uuid

import pytest
from conftest import ADDRESSES, BundleClient
from testcluster import cql

OVERLOADED = (
    "0x1001 Rate limit reached, please consult our documentation at https://astra.dev/rate-limit"
)
HOST_ID = "SELECT host_id FROM system.local"


def host_id_of(connection):
    return str(uuid.UUID(bytes=connection.query(HOST_ID)[0][0]))


# --- the bundle and the metadata ------------------------------------------------------------------


def test_bundle(astra, client):
    assert set(client.entries) == {
        *("ca.crt", "cert", "cert.pfx", "config.json"),
        *("cqlshrc", "identity.jks", "key", "trustStore.jks"),
    }
    assert client.config["host"] == "localhost"
    assert client.config["keyspace"] == astra.keyspace
    assert client.entries["key"].startswith(b"-----BEGIN PRIVATE KEY-----")
    assert client.entries["trustStore.jks"].startswith(b"\xfe\xed\xfe\xed")
    assert astra.bundle_path.stat().st_mode & 0o777 == 0o600


def test_metadata(astra, client):
    status, metadata = client.metadata()
    assert (status, metadata) == (200, astra.describe())
    contact = metadata["contact_info"]
    assert contact["type"] == "sni_proxy"
    assert contact["sni_proxy_address"] == f"localhost:{client.config['cql_port']}"
    assert len(contact["contact_points"]) == 3
    assert client.metadata("?version=1") == (200, metadata)
    astra.faults.metadata_chunks = True
    assert client.metadata() == (200, metadata)


def test_metadata_is_for_holders_of_a_bundle(astra, client):
    with pytest.raises(OSError, match=r"(?i)certificate required|handshake failure|eof"):
        client.metadata(with_certificate=False)
    foreign = BundleClient(astra.make_bundle(client="foreign-client"))
    with pytest.raises(OSError, match=r"(?i)unknown ca|eof"):
        foreign.metadata()


# --- the proxy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
def test_names_are_nodes(astra, client, address):
    for name in astra.describe()["contact_info"]["contact_points"]:
        with client.connect(name, "token", astra.token, address=address) as connection:
            assert host_id_of(connection) == name
        assert (astra.routes[-1].address, astra.routes[-1].host_id) == (address, name)


@pytest.mark.parametrize("name", [None, "localhost"])
def test_no_name_is_any_node(astra, client, name):
    known = set(astra.describe()["contact_info"]["contact_points"])
    seen = set()
    for _ in known:
        with client.connect(name, "token", astra.token) as connection:
            seen.add(host_id_of(connection))
    assert seen == known


def test_unknown_name(client):
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        client.dial(str(uuid.uuid4()))


def test_both_ways_to_log_in(astra, client):
    for user, password in (("token", astra.token), (astra.client_id, astra.client_secret)):
        with client.connect(None, user, password) as connection:
            assert connection.query(HOST_ID)
    for user, password in (("token", astra.token[:-1]), ("cassandra", "cassandra")):
        with pytest.raises(cql.Refused, match=r"not let us in .opcode 0x00|0x0100"):
            client.connect(None, user, password)


def test_it_says_that_it_is_astra(client):
    with client.dial(None) as s:
        s.sendall(cql.HEADER.pack(4, 0, 0, cql.OPTIONS, 0))
        assert b"PRODUCT_TYPE\0\x01\0\x0fDATASTAX_APOLLO" in s.recv(4096)


def test_certificate_is_for_the_proxy(astra, client):
    with client.dial(next(iter(astra.proxy.nodes))) as s:
        assert s.getpeercert()["subjectAltName"] == (("DNS", "localhost"),)


# --- what Astra refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE KEYSPACE IF NOT EXISTS other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "-- a remark\n/* and one */ alter schema other WITH durable_writes = false",
        'DROP KEYSPACE "other"',
    ],
)
def test_keyspaces_are_not_made_here(session, statement):
    with pytest.raises(cql.Refused, match=r"^0x2100 Missing correct permission on other[.]$"):
        session.query(statement)
    assert session.query(HOST_ID)  # the connection is well


def test_limits_of_a_table(session):
    columns = ", ".join(f"c{n} int" for n in range(50))
    with pytest.raises(cql.Refused, match=r"0x2200 .*columns.*50"):
        session.query(f"CREATE TABLE wide (k int PRIMARY KEY, {columns})")
    session.query("CREATE TABLE IF NOT EXISTS narrow (k int PRIMARY KEY)")
    with pytest.raises(cql.Refused, match=r"0x2200 .*(?i:write_consistency).*ONE"):
        session.query("INSERT INTO narrow (k) VALUES (1)")


def test_a_hundred_indexes(astra, session, monkeypatch):
    monkeypatch.setattr(astra.proxy.rules, "count_indexes", lambda: 100)
    with pytest.raises(cql.Refused, match=r"0x2200 Cannot have more than 100 .* index i$"):
        session.query("CREATE CUSTOM INDEX IF NOT EXISTS i ON t (v) USING 'sai'")


# --- misbehaviours --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", "expired"),
        ("other-name", "(?i)hostname mismatch|doesn't match"),
        ("foreign", "unable to get (local )?issuer|self.signed"),
    ],
)
def test_bad_certificates(astra, client, name, words):
    astra.show_certificate(name)
    with pytest.raises(OSError, match=words):
        client.metadata()
    if name == "other-name":
        with client.dial(next(iter(astra.proxy.nodes))) as s:
            assert s.getpeercert()["subjectAltName"] == (("DNS", "other.example"),)
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            client.dial(next(iter(astra.proxy.nodes)))


def test_an_address_down(astra, client):
    name = next(iter(astra.proxy.nodes))
    with client.connect(name, "token", astra.token) as connection:
        astra.address_down(ADDRESSES[0])
        with pytest.raises((OSError, cql.Refused)):
            connection.query(HOST_ID)
    with pytest.raises(ConnectionRefusedError):
        client.dial(name)
    with client.connect(name, "token", astra.token, address=ADDRESSES[1]) as connection:
        assert connection.query(HOST_ID)
    astra.address_up(ADDRESSES[0])
    client.dial(name).close()


def test_an_address_that_says_nothing(astra, client):
    astra.address_silent(ADDRESSES[0])
    with pytest.raises(TimeoutError):
        client.dial(None, timeout=0.5)
    client.dial(None, address=ADDRESSES[1]).close()
    astra.address_up(ADDRESSES[0])
    client.dial(None).close()


def test_hibernated(astra, client, session):
    name = next(iter(astra.proxy.nodes))
    astra.hibernate()
    assert client.metadata() == (401, b'{"message":"Unauthorized"}')
    with pytest.raises((OSError, cql.Refused)):
        session.query(HOST_ID)
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        client.dial(name)
    astra.wake()
    assert client.metadata()[0] == 200
    client.dial(name).close()


def test_slow(astra, client, session):
    astra.faults.metadata_delay = astra.faults.proxy_delay = 0.3
    for act in (client.metadata, lambda: session.query(HOST_ID)):
        started = time.monotonic()
        assert act()
        assert time.monotonic() - started >= 0.3


def test_rate_limit(astra, session):
    limit = astra.limit_rate(3, seconds=600)
    for _ in range(3):
        assert session.query(HOST_ID)
    for _ in range(2):
        with pytest.raises(cql.Refused, match=OVERLOADED):
            session.query(HOST_ID)
    assert limit.refused == 2
    astra.no_limit()
    assert session.query(HOST_ID)


def test_a_scripted_error(astra, session):
    astra.refuse("FROM system[.]peers", "Guardrail words", times=1)
    assert session.query(HOST_ID)
    with pytest.raises(cql.Refused, match="0x2200 Guardrail words"):
        session.query("SELECT * FROM system.peers")
    session.query("SELECT host_id FROM system.peers")
