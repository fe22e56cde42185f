"""Aggregates of numbers that SQLite's REAL does not hold, and sums that its integers do not: by libcql's functions.

They stand for Django's where an aggregate of a plain column is what a query selects. Elsewhere, in HAVING or in what rows are
ordered by, SQLite needs a number, and has its own."""

import decimal
from dataclasses import dataclass

from django.db.models import Aggregate, Avg, DecimalField, IntegerField, Max, Min, Sum
from django.db.models.expressions import Col

from ..fields.scalars import VarDecimalField, VarIntField
from ..kinds import stored_field

#: The hidden column beside each one, with the bytes that the database has.
RAW = "$raw"
_MOST_DIGITS = 28  # of one value: ten thousand million of them have a sum that libcql adds


def raw_sql(column: Col, connection) -> str:
    """The hidden column beside a column."""
    quote = connection.ops.quote_name
    return f"{quote(column.alias)}.{quote(column.target.column + RAW)}"


class RawCol(Col):
    """The hidden column, as what a function is of."""

    def as_sql(self, compiler, connection):
        return raw_sql(self, connection), []


@dataclass(frozen=True)
class ExactAggregate:
    """`node` with `column` as its source. `is_raw`: its value is one of the column's, as the database has it."""

    node: Aggregate
    column: Col
    function: str
    is_raw: bool = False

    def as_sql(self, compiler):
        sql, params = self._call(compiler, self.function)
        if type(self.node) is not Avg:
            return sql, params
        count, count_params = self._call(compiler, "COUNT")
        return f"{sql} || '/' || {count}", (*params, *count_params)

    def _call(self, compiler, function):
        made, column = self.node.copy(), self.column
        if isinstance(stored_field(column.target), DecimalField):
            column = RawCol(column.alias, column.target, column.output_field)
        made.set_source_expressions([column, *self.node.get_source_expressions()[1:]])
        return made.as_sql(compiler, compiler.connection, function=function)

    @property
    def converters(self) -> list:
        return [_quotient if type(self.node) is Avg else self._number]

    def _number(self, value, expression, connection):
        if isinstance(stored_field(self.column.target), DecimalField):
            return None if value is None else decimal.Decimal(value)
        return None if value is None else int(value)


def _quotient(value, expression, connection):
    if value is None:
        return None
    total, count = value.split("/")
    return decimal.Decimal(total) / int(count)


def exact_aggregate(node, column: Col | None) -> ExactAggregate | None:
    """`column`: the one that the aggregate is of, None where that is an expression."""
    if column is None:
        return None
    field = stored_field(column.target)
    if _is_decimal(field) and isinstance(node.output_field, DecimalField):
        if type(node) in (Sum, Avg):
            return ExactAggregate(node, column, "cql_sum")
        if type(node) in (Min, Max):
            return ExactAggregate(node, column, f"cql_{node.function.lower()}", is_raw=True)
    is_integer = isinstance(field, IntegerField) and not isinstance(field, VarIntField)
    if is_integer and type(node) is Sum and isinstance(node.output_field, IntegerField):
        return ExactAggregate(node, column, "cql_sum")
    return None


def _is_decimal(field) -> bool:
    return (
        isinstance(field, DecimalField)
        and not isinstance(field, VarDecimalField)
        and (field.max_digits or 0) <= _MOST_DIGITS
    )
