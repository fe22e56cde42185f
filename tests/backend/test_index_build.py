"""Waiting for an index: a server that takes its time, spoken for by a cursor of our own."""

import contextlib
import io
import json
from types import SimpleNamespace
from unittest import mock

from django.db import OperationalError, ProgrammingError, connection
from django.test import SimpleTestCase, TestCase
from places import file_only

import libcql
from django_cassandra_backend import index_build, index_probe


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


class Refusal(ProgrammingError):
    """What Django makes of an error of libcql."""

    def __init__(self, error):
        super().__init__(str(error))
        self.__cause__ = error


class GuardedServer(SlowServer):
    """A server that lets nobody read what tells of indexes. `building`: how often a query through each fails."""

    COLUMNS = [
        ("t", "a", "int"),
        ("t", "B", "text"),
        ("t", "m", "map<text, int>"),
        ("t", "v", "vector<float, 3>"),
        ("t", "odd", "boolean"),
    ]
    INDEXES = [
        ("by_a", "t", {"target": "a"}),
        ("by_b", "t", {"target": '"B"'}),
        ("by_m", "t", {"target": "keys(m)"}),
        ("by_v", "t", {"target": "v"}),
        ("by_odd", "t", {"target": "odd"}),
    ]

    def __init__(self, building, error=libcql.ReadFailure):
        super().__init__(is_file=False)
        self.building, self.error, self.asked_of = dict(building), error, []

    def execute(self, text, params=None):
        if "IndexInfo" in text:
            raise Refusal(libcql.Unauthorized("User shop has no SELECT permission"))
        if "system_schema.columns" in text:
            self.rows = self.COLUMNS
        elif "system_schema.indexes" in text:
            self.rows = self.INDEXES
        else:
            self.asked_of.append(text)
            self.rows = []
            name = next(column for column in ("a", "B", "odd") if f'"{column}" =' in text)
            if name == "odd":
                raise Refusal(libcql.InvalidRequest("this index knows no ="))
            if self.building.get(name, 0):
                self.building[name] -= 1
                error = OperationalError("not available")
                error.__cause__ = self.error("not available")
                raise error


class GuardedTests(TestCase):
    def test_the_index_itself_is_asked(self):
        server = GuardedServer({"a": 2, "B": 1})
        server.wait("by_a", "by_b", "by_m", "by_v", "by_odd")
        self.assertEqual(server.pauses, [0.05, 0.1])
        one, two = (
            'SELECT * FROM "t" WHERE "a" = 0 LIMIT 1',
            """SELECT * FROM "t" WHERE "B" = '' LIMIT 1""",
        )
        three = 'SELECT * FROM "t" WHERE "odd" = false LIMIT 1'
        self.assertEqual(sorted(server.asked_of), sorted([one] * 3 + [two] * 2 + [three]))

    def test_one_that_is_not_there(self):
        server = GuardedServer({})
        server.settings.index_timeout = 1
        with self.assertRaisesMessage(OperationalError, "has not built by_c"):
            server.wait("by_a", "by_c")

    def test_other_errors(self):
        with self.assertRaisesMessage(OperationalError, "not available"):
            GuardedServer({"a": 1}, error=libcql.RequestTimeout).wait("by_a")

    def test_other_refusals_of_the_table(self):
        server = GuardedServer({})
        with (
            mock.patch.object(libcql, "Unauthorized", libcql.InvalidRequest),
            self.assertRaises(Refusal),
        ):
            server.wait("by_a")

    @file_only("it has tables that this test makes")
    def test_on_the_engine(self):
        with connection.cursor() as cursor:
            keyspace = connection.settings.keyspace
            cursor.execute(
                "SELECT index_name FROM system_schema.indexes WHERE keyspace_name = %s", [keyspace]
            )
            names = {name for (name,) in cursor.fetchall()}
            self.assertTrue(names)
            self.assertEqual(index_probe.answering(cursor, keyspace, names), names)
