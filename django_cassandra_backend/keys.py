"""The physical side of a model: the key of its table, and its indexes."""

import functools
import weakref
from dataclasses import dataclass

from django.db import models

from . import names
from .fields import PhysicalKey


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


def indexed_fields(meta) -> list:
    """Fields whose column has an index, in the model's order."""
    return [field for field in meta.local_concrete_fields if wants_index(meta, field)]


def wants_index(meta, field) -> bool:
    """Is the field's column to have an index? The field may be one that is about to take its place in the model."""
    partition, _, _ = key_fields(meta)
    if len(partition) == 1 and field.name == partition[0].name:
        return False  # the key itself; Cassandra refuses an index on it
    named = any(
        field.name in _index_names(index) for index in meta.indexes if not index.expressions
    )
    return field.db_index or named or (field.primary_key and physical_key(meta) is not None)


def _index_names(index) -> list[str]:
    return [name for name, _ in index.fields_orders]


def _read(meta) -> TableKey:
    partition, clustering, descending = key_fields(meta)
    indexed = indexed_fields(meta)
    pk_fields = meta.pk.fields if isinstance(meta.pk, models.CompositePrimaryKey) else [meta.pk]
    return TableKey(
        table=names.encode(meta.db_table),
        partition=tuple(field.column for field in partition),
        clustering=tuple(
            (field.column, flag) for field, flag in zip(clustering, descending, strict=True)
        ),
        pk=tuple(field.column for field in pk_fields),
        lookup=meta.pk.column if physical_key(meta) is not None else None,
        indexed=frozenset(field.column for field in indexed),
        attached=frozenset(field.column for field in indexed if names.is_plain(field.column)),
        ranged=frozenset(field.column for field in indexed if can_be_ranged(field)),
    )


def can_be_ranged(field) -> bool:
    """Would the index that indexes.statement() makes for the field answer < and >?"""
    column = field.column
    while field.remote_field is not None:
        field = field.target_field
    return isinstance(field, _RANGED) and names.is_plain(column)
