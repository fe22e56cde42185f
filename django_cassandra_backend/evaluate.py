"""Django expressions computed on our side, over one row.

`Evaluator.expression()` turns a resolved Django expression into an `Expr`: the columns that it reads, and
`bind(index)`, which gives a function from a row (a tuple of database values) to a value. Null
in, null out, as in SQL. Whatever has no exact meaning here is refused by name."""

import datetime
import decimal
import operator
from collections.abc import Callable

from django.db.models import expressions, fields, functions
from django.db.models.lookups import Lookup
from django.db.models.sql.where import WhereNode
from django.utils import timezone

from . import elements, moments, texts
from .exceptions import not_supported
from .expr import Column, Constant, Expr, combine
from .fields.transforms import ItemTransform, MapKeyTransform
from .kinds import describe, kind_of, stored_field

_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_BITS = {
    "&": operator.and_,
    "|": operator.or_,
    "#": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}


class Evaluator:
    """Builds Exprs for one query over one table. `moment` is what Now() says, wherever it stands in the query."""

    def __init__(self, connection, alias: str | None, moment: datetime.datetime | None = None):
        self.connection = connection
        self.alias = alias
        self.moment = moment or datetime.datetime.now(datetime.timezone.utc)

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
        elif isinstance(field, fields.json.JSONField) and not node.for_save:
            value = self.connection.ops.adapt_json_value(None, field.encoder)  # JSON's null
        if isinstance(value, datetime.timedelta):
            value = self.connection.ops.adapt_duration(value)
        return Constant(value)

    def _inner(self, node) -> Expr:
        return self.expression(node.expression)

    def _ref(self, node) -> Expr:
        return self.expression(node.source)

    def _combined(self, node) -> Expr:
        left, right = self.expression(node.lhs), self.expression(node.rhs)
        kinds = {kind_of(node.lhs), kind_of(node.rhs)}
        if kinds <= {"number"}:
            return combine(_number_operation(node), left, right)
        if kinds == {"duration"} and node.connector in "+-":
            return combine(_ARITHMETIC[node.connector], left, right)
        raise not_supported(f"The expression {node}", "Compute it in Python.")

    def _duration(self, node) -> Expr:
        """A moment plus or minus a duration; durations are microseconds."""
        left, right = self.expression(node.lhs), self.expression(node.rhs)
        kinds = (kind_of(node.lhs), kind_of(node.rhs))
        if kinds == ("datetime", "duration") and node.connector in "+-":
            sign = 1 if node.connector == "+" else -1
            return combine(lambda when, us: _shift(when, sign * us), left, right)
        if kinds == ("duration", "datetime") and node.connector == "+":
            return combine(lambda us, when: _shift(when, us), left, right)
        raise not_supported(f"The expression {node}", "Compute it in Python.")

    def _subtraction(self, node) -> Expr:
        if {kind_of(node.lhs), kind_of(node.rhs)} - {"datetime", "date"}:
            raise not_supported(f"The expression {node}", "Compute it in Python.")
        return combine(
            lambda a, b: (a - b) // datetime.timedelta(microseconds=1),
            self.expression(node.lhs),
            self.expression(node.rhs),
        )

    def _now(self, node) -> Expr:
        moment = self._aware_for_django(self.moment)
        return Constant(self.connection.ops.adapt_datetimefield_value(moment))

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

        by_key = _values_by_key(cases)

        def bind(index):
            otherwise = default.bind(index)
            if by_key is not None:
                return _look_up(by_key, otherwise, index)
            bound = [(p.bind(index), r.bind(index)) for p, r in cases]

            def get(row):
                for test, result in bound:
                    if test(row):
                        return result(row)
                return otherwise(row)

            return get

        return Expr(columns, bind)


def _values_by_key(cases) -> tuple[list[str], dict] | None:
    """Cases that all ask for one value of the same columns, as bulk_update() makes them: (columns, {values: Expr})."""
    columns, found = None, {}
    for predicate, result in cases:
        equal = predicate.as_key()
        if equal is None or columns not in (None, sorted(equal)):
            return None
        columns = sorted(equal)
        found.setdefault(tuple(equal[column] for column in columns), result)
    return columns, found


def _look_up(by_key: tuple[list[str], dict], otherwise: Callable, index) -> Callable:
    columns, results = by_key
    places = [index[column] for column in columns]
    bound = {key: result.bind(index) for key, result in results.items()}
    return lambda row: bound.get(tuple([row[place] for place in places]), otherwise)(row)


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


def at_midnight(expr: Expr) -> Expr:
    """A date as the moment at which it begins."""
    utc = datetime.timezone.utc
    return combine(lambda day: datetime.datetime.combine(day, datetime.time(), utc), expr)


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
    expressions.Exists: elements.exists,
    ItemTransform: elements.item,
    MapKeyTransform: elements.map_entry,
    functions.Coalesce: Evaluator._coalesce,
    functions.Now: Evaluator._now,
    **dict.fromkeys(texts.FUNCTIONS, texts.function),
    functions.Concat: texts.concat,
    functions.ConcatPair: texts.concat,
    **dict.fromkeys(moments.EXTRACTS, moments.extract),
    **dict.fromkeys(moments.TRUNCATIONS, moments.truncate),
    functions.TruncDate: moments.date_of,
    functions.TruncTime: moments.time_of,
}
