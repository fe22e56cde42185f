"""DDL: what migrations do to tables, column by column."""

import datetime
import uuid
from unittest import mock

from bookings.models import Book, Party, Seat
from django.db import (
    DataError,
    NotSupportedError,
    OperationalError,
    connection,
    migrations,
    models,
)
from django.test import TransactionTestCase
from operations import OperationTestCase, integer_key
from places import file_only

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import PhysicalKey, PrimaryKey
from django_cassandra_backend.table_copy import _Copier


class OperationTests(OperationTestCase):
    """Tables, columns and indexes."""

    def test_an_index_on_a_column_with_a_space_in_its_name(self):
        self.create(("writer", models.IntegerField(db_column="Writer ID", db_index=True)))
        ((name, column),) = self.indexes().items()
        self.assertIn("Writer ID", name)
        self.assertEqual(column, "Writer ID")
        self.apply(
            migrations.AlterField("Item", "writer", models.IntegerField(db_column="Writer ID"))
        )
        self.assertEqual(self.indexes(), {})

    def test_a_new_type_and_a_new_index_at_once(self):
        self.create(("size", models.IntegerField()))
        self.item().objects.create(id=1, size=7)
        self.apply(migrations.AlterField("Item", "size", models.TextField(db_index=True)))
        self.assertEqual(list(self.indexes().values()), ["size"])
        self.assertEqual(self.item().objects.get(size="7").pk, 1)
        self.apply(migrations.AlterField("Item", "size", models.IntegerField()))
        self.assertEqual(self.indexes(), {})

    def test_a_copy_keeps_columns_that_no_model_names(self):
        self.create(("size", models.IntegerField()))
        with connection.cursor() as cursor:
            cursor.execute('ALTER TABLE "shop_item" ADD "note" text')
            cursor.execute(
                """INSERT INTO "shop_item" ("id", "size", "note") VALUES (1, 7, 'mine')"""
            )
        self.apply(migrations.AlterField("Item", "size", models.TextField()))
        with connection.cursor() as cursor:
            row = cursor.execute('SELECT "size", "note" FROM "shop_item"').one()
        self.assertEqual(row, {"size": "7", "note": "mine"})

    def test_a_field_made_by_hand(self):
        """As the documentation of SchemaEditor.alter_field() has it: the new field belongs to no model."""
        model = self.create(("size", models.IntegerField()))
        model.objects.create(id=1, size=7)
        indexed, wide = models.IntegerField(db_index=True), models.TextField()
        indexed.set_attributes_from_name("size")
        wide.set_attributes_from_name("width")
        with connection.schema_editor() as editor:
            editor.alter_field(model, model._meta.get_field("size"), indexed)
        self.assertEqual(list(self.indexes().values()), ["size"])
        with connection.schema_editor() as editor:
            editor.alter_field(model, indexed, wide)
        self.assertEqual(self.indexes(), {})
        self.assertEqual(self.columns(), {"id": "int", "width": "text"})

    def test_statements_are_logged(self):
        with self.assertLogs("django.db.backends.schema", "DEBUG") as logged:
            self.create()
        self.assertIn("CREATE TABLE", logged.records[0].sql)

    def test_create_and_delete(self):
        self.create(("name", models.CharField(max_length=5)))
        self.assertEqual(self.columns(), {"id": "int", "name": "text"})
        self.apply(migrations.DeleteModel("Item"))
        self.assertNotIn("shop_item", connection.introspection.table_names())

    def test_keys_of_every_kind(self):
        with connection.cursor() as cursor:
            key = connection.introspection.table_key
            self.assertEqual(key(cursor, "party"), (["city"], [("date", True), ("id", False)]))
            self.assertEqual(
                key(cursor, "bookings_seat"), (["show"], [("row", True), ("number", False)])
            )
            columns = connection.introspection.get_primary_key_columns(cursor, "party")
        self.assertEqual(columns, ["city", "date", "id"])
        self.assertEqual(list(self.indexes("party").values()), ["id"])
        self.assertEqual(self.indexes("bookings_seat"), {})

    def test_indexes(self):
        found = self.indexes("bookings_book")
        self.assertEqual(found["book_published"], "published")
        self.assertEqual(found["book_pages_title"], "pages")
        self.assertEqual(
            sorted(found.values()), ["author_id", "pages", "published", "title", "translator_id"]
        )
        self.assertTrue(all(len(name) <= 48 for name in found))

    def test_add_and_remove_a_field(self):
        self.create().objects.create(id=1)
        self.apply(migrations.AddField("Item", "note", models.TextField(default="new")))
        self.assertEqual(self.item().objects.get().note, "new")
        self.apply(
            migrations.AddField("Item", "size", models.IntegerField(null=True, db_index=True))
        )
        self.assertIsNone(self.item().objects.get().size)
        self.assertEqual(list(self.indexes().values()), ["size"])
        self.apply(migrations.RemoveField("Item", "size"), migrations.RemoveField("Item", "note"))
        self.assertEqual(self.columns(), {"id": "int"})
        self.assertEqual(self.indexes(), {})

    def test_a_new_field_with_a_database_default(self):
        self.create().objects.create(id=1)
        self.apply(migrations.AddField("Item", "note", models.TextField(db_default="d")))
        self.assertEqual(self.item().objects.get().note, "d")

    def test_rename_a_column_of_the_key(self):
        self.apply(
            migrations.CreateModel(
                "Item",
                [
                    ("pk", PrimaryKey(partition_by=["shelf"], cluster_by=["-place"])),
                    ("shelf", models.TextField()),
                    ("place", models.IntegerField()),
                ],
            )
        )
        self.item().objects.create(shelf="a", place=1)
        self.apply(migrations.RenameField("Item", "place", "spot"))
        item = self.item().objects.get(pk=("a", 1))
        self.assertEqual(item.spot, 1)
        self.assertEqual(item._meta.pk.cluster_by, ("-spot",))
        with connection.cursor() as cursor:
            self.assertEqual(
                connection.introspection.table_key(cursor, "shop_item"),
                (["shelf"], [("spot", True)]),
            )

    def test_rename_another_column(self):
        self.create(("name", models.TextField(db_index=True))).objects.create(id=1, name="x")
        self.apply(migrations.RenameField("Item", "name", "title"))
        self.assertEqual(self.item().objects.get(title="x").pk, 1)
        self.assertEqual(self.columns(), {"id": "int", "title": "text"})
        self.assertEqual(list(self.indexes().values()), ["title"])

    def test_a_physical_key_follows_a_rename(self):
        self.apply(
            migrations.CreateModel(
                "Item",
                [
                    ("id", models.UUIDField(primary_key=True)),
                    ("town", models.TextField()),
                    ("key", PhysicalKey(partition_by=["town"])),
                ],
            )
        )
        pk = uuid.uuid4()
        self.item().objects.create(pk=pk, town="Oslo")
        self.apply(migrations.RenameField("Item", "town", "city"))
        self.assertEqual(self.item().objects.get(pk=pk).city, "Oslo")
        self.assertEqual(self.item()._meta.get_field("key").field_names, ("city",))

    def test_change_a_type(self):
        item = self.create(
            ("n", models.IntegerField(null=True)), ("when", models.DateTimeField(null=True))
        )
        moment = datetime.datetime(2026, 5, 17, 12, tzinfo=datetime.timezone.utc)
        item.objects.create(id=1, n=7, when=moment)
        item.objects.create(id=2)
        self.apply(migrations.AlterField("Item", "n", models.TextField(null=True)))
        self.apply(migrations.AlterField("Item", "when", models.DateField(null=True)))
        rows = {row.pk: (row.n, row.when) for row in self.item().objects.all()}
        self.assertEqual(rows, {1: ("7", datetime.date(2026, 5, 17)), 2: (None, None)})
        self.apply(
            migrations.AlterField(
                "Item", "n", models.DecimalField(max_digits=5, decimal_places=2, null=True)
            )
        )
        self.assertEqual(str(self.item().objects.get(pk=1).n), "7.00")
        self.assertEqual(self.columns(), {"id": "int", "n": "decimal", "when": "date"})
        self.assertEqual(
            [t for t in connection.introspection.table_names() if t.endswith("__copy")], []
        )

    def test_a_type_without_a_conversion(self):
        self.create(("n", models.BooleanField(default=True)))
        with self.assertRaisesMessage(NotSupportedError, "there is no conversion from boolean"):
            self.apply(migrations.AlterField("Item", "n", models.DateField()))

    def test_bytes_are_no_text(self):
        self.create(("n", models.BinaryField()))
        with self.assertRaisesMessage(NotSupportedError, "there is no conversion from blob"):
            self.apply(migrations.AlterField("Item", "n", models.TextField()))

    def test_text_becomes_a_moment(self):
        self.create(("at", models.TextField()))
        self.item().objects.create(id=1, at="2026-05-17 20:00:00.1234+02:00")
        self.apply(migrations.AlterField("Item", "at", models.DateTimeField()))
        moment = datetime.datetime(2026, 5, 17, 18, 0, 0, 123000, tzinfo=datetime.timezone.utc)
        self.assertEqual(self.item().objects.get().at, moment)

    def test_a_value_that_cannot_be_converted_leaves_all_as_it_was(self):
        self.create(("at", models.TextField()))
        self.item().objects.create(id=1, at="tomorrow")
        before = self.state.clone()
        with self.assertRaisesMessage(DataError, "'tomorrow' cannot become date"):
            self.apply(migrations.AlterField("Item", "at", models.DateField()))
        self.state = before
        self.assertEqual(self.item().objects.get().at, "tomorrow")
        self.item().objects.update(at="2026-05-17")
        self.apply(migrations.AlterField("Item", "at", models.DateField()))
        self.assertEqual(self.item().objects.get().at, datetime.date(2026, 5, 17))

    def test_a_copy_that_stops_in_the_middle_says_where_the_rows_are(self):
        self.create(("size", models.IntegerField()))
        self.item().objects.create(id=1, size=7)
        with (
            mock.patch.object(_Copier, "index", side_effect=OperationalError("disk full")),
            self.assertRaisesMessage(OperationalError, "all its rows are in 'shop_item__copy'"),
        ):
            self.apply(migrations.AlterField("Item", "size", models.TextField()))
        with connection.cursor() as cursor:
            rows = cursor.execute('SELECT * FROM "shop_item__copy"').all()
        self.assertEqual(rows, [{"id": 1, "size": "7"}])

    def test_changes_that_need_no_ddl(self):
        self.create(("name", models.CharField(max_length=5, null=True))).objects.create(id=1)
        with self.assertNumQueries(0):
            self.apply(
                migrations.AlterField(
                    "Item", "name", models.CharField(max_length=50, null=True, blank=True)
                )
            )
        self.apply(
            migrations.AlterField("Item", "name", models.CharField(max_length=50, default="filled"))
        )
        self.assertEqual(self.item().objects.get().name, "filled")

    def test_switch_an_index(self):
        self.create(("name", models.TextField()))
        self.apply(migrations.AlterField("Item", "name", models.TextField(db_index=True)))
        self.assertEqual(list(self.indexes().values()), ["name"])
        self.apply(migrations.AddIndex("Item", models.Index(fields=["name"], name="by_name")))
        self.assertEqual(len(self.indexes()), 1)
        self.apply(migrations.AlterField("Item", "name", models.TextField()))
        self.assertEqual(len(self.indexes()), 1)
        self.apply(migrations.RemoveIndex("Item", "by_name"))
        self.assertEqual(self.indexes(), {})

    def test_rename_an_index(self):
        self.create(
            ("name", models.TextField()), indexes=[models.Index(fields=["name"], name="one")]
        )
        self.apply(migrations.RenameIndex("Item", new_name="two", old_name="one"))
        self.assertEqual(list(self.indexes()), ["two"])

    def test_rename_a_table(self):
        item = self.apply(
            migrations.CreateModel(
                "Item",
                [
                    ("id", models.AutoField(primary_key=True)),
                    ("name", models.TextField(db_index=True)),
                ],
            )
        ).get_model("shop", "Item")
        item.objects.create(name="a")
        self.apply(migrations.RenameModel("Item", "Thing"))
        thing = self.state.apps.get_model("shop", "Thing")
        self.assertEqual(thing.objects.get(name="a").pk, 1)
        self.assertEqual(thing.objects.create(name="b").pk, 2)
        self.assertNotIn("shop_item", connection.introspection.table_names())

    def options(self, table="shop_item"):
        with connection.cursor() as cursor:
            return connection.introspection.table_options(cursor, table)

    def wide(self, *fields, **options):
        key = ("pk", PrimaryKey(partition_by=["shelf"], cluster_by=["place"]))
        columns = [key, ("shelf", models.TextField()), ("place", models.IntegerField()), *fields]
        return self.apply(migrations.CreateModel("Item", columns, options)).get_model(
            "shop", "Item"
        )

    def test_a_comment_of_a_table(self):
        self.create(db_table_comment="it's ours")
        self.assertEqual(self.options()["comment"], "it's ours")
        self.apply(migrations.AlterModelTableComment("Item", "theirs"))
        self.assertEqual(self.options()["comment"], "theirs")
        self.apply(migrations.AlterModelTableComment("Item", None))
        self.assertEqual(self.options()["comment"], "")

    def test_options_of_a_table(self):
        self.create(("name", models.TextField(null=True)))
        options = cassandra.TableOptions(gc_grace_seconds=60, caching={"keys": "NONE"})
        self.apply(migrations.AddField("Item", "table", options))
        self.assertEqual(self.options()["gc_grace_seconds"], 60)
        self.assertEqual(self.options()["caching"]["keys"], "NONE")
        options = cassandra.TableOptions(gc_grace_seconds=70, default_time_to_live=100)
        self.apply(migrations.AlterField("Item", "table", options))
        found = self.options()
        self.assertEqual((found["gc_grace_seconds"], found["default_time_to_live"]), (70, 100))
        self.assertEqual(found["caching"]["keys"], "ALL")
        self.assertEqual(self.item().objects.create(id=1).table, options.options)
        self.apply(migrations.RemoveField("Item", "table"))
        found = self.options()
        self.assertEqual((found["gc_grace_seconds"], found["default_time_to_live"]), (864000, 0))

    def test_a_copy_keeps_options_comments_and_names_of_indexes(self):
        self.create(
            ("size", models.IntegerField()),
            ("tags", cassandra.SetField(models.TextField(), default=set)),
            ("table", cassandra.TableOptions(gc_grace_seconds=60)),
            db_table_comment="ours",
            indexes=[
                models.Index(fields=["size"], name="by_size"),
                cassandra.SecondaryIndex(fields=["tags"], name="by_tag"),
            ],
        )
        self.item().objects.create(id=1, size=7, tags={"a"})
        before, indexes = self.options(), self.indexes()
        self.apply(migrations.AlterField("Item", "size", models.TextField()))
        self.apply(migrations.RenameModel("Item", "Thing"))
        after = self.options("shop_thing")
        for name in ("id", "table_name"):
            before.pop(name), after.pop(name)
        self.assertEqual(after, before)
        self.assertEqual(self.indexes("shop_thing"), indexes)
        thing = self.state.apps.get_model("shop", "Thing").objects.get(tags__contains="a")
        self.assertEqual((thing.size, thing.tags), ("7", {"a"}))

    def test_a_static_column(self):
        self.wide(("label", cassandra.Static(models.TextField(null=True))))
        note = cassandra.Static(models.CharField(max_length=9, null=True))
        self.apply(migrations.AddField("Item", "note", note))
        with connection.cursor() as cursor:
            kinds = {c[0]: c[1] for c in connection.introspection.columns(cursor, "shop_item")}
        self.assertEqual((kinds["label"], kinds["note"]), ("static", "static"))
        with self.assertRaisesMessage(NotSupportedError, "cannot cease to be static"):
            self.apply(
                migrations.AlterField("Item", "note", models.CharField(max_length=9, null=True))
            )

    def test_a_copy_keeps_static_columns(self):
        self.wide(
            ("label", cassandra.Static(models.TextField(null=True))), ("n", models.IntegerField())
        )
        for place in (1, 2):
            self.item().objects.create(shelf="a", place=place, label="top", n=place)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO shop_item (shelf, label) VALUES ('empty', 'low')")
        self.apply(migrations.AlterField("Item", "n", models.TextField()))
        rows = self.item().objects.order_by("place").values_list("place", "label", "n")
        self.assertEqual(list(rows), [(1, "top", "1"), (2, "top", "2")])
        with connection.cursor() as cursor:
            row = cursor.execute("SELECT label, place FROM shop_item WHERE shelf = 'empty'").one()
        self.assertEqual(row, {"label": "low", "place": None})

    def test_indexes_on_parts_of_a_collection(self):
        self.create(
            ("marks", cassandra.MapField(models.TextField(), models.IntegerField(), default=dict)),
            indexes=[cassandra.StorageAttachedIndex(fields=["marks"], name="by_key", on="keys")],
        )
        more = cassandra.StorageAttachedIndex(fields=["marks"], name="by_entry", on="entries")
        self.apply(migrations.AddIndex("Item", more))
        self.assertEqual(set(self.indexes()), {"by_key", "by_entry"})
        self.apply(migrations.RemoveIndex("Item", "by_key"))
        self.assertEqual(set(self.indexes()), {"by_entry"})
        self.item().objects.create(id=1, marks={"a": 3})
        self.assertEqual(self.item().objects.get(marks__a=3).pk, 1)

    def test_an_index_of_several_columns_gets_a_name(self):
        self.create(("a", models.IntegerField()), ("b", models.IntegerField()))
        with connection.schema_editor() as editor:
            editor.alter_index_together(self.item(), set(), {("a", "b")})
        self.state.models["shop", "item"].options["index_together"] = {("a", "b")}
        self.apply(migrations.RenameIndex("Item", new_name="both", old_fields=("a", "b")))
        self.assertEqual(self.indexes(), {"both": "a", "both_2": "b"})
        self.apply(migrations.RemoveIndex("Item", "both"))
        self.assertEqual(self.indexes(), {})

    def test_an_index_together_that_goes(self):
        self.create(("a", models.IntegerField(db_index=True)), ("b", models.IntegerField()))
        with connection.schema_editor() as editor:
            editor.alter_index_together(self.item(), set(), {("a", "b")})
            self.assertEqual(len(self.indexes()), 2)
            editor.alter_index_together(self.item(), {("a", "b")}, set())
        self.assertEqual(list(self.indexes().values()), ["a"])

    @file_only(
        "Cassandra makes no storage-attached index on a column whose name has more than 48 characters"
    )
    def test_columns_with_long_names(self):
        name = "a_name_of_a_column_that_is_longer_than_the_name_of_a_table_can_be"
        self.create((name, models.IntegerField(db_index=True)))
        self.item().objects.create(id=1, **{name: 5})
        self.assertEqual(self.item().objects.get(**{name: 5}).pk, 1)
        self.assertLessEqual(max(map(len, self.indexes())), 48)

    def test_tables_of_counters_are_not_copied(self):
        self.create(("n", cassandra.CounterField()))
        self.item().objects.filter(id=1).update(n=models.F("n") + 1)
        before = self.state.clone()
        with self.assertRaisesMessage(NotSupportedError, "counters are not written"):
            self.apply(migrations.RenameField("Item", "n", "m"))
        self.state = before
        self.apply(migrations.AddField("Item", "more", cassandra.CounterField()))
        self.item().objects.filter(id=1).update(more=models.F("more") - 2)
        self.assertEqual(self.item().objects.values_list("n", "more").get(), (1, -2))

    def test_user_types_as_cql(self):
        def home(*fields, **kwargs):
            return cassandra.UserTypeField(
                "address", [(f, models.TextField()) for f in fields], **kwargs
            )

        inner = cassandra.UserTypeField("Outer", [("home", home("street"))], null=True)
        self.apply(
            migrations.CreateModel(
                "Item", [integer_key(), ("a", inner), ("b", home("street", frozen=True, null=True))]
            ),
            migrations.AlterField("Item", "b", home("road", "zip", frozen=True, null=True)),
            collect=True,
        )
        self.assertEqual(
            self.collected,
            [
                'CREATE TYPE IF NOT EXISTS "address" ("street" text);',
                'CREATE TYPE IF NOT EXISTS "Outer" ("home" frozen<"address">);',
                'CREATE TYPE IF NOT EXISTS "address" ("street" text);',
                'CREATE TABLE "shop_item" ("id" int, "a" "Outer", "b" frozen<"address">, PRIMARY KEY (("id")));',
                'ALTER TYPE "address" RENAME "street" TO "road";',
                'ALTER TYPE "address" ADD "zip" text;',
            ],
        )
        for wrong in (home("zip"), home("zip", "road", "x")):
            state = self.state.clone()
            with self.assertRaisesMessage(NotSupportedError, "a user type only grows at its end"):
                self.apply(migrations.AlterField("Item", "b", wrong), collect=True)
            self.state = state

    def test_generated_columns_are_refused(self):
        generated = models.GeneratedField(
            expression=models.F("id") + 1, output_field=models.IntegerField(), db_persist=True
        )
        with self.assertRaisesMessage(NotSupportedError, "no generated columns"):
            self.create(("more", generated))

    def test_keys_do_not_change(self):
        self.create(("a", models.TextField()))
        with self.assertRaisesMessage(NotSupportedError, "a table that exists"):
            self.apply(migrations.AddField("Item", "key", PhysicalKey(partition_by=["a"])))
        self.state.models["shop", "item"].fields.pop("key")
        self.state.reload_model("shop", "item")
        with self.assertRaisesMessage(NotSupportedError, "cannot be changed"):
            self.apply(migrations.RemoveField("Item", "id"))

    def test_collected_cql(self):
        self.apply(
            migrations.CreateModel(
                "Item",
                [
                    ("id", models.BigAutoField(primary_key=True)),
                    ("name", models.TextField(db_index=True)),
                ],
            ),
            migrations.AddField("Item", "size", models.IntegerField(default=3)),
            migrations.RenameField("Item", "name", "title"),
            migrations.DeleteModel("Item"),
            collect=True,
        )
        text = "\n".join(self.collected)
        for part in (
            "CREATE TABLE",
            "USING 'sai'",
            'ADD "size" int;',
            "-- for each row",
            "DROP TABLE",
        ):
            self.assertIn(part, text)
        self.assertNotIn("shop_item", connection.introspection.table_names())


