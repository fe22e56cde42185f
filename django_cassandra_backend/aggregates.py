"""Aggregates folded on our side: Cassandra's wrap at the column's type, truncate, and give 0 for no rows."""

import decimal
import math
from collections.abc import Callable
from fractions import Fraction

from django.db import models
from django.db.models.expressions import ColPairs, Ref, Star

from .compat import aggregate_condition
from .evaluate import Evaluator
from .exceptions import not_answerable, not_supported
from .expr import Column
from .hashing import hashable
from .kinds import stored_field
from .lookups import PredicateBuilder
from .ordering import order_key
from .reads import greatest, least

_EXACT = decimal.Context(prec=1000)  # digits; a sum of stored decimals does not round


class Fold:
    """One aggregate: `step(row)` for each row, then `finish()`."""

    def __init__(self, get: Callable | None, test: Callable | None, distinct: bool):
        self.get, self.test = get, test
        self.seen = set() if distinct else None

    def step(self, row) -> None:
        if self.test is not None and self.test(row) is not True:
            return
        value = True if self.get is None else self.get(row)
        if value is None:
            return
        if self.seen is not None:
            mark = hashable(value)
            if mark in self.seen:
                return
            self.seen.add(mark)
        self.add(value)


class Count(Fold):
    total = 0

    def add(self, value) -> None:
        self.total += 1

    def finish(self):
        return self.total


class Least(Fold):
    best = None

    def add(self, value) -> None:
        if self.best is None or self.better(order_key(value), order_key(self.best)):
            self.best = value

    @staticmethod
    def better(a, b) -> bool:
        return a < b

    def finish(self):
        return self.best


class Greatest(Least):
    @staticmethod
    def better(a, b) -> bool:
        return b < a


class Sum(Fold):
    total = None
    count = 0

    def add(self, value) -> None:
        self.count += 1
        self.total = value if self.total is None else _plus(self.total, value)

    def finish(self):
        return self.total


class Average(Sum):
    def finish(self):
        if self.total is None:
            return None
        if isinstance(self.total, int):  # microseconds of a duration
            return round(self.total / self.count)
        return self.total / self.count


class Variance(Fold):
    """Exact sums, so that no digit is lost to the order of the rows; null where there are too few of them."""

    count = 0
    total = squares = 0
    finite = True
    cast: Callable = float
    sample = False

    def add(self, value) -> None:
        self.count += 1
        if isinstance(value, float) and not math.isfinite(value):
            self.finite = False
            return
        exact = value if isinstance(value, int) else Fraction(value)
        self.total += exact
        self.squares += exact * exact

    def finish(self):
        divisor = self.count - self.sample
        if divisor <= 0:
            return None
        if not self.finite:
            return math.nan
        spread = self.squares - Fraction(self.total) ** 2 / self.count
        return self.result(spread / divisor)

    def result(self, variance: Fraction):
        if self.cast is float:
            return float(variance)
        return decimal.Decimal(variance.numerator) / variance.denominator


class Deviation(Variance):
    def result(self, variance: Fraction):
        variance = super().result(variance)
        return math.sqrt(variance) if isinstance(variance, float) else variance.sqrt()


def _spread(cls: type, node) -> type:
    """The class for one StdDev() or Variance(): of a sample or of all, as float or as decimal."""
    decimals = isinstance(node.output_field, models.DecimalField)
    cast = decimal.Decimal if decimals else float
    return type(cls.__name__, (cls,), {"cast": cast, "sample": node.function.endswith("_SAMP")})


def _plus(a, b):
    if isinstance(a, decimal.Decimal):
        return _EXACT.add(a, b)
    return a + b


_FOLDS = {
    models.Count: Count,
    models.Min: Least,
    models.Max: Greatest,
    models.Sum: Sum,
    models.Avg: Average,
    models.StdDev: Deviation,
    models.Variance: Variance,
}


def is_count_star(node) -> bool:
    """COUNT(*), or a count of something that is never null: the key."""
    if type(node) is not models.Count or node.filter is not None or node.distinct:
        return False
    (source,) = node.get_source_expressions()[:1]
    return isinstance(source, (Star, ColPairs)) or getattr(
        getattr(source, "target", None), "primary_key", False
    )


