"""The scan budget: rows read and not returned."""

import asyncio
import io
import json
import pathlib
import threading

from bookings.models import Author, Book, Seat
from django.core.management import BaseCommand, CommandError, call_command
from django.db import OperationalError, connection, connections
from django.db.models import Count
from django.db.models.functions import MD5
from django.test import TestCase, override_settings, tag

from django_cassandra_backend import budget, cost_report
from django_cassandra_backend.exceptions import ScanBudgetExceeded

MANY = 40_001  # rows, of TEXT: eight pages
TEXT = "x" * 2000
CHUNK = 1_000


def memory(field: str) -> int:
    """Bytes: VmRSS, what is resident now, or VmHWM, the most that was."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def scan():
    return list(Author.objects.filter(born=100))


class ScanningCommand(BaseCommand):
    """Scans on its own thread, on another, and in async code."""

    def handle(self, **options):
        self.errors = []
        for run in (scan, self.in_thread, lambda: asyncio.run(self.in_async())):
            try:
                run()
            except ScanBudgetExceeded as error:
                self.errors.append(error)

    def in_thread(self):
        def run():
            try:
                scan()
            except ScanBudgetExceeded as error:
                self.errors.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    async def in_async(self):
        async for _ in Author.objects.filter(born=100):
            pass


ScanningCommand.__module__ = "project.management.commands.tidy"  # where a command lives


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

    def test_the_relational_road(self):
        """Before the first row as well as behind one; `spent` is what the other road would say."""
        self.budget(5)
        books = Author.objects.annotate(number=Count("books"))
        with self.assertRaises(ScanBudgetExceeded) as caught:
            list(books.filter(born=100))
        for part in (
            "read 6 rows",
            "'bookings_author'",
            'OPTIONS["scan_budget"] allows 5',
            'in Author.Meta: indexes = [models.Index(fields=["born"])]',
            "SELECT",
        ):
            self.assertIn(part, str(caught.exception))
        for born in (100, 0, 19):
            sql = f"SELECT * FROM bookings_author WHERE abs(born) = {born}"
            with self.assertRaisesMessage(ScanBudgetExceeded, "allows 5"):
                list(Author.objects.raw(sql))
        self.budget(19)
        self.assertEqual([author.born for author in Author.objects.raw(sql)], [19])

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

    @tag("long")  # and not under ASan, which keeps what is freed
    def test_the_default_on_many_rows(self):
        if not connection.settings.is_file:
            self.skipTest(
                "a node would write the rows for a minute; what is asked is this process's"
            )
        for start in range(0, MANY, CHUNK):
            Author.objects.bulk_create(
                Author(name=TEXT, born=i) for i in range(start, min(start + CHUNK, MANY))
            )
        self.budget(10_000)
        joined = Author.objects.annotate(number=Count("books"))
        for queryset in (Author.objects, joined):
            with self.assertRaisesMessage(ScanBudgetExceeded, "read 10001 rows"):
                list(queryset.filter(born=-1))
        self.budget(None)
        for queryset in (Author.objects, joined):
            before = memory("VmRSS")
            pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            self.assertEqual([author.born for author in queryset.filter(born=MANY - 1)], [MANY - 1])
            self.assertLess(memory("VmHWM") - before, MANY * len(TEXT) / 2)

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

    def test_commands_with_threads_and_async_code_may_scan(self):
        connection.settings_dict["OPTIONS"] = {**self.options, "scan_budget": 3}
        command = ScanningCommand()
        call_command(command)
        self.assertEqual(command.errors, [])

    def test_rows_that_were_named_by_their_keys_are_sorted_freely(self):
        self.budget(5)
        keys = [author.pk for author in Author.objects.all()]
        found = Author.objects.filter(pk__in=keys).order_by("-born")
        self.assertEqual([author.born for author in found], list(range(19, -1, -1)))
        self.assertEqual(len(Author.objects.order_by("born").in_bulk(keys)), 20)
        Seat.objects.bulk_create(Seat(show="x", row=1, number=n) for n in range(10))
        seats = Seat.objects.filter(pk__in=[("x", 1, n) for n in range(10)])
        self.assertEqual(len(seats.order_by("row", "taken")), 10)

    def test_a_waiting_sort_counts(self):
        self.budget(5)
        Seat.objects.bulk_create(Seat(show="x", row=1, number=n) for n in range(10))
        with self.assertRaises(ScanBudgetExceeded):
            list(Seat.objects.filter(show="x").order_by("row", "number"))

    def test_async_queries_have_the_budget(self):
        self.budget(5)

        async def ask():
            with self.assertRaises(ScanBudgetExceeded):
                await Author.objects.filter(born=100).aexists()

        asyncio.run(ask())


@override_settings(DEBUG=True)
class AdviceTests(TestCase):
    """In DEBUG, what would make a query cheap is logged once for each line that asks for it."""

    def setUp(self):
        Author.objects.bulk_create([Author(name=f"n{i}") for i in range(budget.NOTICED)])
        self.addCleanup(budget._advised.clear)

    def test_once_per_line(self):
        with self.assertLogs("django.db.backends.cassandra", "INFO") as logs:
            for _ in range(3):
                scan()
            list(Author.objects.order_by("email"))
        first, second = logs.output
        self.assertIn(f"{__file__}, line {scan.__code__.co_firstlineno + 1},", first)
        self.assertIn('models.Index(fields=["born"])', first)
        self.assertIn("come in no order", second)

    def test_few_rows_are_no_matter(self):
        with self.assertNoLogs("django.db.backends.cassandra", "INFO"):
            list(Author.objects.all()[budget.NOTICED - 1 :])
            self.assertEqual(len(Author.objects.all()), budget.NOTICED)

    @override_settings(DEBUG=False)
    def test_not_in_production(self):
        with self.assertNoLogs("django.db.backends.cassandra", "INFO"):
            scan()

    def test_async_code_has_no_line(self):
        async def ask():
            for _ in range(2):
                await Author.objects.filter(born=100).aexists()

        with self.assertLogs("django.db.backends.cassandra", "INFO") as logs:
            asyncio.run(ask())
        self.assertEqual(len(logs.output), 1)
        self.assertIn("A query reads rows of table 'bookings_author'", logs.output[0])


class CostReportTests(TestCase):
    """manage.py test --cql-report."""

    def setUp(self):
        Author.objects.bulk_create([Author(name=f"n{i}", born=i) for i in range(20)])

    def test_lines_of_code_by_what_they_cost(self):
        with cost_report.recorded() as report:
            scan()
            scan()
            list(Author.objects.annotate(x=MD5("name")).filter(email="a"))
            list(Author.objects.filter(name="n1"))
            lines = report.lines()
        text = "\n".join(lines)
        self.assertEqual(text.count(__file__), 2)
        self.assertIn("40 rows of 'bookings_author' in 2 queries, at most 20 in one", text)
        self.assertIn("20 rows of 'bookings_author' in 1 queries, at most 20 in one", text)
        self.assertIn('models.Index(fields=["born"])', text)
        self.assertIn('models.Index(fields=["email"])', text)
        self.assertLess(text.index('"born"'), text.index('"email"'))

    def test_nothing_is_recorded_otherwise(self):
        scan()
        with cost_report.recorded() as report:
            pass
        scan()
        self.assertEqual(report.lines(), ["No query has read rows that it did not return."])

    def test_processes_beside_each_other_are_refused(self):
        with self.assertRaisesMessage(CommandError, "leave --parallel out"):
            call_command("test", "--cql-report", "--parallel", "2")
