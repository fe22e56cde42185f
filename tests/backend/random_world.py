"""The models that random queries ask for, the values that their columns may have, and random rows of them."""

import datetime
import decimal
import random
import uuid
from dataclasses import dataclass

from bookings import models as bookings
from django.db import models

from django_cassandra_backend.keys import table_key

ROWS = 14  # of a table, at most

UTC = datetime.timezone.utc
DATES = [datetime.date(2026, month, day) for month in (1, 2, 12) for day in (1, 14, 28)]
# Pairs that only case, a wildcard or a blank tells apart; no letter outside ASCII that has a case, since SQLite's own
# functions change none of these.
TEXTS = ["", "a", "a\nb", "B", "b", "ab", "Ab", "aB ", "b%", "a_", "日", "x'y", 'a"', "1", "\\"]
#: kind of a value: values of it
VALUES = {
    "int": [*range(-2, 6), 40],
    "text": TEXTS,
    "decimal": [decimal.Decimal(cents) / 100 for cents in (*range(-200, 300, 35), 1234567)],
    "float": [-1.5, 0.0, 0.1, 0.25, 2.0, 3.75, 1e6],
    "date": DATES,
    "datetime": [
        datetime.datetime(2026, month, day, hour, 30, second, milli * 1000, tzinfo=UTC)
        for month, day in ((1, 1), (1, 31), (7, 15))
        for hour, second, milli in ((0, 0, 0), (11, 59, 125), (23, 1, 0))
    ],
    "time": [
        datetime.time(0, 0),
        datetime.time(9, 30),
        datetime.time(9, 30, 1),
        datetime.time(23, 59, 59),
    ],
    "duration": [
        datetime.timedelta(0),
        datetime.timedelta(seconds=90),
        datetime.timedelta(days=1),
        datetime.timedelta(days=-1, seconds=5),
    ],
    "bool": [False, True],
    "uuid": [uuid.UUID(int=n * 977**11 % 2**128, version=4) for n in range(1, 13)],
    "json": [
        {"a": 1, "b": "x"},
        {"a": None},
        {"a": [1, 2, {"c": "x"}], "b": {"c": True}},
        {"b": {"c": 1.5}, "a": "1"},
        {"a": False, "b": "X"},
        {},
        [],
        [1, "x", None],
        "x",
        5,
        1.5,
        True,
    ],
}
KINDS = {
    models.IntegerField: "int",
    models.AutoField: "int",
    models.CharField: "text",
    models.TextField: "text",
    models.DecimalField: "decimal",
    models.FloatField: "float",
    models.DateTimeField: "datetime",
    models.DateField: "date",
    models.TimeField: "time",
    models.DurationField: "duration",
    models.BooleanField: "bool",
    models.UUIDField: "uuid",
    models.JSONField: "json",
}
#: Columns of keys: few values, so that rows meet.
OWN_VALUES = {
    "show": ["x", "y", "Z"],
    "row": [0, 1, 2],
    "number": [0, 1, 2],
    "holder": ["a", "b"],
    "blog": ["x", "y"],
    "day": DATES[:3],
    "city": ["Oslo", "Rome"],
    "code": ["a", "b", "c", "D"],
}


@dataclass
class Field:
    name: str
    kind: str
    null: bool
    values: list
    key: bool  # of the primary key, or unique
    field: models.Field


@dataclass
class Relation:
    name: str
    target: str
    many: bool
    attribute: str  # of an instance


@dataclass
class Table:
    """What queries may say of a model."""

    model: type[models.Model]
    fields: list[Field]
    relations: list[Relation]
    pk: list[str]
    key: list[str]  # of the rows: first a column of its partition

    @property
    def composite(self) -> bool:
        return len(self.pk) > 1

    @property
    def name(self) -> str:
        return self.model.__name__


MODELS = [
    bookings.Author,
    bookings.Book,
    bookings.Article,
    bookings.Keyword,
    bookings.Article.keywords.through,
    bookings.Writer,
    bookings.Credit,
    bookings.Pupil,
    bookings.Pupil.friends.through,
    bookings.Prefect,
    bookings.Profile,
    bookings.Label,
    bookings.Sticker,
    bookings.Meeting,
    bookings.Invitation,
    bookings.Seat,
    bookings.Ticket,
    bookings.Entry,
    bookings.Party,
    bookings.Part,
]


def _values(field) -> list:
    """The values of a column: of a reference the keys that there are, and one that there is not."""
    if field.remote_field:
        target = field.target_field
        return (
            _values(target)
            if target.unique and not target.primary_key
            else [*_values(target)[:6], _values(target)[-1]]
        )
    if field.primary_key:
        return VALUES["uuid"] if isinstance(field, models.UUIDField) else list(range(1, ROWS + 1))
    return OWN_VALUES.get(field.name) or VALUES[kind_of(field)]


def kind_of(field) -> str:
    while field.remote_field:
        field = field.target_field
    return next(KINDS[cls] for cls in type(field).__mro__ if cls in KINDS)


def _table(model) -> Table:
    meta = model._meta
    pk = [field.name for field in meta.pk_fields]
    attnames = {f.column: f.attname for f in meta.concrete_fields}
    key = [attnames[column] for column in table_key(model).columns]
    fields = [
        Field(f.attname, kind_of(f), f.null, _values(f), f.name in pk or f.unique, f)
        for f in meta.concrete_fields
        if f.column is not None and not f.many_to_many
    ]
    relations = [
        Relation(
            f.name,
            f.related_model.__name__,
            bool(f.one_to_many or f.many_to_many),
            f.get_accessor_name() if f.auto_created and not f.concrete else f.name,
        )
        for f in meta.get_fields()
        if f.is_relation and f.related_model in MODELS and not getattr(f, "hidden", False)
    ]
    return Table(model, fields, relations, pk, key)


TABLES = {model.__name__: _table(model) for model in MODELS}
#: Those that a query starts from.
STARTS = [name for name, table in TABLES.items() if not table.model._meta.auto_created]


def reads(words, tables) -> set[str]:
    """The tables that paths among these words may read, from any of the tables; more than they do, if anything."""
    found = set(tables)
    for word in words:
        for name in tables:
            for step in word.split("__"):
                target = {r.name: r.target for r in TABLES[name].relations}.get(step)
                if target is None:
                    break
                found.add(target)
                name = target
    return found


class World:
    """Random rows of all tables, the same for the same number."""

    def __init__(self, number: int):
        self.random = random.Random(f"world {number}")
        self.rows = {model: self._rows(model) for model in MODELS}

    def _rows(self, model) -> list[dict]:
        found = {}
        for i in range(1, self.random.randint(6, ROWS) + 1):
            row = {
                field.attname: self._value(field, i)
                for field in model._meta.local_concrete_fields
                if field.column is not None
            }
            pk = tuple(row[field.attname] for field in model._meta.pk_fields)
            found[pk] = row
        return self._unique(model, list(found.values()))

    def _value(self, field, i: int):
        values = _values(field)
        if field.primary_key:
            return values[(i - 1) % len(values)]
        if field.null and self.random.random() < 0.25:
            return None
        return self.random.choice(values)

    def _unique(self, model, rows: list[dict]) -> list[dict]:
        """Without those in which a unique value comes again."""
        groups = [(f.attname,) for f in model._meta.local_concrete_fields if f.unique]
        for names in model._meta.unique_together:
            groups.append(tuple(model._meta.get_field(name).attname for name in names))
        for names in groups:
            seen, left = set(), []
            for row in rows:
                values = tuple(row[name] for name in names)
                if None in values or values not in seen:
                    left.append(row)
                seen.add(values)
            rows = left
        return rows
