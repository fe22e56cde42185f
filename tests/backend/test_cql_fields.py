"""Fields for CQL's own types: storage, lookups, text, forms, migrations, checks."""

import datetime
import decimal
import ipaddress
import json
import pickle
import uuid

from bookings.models import Cql, Hits, Sensor, Tagged
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, NotSupportedError, connection, models
from django.db.migrations.writer import MigrationWriter
from django.db.models import F, Sum
from django.forms import modelform_factory
from django.test import SimpleTestCase, TestCase
from django.test.utils import isolate_apps

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.fields.durations import parse_duration
from libcql import Duration

UTC = datetime.timezone.utc
TIME = uuid.UUID("f7b1a1d0-1dd2-11b2-8080-808080808080")
KEY = uuid.UUID("12345678-1234-4234-8234-123456789012")
HOME = {"street": "Skeppsbron", "Zip code": 11130, "tags": {"a", "ö"}, "place": (59.3, 18.1)}
LITTLE = {"street": "", "Zip code": None, "tags": None, "place": (1.5, None)}
OWNER = {
    "name": "Åsa",
    "home": HOME,
    "since": datetime.datetime(2026, 5, 17, 12, 30, 15, 123000, tzinfo=UTC),
    "worth": decimal.Decimal("12.50"),
    "wait": datetime.timedelta(microseconds=7),
    "photo": b"\x00\xff",
    "more": {"a": [1, None]},
    "homes": [HOME, LITTLE],
}
VALUES = {
    "ascii": "plain\x7f",
    "tiny": -128,
    "varint": 2**200,
    "decimal": decimal.Decimal("1.500"),
    "float": 0.5,
    "timeuuid": TIME,
    "duration": Duration(14, 3, 90_000_000_001),
    "names": ["b", "a", "b", ""],
    "moments": [datetime.datetime(2026, 5, 17, 12, 30, 15, 123000, tzinfo=UTC)],
    "colours": {"red", "blå"},
    "addresses": {"192.0.2.1", "2001:db8::1"},
    "marks": {"maths": 3, "": -1},
    "lengths": {KEY: datetime.timedelta(microseconds=7)},
    "place": (59.9, None),
    "vector": [0.5, -1.0, 3.25],
    "doubles": [0.1, -2.0],
    "matrix": [[1, 2], [], [3]],
    "pairs": {(1, frozenset({"a", "b"})), (2, frozenset())},
    "frozen": [decimal.Decimal("1.00"), decimal.Decimal("-2.50")],
    "blobs": {datetime.date(2026, 5, 17): b"\x00\xff"},
    "json": [{"a": [1, None]}, "x", 3],
    "home": HOME,
    "owner": OWNER,
    "office": LITTLE,
    "homes": [LITTLE, HOME],
    # In a set, and as a key, a user type is the tuple of its values.
    "places": {("Slussen", 1, frozenset({"x", "y"}), (0.5, 2.0)), ("", None, None, None)},
    "by_name": {"a": OWNER, "": dict.fromkeys(OWNER)},
    "by_home": {("Slussen", 1, frozenset({"x"}), None): 3},
    "numbered": (3, LITTLE),
}
TYPES = {
    "ascii": "ascii",
    "tiny": "tinyint",
    "varint": "varint",
    "decimal": "decimal",
    "float": "float",
    "timeuuid": "timeuuid",
    "duration": "duration",
    "names": "list<text>",
    "moments": "list<timestamp>",
    "colours": "set<text>",
    "addresses": "set<inet>",
    "marks": "map<text, int>",
    "lengths": "map<uuid, bigint>",
    "place": "frozen<tuple<double, text>>",
    "vector": "vector<float, 3>",
    "doubles": "vector<double, 2>",
    "matrix": "list<frozen<list<int>>>",
    "pairs": "set<frozen<tuple<int, frozen<set<text>>>>>",
    "frozen": "frozen<list<decimal>>",
    "blobs": "frozen<map<date, blob>>",
    "json": "list<text>",
    "home": "address",
    "owner": '"Person of note"',
    "office": "frozen<address>",
    "homes": "list<frozen<address>>",
    "places": "set<frozen<address>>",
    "by_name": 'map<text, frozen<"Person of note">>',
    "by_home": "map<frozen<address>, int>",
    "numbered": "frozen<tuple<int, frozen<address>>>",
}


