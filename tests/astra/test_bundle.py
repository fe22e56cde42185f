"""libcql through a secure connect bundle: what works, and how each thing that can be wrong ends: soon, in words, with
nothing left open and no key on the disk."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter

import pytest
from conftest import ADDRESSES, url_of
from standin.framing import BATCH, EXECUTE, QUERY

import libcql
from libcql import exceptions

SOON_S = 10.0
SETTLE_S = 3.0  # the stand-in lives in this process, and may still hold its ends
TABLE = "CREATE TABLE IF NOT EXISTS seat (show text, n int, v text, PRIMARY KEY (show, n))"
RESUME = "resume it with `manage.py astra resume`, or in the Astra portal"
ANOTHER = "or the bundle is of another database: download a new one"
LOCAL_QUORUM = 6


# --- bundles and URLs ---------------------------------------------------------------------------


@pytest.fixture
def bundle(tmp_path):
    """Writes one; what it is made of."""

    def write(content: bytes):
        path = tmp_path / "bundle.zip"
        path.write_bytes(content)
        return path

    return write


def zip_of(**entries):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_", "."), content)
    return made.getvalue()


@pytest.fixture
def table(astra):
    with libcql.connect(url_of(astra)) as session:
        session.execute(TABLE)
        session.execute("TRUNCATE seat")
    astra.settle()


# --- nothing is left ----------------------------------------------------------------------------


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@contextlib.contextmanager
def no_trace(astra, tmp_path, monkeypatch):
    """As many descriptors are open afterwards as before, and no file was made in the places where one would be."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("TMPDIR", "HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(place))
    before, files = descriptors(), sorted(astra.folder.rglob("*"))
    yield
    deadline = time.monotonic() + SETTLE_S
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert descriptors() <= before
    assert list(place.rglob("*")) == []
    assert sorted(astra.folder.rglob("*")) == files


@pytest.fixture
def refused(astra, tmp_path, monkeypatch):
    """Opening fails soon, with that class and those words."""

    def check(url, error, *words, stages=None):
        with contextlib.suppress(libcql.Error):
            libcql.connect(url)  # what the process keeps for ever is there now
        with no_trace(astra, tmp_path, monkeypatch):
            started = time.monotonic()
            with pytest.raises(libcql.Error) as caught:
                libcql.connect(url)
            assert time.monotonic() - started < SOON_S
            exception, text = caught.value, str(caught.value)
            assert type(exception) is error, repr(exception)
            for word in words:
                assert word in text
            for secret in (astra.token, astra.client_secret, "PRIVATE KEY"):
                assert secret not in text
            for attempt in exception.attempts:
                assert attempt.host in text or len(text) > 900
            if stages is not None:
                assert {attempt.stage for attempt in exception.attempts} == stages
            del caught, exception

    return check


# --- what works ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("compression", ["none", "lz4"])
@pytest.mark.parametrize("protocol", [4, 5])
def test_reads_and_writes(astra, protocol, compression):
    """In the keyspace of the bundle."""
    url = url_of(astra, protocol=protocol, compression=compression)
    with libcql.connect(url) as session:
        assert session.keyspace == astra.keyspace
        session.execute(
            "INSERT INTO seat (show, n, v) VALUES (?, ?, ?)", ["hamlet", 7, "x" * 300_000]
        )
        assert session.execute("SELECT n, v FROM seat WHERE show = ?", ["hamlet"]).one() == (
            7,
            "x" * 300_000,
        )
        assert {node.address for node in session.nodes()} == set(astra.proxy.nodes)
        assert astra.token not in repr(session)


@pytest.mark.usefixtures("table")
def test_client_id_and_secret(astra):
    with libcql.connect(
        url_of(astra, user=astra.client_id, password=astra.client_secret)
    ) as session:
        assert session.execute("SELECT n FROM seat WHERE show = 'hamlet'").all() == []


def test_another_keyspace(astra):
    astra.add_keyspace("other")
    with libcql.connect(url_of(astra, keyspace="other")) as session:
        assert session.keyspace == "other"
        session.execute("CREATE TABLE IF NOT EXISTS only_here (k int PRIMARY KEY)")
        assert session.execute("SELECT * FROM other.only_here").all() == []


