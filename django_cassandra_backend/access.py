"""How a table is reached for a condition: by whole keys, by slices of partitions, by indexes, or by a scan.

`choose()` splits the condition into CQL restrictions and a rest that is tested on our side. It never asks
for ALLOW FILTERING."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from .expr import Constant, MapEntry
from .keys import TableKey
from .predicates import (
    And,
    Comparison,
    Contains,
    First,
    Or,
    Predicate,
    RowExists,
    RowIn,
    RowOrder,
    is_always_false,
)
from .slices import End, cut
from .uniques import value_of

#: A product of several IN lists beyond this many reads is filtered instead.
MAX_READS = 10_000
#: An OR of more branches than this is not read branch by branch.
MAX_BRANCHES = 100

NOTHING, POINTS, SLICES, INDEX, SCAN = "nothing", "points", "slices", "index", "scan"
CLAIMS = (
    "claims"  # of unique values: each names the key of the row that holds the value, if one does
)


@dataclass
class Access:
    """`reads`: one (conditions, values) per statement, a condition being CQL like '"city" = ?'.

    `tests`: what else the rows of each read have to meet, beside the rest; None where that is nothing."""

    kind: str
    reads: list[tuple[str, list]]
    rest: list[Predicate]
    indexes: tuple[str, ...] = ()  # the indexed columns that are used
    fixed: frozenset = frozenset()  # columns with one value in all rows that are read
    tests: list[Predicate] | None = None
    has_tuples: bool = False  # conditions of several columns, which only a SELECT may have
    claims: str | None = None  # the table of claims that is read first; `reads` are its own then

    @property
    def index(self) -> str | None:
        """The first of the indexes."""
        return self.indexes[0] if self.indexes else None

    @property
    def pinned(self) -> bool:
        """Is each read within one partition?"""
        return self.kind in (POINTS, SLICES)

    def looks_up(self, key: TableKey) -> bool:
        """Is this a look-up of primary keys beside a PhysicalKey, where a row on the move may stand twice?"""
        return self.index is not None and self.index == key.lookup

    @property
    def exact(self) -> bool:
        """Are the rows that are read the ones that are asked for?"""
        return not self.rest and self.tests is None


def choose(key: TableKey, predicate: Predicate, quote, *, by_claims: bool = True) -> Access:
    """The cheapest way to the rows that meet the predicate. `quote` quotes a column's name."""
    parts = predicate.conjuncts()
    if is_always_false(parts):
        return Access(NOTHING, [], [])
    access = _cheapest(key, parts, quote, by_claims)
    if access.kind == POINTS:
        access.rest = [part for part in access.rest if not isinstance(part, RowExists)]
    return access


def _cheapest(key: TableKey, parts: list[Predicate], quote, by_claims: bool) -> Access:
    restrictions = _Restrictions(parts)
    access = None
    if all(column in restrictions.equal for column in key.partition):
        access = _by_key(key, restrictions, parts, quote)
        if access is not None and access.kind in (NOTHING, POINTS):
            return access
    for part in parts:
        if isinstance(part, RowIn) and (found := _rows(key, part, parts, quote)) is not None:
            return found
    if access is None and by_claims:
        access = _by_claims(key, restrictions, parts)
    access = access or _by_index(key, restrictions, parts, quote)
    union = _union(key, restrictions, parts, quote) if access is None or access.pinned else None
    if union is not None and (access is None or _is_narrower(union, access)):
        return union
    return access or Access(SCAN, [("", [])], parts)


