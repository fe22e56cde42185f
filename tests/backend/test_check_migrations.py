"""Check constraints in migrations: no DDL, but the rows that are there have to meet them."""

from unittest import mock

from django.db import IntegrityError, NotSupportedError, connection, migrations, models
from django.db.models import CheckConstraint, F, Q
from operations import OperationTestCase
from places import file_only
from test_writes import sent

from django_cassandra_backend import constraint_rows
from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import PrimaryKey

ORDERED = CheckConstraint(condition=Q(low__lte=F("high")), name="item_is_ordered")


def integer(**kwargs):
    return models.IntegerField(**kwargs)


class RefusalTestCase(OperationTestCase):
    def refused(self, *operations, told=()):
        before = self.state.clone()
        with self.assertRaises(IntegrityError) as caught:
            self.apply(*operations)
        self.state = before
        for part in told:
            self.assertIn(part, str(caught.exception))
        return str(caught.exception)


class ConstraintTests(RefusalTestCase):
    def ranges(self, *pairs):
        item = self.create(("low", integer(null=True)), ("high", integer(null=True)))
        for i, (low, high) in enumerate(pairs):
            item.objects.create(id=i, low=low, high=high)
        return item

    def test_a_table_with_a_constraint(self):
        item = self.create(("low", integer()), ("high", integer()), constraints=[ORDERED])
        with self.assertRaisesMessage(IntegrityError, '"item_is_ordered" of table "shop_item"'):
            item.objects.create(id=1, low=2, high=1)
        item.objects.create(id=1, low=1, high=1)

    def test_rows_that_meet_a_new_constraint(self):
        self.ranges((1, 2), (None, 2), (3, None))
        with self.assertNumQueries(0):  # nothing that changes anything
            self.apply(migrations.AddConstraint("Item", ORDERED))
        mine = self.item().objects.filter(pk=0)
        with self.assertRaises(IntegrityError):
            mine.update(low=3)
        self.apply(migrations.RemoveConstraint("Item", "item_is_ordered"))
        self.assertEqual(self.item().objects.filter(pk=0).update(low=3), 1)

    def test_rows_that_violate_a_new_constraint(self):
        self.ranges((1, 2), (4, 3))
        self.refused(
            migrations.AddConstraint("Item", ORDERED),
            told=[
                'CHECK constraint "item_is_ordered" of table "shop_item" is violated by rows that are there: ',
                "high = 3, low = 4 in the row id = 1",
            ],
        )
        self.item().objects.filter(pk=1).update(low=3)
        self.apply(migrations.AddConstraint("Item", ORDERED))

    def test_the_first_of_many_rows_are_named(self):
        self.ranges(*[(2, 1)] * 8)
        message = self.refused(migrations.AddConstraint("Item", ORDERED))
        self.assertEqual(message.count("in the row"), constraint_rows.SHOWN)
        self.assertTrue(message.endswith("…"), message)

    def test_composite_keys(self):
        key = ("pk", PrimaryKey(partition_by=["shelf"], cluster_by=["place"]))
        columns = [key, ("shelf", models.TextField()), ("place", integer()), ("n", integer())]
        self.apply(migrations.CreateModel("Item", columns))
        self.item().objects.create(shelf="a", place=7, n=-1)
        above = CheckConstraint(condition=Q(n__gte=0) & Q(place__gt=0), name="above")
        self.refused(
            migrations.AddConstraint("Item", above),
            told=["n = -1, place = 7 in the row shelf = 'a', place = 7"],
        )

    def test_progress(self):
        self.ranges(*[(1, 2)] * 5)
        with (
            mock.patch.object(constraint_rows, "REPORT_EVERY", 2),
            mock.patch("sys.stderr") as stderr,
        ):
            self.apply(migrations.AddConstraint("Item", ORDERED))
        told = [call.args[0] for call in stderr.write.call_args_list]
        self.assertIn("    shop_item: 4 rows checked", told)

    def test_sqlmigrate_says_what_is_read(self):
        self.ranges((2, 1))
        self.apply(migrations.AddConstraint("Item", ORDERED), collect=True)
        (line,) = self.collected
        self.assertTrue(line.startswith("-- no row may violate"), line)
        self.assertIn('SELECT "id", "high", "low" FROM "shop_item"', line)

    def test_a_constraint_that_cannot_be_kept(self):
        self.create(("data", models.JSONField()))
        wrong = CheckConstraint(condition=Q(data__key=1), name="wrong")
        before = self.state.clone()
        with self.assertRaisesMessage(NotSupportedError, "The constraint 'wrong' of shop.Item"):
            self.apply(migrations.AddConstraint("Item", wrong))
        self.state = before
        self.apply(migrations.DeleteModel("Item"))
        with self.assertRaisesMessage(NotSupportedError, "The constraint 'wrong' of shop.Item"):
            self.create(("data", models.JSONField()), constraints=[wrong])
        self.assertNotIn("shop_item", connection.introspection.table_names())

    def test_static_columns_and_counters(self):
        def table(*fields, condition):
            key = ("pk", PrimaryKey(partition_by=["shelf"], cluster_by=["place"]))
            columns = [key, ("shelf", models.TextField()), ("place", integer()), *fields]
            constraint = CheckConstraint(condition=condition, name="wrong")
            self.apply(migrations.CreateModel("Item", columns, {"constraints": [constraint]}))

        static = ("s", cassandra.Static(integer(null=True)))
        other = ("t", cassandra.Static(integer(null=True)))
        counter = ("n", cassandra.CounterField())
        for fields, condition, reason in [
            ((static, ("n", integer())), Q(s__lt=F("n")), "'s' is static"),
            ((static,), Q(s__lt=F("place")), "compared with place"),
            ((static, other), Q(s__lt=F("t")), "compared with t"),
            ((counter,), Q(n__gte=0), "the table has counters"),
        ]:
            before = self.state.clone()
            with self.assertRaisesMessage(NotSupportedError, reason):
                table(*fields, condition=condition)
            self.state = before
        table(static, condition=Q(s__lt=5) | Q(shelf="wide"))

    def test_there_is_no_ddl(self):
        model = self.create(("n", models.PositiveIntegerField()), constraints=[])
        with connection.schema_editor(collect_sql=True) as editor:
            editor.create_model(model)
            self.assertIsNone(editor._create_check_sql(model, "x", "n > 1"))
        self.assertNotIn("CHECK", "".join(editor.collected_sql))