def test_a_keyspace_that_is_missing(astra):
    """As on any cluster: the session opens, and what needs the keyspace says that it is missing."""
    started = time.monotonic()
    with libcql.connect(url_of(astra, keyspace="nowhere")) as session:
        for params in (None, []):
            with pytest.raises(exceptions.InvalidRequest, match="nowhere"):
                session.execute("SELECT * FROM t", params)
    assert time.monotonic() - started < SOON_S


def test_a_bundle_in_a_folder_of_another_tool(astra, bundle):
    """Stored, in a folder of the archive, without a keyspace."""
    made = io.BytesIO()
    with zipfile.ZipFile(astra.bundle_path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = json.dumps(json.loads(content) | {"keyspace": None}).encode()
            new.writestr(f"secure-connect/{name}", content)
    with libcql.connect(url_of(astra, bundle(made.getvalue()))) as session:
        assert session.keyspace is None


@pytest.mark.usefixtures("table")
def test_requests_go_to_the_nodes_that_have_the_rows(astra):
    """Each connection names the host id that it is for."""
    before = len(astra.routes)
    with libcql.connect(url_of(astra)) as session:
        rows = [[str(k), k, "v"] for k in range(300)]
        session.execute_many("INSERT INTO seat (show, n, v) VALUES (?, ?, ?)", rows)
        for k in range(30):
            assert session.execute("SELECT n FROM seat WHERE show = ?", [str(k)]).one() == (k,)
        routes = Counter(route.host_id for route in astra.routes[before:])
    assert set(routes) == set(astra.proxy.nodes)


@pytest.mark.usefixtures("table")
def test_the_consistency_that_is_sent(astra, monkeypatch):
    """LOCAL_QUORUM for reads and writes, unless the URL or the request says otherwise."""
    levels = []

    def consistency(request):
        body = request.text() if hasattr(request, "text") else request.body
        if request.opcode == QUERY:
            length = int.from_bytes(body[:4], "big")
            if b"system" in body[4 : 4 + length]:
                return None
            return int.from_bytes(body[4 + length : 6 + length], "big")
        if request.opcode == EXECUTE:
            at = 2 + int.from_bytes(body[:2], "big")
            if request.version >= 5:
                at += 2 + int.from_bytes(body[at : at + 2], "big")
            return int.from_bytes(body[at : at + 2], "big")
        return None

    def watch(request, refuse=astra.proxy.rules.refuse):
        if request.opcode in (QUERY, EXECUTE, BATCH):
            levels.append(consistency(request))
        return refuse(request)

    monkeypatch.setattr(astra.proxy.rules, "refuse", watch)
    with libcql.connect(url_of(astra)) as session:
        session.execute("SELECT n FROM seat WHERE show = 'lear'")
        session.execute("INSERT INTO seat (show, n) VALUES (?, ?)", ["lear", 1])
        session.execute("SELECT n FROM seat WHERE show = ?", ["lear"])
    seen = [level for level in levels if level is not None]  # one more for a node that prepares
    assert len(seen) >= 3 and set(seen) == {LOCAL_QUORUM}
    levels.clear()
    with libcql.connect(url_of(astra, consistency="QUORUM")) as session:
        session.execute("SELECT n FROM seat WHERE show = 'lear'")
        session.execute("SELECT n FROM seat WHERE show = 'lear'", consistency="LOCAL_ONE")
    assert [level for level in levels if level is not None] == [4, 10]


def _ask(session, answers):
    try:
        answers.put(
            session.execute("SELECT v FROM seat WHERE show = ? AND n = ?", ["fork", 1]).one()[0]
        )
    except BaseException as error:
        answers.put(repr(error))


@pytest.mark.usefixtures("table")
@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="this process has threads: Python warns of a fork"
)
def test_a_fork_goes_on(astra):
    fork = multiprocessing.get_context("fork")
    with libcql.connect(url_of(astra)) as session:
        session.execute("INSERT INTO seat (show, n, v) VALUES ('fork', 1, 'both')")
        answers = fork.Queue()
        children = [fork.Process(target=_ask, args=(session, answers)) for _ in range(2)]
        for child in children:
            child.start()
        assert [answers.get(timeout=30) for _ in children] == ["both", "both"]
        for child in children:
            child.join(30)
            assert child.exitcode == 0
        assert session.execute("SELECT v FROM seat WHERE show = 'fork' AND n = 1").one() == (
            "both",
        )


