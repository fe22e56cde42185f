"""System checks. Ids: cassandra.E… stop migrate and runserver, cassandra.W… and I… inform once."""

from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks
from django.db import connections, router
from django.db.models import DateTimeField, UniqueConstraint

UNIQUE_REASON = (
    "Cassandra keeps only primary keys unique; uniqueness of other columns is not built yet."
)
UNIQUE_HINT = "Make it the primary key or a part of it, drop the constraint, or leave the app out of INSTALLED_APPS."


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
    errors = [error for model in _models(app_configs) for error in unique_errors(model)]
    return errors + plain_model_errors()


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
    """cassandra.E003 for each unique field and constraint that the key does not imply."""
    errors = []
    for what, obj in unique_off_key(model._meta):
        errors.append(
            checks.Error(
                f"{what} cannot be kept. {UNIQUE_REASON}", UNIQUE_HINT, obj, "cassandra.E003"
            )
        )
    return errors


def unique_off_key(meta) -> list[tuple[str, object]]:
    """(description, object) for each uniqueness that the primary key does not imply."""
    pk_names = {field.name for field in getattr(meta, "pk_fields", None) or [meta.pk]}
    found = []
    for field in meta.local_concrete_fields:
        if field.unique and not {field.name} >= pk_names:
            found.append((f"unique=True of {meta.label}.{field.name}", field))
    for names in meta.unique_together:
        if not set(names) >= pk_names:
            found.append((f"unique_together ({', '.join(names)}) of {meta.label}", meta.model))
    for constraint in meta.constraints:
        if isinstance(constraint, UniqueConstraint) and not constraint_is_implied(
            constraint, pk_names
        ):
            found.append((f"The constraint {constraint.name!r} of {meta.label}", meta.model))
    return found


def constraint_is_implied(constraint: UniqueConstraint, pk_names: set[str]) -> bool:
    """Does the constraint name the whole primary key?"""
    return not constraint.expressions and set(constraint.fields) >= pk_names


def check_settings(databases=None, **kwargs) -> list:
    """What a project has to know once: `manage.py check --database ALIAS`, and migrate, say it."""
    ours = [alias for alias in our_aliases() if alias in (databases or ())]
    messages = []
    for alias in ours:
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