class _Restrictions:
    """Comparisons of columns with constants, by column. The first `=` or IN on a column is the one that is used."""

    def __init__(self, parts: list[Predicate]):
        self.equal: dict[str, Comparison] = {}
        self.ranges: dict[str, list[Comparison]] = {}
        self.orders = [part for part in parts if isinstance(part, RowOrder)]
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
    """Whole keys or slices, one read for each combination of the values that are asked for."""
    columns, free = list(key.partition), []
    for column, _ in key.clustering:
        if column in r.equal and not free:
            columns.append(column)
        else:
            free.append(column)
    whole = len(columns) == len(key.columns)
    ranges = [*r.ranges.get(free[0], ()), *r.orders] if free else r.orders
    used = {id(r.equal[column]) for column in columns} | {id(part) for part in ranges}
    alone = columns == list(key.partition) and not ranges
    beside = _NO_INDEXES if whole else _indexes(key, r, columns, alone)
    if beside is not _NO_INDEXES:
        used |= beside.used(r)
    elements = _NO_ELEMENTS if whole else _elements(key, beside.columns, parts, quote)
    used |= elements.used
    lists = [r.values(column) for column in (*columns, *beside.equal)]
    if math.prod(map(len, lists)) > MAX_READS and sum(len(v) > 1 for v in lists) > 1:
        return None
    equal = [f"{quote(column)} = ?" for column in (*columns, *beside.equal)]
    ends = beside.ends(r)
    more = [*(end.cql(quote, False) for end in ends), *elements.conditions]
    last = [*(end.values[0] for end in ends), *elements.values]
    reads, has_tuples = [], False
    plain = " AND ".join([*equal, *more])  # without a range of clustering columns
    for values in itertools.product(*lists):
        if values[0] == "" and len(key.partition) == 1:
            continue  # Cassandra has no empty partition key, so no row has it
        if not ranges:
            reads.append((plain, [*values, *last]))
            continue
        part = cut(free, dict(zip(columns, values, strict=False)), ranges)
        if part is None:
            continue
        used -= {id(kept) for kept in part.kept}
        has_tuples |= part.has_tuples
        text = " AND ".join([*equal, *part.conditions(quote), *more])
        reads.append((text, [*values, *part.values, *last]))
    if not reads:
        return Access(NOTHING, [], [])
    named = (*columns, *beside.equal)
    fixed = (c for c, v in zip(named, lists, strict=True) if len(v) == 1)
    return Access(
        POINTS if whole else SLICES,
        reads,
        [part for part in parts if id(part) not in used],
        indexes=(*beside.columns, *elements.columns),
        fixed=frozenset(fixed),
        has_tuples=has_tuples,
    )


@dataclass(frozen=True)
class _Indexes:
    """Indexed columns that the server intersects: those with an equality, and those with a range."""

    equal: list[str]
    ranged: list[str]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.equal, *self.ranged)

    def used(self, r: _Restrictions) -> set[int]:
        ranges = (part for column in self.ranged for part in r.ranges[column])
        return {id(part) for part in (*(r.equal[column] for column in self.equal), *ranges)}

    def ends(self, r: _Restrictions) -> list[End]:
        return [end for column in self.ranged for end in cut([column], {}, r.ranges[column]).ends]


_NO_INDEXES = _Indexes([], [])


def _indexes(key: TableKey, r: _Restrictions, taken: list[str], alone: bool) -> _Indexes:
    """The indexes to use beside the key columns that are taken. Only storage-attached ones work together, or
    beside clustering columns. The one that finds a primary key is used alone: of a row that has been
    moved all versions have to be seen."""
    if not key.indexed:
        return _NO_INDEXES
    found = [column for column in r.equal if column in key.indexed and column not in taken]
    if not alone:  # a clustering column cannot be restricted behind one that has a range
        found = [column for column in found if column not in key.columns]
    if key.lookup in found:
        return _Indexes([key.lookup], [])
    attached = [column for column in found if column in key.attached]
    equal = [column for column in attached if r.equal[column].op == "="]
    equal += [column for column in attached if r.equal[column].op == "in"][:1]
    ranged = sorted(key.ranged & r.ranges.keys() - {*taken, *r.equal, *key.columns})
    if not equal and not ranged and alone:
        equal = found[:1]
    return _Indexes(equal, ranged)


def _by_claims(key: TableKey, r: _Restrictions, parts) -> Access | None:
    """By unique values. Whether the rows hold them is tested: a claim may be of a row that has lost its value."""
    if key.lookup is not None:
        return None
    for table, columns in key.claims:
        if not all(column in r.equal for column in columns):
            continue
        lists = [r.values(column) for column in columns]
        if math.prod(map(len, lists)) > MAX_READS or any(None in values for values in lists):
            continue
        found = {value_of(list(values), True) for values in itertools.product(*lists)}
        reads = [("value = ?", [value]) for value in sorted(found)]
        fixed = frozenset(c for c, v in zip(columns, lists, strict=True) if len(v) == 1)
        return Access(CLAIMS, reads, parts, fixed=fixed, claims=table)
    return None


def _by_index(key: TableKey, r: _Restrictions, parts, quote) -> Access | None:
    found = _indexes(key, r, [], True)
    if not found.columns:
        return _by_element(key, parts, quote)
    elements = _elements(key, found.columns, parts, quote)
    lists, ends = [r.values(column) for column in found.equal], found.ends(r)
    used = found.used(r) | elements.used
    text = [f"{quote(column)} = ?" for column in found.equal] + [e.cql(quote, False) for e in ends]
    last = [*(end.values[0] for end in ends), *elements.values]
    return Access(
        INDEX,
        [
            (" AND ".join([*text, *elements.conditions]), [*values, *last])
            for values in itertools.product(*lists)
        ],
        [part for part in parts if id(part) not in used],
        indexes=(*found.columns, *elements.columns),
        fixed=frozenset(c for c, v in zip(found.equal, lists, strict=True) if len(v) == 1),
    )


@dataclass(frozen=True)
class _Elements:
    """Conditions on collections that the server intersects with the others."""

    columns: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    values: tuple = ()
    used: frozenset[int] = frozenset()


