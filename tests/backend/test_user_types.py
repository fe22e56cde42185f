"""User-defined types: values, keys, queries on their fields, and what migrations do to them.

What they share with all fields (storage, text, forms, inspectdb) is tested with those."""

import datetime
import random

from bookings.models import Cql, Visit
from django.db import NotSupportedError, connection, connections, migrations, models
from django.db.models import Count
from django.db.utils import ProgrammingError
from django.test import TestCase
from django.test.utils import CaptureQueriesContext, isolate_apps
from operations import OperationTestCase, integer_key
from test_cql_fields import HOME, LITTLE, OWNER

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.literals import literal

DAY = datetime.date(2026, 5, 17)


class ValueTests(TestCase):
    def setUp(self):
        self.row = Cql.objects.create(home=HOME, owner=OWNER, office=LITTLE)

    def home(self):
        return Cql.objects.get(pk=self.row.pk).home

    def update(self, value, **where):
        return Cql.objects.filter(pk=self.row.pk, **where).update(home=value)

    def test_what_is_left_out_is_null(self):
        nothing = dict.fromkeys(HOME)
        for value, stored in (
            ({"street": "A"}, {**nothing, "street": "A"}),
            (("A", 7), {**nothing, "street": "A", "Zip code": 7}),
            ({}, None),  # not frozen: without fields it is null
            (None, None),
        ):
            with self.subTest(value=value):
                self.assertEqual(self.update(value), 1)
                self.assertEqual(self.home(), stored)
        Cql.objects.filter(pk=self.row.pk).update(office={})
        self.assertEqual(Cql.objects.get(pk=self.row.pk).office, nothing)

    def test_values_of_another_shape_are_refused(self):
        for value, error, message in (
            ({"steret": "A"}, ValueError, "The type 'address' has no field 'steret'."),
            ({1: "A"}, ValueError, "has no field 1"),
            (("A", 7, None, None, None), ValueError, "has 4 fields, not 5"),
            ("A", TypeError, "is a dict, not 'A'"),
            ({"Zip code": "x"}, ValueError, "Field 'Zip code' expected a number but got 'x'"),
        ):
            with self.subTest(value=value), self.assertRaisesMessage(error, message):
                self.update(value)
        self.assertEqual(self.home(), HOME)

    def test_a_change_in_place_is_saved(self):
        row = Cql.objects.get(pk=self.row.pk)
        row.home["street"] = "Götgatan"
        row.owner["home"]["tags"].add("new")
        row.save()
        self.assertEqual(self.home(), {**HOME, "street": "Götgatan"})
        row.refresh_from_db()
        self.assertEqual(row.owner["home"]["tags"], {"a", "ö", "new"})

    def test_fields_in_filters(self):
        Cql.objects.create(home=LITTLE)
        Cql.objects.create()
        for wanted in (
            {"home__street": "Skeppsbron"},
            {"home__Zip code__gt": 11129},
            {"owner__home__street__startswith": "Skepp"},
            {"owner__homes__1__street": ""},
            {"owner__since__year": 2026},
            {"owner__wait": datetime.timedelta(microseconds=7)},
            {"office__Zip code__isnull": True, "office__isnull": False},
            {"home": HOME},
        ):
            with self.subTest(wanted):
                self.assertEqual([row.pk for row in Cql.objects.filter(**wanted)], [self.row.pk])
        found = Cql.objects.order_by("home__street").values_list("home__street", flat=True)
        self.assertEqual(list(found), [None, "", "Skeppsbron"])

    def test_a_condition_on_a_field_travels_with_the_write(self):
        self.assertEqual(self.update(LITTLE, home__street="Skeppsbron"), 1)
        self.assertEqual(self.update(HOME, home__street="Skeppsbron"), 0)
        self.assertEqual(self.home(), LITTLE)

    def test_parts_by_cql(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE bookings_cql SET home.street = %s WHERE id = %s", ["part", self.row.pk]
            )
            cursor.execute(
                "UPDATE bookings_cql SET home = %s WHERE id = %s",
                [{"street": "whole", "tags": {"x"}}, self.row.pk + 1],
            )
            row = cursor.execute(
                "SELECT home, home.street AS street FROM bookings_cql WHERE id = %s", [self.row.pk]
            ).one()
        self.assertEqual(row["street"], "part")
        self.assertEqual(row["home"], {**HOME, "street": "part"})
        self.assertEqual(self.home(), {**HOME, "street": "part"})

    def test_a_statement_in_the_log_is_cql(self):
        with CaptureQueriesContext(connection) as log:
            Cql.objects.create(home=HOME, places={("Slussen", 1, None, None)}, vector=[1, 2, 0.5])
        (query,) = log.captured_queries
        text = "INSERT " + query["sql"].rpartition("INSERT ")[2]
        self.assertIn(
            "{\"street\": 'Skeppsbron', \"Zip code\": 11130, \"tags\": {'a', 'ö'}, ", text
        )
        self.assertIn("[1.0, 2.0, 0.5]", text)
        row = Cql.objects.latest("pk")
        Cql.objects.filter(pk=row.pk).delete()
        with connection.cursor() as cursor:
            cursor.execute(text.replace("unset", "null"))
        again = Cql.objects.get(pk=row.pk)
        self.assertEqual((again.home, again.places), (HOME, {("Slussen", 1, None, None)}))
        self.assertEqual(again.vector, [1, 2, 0.5])

    def test_records_as_literals(self):
        stored = Cql._meta.get_field("home").get_db_prep_value({"street": "it's"}, connection)
        text = '{"street": \'it\'\'s\', "Zip code": null, "tags": null, "place": null}'
        self.assertEqual(literal(stored), text)

    def test_repetitions(self):
        Cql.objects.create(home=HOME)
        Cql.objects.create(home=LITTLE)
        self.assertEqual(len(Cql.objects.values("home").distinct()), 2)
        self.assertEqual(Cql.objects.aggregate(n=Count("home", distinct=True))["n"], 2)


