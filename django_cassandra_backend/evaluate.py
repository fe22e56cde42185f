"""Django expressions computed on our side, over one row.

`Evaluator.expression()` turns a resolved Django expression into an `Expr`: the columns that it reads, and
`bind(index)`, which gives a function from a row (a tuple of database values) to a value. Null
in, null out, as in SQL. Whatever has no exact meaning here is refused by name."""

import datetime
import decimal
import operator
import zoneinfo
from collections.abc import Callable

from django.db import models
from django.db.models import expressions, fields, functions
from django.db.models.lookups import Lookup
from django.db.models.sql.where import WhereNode
from django.utils import timezone

from .exceptions import not_supported

NUMBERS = (int, float, decimal.Decimal)
TEXT_FIELDS = (fields.CharField, fields.TextField, models.FileField, fields.FilePathField)
_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_BITS = {
    "&": operator.and_,
    "|": operator.or_,
    "#": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}


class Expr:
    """A value that is computed from columns of one row."""

    def __init__(self, columns: frozenset, bind: Callable):
        self.columns = columns
        self.bind = bind


class Constant(Expr):
    """The same value for every row, already in database form."""

    columns = frozenset()

    def __init__(self, value: object):
        self.value = value

    def bind(self, index) -> Callable:
        return lambda row: self.value


class Column(Expr):
    """A stored column. `field` is the Django field, of a foreign key the field it points at."""

    def __init__(self, name: str, field: fields.Field):
        self.name = name
        self.field = field
        self.columns = frozenset((name,))

    def bind(self, index) -> Callable:
        return operator.itemgetter(index[self.name])


def combine(function: Callable, *sources: Expr) -> Expr:
    """An Expr that is null when a source is null, and function(*values) otherwise."""

    def bind(index):
        getters = [source.bind(index) for source in sources]

        def get(row):
            values = [getter(row) for getter in getters]
            return None if None in values else function(*values)

        return get

    return Expr(frozenset().union(*(source.columns for source in sources)), bind)


def stored_field(field: fields.Field) -> fields.Field:
    """The field whose values a column holds: a foreign key holds those of the field it points at."""
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    return field


