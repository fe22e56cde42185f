"""Rows whose foreign key points at no row."""

from django.apps import apps
from django.db import IntegrityError, router


def find(connection, table_names=None) -> None:
    """Raise IntegrityError for the first orphan of these tables; of all tables when None."""
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if (
            meta.proxy
            or not meta.managed
            or not router.allow_migrate_model(connection.alias, model)
        ):
            continue
        if table_names is not None and meta.db_table not in table_names:
            continue
        for field in meta.local_concrete_fields:
            if (
                field.remote_field is not None
                and field.db_constraint
                and len(field.foreign_related_fields) == 1
            ):
                _check(connection, model, field)


def _check(connection, model, field) -> None:
    rows = model._base_manager.using(connection.alias).exclude(**{field.name: None})
    known: dict[object, bool] = {}
    target = field.target_field
    parents = target.model._base_manager.using(connection.alias)
    for pk, value in rows.values_list("pk", field.attname).iterator():
        if value not in known:
            known[value] = parents.filter(**{target.attname: value}).exists()
        if not known[value]:
            raise IntegrityError(
                f"The row in table {model._meta.db_table!r} with primary key {pk!r} has an invalid foreign key: "
                f"{field.column!r} contains a value {value!r} that does not have a corresponding value in "
                f"{target.model._meta.db_table}.{target.column}."
            )