class StorageTests(TestCase):
    def test_column_types(self):
        with connection.cursor() as cursor:
            found = connection.introspection.get_table_description(cursor, "bookings_cql")
        types = {column.name: column.type_code for column in found}
        self.assertEqual({name: types[name] for name in TYPES}, TYPES)
        for name, wanted in TYPES.items():
            made = Cql._meta.get_field(name).db_type(connection).replace('"address"', "address")
            self.assertEqual(made, wanted)

    def test_values_come_back(self):
        row = Cql.objects.get(pk=Cql.objects.create(**VALUES).pk)
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertEqual(getattr(row, name), value)
                self.assertIsInstance(getattr(row, name), type(value))

    def test_nulls_come_back(self):
        row = Cql.objects.get(pk=Cql.objects.create().pk)
        self.assertEqual({getattr(row, name) for name in VALUES}, {None})

    def test_a_saved_value_is_found_and_travels_with_a_write(self):
        Cql.objects.create()
        row = Cql.objects.create(**VALUES)
        for name, value in VALUES.items():
            with self.subTest(name):
                self.assertEqual(list(Cql.objects.filter(**{name: value})), [row])
                self.assertEqual(list(Cql.objects.filter(**{f"{name}__in": [value]})), [row])
                self.assertEqual(Cql.objects.filter(**{f"{name}__isnull": True}).count(), 1)
                if name not in ("duration",):
                    mine = Cql.objects.filter(pk=row.pk, **{name: value})
                    self.assertEqual(mine.update(**{name: value}), 1)

    def test_an_empty_collection(self):
        empty = Tagged.objects.get(pk=Tagged.objects.create().pk)
        self.assertEqual((empty.tags, empty.marks, empty.notes, empty.whole), (set(), {}, [], []))
        null = Cql.objects.get(pk=Cql.objects.create(names=[], frozen=[]).pk)
        self.assertEqual((null.names, null.frozen), (None, []))

    def test_changes_in_place_are_saved(self):
        row = Tagged.objects.create(tags={"a"}, notes=["x"])
        row.tags.add("b")
        row.notes.append("y")
        row.save()
        row.refresh_from_db()
        self.assertEqual((row.tags, row.notes), ({"a", "b"}, ["x", "y"]))

    def test_numbers_of_32_bits(self):
        row = Cql.objects.create(float=0.1)
        self.assertEqual(list(Cql.objects.filter(float=0.1)), [row])
        row.refresh_from_db()
        self.assertAlmostEqual(row.float, 0.1, places=7)
        self.assertNotEqual(row.float, 0.1)
        with self.assertRaises(DataError):
            Cql.objects.create(float=1e39)

    def test_numbers_out_of_range(self):
        for value in (128, -129):
            with self.assertRaises(DataError):
                Cql.objects.create(tiny=value)
            self.assertEqual(Cql.objects.filter(tiny=value).count(), 0)
        Cql.objects.create(tiny=5)
        self.assertEqual(Cql.objects.filter(tiny__lt=1000).count(), 1)
        self.assertEqual(Cql.objects.filter(varint__lt=10**50).count(), 0)

    def test_durations_have_no_order(self):
        with self.assertRaises(FieldError):
            Cql.objects.filter(duration__gt=Duration(1))

    def test_a_vector_of_another_length(self):
        with self.assertRaises(DataError):
            Cql.objects.create(vector=[1.0])


class LookupTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.one = Tagged.objects.create(tags={"a", "b"}, marks={"x": 1, "y": 2}, notes=["n", "m"])
        cls.two = Tagged.objects.create(tags={"b"}, marks={"x": 2}, whole=[1, 2])
        cls.three = Tagged.objects.create()

    def found(self, **filters):
        return sorted(Tagged.objects.filter(**filters).values_list("pk", flat=True))

    def test_contains(self):
        self.assertEqual(self.found(tags__contains="a"), [self.one.pk])
        self.assertEqual(self.found(tags__contains="b"), [self.one.pk, self.two.pk])
        self.assertEqual(self.found(notes__contains="m"), [self.one.pk])
        self.assertEqual(self.found(marks__contains=2), [self.one.pk, self.two.pk])
        with self.assertRaises(ValueError):
            self.found(tags__contains=None)

    def test_what_does_not_contain(self):
        found = Tagged.objects.exclude(tags__contains="a").values_list("pk", flat=True)
        self.assertEqual(sorted(found), [self.two.pk, self.three.pk])

    def test_keys_and_entries_of_a_map(self):
        self.assertEqual(self.found(marks__has_key="y"), [self.one.pk])
        self.assertEqual(self.found(marks__contains_key="x"), [self.one.pk, self.two.pk])
        self.assertEqual(self.found(marks__x=2), [self.two.pk])
        self.assertEqual(self.found(marks__x__gte=1), [self.one.pk, self.two.pk])
        self.assertEqual(self.found(marks__z=2), [])
        self.assertEqual(
            self.found(marks__z__isnull=True), [r.pk for r in (self.one, self.two, self.three)]
        )

    def test_elements_by_position(self):
        self.assertEqual(self.found(notes__1="m"), [self.one.pk])
        self.assertEqual(self.found(notes__7="m"), [])

    def test_whole_values(self):
        self.assertEqual(self.found(whole=[1, 2]), [self.two.pk])
        self.assertEqual(self.found(tags={"b"}), [self.two.pk])

    def test_what_is_sent(self):
        sent = {
            "tags__contains": ("a", "\"tags\" CONTAINS 'a'"),
            "marks__has_key": ("y", "\"marks\" CONTAINS KEY 'y'"),
            "marks__x": (2, "\"marks\"['x'] = 2"),
            "whole": ([1, 2], '"whole" = [1, 2]'),
        }
        for lookup, (value, text) in sent.items():
            self.assertIn(f"WHERE {text}", str(Tagged.objects.filter(**{lookup: value}).query))
        for lookup in ({"notes__contains": "m"}, {"marks__contains": 2}, {"marks__x__gt": 2}):
            self.assertNotIn("WHERE", str(Tagged.objects.filter(**lookup).query))

    def test_values_of_the_wrong_kind(self):
        with self.assertRaises(ValidationError):
            Tagged.objects.filter(marks__contains="many").exists()


class TextTests(TestCase):
    def test_dump_and_load(self):
        for form in ("json", "xml", "jsonl"):
            with self.subTest(form):
                row, empty = Cql.objects.create(**VALUES), Cql.objects.create()
                text = serializers.serialize(form, [row, empty])
                Cql.objects.all().delete()
                for one in serializers.deserialize(form, text):
                    one.save()
                loaded = Cql.objects.get(pk=row.pk)
                self.assertEqual({name: getattr(loaded, name) for name in VALUES}, VALUES)
                self.assertIsNone(Cql.objects.get(pk=empty.pk).names)

    def test_durations(self):
        for text, parts in {
            "1y2mo3d4h5m6s": (14, 3, (4 * 3600 + 5 * 60 + 6) * 10**9),
            "P1Y2M3DT4H5M6S": (14, 3, (4 * 3600 + 5 * 60 + 6) * 10**9),
            "-2w": (0, -14, 0),
            "1us": (0, 0, 1000),
            "7NS": (0, 0, 7),
            "0s": (0, 0, 0),
        }.items():
            self.assertEqual(parse_duration(text), Duration(*parts), text)
        for wrong in ("", "-", "P", "3", "1d1y", "soon"):
            with self.assertRaises(ValueError):
                parse_duration(wrong)
        field = cassandra.CalendarDurationField()
        self.assertEqual(field.to_python(datetime.timedelta(days=1)), Duration(0, 0, 86400 * 10**9))


