"""The physical side of a model: the key of its table, and its indexes."""

import functools
import weakref
from dataclasses import dataclass

from django.db import models

from . import names, uniques
from .fields import CounterField, ListField, MapField, PhysicalKey, SetField, VectorField
from .fields.static import is_static
from .index_classes import ColumnIndex


@dataclass(frozen=True)
class TableKey:
    """Column names, in the order of the PRIMARY KEY."""

    table: str
    partition: tuple[str, ...]
    clustering: tuple[tuple[str, bool], ...]  # (column, descending)
    pk: tuple[str, ...]  # the columns of Django's pk
    lookup: str | None  # the pk's column when an index finds it: beside a PhysicalKey
    indexed: frozenset[str]
    attached: frozenset[str]  # those of them whose index is storage-attached
    ranged: frozenset[str]  # indexed columns whose index answers < and > as well
    vectors: frozenset[str]  # columns whose index finds the nearest of a vector
    contained: frozenset[tuple[str, str]]  # (column, target) of indexes on collections
    elements: frozenset[tuple[str, str]]  # those of them that are storage-attached
    static: frozenset[str]  # columns with one value for a whole partition
    counters: frozenset[str]  # columns that are only added to; then all are, but the key
    claims: tuple[tuple[str, tuple[str, ...]], ...]  # (table of claims, columns) that find one row

    @functools.cached_property
    def columns(self) -> tuple[str, ...]:
        return self.partition + tuple(column for column, _ in self.clustering)


#: Types that a storage-attached index keeps in order.
_RANGED = (
    models.IntegerField,
    models.FloatField,
    models.DecimalField,
    models.DateField,
    models.TimeField,
    models.DurationField,
)
_cache: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()


def table_key(model) -> TableKey:
    """The key of a model's table."""
    key = _cache.get(model)
    if key is None:
        key = _cache[model] = _read(model._meta)
    return key


def physical_key(meta) -> PhysicalKey | None:
    """The model's PhysicalKey field, if it has one."""
    return next((field for field in meta.local_fields if isinstance(field, PhysicalKey)), None)


def key_fields(meta) -> tuple[list, list, list[bool]]:
    """(partition fields, clustering fields, their descending flags) of the table."""
    if (physical := physical_key(meta)) is not None:
        found = [meta.get_field(name) for name in physical.field_names]
        clustering = [*found[physical.partition :], meta.pk]
        return found[: physical.partition], clustering, [*physical.descending, False]
    if isinstance(meta.pk, models.CompositePrimaryKey):
        found = [meta.get_field(name) for name in meta.pk.field_names]
        count = getattr(meta.pk, "partition", 1)  # Django's own class: the first column partitions
        descending = list(getattr(meta.pk, "descending", [False] * (len(found) - count)))
        return found[:count], found[count:], descending
    return [meta.pk], [], []


@dataclass(frozen=True)
class WantedIndex:
    """An index that the model asks for, on one column."""

    field: models.Field
    target: str  # "" for the column's value; "values", "keys", "entries", "full" of a collection
    name: str | None  # None: made of the table's and the column's
    using: str | None  # the class behind USING; None: a plain secondary index
    options: tuple[tuple[str, str], ...] = ()

    @property
    def column(self) -> str:
        return self.field.column


def wanted_indexes(meta) -> list[WantedIndex]:
    """One index per column and target, however many declarations ask for it; a name wins over none."""
    wanted: dict[tuple[str, str], WantedIndex] = {}
    for index in meta.indexes:
        if not index.expressions:
            for one in declared_columns(meta, index):
                wanted.setdefault((one.column, one.target), one)
    for field in meta.local_concrete_fields:
        if field.db_index or (field.primary_key and physical_key(meta) is not None):
            one = wanted_by_default(field)
            wanted.setdefault((one.column, one.target), one)
    return [one for one in wanted.values() if not _is_whole_key(meta, one.field)]


