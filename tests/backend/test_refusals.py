"""What needs the relational road is refused by name, and never answered wrongly."""

from bookings.models import Author, Book, Everything, Party
from django.core.exceptions import FieldError
from django.db import NotSupportedError
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Window
from django.db.models.functions import MD5, RowNumber
from django.test import TestCase


class RefusalTests(TestCase):
    def refused(self, name, function):
        with self.assertNumQueries(0), self.assertRaisesMessage(NotSupportedError, name) as caught:
            function()
        self.assertIn("the relational road is not built yet", str(caught.exception))

    def test_joins(self):
        self.refused("A join", lambda: list(Book.objects.filter(author__born=1)))
        self.refused("A join", lambda: list(Author.objects.filter(books__translator__born=1)))
        self.refused("A join", lambda: Author.objects.filter(books__price=1).delete())
        self.refused("A join", lambda: Author.objects.filter(books__price=1).update(name="y"))

    def test_subqueries(self):
        inner = Author.objects.filter(name="x")
        self.refused("A subquery", lambda: list(Book.objects.filter(author__in=inner)))
        self.refused(
            "A subquery", lambda: list(Book.objects.filter(author_id__in=inner.values("pk")))
        )
        self.refused(
            "A subquery",
            lambda: list(Author.objects.filter(Exists(Book.objects.filter(author=OuterRef("pk"))))),
        )
        self.refused(
            "A subquery",
            lambda: list(Author.objects.annotate(t=Subquery(Book.objects.values("title")[:1]))),
        )

    def test_groups_and_windows(self):
        self.refused("GROUP BY", lambda: list(Book.objects.values("author").annotate(Count("pk"))))
        self.refused("A window", lambda: list(Author.objects.annotate(n=Window(RowNumber()))))

    def test_sets(self):
        both = Author.objects.filter(name="a").union(Author.objects.filter(name="b"))
        with self.assertRaises(NotSupportedError):
            list(both)

    def test_expressions_without_an_exact_meaning(self):
        self.refused("MD5", lambda: list(Author.objects.annotate(x=MD5("name"))))
        self.refused("operator /", lambda: list(Author.objects.annotate(x=F("born") / 2)))

    def test_lookups(self):
        self.refused("JSONField", lambda: list(Everything.objects.filter(json={"a": 1})))
        self.refused("JSONField", lambda: list(Everything.objects.filter(json__a=1)))
        self.refused("not text", lambda: list(Everything.objects.filter(integer__contains="1")))

    def test_extra_and_random(self):
        self.refused("extra()", lambda: list(Author.objects.extra(where=["name = 'x'"])))
        self.refused("order_by('?')", lambda: list(Author.objects.order_by("?")))

    def test_update_conflicts_on_anything_but_the_key(self):
        def upsert(rows, *unique):
            fields = {"update_fields": ["name"], "unique_fields": unique}
            type(rows[0]).objects.bulk_create(rows, update_conflicts=True, **fields)

        for unique in (["email"], ["id", "email"]):
            with self.assertRaisesMessage(NotSupportedError, "Only the primary key (id)"):
                upsert([Author(pk=1, name="x")], *unique)
        with self.assertRaisesMessage(NotSupportedError, "Only the primary key (id)"):
            upsert([Party(city="Oslo")], "id", "city")
        self.assertEqual((Author.objects.count(), Party.objects.count()), (0, 0))

    def test_a_physical_key_is_no_column(self):
        for use in (
            lambda: Party.objects.filter(key=("Oslo",)),
            lambda: Party.objects.filter(Q(key__isnull=True)),
            lambda: Party.objects.values("key"),
            lambda: Party.objects.order_by("key"),
        ):
            with self.assertRaises(FieldError):
                list(use())
        with self.assertRaises(AttributeError):
            Party().key = ("Oslo",)