class KeyTests(TestCase):
    def visit(self, n=1, first="Åsa", **more):
        return Visit.objects.create(
            where=LITTLE, day=DAY, who={"first": first}, n=n, **{"keeper": HOME, **more}
        )

    def test_a_row_by_its_key(self):
        made = self.visit(paid={"amount": 3, "currency": "SEK"})
        found = Visit.objects.get(where=LITTLE, day=DAY, who={"first": "Åsa"}, n=1)
        self.assertEqual(found, made)
        self.assertEqual((found.where, found.who), (LITTLE, {"first": "Åsa"}))
        self.assertEqual((found.keeper, found.paid), (HOME, {"amount": 3, "currency": "SEK"}))
        self.assertEqual(found.pk, (("", None, None, (1.5, None)), DAY, ("Åsa",), 1))
        self.assertEqual(Visit.objects.get(pk=found.pk), found)
        self.assertEqual({found: 1}[made], 1)
        self.assertEqual(Visit.objects.in_bulk([found.pk]), {found.pk: found})

    def test_writes(self):
        made = self.visit()
        made.paid = {"amount": 9}
        made.save()
        found = Visit.objects.get()
        self.assertEqual(found.paid, {"amount": 9, "currency": None})
        found.paid["currency"] = "EUR"
        self.assertEqual(Visit.objects.bulk_update([found], ["paid"]), 1)
        self.assertEqual(Visit.objects.get().paid, {"amount": 9, "currency": "EUR"})
        self.assertEqual(made.delete(), (1, {"bookings.Visit": 1}))
        self.assertEqual(Visit.objects.count(), 0)

    def test_the_index(self):
        for n in range(3):
            self.visit(n, paid={"amount": n, "currency": "SEK"})
        wanted = Visit.objects.filter(paid={"amount": 1, "currency": "SEK"})
        text = 'WHERE "paid" = {"amount": 1, "currency": \'SEK\'}'
        self.assertIn(text, str(wanted.query))
        self.assertEqual([row.n for row in wanted], [1])

    def test_slices_and_order(self):
        for n, first in enumerate("bca"):
            self.visit(n, first)
        rows = Visit.objects.filter(where=LITTLE, day=DAY)
        self.assertEqual([row.n for row in rows.order_by("-who")], [1, 0, 2])
        self.assertEqual([row.n for row in rows.filter(who__gte={"first": "b"})], [1, 0])

    def test_our_order_is_the_servers(self):
        """Sorted on our side, values of a user type stand as the clustering order has them."""
        dice, names = random.Random(3), [None, "", "a", "aa", "b", "Å", "z"]
        for n in range(12):
            self.visit(n, dice.choice(names))
        clustered = Visit.objects.filter(where=LITTLE, day=DAY).order_by("who", "n")
        self.assertIn("ORDER BY", str(clustered.query))
        here = Visit.objects.order_by("who", "n")
        self.assertNotIn("ORDER BY", str(here.query))
        self.assertEqual([row.n for row in here], [row.n for row in clustered])


