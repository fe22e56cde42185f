"""What no road can answer is refused by name."""

from bookings.models import Author, Party
from django.core.exceptions import FieldError
from django.db import ProgrammingError
from django.db.models import Q
from django.test import TestCase


class RefusalTests(TestCase):
    def test_update_conflicts_on_anything_but_the_key(self):
        def upsert(rows, *unique):
            fields = {"update_fields": ["name"], "unique_fields": unique}
            type(rows[0]).objects.bulk_create(rows, update_conflicts=True, **fields)

        for unique in (["email"], ["id", "email"]):
            with self.assertRaisesMessage(ProgrammingError, "what tells rows apart here is (id)"):
                upsert([Author(pk=1, name="x")], *unique)
        with self.assertRaisesMessage(ProgrammingError, "what tells rows apart here is (id)"):
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
