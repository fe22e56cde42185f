"""Scripts that run in a process of their own, with a database file (or a keyspace, see settings.py) and children that they fork.

A script finds `Row` (an AutoField, `n`), `Place` (a UUID beside a PhysicalKey) and `Tag` (a text as its key, `n`, `owner`), their
tables made, and `fork(count, work)`: `work(i)` in so many children at once; what it returns is printed as JSON, one
line for each child, in the order of the children."""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

#: The size of the race tests. 16 and 1000 are what the backend promises; a run of all tests makes do with less.
PROCESSES = int(os.environ.get("RACE_PROCESSES", "6"))
WRITES = int(os.environ.get("RACE_WRITES", "40"))


def run_script(body: str, local: str = "", mode: str = "lwt", timeout: float = 600) -> list:
    """Run `body` after the preamble; what it printed, each line read as JSON. `local`: a path, or ":memory:"."""
    values = f"PROCESSES, WRITES = {PROCESSES}, {WRITES}\n"
    result = subprocess.run(
        [sys.executable, "-c", PREAMBLE + values + body, local, mode],
        capture_output=True,
        text=True,
        cwd=HERE,  # "-c" imports from here first
        timeout=timeout,
    )
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return [json.loads(line) for line in result.stdout.splitlines()]


PREAMBLE = """
import atexit, json, os, sys, tempfile, uuid
folder = tempfile.TemporaryDirectory()
from django.conf import settings
keyspace = "test_forked_" + os.environ.get("BACKEND_TEST_KEYSPACE", "backend")
database = {"ENGINE": "django_cassandra_backend", "NAME": keyspace}
options = {"write_mode": sys.argv[2]}
if os.environ.get("CQL_TEST_HOST"):
    database |= {
        "HOST": os.environ["CQL_TEST_HOST"],
        "USER": os.environ.get("CQL_TEST_USER", ""),
        "PASSWORD": os.environ.get("CQL_TEST_PASSWORD", ""),
    }
    options |= {"create_keyspace": True, "id_block": 1}
else:
    options["local"] = sys.argv[1] or os.path.join(folder.name, "f.cql")
    if os.environ.get("BACKEND_TEST_AS_CLUSTER") == "1":
        options["as_cluster"] = True
settings.configure(
    DATABASES={"default": {**database, "OPTIONS": options}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
import django
django.setup()
from django.db import IntegrityError, connection, models
from django.db.models import F
from django_cassandra_backend import sessions
from django_cassandra_backend.models import PhysicalKey

class Row(models.Model):
    n = models.IntegerField(default=0)
    class Meta:
        app_label = "forked"

class Place(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    city = models.TextField()
    n = models.IntegerField(default=0)
    key = PhysicalKey(partition_by=["city"])
    class Meta:
        app_label = "forked"

class Tag(models.Model):
    name = models.TextField(primary_key=True)
    n = models.IntegerField(default=0)
    owner = models.IntegerField(null=True)
    class Meta:
        app_label = "forked"

def fork(count, work, report=True):
    children, start = [], os.pipe()
    for i in range(count):
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(start[1])
                os.read(start[0], 1)  # until the parent lets go: all begin together
                os.write(theirs, json.dumps(work(i)).encode())
                code = 0
            finally:
                sys.stdout.flush()
                sys.excepthook(*sys.exc_info()) if code else None
                os._exit(code)
        os.close(theirs)
        children.append((pid, ours))
    os.close(start[0])
    os.close(start[1])
    told = []
    for pid, ours in children:
        with open(ours) as told_by:
            answer = told_by.read()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, pid
        told.append(json.loads(answer))
    if report:
        for answer in told:
            print(json.dumps(answer))
    return told

def drop_keyspace():
    with sessions.administering(connection.settings) as session:
        session.execute(f'DROP KEYSPACE IF EXISTS "{keyspace}"')

if not connection.settings.is_file:
    drop_keyspace()
    parent = os.getpid()
    atexit.register(lambda: os.getpid() == parent and drop_keyspace())

with connection.schema_editor() as editor:
    for model in (Row, Place, Tag):
        editor.create_model(model)
"""
