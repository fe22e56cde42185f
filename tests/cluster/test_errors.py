"""What keeps a session from being opened: each ends soon, says what it is, and leaves no descriptor open.

One Cassandra with log-in and TLS that asks for the client's certificate; the bad servers are small ones of ours.
"""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from urllib.parse import quote

import pytest
from testcluster import Settings, borrowed

import libcql
from libcql import exceptions

SOON_S = 10.0
SETTLE_S = 3.0  # the other side of a small server may still hold its end
SILENT = "connect_timeout_ms=1000"


# --- servers ------------------------------------------------------------------------------------


@contextlib.contextmanager
def server(serve):
    """A server on loopback that gives each connection to `serve`; yields host:port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def one(connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(SOON_S)
            serve(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=one, args=[listener.accept()[0]]))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


def read_to_the_end(connection):
    while connection.recv(4096):
        pass


def tls_server(folder, name):
    """One that shakes hands with the certificate of that name, and is silent afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as wrapped:
            read_to_the_end(wrapped)

    return server(serve)


# --- fixtures -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secured(cluster_port):
    with borrowed(Settings(auth=True, tls="client", quick=True), cluster_port) as cluster:
        yield cluster


@pytest.fixture
def tls(secured):
    """The files of certificates."""
    return secured.certificates.folder


@pytest.fixture
def secured_url(secured):
    """Makes a URL of the secured node; keywords replace options, and None leaves one out."""
    files = secured.certificates

    def make(where=None, user="cassandra:cassandra@", path="", **options):
        usual = {"tls": "on", "tls_ca": files.ca, "tls_cert": files.client}
        usual["tls_key"] = files.client_key
        chosen = {n: v for n, v in (usual | options).items() if v is not None}
        text = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in chosen.items())
        where = where or f"{secured.contact_points[0]}:{secured.port}"
        return f"cassandra://{user}{where}{path}?{text}"

    return make


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@contextlib.contextmanager
def no_leak():
    """As many descriptors are open afterwards as before."""
    before = descriptors()
    yield
    deadline = time.monotonic() + SETTLE_S
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert descriptors() <= before


def refused(url, error, stage, words):
    """Opening fails soon, with that class and those words, at that stage (or one of those)."""
    stages = {stage} if isinstance(stage, str) else stage
    with contextlib.suppress(libcql.Error):
        libcql.connect(url)  # what the process keeps for ever is there now
    with no_leak():
        started = time.monotonic()
        with pytest.raises(libcql.Error) as caught:
            libcql.connect(url)
        assert time.monotonic() - started < SOON_S
        exception = caught.value
        assert type(exception) is error, repr(exception)
        assert exception.attempts
        assert {attempt.stage for attempt in exception.attempts} <= stages
        assert words in str(exception)
        for attempt in exception.attempts:
            assert attempt.host in str(exception)
            assert attempt.error in str(exception)
            assert 0 <= attempt.seconds < SOON_S
        assert "hush" not in str(exception)
        del caught, exception


# --- TLS ----------------------------------------------------------------------------------------


def test_all_is_well(secured_url):
    with libcql.connect(secured_url()):
        pass
    with no_leak(), libcql.connect(secured_url()) as session:
        for _ in range(20):
            session.execute("SELECT key FROM system.local WHERE key = ?", ["local"])


@pytest.mark.parametrize(
    "certificate, words",
    [
        ("other-name", "is for other.example, not for 127.0.0.1"),
        ("expired", "has expired"),
        ("foreign", "unable to get local issuer certificate"),
    ],
)
def test_a_server_with_a_bad_certificate(secured_url, tls, certificate, words):
    with tls_server(tls, certificate) as where:
        refused(secured_url(where), exceptions.ConnectionFailed, "tls", words)


def test_a_name_that_is_checked_instead(secured_url, tls):
    with tls_server(tls, "other-name") as where:
        url = secured_url(where, tls_name="other.example", connect_timeout_ms=1000)
        refused(url, exceptions.RequestTimeout, "options", "no answer within 1000 ms")


def test_an_authority_that_nobody_trusts(secured_url, tls):
    url = secured_url(tls_ca=tls / "foreign-ca.pem")
    refused(url, exceptions.ConnectionFailed, "tls", "certificate")


@pytest.mark.parametrize("certificate", ["foreign-client", None])
def test_a_client_whose_certificate_is_not_accepted(secured_url, tls, certificate):
    cert = certificate and tls / f"{certificate}.pem"
    key = certificate and tls / f"{certificate}.key"
    url = secured_url(tls_cert=cert, tls_key=key)
    words = "(tls_cert, tls_key)"  # in TLS 1.3 the client is done before the node has looked
    refused(url, exceptions.ConnectionFailed, {"tls", "options"}, words)


def test_a_file_that_is_missing(secured_url, tls):
    with no_leak(), pytest.raises(libcql.InterfaceError, match=r"nowhere\.pem"):
        libcql.connect(secured_url(tls_ca=tls / "nowhere.pem"))


