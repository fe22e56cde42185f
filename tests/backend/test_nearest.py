"""Vector search: order_by(Nearest(…)), beside the same in Python."""

import math
import random

from django.core.exceptions import ValidationError
from django.db import NotSupportedError, connections, migrations, models
from django.db.models import F
from django.db.utils import ProgrammingError
from operations import OperationTestCase

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import Nearest, PrimaryKey, StorageAttachedIndex


def euclidean(a, b):
    return math.dist(a, b)


def cosine(a, b):
    return -sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


class NearestTests(OperationTestCase):
    def setUp(self):
        super().setUp()
        vector = ("at", cassandra.VectorField(3, null=True))
        index = StorageAttachedIndex(
            fields=["at"], name="shop_at", options={"similarity_function": "euclidean"}
        )
        apps = self.apply(
            migrations.CreateModel(
                "Item",
                [
                    ("pk", PrimaryKey(partition_by=["shop"], cluster_by=["n"])),
                    ("shop", models.IntegerField()),
                    ("n", models.IntegerField()),
                    vector,
                    ("other", cassandra.VectorField(3, db_index=True, null=True)),
                    ("plain", cassandra.VectorField(3, null=True)),
                    ("colour", models.TextField(db_index=True)),
                    ("size", models.IntegerField(db_index=True)),
                    ("note", models.TextField(null=True)),
                ],
                {"indexes": [index]},
            )
        )
        self.items = apps.get_model("shop", "Item").objects
        dice = random.Random(7)
        self.rows = []
        for n in range(60):
            at = [round(dice.uniform(-5, 5), 2) for _ in range(3)] if n % 10 else None
            row = {"shop": n % 3, "n": n, "at": at, "other": at, "plain": at, "size": n % 5}
            self.rows.append({**row, "colour": dice.choice(["red", "blue"])})
            self.items.create(**self.rows[-1])

    def nearest(self, distance, wanted, count, test=lambda row: True):
        """The same by hand: the numbers of the rows with a vector that meet the test."""
        found = [row for row in self.rows if row["at"] is not None and test(row)]
        return [row["n"] for row in sorted(found, key=lambda r: distance(r["at"], wanted))[:count]]

    def test_the_nearest_come_first(self):
        dice = random.Random(11)
        for count in (1, 7, 100):
            wanted = [dice.uniform(-5, 5) for _ in range(3)]
            for name, distance in (("at", euclidean), ("other", cosine)):
                with self.subTest(name=name, count=count):
                    found = self.items.order_by(Nearest(name, wanted))[:count]
                    self.assertEqual([r.n for r in found], self.nearest(distance, wanted, count))

    def test_with_conditions(self):
        wanted = [1.0, 2.0, -1.0]
        for where, test in (
            ({"colour": "red"}, lambda row: row["colour"] == "red"),
            ({"size__gte": 3}, lambda row: row["size"] >= 3),
            ({"colour": "red", "size": 2}, lambda row: (row["colour"], row["size"]) == ("red", 2)),
            ({"shop": 1}, lambda row: row["shop"] == 1),
            ({"shop": 1, "colour": "red"}, lambda r: (r["shop"], r["colour"]) == (1, "red")),
        ):
            with self.subTest(where):
                found = self.items.filter(**where).order_by(Nearest("at", wanted))[:5]
                wanted_rows = self.nearest(euclidean, wanted, 5, test)
                self.assertEqual([row.n for row in found], wanted_rows)

    def test_slices_and_what_is_selected(self):
        query = self.items.order_by(Nearest(F("at"), (1, 2, 3)))
        first = self.nearest(euclidean, (1, 2, 3), 10)
        self.assertEqual(list(query.values_list("n", flat=True)[4:8]), first[4:8])
        self.assertEqual(query.first().n, first[0])
        self.assertEqual(query[2].n, first[2])
        self.assertEqual(query[:4].count(), 4)
        self.assertEqual(query.values("size", "n")[0]["n"], first[0])

    def test_what_is_sent(self):
        query = self.items.filter(colour="red").order_by(Nearest("at", [1, 2, 3]))[:5]
        text = """WHERE "colour" = 'red' ORDER BY "at" ANN OF [1.0, 2.0, 3.0] LIMIT 5"""
        self.assertIn(text, str(query.query))
        told = query.explain()
        self.assertIn("search of the index on 'at' for the nearest vectors, among what", told)
        self.assertIn("Reads: at most 5 rows", told)
        self.assertIn("nothing counts", told)

    def test_refusals(self):
        near = Nearest("at", [1, 2, 3])
        for query, message in (
            (self.items.order_by(near), "needs a slice, as [:10]"),
            (self.items.order_by(near.desc())[:3], "has no reverse"),
            (self.items.order_by(near, "n")[:3], "stands alone in order_by()"),
            (self.items.order_by(Nearest("plain", [1, 2, 3]))[:3], "needs an index on 'plain'"),
            (self.items.order_by(Nearest("size", [1, 2, 3]))[:3], "is for a VectorField"),
            (self.items.order_by(Nearest("at", None))[:3], "needs a vector, not None"),
            (self.items.order_by(near).distinct()[:3], "cannot stand beside distinct()"),
            (self.items.filter(note="x").order_by(near)[:3], "one value for each (note)"),
            (self.items.filter(n=3).order_by(near)[:3], "one value for each (n)"),
            (self.items.filter(shop=1, n=3).order_by(near)[:3], "one value for each (n)"),
            (self.items.filter(shop=1, n__gt=3).order_by(near)[:3], "each (n)"),
            (self.items.filter(shop__in=[1, 2]).order_by(near)[:3], "one value for each"),
        ):
            with self.subTest(message), self.assertRaisesMessage(NotSupportedError, message):
                list(query)
        with self.assertRaisesMessage(ValidationError, "has to have 3 numbers, not 2"):
            list(self.items.order_by(Nearest("at", [1, 2]))[:3])
        with self.assertRaisesMessage(ProgrammingError, "not greater than 1000"):
            list(self.items.order_by(near)[:1001])

    def test_other_databases(self):
        with self.assertRaisesMessage(NotSupportedError, "Cassandra's backend alone"):
            Nearest("at", [1]).as_sql(None, connections["default"])


class LoneKeyTests(OperationTestCase):
    def test_a_partition_is_a_row(self):
        model = self.create(("at", cassandra.VectorField(2, db_index=True)))
        for n in range(3):
            model.objects.create(id=n, at=[1, n])
        query = model.objects.filter(id=1).order_by(Nearest("at", [1, 0]))
        self.assertEqual([row.id for row in query[:5]], [1])
        self.assertEqual([r.id for r in model.objects.order_by(Nearest("at", [1, 2]))[:2]], [2, 1])