def wanted_of_field(meta, field) -> list[WantedIndex]:
    """Those on one field, which may be one that is about to take its place in the model."""
    if _is_whole_key(meta, field):
        return []
    found = {}
    for index in meta.indexes:
        if not index.expressions and field.name in {name for name, _ in index.fields_orders}:
            for one in declared_columns(meta, index, {field.name: field}):
                if one.field is field:
                    found.setdefault(one.target, one)
    if field.db_index or (field.primary_key and physical_key(meta) is not None):
        one = wanted_by_default(field)
        found.setdefault(one.target, one)
    return list(found.values())


def wanted_by_default(field) -> WantedIndex:
    """The index that db_index=True means."""
    return WantedIndex(field, default_target(field), None, default_using(field))


def _is_whole_key(meta, field) -> bool:
    """Is the field the partition key by itself? Cassandra refuses an index on it."""
    partition, _, _ = key_fields(meta)
    return len(partition) == 1 and field.name == partition[0].name


def declared_columns(meta, index, instead=None) -> list[WantedIndex]:
    """What an index of Meta.indexes asks for, column by column: CQL has no index of several.

    instead: fields by name that stand for the model's own."""
    instead = instead or {}
    fields = [instead.get(name) or meta.get_field(name) for name, _ in index.fields_orders]
    if isinstance(index, ColumnIndex):
        (field,) = fields
        target = index.on or default_target(field)
        options = tuple(sorted(index.options.items()))
        name = index.db_name or index.name
        return [WantedIndex(field, target, name, index.using, options)]
    found = zip(fields, names.numbered(index.name, len(fields)), strict=True)
    return [WantedIndex(f, default_target(f), name, default_using(f)) for f, name in found]


def default_target(field) -> str:
    """What an index on the field is on when nothing else is said."""
    if not isinstance(field, (ListField, SetField, MapField)):
        return ""
    return "values" if field.is_multicell else "full"


def default_using(field) -> str | None:
    """Storage-attached, unless the column's name or type is not for it."""
    if not names.is_plain(field.column) or default_target(field) == "full":
        return None
    return "sai"


def _read(meta) -> TableKey:
    partition, clustering, descending = key_fields(meta)
    wanted = wanted_indexes(meta)
    indexed = [
        one
        for one in wanted
        if one.target in ("", "full") and not isinstance(one.field, VectorField)
    ]
    pk_fields = meta.pk.fields if isinstance(meta.pk, models.CompositePrimaryKey) else [meta.pk]
    return TableKey(
        table=names.encode(meta.db_table),
        partition=tuple(field.column for field in partition),
        clustering=tuple(
            (field.column, flag) for field, flag in zip(clustering, descending, strict=True)
        ),
        pk=tuple(field.column for field in pk_fields),
        lookup=meta.pk.column if physical_key(meta) is not None else None,
        indexed=frozenset(one.column for one in indexed),
        attached=frozenset(one.column for one in indexed if one.using is not None),
        ranged=frozenset(one.column for one in indexed if _is_ranged(one)),
        vectors=frozenset(
            one.column
            for one in wanted
            if isinstance(one.field, VectorField) and one.using is not None
        ),
        contained=frozenset((one.column, one.target) for one in wanted if one.target),
        elements=frozenset(
            (one.column, one.target) for one in wanted if one.target and one.using is not None
        ),
        static=frozenset(field.column for field in meta.local_concrete_fields if is_static(field)),
        counters=frozenset(
            field.column for field in meta.local_concrete_fields if isinstance(field, CounterField)
        ),
        claims=uniques.simple_uniques(meta),
    )


def can_be_ranged(field) -> bool:
    """Would the index that db_index=True makes for the field answer < and >?"""
    return _is_ranged(wanted_by_default(field))


def _is_ranged(index: WantedIndex) -> bool:
    """Does the index answer < and >?"""
    field = index.field
    while field.remote_field is not None:
        field = field.target_field
    return isinstance(field, _RANGED) and index.using is not None
