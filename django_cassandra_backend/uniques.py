"""What has to be unique beside the primary key, and the tables of claims that keep it so. docs: topics/guarantees

Each constraint has a table with one row for each value that a row of the model's table holds:

    CREATE TABLE auth_user_username_6821ab7c_uniq (value blob PRIMARY KEY, owner_0 bigint, claim uuid, claimed timestamp)

`value`: what is unique, as bytes.    `owner_…`: the key of the row that holds it.
`claim`: its own token, new each time.    `claimed`: when."""

import datetime
import decimal
import functools
import struct
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from django.db import models
from django.db.backends.utils import names_digest
from django.db.models.expressions import OrderBy
from django.db.models.sql import Query

from . import names
from .fields import PhysicalKey
from .literals import literal

_SUFFIX = "_uniq"
_DIGEST = 8  # characters


@dataclass(frozen=True)
class Unique:
    """A constraint.    model: whose.    name: its own, or what Django would call it.
    table: of its claims.    columns: of the row, on which the value depends.
    simple: is it unique what the columns hold, in all rows? Then a claim finds the row
    of(row): the value of a row, {column: database value}, as bytes; None when it needs no claim"""

    model: type[models.Model]
    name: str
    table: str
    columns: tuple[str, ...]
    simple: bool
    of: Callable[[dict], bytes | None]

    def shown(self, row: dict) -> str:
        """The columns of a row, for people."""
        return ", ".join(f"{column} = {literal(row.get(column))}" for column in self.columns)


@dataclass(frozen=True)
class Declared:
    """A uniqueness as a model declares it.    what: it, for people.    source: the field, the model or the constraint."""

    what: str
    source: object
    fields: tuple[str, ...]  # names; of an expression none
    constraint: models.UniqueConstraint | None = None
    is_key: bool = False  # the pk itself, which several rows of the table could hold

    @property
    def is_simple(self) -> bool:
        """Is it about columns alone, in all rows?"""
        one = self.constraint
        return one is None or not (one.expressions or one.condition)

    def is_implied(self, meta) -> bool:
        """Does it hold because the primary key is among the fields?"""
        pk_names = {field.name for field in getattr(meta, "pk_fields", None) or [meta.pk]}
        return not self.is_key and bool(self.fields) and set(self.fields) >= pk_names


def declared(meta, constraints=None) -> list[Declared]:
    """Each uniqueness of a model's own table that its primary key does not imply. `constraints`: in the place of Meta's."""
    found = [
        Declared(f"unique=True of {meta.label}.{field.name}", field, (field.name,))
        for field in meta.local_concrete_fields
        if field.unique and field.column is not None
    ]
    if (key := _claimed_key(meta)) is not None:
        found.append(Declared(f"The primary key of {meta.label}", key, (key.name,), is_key=True))
    found += [
        Declared(f"unique_together ({', '.join(group)}) of {meta.label}", meta.model, tuple(group))
        for group in meta.unique_together
    ]
    found += [
        Declared(f"The constraint {one.name!r} of {meta.label}", meta.model, tuple(one.fields), one)
        for one in (meta.constraints if constraints is None else constraints)
        if isinstance(one, models.UniqueConstraint) and _is_kept(one)
    ]
    return [one for one in found if not one.is_implied(meta)]


def _claimed_key(meta):
    """The pk beside a PhysicalKey, if its values are not made to be unique as ids and UUIDs are."""
    if not any(isinstance(field, PhysicalKey) for field in meta.local_fields):
        return None
    pk = meta.pk
    if pk.column is None:  # a check has refused it
        return None
    while pk.remote_field is not None:
        pk = pk.target_field
    return None if isinstance(pk, (models.UUIDField, models.AutoField)) else meta.pk


def _is_kept(one: models.UniqueConstraint) -> bool:
    """Django's checks warn of the others, and say that they are not created (models.W038, W039, W040)."""
    return not (one.deferrable or one.include or one.opclasses)


def simple_uniques(meta) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(table of claims, columns) of those that find a row by what its columns hold."""
    return tuple(
        sorted(
            (table_of(meta, one), _columns(meta, one)) for one in declared(meta) if one.is_simple
        )
    )


# --- of a model -----------------------------------------------------------------------------------

_cache: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # model: {alias: uniques}


def uniques_of(model, connection) -> tuple[Unique, ...]:
    """The constraints of a model's table, in the order in which all writers claim."""
    by_alias = _cache.get(model)
    if by_alias is None:
        by_alias = _cache[model] = {}
    found = by_alias.get(connection.alias)
    if found is None:
        made = (unique(model, one, connection) for one in declared(model._meta))
        found = by_alias[connection.alias] = tuple(sorted(made, key=lambda u: u.table))
    return found


def unique(model, one: Declared, connection) -> Unique:
    """What keeps a declared uniqueness."""
    if not one.is_simple:
        return _computed(model, one, connection)
    columns = _columns(model._meta, one)
    distinct = _nulls_are_distinct(one)
    return Unique(
        model,
        _name(model, one),
        table_of(model._meta, one),
        columns,
        simple=True,
        of=lambda row: value_of([row[column] for column in columns], distinct),
    )


