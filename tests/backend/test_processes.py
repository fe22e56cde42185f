"""Processes: forks, threads, and Django's parallel test runner."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading

from bookings.models import Author
from django.db import InterfaceError, connection
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

    def test_a_connection_that_was_closed_underneath_is_opened_again(self):
        """As Django does at the end of a request, when CONN_MAX_AGE keeps connections."""
        connection.ensure_connection()
        connection.connection.close()
        self.assertFalse(connection.is_usable())
        with self.assertRaisesMessage(InterfaceError, "the connection is closed"):
            Author.objects.count()
        connection.close_if_unusable_or_obsolete()
        self.assertEqual(Author.objects.count(), 0)


class ForkTests(SimpleTestCase):
    """In processes of their own."""

    def run_script(self, body: str, local: str = "") -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT + body, local],
            capture_output=True,
            text=True,
            cwd=RUNNER.parent,  # "-c" imports from here first
            timeout=120,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.split()

    def test_a_child_goes_on_with_a_copy_of_a_database_in_memory(self):
        body = """
Row.objects.create(n=1)
def work(i):
    connection.close()  # as at the end of a request: only the session is left
    assert Row.objects.get().n == 1
    Row.objects.update(n=2)
    connection.close_session()
fork(2, work)
print(Row.objects.get().n)
"""
        self.assertEqual(self.run_script(body, ":memory:"), ["1"])

    def test_a_fork_while_another_thread_opens_a_session(self):
        body = """
import threading, time, libcql
real, connect = libcql.connect, threading.Event()
def slow(*args, **kwargs):
    connect.set()
    time.sleep(0.3)
    return real(*args, **kwargs)
libcql.connect = slow
thread = threading.Thread(target=lambda: sessions.acquire("local::memory:", "elsewhere"))
thread.start()
connect.wait()
fork(1, lambda i: sessions.acquire("local::memory:", "elsewhere").execute("SELECT key FROM system.local"))
thread.join()
print("done")
"""
        self.assertEqual(self.run_script(body), ["done"])

    def test_a_child_writes_to_the_same_file(self):
        body = """
Row.objects.create()
fork(4, lambda i: Row.objects.create())
Row.objects.create()
print(Row.objects.count(), len(set(Row.objects.values_list("pk", flat=True))))
"""
        self.assertEqual(self.run_script(body), ["6", "6"])

    def test_processes_lose_no_update(self):
        body = """
row = Row.objects.create(n=0)
def add(i):
    for _ in range(10):
        assert Row.objects.filter(pk=row.pk).update(n=models.F("n") + 1) == 1
fork(4, add)
print(Row.objects.get().n)
"""
        self.assertEqual(self.run_script(body), ["40"])

    def test_one_of_several_processes_wins(self):
        body = """
row = Row.objects.create(n=0)
fork(4, lambda i: os._exit(10 + Row.objects.filter(pk=row.pk, n=0).update(n=1)), print)
"""
        self.assertEqual(sorted(self.run_script(body)), ["10", "10", "10", "11"])


SCRIPT = """
import os, sys, tempfile
folder = tempfile.TemporaryDirectory()
from django.conf import settings
settings.configure(
    DATABASES={"default": {
        "ENGINE": "django_cassandra_backend", "NAME": "forked",
        "OPTIONS": {"local": sys.argv[1] or os.path.join(folder.name, "f.cql")},
    }},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
import django
django.setup()
from django.db import connection, models
from django_cassandra_backend import sessions

class Row(models.Model):
    n = models.IntegerField(default=0)
    class Meta:
        app_label = "forked"

def expect_success(code):
    assert code == 0, code

def fork(count, work, report=expect_success):
    children = []
    for i in range(count):
        pid = os.fork()
        if pid == 0:
            try:
                work(i)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(pid)
    for pid in children:
        report(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

with connection.schema_editor() as editor:
    editor.create_model(Row)
"""


class RunnerTests(SimpleTestCase):
    """Django's test runner, started anew."""

    def run_tests(self, *arguments, **environment) -> str:
        result = subprocess.run(
            [sys.executable, str(RUNNER), "test_plain", "test_transactions", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=240,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Ran 17 tests", result.stderr)
        return result.stderr

    def run_parallel(self, method):
        with tempfile.TemporaryDirectory() as folder:
            text = self.run_tests("--parallel=2", f"--start-method={method}", TMPDIR=folder)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])  # the copies are gone
        self.assertIn("Cloning test database", text)

    def test_fork(self):
        self.run_parallel("fork")

    def test_spawn(self):
        self.run_parallel("spawn")

    def test_keepdb(self):
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder) / "project.cql"
            for _ in range(2):
                self.run_tests("--keepdb", BACKEND_TEST_FILE=str(project))
                self.assertFalse(project.exists())
                self.assertTrue(project.with_name("project.cql.test").exists())
