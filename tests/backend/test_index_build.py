"""Waiting for an index: a server that takes its time, spoken for by a cursor of our own."""

import contextlib
import io
from types import SimpleNamespace

from django.db import OperationalError, connection
from django.test import SimpleTestCase, TestCase

from django_cassandra_backend import index_build


class SlowServer:
    """`answers`: one (built names, {name: queryable}) for each time that it is asked; the last one stays."""

    def __init__(self, *answers, timeout=600):
        self.answers, self.asked, self.now = list(answers), 0, 0.0
        self.settings = SimpleNamespace(keyspace="shop", index_timeout=timeout)
        self.pauses = []

    @contextlib.contextmanager
    def cursor(self):
        yield self

    def execute(self, text, params):
        assert params == ["shop"]
        built, queryable = self.answers[min(self.asked, len(self.answers) - 1)]
        if "IndexInfo" in text:
            self.rows = [(name,) for name in built]
        else:
            self.rows, self.asked = list(queryable.items()), self.asked + 1

    def fetchall(self):
        return self.rows

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def wait(self, *names):
        index_build.wait(self, names, sleep=self.sleep, clock=lambda: self.now)


class WaitTests(SimpleTestCase):
    def test_nothing_to_wait_for(self):
        server = SlowServer((["a", "b"], {"a": True}))
        server.wait("a", "b")
        self.assertEqual((server.asked, server.pauses), (1, []))

    def test_until_it_is_built(self):
        server = SlowServer(([], {}), ([], {}), (["a"], {}))
        server.wait("a")
        self.assertEqual(server.pauses, [0.05, 0.1])

    def test_until_it_answers(self):
        server = SlowServer((["a"], {"a": False}), (["a"], {"a": True}))
        server.wait("a")
        self.assertEqual(server.asked, 2)

    def test_pauses_grow_to_a_limit_and_progress_is_shown(self):
        server = SlowServer(*[([], {})] * 30, (["a"], {}))
        with contextlib.redirect_stderr(io.StringIO()) as terminal:
            server.wait("a")
        self.assertEqual(max(server.pauses), index_build.LONGEST_PAUSE)
        self.assertIn("building a: 11 seconds so far\n", terminal.getvalue())

    def test_too_long(self):
        server = SlowServer((["a"], {}), timeout=5)
        with self.assertRaisesMessage(OperationalError, "has not built b within 5 seconds"):
            server.wait("a", "b")
        self.assertLess(server.now, 10)


class EngineTests(TestCase):
    def test_the_engine_has_built_its_indexes(self):
        with connection.cursor() as cursor:
            names = [
                name
                for name, c in connection.introspection.get_constraints(cursor, "party").items()
                if c["index"]
            ]
        self.assertTrue(names)
        index_build.wait(connection, names, sleep=lambda seconds: self.fail("it was not built"))
