"""Django on the stand-in: with nothing but ENGINE and three variables, and in all other ways that settings have."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

PARTYFINDER = ROOT / "examples" / "partyfinder"
BACKEND = ROOT / "tests" / "backend" / "runtests.py"
SETTINGS = {"DJANGO_SETTINGS_MODULE": "party_settings"}
PLACES = os.pathsep.join(map(str, (ROOT, Path(__file__).parent, PARTYFINDER)))
PATIENCE_S = 300
#: The three that the issue of a site on Astra needs, by the names of the CLI's .env.
THREE = ("ASTRA_DB_APPLICATION_TOKEN", "ASTRA_DB_KEYSPACE", "ASTRA_DB_SECURE_BUNDLE_PATH")


@pytest.fixture(scope="module")
def standin(cluster):
    """One of its own, with the keyspaces of tests: what nobody can make by CQL."""
    from standin import AstraStandin

    with AstraStandin(cluster, keyspace="party") as astra:
        for name in ("test_party", "backend", "test_backend", "site", "by_api"):
            if name in astra.database.keyspaces():  # of another run on this cluster
                astra.drop_keyspace(name)
        for name in ("test_party", "backend", "test_backend"):
            astra.add_keyspace(name)
        yield astra


def three(astra, **changes) -> dict[str, str]:
    environ = astra.environment()
    return {name: environ[name] for name in THREE} | changes


def run(command, environ, cwd=PARTYFINDER, patience=PATIENCE_S):
    """The finished program, whose environment has these variables and none of ours."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ASTRA_", "CQL_", "PARTY", "BACKEND_", "DJANGO_"))
    }
    clean |= {"PYTHONPATH": PLACES} | SETTINGS | environ
    return subprocess.run(
        [sys.executable, *map(str, command)],
        env=clean,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=patience,
    )


def manage(*words, environ, **more):
    return run([PARTYFINDER / "manage.py", *words], environ, **more)


def said(done, astra) -> str:
    """All that a program printed, which never is a secret."""
    text = done.stdout + done.stderr
    for secret in (astra.token, astra.client_secret):
        assert secret not in text
    return text


def passed(done, astra) -> int:
    """How many tests passed, all of them."""
    text = said(done, astra)
    assert done.returncode == 0, text[-4000:]
    return int(re.search(r"Ran (\d+) tests", text)[1])


# --- whole test suites ----------------------------------------------------------------------------


WAYS = ("three variables", "ASTRA_DB_TOKEN", "client id and secret", "OPTIONS")


def ways(astra, keyspace: str) -> dict[str, dict[str, str]]:
    """Each way to say where the database is and who asks, as an environment."""
    whole = three(astra, ASTRA_DB_KEYSPACE=keyspace)
    token = whole["ASTRA_DB_APPLICATION_TOKEN"]
    without = {name: value for name, value in whole.items() if name != "ASTRA_DB_APPLICATION_TOKEN"}
    client = {"USER": astra.client_id, "PASSWORD": astra.client_secret}
    options = {
        "NAME": keyspace,
        "USER": "token",
        "PASSWORD": token,
        "OPTIONS": {"secure_connect_bundle": str(astra.bundle_path), "request_timeout": 20},
    }
    return {
        "three variables": whole,
        "ASTRA_DB_TOKEN": without | {"ASTRA_DB_TOKEN": token},
        "client id and secret": without | {"ASTRA_TEST_DATABASE": json.dumps(client)},
        "OPTIONS": {"ASTRA_TEST_DATABASE": json.dumps(options)},
    }


@pytest.mark.parametrize("way", WAYS)
def test_the_backend(astra, way):
    """All that stand for a site on Astra; after the first way a few, in the tables that are there: only how one gets to
    the database differs."""
    is_first = way == WAYS[0]
    labels = [] if is_first else ["test_writes.UpdateTests"]
    environ = ways(astra, "backend")[way]
    environ |= {"BACKEND_TEST_ASTRA": "1", "DJANGO_SETTINGS_MODULE": "backend_settings"}
    environ["RACE_PROCESSES"] = "12"  # the machine runs the nodes as well
    command = [BACKEND, *labels, "--tag", "astra", "--keepdb"]
    done = run(command, environ, cwd=BACKEND.parent, patience=2 * PATIENCE_S)
    assert passed(done, astra) > (50 if is_first else 0)


