"""Waiting for an index: a server that takes its time, spoken for by a cursor of our own."""

import contextlib
import io
import json
from types import SimpleNamespace

from django.db import OperationalError, ProgrammingError, connection
from django.test import SimpleTestCase, TestCase
from places import file_only

from django_cassandra_backend import index_build


class SlowServer:
    """`answers`: one (built names, {name: queryable}) for each time that it is asked; the last one stays. {…} is None
    where there is no such table. `gossip`: on a cluster, what all nodes say of themselves, each time as well."""

    def __init__(self, *answers, timeout=600, gossip=None, is_file=None):
        self.answers, self.asked, self.now = list(answers), 0, 0.0
        is_file = gossip is None if is_file is None else is_file
        self.settings = SimpleNamespace(keyspace="shop", index_timeout=timeout, is_file=is_file)
        self.gossip, self.pauses = gossip, []

    @contextlib.contextmanager
    def cursor(self):
        yield self

    def execute(self, text, params=None):
        if "gossip_info" in text:
            if self.gossip is None:
                raise ProgrammingError("Undefined column name index_status")
            self.rows = self.gossip[min(self.asked, len(self.gossip)) - 1]
            return
        assert params == ["shop"]
        built, queryable = self.answers[min(self.asked, len(self.answers) - 1)]
        if "IndexInfo" in text:
            self.rows = [(name,) for name in built]
            return
        self.asked += 1
        if queryable is None:
            raise ProgrammingError("table sai_column_indexes does not exist")
        self.rows = list(queryable.items())

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


class ClusterTests(SimpleTestCase):
    """Every node has to have it."""

    def node(self, **indexes):
        return ("NORMAL,1", json.dumps({"system": {"x": 3}, "shop": indexes}))

    def test_until_all_nodes_have_built_it(self):
        here = self.node(a=3)
        gossip = [[here, self.node()], [here, self.node(a=1)], [here, self.node(a=3, b=2)]]
        server = SlowServer((["a"], {"a": True}), gossip=gossip)
        server.wait("a")
        self.assertEqual(server.asked, 3)

    def test_the_names_of_the_first_release(self):
        told = {"shop.a": "BUILD_SUCCEEDED", "shop.b": "FULL_REBUILD_STARTED", "other.b": 3}
        server = SlowServer((["a", "b"], {}), timeout=1, gossip=[[("NORMAL", json.dumps(told))]])
        server.wait("a")
        with self.assertRaisesMessage(OperationalError, "has not built b"):
            server.wait("b")

    def test_nodes_that_have_left_do_not_count(self):
        server = SlowServer((["a"], {}), gossip=[[self.node(a=3), ("LEFT,1", None)]])
        server.wait("a")

    def test_before_cassandra_5(self):
        server = SlowServer((["a"], None), is_file=False)
        server.wait("a")
        self.assertEqual(server.asked, 1)


@file_only("it builds at once")
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
