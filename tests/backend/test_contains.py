"""Conditions on collections that indexes answer, beside the key and beside other indexes."""

import itertools
import random

from django.db import migrations, models
from operations import OperationTestCase

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import PrimaryKey, SecondaryIndex, StorageAttachedIndex


class ContainsTests(OperationTestCase):
    def setUp(self):
        super().setUp()
        marks = cassandra.MapField(models.TextField(), models.IntegerField(), default=dict)
        apps = self.apply(
            migrations.CreateModel(
                "Item",
                [
                    ("pk", PrimaryKey(partition_by=["shop"], cluster_by=["-day", "n"])),
                    ("shop", models.IntegerField()),
                    ("day", models.IntegerField()),
                    ("n", models.IntegerField()),
                    ("tags", cassandra.SetField(models.TextField(), default=set, db_index=True)),
                    ("marks", marks),
                    ("old", cassandra.ListField(models.IntegerField(), default=list)),
                    ("colour", models.TextField(db_index=True)),
                ],
                {
                    "indexes": [
                        StorageAttachedIndex(fields=["marks"], name="shop_entries", on="entries"),
                        StorageAttachedIndex(fields=["marks"], name="shop_keys", on="keys"),
                        SecondaryIndex(fields=["old"], name="shop_old"),
                    ]
                },
            )
        )
        self.items = apps.get_model("shop", "Item").objects
        dice = random.Random(5)
        for n in range(60):
            self.items.create(
                shop=n % 2,
                day=n % 5,
                n=n,
                tags=set(dice.sample("abcd", dice.randint(0, 3))),
                marks={key: dice.randint(0, 2) for key in dice.sample("xyz", dice.randint(0, 3))},
                old=dice.sample(range(3), dice.randint(0, 2)),
                colour=dice.choice(["red", "blue"]),
            )

    def test_what_is_found(self):
        """Each condition on a collection with each way to the rows; in Python the same."""
        contents = (
            ({"tags__contains": "a"}, lambda row: "a" in row.tags),
            ({"marks__has_key": "x"}, lambda row: "x" in row.marks),
            ({"marks__y": 1}, lambda row: row.marks.get("y") == 1),
            (
                {"tags__contains": "b", "marks__x": 2},
                lambda row: "b" in row.tags and row.marks.get("x") == 2,
            ),
        )
        ways = (
            ({}, lambda row: True),
            ({"shop": 1}, lambda row: row.shop == 1),
            ({"shop": 1, "day": 2}, lambda row: (row.shop, row.day) == (1, 2)),
            ({"shop": 0, "day__lt": 3}, lambda row: row.shop == 0 and row.day < 3),
            ({"shop": 0, "day": 3, "n__gt": 9}, lambda r: (r.shop, r.day) == (0, 3) and r.n > 9),
            ({"shop__in": [0, 1], "day": 1}, lambda row: row.day == 1),
            ({"colour": "red"}, lambda row: row.colour == "red"),
            ({"shop": 1, "colour": "red"}, lambda row: (row.shop, row.colour) == (1, "red")),
        )
        everything = list(self.items.all())
        for (what, has), (where, is_there) in itertools.product(contents, ways):
            with self.subTest(what=what, where=where):
                found = self.items.filter(**what, **where)
                wanted = sorted(row.n for row in everything if has(row) and is_there(row))
                self.assertEqual(sorted(row.n for row in found), wanted)
                self.assertEqual(found.count(), len(wanted))
                self.assertIn("nothing counts", found.explain())

    def test_what_is_sent(self):
        for where, text in (
            ({"shop": 1, "tags__contains": "a"}, """"shop" = 1 AND "tags" CONTAINS 'a'"""),
            (
                {"shop": 1, "day__gt": 2, "marks__x": 2},
                """"shop" = 1 AND "day" > 2 AND "marks"['x'] = 2""",
            ),
            (
                {"tags__contains": "a", "marks__has_key": "x", "colour": "red"},
                """"colour" = 'red' AND "marks" CONTAINS KEY 'x' AND "tags" CONTAINS 'a'""",
            ),
        ):
            self.assertIn(f"WHERE {text}", str(self.items.filter(**where).query))

    def test_a_secondary_index_works_alone(self):
        self.assertIn("CONTAINS 1", str(self.items.filter(old__contains=1).query))
        beside = self.items.filter(shop=1, old__contains=1)
        self.assertNotIn("CONTAINS", str(beside.query))
        wanted = [row.n for row in self.items.filter(shop=1) if 1 in row.old]
        self.assertEqual([row.n for row in beside], wanted)

    def test_whole_keys_need_no_index(self):
        found = self.items.filter(shop=1, day=1, n=1, tags__contains="a")
        self.assertNotIn("CONTAINS", str(found.query))

    def test_order(self):
        rows = self.items.filter(shop=1, tags__contains="a")
        there = [row.n for row in rows.order_by("-day", "n")]
        self.assertEqual(there, [row.n for row in rows])
        self.assertEqual([row.n for row in rows.order_by("day", "-n")], there[::-1])

    def test_writes(self):
        rows = self.items.filter(shop=1, tags__contains="a")
        wanted = sorted(row.n for row in rows)
        self.assertEqual(rows.update(colour="green"), len(wanted))
        self.assertEqual(sorted(r.n for r in self.items.filter(colour="green")), wanted)
        self.assertEqual(rows.delete()[0], len(wanted))
        self.assertEqual(rows.count(), 0)
        self.assertEqual(self.items.count(), 60 - len(wanted))