# --- a bundle that is none ----------------------------------------------------------------------


def bomb(astra):
    """Small, and large when it is unpacked."""
    with zipfile.ZipFile(astra.bundle_path) as good:
        entries = {name: good.read(name) for name in good.namelist()}
    made = zip_of(**entries | {"ca.crt": b"\0" * (200 << 20)})
    assert len(made) < 1 << 20
    return made


BAD_BUNDLES = {
    "truncated": (lambda a: a.bundle_path.read_bytes()[:-2000], "cut short or damaged"),
    "foreign": (lambda a: b"%PDF-1.7 and so on" * 100, "is no zip file"),
    "another zip file": (lambda a: zip_of(letter_txt="dear"), "there is no config.json in it"),
    "empty": (lambda a: b"", "is empty"),
    "huge": (lambda a: b"PK\3\4" + os.urandom(2 << 20), "has more than 1048576 bytes"),
    "bomb": (bomb, "ca.crt is larger than 262144 bytes"),
}


@pytest.mark.parametrize("name", BAD_BUNDLES)
def test_a_bad_bundle(astra, bundle, refused, name):
    make, words = BAD_BUNDLES[name]
    path = bundle(make(astra))
    refused(url_of(astra, path), libcql.InterfaceError, words, str(path))


def test_no_bundle(astra, tmp_path, refused):
    refused(url_of(astra, tmp_path / "none.zip"), libcql.InterfaceError, "none.zip", "No such file")
    refused_path = tmp_path / "folder"
    refused_path.mkdir()
    with pytest.raises(libcql.InterfaceError, match="it is a folder"):
        libcql.connect(url_of(astra, refused_path))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(libcql.InterfaceError, match="it is no file"):
        libcql.connect(url_of(astra, pipe))


# --- the bundle of another database -------------------------------------------------------------


def test_a_certificate_that_nobody_takes(astra, bundle, refused):
    path = bundle(astra.make_bundle(client="foreign-client"))
    words = "it is of another database, or too old; download a new bundle"
    refused(url_of(astra, path), exceptions.ConnectionFailed, words, stages={"tls"})


def test_a_host_that_is_gone(astra, bundle, refused):
    path = bundle(astra.make_bundle(host="gone.invalid"))
    url = url_of(astra, path)
    refused(url, exceptions.ConnectionFailed, "gone.invalid", ANOTHER, stages={"resolve"})


def test_a_host_that_is_another(astra, bundle, refused):
    """Nobody listens there."""
    path = bundle(astra.make_bundle(port=1))
    url = url_of(astra, path)
    refused(url, exceptions.ConnectionFailed, "connection refused", RESUME, stages={"connect"})


def test_a_bad_token(astra, refused):
    url = url_of(astra, password=astra.token[:-1] + "!")
    words = "and/or password are incorrect"
    refused(url, exceptions.AuthenticationFailed, words, stages={"auth"})


# --- the servers --------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["metadata_certificate", "certificate"])
@pytest.mark.parametrize(
    "certificate, words",
    [
        ("expired", "has expired"),
        ("other-name", "is for other.example, not for localhost"),
        ("foreign", "unable to get local issuer certificate"),
    ],
)
def test_a_bad_certificate(astra, refused, certificate, words, whose):
    setattr(astra.faults, whose, certificate)
    refused(url_of(astra), exceptions.ConnectionFailed, words, stages={"tls"})


def test_hibernated(astra, refused):
    astra.hibernate()
    words = ("HTTP status 401: Unauthorized", "may be hibernated", RESUME)
    refused(url_of(astra), exceptions.NoHostAvailable, *words)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_service_that_refuses(astra, refused, status):
    astra.faults.metadata_status = status
    astra.faults.metadata_body = b'{"message": "not today"}'
    words = (f"HTTP status {status}: not today", RESUME)
    refused(url_of(astra), exceptions.NoHostAvailable, *words)


