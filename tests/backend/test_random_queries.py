"""Random queries, answered alike by this backend and by Django on SQLite.

What the backend refuses by name is passed over; every other answer has to be the same. A failure names its number;
RANDOM_QUERIES=N asks more of them.
"""

import datetime
import decimal
import math
import os
import random
import uuid

from bookings.models import Book, Entry, Party, Seat
from django.db import DEFAULT_DB_ALIAS, NotSupportedError, connections
from django.db.models import Avg, Count, F, Max, Min, Q, StdDev, Sum, Variance
from django.db.models.functions import TruncDay, TruncMonth, TruncYear
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

REFERENCE = "reference"  # SQLite
QUERIES = int(os.environ.get("RANDOM_QUERIES", "400"))
LEAST_ANSWERED = 0.8  # of the queries: a test in which everything is refused compares nothing
ROWS = 40

TEXTS = ["", "a", "B", "ab", "Ab", "b%", "a_", "é"]
DATES = [datetime.date(2026, month, day) for month in (1, 2, 12) for day in (1, 14, 28)]
MOMENTS = [
    datetime.datetime(2026, month, day, hour, 30, tzinfo=datetime.timezone.utc)
    for month in (1, 7)
    for day in (1, 31)
    for hour in (0, 22, 23)
]
IDS = [uuid.UUID(int=number * 977**11 % 2**128, version=4) for number in range(1, ROWS + 1)]
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
    Party: {
        "id": IDS,
        "city": ["Oslo", "Rome", "Bonn"],
        "name": TEXTS,
        "people": range(5),
        "date": MOMENTS,
    },
    Entry: {
        "blog": ["x", "y", "z"],
        "day": DATES[:3],
        "number": range(4),
        "state": ["new", "old", ""],
        "score": [None, *range(5)],
    },
}
MODELS = list(VALUES)
KEYS = {
    Book: ["id"],
    Seat: ["show", "row", "number"],
    Party: ["id"],
    Entry: ["blog", "day", "number"],
}
PARTITIONS = {Book: "id", Seat: "show", Party: "city", Entry: "blog"}
NUMBERS = {Book: "pages", Seat: "row", Party: "people", Entry: "score"}
TEXT_NAMES = ("title", "guest", "show", "name", "city", "blog", "state")
DATE_NAMES = {Book: "published", Party: "date", Entry: "day"}