class Evaluator:
    """Builds Exprs for one query over one table."""

    def __init__(self, connection, alias: str | None):
        self.connection = connection
        self.alias = alias

    def expression(self, node) -> Expr:
        """An Expr for a resolved Django expression, or NotSupportedError that names it."""
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            return handler(self, node)
        if isinstance(node, (Lookup, WhereNode)):
            return self._condition(node)
        raise not_supported(describe(node), "Compute it in Python from plain columns.")

    def _condition(self, node) -> Expr:
        """A condition as a value: true, false or null."""
        from .lookups import PredicateBuilder

        predicate = PredicateBuilder(self).build(node)
        return Expr(predicate.columns, predicate.bind)

    def _col(self, node) -> Expr:
        if self.alias is None or node.alias != self.alias:
            raise not_supported("A column of another table", "Query that table by its key.")
        if node.target.column is None:
            raise not_supported(
                f"The virtual field {node.target.name!r}", "Use the columns it stands for."
            )
        return Column(node.target.column, stored_field(node.target))

    def _value(self, node) -> Expr:
        value = node.value
        field = node._output_field_or_none
        if field is not None and value is not None:
            if node.for_save:
                value = field.get_db_prep_save(value, connection=self.connection)
            else:
                value = field.get_db_prep_value(value, connection=self.connection)
        if isinstance(value, datetime.timedelta):
            value = self.connection.ops.adapt_duration(value)
        return Constant(value)

    def _inner(self, node) -> Expr:
        return self.expression(node.expression)

    def _ref(self, node) -> Expr:
        return self.expression(node.source)

    def _combined(self, node) -> Expr:
        left, right = self.expression(node.lhs), self.expression(node.rhs)
        kinds = {_kind(node.lhs), _kind(node.rhs)}
        if kinds <= {"number"}:
            return combine(_number_operation(node), left, right)
        if kinds == {"duration"} and node.connector in "+-":
            return combine(_ARITHMETIC[node.connector], left, right)
        raise not_supported(f"The expression {node}", "Compute it in Python.")

    def _duration(self, node) -> Expr:
        """A moment plus or minus a duration; durations are microseconds."""
        left, right = self.expression(node.lhs), self.expression(node.rhs)
        kinds = (_kind(node.lhs), _kind(node.rhs))
        if kinds == ("datetime", "duration") and node.connector in "+-":
            sign = 1 if node.connector == "+" else -1
            return combine(lambda when, us: _shift(when, sign * us), left, right)
        if kinds == ("duration", "datetime") and node.connector == "+":
            return combine(lambda us, when: _shift(when, us), left, right)
        raise not_supported(f"The expression {node}", "Compute it in Python.")

    def _subtraction(self, node) -> Expr:
        if {_kind(node.lhs), _kind(node.rhs)} - {"datetime", "date"}:
            raise not_supported(f"The expression {node}", "Compute it in Python.")
        return combine(
            lambda a, b: (a - b) // datetime.timedelta(microseconds=1),
            self.expression(node.lhs),
            self.expression(node.rhs),
        )

    def _now(self, node) -> Expr:
        now = datetime.datetime.now(datetime.timezone.utc)
        return Constant(self.connection.ops.adapt_datetimefield_value(self._aware_for_django(now)))

    def _aware_for_django(self, now):
        return now if self.connection.uses_aware_datetimes else timezone.make_naive(now)

    def _coalesce(self, node) -> Expr:
        sources = [self.expression(source) for source in node.get_source_expressions()]

        def bind(index):
            getters = [source.bind(index) for source in sources]
            return lambda row: next((v for get in getters if (v := get(row)) is not None), None)

        return Expr(frozenset().union(*(source.columns for source in sources)), bind)

    def _case(self, node) -> Expr:
        from .lookups import PredicateBuilder

        builder = PredicateBuilder(self)
        cases = [
            (builder.build(when.condition), self.expression(when.result)) for when in node.cases
        ]
        default = self.expression(node.default)
        columns = default.columns.union(*(p.columns | r.columns for p, r in cases))

        def bind(index):
            bound = [(p.bind(index), r.bind(index)) for p, r in cases]
            otherwise = default.bind(index)

            def get(row):
                for test, result in bound:
                    if test(row):
                        return result(row)
                return otherwise(row)

            return get

        return Expr(columns, bind)

    def _text_function(self, node) -> Expr:
        (source,) = node.get_source_expressions()
        if _kind(source) != "text":
            raise not_supported(describe(node), "Compute it in Python.")
        return combine(_TEXT_FUNCTIONS[type(node)], self.expression(source))

    def _extract(self, node) -> Expr:
        kind = _kind(node.lhs)
        part = _PARTS.get(node.lookup_name)
        if part is None or kind not in ("datetime", "date", "time"):
            raise not_supported(describe(node), "Compute it in Python.")
        if node.tzinfo is not None and kind != "datetime":
            raise ValueError("tzinfo can only be used with DateTimeField.")
        if kind == "time" and node.lookup_name not in ("hour", "minute", "second"):
            raise not_supported(describe(node), "Compute it in Python.")
        return combine(lambda value: part(value), self._local(node, kind))

    def _trunc_date(self, node) -> Expr:
        kind = _kind(node.lhs)
        if kind == "date":
            return self.expression(node.lhs)
        return combine(lambda value: value.date(), self._local(node, kind))

    def _trunc_time(self, node) -> Expr:
        kind = _kind(node.lhs)
        if kind == "time":
            return self.expression(node.lhs)
        return combine(lambda value: value.time(), self._local(node, kind))

    def _local(self, node, kind: str) -> Expr:
        """The lhs of a date function, a datetime moved to the time zone that the function names."""
        source = self.expression(node.lhs)
        if kind != "datetime":
            return source
        name = node.get_tzname()
        if not name:
            return source
        if name[0] in "+-":
            name = "UTC" + name
        zone = _zone(name)
        return combine(lambda value: value.astimezone(zone), source)


