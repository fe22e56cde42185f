"""Every field type: what is stored comes back, and is found again."""

import datetime
import decimal
import uuid

from bookings.models import Everything, Stage
from django.db import DataError, connection
from django.test import TestCase, override_settings

UTC = datetime.timezone.utc
VALUES = {
    "big": 2**63 - 1,
    "binary": b"\x00\xff",
    "boolean": True,
    "char": "äø'\"%s",
    "date": datetime.date(1, 1, 2),
    "moment": datetime.datetime(2026, 5, 17, 12, 30, 15, 123456, tzinfo=UTC),
    "decimal": decimal.Decimal("-1234567.891"),
    "duration": datetime.timedelta(days=-3, microseconds=7),
    "email": "a@x.org",
    "file": "a/b.txt",
    "floating": 0.1,
    "address": "2001:db8::1",
    "integer": -(2**31),
    "json": {"a": [1, None, "x"], "b": {"c": True}},
    "positive": 2**31 - 1,
    "positive_big": 2**63 - 1,
    "positive_small": 32767,
    "slug": "a-b",
    "small": -32768,
    "text": "a\nb",
    "time": datetime.time(23, 59, 59, 999999),
    "url": "https://x.org/",
    "uuid": uuid.UUID("12345678-1234-4234-8234-123456789012"),
}
STORED = {**VALUES, "moment": VALUES["moment"].replace(microsecond=123000)}
NOT_COMPARED = ("json",)


class EveryFieldTests(TestCase):
    def test_values_come_back(self):
        row = Everything.objects.get(pk=Everything.objects.create(**VALUES).pk)
        for name, value in STORED.items():
            with self.subTest(name):
                self.assertEqual(getattr(row, name), value)

    def test_nulls_come_back(self):
        row = Everything.objects.get(pk=Everything.objects.create().pk)
        for name in VALUES:
            with self.subTest(name):
                self.assertFalse(getattr(row, name))

    def test_a_saved_value_is_found(self):
        Everything.objects.create()
        row = Everything.objects.create(**VALUES)
        for name, value in VALUES.items():
            if name in NOT_COMPARED:
                continue
            with self.subTest(name):
                self.assertEqual(list(Everything.objects.filter(**{name: value})), [row])
                self.assertEqual(list(Everything.objects.filter(**{f"{name}__in": [value]})), [row])
                if name != "file":  # Django saves no file as an empty string
                    self.assertEqual(
                        Everything.objects.filter(**{f"{name}__isnull": True}).count(), 1
                    )

    def test_conditions_on_every_type(self):
        row = Everything.objects.create(**VALUES)
        mine = Everything.objects.filter(pk=row.pk)
        for name, value in VALUES.items():
            if name in NOT_COMPARED:
                continue
            with self.subTest(name):
                self.assertEqual(mine.filter(**{name: value}).update(**{name: value}), 1)

    def test_column_types(self):
        with connection.cursor() as cursor:
            description = connection.introspection.get_table_description(
                cursor, Everything._meta.db_table
            )
        types = {column.name: column.type_code for column in description}
        expected = {
            "id": "bigint",
            "binary": "blob",
            "boolean": "boolean",
            "date": "date",
            "moment": "timestamp",
            "decimal": "decimal",
            "duration": "bigint",
            "floating": "double",
            "address": "inet",
            "integer": "int",
            "json": "text",
            "positive_small": "smallint",
            "text": "text",
            "time": "time",
            "uuid": "uuid",
        }
        self.assertEqual({name: types[name] for name in expected}, expected)

    def test_decimals_have_their_places(self):
        row = Everything.objects.create(decimal=decimal.Decimal("1.5"))
        self.assertEqual(str(Everything.objects.get(pk=row.pk).decimal), "1.500")
        with self.assertRaises(DataError):
            Everything.objects.create(decimal=decimal.Decimal("12345678901"))

    def test_a_number_out_of_range(self):
        with self.assertRaises(DataError):
            Everything.objects.create(integer=2**31)

    def test_json_null_and_no_value(self):
        row = Everything.objects.create(json=[])
        self.assertEqual(Everything.objects.get(pk=row.pk).json, [])

    def test_milliseconds_in_filters(self):
        row = Everything.objects.create(moment=VALUES["moment"])
        self.assertEqual(Everything.objects.get(moment=VALUES["moment"]), row)
        row.refresh_from_db()
        self.assertEqual(row.moment.microsecond, 123000)

    def test_other_time_zones(self):
        zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
        row = Everything.objects.create(moment=VALUES["moment"].astimezone(zone))
        self.assertEqual(Everything.objects.get(pk=row.pk).moment, STORED["moment"])

    @override_settings(USE_TZ=False)
    def test_without_time_zones(self):
        naive = datetime.datetime(2026, 10, 25, 2, 30, 0, 5000)  # an hour that Oslo has twice
        row = Everything.objects.create(moment=naive)
        self.assertEqual(Everything.objects.get(pk=row.pk).moment, naive)
        self.assertEqual(Everything.objects.filter(moment=naive, moment__year=2026).count(), 1)
        with self.assertRaisesMessage(ValueError, "USE_TZ is False"):
            Everything.objects.create(moment=VALUES["moment"])

    def test_addresses(self):
        row = Everything.objects.create(address="192.0.2.1")
        self.assertEqual(Everything.objects.get(address="192.0.2.1"), row)
        self.assertEqual(
            Everything.objects.filter(address__gt="192.0.2.0", address__lt="192.0.2.2").count(), 1
        )

    def test_a_table_name_that_cql_has_no_letters_for(self):
        Stage.objects.create(name="main", size=3)
        Stage.objects.filter(pk="main").update(size=4)
        self.assertEqual(Stage.objects.get().size, 4)
        self.assertIn("the stage-äø", connection.introspection.table_names())
