"""The scan budget: rows read and not returned."""

import io
import json

from bookings.models import Author, Book
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import TestCase

from django_cassandra_backend.exceptions import ScanBudgetExceeded


class BudgetTests(TestCase):
    def setUp(self):
        Author.objects.bulk_create([Author(name=f"n{i}", born=i) for i in range(20)])
        self.options = connection.settings_dict["OPTIONS"]
        self.addCleanup(connection.settings_dict.__setitem__, "OPTIONS", self.options)

    def budget(self, rows):
        connection.settings_dict["OPTIONS"] = {**self.options, "scan_budget": rows}

    def test_what_is_returned_is_not_a_scan(self):
        self.budget(0)
        self.assertEqual(len(Author.objects.all()), 20)
        self.assertEqual(len(list(Author.objects.iterator(chunk_size=3))), 20)
        self.assertEqual(Author.objects.count(), 20)
        self.assertEqual(len(Author.objects.filter(name="n3")), 1)

    def test_the_error_says_all(self):
        self.budget(5)
        with self.assertRaises(ScanBudgetExceeded) as caught:
            list(Author.objects.filter(born=100))
        text = str(caught.exception)
        for part in (
            "read 6 rows",
            "'bookings_author'",
            'OPTIONS["scan_budget"] allows 5',
            'in Author.Meta: indexes = [models.Index(fields=["born"])]',
            "SELECT",
        ):
            self.assertIn(part, text)
        self.assertIsInstance(caught.exception, OperationalError)

    def test_what_counts(self):
        self.budget(10)
        for query in (
            lambda: list(Author.objects.filter(born=100)),
            lambda: list(Author.objects.order_by("born")),
            lambda: list(Author.objects.order_by("born")[:2]),
            lambda: Author.objects.all()[15:16].get(),
            lambda: Author.objects.filter(born__gt=3).count(),
            lambda: Author.objects.filter(born=100).update(name="x"),
            lambda: Author.objects.filter(born=100).delete(),
            lambda: list(Author.objects.values_list("email").distinct()),
        ):
            with self.assertRaises(ScanBudgetExceeded):
                query()

    def test_enough_is_enough(self):
        self.budget(19)
        self.assertEqual(len(Author.objects.filter(born=3)), 1)
        with self.assertRaises(ScanBudgetExceeded):
            list(Author.objects.filter(born=100))

    def test_half_is_a_warning(self):
        self.budget(30)
        with self.assertLogs("django.db.backends.cassandra", "WARNING") as logs:
            list(Author.objects.filter(born=100))
        self.assertEqual(len(logs.output), 1)
        self.assertIn("half of its scan budget", logs.output[0])

    def test_none_lifts_it(self):
        self.budget(None)
        self.assertEqual(list(Author.objects.filter(born=100)), [])
        self.budget(1)
        with connection.lift_scan_budget():
            self.assertEqual(list(Author.objects.filter(born=100)), [])
        with self.assertRaises(ScanBudgetExceeded):
            list(Author.objects.filter(born=100))

    def test_advice_for_an_index_with_a_rest(self):
        self.budget(0)
        author = Author.objects.get(name="n1")
        Book.objects.create(author=author, title="x")
        with self.assertRaisesMessage(ScanBudgetExceeded, 'models.Index(fields=["price"])'):
            list(Book.objects.filter(author=author, price=3))

    def test_management_commands_may_scan(self):
        self.budget(3)
        out = io.StringIO()
        call_command("dumpdata", "bookings.Author", stdout=out)  # sorts by the primary key
        self.assertEqual(len(json.loads(out.getvalue())), 20)
