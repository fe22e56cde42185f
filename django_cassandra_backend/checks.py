"""System checks. Ids: cassandra.E… stop migrate and runserver, cassandra.W… and I… inform once."""

from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks
from django.db import NotSupportedError, connections, router
from django.db.models import DateTimeField
from django.db.models.constants import LOOKUP_SEP

from . import check_constraints, uniques
from .keys import key_fields
from .kinds import TEXT_FIELDS, stored_field
from .user_types import types_in


def our_aliases() -> list[str]:
    """Aliases whose ENGINE is this backend."""
    return [
        alias
        for alias in connections
        if connections.settings[alias]["ENGINE"] == "django_cassandra_backend"
    ]


def _models(app_configs):
    """Models that are written to one of our databases."""
    aliases = set(our_aliases())
    for config in app_configs if app_configs is not None else apps.get_app_configs():
        for model in config.get_models(include_auto_created=True):
            meta = model._meta
            if (
                meta.managed
                and not meta.proxy
                and not meta.swapped
                and router.db_for_write(model) in aliases
            ):
                yield model


def check_models(app_configs=None, **kwargs) -> list:
    """Uniqueness that nothing would keep, and settings that name no model."""
    models = list(_models(app_configs))
    errors = [
        error
        for model in models
        for error in (
            *unique_errors(model),
            *check_errors(model),
            *empty_key_warnings(model),
            *expression_index_warnings(model),
            *ordering_errors(model),
        )
    ]
    return errors + user_type_errors(models) + plain_model_errors()


def empty_key_warnings(model) -> list:
    """cassandra.W004 for text that may be blank where an empty string is no key."""
    partition, _, _ = key_fields(model._meta)
    field = partition[0]
    if len(partition) > 1 or not field.blank or not isinstance(stored_field(field), TEXT_FIELDS):
        return []
    text = f"{field.name!r} may be blank, and is the partition key by itself: Cassandra has no empty one."
    return [checks.Warning(text, "Remove blank=True.", field, "cassandra.W004")]


def expression_index_warnings(model) -> list:
    """cassandra.W020 for each index on expressions, which CQL does not have."""
    return [
        checks.Warning(
            f"The index {index.name!r} of {model._meta.label} is on an expression, and is not made.",
            "Keep what is asked for in a column of its own, and index that.",
            model,
            "cassandra.W020",
        )
        for index in model._meta.indexes
        if index.contains_expressions
    ]


def ordering_errors(model) -> list:
    """cassandra.E030 for a default order that goes over a relation: each query of the model would be a join."""
    errors = []
    for name in model._meta.ordering:
        path = name.lstrip("-").split(LOOKUP_SEP) if isinstance(name, str) else []
        field = next(
            (f for f in model._meta.local_concrete_fields if path and f.name == path[0]), None
        )
        if field is None or field.remote_field is None:
            continue
        if len(path) > 1 or field.remote_field.model._meta.ordering:
            text = f"The default order of {model._meta.label}, {name!r}, goes over a relation, and joins are not built yet."
            hint = "Order by columns of its own, or leave the app out of INSTALLED_APPS."
            errors.append(checks.Error(text, hint, model, "cassandra.E030"))
    return errors


def user_type_errors(models) -> list:
    """cassandra.E016 for each field that describes a user type otherwise than a field before it."""
    errors, known = [], {}
    for model in models:
        connection = connections[router.db_for_write(model)]
        for field in model._meta.local_concrete_fields:
            for one in types_in(field):
                place = (connection.alias, one.type_name)
                definition = one.definition(connection)
                first, wanted = known.setdefault(place, (field, definition))
                if definition != wanted:
                    text = (
                        f"{field} describes the type {one.type_name!r} otherwise than {first} does."
                    )
                    hint = "All fields with a type have the same fields in it, in the same order."
                    errors.append(checks.Error(text, hint, field, "cassandra.E016"))
    return errors


def plain_model_errors() -> list:
    """cassandra.E007 for each label in OPTIONS["plain_models"] that is no model's."""
    known = {model._meta.label_lower for model in apps.get_models(include_auto_created=True)}
    errors = []
    for alias in our_aliases():
        labels = (connections.settings[alias].get("OPTIONS") or {}).get("plain_models", ())
        for label in labels:
            if label.lower() not in known:
                text = f'OPTIONS["plain_models"] of {alias!r} names {label!r}, which is no model.'
                hint = 'Write "app_label.ModelName".'
                errors.append(checks.Error(text, hint, id="cassandra.E007"))
    return errors


def unique_errors(model) -> list:
    """cassandra.E003 for each uniqueness that cannot be kept: of a table that is written plainly, or of what cannot be
    computed on our side."""
    errors, connection = [], connections[router.db_for_write(model)]
    for one in uniques.declared(model._meta):
        try:
            uniques.unique(model, one, connection)
        except NotSupportedError as refusal:
            why, hint = (
                str(refusal),
                "Use columns, or expressions that can be computed from one row.",
            )
        else:
            if not connection.settings.is_plain(model):
                continue
            why = "Its table is written in plain mode, where writers do not see each other."
            hint = 'Take it out of OPTIONS["plain_models"], or drop the constraint.'
        errors.append(
            checks.Error(f"{one.what} cannot be kept. {why}", hint, one.source, "cassandra.E003")
        )
    return errors


def check_errors(model) -> list:
    """cassandra.E018 for each constraint that could not be evaluated before a write."""
    connection = connections[router.db_for_write(model)]
    hint = "Compare columns of the row with values or with each other; else drop it, and look at the value in save()."
    return [
        checks.Error(text, hint, model, "cassandra.E018")
        for text in check_constraints.problems(model, connection)
    ]


def check_settings(databases=None, **kwargs) -> list:
    """What a project has to know once: `manage.py check --database ALIAS`, and migrate, say it."""
    ours = [alias for alias in our_aliases() if alias in (databases or ())]
    messages = []
    for alias in ours:
        if connections.settings[alias].get("TIME_ZONE"):
            text = f"TIME_ZONE of the database {alias!r} has no effect."
            hint = (
                "Remove it: a timestamp is a moment, and settings.TIME_ZONE says how it is shown."
            )
            messages.append(checks.Warning(text, hint, id="cassandra.W001"))
        if connections.settings[alias].get("ATOMIC_REQUESTS"):
            text = f"ATOMIC_REQUESTS of the database {alias!r} does not undo what a failed request wrote."
        else:
            text = f"atomic() on the database {alias!r} does not undo what was written in it."
        hint = "Cassandra has no rollback. Silence this with SILENCED_SYSTEM_CHECKS."
        messages.append(checks.Info(text, hint, id="cassandra.I001"))
    if ours and any(
        isinstance(f, DateTimeField) for m in _models(None) for f in m._meta.local_concrete_fields
    ):
        text = "DateTimeField keeps milliseconds: microseconds are cut when a value is saved or compared."
        messages.append(
            checks.Info(text, "Cassandra's timestamp has no more.", id="cassandra.I002")
        )
    if ours and not django_settings.USE_TZ:
        text = "With USE_TZ = False, datetimes are stored as they read, as if they were UTC."
        messages.append(
            checks.Info(text, "Other clients of the same tables see them so.", id="cassandra.I003")
        )
    return messages
