"""Fixtures for the tests of the Astra stand-in: a cluster with Astra's limits, the stand-in, and a client that knows
nothing but the bundle."""

from __future__ import annotations

import io
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools" / "astra"), str(ROOT / "tools" / "cassandra")]

from standin import AstraStandin, database_settings  # noqa: E402
from testcluster import borrowed, cql  # noqa: E402

PORT = 9280  # or the next free one
ADDRESSES = ["127.0.0.1", "127.0.0.2"]
PATIENCE_S = 10.0


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "error")


@pytest.fixture(scope="session")
def cluster():
    with borrowed(database_settings(nodes=3, quick=True, durable=False), PORT) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def standin(cluster):
    with AstraStandin(cluster, addresses=ADDRESSES) as astra:
        yield astra


@pytest.fixture
def astra(standin):
    """The stand-in, with nothing wrong."""
    yield standin
    standin.mend()


@pytest.fixture
def client(astra):
    return BundleClient(astra.bundle_path.read_bytes())


@pytest.fixture(scope="session")
def driver():
    """Runs the Python driver, unchanged: a function of with_driver.py's questions that returns its answers.
    all_addresses: the proxy's name has both; without it the first is all that localhost has."""
    python = subprocess.check_output([ROOT / "tools" / "driver-venv"], text=True).strip()

    def ask(astra, *statements, all_addresses=False, **more):
        question = {
            "bundle": str(astra.bundle_path),
            "user": "token",
            "password": astra.token,
            "keyspace": astra.keyspace,
            "statements": statements,
        }
        done = subprocess.run(
            [python, Path(__file__).parent / "with_driver.py"],
            input=json.dumps(question | more),
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | (astra.resolving() if all_addresses else {}),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


def url_of(astra, path=None, **options):
    """A URL for libcql. As the token's user; keywords are options, and None leaves one out."""
    usual = {"user": "token", "password": astra.token}
    chosen = {n: v for n, v in (usual | options).items() if v is not None}
    words = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in chosen.items())
    return f"astra:{quote(str(path or astra.bundle_path))}?{words}"


class BundleClient:
    """What the bundle allows, with nothing but this Python's ssl."""

    def __init__(self, bundle: bytes) -> None:
        self.entries = {}
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            for name in archive.namelist():
                self.entries[name] = archive.read(name)
        self.config = json.loads(self.entries["config.json"])

    def tls(self, with_certificate: bool = True) -> ssl.SSLContext:
        """Trusts the bundle's authority. OpenSSL reads our key from files only, which go at once."""
        context = ssl.create_default_context(cadata=self.entries["ca.crt"].decode())
        if with_certificate:
            with tempfile.TemporaryDirectory() as folder:
                for name in ("cert", "key"):
                    path = Path(folder) / name
                    path.touch(mode=0o600)
                    path.write_bytes(self.entries[name])
                context.load_cert_chain(os.path.join(folder, "cert"), os.path.join(folder, "key"))
        return context

    def metadata(self, query: str = "", **tls: bool) -> tuple[int, object]:
        """The status, and what the service says."""
        url = f"https://{self.config['host']}:{self.config['port']}/metadata{query}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S, context=self.tls(**tls)) as answer:
                assert answer.headers["Content-Type"] == "application/json"
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def dial(
        self, name: str | None, address: str = ADDRESSES[0], timeout: float = PATIENCE_S
    ) -> ssl.SSLSocket:
        """TLS through the proxy, where `name` is whom we ask for and the certificate is to be the proxy's."""
        context = self.tls()
        context.check_hostname = (
            False  # Python knows one name only; test_certificates looks at the other
        )
        raw = socket.create_connection((address, self.config["cql_port"]), timeout=timeout)
        try:
            return context.wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise

    def connect(self, name: str | None, user: str, password: str, **where) -> cql.Connection:
        """A connection in protocol v4 that is logged in."""
        connection = cql.Connection.over(self.dial(name, **where))
        try:
            connection.log_in(user, password)
        except BaseException:
            connection.socket.close()
            raise
        return connection


@pytest.fixture
def session(astra, client):
    """A connection as the token's user to any node."""
    with client.connect(None, "token", astra.token) as connection:
        connection.query(f"USE {astra.keyspace}")
        yield connection
