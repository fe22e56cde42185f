"""Values of collections, tuples and user types sort on our side as Cassandra's clustering order has them."""

import random

from django.db import migrations, models
from operations import OperationTestCase

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import PrimaryKey

NUMBER = models.IntegerField


class Dice(random.Random):
    """Random values, few enough that some are alike."""

    def number(self):
        return self.randint(-2, 2)

    def perhaps(self):
        return self.choice([None, self.number()])

    def several(self):
        return [self.number() for _ in range(self.randint(0, 3))]


#: A random value for each of fields().
VALUES = (
    Dice.several,
    lambda dice: set(dice.several()),
    lambda dice: {key: dice.number() for key in dice.several()},
    lambda dice: (dice.perhaps(), dice.choice([None, "", "a", "Å"])),
    lambda dice: [dice.number(), dice.number()],
    lambda dice: {"a": dice.perhaps(), "b": dice.choice([None, set(dice.several())])},
)


def fields():
    return [
        cassandra.ListField(NUMBER(), frozen=True),
        cassandra.SetField(NUMBER(), frozen=True),
        cassandra.MapField(NUMBER(), NUMBER(), frozen=True),
        cassandra.TupleField(NUMBER(), models.TextField()),
        cassandra.VectorField(2, NUMBER()),
        cassandra.UserTypeField(
            "shop_sorted", [("a", NUMBER()), ("b", cassandra.SetField(NUMBER()))], frozen=True
        ),
    ]


class OrderTests(OperationTestCase):
    def test_orders(self):
        dice = Dice(17)
        for i, (field, value) in enumerate(zip(fields(), VALUES, strict=True)):
            name = f"Sorted{i}"
            key = PrimaryKey(partition_by=["shop"], cluster_by=["value", "n"])
            columns = [("pk", key), ("shop", NUMBER()), ("value", field), ("n", NUMBER())]
            apps = self.apply(migrations.CreateModel(name, columns))
            items = apps.get_model("shop", name).objects
            for n in range(40):
                items.create(shop=1, value=value(dice), n=n)
            with self.subTest(type(field).__name__):
                there, here = (
                    items.filter(shop=1).order_by("value", "n"),
                    items.order_by("value", "n"),
                )
                self.assertIn("nothing counts", there.explain())
                self.assertIn("sort by value, n", here.explain())
                self.assertEqual([row.n for row in here], [row.n for row in there])
                middle = there[20]
                found = items.filter(shop=1, value=middle.value)
                self.assertIn(middle, list(found))
                self.assertEqual(
                    items.values("value").distinct().count(),
                    len({row.pk[1] for row in there}),
                )
