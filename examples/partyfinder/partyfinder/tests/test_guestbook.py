"""A model with a composite key, declared by PrimaryKey."""

import uuid
from datetime import datetime, timedelta, timezone

from django.db import IntegrityError
from django.test import TestCase

from .guestbook.models import Entry

PARTY = uuid.UUID("11111111-2222-4333-8444-555555555555")
START = datetime(2030, 5, 1, 20, 0, tzinfo=timezone.utc)


class GuestbookTests(TestCase):
    def write(self, minutes, guest, words="!"):
        written = START + timedelta(minutes=minutes)
        return Entry.objects.create(party=PARTY, written=written, guest=guest, words=words)

    def test_get_by_the_whole_key(self):
        entry = self.write(0, "Ada", "lovely")
        self.assertEqual(entry.pk, (PARTY, START, "Ada"))
        self.assertEqual(Entry.objects.get(pk=(PARTY, START, "Ada")).words, "lovely")

    def test_a_partition_comes_in_clustering_order(self):
        for minutes, guest in [(0, "Ada"), (5, "Bo"), (5, "Al"), (2, "Cy")]:
            self.write(minutes, guest)
        guests = Entry.objects.filter(party=PARTY).order_by("-written", "guest")
        self.assertEqual([entry.guest for entry in guests], ["Al", "Bo", "Cy", "Ada"])
        self.assertEqual([entry.guest for entry in guests.reverse()], ["Ada", "Cy", "Bo", "Al"])

    def test_a_slice_of_a_partition(self):
        for minutes in range(5):
            self.write(minutes, "Ada")
        found = Entry.objects.filter(party=PARTY, written__gt=START + timedelta(minutes=1))
        self.assertEqual(found.count(), 3)

    def test_a_taken_key_is_an_integrity_error(self):
        self.write(0, "Ada")
        with self.assertRaises(IntegrityError):
            self.write(0, "Ada")

    def test_update_and_delete(self):
        entry = self.write(0, "Ada", "hm")
        entry.words = "hooray"
        entry.save()
        self.assertEqual(Entry.objects.get(pk=entry.pk).words, "hooray")
        self.assertEqual(Entry.objects.filter(pk=entry.pk, words="hm").update(words="no"), 0)
        entry.delete()
        self.assertFalse(Entry.objects.filter(party=PARTY).exists())