def _zone(name: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        pass
    try:  # a fixed offset: UTC+02:00
        return datetime.datetime.strptime(name.removeprefix("UTC"), "%z").tzinfo
    except ValueError:
        raise not_supported(f"The time zone {name!r}", "Use a named time zone.") from None


def _shift(when: datetime.datetime, microseconds: int) -> datetime.datetime:
    moved = when + datetime.timedelta(microseconds=microseconds)
    return moved.replace(microsecond=moved.microsecond // 1000 * 1000)


def _number_operation(node) -> Callable:
    connector = node.connector
    if connector in _ARITHMETIC:
        function = _ARITHMETIC[connector]
        return lambda a, b: function(*_same_number(a, b))
    if connector in _BITS and {_number(node.lhs), _number(node.rhs)} == {"int"}:
        return _BITS[connector]
    raise not_supported(
        f"The operator {connector.replace('%%', '%')} in an expression", "Compute it in Python."
    )


def _same_number(a, b):
    if isinstance(a, float) and isinstance(b, decimal.Decimal):
        return a, float(b)
    if isinstance(a, decimal.Decimal) and isinstance(b, float):
        return float(a), b
    return a, b


def _number(node) -> str:
    field = stored_field(node.output_field)
    return "int" if isinstance(field, fields.IntegerField) else "other"


def _kind(node) -> str:
    """What arithmetic applies to the values of an expression."""
    try:
        field = stored_field(node.output_field)
    except Exception:
        raise not_supported(f"The expression {node}", "Give it an output_field.") from None
    for kind, classes in _KINDS:
        if isinstance(field, classes):
            return kind
    return "other"


def comparable(node) -> str:
    """What the values of an expression can be compared with: values of the same word."""
    kind = _kind(node)
    return kind if kind != "other" else stored_field(node.output_field).get_internal_type()


def at_midnight(expr: Expr) -> Expr:
    """A date as the moment at which it begins."""
    utc = datetime.timezone.utc
    return combine(lambda day: datetime.datetime.combine(day, datetime.time(), utc), expr)


_KINDS = (
    ("number", (fields.IntegerField, fields.FloatField, fields.DecimalField)),
    ("datetime", (fields.DateTimeField,)),
    ("date", (fields.DateField,)),
    ("time", (fields.TimeField,)),
    ("duration", (fields.DurationField,)),
    ("text", TEXT_FIELDS),
)
_TEXT_FUNCTIONS = {functions.Lower: str.lower, functions.Upper: str.upper, functions.Length: len}
_PARTS = {
    "year": lambda v: v.year,
    "iso_year": lambda v: v.isocalendar()[0],
    "quarter": lambda v: (v.month + 2) // 3,
    "month": lambda v: v.month,
    "day": lambda v: v.day,
    "week": lambda v: v.isocalendar()[1],
    "week_day": lambda v: v.isoweekday() % 7 + 1,
    "iso_week_day": lambda v: v.isoweekday(),
    "hour": lambda v: v.hour,
    "minute": lambda v: v.minute,
    "second": lambda v: v.second,
}
_EXTRACTS = (
    functions.Extract,
    functions.ExtractYear,
    functions.ExtractIsoYear,
    functions.ExtractQuarter,
    functions.ExtractMonth,
    functions.ExtractDay,
    functions.ExtractWeek,
    functions.ExtractWeekDay,
    functions.ExtractIsoWeekDay,
    functions.ExtractHour,
    functions.ExtractMinute,
    functions.ExtractSecond,
)
# By exact class: a subclass may mean something else.
_HANDLERS = {
    expressions.Col: Evaluator._col,
    expressions.Value: Evaluator._value,
    expressions.Ref: Evaluator._ref,
    expressions.ExpressionWrapper: Evaluator._inner,
    expressions.CombinedExpression: Evaluator._combined,
    expressions.DurationExpression: Evaluator._duration,
    expressions.TemporalSubtraction: Evaluator._subtraction,
    expressions.Case: Evaluator._case,
    functions.Coalesce: Evaluator._coalesce,
    functions.Now: Evaluator._now,
    functions.TruncDate: Evaluator._trunc_date,
    functions.TruncTime: Evaluator._trunc_time,
    **dict.fromkeys(_TEXT_FUNCTIONS, Evaluator._text_function),
    **dict.fromkeys(_EXTRACTS, Evaluator._extract),
}


def describe(node) -> str:
    """A construct as its user wrote it."""
    if isinstance(node, (expressions.Subquery, expressions.Exists)) or hasattr(node, "inner_query"):
        return "A subquery"
    if type(node).__name__ == "Query":
        return "A subquery"
    if getattr(node, "contains_aggregate", False):
        return f"The aggregate {type(node).__name__}()"
    if getattr(node, "contains_over_clause", False):
        return "A window expression"
    return f"The expression {type(node).__name__}()"
