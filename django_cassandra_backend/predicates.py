"""Conditions on one row, in SQL's three-valued logic: True, False, or None for unknown.

Each has `columns`, the columns it reads, and `bind(index)`, which gives a function from a row to
one of the three. A `Comparison` of a column with a constant is what can travel to Cassandra."""

import functools
from collections.abc import Callable

from .evaluate import Column, Constant, Expr
from .ordering import order_key

#: Operators of a Comparison. "in" compares with a tuple of values.
COMPARISONS = ("=", "<", "<=", ">", ">=", "in")


class Predicate:
    """A condition. `test` takes a row."""

    def __init__(self, columns: frozenset, bind: Callable):
        self.columns = columns
        self.bind = bind

    def conjuncts(self) -> list["Predicate"]:
        """Conditions that all have to hold, the smallest that can be told apart."""
        return [self]


class Const(Predicate):
    """True, False or unknown for every row."""

    def __init__(self, value: bool | None):
        self.value = value
        super().__init__(frozenset(), lambda index: lambda row: value)

    def conjuncts(self) -> list[Predicate]:
        return [] if self.value is True else [self]


class Comparison(Predicate):
    """`lhs op rhs`. `exact`: the database compares as we do, so the comparison may be sent there."""

    def __init__(self, lhs: Expr, op: str, rhs: Expr, *, exact: bool = True):
        self.lhs, self.op, self.rhs = lhs, op, rhs
        self.exact = exact

    @functools.cached_property
    def columns(self) -> frozenset:
        return self.lhs.columns | self.rhs.columns

    @property
    def column(self) -> str | None:
        """The column, when this compares a column with a constant that CQL can be asked for."""
        if self.exact and isinstance(self.lhs, Column) and isinstance(self.rhs, Constant):
            return self.lhs.name
        return None

    @property
    def value(self) -> object:
        return self.rhs.value

    def bind(self, index):
        left, right, compare = self.lhs.bind(index), self.rhs.bind(index), _COMPARE[self.op]

        def test(row):
            a, b = left(row), right(row)
            return None if a is None or b is None else compare(a, b)

        return test


class IsNull(Predicate):
    """`lhs IS NULL`, or IS NOT NULL: never unknown."""

    def __init__(self, lhs: Expr, null: bool):
        self.lhs, self.null = lhs, null
        super().__init__(lhs.columns, self._bind)

    @property
    def column(self) -> str | None:
        return self.lhs.name if isinstance(self.lhs, Column) else None

    def _bind(self, index):
        get, null = self.lhs.bind(index), self.null
        return lambda row: (get(row) is None) is null


class Test(Predicate):
    """A Python function of one value; null gives unknown."""

    def __init__(self, lhs: Expr, function: Callable):
        def bind(index):
            get = lhs.bind(index)

            def test(row):
                value = get(row)
                return None if value is None else function(value)

            return test

        super().__init__(lhs.columns, bind)


class _Several(Predicate):
    """Conditions that are joined."""

    def __init__(self, children: list[Predicate]):
        self.children = children

    @functools.cached_property
    def columns(self) -> frozenset:
        return frozenset().union(*(child.columns for child in self.children))


class And(_Several):
    def conjuncts(self) -> list[Predicate]:
        return [part for child in self.children for part in child.conjuncts()]

    def bind(self, index):
        tests = [child.bind(index) for child in self.children]

        def test(row):
            result = True
            for one in tests:
                value = one(row)
                if value is False:
                    return False
                if value is None:
                    result = None
            return result

        return test


class Or(_Several):
    def bind(self, index):
        tests = [child.bind(index) for child in self.children]

        def test(row):
            result = False
            for one in tests:
                value = one(row)
                if value is True:
                    return True
                if value is None:
                    result = None
            return result

        return test


class RowIn(Or):
    """(a, b) IN ((…), (…)): each child is a conjunction of `=`, so each can be a read of its own."""


class Xor(_Several):
    """True when an odd number of the children is true: Django's meaning of Q() ^ Q(), where unknown counts as false."""

    def bind(self, index):
        tests = [child.bind(index) for child in self.children]

        def test(row):
            return sum(one(row) is True for one in tests) % 2 == 1

        return test


class Not(Predicate):
    def __init__(self, child: Predicate):
        self.child = child
        super().__init__(child.columns, self._bind)

    def _bind(self, index):
        inner = self.child.bind(index)

        def test(row):
            value = inner(row)
            return None if value is None else not value

        return test


def is_always_false(parts: list[Predicate]) -> bool:
    """Can no row meet all of the conjuncts, whatever the table holds?"""
    return any(isinstance(part, Const) and part.value is not True for part in parts)


_COMPARE = {
    "=": lambda a, b: a == b,
    "in": lambda a, b: a in b,
    "<": lambda a, b: order_key(a) < order_key(b),
    "<=": lambda a, b: order_key(a) <= order_key(b),
    ">": lambda a, b: order_key(a) > order_key(b),
    ">=": lambda a, b: order_key(a) >= order_key(b),
}
