"""Computed values in the form of the column that they are written to."""

import decimal
from collections.abc import Callable

from django.db import models

from .evaluate import stored_field


def converter(field: models.Field, connection) -> Callable[[object], object]:
    """A function from a computed value to one that a column of the field holds. Null stays null."""
    target = stored_field(field)
    if isinstance(target, models.DecimalField):

        def to_decimal(value):
            if value is None:
                return None
            number = value if isinstance(value, decimal.Decimal) else decimal.Decimal(str(value))
            return connection.ops.adapt_decimalfield_value(
                number, target.max_digits, target.decimal_places
            )

        return to_decimal
    if isinstance(target, models.FloatField):
        return lambda value: None if value is None else float(value)
    if isinstance(target, models.IntegerField):
        return _to_integer
    return lambda value: value


def _to_integer(value):
    if value is None or isinstance(value, int):
        return value
    return int(decimal.Decimal(value).to_integral_value(rounding=decimal.ROUND_HALF_UP))
