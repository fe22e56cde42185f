"""Rows whose foreign key points at no row.

A table is read once, for all of its foreign keys. The rows that they name are looked up a batch at a time, side by
side, and each of them once as long as MOST_KNOWN values are held in mind."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import IntegrityError, router

BATCH = 1_000  # rows whose references are looked up together
MOST_KNOWN = 100_000  # values of one foreign key of which it is known whether a row has them


@dataclass(frozen=True)
class Orphan:
    """`field` of the row with this primary key has a value that no row of the table that it points at has."""

    field: object
    pk: object
    value: object

    def __str__(self) -> str:
        target = self.field.target_field
        return (
            f"The row in table {self.field.model._meta.db_table!r} with primary key {self.pk!r} has an invalid foreign key: "
            f"{self.field.column!r} contains a value {self.value!r} that does not have a corresponding value in "
            f"{target.model._meta.db_table}.{target.column}."
        )


def find(connection, table_names=None) -> None:
    """Raise IntegrityError for the first orphan of these tables; of all tables when None."""
    for model in models_with_tables(connection):
        if table_names is None or model._meta.db_table in table_names:
            for orphan in orphans_of(connection, model):
                raise IntegrityError(str(orphan))


def models_with_tables(connection) -> Iterator[type]:
    """The models that have a table of their own in this database, those between the two of a many-to-many as well."""
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.managed and not meta.proxy and _is_here(connection, model):
            yield model


def references_of(connection, model) -> list:
    """The foreign keys of a model that promise a row of this database."""
    return [
        field
        for field in model._meta.local_concrete_fields
        if field.remote_field is not None
        and field.db_constraint
        and len(field.foreign_related_fields) == 1
        and _is_here(connection, field.target_field.model)
    ]


def orphans_of(
    connection, model, seen: Callable[[int], None] = lambda rows: None
) -> Iterator[Orphan]:
    """The orphans of one table, in the order of its rows. seen() is told how many rows a batch had."""
    fields = references_of(connection, model)
    if not fields:
        return
    rows = model._base_manager.using(connection.alias).order_by()
    rows = rows.values_list("pk", *(field.attname for field in fields)).iterator()
    parents = [_Parents(connection, field) for field in fields]
    while batch := list(itertools.islice(rows, BATCH)):
        missing = [one.missing({row[i] for row in batch}) for i, one in enumerate(parents, 1)]
        for row in batch:
            for field, value, gone in zip(fields, row[1:], missing, strict=True):
                if value in gone:
                    yield Orphan(field, row[0], value)
        seen(len(batch))


class _Parents:
    """The rows that one foreign key may point at."""

    def __init__(self, connection, field):
        target = field.target_field
        self.name = target.attname
        self.rows = target.model._base_manager.using(connection.alias).order_by()
        self.known: dict[object, bool] = {}  # value: has a row it?

    def missing(self, values: set) -> set:
        """Those of the values that no row has."""
        wanted = {value for value in values if value is not None}
        if len(self.known) > MOST_KNOWN:
            self.known.clear()
        if asked := wanted - self.known.keys():
            rows = self.rows.filter(**{f"{self.name}__in": asked})
            found = set(rows.values_list(self.name, flat=True))
            self.known |= {value: value in found for value in asked}
        return {value for value in wanted if not self.known[value]}


def _is_here(connection, model) -> bool:
    return router.allow_migrate_model(connection.alias, model)
