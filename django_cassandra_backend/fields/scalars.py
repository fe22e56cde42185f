"""One field for each simple CQL type that no field of Django's stands for."""

import decimal
import struct
import uuid

from django.core import checks, exceptions, validators
from django.db import DataError, models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _


class _CqlTypeMixin:
    """A field whose column has the type `cql_type`."""

    cql_type: str

    def db_type(self, connection):
        return self.cql_type

    def cast_db_type(self, connection):
        return self.cql_type

    def deconstruct(self):
        name, _, args, kwargs = super().deconstruct()
        return name, f"django_cassandra_backend.models.{type(self).__name__}", args, kwargs


class AsciiField(_CqlTypeMixin, models.TextField):
    """`ascii`: text of characters up to U+007F."""

    cql_type = "ascii"
    description = _("ASCII text")
    default_validators = [
        validators.RegexValidator(r"\A[\x00-\x7f]*\Z", _("Enter ASCII characters only."), "ascii")
    ]


class _RangedIntegerField(_CqlTypeMixin, models.IntegerField):
    """An integer whose limits are those of its type, whatever the database of the moment says."""

    #: (least, greatest) value of the type; None: without limit.
    limits: tuple = (None, None)

    @cached_property
    def validators(self):
        low, high = self.limits
        own = [*self.default_validators, *self._validators]
        if low is not None:
            own.append(validators.MinValueValidator(low))
        if high is not None:
            own.append(validators.MaxValueValidator(high))
        return own


class TinyIntegerField(_RangedIntegerField):
    """`tinyint`: -128 to 127."""

    cql_type = "tinyint"
    description = _("Tiny integer")
    limits = (-128, 127)


class VarIntField(_RangedIntegerField):
    """`varint`: an integer of any size."""

    cql_type = "varint"
    description = _("Integer of any size")


class VarDecimalField(_CqlTypeMixin, models.DecimalField):
    """`decimal` as CQL has it: any number of digits, each kept with the scale that it was written with.

    In a key 1.0 and 1.00 are two values; where that matters, use DecimalField, which has one scale."""

    cql_type = "decimal"
    description = _("Decimal number of any size")

    def __init__(self, verbose_name=None, name=None, **kwargs):
        super().__init__(verbose_name, name, **kwargs)

    def to_python(self, value):
        if isinstance(value, float):
            value = repr(value)  # the shortest digits that mean this number
        return super().to_python(value)

    # Django asks for digits: with no arguments in 5.2, with databases in 6.1.

    def _check_decimal_places(self, *args, **kwargs):
        return []

    def _check_max_digits(self, *args, **kwargs):
        return []

    def _check_decimal_places_and_max_digits(self, *args, **kwargs):
        return []

    def get_db_prep_value(self, value, connection, prepared=False):
        if hasattr(value, "resolve_expression"):
            return value
        value = self.to_python(value)
        if isinstance(value, decimal.Decimal) and not value.is_finite():
            raise DataError(f"a decimal column cannot hold {value}")
        return value


class Float32Field(_CqlTypeMixin, models.FloatField):
    """`float`: a number of 32 bits, about 7 digits. FloatField is `double`."""

    cql_type = "float"
    description = _("Floating point number of 32 bits")

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        if isinstance(value, float):
            try:  # as it is stored, so that a saved value is found again
                (value,) = struct.unpack("<f", struct.pack("<f", value))
            except OverflowError:
                raise DataError(f"{value} is too large for 32 bits") from None
        return value


class TimeUUIDField(_CqlTypeMixin, models.UUIDField):
    """`timeuuid`: a UUID of version 1, which sorts by its time. `default=uuid.uuid1` makes one."""

    cql_type = "timeuuid"
    description = _("Time-based UUID")
    default_error_messages = {"version": _("“%(value)s” is not a UUID of version 1.")}

    def to_python(self, value):
        value = super().to_python(value)
        if isinstance(value, uuid.UUID) and value.version != 1:
            raise exceptions.ValidationError(
                self.error_messages["version"], code="version", params={"value": value}
            )
        return value


class CounterField(_CqlTypeMixin, models.BigIntegerField):
    """`counter`: a number that is only ever added to, by `update(n=F("n") + 1)`.

    A table with counters has nothing else beside its key. A row comes into being with its first update: there is no
    create(). Additions need no lightweight transaction, and may be counted twice when a request timed out."""

    cql_type = "counter"
    description = _("Counter")
    limits = (-(2**63), 2**63 - 1)

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("editable", False)
        kwargs.setdefault("default", 0)
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        if self.editable:
            kwargs["editable"] = True
        elif kwargs.get("editable") is False:
            del kwargs["editable"]
        if kwargs.get("default") == 0:
            del kwargs["default"]
        return name, path, args, kwargs

    def check(self, **kwargs):
        return [*super().check(**kwargs), *self._check_counter()]

    def _check_counter(self):
        from ..keys import key_fields

        partition, clustering, _ = key_fields(self.model._meta)
        key = {field.name for field in (*partition, *clustering)}
        others = [
            field.name
            for field in self.model._meta.local_concrete_fields
            if field.name not in key and not isinstance(field, CounterField)
        ]
        if self.name in key or self.unique or self.db_index:
            text, hint = "A counter can be neither in a key nor indexed.", None
        elif others:
            text = f"A table with counters has nothing but counters beside its key; {others[0]!r} is none."
            hint = "Keep the counters in a model of their own, with the same key."
        else:
            return []
        return [checks.Error(text, hint, self, "cassandra.E015")]

    def from_db_value(self, value, expression, connection):
        return 0 if value is None else value  # nothing has been added yet