_NO_ELEMENTS = _Elements()


def _elements(key: TableKey, indexes, parts, quote) -> _Elements:
    """What storage-attached indexes on collections answer beside the key, or beside other indexes of their kind."""
    if not key.elements or not key.attached.issuperset(indexes) or key.lookup in indexes:
        return _NO_ELEMENTS
    found = [(part, _contained(key, part, quote, key.elements)) for part in parts]
    found = [(part, answer) for part, answer in found if answer is not None]
    return _Elements(
        tuple(dict.fromkeys(column for _, (column, _, _) in found)),
        tuple(condition for _, (_, condition, _) in found),
        tuple(value for _, (_, _, values) in found for value in values),
        frozenset(id(part) for part, _ in found),
    )


def _by_element(key: TableKey, parts, quote) -> Access | None:
    """By the index on a collection that holds a value, a key or an entry."""
    elements = _elements(key, (), parts, quote)
    if elements.columns:
        rest = [part for part in parts if id(part) not in elements.used]
        read = (" AND ".join(elements.conditions), list(elements.values))
        return Access(INDEX, [read], rest, indexes=elements.columns)
    for part in parts:
        if (found := _contained(key, part, quote, key.contained)) is not None:
            column, condition, values = found
            rest = [other for other in parts if other is not part]
            return Access(INDEX, [(condition, values)], rest, indexes=(column,))
    return None


def _contained(key: TableKey, part: Predicate, quote, indexes) -> tuple[str, str, list] | None:
    """(column, condition, values) when one of the indexes on collections answers the condition."""
    if isinstance(part, Contains) and part.contained in indexes:
        column = part.lhs.name
        word = "CONTAINS KEY" if part.kind == "keys" else "CONTAINS"
        return column, f"{quote(column)} {word} ?", [part.value]
    if isinstance(part, Comparison) and part.op == "=" and isinstance(part.lhs, MapEntry):
        column = part.lhs.column.name
        if part.exact and isinstance(part.rhs, Constant) and (column, "entries") in indexes:
            return column, f"{quote(column)}[?] = ?", [part.lhs.key, part.value]
    return None


def _rows(key: TableKey, rows: RowIn, parts, quote) -> Access | None:
    """Several whole keys, or several slices whose beginnings they are."""
    columns = key.columns[: len(rows.names)]
    if set(rows.names) != set(columns) or len(columns) < len(key.partition):
        return None
    text = " AND ".join(f"{quote(column)} = ?" for column in columns)
    places = [rows.names.index(column) for column in columns]
    keys = ([row[i] for i in places] for row in rows.rows)
    alone = len(key.partition) == 1  # and then Cassandra has no empty one
    reads = [(text, values) for values in keys if not (alone and values[0] == "")]
    if not reads:
        return Access(NOTHING, [], [])
    kind = POINTS if len(columns) == len(key.columns) else SLICES
    return Access(kind, reads, [part for part in parts if part is not rows])


def _union(key: TableKey, r: _Restrictions, parts, quote) -> Access | None:
    """The branches of an OR, each by a key or an index of its own. A row that several of them find is
    taken from the first whose branch it meets."""
    part = next((p for p in parts if type(p) is Or and len(p.children) <= MAX_BRANCHES), None)
    if part is None:
        return None
    rest = [other for other in parts if other is not part]
    kinds, reads, tests, has_tuples = set(), [], [], False
    indexes: dict[str, None] = {}
    fixed = {column for column, equal in r.equal.items() if equal.op == "="}
    for i, child in enumerate(part.children):
        access = choose(key, And([child, *rest]), quote, by_claims=False)
        if access.kind == NOTHING:
            continue
        if access.kind == SCAN or access.tests is not None or len(reads) > MAX_READS:
            return None
        kinds.add(access.kind)
        reads += access.reads
        tests += [First(part.children[: i + 1])] * len(access.reads)
        fixed &= access.fixed
        has_tuples |= access.has_tuples
        indexes |= dict.fromkeys(access.indexes)
    if not kinds:
        return Access(NOTHING, [], [])
    kind = next(kind for kind in (INDEX, SLICES, POINTS) if kind in kinds)
    order = sorted(indexes, key=lambda column: column != key.lookup)
    return Access(kind, reads, rest, tuple(order), frozenset(fixed), tests, has_tuples)


def _is_narrower(union: Access, access: Access) -> bool:
    """Does each branch ask for less of the partition than the access without them?"""
    least = min(len(values) for _, values in access.reads)
    return union.pinned and all(len(values) > least for _, values in union.reads)


def used_tests(access: Access) -> Iterable[Predicate]:
    """All that is tested on our side."""
    return itertools.chain(access.rest, access.tests or ())
