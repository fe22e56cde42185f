"""Whole tables are folded and sorted by SQLite where it has the same answer as CQL and a loop in Python; exactly."""

import datetime
import decimal
import math
import re
from unittest import mock

from bookings.models import Author, Book, Everything, Party
from django.db import connection
from django.db.models import Avg, Count, F, Max, Min, Q, Sum
from django.db.models.functions import MD5, Now
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

D = decimal.Decimal
Date = datetime.date
BIG = 2**62


def in_sqlite(ask) -> bool:
    """Was what `ask()` asks a query of the relational road?"""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ask()
    return any(" -- SELECT " in query["sql"] for query in queries)


class RoadTests(TestCase):
    def setUp(self):
        ada, bo = (Author.objects.create(pk=pk, name=name) for pk, name in ((1, "Ada"), (2, "Bo")))
        rows = [
            (1, ada, "b", "0.10", Date(2026, 1, 2), 1),
            (2, ada, "a", "0.20", None, 4),
            (3, bo, "c", "99999.97", Date(2025, 1, 2), None),
            (4, bo, "d", "-99999.98", Date(2026, 5, 1), 2),
        ]
        for pk, author, title, price, published, pages in rows:
            Book.objects.create(
                pk=pk, author=author, title=title, price=D(price), published=published, pages=pages
            )
        for pk, big in ((1, BIG), (2, BIG), (3, BIG), (4, None)):
            Everything.objects.create(
                pk=pk,
                big=big,
                floating=math.nan if pk == 1 else pk,
                decimal=D("0.100") if pk < 4 else None,
            )

    def check(self, made, ask, wanted):
        self.assertEqual(ask(), wanted)
        self.assertIs(in_sqlite(ask), made)

    def test_aggregates(self):
        books = Book.objects
        figures = {
            "n": Count("pk"),
            "dated": Count("published"),
            "total": Sum("pages"),
            "mean": Avg("pages"),
            "first": Min("published"),
            "last": Max("title"),
            "few": Sum("pages", filter=Q(title__lt="b")),
            "kinds": Count("author", distinct=True),
        }
        wanted = {
            "n": 4,
            "dated": 3,
            "total": 7,
            "mean": 7 / 3,
            "first": Date(2025, 1, 2),
            "last": "d",
            "few": 4,
            "kinds": 2,
        }
        self.check(True, lambda: books.aggregate(**figures), wanted)
        self.check(
            True, lambda: books.filter(title__startswith="z").aggregate(n=Sum("pages")), {"n": None}
        )

    def test_what_means_something_else_to_sqlite_is_folded_in_python(self):
        books, everything = Book.objects, Everything.objects
        self.check(False, lambda: str(everything.aggregate(n=Sum("floating"))), "{'n': nan}")
        self.check(False, lambda: everything.aggregate(n=Count("floating")), {"n": 4})
        below = books.filter(price__lt=D("0.2"))
        self.check(False, lambda: below.aggregate(n=Sum("pages")), {"n": 3})
        self.check(False, lambda: books.order_by("price")[:1].get().pk, 4)
        self.check(False, lambda: books.order_by(F("pages") + 1)[:1].get().pk, 3)

    def test_sums_do_not_round(self):
        books = Book.objects
        tenths = {"n": Sum("decimal"), "m": Avg("decimal")}
        self.check(
            True, lambda: Everything.objects.aggregate(**tenths), {"n": D("0.300"), "m": D("0.1")}
        )
        self.check(
            True,
            lambda: books.aggregate(s=Sum("price"), a=Avg("price"), l=Min("price"), m=Max("price")),
            {"s": D("0.29"), "a": D("0.0725"), "l": D("-99999.98"), "m": D("99999.97")},
        )
        self.check(True, lambda: Everything.objects.aggregate(n=Sum("big")), {"n": 3 * BIG})
        self.check(
            True,
            lambda: books.aggregate(
                s=Sum("price", filter=Q(pages__gt=0)), d=Sum("price", distinct=True)
            ),
            {"s": D("-99999.68"), "d": D("0.29")},
        )
        self.check(
            True, lambda: books.filter(title__startswith="z").aggregate(s=Avg("price")), {"s": None}
        )

    def test_sums_of_groups_do_not_round_and_are_sorted_as_numbers(self):
        totals = Book.objects.values("author__name").annotate(t=Sum("price"), least=Min("price"))
        wanted = [
            {"author__name": "Bo", "t": D("-0.01"), "least": D("-99999.98")},
            {"author__name": "Ada", "t": D("0.30"), "least": D("0.10")},
        ]
        self.check(True, lambda: list(totals.order_by("t")), wanted)
        self.check(True, lambda: list(totals.order_by("-least")), wanted[::-1])
        self.check(True, lambda: list(totals.filter(t__gt=0)), wanted[1:])
        self.check(True, lambda: list(totals.order_by("t").distinct()), wanted)
        self.check(True, lambda: totals.aggregate(m=Max("t"))["m"], D("0.3"))

    def test_the_first_rows_of_an_order(self):
        books = Book.objects
        self.check(True, lambda: [b.pk for b in books.order_by("-title")[:2]], [4, 3])
        self.check(True, lambda: [b.pk for b in books.order_by("published", "pk")[1:3]], [3, 1])
        self.check(True, lambda: books.order_by(F("published").desc(nulls_last=True)).first().pk, 4)
        joined = books.select_related("author").order_by("-author__name", "title")
        self.check(True, lambda: [(b.pk, b.author.name) for b in joined[:1]], [(3, "Bo")])
        self.check(True, lambda: books.order_by("title")[:2].aggregate(n=Sum("pages")), {"n": 5})
        self.check(True, lambda: books.first().pk, 1)
        self.assertEqual(list(books.order_by("title")[3:3]), [])

    def test_the_rows_of_a_partition_are_sorted_in_python(self):
        Party.objects.create(city="Oslo", name="b", people=2)
        Party.objects.create(city="Oslo", name="a", people=1)
        oslo = Party.objects.filter(city="Oslo")
        self.check(False, lambda: oslo.order_by("name")[:1].get().people, 1)
        self.check(False, lambda: oslo.aggregate(n=Sum("people")), {"n": 3})

    def test_now_is_one_moment_in_a_query(self):
        times = iter(range(100))

        class Clock(datetime.datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.datetime(2026, 1, 1, second=next(times), tzinfo=tz)

        with mock.patch("datetime.datetime", Clock):
            rows = Author.objects.annotate(a=Now(), b=Now() - Now()).values_list("a", "b")
            moments, spans = zip(*rows.filter(pk__in=[1, 2]), strict=True)
        self.assertEqual((len(set(moments)), set(spans)), (1, {datetime.timedelta(0)}))

    def test_the_log_says_what_a_join_has_sent_in_all(self):
        Book.objects.bulk_create(
            Book(pk=pk, author_id=1 + pk % 2, title="t") for pk in range(10, 1010)
        )
        joined = Book.objects.annotate(hash=MD5("title")).select_related("author")
        with self.assertLogs("django.db.backends.cassandra", "DEBUG") as logs:
            self.assertEqual(len(joined), 1004)
        (line,) = logs.output
        books, authors = re.findall(r"\((\d+) requests in (\d+) waves, (\d+) rows\)", line)
        self.assertEqual(books, ("1", "1", "1004"))
        self.assertEqual(authors[0], authors[2])  # one row for each request
        self.assertLessEqual(int(authors[1]), 2)
