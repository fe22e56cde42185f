"""Conditions on one row, in SQL's three-valued logic: True, False, or None for unknown.

Each has `columns`, the columns it reads, and `bind(index)`, which gives a function from a row to
one of the three. A `Comparison` of a column with a constant is what can travel to Cassandra."""

import functools
import operator
from collections.abc import Callable

from .expr import Column, Constant, Expr
from .hashing import hashable
from .ordering import order_key

#: Operators of a Comparison. "in" compares with a tuple of values.
COMPARISONS = ("=", "<", "<=", ">", ">=", "in")


class Values(tuple):
    """The values of an IN: a tuple for CQL, a set for `in`."""

    def __new__(cls, values):
        self = super().__new__(cls, values)
        self.members = frozenset(map(hashable, self))
        return self

    def __contains__(self, value) -> bool:
        return hashable(value) in self.members


class Predicate:
    """A condition. `test` takes a row."""

    def __init__(self, columns: frozenset, bind: Callable):
        self.columns = columns
        self.bind = bind

    def conjuncts(self) -> list["Predicate"]:
        """Conditions that all have to hold, the smallest that can be told apart."""
        return [self]

    def as_key(self) -> dict[str, object] | None:
        """{column: value}, when the condition is that these columns equal these values and nothing else."""
        equal: dict[str, object] = {}
        for part in self.conjuncts():
            if not isinstance(part, Comparison) or part.op != "=" or part.column is None:
                return None
            value = part.value
            if part.column in equal or value is None or value != value:
                return None
            if type(value).__hash__ is None:
                return None
            equal[part.column] = value
        return equal or None


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


class RowExists(IsNull):
    """Is this a row, and not the static columns of a partition without rows? A read by the whole key gives rows alone."""

    def __init__(self, column: Column):
        super().__init__(column, False)


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


class Contains(Predicate):
    """Is a value among those of a collection column? `kind`: "values" or, of a map, "keys"."""

    def __init__(self, lhs: Expr, kind: str, value: object, *, empty: bool | None):
        """`empty` is the answer for null: None, or False where null is an empty collection."""
        self.lhs, self.kind, self.value, self.empty = lhs, kind, value, empty
        super().__init__(lhs.columns, self._bind)

    @property
    def contained(self) -> tuple[str, str] | None:
        """(column, kind), when an index on the column may be asked."""
        return (self.lhs.name, self.kind) if isinstance(self.lhs, Column) else None

    def _bind(self, index):
        get, value, empty, of_values = (
            self.lhs.bind(index),
            self.value,
            self.empty,
            self.kind == "values",
        )

        def test(row):
            stored = get(row)
            if stored is None:
                return empty
            if of_values and isinstance(stored, dict):
                stored = stored.values()
            return value in stored

        return test


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
    def conjuncts(self) -> list[Predicate]:
        """`a = 1 OR a IN (2, 3)` is one comparison."""
        columns = {getattr(child, "column", None) for child in self.children}
        if len(columns) != 1 or None in columns or not all(map(_is_equality, self.children)):
            return [self]
        values = [v for c in self.children for v in (c.value if c.op == "in" else [c.value])]
        return [Comparison(self.children[0].lhs, "in", Constant(Values(dict.fromkeys(values))))]

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


class RowIn(Predicate):
    """(a, b) IN ((…), (…)): `names` of columns and `rows`, tuples of constants that CQL can be asked for."""

    def __init__(self, names: tuple[str, ...], rows: list[tuple]):
        self.names, self.rows = names, list(dict.fromkeys(rows))
        super().__init__(frozenset(names), self._bind)

    def _bind(self, index):
        get = operator.itemgetter(*(index[name] for name in self.names))
        rows, members = self.rows, frozenset(self.rows)

        def test(row):
            found = get(row)
            if None not in found:
                return found in members
            alike = any(all(a is None or a == b for a, b in zip(found, r)) for r in rows)  # noqa: B905
            return None if alike else False

        return test


class RowOrder(And):
    """(a, b) > (x, y): `names` of columns and `values`, constants that CQL can be asked for. `children` say it
    column by column."""

    def __init__(self, op: str, names: tuple[str, ...], values: tuple, children: list[Predicate]):
        self.op, self.names, self.values = op, names, values
        super().__init__(children)

    def conjuncts(self) -> list[Predicate]:
        return [self]

    def after(self, fixed: dict) -> bool | tuple[tuple, tuple]:
        """What is left to ask for where the first columns have these values: (names, values), or the answer."""
        for i, (name, value) in enumerate(zip(self.names, self.values, strict=True)):
            if name not in fixed:
                return self.names[i:], self.values[i:]
            there, here = order_key(fixed[name]), order_key(value)
            if there != here:
                return (here < there) == (self.op[0] == ">")
        return len(self.op) == 2


class First(_Several):
    """The last child holds, and none before it: each row meets it for one of the branches of an OR."""

    def bind(self, index):
        *before, last = [child.bind(index) for child in self.children]

        def test(row):
            return last(row) is True and not any(one(row) is True for one in before)

        return test


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


def _is_equality(part: Predicate) -> bool:
    return isinstance(part, Comparison) and part.op in ("=", "in")


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