def _computed(model, one: Declared, connection) -> Unique:
    """A constraint with expressions or a condition, computed on our side."""
    from .evaluate import Evaluator
    from .lookups import PredicateBuilder

    constraint, query = one.constraint, Query(model)
    evaluator = Evaluator(connection, query.get_initial_alias())
    terms = [models.F(name) for name in one.fields] + [
        term.expression if isinstance(term, OrderBy) else term for term in constraint.expressions
    ]
    exprs = [evaluator.expression(term.resolve_expression(query)) for term in terms]
    columns = set().union(*(expr.columns for expr in exprs))
    holds = None
    if constraint.condition is not None:
        predicate = PredicateBuilder(evaluator).build(query.build_where(constraint.condition))
        columns |= predicate.columns
    columns = tuple(sorted(columns))
    index = {column: i for i, column in enumerate(columns)}
    if constraint.condition is not None:
        holds = predicate.bind(index)
    getters, distinct = [expr.bind(index) for expr in exprs], _nulls_are_distinct(one)

    def of(row: dict) -> bytes | None:
        values = tuple(row[column] for column in columns)
        if holds is not None and holds(values) is not True:
            return None
        return value_of([get(values) for get in getters], distinct)

    return Unique(
        model, _name(model, one), table_of(model._meta, one), columns, simple=False, of=of
    )


def _nulls_are_distinct(one: Declared) -> bool:
    return one.constraint is None or one.constraint.nulls_distinct is not False


def _identity(meta, one: Declared) -> tuple[str, ...]:
    """What tells a constraint from the others of its table."""
    return _columns(meta, one) if one.constraint is None else (one.constraint.name,)


def _columns(meta, one: Declared) -> tuple[str, ...]:
    return tuple(meta.get_field(name).column for name in one.fields)


def _name(model, one: Declared) -> str:
    if one.constraint is not None:
        return one.constraint.name
    return "_".join((model._meta.db_table, *_identity(model._meta, one), "uniq"))


# --- tables of claims -----------------------------------------------------------------------------


def table_of(meta, one: Declared) -> str:
    """The CQL name of the table of claims of a constraint. The digest keeps it from being any other table's name."""
    parts = (meta.db_table, *_identity(meta, one))
    digest, readable = names_digest(*parts, length=_DIGEST), names.encode("_".join(parts))
    return f"{readable[: names.MAX_LENGTH - _DIGEST - 1 - len(_SUFFIX)]}_{digest}{_SUFFIX}"


#: Of a table of claims, so that it is not taken for a model's.
COMMENT = "django_cassandra_backend: claims of unique values"


def owner_columns(key) -> tuple[str, ...]:
    """The columns of a TableKey that tell who holds a value: beside a PhysicalKey, whose columns change, the pk."""
    return (key.lookup,) if key.lookup is not None else key.columns


def owner_names(key) -> tuple[str, ...]:
    """The same, as a table of claims names them."""
    return tuple(f"owner_{i}" for i in range(len(owner_columns(key))))


# --- values ---------------------------------------------------------------------------------------


def value_of(values: list, nulls_are_distinct: bool) -> bytes | None:
    """Values as bytes: the same bytes for equal values, and for no others. Each has a tag, its length, and what it is."""
    if nulls_are_distinct and None in values:
        return None
    parts = []
    for value in values:
        tag, content = _tagger(type(value))(value)
        parts.append(tag + struct.pack(">I", len(content)) + content)
    return b"".join(parts)


def _integer(value: int) -> tuple[bytes, bytes]:
    return b"i", value.to_bytes((value.bit_length() + 8) // 8, "big", signed=True)


def _decimal(value: decimal.Decimal) -> tuple[bytes, bytes]:
    """1.0 and 1.00 are one value."""
    sign, digits, exponent = value.as_tuple()
    while len(digits) > 1 and digits[-1] == 0:
        digits, exponent = digits[:-1], exponent + 1
    if digits == (0,):
        sign = exponent = 0
    number = "".join(map(str, digits))
    return b"d", f"{'-' if sign else ''}{number}e{exponent}".encode()


def _other(value) -> tuple[bytes, bytes]:
    """Whatever a column can hold besides: as CQL writes it."""
    return b"o", literal(value).encode()


@functools.cache
def _tagger(kind: type) -> Callable:
    """For values of a type: what a subclass holds is what its base would hold."""
    return next((_TAGGED[base] for base in kind.__mro__ if base in _TAGGED), _other)


_TAGGED: dict[type, Callable] = {
    type(None): lambda value: (b"n", b""),
    bool: lambda value: (b"b", b"\x01" if value else b"\x00"),
    int: _integer,
    float: lambda value: (b"f", struct.pack(">d", value + 0.0)),  # -0.0 is 0.0
    decimal.Decimal: _decimal,
    str: lambda value: (b"t", value.encode("utf-8", "surrogatepass")),
    **dict.fromkeys((bytes, bytearray, memoryview), lambda value: (b"x", bytes(value))),
    uuid.UUID: lambda value: (b"u", value.bytes),
    datetime.datetime: lambda value: (b"m", _milliseconds(value)),
}


def _milliseconds(value: datetime.datetime) -> bytes:
    """As a timestamp holds it, in whatever time zone it comes."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return struct.pack(">q", (value - _EPOCH) // datetime.timedelta(milliseconds=1))


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
