"""CQL through the cursor, the query log, and Django's tools around both."""

import datetime
import uuid

from bookings.models import Author, Party
from django.db import (
    DataError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    connection,
    connections,
    reset_queries,
)
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext


class ResultTests(TestCase):
    def setUp(self):
        self.party = Party.objects.create(
            city="Oslo", name="50% off", people=3, date="2026-05-01T20:00:00Z"
        )
        self.party.refresh_from_db()
        self.where = [self.party.city, self.party.date, self.party.pk]

    def update(self, people, expected):
        return connection.cursor().execute(
            "UPDATE party SET people = %s WHERE city = %s AND date = %s AND id = %s IF people = %s",
            [people, *self.where, expected],
        )

    def test_conditional_update(self):
        self.assertIs(self.update(4, 3).one()["[applied]"], True)
        result = self.update(5, 3)
        self.assertFalse(result.was_applied)
        self.assertEqual(result.one(), {"[applied]": False, "people": 4})

    def test_row_count_of_a_conditional_statement(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE party SET people = 1 WHERE city = 'x' AND date = 0 AND id = %s IF EXISTS",
                [uuid.uuid4()],
            )
            self.assertEqual(cursor.rowcount, 0)

    def test_rows_as_dicts(self):
        result = connection.cursor().execute(
            "SELECT city, name FROM party WHERE city = %s", ["Oslo"]
        )
        self.assertEqual(result.column_names, ["city", "name"])
        self.assertEqual(result.all(), [{"city": "Oslo", "name": "50% off"}])
        self.assertTrue(result.was_applied)
        self.assertIsNone(result.one())

    def test_db_api(self):
        for i in range(4):
            Party.objects.create(city="Rome", name=str(i))
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, people FROM party WHERE city = %(city)s", {"city": "Rome"})
            self.assertEqual(
                [column[:2] for column in cursor.description], [("name", "text"), ("people", "int")]
            )
            self.assertEqual(cursor.fetchone()[1], 0)
            self.assertEqual(len(cursor.fetchmany(2)), 2)
            self.assertEqual(len(cursor.fetchall()), 1)
            self.assertIsNone(cursor.fetchone())
            self.assertEqual(
                len(list(cursor.execute("SELECT * FROM party WHERE city = 'Rome'"))), 4
            )
            cursor.execute("SELECT name FROM party WHERE city = 'Rome'")
            self.assertTrue(all(isinstance(row, tuple) for row in cursor))

    def test_no_rows_to_fetch(self):
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bookings_author (id, name) VALUES (1, 'x') IF NOT EXISTS")
            cursor.execute("TRUNCATE bookings_author")
            self.assertIsNone(cursor.description)
            self.assertEqual(list(cursor), [])
            with self.assertRaises(ProgrammingError):
                cursor.fetchone()

    def test_percent_without_params_is_plain_text(self):
        found = (
            connection.cursor()
            .execute("SELECT name FROM party WHERE city = 'Oslo' /* 100% */")
            .one()
        )
        self.assertEqual(found, {"name": "50% off"})

    def test_executemany(self):
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO bookings_author (id, name) VALUES (%s, %s) IF NOT EXISTS",
                [(1, "a"), (2, "b"), (1, "c")],
            )
            self.assertEqual(cursor.rowcount, 2)
            cursor.executemany("UPDATE bookings_author SET name = 'z' WHERE id = %s", [(1,), (2,)])
            self.assertEqual(cursor.rowcount, -1)  # a plain write does not tell
        self.assertEqual(Author.objects.count(), 2)

    def test_stored_procedures(self):
        with connection.cursor() as cursor, self.assertRaises(NotSupportedError):
            cursor.callproc("anything")

    def test_errors_are_djangos(self):
        cases = [("SELEC", ProgrammingError), ("SELECT * FROM nowhere", ProgrammingError)]
        for text, error in cases:
            with self.subTest(text), connection.cursor() as cursor, self.assertRaises(error):
                cursor.execute(text)
        with connection.cursor() as cursor, self.assertRaises(DataError):
            cursor.execute("SELECT * FROM party WHERE city = %s", [1])

    def test_a_closed_cursor(self):
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM party")
        cursor.close()
        with self.assertRaises(InterfaceError):
            cursor.execute("SELECT * FROM party")
        with self.assertRaises(InterfaceError):
            cursor.fetchone()

    def test_a_naive_datetime(self):
        naive = datetime.datetime(2026, 5, 1, 20)
        text = "SELECT name FROM party WHERE city = 'Oslo' AND date = %s"
        self.assertEqual(connection.cursor().execute(text, [naive]).one(), {"name": "50% off"})


class LogTests(TestCase):
    def test_captured_queries_show_the_cql_that_was_sent(self):
        with CaptureQueriesContext(connection) as captured:
            author = Author.objects.create(name="it's")
            Author.objects.filter(pk=author.pk).update(name="x")
        self.assertEqual(len(captured), 2)
        self.assertIn("'it''s'", captured[0]["sql"])
        self.assertIn("IF EXISTS", captured[1]["sql"])

    @override_settings(DEBUG=True)
    def test_connection_queries(self):
        reset_queries()
        list(Author.objects.filter(name="x"))
        connection.cursor().execute("SELECT * FROM bookings_author WHERE id = %s", [1])
        texts = [query["sql"] for query in connection.queries]
        self.assertEqual(len(texts), 2)
        self.assertEqual(texts[1], "SELECT * FROM bookings_author WHERE id = 1")

    def test_execute_wrapper(self):
        seen = []

        def wrapper(execute, sql, params, many, context):
            seen.append((sql.split()[0], params, many, context["connection"].alias))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(wrapper):
            Author.objects.create(name="a")
            self.assertEqual(Author.objects.count(), 1)
        self.assertEqual([entry[0] for entry in seen], ["INSERT", "SELECT"])
        self.assertEqual({entry[1:] for entry in seen}, {((), False, "default")})

    def test_a_wrapper_may_block(self):
        def blocker(*args):
            raise RuntimeError("blocked")

        with connection.execute_wrapper(blocker), self.assertRaisesMessage(RuntimeError, "blocked"):
            Author.objects.count()

    def test_str_of_a_query_shows_its_cql(self):
        text = str(Author.objects.filter(name="O'Hara").order_by("born").query)
        self.assertEqual(
            text,
            """SELECT "id", "name", "born", "email" FROM "bookings_author" WHERE "name" = 'O''Hara'""",
        )

    def test_two_aliases_are_two_databases(self):
        self.assertNotEqual(
            connections["default"].settings.keyspace, connections["other"].settings.keyspace
        )


class VersionTests(TestCase):
    def test_the_server_is_new_enough(self):
        self.assertGreaterEqual(
            connection.get_database_version(), connection.features.minimum_database_version
        )
        self.assertTrue(connection.is_usable())
