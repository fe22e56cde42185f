"""tools/astra-standin run, as a program: what it prints, what it obeys, and what it leaves behind: nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, BundleClient

TOOL = [sys.executable, str(ROOT / "tools" / "astra-standin"), "run", "--nodes", "3"]


@pytest.fixture
def program(cluster, tmp_path):
    files = ["--bundle-out", tmp_path / "bundle.zip", "--dotenv-out", tmp_path / ".env"]
    with subprocess.Popen(
        [*TOOL, "--port", str(cluster.port), *files],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def tell(process, line):
    print(line, file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


def test_it_obeys_and_tidies_up(program, tmp_path):
    facts = json.loads(program.stdout.readline())
    client = BundleClient((tmp_path / "bundle.zip").read_bytes())
    assert client.metadata() == (200, facts["metadata"])
    lines = (tmp_path / ".env").read_text().splitlines()
    assert f"ASTRA_DB_APPLICATION_TOKEN={facts['token']}" in lines
    assert f"ASTRA_DB_SECURE_BUNDLE_PATH={facts['bundle']}" in lines
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())

    assert "wake" in tell(program, "help")["done"]
    assert tell(program, "hibernate 503") == {"done": None}
    assert client.metadata()[0] == 503
    assert tell(program, "wake") == {"done": None}
    assert client.metadata()[0] == 200
    assert "no such command" in tell(program, "dance")["error"]
    assert "error" in tell(program, "down")

    folder = Path(facts["bundle"]).parent
    assert folder.exists()
    program.send_signal(signal.SIGTERM)
    assert program.wait(60) == 130
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []
