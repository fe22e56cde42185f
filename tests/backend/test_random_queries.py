"""Random queries, answered alike by this backend and by Django on SQLite.

What the backend refuses by name is passed over; every other answer has to be the same. A failure names its number;
RANDOM_QUERIES=N asks more of them.
"""

import datetime
import decimal
import os
import random

from bookings.models import Book, Seat
from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections
from django.db.models import Avg, Count, F, Max, Min, Q, Sum
from django.test import TestCase

REFERENCE = "reference"  # SQLite
QUERIES = int(os.environ.get("RANDOM_QUERIES", "400"))
LEAST_ANSWERED = 0.8  # of the queries: a test in which everything is refused compares nothing
ROWS = 40

TEXTS = ["", "a", "B", "ab", "Ab", "b%", "a_", "é"]
DATES = [datetime.date(2026, month, day) for month in (1, 2, 12) for day in (1, 14, 28)]
PRICES = [decimal.Decimal(cents) / 100 for cents in range(-200, 300, 35)]

# field: the values it may have; None among them where the field may be null
VALUES = {
    Book: {
        "id": range(1, ROWS + 5),
        "title": TEXTS,
        "price": PRICES,
        "published": [None, *DATES],
        "pages": [None, *range(-3, 7)],
        "author_id": range(1, 5),
        "translator_id": [None, 1, 2, 3],
    },
    Seat: {
        "show": ["x", "y", "z"],
        "row": range(4),
        "number": range(5),
        "taken": [True, False],
        "guest": [None, *TEXTS],
    },
}
KEYS = {Book: ["id"], Seat: ["show", "row", "number"]}
NUMBERS = {Book: "pages", Seat: "row"}


