"""How a table is reached for a condition: by whole keys, by a slice of partitions, by an index, or by a scan.

`choose()` splits the condition into CQL restrictions and a rest that is tested on our side. It never asks
for ALLOW FILTERING."""

import itertools
import math
from dataclasses import dataclass

from .keys import TableKey
from .predicates import And, Comparison, Predicate, RowIn, is_always_false

#: A product of IN lists beyond this many reads is filtered instead.
MAX_READS = 10_000

NOTHING, POINTS, SLICES, INDEX, SCAN = "nothing", "points", "slices", "index", "scan"


@dataclass
class Access:
    """`reads`: one (conditions, values) per statement, a condition being CQL like '"city" = ?'."""

    kind: str
    reads: list[tuple[str, list]]
    rest: list[Predicate]
    index: str | None = None  # the indexed column that is used
    fixed: frozenset = frozenset()  # columns with one value in all rows that are read

    @property
    def pinned(self) -> bool:
        """Is each read within one partition?"""
        return self.kind in (POINTS, SLICES)


def choose(key: TableKey, predicate: Predicate, quote) -> Access:
    """The cheapest way to the rows that meet the predicate. `quote` quotes a column's name."""
    parts = predicate.conjuncts()
    if is_always_false(parts):
        return Access(NOTHING, [], [])
    restrictions = _Restrictions(parts)
    for part in parts:
        if isinstance(part, RowIn) and (access := _rows(key, part, parts, quote)):
            return access
    if all(column in restrictions.equal for column in key.partition):
        access = _by_key(key, restrictions, parts, quote)
        if access is not None:
            return access
    return _by_index(key, restrictions, parts, quote) or Access(SCAN, [("", [])], parts)


class _Restrictions:
    """Comparisons of columns with constants, by column. The first `=` or IN on a column is the one that is used."""

    def __init__(self, parts: list[Predicate]):
        self.equal: dict[str, Comparison] = {}
        self.ranges: dict[str, list[Comparison]] = {}
        for part in parts:
            column = part.column if isinstance(part, Comparison) else None
            if column is None:
                continue
            if part.op in ("=", "in"):
                current = self.equal.get(column)
                if current is None or (current.op == "in" and part.op == "="):
                    self.equal[column] = part
            else:
                self.ranges.setdefault(column, []).append(part)

    def values(self, column: str) -> list:
        part = self.equal[column]
        return list(part.value) if part.op == "in" else [part.value]


def _by_key(key: TableKey, r: _Restrictions, parts, quote) -> Access | None:
    columns = list(key.partition)
    bounds: list[Comparison] = []
    for column, _ in key.clustering:
        if column in r.equal:
            columns.append(column)
        else:
            bounds = _one_slice(r.ranges.get(column, ()))
            break
    if key.clustering and not bounds and columns == list(key.partition):
        access = _index_in_partition(key, r, parts, quote)
        if access is not None:
            return access
    lists = [r.values(column) for column in columns]
    if math.prod(map(len, lists)) > MAX_READS:
        return None
    used = {id(part) for part in (*(r.equal[column] for column in columns), *bounds)}
    conditions = [f"{quote(column)} = ?" for column in columns]
    conditions += [f"{quote(bound.column)} {bound.op} ?" for bound in bounds]
    text, ends = " AND ".join(conditions), [bound.value for bound in bounds]
    products = [values for values in itertools.product(*lists) if "" not in _lone(key, values)]
    whole = len(columns) == len(key.columns)
    return Access(
        POINTS if whole else SLICES,
        [(text, [*values, *ends]) for values in products],
        [part for part in parts if id(part) not in used],
        fixed=frozenset(c for c, values in zip(columns, lists, strict=True) if len(values) == 1),
    )


def _lone(key: TableKey, values) -> tuple:
    """The value of a partition key of one column: Cassandra has no empty one, so no row has it."""
    return values[:1] if len(key.partition) == 1 else ()


def _one_slice(ranges) -> list[Comparison]:
    """At most one lower and one upper bound; further ones are tested on our side."""
    lower = next((part for part in ranges if part.op[0] == ">"), None)
    upper = next((part for part in ranges if part.op[0] == "<"), None)
    return [part for part in (lower, upper) if part is not None]


def _index_in_partition(key: TableKey, r: _Restrictions, parts, quote) -> Access | None:
    """One partition and an indexed column: the server intersects the two."""
    column = next((c for c in _indexed(key, r) if r.equal[c].op == "="), None)
    if column is None or any(len(r.values(c)) != 1 for c in key.partition):
        return None
    columns = [*key.partition, column]
    used = {id(r.equal[c]) for c in columns}
    values = [r.values(c)[0] for c in columns]
    if "" in _lone(key, tuple(values)):
        return Access(NOTHING, [], [])
    return Access(
        SLICES,
        [(" AND ".join(f"{quote(c)} = ?" for c in columns), values)],
        [part for part in parts if id(part) not in used],
        index=column,
        fixed=frozenset(columns),
    )


def _indexed(key: TableKey, r: _Restrictions) -> list[str]:
    """Indexed columns with an equality, the one that finds a single row first."""
    found = [column for column in r.equal if column in key.indexed]
    return sorted(found, key=lambda column: (column != key.lookup, r.equal[column].op == "in"))


def _by_index(key: TableKey, r: _Restrictions, parts, quote) -> Access | None:
    for column in _indexed(key, r):
        values = r.values(column)
        if len(values) > MAX_READS:
            continue
        rest = [part for part in parts if part is not r.equal[column]]
        fixed = frozenset([column]) if len(values) == 1 else frozenset()
        return Access(
            INDEX, [(f"{quote(column)} = ?", [v]) for v in values], rest, index=column, fixed=fixed
        )
    for column in sorted(key.ranged & r.ranges.keys()):
        bounds = _one_slice(r.ranges[column])
        text = " AND ".join(f"{quote(column)} {bound.op} ?" for bound in bounds)
        rest = [part for part in parts if part not in bounds]
        return Access(INDEX, [(text, [bound.value for bound in bounds])], rest, index=column)
    return None


def _rows(key: TableKey, rows: RowIn, parts, quote) -> Access | None:
    """Several whole keys, or several keys that each pin their partition."""
    rest = [part for part in parts if part is not rows]
    reads, seen = [], set()
    kinds = set()
    for child in rows.children:
        access = choose(key, And([child]), quote)
        if access.kind == NOTHING:
            continue
        if not access.pinned or access.rest or access.index:
            return None
        kinds.add(access.kind)
        for text, values in access.reads:
            if (mark := (text, tuple(values))) not in seen:
                seen.add(mark)
                reads.append((text, values))
    if not kinds:
        return Access(NOTHING, [], [])
    if kinds != {POINTS}:
        return None  # slices may overlap each other: filter instead
    return Access(POINTS, reads, rest)
