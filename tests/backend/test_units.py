"""Parts that need no database: placeholders, literals, names, options, order."""

import datetime
import decimal
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError
from django.test import SimpleTestCase

from django_cassandra_backend import names
from django_cassandra_backend.dbapi import ProgrammingError as DriverError
from django_cassandra_backend.literals import inline, literal
from django_cassandra_backend.markers import translate
from django_cassandra_backend.options import read_options
from django_cassandra_backend.ordering import order_key, sort_key
from django_cassandra_backend.plan import Plan
from django_cassandra_backend.retry import FIRST_TRIES, Attempts, Queue


class MarkerTests(SimpleTestCase):
    def test_positional(self):
        self.assertEqual(translate("a = %s AND b = %s", [1, 2]), ("a = ? AND b = ?", [1, 2]))
        self.assertEqual(translate("SELECT 1", []), ("SELECT 1", []))

    def test_named(self):
        self.assertEqual(translate("%(b)s %(a)s %(b)s", {"a": 1, "b": 2}), ("? ? ?", [2, 1, 2]))

    def test_percent(self):
        self.assertEqual(translate("a %% 2 = %s", [1]), ("a % 2 = ?", [1]))

    def test_strings_names_and_comments_are_left_alone(self):
        for text in ("'it''s %s'", '"a %s"', "$$ %s $$", "/* %s */", "-- %s\n", "// %s\n"):
            with self.subTest(text):
                self.assertEqual(translate(f"{text} %s", [1]), (f"{text} ?", [1]))
        self.assertEqual(translate("'100%%' = %s", [1]), ("'100%' = ?", [1]))

    def test_mismatches(self):
        for text, params in (
            ("%s %s", [1]),
            ("%s", [1, 2]),
            ("%(a)s", [1]),
            ("%s", {"a": 1}),
            ("%(a)s", {}),
            ("%d", [1]),
        ):
            with self.subTest(text), self.assertRaises(DriverError):
                translate(text, params)

    def test_question_marks_may_be_used_instead(self):
        self.assertEqual(translate("a = ?", [1]), ("a = ?", [1]))

    def test_the_exception_is_djangos_counterpart(self):
        self.assertEqual(DriverError.__name__, ProgrammingError.__name__)