class Generator:
    """Builds one query after the other; the same seed gives the same query on any database."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.model = self.random.choice([Book, Seat])
        self.fields = list(VALUES[self.model])

    def value(self, field):
        return self.random.choice([v for v in VALUES[self.model][field] if v is not None])

    def key(self):
        return tuple(self.value(field) for field in KEYS[self.model])

    def condition(self, depth=0):
        choice = self.random
        if depth < 2 and choice.random() < 0.35:
            one, other = self.condition(depth + 1), self.condition(depth + 1)
            joined = choice.choice([one & other, one | other, one ^ other])
            return ~joined if choice.random() < 0.25 else joined
        simple = self.comparison()
        return ~simple if choice.random() < 0.25 else simple

    def comparison(self):
        choice = self.random
        if self.model is Seat and choice.random() < 0.15:
            lookup = choice.choice(["", "__gt", "__gte", "__lt", "__lte"])
            keys = [self.key() for _ in range(3)]
            return choice.choice([Q(**{f"pk{lookup}": self.key()}), Q(pk__in=keys)])
        field = choice.choice(self.fields)
        if field in ("pages", "row", "number") and choice.random() < 0.2:
            other = NUMBERS[self.model]
            return Q(
                **{f"{field}__lte": choice.choice([F(other), F(other) + F(field), F(field) * 2])}
            )
        lookups = ["", "__isnull", "__in"]
        if field != "taken":
            lookups += ["__gt", "__gte", "__lt", "__lte", "__range"]
        if field in ("title", "guest", "show"):
            lookups += ["__regex", "__iexact"]
        if field == "published":
            lookups += ["__year", "__month__gte"]
        lookup = choice.choice(lookups)
        return Q(**{field + lookup: self.argument(field, lookup)})

    def argument(self, field, lookup):
        match lookup:
            case "__isnull":
                return self.random.choice([True, False])
            case "__in":
                return [self.value(field) for _ in range(self.random.randint(0, 4))]
            case "__range":
                return sorted([self.value(field), self.value(field)])
            case "__regex":
                return self.random.choice(["^a", "b", "[a-b]$"])
            case "__year":
                return self.random.choice([2025, 2026])
            case "__month__gte":
                return self.random.choice([1, 2, 12])
        return self.value(field)

    def filtered(self, queryset):
        for _ in range(self.random.randint(0, 2)):
            change = queryset.filter if self.random.random() < 0.7 else queryset.exclude
            queryset = change(self.condition())
        return queryset

    def ordered(self, queryset):
        """In a total order, so that a slice of it is one thing only."""
        order = []
        for field in self.random.sample(self.fields, self.random.randint(0, 2)):
            ways = [
                field,
                f"-{field}",
                F(field).asc(nulls_last=True),
                F(field).desc(nulls_first=True),
            ]
            order.append(self.random.choice(ways))
        queryset = queryset.order_by(*order, *KEYS[self.model])
        return queryset.reverse() if self.random.random() < 0.3 else queryset

    def read(self, alias):
        """The answer of a random query."""
        queryset = self.filtered(self.model.objects.using(alias))
        kind = self.random.choice(
            ["rows", "rows", "rows", "values", "distinct", "aggregate", "exists"]
        )
        if kind == "aggregate":
            number, field = NUMBERS[self.model], self.random.choice(self.fields)
            parts = {
                "low": Min(number),
                "high": Max(number),
                "sum": Sum(number),
                "mean": Avg(number),
            }
            return queryset.aggregate(n=Count(field), kinds=Count(field, distinct=True), **parts)
        if kind == "exists":
            return queryset.exists(), queryset.count()
        if kind == "distinct":
            names = self.random.sample(self.fields, 2)
            return sorted(map(repr, queryset.order_by(*names).values_list(*names).distinct()))
        queryset = self.ordered(queryset)
        if self.random.random() < 0.4:
            start = self.random.randint(0, 6)
            queryset = queryset[start : start + self.random.randint(0, 10)]
        if kind == "values":
            return list(queryset.values_list(*self.fields))
        return [row.pk for row in queryset]

    def write(self, alias):
        """Update or delete some rows; the count."""
        queryset = self.filtered(self.model.objects.using(alias))
        if self.random.random() < 0.2:
            return queryset.delete()[0]
        if self.random.random() < 0.3:
            number = "pages" if self.model is Book else None
            return (
                queryset.update(**{number: F(number) + 1})
                if number
                else queryset.update(taken=True)
            )
        field = self.random.choice([f for f in self.fields if f not in KEYS[self.model]])
        return queryset.update(**{field: self.random.choice(list(VALUES[self.model][field]))})


def answer(seed, method, alias):
    """What a database says to the query of that seed; an exception is an answer too."""
    try:
        return getattr(Generator(seed), method)(alias)
    except Exception as error:
        return error


class RandomQueryTests(TestCase):
    databases = {DEFAULT_DB_ALIAS, REFERENCE}

    def setUp(self):
        connections[REFERENCE].disable_constraint_checking()
        chance = random.Random(1)
        books = [
            {
                "id": number,
                **{f: chance.choice(list(v)) for f, v in VALUES[Book].items() if f != "id"},
            }
            for number in range(1, ROWS + 1)
        ]
        seats = {
            tuple(row[name] for name in KEYS[Seat]): row
            for row in (
                {field: chance.choice(list(values)) for field, values in VALUES[Seat].items()}
                for _ in range(ROWS)
            )
        }
        for alias in (DEFAULT_DB_ALIAS, REFERENCE):
            Book.objects.using(alias).bulk_create([Book(**row) for row in books])
            Seat.objects.using(alias).bulk_create([Seat(**row) for row in seats.values()])

    def compare(self, method, count):
        refused = 0
        for seed in range(count):
            ours = answer(seed, method, DEFAULT_DB_ALIAS)
            if isinstance(ours, NotSupportedError):
                refused += 1
                continue
            theirs = answer(seed, method, REFERENCE)
            if isinstance(theirs, Exception):
                ours, theirs = type(ours), type(theirs)
            self.assertEqual(ours, theirs, f"{method} {seed}")
            if method == "write":
                self.assert_equal_tables(seed)
        self.assertLess(refused, count * (1 - LEAST_ANSWERED))

    def assert_equal_tables(self, seed):
        for model in (Book, Seat):
            ours, theirs = (
                sorted(map(repr, model.objects.using(alias).values_list(*VALUES[model])))
                for alias in (DEFAULT_DB_ALIAS, REFERENCE)
            )
            self.assertEqual(ours, theirs, f"{model.__name__} after write {seed}")

    def test_reads(self):
        self.compare("read", QUERIES)

    def test_writes(self):
        self.compare("write", QUERIES // 4)
