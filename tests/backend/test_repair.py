"""manage.py cql repair-moves: of two rows with one primary key the older goes."""

import datetime
from unittest import mock

from bookings.models import Party
from django.db import connection
from django.test import TestCase
from test_commands import output

from django_cassandra_backend.repair import Repair

NOON = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.timezone.utc)


class RepairTests(TestCase):
    def setUp(self):
        self.moved, self.other = (
            Party.objects.create(city="Oslo", name=name, date=NOON) for name in ("May", "June")
        )
        self.leave_behind("Rome", people=7)

    def leave_behind(self, city, people):
        """The row once more, under another key: what a crash leaves where a move is not one transaction."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO party (city, date, id, name, people) VALUES (%s, %s, %s, 'May', %s) IF NOT EXISTS",
                [city, NOON, self.moved.pk, people],
            )

    def cities(self):
        rows = Party.objects.filter(date=NOON).values_list("city", "name")
        with connection.lift_scan_budget():
            return sorted(rows)

    def test_the_newer_stays(self):
        self.leave_behind("Bonn", people=8)
        text = output("cql", "repair-moves")
        self.assertIn("bookings.Party: city = 'Oslo', date = ", text)
        self.assertIn("bookings.Party: city = 'Rome', date = ", text)
        self.assertIn("2 older ones removed", text)
        self.assertEqual(self.cities(), [("Bonn", "May"), ("Oslo", "June")])
        self.assertEqual(Party.objects.get(pk=self.moved.pk).people, 8)
        self.assertIn("2 rows looked at, 0 older ones removed", output("cql", "repair-moves"))

    def test_a_dry_run_only_tells(self):
        self.assertIn("1 older ones found", output("cql", "repair-moves", "--dry-run"))
        self.assertEqual(len(self.cities()), 3)

    def test_a_row_that_is_written_meanwhile_stays(self):
        real = Repair._delete

        def late(repair, cursor, point, values):
            cursor.send(
                "UPDATE party SET people = 9 WHERE city = 'Oslo' AND date = ? AND id = ? IF EXISTS",
                [NOON, self.moved.pk],
            )
            return real(repair, cursor, point, values)

        with mock.patch.object(Repair, "_delete", late):
            self.assertIn("0 older ones removed", output("cql", "repair-moves"))
        self.assertEqual(len(self.cities()), 3)