class LiteralTests(SimpleTestCase):
    def test_literals(self):
        cases = [
            (None, "null"),
            (True, "true"),
            (1, "1"),
            ("it's", "'it''s'"),
            (b"\x01", "0x01"),
            (decimal.Decimal("1.50"), "1.50"),
            (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
            (datetime.date(2026, 5, 17), "'2026-05-17'"),
            (
                datetime.datetime(2026, 5, 17, tzinfo=datetime.timezone.utc),
                "'2026-05-17T00:00:00.000+00:00'",
            ),
            ([1, "a"], "[1, 'a']"),
            ({1}, "{1}"),
            ({"a": 1}, "{'a': 1}"),
            ((1, None), "(1, null)"),
        ]
        for value, text in cases:
            with self.subTest(value=value):
                self.assertEqual(literal(value), text)

    def test_inline(self):
        self.assertEqual(
            inline("a = ? AND b = '?' -- ?\nc = ?", [1, "x"]), "a = 1 AND b = '?' -- ?\nc = 'x'"
        )

    def test_a_plan_is_a_string(self):
        plan = Plan([("SELECT ?", ["%s"])])
        self.assertEqual(
            (plan.upper(), plan % (), plan.inlined()), ("SELECT ?", "SELECT '%s'", "SELECT '%s'")
        )
        self.assertIn("(7 statements)", Plan([(f"SELECT {i}", []) for i in range(7)]))


class NameTests(SimpleTestCase):
    def test_names_round_trip(self):
        for name in (
            "party",
            "Party_2",
            "a-b",
            "a.b",
            "häuser",
            "x_u002d_y",
            "_u005f_u002d_",
            "日本",
            "a b",
        ):
            with self.subTest(name):
                self.assertRegex(names.encode(name), r"^[A-Za-z0-9_]+$")
                self.assertEqual(names.decode(names.encode(name)), name)

    def test_plain_names_stay(self):
        self.assertEqual(names.encode("auth_user_groups"), "auth_user_groups")


class OptionTests(SimpleTestCase):
    def options(self, **options):
        return read_options({"NAME": "ks", "HOST": "", "OPTIONS": {"local": ":memory:", **options}})

    def test_defaults(self):
        options = self.options()
        self.assertEqual((options.url, options.keyspace), ("local::memory:", "ks"))
        self.assertEqual((options.write_mode, options.scan_budget), ("lwt", 10_000))

    def test_a_path_is_quoted(self):
        url = read_options(
            {"NAME": "", "HOST": "", "OPTIONS": {"local": "/tmp/a b?c.cql", "durability": "full"}}
        ).url
        self.assertEqual(url, "local:/tmp/a%20b%3Fc.cql?durability=full")

    def test_what_is_wrong_is_named(self):
        cases = [
            ({"speed": 1}, "speed"),
            ({"write_mode": "fast"}, "write_mode"),
            ({"scan_budget": "many"}, "scan_budget"),
            ({"durability": "some"}, "durability"),
            ({"durability": True}, 'OPTIONS["durability"]'),
            ({"write_attempts": 0}, "write_attempts"),
            ({"write_attempts": True}, "write_attempts"),
            ({"scan_budget": -1}, "scan_budget"),
            ({"plain_models": "app.Model"}, 'OPTIONS["plain_models"] is a list'),
            ({"plain_models": [5]}, 'OPTIONS["plain_models"] is a list'),
            ({"local": 5}, 'OPTIONS["local"] is the path of a database file'),
            ({"local": b"x.cql"}, 'OPTIONS["local"] is the path of a database file'),
            ({"local": None}, 'OPTIONS["local"] is missing'),
        ]
        for options, message in cases:
            with self.subTest(message), self.assertRaisesMessage(ImproperlyConfigured, message):
                self.options(**options)
        with self.assertRaisesMessage(ImproperlyConfigured, "keyspace"):
            read_options({"NAME": "a-b", "HOST": "", "OPTIONS": {"local": ":memory:"}})
        with self.assertRaisesMessage(ImproperlyConfigured, "NAME is a keyspace"):
            read_options({"NAME": 5, "HOST": "", "OPTIONS": {"local": ":memory:"}})
        with self.assertRaisesMessage(ImproperlyConfigured, "OPTIONS is a dict"):
            read_options({"NAME": "ks", "HOST": "", "OPTIONS": ["local"]})
        with self.assertRaisesMessage(ImproperlyConfigured, "exclude each other"):
            read_options({"NAME": "ks", "HOST": "h", "OPTIONS": {"local": ":memory:"}})


class OrderTests(SimpleTestCase):
    def test_uuids_sort_by_version_and_time(self):
        early, late = (
            uuid.UUID("ffffffff-0000-1000-8000-000000000000"),
            uuid.UUID("00000000-0001-1000-8000-000000000000"),
        )
        random = uuid.UUID("00000000-0000-4000-8000-000000000000")
        self.assertEqual(sorted([random, late, early], key=order_key), [early, late, random])

    def test_nulls_and_directions(self):
        rows = [(2,), (None,), (3,), (1,)]

        def ordered(descending, nulls_first):
            return [
                row[0]
                for row in sorted(rows, key=sort_key([(lambda r: r[0], descending, nulls_first)]))
            ]

        self.assertEqual(ordered(False, True), [None, 1, 2, 3])
        self.assertEqual(ordered(True, False), [3, 2, 1, None])

    def test_nan_is_the_greatest(self):
        self.assertGreater(order_key(float("nan")), order_key(float("inf")))


class RetryTests(SimpleTestCase):
    def test_attempts_are_bounded(self):
        with Attempts(6) as attempts:
            self.assertEqual(list(attempts), [0, 1, 2, 3, 4, 5])

    def contest(self, queue, limit=FIRST_TRIES + 2) -> list[int]:
        """How many threads were past their first tries at once, as each of some saw it."""
        inside, seen = [], []

        def lose(_):
            with Attempts(limit, queue) as attempts:
                for number in attempts:
                    if number >= FIRST_TRIES:
                        inside.append(number)
                        time.sleep(0.002)
                        seen.append(len(inside))
                        inside.pop()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lose, range(4)))
        return seen

    def test_one_loser_at_a_time_goes_on(self):
        with tempfile.TemporaryDirectory() as folder:
            for queue in (Queue(None), Queue(folder)):
                self.assertEqual(self.contest(queue), [1] * 8)

    def test_two_queues_on_one_folder_are_one(self):
        """As in two processes."""
        with tempfile.TemporaryDirectory() as folder:
            first, second = Queue(folder), Queue(folder)
            patience = mock.patch("django_cassandra_backend.retry.QUEUE_PATIENCE", 0.05)
            with first, patience, second:
                self.assertIsNone(second._descriptor)  # it went on without, after a while
            with second:
                self.assertIsNotNone(second._descriptor)

    def test_a_queue_may_be_entered_again(self):
        queue = Queue(None)
        with queue, queue:
            pass
        self.assertEqual(self.contest(queue), [1] * 8)