def test_tls_to_a_server_without_it(secured_url):
    with server(lambda c: (c.recv(4096), c.sendall(b"what?\r\n"))) as where:
        words = "the node speaks no TLS on this port"
        refused(secured_url(where), exceptions.ConnectionFailed, "tls", words)


def test_plain_text_to_a_server_with_tls(secured):
    """Cassandra closes the connection without a word, or with an alert."""
    where = f"{secured.contact_points[0]}:{secured.port}"
    url = f"cassandra://cassandra:hush@{where}"
    refused(url, exceptions.ConnectionFailed, "options", "TLS")


# --- log-in and keyspace ------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["cassandra:hush@", "nobody:hush@"])
def test_a_wrong_password(secured_url, user):
    words = "and/or password are incorrect"
    refused(secured_url(user=user), exceptions.AuthenticationFailed, "auth", words)


def test_no_password(secured_url):
    refused(secured_url(user=""), exceptions.AuthenticationFailed, "auth", "password")


def test_a_keyspace_that_is_missing(secured_url):
    """The session opens, so that it can make the keyspace; what needs it says what is missing."""
    with libcql.connect(secured_url(path="/nowhere")) as session:
        for params in (None, []):
            with pytest.raises(exceptions.InvalidRequest, match="nowhere"):
                session.execute("SELECT * FROM t", params)


# --- nobody, or somebody else -------------------------------------------------------------------


def test_a_port_where_nobody_listens(secured_url):
    with socket.create_server(("127.0.0.1", 0)) as s:
        where = f"127.0.0.1:{s.getsockname()[1]}"
    refused(secured_url(where), exceptions.ConnectionFailed, "connect", "connection refused")


def test_an_address_that_swallows_packets():
    """A full queue of connections: what comes on top is dropped without an answer, as a firewall does it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        url = f"cassandra://127.0.0.1:{address[1]}?{SILENT}"
        refused(url, exceptions.RequestTimeout, "connect", "no connection within 1000 ms")


def test_a_server_that_says_nothing():
    with server(read_to_the_end) as where:
        url = f"cassandra://{where}?{SILENT}"
        refused(url, exceptions.RequestTimeout, "options", "no answer within 1000 ms")


def test_a_server_that_says_nothing_for_as_long_as_it_takes():
    with server(read_to_the_end) as where, pytest.raises(exceptions.RequestTimeout) as caught:
        libcql.connect(f"cassandra://{where}")
    assert caught.value.attempts[0].seconds < SOON_S


def test_a_tls_server_that_says_nothing(secured_url, tls):
    with server(read_to_the_end) as where:
        url = secured_url(where, connect_timeout_ms=1000)
        refused(url, exceptions.RequestTimeout, "tls", "no TLS handshake within 1000 ms")
    with tls_server(tls, "server") as where:
        url = secured_url(where, connect_timeout_ms=1000)
        refused(url, exceptions.RequestTimeout, "options", "no answer within 1000 ms")


@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64, bytes(range(128, 256))]
)
def test_a_server_that_sends_garbage(garbage):
    with server(lambda c: (c.recv(4096), c.sendall(garbage), read_to_the_end(c))) as where:
        words = "what answers is not Cassandra"
        refused(f"cassandra://{where}?{SILENT}", exceptions.ConnectionFailed, "options", words)


def test_a_server_that_closes():
    with server(lambda c: c.recv(4096)) as where:
        words = "closed the connection before it said anything"
        refused(f"cassandra://{where}", exceptions.ConnectionFailed, "options", words)


def test_a_name_that_does_not_resolve(secured_url):
    url = secured_url("nobody.invalid")
    refused(url, exceptions.ConnectionFailed, "resolve", "nobody.invalid has no address")


def test_several_reasons(secured_url, tls):
    """Where each contact point fails in its own way, all of them are told."""
    with server(lambda c: c.recv(4096)) as closing, tls_server(tls, "expired") as expired:
        url = secured_url(f"{closing},{expired},127.0.0.1:1")
        with pytest.raises(exceptions.NoHostAvailable) as caught:
            libcql.connect(url)
    text = str(caught.value)
    assert [attempt.stage for attempt in caught.value.attempts] == ["tls", "tls", "connect"]
    assert closing in text and "has expired" in text and "connection refused" in text


def test_nothing_is_left_after_many(secured_url, tls):
    """A hundred failures in a process of its own leave it as it was."""
    with server(lambda c: c.sendall(b"x" * 64)) as garbage, tls_server(tls, "expired") as expired:
        urls = [f"cassandra://{garbage}", secured_url(expired), secured_url(user="a:b@")]
        program = (
            "import os, sys, libcql\n"
            "def fail():\n"
            "    for url in sys.argv[1:]:\n"
            "        try:\n            libcql.connect(url)\n"
            "        except libcql.OperationalError:\n            continue\n"
            "        raise SystemExit('it opened')\n"
            "fail()\n"
            "before = os.listdir('/proc/self/fd')\n"
            "for _ in range(33):\n    fail()\n"
            "assert os.listdir('/proc/self/fd') == before\n"
            "assert os.listdir('/proc/self/task') == [str(os.getpid())]\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, *urls], capture_output=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
