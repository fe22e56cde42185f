"""`CalendarDurationField`: CQL's duration of months, days and nanoseconds."""

import datetime
import re

from django import forms
from django.core import checks, exceptions
from django.db import models
from django.utils.translation import gettext_lazy as _

from libcql import Duration

from .scalars import _CqlTypeMixin

_MICROSECOND = datetime.timedelta(microseconds=1)
#: Units of the literal 1y2mo3w4d5h6m7s8ms9us10ns: (which part of a Duration, how many of its units).
_UNITS = {
    "y": (0, 12),
    "mo": (0, 1),
    "w": (1, 7),
    "d": (1, 1),
    "h": (2, 3600 * 10**9),
    "m": (2, 60 * 10**9),
    "s": (2, 10**9),
    "ms": (2, 10**6),
    "us": (2, 10**3),
    "µs": (2, 10**3),
    "ns": (2, 1),
}
_LITERAL = re.compile(
    r"(-)?"
    + "".join(
        rf"(?:(\d+){unit})?"
        for unit in ("y", "mo", "w", "d", "h", "m", "s", "ms", "(?:us|µs)", "ns")
    ),
    re.IGNORECASE,
)
_ISO = re.compile(
    r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
_LITERAL_ORDER = ("y", "mo", "w", "d", "h", "m", "s", "ms", "us", "ns")


def parse_duration(text: str) -> Duration:
    """A Duration of CQL's literal (`1y2mo3d4h`) or of ISO 8601 (`P1Y2M3DT4H`). ValueError if it is neither."""
    text = text.strip()
    match = _ISO.fullmatch(text) or _LITERAL.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        if text in ("0s", "P0D"):
            return Duration()
        raise ValueError(f"{text!r} is not a duration such as 1y2mo3d4h5m6s")
    sign = -1 if match[1] else 1
    parts = [0, 0, 0]
    for unit, digits in zip(_LITERAL_ORDER, match.groups()[1:], strict=False):
        if digits is not None:
            part, size = _UNITS[unit]
            parts[part] += sign * int(digits) * size
    return Duration(*parts)


def duration_text(value: Duration) -> str:
    """The CQL literal; for no time at all `0s`."""
    return str(value) or "0s"


class CalendarDurationField(_CqlTypeMixin, models.Field):
    """`duration`: months, days and nanoseconds, as a `libcql.Duration`. It has no order: a month is not so many days.

    Django's own DurationField is a number of microseconds, and sorts."""

    cql_type = "duration"
    description = _("Duration of months, days and nanoseconds")
    empty_strings_allowed = False
    default_error_messages = {
        "invalid": _("“%(value)s” value has an invalid format. It must be like 1y2mo3d4h5m6s."),
    }

    def to_python(self, value):
        if value is None or isinstance(value, Duration):
            return value
        if isinstance(value, datetime.timedelta):
            return Duration(0, 0, value // _MICROSECOND * 1000)
        try:
            return parse_duration(str(value))
        except ValueError:
            raise exceptions.ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            ) from None

    def get_prep_value(self, value):
        return self.to_python(super().get_prep_value(value))

    def value_to_string(self, obj):
        value = self.value_from_object(obj)
        return "" if value is None else duration_text(value)

    def check(self, **kwargs):
        return [*super().check(**kwargs), *self._check_order()]

    def _check_order(self):
        from ..keys import key_fields

        partition, clustering, _ = key_fields(self.model._meta)
        if not self.db_index and self.name not in {f.name for f in (*partition, *clustering)}:
            return []
        text = "A duration has no order, and can be neither in a key nor indexed."
        return [checks.Error(text, None, self, "cassandra.E017")]

    def get_lookup(self, lookup_name):
        if lookup_name in ("gt", "gte", "lt", "lte", "range"):
            return None  # FieldError: unsupported lookup
        return super().get_lookup(lookup_name)

    def formfield(self, **kwargs):
        return super().formfield(**{"form_class": DurationFormField, **kwargs})


class DurationFormField(forms.CharField):
    """Text such as 1y2mo3d4h; a `libcql.Duration` when cleaned."""

    default_error_messages = CalendarDurationField.default_error_messages

    def to_python(self, value):
        if value in self.empty_values:
            return None
        if isinstance(value, Duration):
            return value
        try:
            return parse_duration(str(value))
        except ValueError:
            raise exceptions.ValidationError(
                self.error_messages["invalid"], code="invalid", params={"value": value}
            ) from None

    def prepare_value(self, value):
        return duration_text(value) if isinstance(value, Duration) else value