class FormTests(TestCase):
    def form(self, **data):
        return modelform_factory(Cql, fields="__all__")(data)

    def test_a_form_shows_and_takes_every_value(self):
        row = Cql.objects.create(**VALUES)
        form = modelform_factory(Cql, fields="__all__")(instance=row)
        sent = {name: form[name].value() for name in VALUES}
        self.assertTrue(all(isinstance(sent[n], str) for n in ("names", "marks", "pairs", "place")))
        again = modelform_factory(Cql, fields="__all__")(
            {k: str(v) for k, v in sent.items()}, instance=row
        )
        self.assertEqual(again.errors, {})
        self.assertEqual(again.changed_data, [])
        again.save()
        row.refresh_from_db()
        self.assertEqual({name: getattr(row, name) for name in VALUES}, VALUES)

    def test_nothing_sent(self):
        form = modelform_factory(Tagged, fields=["tags", "marks", "notes"])({})
        self.assertTrue(form.is_valid(), form.errors)
        row = Tagged.objects.get(pk=form.save().pk)
        self.assertEqual((row.tags, row.marks, row.notes), (set(), {}, []))

    def test_what_is_wrong_is_said(self):
        for name, text, message in (
            ("names", "[1", "not valid JSON"),
            ("names", "{}", "has to be a list"),
            ("moments", '["soon"]', "Item 1"),
            ("marks", '{"a": "many"}', "Value of a"),
            ("marks", "[1]", "an object"),
            ("place", "[1]", "2 members, not 1"),
            ("vector", "[1, 2]", "3 numbers, not 2"),
            ("duration", "soon", "invalid format"),
            ("tiny", "128", "less than or equal to 127"),
            ("ascii", "ø", "ASCII"),
            ("timeuuid", str(KEY), "version 1"),
            ("addresses", '["nowhere"]', "valid IPv4 or IPv6"),
        ):
            with self.subTest(name=name, text=text):
                form = self.form(**{name: text})
                self.assertFalse(form.is_valid())
                self.assertIn(message, str(form.errors[name]))

    def test_no_nulls_in_a_collection(self):
        form = self.form(names="[null]")
        self.assertIn("Item 1: This field cannot be null.", str(form.errors["names"]))

    def test_validators_of_elements(self):
        row = Tagged(tags={"much too long for this"})
        with self.assertRaisesMessage(ValidationError, "at most 10 characters"):
            row.full_clean()


class DeconstructTests(SimpleTestCase):
    def test_fields_survive_a_migration(self):
        for model in (Cql, Tagged, Sensor, Hits):
            for field in model._meta.local_fields:
                with self.subTest(field=field.name):
                    text, imports = MigrationWriter.serialize(field)
                    space = {"models": models}
                    exec("\n".join(imports), space)
                    again = eval(text, space)
                    self.assertEqual(MigrationWriter.serialize(again)[0], text)
                    again.set_attributes_from_name(field.name)
                    self.assertEqual(again.db_type(connection), field.db_type(connection))
                    clone = field.clone()
                    self.assertEqual(type(clone).__mro__, type(field).__mro__)

    def test_static(self):
        field = Sensor._meta.get_field("place")
        self.assertIsInstance(field, models.CharField)
        _, path, args, kwargs = field.deconstruct()
        self.assertEqual((path, kwargs), ("django_cassandra_backend.models.Static", {}))
        self.assertEqual(type(args[0]), models.CharField)
        self.assertEqual(pickle.loads(pickle.dumps(field)).name, "place")
        loose = pickle.loads(pickle.dumps(cassandra.Static(models.IntegerField())))
        self.assertEqual(loose.deconstruct()[1], "django_cassandra_backend.models.Static")
        with self.assertRaises(ValueError):
            cassandra.Static(cassandra.Static(models.IntegerField()))
        with self.assertRaises(TypeError):
            cassandra.Static(cassandra.TableOptions())

    def test_options(self):
        _, path, args, kwargs = Sensor._meta.get_field("table").deconstruct()
        self.assertEqual(path, "django_cassandra_backend.models.TableOptions")
        self.assertEqual(args, [])
        self.assertEqual(
            kwargs, {"gc_grace_seconds": 3600, "compaction": {"class": "LeveledCompactionStrategy"}}
        )

    def test_indexes(self):
        for index in (
            cassandra.StorageAttachedIndex(fields=["a"], name="i", on="keys", options={"x": 1}),
            cassandra.StorageAttachedIndex(fields=["a"], name="i", using="StorageAttachedIndex"),
            cassandra.SecondaryIndex(fields=["a"], name="i", on="full"),
        ):
            path, args, kwargs = index.deconstruct()
            again = getattr(cassandra, path.rpartition(".")[2])(*args, **kwargs)
            self.assertEqual(again.deconstruct(), index.deconstruct())
        with self.assertRaises(ValueError):
            cassandra.SecondaryIndex(fields=["a", "b"], name="i")
        with self.assertRaises(ValueError):
            cassandra.SecondaryIndex(fields=["a"], name="i", on="everything")


