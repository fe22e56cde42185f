"""System checks of what a server refuses beyond CQL's rules, before it does: see guardrails.py.

They read settings and models, and connect to nothing."""

import itertools

from django.apps import apps
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from . import astra_options, guardrails, sequences
from .fields.table_options import table_options
from .keys import wanted_indexes
from .user_types import types_in

DEFAULT_CONSISTENCY = "LOCAL_QUORUM"
#: What Astra DB takes in CREATE TABLE; the rest it ignores, with a warning.
OPTIONS_OF_ASTRA = {"default_time_to_live", "comment", "extensions"}
_MIGRATIONS = 1  # tables that migrate makes for itself


def check_guardrails(app_configs=None, **kwargs) -> list:
    """What the databases of our aliases would refuse. Models of all apps count, because totals do."""
    from .checks import our_aliases

    return list(itertools.chain.from_iterable(map(_of_alias, our_aliases())))


def _of_alias(alias: str):
    settings_dict = connections.settings[alias]
    options = settings_dict.get("OPTIONS") or {}
    is_astra = astra_options.is_astra(settings_dict)
    try:
        limits = guardrails.read(options, is_astra=is_astra)
    except ImproperlyConfigured as error:
        yield checks.Error(f"Database {alias!r}: {error}", id="cassandra.E008")
        return
    yield from _consistency(alias, options, limits)
    models = _models_of(alias)
    for model in models:
        yield from _columns(model, limits)
        yield from _indexes(model, limits)
        if is_astra:
            yield from _table_options(model)
    yield from _types(alias, models, limits)
    yield from _totals(alias, models, limits)


def _models_of(alias: str) -> list:
    """Models whose tables migrate makes there."""
    return [
        model
        for config in apps.get_app_configs()
        for model in router.get_migratable_models(config, alias, include_auto_created=True)
        if model._meta.can_migrate(connections[alias])
    ]


def _consistency(alias: str, options: dict, limits):
    level = options.get("consistency") or DEFAULT_CONSISTENCY
    if level in (limits.refused_write_consistencies or ()):
        text = f'OPTIONS["consistency"] of {alias!r} is {level}, and the server refuses writes with that.'
        hint = f"Leave it out: {DEFAULT_CONSISTENCY} is the default. A single read can be given another one."
        yield checks.Error(text, hint, id="cassandra.E024")


def _columns(model, limits):
    count = len(model._meta.local_concrete_fields)
    if _over(count, limits.columns_per_table):
        yield _warning(
            f"{model._meta.label} has {count} columns, and the server takes {limits.columns_per_table} in a table.",
            "Move some to a model of their own, or into a JSONField or a user type.",
            "cassandra.W008",
            model,
        )


def _indexes(model, limits):
    wanted = wanted_indexes(model._meta)
    attached = [one.column for one in wanted if one.using is not None]
    plain = [one.column for one in wanted if one.using is None]
    if _over(len(attached), limits.sai_per_table):
        yield _warning(
            f"{model._meta.label} has {len(attached)} storage-attached indexes, and the server takes "
            f"{limits.sai_per_table} on a table: {', '.join(attached)}.",
            "Take db_index=False for those that no query needs; a ForeignKey has an index unless it says otherwise.",
            "cassandra.W009",
            model,
        )
    if _over(len(plain), limits.secondary_indexes_per_table):
        yield _warning(
            f"{model._meta.label} has {len(plain)} indexes of Cassandra's first kind, and the server takes "
            f"{limits.secondary_indexes_per_table} on a table: {', '.join(plain)}.",
            "Use StorageAttachedIndex, or column names of letters, digits and underscores.",
            "cassandra.W010",
            model,
        )


def _table_options(model):
    ignored = sorted(set(table_options(model._meta)) - OPTIONS_OF_ASTRA)
    if ignored:
        yield _warning(
            f"Astra DB ignores options of the table of {model._meta.label}: {', '.join(ignored)}.",
            f"It knows {', '.join(sorted(OPTIONS_OF_ASTRA))}. Elsewhere the others hold: silence this if they are for there.",
            "cassandra.W011",
            model,
        )


def _types(alias: str, models, limits):
    known = {
        one.type_name: (len(one.definition(connections[alias])), field)
        for model in models
        for field in model._meta.local_concrete_fields
        for one in types_in(field)
    }
    for name, (count, field) in known.items():
        if _over(count, limits.fields_per_udt):
            yield _warning(
                f"The user type {name!r} has {count} fields, and the server takes {limits.fields_per_udt}.",
                "Nest a second type in it, or use a JSONField.",
                "cassandra.W012",
                field,
            )


def _totals(alias: str, models, limits):
    attached = [one for m in models for one in wanted_indexes(m._meta) if one.using is not None]
    if _over(len(attached), limits.sai_total):
        yield _warning(
            f"The models of {alias!r} have {len(attached)} storage-attached indexes, and the server takes "
            f"{limits.sai_total} in the whole database.",
            "Take db_index=False for those that no query needs, or leave apps out of INSTALLED_APPS.",
            "cassandra.W013",
        )
    tables = len(models) + _MIGRATIONS + any(m._meta.auto_field is not None for m in models)
    if _over(tables, limits.tables):
        yield _warning(
            f"The models of {alias!r} have {tables} tables, {sequences.TABLE} and django_migrations among them, and the server "
            f"takes {limits.tables} in the whole database.",
            "Leave apps out of INSTALLED_APPS, or use a second database.",
            "cassandra.W014",
        )


def _over(count: int, limit: int | None) -> bool:
    return limit is not None and count > limit


def _warning(text: str, hint: str, number: str, obj=None):
    more = " OPTIONS['guardrails'] changes the limit." if number != "cassandra.W011" else ""
    return checks.Warning(text, hint + more, obj, number)