class FoldBuilder:
    """Makes the folds of one query: `columns` that they read, and `bind(index)` for their factories."""

    def __init__(self, evaluator: Evaluator, nodes):
        self.parts = [self._part(evaluator, node) for node in nodes]
        self.columns = frozenset().union(*(columns for columns, _ in self.parts))

    def bind(self, index) -> list[Callable[[], Fold]]:
        return [bind(index) for _, bind in self.parts]

    def _part(self, evaluator, node):
        if not isinstance(node, models.Aggregate):
            return self._combined(evaluator, node)
        cls = _FOLDS.get(type(node))
        if cls is None:
            raise not_supported(f"The aggregate {type(node).__name__}()", "Compute it in Python.")
        if getattr(node, "order_by", None):
            raise not_supported("An ordered aggregate", "Sort in Python.")
        source = node.get_source_expressions()[0]
        whole_row = isinstance(source, (Star, ColPairs))
        expr = None if whole_row else evaluator.expression(source)
        if cls in (Sum, Average):
            _refuse_text(node, source)
        elif issubclass(cls, Variance):
            _refuse_text(node, source, durations=False)
            cls = _spread(cls, node)
        as_float = cls is Average and isinstance(node.output_field, models.FloatField)
        predicate = (
            PredicateBuilder(evaluator).build(aggregate_condition(node))
            if node.filter is not None
            else None
        )
        columns = (expr.columns if expr else frozenset()) | (
            predicate.columns if predicate else frozenset()
        )

        def bind(index):
            get = expr.bind(index) if expr else None
            if as_float:
                plain = get
                get = lambda row: None if (v := plain(row)) is None else float(v)  # noqa: E731
            test = predicate.bind(index) if predicate else None
            return lambda: cls(get, test, node.distinct)

        return columns, bind

    def _combined(self, evaluator, node):
        """An expression of aggregates, such as Sum("a") / Count("b") or what default= makes of one."""
        found = _AfterFolds(evaluator.connection, None, evaluator.moment)
        outer = found.expression(node)
        if outer.columns - set(found.names):
            raise not_supported("A default of an aggregate that is computed from columns")
        parts = [self._part(evaluator, aggregate) for aggregate in found.aggregates]

        def bind(index):
            makers = [make(index) for _, make in parts]
            get = outer.bind({name: i for i, name in enumerate(found.names)})
            return lambda: _Combined([make() for make in makers], get)

        return frozenset().union(*(columns for columns, _ in parts)), bind


class _AfterFolds(Evaluator):
    """Reads an expression of aggregates: each of them is a column of the row that their results make."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.aggregates: list = []
        self.names: list[str] = []

    def expression(self, node):
        if isinstance(node, models.Aggregate):
            self.aggregates.append(node)
            self.names.append(f"aggregate {len(self.names)}")
            return Column(self.names[-1], stored_field(node.output_field))
        return super().expression(node)


class _Combined:
    """Folds whose results are the row of an expression."""

    def __init__(self, folds: list, get: Callable):
        self.folds, self.get = folds, get

    def step(self, row) -> None:
        for fold in self.folds:
            fold.step(row)

    def finish(self):
        return self.get(tuple(fold.finish() for fold in self.folds))


def _refuse_text(node, source, *, durations: bool = True) -> None:
    numeric = (models.IntegerField, models.FloatField, models.DecimalField)
    field = stored_field(source.output_field)
    if not isinstance(field, (*numeric, models.DurationField) if durations else numeric):
        raise not_answerable(f"The aggregate {type(node).__name__}() of {type(field).__name__}")


class InnerColumns(Evaluator):
    """Aggregates over what an inner query gives: its columns are known by their aliases."""

    def expression(self, node):
        if isinstance(node, Ref):
            return Column(node.refs, stored_field(node.output_field))
        return super().expression(node)


def server_aggregate(node, pinned: bool, quote) -> tuple[str, Callable] | None:
    """(CQL, what makes one value of those of several statements) where the server's answer is the exact one: counts,
    and min and max within partitions."""
    if is_count_star(node):
        return "COUNT(*)", sum
    kind = type(node)
    target = getattr(node.get_source_expressions()[0], "target", None)
    if target is None or target.column is None or node.filter is not None:
        return None
    column = quote(target.column)
    if kind is models.Count and not node.distinct:
        return f"COUNT({column})", sum
    if pinned and kind in (models.Min, models.Max):
        return (f"MIN({column})", least) if kind is models.Min else (f"MAX({column})", greatest)
    return None