@pytest.mark.parametrize(
    "body, kind, words",
    [
        (b"<html>", "text/html", "it sends no JSON"),
        (b"{", "application/json", "is not understood as JSON"),
        (b"{}", "application/json", "contact_info"),
    ],
)
def test_a_service_that_says_something_else(astra, refused, body, kind, words):
    astra.faults.metadata_body, astra.faults.metadata_type = body, kind
    refused(url_of(astra), exceptions.ConnectionFailed, words)


def test_an_answer_in_chunks(astra):
    astra.faults.metadata_chunks = True
    with libcql.connect(url_of(astra)):
        pass


def test_a_service_that_takes_its_time(astra, refused):
    astra.faults.metadata_delay = 2
    url = url_of(astra, connect_timeout_ms=700)
    refused(url, exceptions.RequestTimeout, "no answer within 700 ms", RESUME)


def test_servers_that_say_nothing(astra, refused):
    for address in ADDRESSES:
        astra.address_silent(address)
    refused(url_of(astra), exceptions.RequestTimeout, "no TLS handshake within 5000 ms", RESUME)


def test_a_service_that_drips(astra, bundle, refused):
    """A byte now and then does not hold anybody up."""
    context = astra.authority.server("server")

    def serve(connection):
        with (
            contextlib.suppress(OSError),
            connection,
            context.wrap_socket(connection, server_side=True) as tls,
        ):
            tls.recv(4096)
            for byte in (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + b"X: y\r\n" * 100
            ):
                tls.send(bytes([byte]))
                time.sleep(0.05)

    def accept(listener, threads):
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=serve, args=[listener.accept()[0]]))
                threads[-1].start()

    threads = []
    with socket.create_server((ADDRESSES[0], 0)) as listener:
        threads.append(threading.Thread(target=accept, args=[listener, threads]))
        threads[0].start()
        path = bundle(astra.make_bundle(port=listener.getsockname()[1]))
        url = url_of(astra, path, connect_timeout_ms=1000)
        refused(url, exceptions.RequestTimeout, "no answer within 1000 ms")
        listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def test_a_node_behind_the_proxy_that_is_gone(astra):
    """The service still names it: the others are enough."""
    described = astra.describe()
    described["contact_info"]["contact_points"].insert(0, "6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    astra.faults.metadata_body = json.dumps(described).encode()
    with libcql.connect(url_of(astra)) as session:
        assert {node.address for node in session.nodes()} == set(astra.proxy.nodes)


# --- a name with several addresses --------------------------------------------------------------

PROGRAM = """
import os, sys, time, libcql
started = time.monotonic()
with libcql.connect(sys.argv[1]) as session:
    opened = time.monotonic() - started
    for n in range(30):
        session.execute("SELECT n FROM seat WHERE show = ?", [str(n)])
    states = [node.state for node in session.nodes()]
assert opened < 5, opened
assert os.listdir(".") == [], os.listdir(".")
"""


def run(astra, program, *arguments):
    """In a process that finds all addresses behind the proxy's name, in an empty folder that is all it has."""
    place = astra.folder / "empty"
    place.mkdir(exist_ok=True)
    environment = os.environ | astra.resolving() | {"TMPDIR": str(place), "HOME": str(place)}
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=place,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert list(place.iterdir()) == []


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("fault", ["address_down", "address_silent", None])
@pytest.mark.parametrize("address", ADDRESSES)
def test_one_of_two_addresses(astra, address, fault):
    before = len(astra.routes)
    if fault is not None:
        getattr(astra, fault)(address)
    run(astra, PROGRAM, url_of(astra))
    used = {route.address for route in astra.routes[before:]}
    assert used == set(ADDRESSES) - ({address} if fault else set())


@pytest.mark.usefixtures("table")
def test_a_service_that_is_far(astra):
    """The first address has not answered yet when the second is asked: which says nothing of either."""
    astra.faults.metadata_delay = 0.4
    before = len(astra.routes)
    run(astra, PROGRAM, url_of(astra))
    assert {route.address for route in astra.routes[before:]} == set(ADDRESSES)


LONG_PROGRAM = """
import sys, time, libcql
url = sys.argv[1]
with libcql.connect(url) as session:
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.monotonic()
    for n in range(200):
        session.execute("SELECT n FROM seat WHERE show = ?", [str(n)])
    print("done", time.monotonic() - started, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.usefixtures("table")
def test_an_address_goes_down_meanwhile(astra):
    """What was connected there is cut; reads go on through the other."""
    environment = os.environ | astra.resolving()
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    command = [sys.executable, "-W", "error", "-c", LONG_PROGRAM, url_of(astra)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout.readline() == "ready\n"
        for address in ADDRESSES:
            astra.address_down(address)
            child.stdin.write("\n")
            child.stdin.flush()
            break
        words = child.stdout.readline().split()
        assert words[:1] == ["done"] and float(words[1]) < SOON_S
        child.stdin.write("\n")
    assert child.returncode == 0


# --- the rate -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("table")
def test_a_load_over_the_rate_loses_nothing(astra):
    count = 2000
    with libcql.connect(url_of(astra)) as session:
        limit = astra.limit_rate(30, 0.1)
        rows = ([f"show {k % 50}", k, "v"] for k in range(count))
        session.execute_many(
            "INSERT INTO seat (show, n, v) VALUES (?, ?, ?)", rows, concurrency=256, timeout=20
        )
        refused = limit.refused
        assert 0 < refused < count
        session.execute("UPDATE seat SET v = 'w' WHERE show = 'show 0' AND n = 0 IF v = 'v'")
        astra.no_limit()
        found = sum(
            session.execute("SELECT COUNT(*) FROM seat WHERE show = ?", [f"show {k}"]).one()[0]
            for k in range(50)
        )
    assert found == count


def refusal_of(session, params):
    """What is said of a request that the rate lets not through in its second. One that is on its way when the time is up may yet be
    answered, which makes it a timeout: on a busy machine that happens, and it is asked again."""
    for _ in range(5):
        started = time.monotonic()
        with pytest.raises((exceptions.Overloaded, exceptions.RequestTimeout)) as caught:
            session.execute("SELECT key FROM system.local WHERE key = 'local'", params, timeout=1)
        assert time.monotonic() - started < 4
        if caught.type is exceptions.Overloaded:
            break
    return str(caught.value)


def test_a_rate_of_nothing(astra, refused):
    """Opening waits for as long as connecting may take, and a request for its own time."""
    with libcql.connect(url_of(astra)) as session:
        astra.limit_rate(0, 600)
        for params in (None, []):
            assert "Rate limit reached" in refusal_of(session, params)
    url = url_of(astra, connect_timeout_ms=1000)
    refused(url, exceptions.Overloaded, "Rate limit reached", stages={"request"})


def test_opening_waits_for_the_rate(astra):
    astra.limit_rate(0, 600)
    timer = threading.Timer(1.0, astra.no_limit)
    timer.start()
    try:
        with libcql.connect(url_of(astra)) as session:
            assert session.execute("SELECT key FROM system.local WHERE key = 'local'").one()
    finally:
        timer.join()


# --- a database that moves ----------------------------------------------------------------------


@pytest.mark.usefixtures("table")
def test_it_comes_back_from_hibernation(astra):
    url = url_of(astra, reconnect_max_ms=500)
    with libcql.connect(url) as session:
        session.execute("INSERT INTO seat (show, n) VALUES ('bear', 1)")
        asked = astra.metadata.requests
        astra.hibernate()
        deadline = time.monotonic() + SOON_S
        while astra.metadata.requests == asked:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(exceptions.ConnectionFailed):
            session.execute("SELECT n FROM seat WHERE show = 'bear'")
        astra.wake()
        while True:
            try:
                assert session.execute("SELECT n FROM seat WHERE show = 'bear'").one() == (1,)
                break
            except exceptions.ConnectionFailed:
                assert time.monotonic() < deadline + SOON_S
                time.sleep(0.1)