class RangeTests(RefusalTestCase):
    """Numbers that are not negative, as the type of a field says."""

    def test_a_new_field(self):
        item = self.create()
        self.apply(migrations.AddField("Item", "empty", models.PositiveIntegerField(default=-1)))
        item.objects.create(id=1)
        self.refused(
            migrations.AddField("Item", "n", models.PositiveIntegerField(default=-1)),
            told=['"shop_item_n_check"', "is violated by the default: n = -1"],
        )
        self.assertNotIn("n", self.columns())
        self.apply(migrations.AddField("Item", "n", models.PositiveIntegerField(default=1)))
        with self.assertRaisesMessage(IntegrityError, '"shop_item_n_check"'):
            self.item().objects.filter(pk=1).update(n=-1)

    def test_a_field_that_may_not_be_negative_any_more(self):
        item = self.create(("n", integer()))
        item.objects.create(id=1, n=-1)
        change = migrations.AlterField("Item", "n", models.PositiveIntegerField())
        self.refused(change, told=['"shop_item_n_check"', "n = -1 in the row id = 1"])
        item.objects.update(n=1)
        self.assertEqual(sent(lambda: self.apply(change)), [])
        with self.assertRaises(IntegrityError):
            self.item().objects.update(n=-1)
        self.apply(migrations.AlterField("Item", "n", integer()))
        self.assertEqual(self.item().objects.update(n=-1), 1)

    def test_another_type_as_well(self):
        item = self.create(("n", models.TextField()))
        item.objects.create(id=1, n="-1")
        change = migrations.AlterField("Item", "n", models.PositiveIntegerField())
        self.refused(change, told=['"shop_item_n_check"', "n = -1"])
        self.assertEqual(self.columns()["n"], "text")
        self.assertEqual(item.objects.get().n, "-1")
        item.objects.update(n="1")
        self.apply(change)
        self.assertEqual(self.item().objects.get().n, 1)

    def test_a_wider_type(self):
        item = self.create(("size", models.PositiveSmallIntegerField()))
        item.objects.create(id=1, size=7)
        self.apply(migrations.AlterField("Item", "size", models.PositiveBigIntegerField()))
        self.assertEqual(self.item().objects.get().size, 7)
        with self.assertRaises(IntegrityError):
            self.item().objects.update(size=-1)

    @file_only("a plain column is renamed by copying the table, which is the same on a cluster")
    def test_another_name_as_well(self):
        item = self.create(("n", integer()))
        item.objects.create(id=1, n=-1)
        wide = models.PositiveIntegerField(db_column="number")
        self.refused(migrations.AlterField("Item", "n", wide), told=["n = -1 in the row id = 1"])
        item.objects.update(n=3)
        self.apply(migrations.AlterField("Item", "n", wide))
        self.assertEqual(self.item().objects.get().n, 3)
