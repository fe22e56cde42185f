"""`Static`: one value for a whole partition."""

import functools

from django.core import checks
from django.db import models

from .columnless import ColumnlessField


def Static(field: models.Field) -> models.Field:
    """The field, its column STATIC: all rows with the same partition key share the value.

        place = Static(models.CharField(max_length=50))

    The field stays what it is, forms and lookups included: its class becomes a subclass of its own class.
    """
    if (
        not isinstance(field, models.Field)
        or isinstance(field, ColumnlessField)
        or field.many_to_many
    ):
        raise TypeError(f"Static() takes a model field with a column, not {field!r}.")
    if is_static(field):
        raise ValueError("Static() takes a field that is not static yet.")
    field.__class__ = _static_class(type(field))
    return field


def is_static(field) -> bool:
    """Is the field's column static?"""
    return isinstance(field, _StaticMixin)


class _StaticMixin:
    """What a field knows beside its own class once it is static."""

    def _plain(self):
        """A copy that is not static: what stands in the call of Static()."""
        name, _, args, kwargs = super().deconstruct()
        plain = type(self).__mro__[2](*args, **kwargs)
        return name, plain

    def deconstruct(self):
        name, plain = self._plain()
        return name, "django_cassandra_backend.models.Static", [plain], {}

    def clone(self):
        return Static(self._plain()[1])

    def __reduce__(self):
        if hasattr(self, "model"):
            return super().__reduce__()
        return Static, (self._plain()[1],)

    def check(self, **kwargs):
        return [*super().check(**kwargs), *self._check_static()]

    def _check_static(self):
        from ..keys import key_fields

        partition, clustering, _ = key_fields(self.model._meta)
        if self.name in {field.name for field in (*partition, *clustering)}:
            text = "A column of the key cannot be static."
        elif not clustering:
            text = "A static column needs a table with clustering columns."
        elif self.unique:
            text = "A static column cannot be unique."
        else:
            return []
        hint = "Static() is for a value that all rows of a partition share; remove it here."
        return [checks.Error(text, hint, self, "cassandra.E013")]


@functools.cache
def _static_class(cls: type) -> type:
    # The name stays: Django derives internal types and messages from it.
    return type(cls.__name__, (_StaticMixin, cls), {"__module__": cls.__module__})
