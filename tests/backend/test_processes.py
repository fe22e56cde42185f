"""Processes: forks, threads, and Django's parallel test runner."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading

from bookings.models import Author
from django.db import InterfaceError, connection
from django.test import SimpleTestCase, TransactionTestCase, tag
from forked import run_script
from places import file_only

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


@file_only("in memory a child has a copy")
class ForkTests(SimpleTestCase):
    """In processes of their own."""

    def test_a_child_goes_on_with_a_copy_of_a_database_in_memory(self):
        body = """
Row.objects.create(n=1)
def work(i):
    connection.close()  # as at the end of a request: only the session is left
    assert Row.objects.get().n == 1
    Row.objects.update(n=2)
    connection.close_session()
fork(2, work, report=False)
print(Row.objects.get().n)
"""
        self.assertEqual(run_script(body, ":memory:"), [1])

    def test_a_fork_while_another_thread_opens_a_session(self):
        body = """
import threading, time, libcql
from django_cassandra_backend.options import Options
elsewhere = Options("local::memory:", "elsewhere")
real, connect = libcql.connect, threading.Event()
def slow(*args, **kwargs):
    connect.set()
    time.sleep(0.3)
    return real(*args, **kwargs)
libcql.connect = slow
thread = threading.Thread(target=lambda: sessions.acquire(elsewhere))
thread.start()
connect.wait()
def look(i):
    return sessions.acquire(elsewhere).execute("SELECT key FROM system.local").one()
fork(1, look)
thread.join()
"""
        self.assertEqual(run_script(body), [["local"]])

    def test_a_child_writes_to_the_same_file(self):
        body = """
Row.objects.create()
fork(4, lambda i: Row.objects.create().pk, report=False)
Row.objects.create()
print(json.dumps(sorted(Row.objects.values_list("pk", flat=True))))
"""
        self.assertEqual(run_script(body), [[1, 2, 3, 4, 5, 6]])


@tag("long")
class RunnerTests(SimpleTestCase):
    """Django's test runner, started anew."""

    def run_tests(self, *arguments, **environment) -> str:
        result = subprocess.run(
            [sys.executable, str(RUNNER), "test_plain", "test_transactions", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "BACKEND_TEST_KEYSPACE": "runner", **environment},
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

    @file_only("on a node it says what test_fork says, of sessions that a worker opens itself")
    def test_spawn(self):
        self.run_parallel("spawn")

    @file_only("it lies beside the project's file")
    def test_keepdb(self):
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder) / "project.cql"
            for _ in range(2):
                self.run_tests("--keepdb", BACKEND_TEST_FILE=str(project))
                self.assertFalse(project.exists())
                self.assertTrue(project.with_name("project.cql.test").exists())