class Generator:
    """Builds one query after the other; the same seed gives the same query on any database."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.model = self.random.choice(MODELS)
        self.fields = list(VALUES[self.model])
        self.least_in = 0

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
        if len(KEYS[self.model]) > 1 and choice.random() < 0.2:
            lookup = choice.choice(["", "__gt", "__gte", "__lt", "__lte"])
            keys = [self.key() for _ in range(3)]
            found = Q(**{f"pk{lookup}": self.key()})
            return choice.choice([found, Q(pk__in=keys), Q(pk__range=sorted(keys[:2]))])
        field = choice.choice(self.fields)
        if field in ("pages", "row", "number", "people", "score") and choice.random() < 0.2:
            other = NUMBERS[self.model]
            return Q(
                **{f"{field}__lte": choice.choice([F(other), F(other) + F(field), F(field) * 2])}
            )
        lookups = ["", "__isnull", "__in"]
        if field != "taken":
            lookups += ["__gt", "__gte", "__lt", "__lte", "__range"]
        if field in TEXT_NAMES:
            lookups += ["__regex", "__iexact"]
        if field in DATE_NAMES.values():
            lookups += ["__year", "__month__gte"]
        lookup = choice.choice(lookups)
        return Q(**{field + lookup: self.argument(field, lookup)})

    def argument(self, field, lookup):
        match lookup:
            case "__isnull":
                return self.random.choice([True, False])
            case "__in":
                return [self.value(field) for _ in range(self.random.randint(self.least_in, 4))]
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
        if self.random.random() < 0.4:  # as most queries of a site do
            name = PARTITIONS[self.model]
            values = [self.value(name) for _ in range(self.random.choice([1, 1, 2]))]
            queryset = queryset.filter(**{f"{name}__in": values})
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
        kinds = ["rows", "rows", "rows", "values", "distinct", "aggregate", "exists", "in_bulk"]
        kind = self.random.choice([*kinds, "dates", "sliced", "ends", "joined"])
        return getattr(self, f"read_{kind}")(queryset)

    def aggregates(self):
        number, field = NUMBERS[self.model], self.random.choice(self.fields)
        self.least_in = 1  # Django answers nothing at all over a slice when a filter= is never met
        condition = self.condition() if self.random.random() < 0.3 else None
        return {
            "low": Min(field if field != "taken" else number, filter=condition),
            "high": Max(number),
            "sum": Sum(number, default=self.random.choice([None, 0])),
            "mean": Avg(number, filter=condition),
            "spread": StdDev(number),
            "variance": Variance(number, filter=condition),
            "n": Count(field, filter=condition),
            "kinds": Count(field, distinct=True),
        }

    def some_aggregates(self):
        found = self.aggregates()
        names = self.random.sample(list(found), self.random.randint(1, 3))
        return {name: found[name] for name in names}

    def read_aggregate(self, queryset):
        return queryset.aggregate(all=Count("*"), **self.some_aggregates())

    def read_sliced(self, queryset):
        """Aggregates over a slice, or over distinct rows."""
        if self.random.random() < 0.5:
            return queryset.distinct().aggregate(**self.some_aggregates())
        return self.ordered(queryset)[1:6].aggregate(**self.some_aggregates())

    def read_exists(self, queryset):
        return queryset.exists(), queryset.count()

    def read_distinct(self, queryset):
        names = self.random.sample(self.fields, 2)
        return sorted(map(repr, queryset.order_by(*names).values_list(*names).distinct()))

    def read_dates(self, queryset):
        name = DATE_NAMES.get(self.model)
        if name is None:
            return queryset.count()
        order = self.random.choice(["ASC", "DESC"])
        if self.model is Party and self.random.random() < 0.5:
            kind = self.random.choice(["year", "month", "week", "day", "hour"])
            return list(queryset.datetimes(name, kind, order=order))
        if self.model is not Party:
            kind = self.random.choice(["year", "month", "week", "day"])
            return list(queryset.dates(name, kind, order=order))
        truncated = self.random.choice([TruncYear, TruncMonth, TruncDay])
        # Not compared with a moment: SQLite takes the beginning of a day in Oslo for one in UTC then.
        found = queryset.annotate(begin=truncated(name)).filter(begin__isnull=False)
        return sorted(found.values_list("begin", *KEYS[self.model]))

    def read_in_bulk(self, queryset):
        keys = [self.key() for _ in range(self.random.randint(0, 5))]
        keys = [key if len(key) > 1 else key[0] for key in keys]
        found = queryset.in_bulk(keys)
        return sorted((pk, row.pk) for pk, row in found.items())

    def read_ends(self, queryset):
        field = self.random.choice(self.fields)
        order = [field, *KEYS[self.model]]
        found = [queryset.order_by(*order).first(), queryset.order_by(*order).last()]
        found += [
            getattr(queryset.order_by(), way)(*order) if queryset.exists() else None
            for way in ("earliest", "latest")
        ]
        return [None if row is None else row.pk for row in found]

    def read_joined(self, queryset):
        """`|` and `&` of two querysets."""
        other = self.filtered(self.model.objects.using(queryset.db))
        both = queryset | other if self.random.random() < 0.6 else queryset & other
        return self.read_rows(both)

    def cut(self, queryset):
        queryset = self.ordered(queryset)
        if self.random.random() < 0.4:
            start = self.random.randint(0, 6)
            queryset = queryset[start : start + self.random.randint(0, 10)]
        return queryset

    def read_values(self, queryset):
        return list(self.cut(queryset).values_list(*self.fields))

    def read_rows(self, queryset):
        queryset = self.cut(queryset)
        if self.random.random() < 0.2:
            queryset = queryset.only(*self.random.sample(self.fields, 2))
        return [row.pk for row in queryset.iterator(chunk_size=3)]

    def write(self, alias):
        """Update or delete some rows; the count."""
        queryset = self.filtered(self.model.objects.using(alias))
        if self.random.random() < 0.2:
            return queryset.delete()[0]
        if self.random.random() < 0.3:
            if self.model is Seat:
                return queryset.update(taken=True)
            number = NUMBERS[self.model]
            return queryset.update(**{number: F(number) + 1})
        field = self.random.choice([f for f in self.fields if f not in KEYS[self.model]])
        return queryset.update(**{field: self.random.choice(list(VALUES[self.model][field]))})


def answer(seed, method, alias):
    """What a database says to the query of that seed; an exception is an answer too."""
    try:
        return getattr(Generator(seed), method)(alias)
    except Exception as error:
        return error


def knows_no_answer(answer) -> bool:
    """Django's VARIANCE of no rows fails on SQLite; elsewhere it is null."""
    return "aggregate's 'finalize' method" in str(answer)