@isolate_apps("bookings")
class CheckTests(SimpleTestCase):
    def ids(self, name="Checked", **fields):
        model = type(name, (models.Model,), {**fields, "__module__": "bookings.models"})
        return [error.id for error in model.check()]

    def test_elements(self):
        self.assertEqual(
            self.ids(a=cassandra.ListField(models.ForeignKey("self", models.CASCADE))),
            ["cassandra.E010"],
        )

    def test_elements_with_errors(self):
        self.assertEqual(
            self.ids(a=cassandra.SetField(models.CharField(max_length=-1))), ["cassandra.E010"]
        )

    def test_counters_and_keys_inside(self):
        self.assertEqual(
            self.ids(a=cassandra.ListField(cassandra.CounterField())), ["cassandra.E010"]
        )

    def test_durations_where_order_is_needed(self):
        duration = cassandra.CalendarDurationField
        self.assertEqual(self.ids(a=cassandra.SetField(duration())), ["cassandra.E010"])
        self.assertEqual(
            self.ids("Second", a=cassandra.MapField(models.TextField(), duration())), []
        )
        self.assertEqual(self.ids("Third", a=duration(db_index=True)), ["cassandra.E017"])

    def test_unfrozen_keys(self):
        self.assertEqual(
            self.ids(a=cassandra.ListField(models.TextField(), primary_key=True)),
            ["cassandra.E011"],
        )
        fields = [("x", models.TextField())]
        self.assertEqual(
            self.ids("Open", a=cassandra.UserTypeField("t", fields, db_index=True)),
            ["cassandra.E011"],
        )
        frozen = cassandra.UserTypeField("t", fields, db_index=True, frozen=True)
        self.assertEqual(self.ids("Closed", a=frozen), [])

    def test_dimensions(self):
        self.assertEqual(self.ids(a=cassandra.VectorField(0)), ["cassandra.E012"])

    def test_a_shared_default(self):
        self.assertEqual(
            self.ids(a=cassandra.ListField(models.TextField(), default=[])), ["cassandra.W002"]
        )

    def test_static_without_clustering(self):
        self.assertEqual(self.ids(a=cassandra.Static(models.TextField())), ["cassandra.E013"])

    def test_counters_beside_other_columns(self):
        self.assertEqual(
            self.ids(n=cassandra.CounterField(), a=models.TextField()), ["cassandra.E015"]
        )

    def test_counters_alone(self):
        self.assertEqual(self.ids(n=cassandra.CounterField(), m=cassandra.CounterField()), [])

    def test_counters_as_keys(self):
        self.assertEqual(self.ids(n=cassandra.CounterField(primary_key=True)), ["cassandra.E015"])

    def test_options_of_a_table(self):
        self.assertEqual(self.ids(a=cassandra.TableOptions(ttl=3)), ["cassandra.E014"])

    def test_option_types(self):
        self.assertEqual(
            self.ids(a=cassandra.TableOptions(gc_grace_seconds="3")), ["cassandra.E014"]
        )

    def test_two_options(self):
        self.assertEqual(
            self.ids(a=cassandra.TableOptions(), b=cassandra.TableOptions()), ["cassandra.E014"]
        )


class ValueTests(SimpleTestCase):
    def test_json_of_values(self):
        field = Cql._meta.get_field("pairs")
        text = json.dumps(field.to_json(VALUES["pairs"]))
        self.assertEqual(field.to_python(text), VALUES["pairs"])
        self.assertEqual(field.to_python(VALUES["pairs"]), VALUES["pairs"])

    def test_addresses_are_text(self):
        field = Cql._meta.get_field("addresses")
        stored = field.get_db_prep_value({"192.0.2.1"}, connection)
        self.assertEqual(stored, {ipaddress.ip_address("192.0.2.1")})


