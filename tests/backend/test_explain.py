"""explain(): road, statements, what is left to our side, what counts, and advice."""

import json

from bookings.models import Author, Book, Cql, Party, Seat
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import MD5
from django.test import TestCase


class ExplainTests(TestCase):
    def lines(self, queryset, **options):
        """The explanation as {heading: [text, …]}."""
        found = {}
        for line in queryset.explain(**options).splitlines():
            heading, _, text = line.partition(": ")
            found.setdefault(heading.strip(), []).append(text)
        return found

    def test_a_key_read(self):
        with self.assertNumQueries(0):
            found = self.lines(Seat.objects.filter(pk=("hamlet", 1, 2)))
        self.assertEqual(found["Road"], ["cql"])
        self.assertEqual(found["Table"], ["bookings_seat, PRIMARY KEY ((show), row DESC, number)"])
        self.assertEqual(found["Access"], ["key read"])
        self.assertTrue(found["CQL"][0].endswith('"show" = ? AND "row" = ? AND "number" = ?'))
        self.assertEqual(found["parameters"], ["['hamlet', 1, 2]"])
        self.assertEqual(found["Reads"], ["at most one row for each of 1 keys"])
        self.assertEqual(found["Scan budget"], ["10000 rows; nothing counts"])
        self.assertNotIn("Advice", found)
        self.assertNotIn("On our side", found)

    def test_the_access_paths(self):
        cases = [
            (Party.objects.filter(city="Oslo"), "slice of a partition"),
            (Party.objects.filter(city__in=["a", "b"]), "slice of a partition (2 of them)"),
            (Author.objects.filter(name="x"), "index read on 'name'"),
            (Book.objects.filter(author=1, pages__gt=3), "index read on 'author_id', 'pages'"),
            (Author.objects.all(), "scan of the whole table"),
            (Author.objects.filter(pk__in=[]), "nothing: no row can match"),
            (
                Author.objects.filter(Q(pk=1) | Q(name="x")),
                "index read on 'name', for each branch of an OR (2 of them)",
            ),
        ]
        for queryset, expected in cases:
            with self.subTest(expected):
                self.assertEqual(self.lines(queryset)["Access"], [expected])

    def test_what_is_done_on_our_side(self):
        found = self.lines(Author.objects.filter(name="Ada", born=3).order_by("-email")[5:9])
        self.assertEqual(found["On our side"], ["filter by born", "sort by -email", "skip 5 rows"])
        self.assertEqual(
            found["Scan budget"],
            [
                "10000 rows; counted: rows that the filter drops, rows that are sorted, rows that are skipped"
            ],
        )
        partly = self.lines(Seat.objects.filter(show__in=["x", "y"]).order_by("row", "number"))
        self.assertEqual(
            partly["On our side"],
            ["merge 2 sorted streams", "sort by row, number, which come sorted by row"],
        )
        distinct = self.lines(Author.objects.values("born").distinct())
        self.assertEqual(distinct["On our side"], ["drop repetitions"])

    def test_advice(self):
        cases = [
            (
                Author.objects.filter(born=1),
                'Author.Meta: indexes = [models.Index(fields=["born"])]',
            ),
            (Author.objects.filter(born__gt=1), 'models.Index(fields=["born"])'),
            (
                Author.objects.filter(Q(born=1) | Q(email="x")),
                'fields=["born"]), models.Index(fields=["email"',
            ),
            (
                Author.objects.filter(email__icontains="x"),
                "No index answers this condition on 'email'",
            ),
            (Author.objects.filter(email__gt="x"), "No index answers this condition on 'email'"),
            (
                Author.objects.order_by("born"),
                "Rows of several partitions come in no order: filter on 'id'",
            ),
            (
                Party.objects.filter(city="Oslo").order_by("-people"),
                'key = PhysicalKey(partition_by=["city"], cluster_by=["-people", "-date"])',
            ),
            (
                Seat.objects.filter(show="x").order_by("guest"),
                'pk = PrimaryKey(partition_by=["show"], cluster_by=["guest", "-row", "number"])',
            ),
            (
                Book.objects.filter(author=1).order_by("title"),
                'key = PhysicalKey(partition_by=["…"], cluster_by=["title"])',
            ),
            (Author.objects.all()[100:110], "Pages by key"),
            (
                Cql.objects.filter(colours__contains="red"),
                'Cql.Meta: indexes = [StorageAttachedIndex(fields=["colours"])]',
            ),
            (
                Cql.objects.filter(marks__has_key="maths"),
                'StorageAttachedIndex(fields=["marks"], on="keys")',
            ),
            (
                Cql.objects.filter(frozen__contains=1),
                "No index answers this condition on 'frozen'",
            ),
        ]
        for queryset, expected in cases:
            with self.subTest(expected):
                self.assertIn(expected, self.lines(queryset)["Advice"][0])

    def test_what_is_refused_says_why(self):
        found = self.lines(Author.objects.filter(born__lt=F("name")))
        self.assertEqual(found["Road"], ["none"])
        self.assertIn("A comparison of number with text", found["Refused"][0])

    def test_the_relational_road(self):
        found = self.lines(Book.objects.filter(author__born=1))
        self.assertEqual(found["Road"], ["relational"])
        self.assertTrue(found["SQL"][0].startswith("SELECT "))
        self.assertEqual(  # the one that is filtered comes first
            found["Reads"], ["bookings_author every row, in pages", "bookings_book by index"]
        )
        self.assertIn('models.Index(fields=["born"])', found["Advice"][0])
        found = self.lines(Author.objects.annotate(x=MD5("name")).filter(email="a", x=""))
        self.assertIn('models.Index(fields=["email"])', found["Advice"][0])
        books = Book.objects.filter(author__born=1)
        shown = json.loads(books.explain(format="json", analyze=True))
        self.assertEqual(shown["road"], "relational")
        self.assertEqual(shown["run"]["rows returned"], len(books))

    def test_json(self):
        found = json.loads(Party.objects.filter(city="Oslo", people=3)[:2].explain(format="JSON"))
        self.assertEqual(found["statements"][0]["parameters"], ["Oslo"])
        self.assertEqual(found["here"], ["filter by people"])
        self.assertEqual(found["budget"], {"rows": 10000, "counts": ["rows that the filter drops"]})
        every = Seat.objects.filter(pk__in=[("x", i, i) for i in range(50)])
        self.assertEqual(len(json.loads(every.explain(format="json"))["statements"]), 50)
        self.assertIn("… 50 statements", every.explain())

    def test_analyze_runs_the_query(self):
        Author.objects.bulk_create([Author(name="n", born=i) for i in range(10)])
        run = json.loads(Author.objects.filter(born__gte=8).explain(format="json", analyze=True))[
            "run"
        ]
        self.assertGreaterEqual(run.pop("milliseconds"), 0)
        self.assertEqual(
            run, {"statements": 1, "rows read": 10, "rows returned": 2, "rows counted": 8}
        )
        options = connection.settings_dict["OPTIONS"]
        self.addCleanup(connection.settings_dict.__setitem__, "OPTIONS", options)
        connection.settings_dict["OPTIONS"] = {**options, "scan_budget": 3}
        text = Author.objects.filter(born__gte=8).explain(analyze=True)
        self.assertIn("stopped the scan budget was exceeded", text)

    def test_unknown_formats_and_options(self):
        for options, message in (
            ({"format": "xml"}, "XML is not a recognized format. Allowed formats: JSON, TEXT"),
            ({"verbose": True}, "Unknown options: verbose"),
            ({"analyze": 3}, "The option analyze is True or False."),
        ):
            with self.subTest(message), self.assertRaisesMessage(ValueError, message):
                Author.objects.all().explain(**options)
