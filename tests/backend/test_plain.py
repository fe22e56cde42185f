"""Plain mode: blind upserts, range deletes, row counts from a read."""

from bookings.models import Author, Reading
from django.db import NotSupportedError, connection
from django.db.models import F
from django.test import TestCase
from test_writes import sent


class PlainTests(TestCase):
    def setUp(self):
        for at in range(5):
            Reading.objects.create(sensor="a", at=at, value=at * 1.5)

    def test_no_statement_is_conditional(self):
        def everything():
            Reading.objects.create(sensor="b", at=1)
            reading = Reading.objects.get(pk=("a", 1))
            reading.value = 9
            reading.save()
            Reading.objects.filter(sensor="a", at__gt=1).update(value=2)
            reading.delete()
            Reading.objects.filter(sensor="b").delete()

        writes = [cql for cql in sent(everything) if not cql.startswith("SELECT")]
        self.assertEqual([cql for cql in writes if " IF " in cql], [])
        self.assertGreater(len(writes), 4)

    def test_an_insert_is_an_upsert(self):
        Reading.objects.create(sensor="a", at=1, value=None)
        self.assertIsNone(Reading.objects.get(pk=("a", 1)).value)
        self.assertEqual(Reading.objects.count(), 5)

    def test_row_counts_come_from_a_read(self):
        self.assertEqual(Reading.objects.filter(sensor="a", at__lt=2).update(value=0), 2)
        self.assertEqual(Reading.objects.filter(sensor="z").update(value=0), 0)
        self.assertEqual(Reading.objects.filter(pk=("a", 77)).update(value=0), 0)
        self.assertEqual(Reading.objects.count(), 5)

    def test_a_slice_is_deleted_at_once(self):
        cql = sent(
            lambda: self.assertEqual(Reading.objects.filter(sensor="a", at__gte=2).delete()[0], 3)
        )
        self.assertEqual(len([text for text in cql if text.startswith("DELETE")]), 1)
        self.assertEqual(Reading.objects.count(), 2)

    def test_a_rest_is_deleted_row_by_row(self):
        self.assertEqual(Reading.objects.filter(sensor="a", value__gt=4).delete()[0], 2)
        self.assertEqual(Reading.objects.count(), 3)

    def test_a_changed_key(self):
        self.assertEqual(Reading.objects.filter(pk=("a", 4)).update(at=40), 1)
        self.assertEqual(Reading.objects.get(pk=("a", 40)).value, 6.0)
        self.assertEqual(Reading.objects.count(), 5)

    def test_f_needs_a_compare_and_set(self):
        with self.assertRaisesMessage(NotSupportedError, "plain mode"):
            Reading.objects.filter(pk=("a", 1)).update(value=F("value") + 1)

    def test_other_tables_stay_conditional(self):
        self.assertFalse(connection.settings.is_plain(Author))
        self.assertTrue(connection.settings.is_plain(Reading))
