"""Slices of one partition: comparisons of its clustering columns as the two ends of a CQL range.

A comparison of one column and one of several, `(row, number) > (?, ?)`, are ends alike. The tightest end of each side
is sent; it implies the others, so that nothing of them is left to test."""

from dataclasses import dataclass

from .ordering import order_key
from .predicates import Comparison, Predicate, RowOrder

_BELOW, _ABOVE = (-1,), (1,)  # less and greater than each (0, value)


@dataclass(frozen=True)
class End:
    """`columns op values`, as in (row, number) >= (3, 1)."""

    op: str
    columns: tuple[str, ...]
    values: tuple

    @property
    def is_lower(self) -> bool:
        return self.op[0] == ">"

    @property
    def place(self) -> list:
        """Where it cuts the order of the rows. Ends of different length can be compared."""
        after = _ABOVE if self.op in (">", "<=") else _BELOW
        return [*((0, order_key(value)) for value in self.values), after]

    def cql(self, quote, as_tuple: bool) -> str:
        names = ", ".join(map(quote, self.columns))
        if not as_tuple:
            return f"{names} {self.op} ?"
        return f"({names}) {self.op} ({', '.join('?' * len(self.columns))})"


@dataclass(frozen=True)
class Slice:
    """A range of the rows of a partition. `kept`: the parts that it does not say in full."""

    ends: list[End]
    kept: list[Predicate]

    @property
    def has_tuples(self) -> bool:
        return any(len(end.columns) > 1 for end in self.ends)

    @property
    def values(self) -> list:
        return [value for end in self.ends for value in end.values]

    def conditions(self, quote) -> list[str]:
        # One relation in the tuple notation makes both so: servers have refused a mixture.
        return [end.cql(quote, self.has_tuples) for end in self.ends]


def cut(free: list[str], fixed: dict, parts: list[Comparison | RowOrder]) -> Slice | None:
    """The slice that meets the parts where `free` are the clustering columns without an equality, and `fixed`
    maps those before them to their values. None: no row can."""
    ends, kept = [], []
    for part in parts:
        if isinstance(part, Comparison):
            ends.append(End(part.op, (part.column,), (part.value,)))
            continue
        left = part.after(fixed)
        if left is False:
            return None
        if left is True:
            continue
        end, whole = _fitted(part.op, *left, free)
        if end is not None:
            ends.append(end)
        if not whole:
            kept.append(part)
    lower = [end for end in ends if end.is_lower]
    upper = [end for end in ends if not end.is_lower]
    found = []
    if lower:
        found.append(max(lower, key=lambda end: end.place))
    if upper:
        found.append(min(upper, key=lambda end: end.place))
    return Slice(found, kept)


def _fitted(op: str, columns, values, free) -> tuple[End | None, bool]:
    """The end that the free columns allow, and whether it says all of the comparison."""
    count = 0
    while count < min(len(columns), len(free)) and columns[count] == free[count]:
        count += 1
    if count == len(columns):
        return End(op, tuple(columns), tuple(values)), True
    if count == 0:
        return None, False
    return End(op[0] + "=", tuple(columns[:count]), tuple(values[:count])), False
