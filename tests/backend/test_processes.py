"""Processes: forks, threads, and Django's parallel test runner."""

import os
import pathlib
import subprocess
import sys
import threading

from bookings.models import Author
from django.db import connection
from django.test import SimpleTestCase, TransactionTestCase

RUNNER = pathlib.Path(__file__).with_name("runtests.py")


class SharingTests(TransactionTestCase):
    def test_threads_share_a_session(self):
        sessions = [connection.session]

        def look():
            sessions.append(connection.session)
            connection.close()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        self.assertIs(sessions[0], sessions[1])

    def test_closing_gives_back_a_handle(self):
        session = connection.session
        Author.objects.create(name="x")
        connection.close()
        self.assertEqual(Author.objects.count(), 1)
        self.assertIs(connection.session, session)


class ForkTests(SimpleTestCase):
    def test_a_child_opens_its_own(self):
        """In a process of its own, on a file: parent and child write after a fork."""
        result = subprocess.run(
            [sys.executable, "-c", FORKING],
            capture_output=True,
            text=True,
            env=os.environ,
            timeout=60,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.split(), ["6"])


FORKING = """
import os, sys, tempfile
folder = tempfile.mkdtemp()
from django.conf import settings
settings.configure(
    DATABASES={"default": {
        "ENGINE": "django_cassandra_backend", "NAME": "forked",
        "OPTIONS": {"local": os.path.join(folder, "f.cql")},
    }},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
import django
django.setup()
from django.db import connection, models

class Row(models.Model):
    class Meta:
        app_label = "forked"

with connection.schema_editor() as editor:
    editor.create_model(Row)
Row.objects.create()
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        connection.close()
        Row.objects.create()
        os._exit(0)
    children.append(pid)
Row.objects.create()
for pid in children:
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
print(Row.objects.count())
"""


class ParallelTests(SimpleTestCase):
    def run_parallel(self, method):
        result = subprocess.run(
            [
                sys.executable,
                str(RUNNER),
                "test_plain",
                "test_transactions",
                "--parallel=2",
                f"--start-method={method}",
            ],
            capture_output=True,
            text=True,
            env=os.environ,
            timeout=240,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"Ran 17 tests")
        left = [
            p.name
            for p in pathlib.Path(os.environ.get("TMPDIR", "/tmp")).glob("django-cassandra-test-*")
        ]
        self.assertEqual([name for name in left if f"-{result.args}" in name], [])

    def test_fork(self):
        self.run_parallel("fork")

    def test_spawn(self):
        self.run_parallel("spawn")