@pytest.mark.parametrize("way", WAYS)
def test_partyfinder(astra, way):
    """The tables of the first run are kept, since to make them takes longer than the tests; the last run makes them anew."""
    keep = [] if way == WAYS[-1] else ["--keepdb"]
    environ = ways(astra, astra.keyspace)[way]
    done = manage("test", "partyfinder", "--noinput", *keep, environ=environ)
    assert passed(done, astra) > 20


# --- a site ---------------------------------------------------------------------------------------


def test_from_a_token_to_a_running_site(astra, tmp_path):
    """As docs/howto/astra.md tells it."""
    environ = {
        "ASTRA_DB_APPLICATION_TOKEN": astra.token,
        "ASTRA_API_URL": astra.api.url,
        "ASTRA_DB_ID": astra.database_id,
    }
    file = tmp_path / ".env"
    file.write_text("# mine\nDEBUG=1\n")

    def astra_command(*words):
        done = manage("astra", *words, environ=environ, cwd=tmp_path)
        assert done.returncode == 0, said(done, astra)
        return said(done, astra)

    assert "ACTIVE" in astra_command("status")
    assert "has the keyspace 'site' now" in astra_command("keyspace", "create", "site")
    astra_command("bundle")
    astra_command("dotenv", "--keyspace", "site")
    assert file.read_text().startswith("# mine\nDEBUG=1\nASTRA_DB_APPLICATION_TOKEN=")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    lines = (line for line in file.read_text().splitlines() if line.startswith("ASTRA_"))
    site = dict(line.split("=", 1) for line in lines)
    done = manage("demo", "--no-serve", environ=site)
    assert done.returncode == 0, said(done, astra)
    assert "sample parties" in said(done, astra)
    done = manage("check", "--database", "default", environ=site)
    assert done.returncode == 0, said(done, astra)

    query = "SELECT count(*) FROM party"
    done = manage("dbshell", "--", "-e", query, environ=site)
    assert done.returncode == 0, said(done, astra)
    assert "(1 row)" in said(done, astra)


def test_a_test_keyspace_by_the_api(astra):
    environ = three(astra, ASTRA_DB_KEYSPACE="backend", ASTRA_API_URL=astra.api.url)
    environ |= {"ASTRA_DB_ID": astra.database_id}
    environ["ASTRA_TEST_DATABASE"] = json.dumps({"TEST": {"NAME": "by_api"}})
    done = manage("test", "partyfinder.tests.test_guestbook", "--noinput", environ=environ)
    assert passed(done, astra) > 0
    assert "by_api" not in astra.database.keyspaces()


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault, ids, words",
    [
        ("hibernated", "cassandra.E020", "manage.py astra resume"),
        ("token", "cassandra.E021", "refuses the token"),
        ("keyspace", "cassandra.E022", "manage.py astra keyspace create nowhere"),
    ],
)
def test_check_says_what_to_do(astra, fault, ids, words):
    environ = three(astra)
    if fault == "hibernated":
        astra.hibernate()
    elif fault == "token":
        environ["ASTRA_DB_APPLICATION_TOKEN"] = f"{astra.token[:-1]}x"
    else:
        environ["ASTRA_DB_KEYSPACE"] = "nowhere"
    began = time.monotonic()
    done = manage("check", "--database", "default", environ=environ, patience=60)
    took = time.monotonic() - began
    text = said(done, astra)
    assert done.returncode == 1, text
    assert ids in text and words in text
    assert environ["ASTRA_DB_APPLICATION_TOKEN"] not in text
    assert took < 20  # 10 for the database, the rest for Django on a busy machine


def test_tests_without_a_keyspace_say_what_to_do(astra):
    environ = three(astra)
    environ["ASTRA_TEST_DATABASE"] = json.dumps({"TEST": {"NAME": "nowhere"}})
    done = manage("test", "--noinput", environ=environ, patience=60)
    assert done.returncode != 0
    assert "`manage.py astra keyspace create nowhere`" in said(done, astra)