class StaticTests(TestCase):
    """A static column: one value for the rows of a partition."""

    def setUp(self):
        for at in (1, 2):
            Sensor.objects.create(name="attic", at=at, place="north", value=at / 2)
        Sensor.objects.create(name="cellar", at=1)

    def places(self, name="attic"):
        return [row.place for row in Sensor.objects.filter(name=name)]

    def test_the_rows_share_it(self):
        row = Sensor.objects.get(pk=("attic", 1))
        row.place = "south"
        row.save()
        self.assertEqual(self.places(), ["south", "south"])
        row.place = "east"
        row.save(update_fields=["place"])
        self.assertEqual(self.places(), ["east", "east"])
        self.assertEqual(Sensor.objects.get(pk=("attic", 2)).value, 1.0)

    def test_updates(self):
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1)).update(place="west"), 1)
        self.assertEqual(self.places(), ["west", "west"])
        self.assertEqual(Sensor.objects.filter(pk=("attic", 9)).update(place="x"), 0)
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1), place="other").update(place="x"), 0)
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1), place="west").update(place="y"), 1)
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1), value=0.5).update(place="z"), 1)
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1), value=3).update(place="x"), 0)
        self.assertEqual(self.places(), ["z", "z"])
        self.assertEqual(Sensor.objects.filter(place="z").update(value=7), 2)

    def test_a_row_that_is_its_key_alone(self):
        for value in ("new", "other", None):
            self.assertEqual(Sensor.objects.filter(pk=("cellar", 1)).update(place=value), 1)
            self.assertEqual(self.places("cellar"), [value])

    def test_a_partition_without_rows_is_no_row(self):
        self.assertEqual(Sensor.objects.filter(name="attic").delete()[0], 2)
        with connection.cursor() as cursor:
            rows = cursor.execute("SELECT * FROM bookings_sensor WHERE name = 'attic'").all()
        self.assertEqual([(row["at"], row["place"]) for row in rows], [(None, "north")])
        self.assertEqual([row.pk for row in Sensor.objects.all()], [("cellar", 1)])
        self.assertEqual(Sensor.objects.count(), 1)
        self.assertEqual(Sensor.objects.filter(name="attic").count(), 0)
        self.assertFalse(Sensor.objects.filter(name="attic").exists())
        self.assertEqual(Sensor.objects.filter(name="attic").update(value=1), 0)

    def test_deletes(self):
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1), place="x").delete()[0], 0)
        self.assertEqual(Sensor.objects.filter(pk=("attic", 1), place="north").delete()[0], 1)
        self.assertEqual(self.places(), ["north"])

    def test_the_table_has_its_options(self):
        with connection.cursor() as cursor:
            found = connection.introspection.table_options(cursor, "bookings_sensor")
        self.assertEqual(found["comment"], "What the sensors' said")
        self.assertEqual(found["gc_grace_seconds"], 3600)
        self.assertIn("LeveledCompactionStrategy", found["compaction"]["class"])


class CounterTests(TestCase):
    def add(self, page, **changes):
        return Hits.objects.filter(pk=("x.org", page)).update(**changes)

    def rows(self):
        return list(Hits.objects.order_by("page").values_list("page", "n", "bytes"))

    def test_rows_come_with_the_first_update(self):
        self.assertEqual(self.add("/", n=F("n") + 1), 1)
        self.assertEqual(self.add("/", n=1 + F("n"), bytes=F("bytes") + 100), 1)
        self.assertEqual(self.add("/a", bytes=F("bytes") - 7), 1)
        self.assertEqual(self.rows(), [("/", 2, 100), ("/a", 0, -7)])
        self.assertEqual(Hits.objects.get(pk=("x.org", "/a")).n, 0)
        self.assertEqual(Hits.objects.filter(site="x.org").aggregate(s=Sum("bytes"))["s"], 93)

    def test_rows_that_are_found_first(self):
        for page in ("/", "/a", "/b"):
            self.add(page, n=F("n") + 1)
        self.assertEqual(Hits.objects.filter(site="x.org", page__gt="/").update(n=F("n") + 5), 2)
        self.assertEqual(Hits.objects.filter(n__gt=5).update(bytes=F("bytes") + 1), 2)
        self.assertEqual(self.rows(), [("/", 1, 0), ("/a", 6, 1), ("/b", 6, 1)])

    def test_what_is_sent(self):
        with self.assertNumQueries(1) as sent:
            self.add("/", n=F("n") + 3)
        self.assertIn(
            'UPDATE "bookings_hits" SET "n" = "n" + 3 WHERE "site" = ',
            sent.captured_queries[0]["sql"],
        )

    def test_deletes(self):
        for page in ("/", "/a"):
            self.add(page, n=F("n") + 1)
        self.assertEqual(Hits.objects.filter(pk=("x.org", "/")).delete()[0], 1)
        self.assertEqual(self.rows(), [("/a", 1, 0)])

    def test_what_a_counter_is_not_for(self):
        with self.assertRaisesMessage(NotSupportedError, "a table of counters"):
            Hits.objects.create(site="x.org", page="/")
        for value in (5, F("bytes") + 1, F("n") * 2, F("n") + F("bytes"), 1 - F("n")):
            with self.assertRaisesMessage(NotSupportedError, "a counter"):
                self.add("/", n=value)
        with self.assertRaises(NotSupportedError):
            Hits(site="x.org", page="/", n=3).save()
