"""Django's WHERE tree as a Predicate over one table."""

import decimal
import re
from collections.abc import Callable

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import DataError
from django.db.models import fields, lookups
from django.db.models.expressions import ColPairs
from django.db.models.fields import related_lookups, tuple_lookups
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode

from .evaluate import Column, Constant, Evaluator, Expr, stored_field
from .exceptions import not_supported
from .predicates import And, Comparison, Const, IsNull, Not, Or, Predicate, RowIn, Test, Xor

_TEXT_FIELDS = (fields.CharField, fields.TextField)
_OPERATORS = {"exact": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class PredicateBuilder:
    """Builds the Predicates of one query. NotSupportedError names what has no exact meaning here."""

    def __init__(self, evaluator: Evaluator):
        self.evaluator = evaluator
        self.connection = evaluator.connection

    def build(self, node) -> Predicate:
        if isinstance(node, WhereNode):
            return self._tree(node)
        if isinstance(node, NothingNode):
            return Const(False)
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            if getattr(node, "bilateral_transforms", None):
                raise not_supported(
                    "A bilateral transform", "Transform the value before filtering."
                )
            return handler(self, node)
        if isinstance(node, ExtraWhere):
            raise not_supported("extra()", "Use raw() or a cursor with CQL.")
        if isinstance(node, lookups.Lookup):
            _refuse_json(getattr(node.lhs, "output_field", None))
        if getattr(node, "conditional", False) and not isinstance(node, lookups.Lookup):
            return Test(self.evaluator.expression(node), bool)  # a boolean expression as a filter
        raise not_supported(self._name(node), "Filter in Python, or on a plain column.")

    def _tree(self, node: WhereNode) -> Predicate:
        children = []
        for child in node.children:
            try:
                children.append(self.build(child))
            except EmptyResultSet:
                children.append(Const(False))
            except FullResultSet:
                children.append(Const(True))
        if len(children) == 1:
            tree = children[0]
        elif not children:
            tree = Const(True)
        else:
            tree = {"AND": And, "OR": Or, "XOR": Xor}[node.connector](children)
        return Not(tree) if node.negated else tree

    def _name(self, node) -> str:
        return f"The lookup {getattr(node, 'lookup_name', None) or type(node).__name__!r}"

    # --- comparisons ---

    def _lhs(self, lookup) -> Expr:
        if isinstance(lookup.lhs, ColPairs):
            raise not_supported(
                "A lookup on several columns at once", "Name the columns one by one."
            )
        return self.evaluator.expression(lookup.lhs)

    def _comparison(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        op = _OPERATORS[lookup.lookup_name]
        if not lookup.rhs_is_direct_value():
            self._refuse_subquery(lookup.rhs)
            return Comparison(lhs, op, self.evaluator.expression(lookup.rhs), exact=False)
        if op == "=" and lookup.rhs is None:
            return Const(None)
        return self._compare(lhs, op, lookup.rhs, lambda v: self._prepared(lookup, v))

    def _compare(self, lhs: Expr, op: str, raw: object, prepare: Callable) -> Predicate:
        """One comparison with one value; a value that the column cannot hold is compared here only."""
        field = _field_of(lhs)
        _refuse_json(field)
        if isinstance(field, fields.DecimalField) and isinstance(
            raw, (int, float, decimal.Decimal, str)
        ):
            return self._compare_decimal(lhs, op, field, raw)
        value = prepare(raw)
        return Comparison(lhs, op, Constant(value), exact=self._holds(field, value))

    def _compare_decimal(self, lhs, op, field, raw) -> Predicate:
        value = field.to_python(raw)
        try:
            stored = self.connection.ops.adapt_decimalfield_value(
                value, field.max_digits, field.decimal_places
            )
        except DataError:
            return Comparison(lhs, op, Constant(value), exact=False)
        exact = stored == value
        return Comparison(lhs, op, Constant(stored if exact else value), exact=exact or op != "=")

    def _holds(self, field, value) -> bool:
        """Can a column of the field hold the value? If not, CQL would refuse it as a parameter."""
        if isinstance(field, fields.IntegerField):
            low, high = self.connection.ops.integer_field_range(field.get_internal_type())
            return isinstance(value, int) and low <= value <= high
        return True

    def _in(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        self._refuse_subquery(lookup.rhs)
        field = _field_of(lhs)
        _refuse_json(field)
        if any(hasattr(value, "resolve_expression") for value in lookup.rhs):
            return Or([self._one_of(lookup, lhs, value) for value in lookup.rhs] or [Const(False)])
        parts = [
            self._compare(lhs, "=", value, lambda v: self._prepared(lookup, v))
            for value in lookup.rhs
            if value is not None
        ]
        # A value that no column can hold equals nothing; it drops out, as in Django's own IN.
        values = tuple(dict.fromkeys(part.value for part in parts if part.exact))
        if not values:
            return Const(False)
        if len(values) == 1:
            return Comparison(lhs, "=", Constant(values[0]))
        return Comparison(lhs, "in", Constant(_Values(values)))

    def _one_of(self, lookup, lhs, value) -> Predicate:
        if hasattr(value, "resolve_expression"):
            return Comparison(lhs, "=", self.evaluator.expression(value), exact=False)
        return self._compare(lhs, "=", value, lambda v: self._prepared(lookup, v))

    def _range(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        self._refuse_subquery(lookup.rhs)
        return And(
            [
                self._bound(lookup, lhs, op, value)
                for op, value in zip((">=", "<="), lookup.rhs, strict=True)
            ]
        )

    def _bound(self, lookup, lhs, op, value) -> Predicate:
        if hasattr(value, "resolve_expression"):
            return Comparison(lhs, op, self.evaluator.expression(value), exact=False)
        if value is None:
            return Const(None)
        return self._compare(lhs, op, value, lambda v: self._prepared(lookup, v))

    def _is_null(self, lookup) -> Predicate:
        return IsNull(self._lhs(lookup), bool(lookup.rhs))

    def _year(self, lookup) -> Predicate:
        """A year as a range of the column, so that keys and indexes serve it; as Django's YearLookup."""
        if not lookup.rhs_is_direct_value():
            return self._comparison(lookup)
        lhs = self.evaluator.expression(lookup.lhs.lhs)
        low, high = lookup.year_lookup_bounds(self.connection, lookup.rhs)
        ends = {"exact": ((">=", low), ("<=", high)), "gt": ((">", high),), "gte": ((">=", low),)}
        ends |= {"lt": (("<", low),), "lte": (("<=", high),)}
        return And([Comparison(lhs, op, Constant(v)) for op, v in ends[lookup.lookup_name]])

    def _prepared(self, lookup, value):
        """A value as it is stored: what Django's get_db_prep_lookup() would bind."""
        field = getattr(lookup.lhs.output_field, "target_field", None) or lookup.lhs.output_field
        return field.get_db_prep_value(value, connection=self.connection, prepared=True)

    def _refuse_subquery(self, rhs) -> None:
        if hasattr(rhs, "as_sql") and type(rhs).__name__ in (
            "Query",
            "Subquery",
            "Exists",
            "AggregateQuery",
        ):
            raise not_supported(
                "A subquery",
                "Evaluate the inner query first, and filter with the list of its values.",
            )

    # --- text ---

    def _text(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        if not isinstance(stored_field(lookup.lhs.output_field), _TEXT_FIELDS):
            raise not_supported(
                f"{self._name(lookup)} on a column that is not text", "Filter in Python."
            )
        if not lookup.rhs_is_direct_value():
            raise not_supported(f"{self._name(lookup)} with an expression", "Filter in Python.")
        if lookup.rhs is None:
            return IsNull(lhs, True)  # iexact=None, as Django has it
        return Test(lhs, _TEXT[lookup.lookup_name](str(lookup.rhs)))

    # --- composite keys ---

    def _tuple_columns(self, lookup) -> list[tuple[Expr, Callable]]:
        if not isinstance(lookup.lhs, ColPairs):
            raise not_supported(
                "A lookup on a tuple of expressions", "Name the columns one by one."
            )
        columns = []
        for col in lookup.lhs.get_cols():
            field = getattr(col.output_field, "target_field", None) or col.output_field

            def prepare(value, field=field):
                return field.get_db_prep_value(value, connection=self.connection)

            columns.append((self.evaluator.expression(col), prepare))
        return columns

    def _tuple_equals(self, columns, values) -> Predicate:
        return And(
            [
                self._compare(lhs, "=", v, prepare)
                for (lhs, prepare), v in zip(columns, values, strict=True)
            ]
        )

    def _tuple_exact(self, lookup) -> Predicate:
        self._refuse_subquery(lookup.rhs)
        return self._tuple_equals(self._tuple_columns(lookup), lookup.rhs)

    def _tuple_in(self, lookup) -> Predicate:
        self._refuse_subquery(lookup.rhs)
        columns = self._tuple_columns(lookup)
        rows = [values for values in lookup.rhs if None not in values]
        if not rows:
            return Const(False)
        if len(rows) == 1:
            return self._tuple_equals(columns, rows[0])
        return RowIn([self._tuple_equals(columns, values) for values in rows])

    def _tuple_order(self, lookup) -> Predicate:
        """(a, b) > (x, y): a > x, or a = x and b > y."""
        self._refuse_subquery(lookup.rhs)
        columns = self._tuple_columns(lookup)
        op = _OPERATORS[lookup.lookup_name]
        branches = []
        for i, ((lhs, prepare), value) in enumerate(zip(columns, lookup.rhs, strict=True)):
            last = i == len(columns) - 1
            before = [
                self._compare(c, "=", v, p)
                for (c, p), v in zip(columns[:i], lookup.rhs[:i], strict=True)
            ]
            branches.append(
                And([*before, self._compare(lhs, op if last else op[0], value, prepare)])
            )
        # The first column alone bounds the rows: a condition that a key can serve.
        (lhs, prepare), value = columns[0], lookup.rhs[0]
        return And([self._compare(lhs, op[0] + "=", value, prepare), Or(branches)])

    def _tuple_is_null(self, lookup) -> Predicate:
        parts = [IsNull(lhs, bool(lookup.rhs)) for lhs, _ in self._tuple_columns(lookup)]
        return Or(parts) if lookup.rhs else And(parts)


class _Values(tuple):
    """The values of an IN: a tuple for CQL, a set for `in`."""

    def __new__(cls, values):
        self = super().__new__(cls, values)
        self.members = frozenset(values)
        return self

    def __contains__(self, value) -> bool:
        return value in self.members


def _field_of(expr: Expr):
    return expr.field if isinstance(expr, Column) else None


def _refuse_json(field) -> None:
    if isinstance(field, fields.json.JSONField):
        raise not_supported(
            "A comparison with a JSONField", "Compare in Python, or keep the value in a column."
        )


def _like(test: Callable[[str, str], bool], *, fold: bool = False) -> Callable:
    def make(wanted: str):
        if not fold:
            return lambda value: test(value, wanted)
        folded = wanted.casefold()
        return lambda value: test(value.casefold(), folded)

    return make


def _regex(flags: int) -> Callable:
    def make(pattern: str):
        try:
            search = re.compile(pattern, flags).search
        except re.error as error:
            raise DataError(f"invalid regular expression {pattern!r}: {error}") from None
        return lambda value: search(value) is not None

    return make


_TEXT = {
    "iexact": _like(str.__eq__, fold=True),
    "contains": _like(str.__contains__),
    "icontains": _like(str.__contains__, fold=True),
    "startswith": _like(str.startswith),
    "istartswith": _like(str.startswith, fold=True),
    "endswith": _like(str.endswith),
    "iendswith": _like(str.endswith, fold=True),
    "regex": _regex(0),
    "iregex": _regex(re.IGNORECASE),
}


def _table(builder: Callable, *classes) -> dict:
    return dict.fromkeys(classes, builder)


# By exact class: a subclass may override as_sql() and mean something else.
_HANDLERS = {
    **_table(
        PredicateBuilder._comparison,
        lookups.Exact,
        lookups.GreaterThan,
        lookups.GreaterThanOrEqual,
        lookups.LessThan,
        lookups.LessThanOrEqual,
        lookups.IntegerFieldExact,
        lookups.IntegerGreaterThan,
        lookups.IntegerGreaterThanOrEqual,
        lookups.IntegerLessThan,
        lookups.IntegerLessThanOrEqual,
        related_lookups.RelatedExact,
        related_lookups.RelatedGreaterThan,
        related_lookups.RelatedGreaterThanOrEqual,
        related_lookups.RelatedLessThan,
        related_lookups.RelatedLessThanOrEqual,
    ),
    **_table(PredicateBuilder._in, lookups.In, related_lookups.RelatedIn),
    **_table(PredicateBuilder._range, lookups.Range),
    **_table(PredicateBuilder._is_null, lookups.IsNull, related_lookups.RelatedIsNull),
    **_table(
        PredicateBuilder._year,
        lookups.YearExact,
        lookups.YearGt,
        lookups.YearGte,
        lookups.YearLt,
        lookups.YearLte,
    ),
    **_table(
        PredicateBuilder._text,
        lookups.IExact,
        lookups.Contains,
        lookups.IContains,
        lookups.StartsWith,
        lookups.IStartsWith,
        lookups.EndsWith,
        lookups.IEndsWith,
        lookups.Regex,
        lookups.IRegex,
    ),
    tuple_lookups.TupleExact: PredicateBuilder._tuple_exact,
    tuple_lookups.TupleIn: PredicateBuilder._tuple_in,
    tuple_lookups.TupleIsNull: PredicateBuilder._tuple_is_null,
    **_table(
        PredicateBuilder._tuple_order,
        tuple_lookups.TupleGreaterThan,
        tuple_lookups.TupleGreaterThanOrEqual,
        tuple_lookups.TupleLessThan,
        tuple_lookups.TupleLessThanOrEqual,
    ),
}