@isolate_apps("bookings")
class LoneKeyTests(OperationTestCase):
    def test_a_key_that_is_a_collection(self):
        for i, (field, value, other, read) in enumerate(
            (
                (
                    cassandra.ListField(models.TextField(), frozen=True, primary_key=True),
                    ["a"],
                    ["b"],
                    ("a",),
                ),
                (
                    cassandra.SetField(models.TextField(), frozen=True, primary_key=True),
                    {"a"},
                    {"b"},
                    frozenset({"a"}),
                ),
                (
                    cassandra.UserTypeField(
                        "lone", [("x", models.TextField())], frozen=True, primary_key=True
                    ),
                    {"x": "a"},
                    {"x": "b"},
                    ("a",),
                ),
            )
        ):
            with self.subTest(type(field).__name__):
                name = f"Lone{i}"
                apps = self.apply(
                    migrations.CreateModel(name, [("key", field), ("n", models.IntegerField())])
                )
                model = apps.get_model("shop", name)
                model.objects.create(key=other, n=2)
                made = model.objects.create(key=value, n=1)
                found = model.objects.get(key=value)
                self.assertEqual((found, found.pk), (made, read))
                self.assertEqual(model.objects.in_bulk([found.pk]), {found.pk: found})
                found.n = 3
                found.save()
                self.assertEqual(model.objects.get(pk=made.pk).n, 3)
                found.delete()
                self.assertEqual([row.n for row in model.objects.all()], [2])


def box(*fields, name="box", **kwargs):
    return cassandra.UserTypeField(name, [(f, models.TextField()) for f in fields], **kwargs)