class DeconstructTests(TransactionTestCase):
    available_apps = ["bookings"]

    def test_primary_key(self):
        field = Seat._meta.pk
        name, path, args, kwargs = field.deconstruct()
        self.assertEqual(
            (name, path, args), ("pk", "django_cassandra_backend.models.PrimaryKey", [])
        )
        self.assertEqual(
            (kwargs["partition_by"], kwargs["cluster_by"]), (["show"], ["-row", "number"])
        )
        self.assertEqual(field.clone().cluster_by, ("-row", "number"))
        with self.assertRaisesMessage(ValueError, "primary_key=True"):
            PrimaryKey(partition_by=["a"])
        with self.assertRaises(ValueError):
            PrimaryKey(partition_by=[], cluster_by=["a", "b"])
        with self.assertRaises(ValueError):
            PrimaryKey(partition_by="ab")

    def test_physical_key(self):
        _, path, _, kwargs = Party._meta.get_field("key").deconstruct()
        self.assertEqual(path, "django_cassandra_backend.models.PhysicalKey")
        self.assertEqual(kwargs, {"partition_by": ["city"], "cluster_by": ["-date"]})
        for wrong in ({"default": 1}, {"unique": True}, {"primary_key": True}):
            with self.assertRaises(ValueError):
                PhysicalKey(partition_by=["a"], **wrong)

    def test_no_field_of_a_form(self):
        from django.forms import modelform_factory

        form = modelform_factory(Party, fields="__all__")
        self.assertNotIn("key", form.base_fields)
        self.assertEqual(Book._meta.pk.name, "id")
