"""Migrations of what is unique beside the primary key: tables of claims come, go, and follow their tables and columns."""

from django.db import IntegrityError, connection, migrations, models
from django.db.models.functions import Lower
from operations import OperationTestCase, integer_key

SLUG = ("slug", models.CharField(max_length=20, unique=True))


class UniqueSchemaTests(OperationTestCase):
    def tables(self) -> list[str]:
        with connection.cursor() as cursor:
            found = connection.introspection.claim_tables(cursor)
        return [name for name in found if name.startswith("shop_")]

    def names(self) -> list[str]:
        """Without the digests."""
        return [name[: -len("_12345678_uniq")] for name in self.tables()]

    def claims(self, table=None) -> int:
        with connection.cursor() as cursor:
            (name,) = [name for name in self.tables() if table is None or name.startswith(table)]
            return len(list(cursor.execute(f'SELECT value FROM "{name}"')))

    def refuses(self, **values):
        with self.assertRaisesMessage(IntegrityError, "violates unique constraint"):
            self.item().objects.create(id=9999, **values)
        self.assertFalse(self.item().objects.filter(id=9999).exists())

    def test_a_model_comes_and_goes(self):
        self.create(SLUG, ("a", models.IntegerField(null=True)), unique_together={("slug", "a")})
        self.assertEqual(self.names(), ["shop_item_slug", "shop_item_slug_a"])
        self.assertNotIn(self.tables()[0], connection.introspection.table_names())
        self.apply(migrations.DeleteModel("Item"))
        self.assertEqual(self.tables(), [])

    def test_sql_says_it(self):
        self.apply(migrations.CreateModel("Item", [integer_key(), SLUG]), collect=True)
        (text,) = [text for text in self.collected if "_uniq" in text]
        self.assertIn(
            '(value blob PRIMARY KEY, "owner_0" int, claim uuid, claimed timestamp)', text
        )

    def test_a_field_is_added_and_removed(self):
        self.create(("a", models.TextField()))
        self.item().objects.create(id=1, a="x")
        unique = models.CharField(max_length=20, unique=True, null=True)
        self.apply(migrations.AddField("Item", "slug", unique))
        self.item().objects.create(id=2, a="x", slug="s")
        self.refuses(a="x", slug="s")
        self.apply(migrations.RemoveField("Item", "slug"))
        self.assertEqual(self.tables(), [])

    def test_one_value_for_all_rows_is_refused(self):
        self.create(("a", models.TextField()))
        for n in (1, 2):
            self.item().objects.create(id=n, a="x")
        add = migrations.AddField("Item", "slug", models.CharField(default="", unique=True))
        with self.assertRaisesMessage(IntegrityError, "1 row(s) of 'shop_item' hold what another"):
            self.apply(add)
        self.assertEqual(self.tables(), [])

    def test_a_field_becomes_unique_and_ceases_to_be(self):
        plain = models.CharField(max_length=20)
        self.create(("slug", plain))
        Item = self.item()
        Item.objects.bulk_create(Item(id=n, slug=f"s{n}") for n in range(700))
        self.apply(migrations.AlterField("Item", "slug", SLUG[1]))
        self.assertEqual(self.claims(), 700)
        self.refuses(slug="s3")
        self.apply(migrations.AlterField("Item", "slug", plain))
        self.assertEqual(self.tables(), [])
        self.item().objects.create(id=700, slug="s3")
        with self.assertRaisesMessage(IntegrityError, "slug = 's3'"):
            self.apply(migrations.AlterField("Item", "slug", SLUG[1]))
        self.assertEqual(self.tables(), [])

    def test_constraints(self):
        self.create(("a", models.TextField()), ("b", models.IntegerField()))
        for n in range(3):
            self.item().objects.create(id=n, a=f"A{n}", b=n // 2)
        lower = models.UniqueConstraint(Lower("a"), name="lower_a")
        self.apply(migrations.AddConstraint("Item", lower))
        self.refuses(a="a2", b=5)
        partly = models.UniqueConstraint(
            fields=["b"], condition=models.Q(b__gt=0), name="positive_b"
        )
        self.apply(migrations.AddConstraint("Item", partly))
        self.assertEqual(self.claims("shop_item_positive_b"), 1)
        self.refuses(a="x", b=1)
        self.item().objects.create(id=10, a="y", b=0)
        for name in ("lower_a", "positive_b"):
            self.apply(migrations.RemoveConstraint("Item", name))
        self.assertEqual(self.tables(), [])
        twice = models.UniqueConstraint(fields=["b"], name="only_b")
        with self.assertRaisesMessage(IntegrityError, "b = 0"):
            self.apply(migrations.AddConstraint("Item", twice))

    def test_unique_together(self):
        self.create(("a", models.TextField()), ("b", models.TextField()))
        self.item().objects.create(id=1, a="x", b="y")
        self.apply(migrations.AlterUniqueTogether("Item", {("a", "b")}))
        self.refuses(a="x", b="y")
        self.apply(migrations.AlterUniqueTogether("Item", {("b",)}))
        self.assertEqual(self.names(), ["shop_item_b"])
        self.refuses(a="z", b="y")
        self.apply(migrations.AlterUniqueTogether("Item", set()))
        self.assertEqual(self.tables(), [])

    def test_claims_follow_names_and_types(self):
        self.create(SLUG)
        self.item().objects.create(id=1, slug="7")
        self.apply(migrations.RenameField("Item", "slug", "code"))
        self.assertEqual(self.names(), ["shop_item_code"])
        self.refuses(code="7")
        self.apply(migrations.AlterModelTable("Item", "shop_thing"))
        self.assertEqual(self.names(), ["shop_thing_code"])
        self.refuses(code="7")
        self.apply(migrations.AlterField("Item", "code", models.IntegerField(unique=True)))
        self.refuses(code=7)
        self.item().objects.get(id=1).delete()
        self.assertEqual(self.claims(), 0)

    def test_the_owner_follows_the_type_of_the_key(self):
        self.create(SLUG)
        self.item().objects.create(id=1, slug="x")
        before = self.tables()
        self.apply(migrations.RenameField("Item", "id", "number"))
        self.assertEqual(self.tables(), before)
        with self.assertRaises(IntegrityError):
            self.item().objects.create(number=2, slug="x")

    def test_what_the_key_implies_has_no_claims(self):
        self.create(("a", models.TextField()))
        one = models.UniqueConstraint(fields=["id", "a"], name="one")
        self.apply(migrations.AddConstraint("Item", one))
        self.assertEqual(self.tables(), [])
        self.apply(migrations.RemoveConstraint("Item", "one"))

    def test_the_pairs_of_a_many_to_many_follow_both_sides(self):
        """A model is renamed: its tables in between, and their columns, have other names then."""
        for name in ("Item", "Theme"):
            for sides in (("Item", "Theme"), ("Theme", "Item")):
                with self.subTest(renamed=name, has_the_field=sides[0]):
                    self.create()
                    self.apply(migrations.CreateModel("Theme", [integer_key()]))
                    field = models.ManyToManyField(f"shop.{sides[1]}")
                    self.apply(migrations.AddField(sides[0], "others", field))
                    self.pair(sides)
                    self.apply(migrations.RenameModel(name, "Other"))
                    self.assertEqual(len(self.tables()), 1)
                    self.pair([other.replace(name, "Other") for other in sides], again=True)
                    for other in sides:
                        self.apply(migrations.DeleteModel(other.replace(name, "Other")))
                    self.assertEqual(self.tables(), [])

    def pair(self, sides, again=False):
        """The two rows are paired once, however often that is asked for."""
        one, other = (self.state.apps.get_model("shop", name) for name in sides)
        if not again:
            one.objects.create(id=1)
            other.objects.create(id=2)
        for _ in range(2):
            one.objects.get(id=1).others.add(other.objects.get(id=2))
        self.assertEqual(one.others.through.objects.count(), 1)