class MigrationTests(OperationTestCase):
    def types(self):
        with connection.cursor() as cursor:
            found = connection.introspection.user_types(cursor)
        return {name: found[name] for name in ("box", "crate") if name in found}

    def test_a_type_grows_and_its_fields_get_other_names(self):
        self.create(("a", box("x", null=True)))
        self.item().objects.create(id=1, a={"x": "1"})
        self.apply(migrations.AlterField("Item", "a", box("x", "y", null=True)))
        self.assertEqual(self.types(), {"box": [("x", "text"), ("y", "text")]})
        self.assertEqual(self.item().objects.get().a, {"x": "1", "y": None})
        self.apply(migrations.AlterField("Item", "a", box("z", "y", null=True)))
        self.assertEqual(self.types(), {"box": [("z", "text"), ("y", "text")]})
        self.assertEqual(self.item().objects.get().a, {"z": "1", "y": None})
        self.item().objects.update(a={"z": "2", "y": "3"})
        self.assertEqual(self.item().objects.get(a__y="3").a, {"z": "2", "y": "3"})
        with self.assertRaisesMessage(NotSupportedError, "a user type only grows at its end"):
            self.apply(migrations.AlterField("Item", "a", box("y", null=True)))

    def test_two_fields_of_one_type(self):
        self.create(("a", box("x", null=True)), ("b", cassandra.ListField(box("x"), null=True)))
        self.item().objects.create(id=1, a={"x": "1"}, b=[{"x": "2"}])
        self.apply(
            migrations.AlterField("Item", "a", box("x", "y", null=True)),
            migrations.AlterField("Item", "b", cassandra.ListField(box("x", "y"), null=True)),
        )
        row = self.item().objects.get()
        self.assertEqual((row.a, row.b), ({"x": "1", "y": None}, [{"x": "2", "y": None}]))

    def test_a_new_field(self):
        self.create()
        self.item().objects.create(id=1)
        self.apply(
            migrations.AddField("Item", "a", box("x", null=True)),
            migrations.AddField("Item", "b", box("x", frozen=True, default=lambda: {"x": "7"})),
        )
        row = self.item().objects.get()
        self.assertEqual((row.a, row.b), (None, {"x": "7"}))

    def test_another_type_copies_the_rows(self):
        self.create(("a", box("x", null=True)))
        self.item().objects.create(id=1, a={"x": "1"})
        self.apply(migrations.AlterField("Item", "a", box("x", frozen=True, null=True)))
        self.assertEqual(self.columns()["a"], "frozen<box>")
        self.assertEqual(self.item().objects.get().a, {"x": "1"})
        self.apply(migrations.RenameField("Item", "a", "b"))
        self.apply(migrations.AlterField("Item", "b", box("x", null=True)))
        self.assertEqual(self.columns(), {"id": "int", "b": "box"})
        self.assertEqual(self.item().objects.get().b, {"x": "1"})
        with self.assertRaisesMessage(NotSupportedError, "there is no conversion from box"):
            self.apply(migrations.AlterField("Item", "b", models.TextField(null=True)))

    def test_a_column_is_removed_with_its_values(self):
        self.create(
            ("a", box("x", null=True)),
            ("b", box("x", null=True, frozen=True)),
            ("n", models.IntegerField(db_index=True)),
        )
        self.item().objects.create(id=1, a={"x": "1"}, b={"x": "2"}, n=3)
        self.apply(migrations.RemoveField("Item", "a"))
        self.assertEqual(self.columns(), {"id": "int", "b": "frozen<box>", "n": "int"})
        self.assertEqual(self.item().objects.get(n=3).b, {"x": "2"})
        self.apply(migrations.AddField("Item", "a", box("x", null=True)))
        self.assertIsNone(self.item().objects.get().a)

    def test_types_go_with_what_used_them_last(self):
        crate = cassandra.UserTypeField(
            "crate", [("boxes", cassandra.ListField(box("x")))], null=True
        )
        self.create(("a", crate), ("b", box("x", null=True)), ("c", box("x", null=True)))
        self.assertEqual(set(self.types()), {"box", "crate"})
        self.apply(migrations.RemoveField("Item", "b"))
        self.assertEqual(set(self.types()), {"box", "crate"})
        self.apply(migrations.RemoveField("Item", "a"))
        self.assertEqual(set(self.types()), {"box"})
        self.apply(migrations.RemoveField("Item", "c"))
        self.assertEqual(self.types(), {})
        self.apply(migrations.AddField("Item", "a2", crate))
        self.apply(migrations.DeleteModel("Item"))
        self.assertEqual(self.types(), {})

    def test_a_type_that_others_use_stays(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TYPE box (x text)")
            cursor.execute("CREATE TYPE crate (boxes frozen<list<frozen<box>>>)")
        self.create(("b", box("x", null=True)))
        self.apply(migrations.DeleteModel("Item"))
        self.assertEqual(set(self.types()), {"box", "crate"})

    def test_dropping_as_cql(self):
        self.apply(
            migrations.CreateModel("Item", [integer_key(), ("b", box("x", null=True))]),
            migrations.RemoveField("Item", "b"),
            collect=True,
        )
        self.assertEqual(
            self.collected[-1], '-- unless anything else uses it: DROP TYPE IF EXISTS "box"'
        )

    def test_a_type_in_use_cannot_be_dropped(self):
        self.create(("b", box("x", null=True)))
        with connections["default"].cursor() as cursor, self.assertRaises(ProgrammingError):
            cursor.execute("DROP TYPE box")
