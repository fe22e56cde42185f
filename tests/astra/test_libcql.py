"""libcql through the proxy under its own name, as plain drivers use Astra: every framing, both ways."""

from __future__ import annotations

import zipfile
from urllib.parse import quote

import pytest

import libcql

TEXT = "to be or not to be " * 20_000  # an envelope in several segments


@pytest.fixture(params=[(4, "none"), (4, "lz4"), (5, "none"), (5, "lz4")], ids=str)
def session(request, astra, tmp_path):
    """libcql reads certificates from files only so far."""
    protocol, compression = request.param
    with zipfile.ZipFile(astra.bundle_path) as archive:
        archive.extractall(tmp_path)
    options = {"protocol": protocol, "compression": compression, "tls": "on"}
    options |= {f"tls_{k}": tmp_path / v for k, v in (("ca", "ca.crt"), ("cert", "cert"))}
    options |= {"tls_key": tmp_path / "key"}
    words = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in options.items())
    place = f"{astra.host}:{astra.proxy.listener.port}/{astra.keyspace}"
    with libcql.connect(f"cassandra://token:{quote(astra.token, safe='')}@{place}?{words}") as s:
        yield s


def test_each_framing(astra, session):
    session.execute("CREATE TABLE IF NOT EXISTS words (k int PRIMARY KEY, v text)")
    astra.settle()
    session.execute("INSERT INTO words (k, v) VALUES (?, ?)", [1, TEXT])
    assert session.execute("SELECT v FROM words WHERE k = 1").one() == (TEXT,)
    with pytest.raises(libcql.Unauthorized, match=r"Missing correct permission on other\."):
        session.execute(f"/* {TEXT} */ DROP KEYSPACE other")
    astra.limit_rate(0, 600)
    with pytest.raises(libcql.Overloaded, match="Rate limit reached"):
        session.execute("SELECT v FROM words WHERE k = 1", timeout=5)
    astra.no_limit()
    assert session.execute("SELECT k FROM words WHERE k = 1").one() == (1,)