def alike(ours, theirs):
    """Equal, or numbers that differ in their last digits: the order of a sum differs."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return all(alike(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)
    return ours == theirs


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
        seats, entries = (
            {
                tuple(row[name] for name in KEYS[model]): row
                for row in (
                    {field: chance.choice(list(values)) for field, values in VALUES[model].items()}
                    for _ in range(ROWS)
                )
            }
            for model in (Seat, Entry)
        )
        parties = [
            {
                "id": key,
                **{f: chance.choice(list(v)) for f, v in VALUES[Party].items() if f != "id"},
            }
            for key in IDS
        ]
        for alias in (DEFAULT_DB_ALIAS, REFERENCE):
            Book.objects.using(alias).bulk_create([Book(**row) for row in books])
            Seat.objects.using(alias).bulk_create([Seat(**row) for row in seats.values()])
            Entry.objects.using(alias).bulk_create([Entry(**row) for row in entries.values()])
            Party.objects.using(alias).bulk_create([Party(**row) for row in parties])

    def differs(self, seed, method):
        ours, theirs = (answer(seed, method, alias) for alias in (DEFAULT_DB_ALIAS, REFERENCE))
        if isinstance(theirs, Exception):
            return type(ours) is not type(theirs)
        return not alike(ours, theirs)

    def repro(self, seed, method):
        """The fewest rows on which the databases still differ, and what was sent to each."""
        model = Generator(seed).model
        if method == "read":
            for row in list(model.objects.all()):
                for alias in (DEFAULT_DB_ALIAS, REFERENCE):
                    model.objects.using(alias).filter(pk=row.pk).delete()
                if not self.differs(seed, method):
                    for alias in (DEFAULT_DB_ALIAS, REFERENCE):
                        row.save(using=alias, force_insert=True)
        lines = [f"seed {seed}, rows of {model.__name__}:"]
        lines += map(str, model.objects.values(*VALUES[model]))
        for alias in (DEFAULT_DB_ALIAS, REFERENCE):
            with CaptureQueriesContext(connections[alias]) as captured:
                found = answer(seed, method, alias)
            lines += [f"{alias}: {found!r}", *(query["sql"] for query in captured)]
        return "\n".join(["", *lines])

    def compare(self, method, count):
        refused = 0
        for seed in range(count):
            ours = answer(seed, method, DEFAULT_DB_ALIAS)
            if isinstance(ours, NotSupportedError):
                refused += 1
                continue
            theirs = answer(seed, method, REFERENCE)
            if knows_no_answer(theirs):
                continue
            if isinstance(theirs, Exception):
                ours, theirs = type(ours), type(theirs)
            if not alike(ours, theirs):
                self.assertEqual(ours, theirs, self.repro(seed, method))
            if method == "write":
                self.assert_equal_tables(seed)
        self.assertLess(refused, count * (1 - LEAST_ANSWERED))

    def assert_equal_tables(self, seed):
        for model in MODELS:
            ours, theirs = (
                sorted(map(repr, model.objects.using(alias).values_list(*VALUES[model])))
                for alias in (DEFAULT_DB_ALIAS, REFERENCE)
            )
            self.assertEqual(ours, theirs, f"{model.__name__} after write {seed}")

    def test_reads(self):
        self.compare("read", QUERIES)

    def test_writes(self):
        self.compare("write", QUERIES // 4)
