"""Django's WHERE tree as a Predicate over one table."""

import decimal
import functools
import re
from collections.abc import Callable

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import DataError
from django.db.models import fields, lookups
from django.db.models.expressions import ColPairs, ExpressionList
from django.db.models.fields import related_lookups, tuple_lookups
from django.db.models.sql.where import ExtraWhere, NothingNode, WhereNode

from .evaluate import Evaluator, at_midnight
from .exceptions import not_answerable, not_supported
from .expr import Column, Constant, Expr
from .fields import SetField
from .fields.keys import TupleRange
from .fields.transforms import Contains as ContainsLookup
from .fields.transforms import ContainsKey, HasKey
from .hashing import hashable
from .kinds import TEXT_FIELDS, comparable, stored_field
from .predicates import (
    And,
    Comparison,
    Const,
    Contains,
    IsNull,
    Not,
    Or,
    Predicate,
    RowIn,
    RowOrder,
    Test,
    Values,
    Xor,
    is_always_false,
)

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
        if handler is not None and type(node) in _RELATED and isinstance(node.lhs, ColPairs):
            return self.build(self._of_relation(node))
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
        return self._against(lookup, self._lhs(lookup), _OPERATORS[lookup.lookup_name], lookup.rhs)

    def _against(self, lookup, lhs: Expr, op: str, rhs) -> Predicate:
        """The lhs compared with an expression of the same row, or with one value."""
        if isinstance(rhs, ColPairs):
            raise ValueError("CompositePrimaryKey cannot be used as a lookup value.")  # as Django
        if hasattr(rhs, "resolve_expression") or hasattr(rhs, "as_sql"):
            self._refuse_subquery(rhs)
            return compared(lookup.lhs, lhs, op, rhs, self.evaluator.expression(rhs))
        if rhs is None:
            return Const(None)
        return self._compare(lhs, op, rhs, lambda v: self._prepared(lookup, v))

    def _compare(self, lhs: Expr, op: str, raw: object, prepare: Callable) -> Predicate:
        """One comparison with one value. One that the column cannot hold equals no row's, and all rows with
        a value are on the same side of it."""
        field = _field_of(lhs)
        _refuse_json(field)
        if isinstance(field, fields.DecimalField) and isinstance(
            raw, (int, float, decimal.Decimal, str)
        ):
            return self._compare_decimal(lhs, op, field, raw)
        value = prepare(raw)
        if self._holds(field, value):
            return Comparison(lhs, op, Constant(value))
        return _beyond(lhs, op, value)

    def _compare_decimal(self, lhs, op, field, raw) -> Predicate:
        value = field.to_python(raw)
        try:
            stored = self.connection.ops.adapt_decimalfield_value(
                value, field.max_digits, field.decimal_places
            )
        except DataError:
            return _beyond(lhs, op, value)
        if stored == value:
            return Comparison(lhs, op, Constant(stored))
        # Between two values that the column can hold: CQL compares with it as well, nothing equals it.
        return Const(False) if op == "=" else Comparison(lhs, op, Constant(value))

    def _holds(self, field, value) -> bool:
        """Can a column of the field hold the value? If not, CQL would refuse it as a parameter."""
        if isinstance(field, fields.IntegerField):
            low, high = getattr(field, "limits", None) or self.connection.ops.integer_field_range(
                field.get_internal_type()
            )
            return isinstance(value, int) and (low is None or low <= value <= high)
        return True

    def _in(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        self._refuse_subquery(lookup.rhs)
        _refuse_json(_field_of(lhs))
        members = [self._against(lookup, lhs, "=", value) for value in _members(lookup.rhs)]
        if not all(isinstance(part, Const) or part.exact for part in members):
            return Or(members)  # expressions of the row are among them
        # A null, and a value that no column can hold, equals nothing; it drops out, as in Django's own IN.
        values = _distinct(part.value for part in members if isinstance(part, Comparison))
        if not values:
            return Const(False)
        if len(values) == 1:
            return Comparison(lhs, "=", Constant(values[0]))
        return Comparison(lhs, "in", Constant(Values(values)))

    def _range(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        self._refuse_subquery(lookup.rhs)
        ends = zip((">=", "<="), _members(lookup.rhs), strict=True)
        return And([self._against(lookup, lhs, op, value) for op, value in ends])

    def _is_null(self, lookup) -> Predicate:
        return IsNull(self._lhs(lookup), _wanted_null(lookup))

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

    # --- collections ---

    def _contains(self, lookup) -> Predicate:
        """CONTAINS and CONTAINS KEY."""
        lhs, field = self._lhs(lookup), stored_field(lookup.lhs.output_field)
        if not lookup.rhs_is_direct_value():
            raise not_supported(f"{self._name(lookup)} with an expression", "Filter in Python.")
        element = field.element_of(lookup.kind)
        value = element.get_db_prep_value(
            element.to_python(lookup.rhs), connection=self.connection, prepared=False
        )
        stored_in_set = lookup.kind == "keys" or isinstance(field, SetField)
        return Contains(
            lhs,
            lookup.kind,
            hashable(value) if stored_in_set else value,
            empty=False if field.is_multicell and not field.null else None,
        )

    # --- text ---

    def _text(self, lookup) -> Predicate:
        lhs = self._lhs(lookup)
        if not isinstance(stored_field(lookup.lhs.output_field), TEXT_FIELDS):
            raise not_supported(
                f"{self._name(lookup)} on a column that is not text", "Filter in Python."
            )
        if not lookup.rhs_is_direct_value():
            raise not_supported(f"{self._name(lookup)} with an expression", "Filter in Python.")
        if lookup.rhs is None:
            return IsNull(lhs, True)  # iexact=None, as Django has it
        return Test(lhs, _TEXT[lookup.lookup_name](str(lookup.rhs)))

    # --- composite keys ---

    def _tuple_columns(self, lookup) -> list[Callable]:
        """For each column of the key a function (op, value) → Predicate."""
        if not isinstance(lookup.lhs, ColPairs):
            raise not_supported(
                "A lookup on a tuple of expressions", "Name the columns one by one."
            )
        return [functools.partial(self._member, col) for col in lookup.lhs.get_cols()]

    def _member(self, col, op: str, value) -> Predicate:
        """One column of a tuple compared with its member of the other tuple."""
        lhs = self.evaluator.expression(col)
        if hasattr(value, "resolve_expression"):
            return compared(col, lhs, op, value, self.evaluator.expression(value))
        if value is None:
            return Const(None)
        field = stored_field(col.output_field)
        return self._compare(
            lhs, op, value, lambda v: field.get_db_prep_value(v, connection=self.connection)
        )

    def _of_relation(self, lookup):
        """A relation of several columns compared with instances or tuples: the lookup on tuples that it means."""
        self._refuse_subquery(lookup.rhs)
        rhs = lookup.rhs
        if lookup.lookup_name == "in":
            rhs = [related_lookups.get_normalized_value(value, lookup.lhs) for value in rhs]
        elif lookup.lookup_name != "isnull":
            rhs = related_lookups.get_normalized_value(rhs, lookup.lhs)
        return tuple_lookups.tuple_lookups[lookup.lookup_name](lookup.lhs, rhs)

    def _tuple_equals(self, columns, values) -> Predicate:
        return And([column("=", value) for column, value in zip(columns, values, strict=True)])

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
        branches = [self._tuple_equals(columns, values) for values in rows]
        # A row with a value that its column cannot hold equals none.
        branches = [branch for branch in branches if not is_always_false(branch.conjuncts())]
        if not branches:
            return Const(False)
        if len(columns) == 1:  # a foreign key that is prefetched
            return Or([branch.children[0] for branch in branches])
        if not all(_is_plain(part) for branch in branches for part in branch.children):
            return Or(branches)
        names = tuple(part.column for part in branches[0].children)
        return RowIn(names, [tuple(p.value for p in branch.children) for branch in branches])

    def _tuple_order(self, lookup) -> Predicate:
        """(a, b) > (x, y): a > x, or a = x and b > y."""
        self._refuse_subquery(lookup.rhs)
        columns, values = self._tuple_columns(lookup), lookup.rhs
        op = _OPERATORS[lookup.lookup_name]
        branches = []
        for i, (column, value) in enumerate(zip(columns, values, strict=True)):
            last = i == len(columns) - 1
            before = [c("=", v) for c, v in zip(columns[:i], values[:i], strict=True)]
            branches.append(And([*before, column(op if last else op[0], value)]))
        # The first column alone bounds the rows: a condition that a key can serve.
        children = [columns[0](op[0] + "=", values[0]), Or(branches)]
        ends = branches[-1].children
        if not all(_is_plain(part) for part in (children[0], *ends)):
            return And(children)
        names = tuple(part.column for part in ends)
        return RowOrder(op, names, tuple(part.value for part in ends), children)

    def _tuple_range(self, lookup) -> Predicate:
        return And([self._tuple_order(end) for end in lookup.ends()])

    def _tuple_is_null(self, lookup) -> Predicate:
        if not isinstance(lookup.lhs, ColPairs):
            raise not_supported(
                "A lookup on a tuple of expressions", "Name the columns one by one."
            )
        null = _wanted_null(lookup)
        parts = [IsNull(self.evaluator.expression(col), null) for col in lookup.lhs.get_cols()]
        return Or(parts) if null else And(parts)


def _distinct(values) -> tuple:
    """Each value once, collections among them."""
    return tuple({hashable(value): value for value in values}.values())


def _field_of(expr: Expr):
    return expr.field if isinstance(expr, Column) else None


def _is_plain(part: Predicate) -> bool:
    """Does it compare a column with a constant that CQL can be asked for?"""
    return isinstance(part, Comparison) and part.column is not None


def _wanted_null(lookup) -> bool:
    if not isinstance(lookup.rhs, bool):
        raise ValueError("The QuerySet value for an isnull lookup must be True or False.")
    return lookup.rhs


def _members(rhs) -> list:
    """The values of an IN or a range; Django wraps them when an expression is among them."""
    return rhs.get_source_expressions() if isinstance(rhs, ExpressionList) else list(rhs)


def _beyond(lhs: Expr, op: str, value) -> Predicate:
    """A comparison with a number outside of what the column can hold."""
    if op == "=" or (op[0] == "<") == (value < 0):
        return Const(False)
    return Comparison(lhs, op, Constant(value), exact=False)


def compared(left, lhs: Expr, op: str, right, rhs: Expr) -> Predicate:
    """Two expressions compared. `left` and `right` are the Django nodes that lhs and rhs came from."""
    for expr in (lhs, rhs):
        _refuse_json(_field_of(expr))
    if isinstance(rhs, Constant) and rhs.value is None:
        return Const(None)
    kinds = {comparable(left), comparable(right)}
    if kinds == {"date", "datetime"}:
        lhs, rhs = (
            at_midnight(e) if comparable(n) == "date" else e for n, e in ((left, lhs), (right, rhs))
        )
    elif len(kinds) > 1:
        raise not_answerable(
            f"A comparison of {' with '.join(sorted(kinds))}", "Compare values of one type."
        )
    return Comparison(lhs, op, rhs, exact=False)


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
    **_table(PredicateBuilder._contains, ContainsLookup, HasKey, ContainsKey),
    tuple_lookups.TupleExact: PredicateBuilder._tuple_exact,
    tuple_lookups.TupleIn: PredicateBuilder._tuple_in,
    TupleRange: PredicateBuilder._tuple_range,
    tuple_lookups.TupleIsNull: PredicateBuilder._tuple_is_null,
    **_table(
        PredicateBuilder._tuple_order,
        tuple_lookups.TupleGreaterThan,
        tuple_lookups.TupleGreaterThanOrEqual,
        tuple_lookups.TupleLessThan,
        tuple_lookups.TupleLessThanOrEqual,
    ),
}
_RELATED = frozenset(
    {
        related_lookups.RelatedExact,
        related_lookups.RelatedGreaterThan,
        related_lookups.RelatedGreaterThanOrEqual,
        related_lookups.RelatedIn,
        related_lookups.RelatedIsNull,
        related_lookups.RelatedLessThan,
        related_lookups.RelatedLessThanOrEqual,
    }
)
