"""Queries over two tables that are joined by one column.

Many-to-many access is one of them: `target INNER JOIN through ON target.id = through.target_id WHERE through.source_id =
x`. It is answered by the rows of `through` that the index on source_id gives, and then those of `target` by their keys,
a batch at a time. The same serves a filter through a foreign key, in either direction, and select_related() of one. What
each table's key or index cannot be asked is tested on our side.

Refused, as any other join: more than two tables, an outer join whose condition is on the other table alone, and
whatever would scan one table for a condition on the other."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.db.models.expressions import Col, RawSQL
from django.db.models.sql.constants import INNER, LOUTER
from django.db.models.sql.datastructures import Join as JoinClause
from django.db.models.sql.where import AND, WhereNode

from . import names
from .access import CLAIMS, NOTHING, POINTS, SCAN, Access, choose, used_tests
from .evaluate import Evaluator
from .expr import Column, Constant, Expr
from .joined_reads import JoinedPlan
from .keys import TableKey, table_key
from .kinds import stored_field
from .lookups import PredicateBuilder
from .predicates import And, Comparison, Predicate, Values, is_always_false
from .reads import MOST_POINTS, SMALL_PAGE
from .row_source import row_source


@dataclass(frozen=True)
class Side:
    """One of the two tables. `column`: the one that joins it. `predicate`: what its rows alone have to meet."""

    alias: str
    model: type
    column: Column
    predicate: Predicate

    @property
    def key(self) -> TableKey:
        return table_key(self.model)

    @property
    def finds(self) -> bool:
        """Does the key, an index or a claim find the rows with one value of the column?"""
        column, key = self.column.name, self.key
        unique = key.lookup is None and any(columns == (column,) for _, columns in key.claims)
        return key.partition == (column,) or column in key.indexed or unique

    def access(self, quote) -> Access:
        return choose(self.key, self.predicate, quote)

    def with_column(self, other: "Side") -> "Side":
        """This side, which also has to meet what the other one's column has to: they are equal."""
        same = [
            Comparison(self.column, part.op, part.rhs)
            for part in other.predicate.conjuncts()
            if isinstance(part, Comparison)
            and part.column == other.column.name
            and part.op in ("=", "in")
        ]
        return replace(self, predicate=And([self.predicate, *same])) if same else self


class JoinedEvaluator(Evaluator):
    """Builds Exprs over the joined rows, whose columns are named (alias, column)."""

    def __init__(self, connection, models: dict[str, type]):
        super().__init__(connection, next(iter(models)))
        quote = connection.ops.quote_name
        self.fields = {
            f"{quote(alias)}.{quote(field.column)}": (alias, field)
            for alias, model in models.items()
            for field in model._meta.local_concrete_fields
        }
        self.aliases = frozenset(models)

    def expression(self, node) -> Expr:
        if type(node) is Col and node.alias in self.aliases and node.target.column is not None:
            return Column((node.alias, node.target.column), stored_field(node.target))
        if type(node) is RawSQL and not node.params and node.sql in self.fields:
            alias, field = self.fields[node.sql]
            return Column((alias, field.column), stored_field(field))
        return super().expression(node)


class Join:
    """A query over `base`, the table of its model, and `other`.

    outer: rows of base without one of other are given with nulls
    rest: what both together have to meet.      is_empty: can no row meet the conditions?
    way: see _way()"""

    def __init__(self, evaluator: JoinedEvaluator, base: Side, other: Side, *, outer, rest, scans):
        """`scans`: may base be read from its first row to its last? Not where that is to find rows of other."""
        self.quote = evaluator.connection.ops.quote_name
        self.evaluator = evaluator
        self.base = base
        self.outer: bool = outer
        self.rest: Predicate = rest
        if not outer:
            other = other.with_column(base)
        accesses = base.access(self.quote), other.access(self.quote)
        self.is_empty = is_always_false(rest.conjuncts()) or any(
            access.kind == NOTHING for access in accesses
        )
        self.way = self._way(base, other, *accesses, scans)

    def _way(
        self, base: Side, other: Side, to_base: Access, to_other: Access, scans: bool
    ) -> tuple[Side, Side, Access] | None:
        """Which table is read first, which is looked up for its values, and how the first one is reached. None: neither
        order would do."""
        from_base = other.finds and (to_base.kind != SCAN or scans)
        if not self.outer and base.finds and to_other.kind != SCAN:
            few = to_base.kind in (POINTS, CLAIMS) and len(to_base.reads) <= len(to_other.reads)
            if not (from_base and few):
                return other, base, to_other
        return (base, other, to_base) if from_base else None

    def of_base(self, column: Column) -> Column:
        """A column of base by itself as one of the joined rows."""
        return Column((self.base.alias, column.name), column.field)

    def plan(self, columns: Iterable, parts: Callable[[dict], dict] = lambda index: {}):
        """The plan for joined rows with these columns. `parts`: columns' places in a row → more of the plan's parts."""
        first, second, access = self.way
        wanted = {first.alias: {first.column.name}, second.alias: {second.column.name}}
        for alias, column in {*columns, *self.rest.columns}:
            wanted[alias].add(column)
        seen, found = sorted(wanted[first.alias]), sorted(wanted[second.alias])
        index = {(first.alias, column): i for i, column in enumerate(seen)}
        index |= {(second.alias, column): len(seen) + i for i, column in enumerate(found)}
        made = parts(index)
        small = made.get("high") is not None and not made.get("order")
        source = self._source(
            first, access, first.predicate, seen, page=SMALL_PAGE if small else None
        )
        look_up = functools.partial(self._look_up, second, found)
        shown = look_up([None]).statements[:1]  # its values are not known yet
        return JoinedPlan(
            [*source.statements, *((cql, []) for cql, _ in shown)],
            **{
                "key": first.key,
                "access": access,
                "source": source,
                "at": seen.index(first.column.name),
                "look_up": look_up,
                "found_at": found.index(second.column.name),
                "nulls": (None,) * len(found) if self.outer else None,
                "second": second,
                "index": index,
                "test": self.rest.bind(index) if self.rest.conjuncts() else None,
                "tested": self.rest.columns,
                "order": None,
                "merge": None,
                "project": None,
                "distinct": None,
                "low": 0,
                "high": None,
                "limit": None,
                "newest": None,
                "advice": source.advice,
                **made,
            },
        )

    def _look_up(self, side: Side, columns: list[str], values: list):
        """The plan for the rows of a side whose column has one of the values."""
        if len(values) == 1:
            asked = Comparison(side.column, "=", Constant(values[0]))
        else:
            asked = Comparison(side.column, "in", Constant(Values(values)))
        predicate = And([asked, side.predicate])
        access = choose(side.key, predicate, self.quote)
        if access.kind == SCAN:  # too many combinations of values for one path
            access = choose(side.key, asked, self.quote)
            access.rest = [*access.rest, *side.predicate.conjuncts()]
        return self._source(side, access, predicate, columns, at_once=MOST_POINTS)

    def _source(self, side: Side, access: Access, predicate, columns: list[str], **parts):
        read = dict.fromkeys(columns)
        for test in used_tests(access):
            read |= dict.fromkeys(sorted(test.columns))
        if access.looks_up(side.key):
            read |= dict.fromkeys(side.key.columns)
        width = len(columns)
        cut = None if len(read) == width else lambda row: row[:width]
        return row_source(
            side.model, side.key, access, predicate, list(read), self.quote, project=cut, **parts
        )


def join_of(compiler) -> Join | None:
    """The join that a compiler's query asks for; None when it has one table. NotSupportedError for any other."""
    query = compiler.query
    active = [alias for alias, count in query.alias_refcount.items() if count]
    if len(active) < 2:
        return None
    base = query.base_table
    clause = _clause(query, base, active)
    if clause is None:
        compiler.refuse_join(active)
    model = _model(clause)
    ((here, there),) = clause.join_cols
    other = clause.table_alias
    outer = clause.join_type == LOUTER
    alone = {base: [], other: []}
    both, scans = [], True
    for node in conjuncts(query.where):
        aliases = aliases_of(node)
        scans &= other not in aliases
        (alias,) = aliases if len(aliases) == 1 else (None,)
        (both if alias not in alone or (outer and alias == other) else alone[alias]).append(node)
    sides = [
        _side(compiler, base, query.model._meta.concrete_model, here, alone[base]),
        _side(compiler, other, model, there, alone[other]),
    ]
    evaluator = JoinedEvaluator(compiler.connection, {side.alias: side.model for side in sides})
    rest = PredicateBuilder(evaluator).build(WhereNode(both))
    join = Join(evaluator, *sides, outer=outer, rest=rest, scans=scans)
    if join.way is None and not join.is_empty:
        compiler.refuse_join(active)
    return join


def _clause(query, base: str, active: list[str]) -> JoinClause | None:
    """The one join of the query, when it is of one column to one column and nothing else."""
    others = [alias for alias in active if alias != base]
    clause = query.alias_map[others[0]]
    if len(active) != 2 or base not in active or not isinstance(clause, JoinClause):
        return None
    if clause.parent_alias != base or clause.join_type not in (INNER, LOUTER):
        return None
    if len(clause.join_cols) != 1 or clause.filtered_relation is not None:
        return None
    if clause.join_field.get_extra_restriction(clause.table_alias, base):
        return None
    model = _model(clause)
    return clause if names.encode(model._meta.db_table) == names.encode(clause.table_name) else None


def _model(clause: JoinClause) -> type:
    """The model whose table a join adds."""
    return clause.join_field.related_model._meta.concrete_model


def _side(compiler, alias: str, model, column: str, nodes: list) -> Side:
    field = next(f for f in model._meta.local_concrete_fields if f.column == column)
    builder = PredicateBuilder(Evaluator(compiler.connection, alias))
    predicate = And([builder.build(WhereNode(nodes)), *compiler.row_exists(model)])
    return Side(alias, model, Column(column, stored_field(field)), predicate)


def conjuncts(node) -> Iterator:
    """Nodes of Django's WHERE tree that all have to hold."""
    if (
        isinstance(node, WhereNode)
        and not node.negated
        and (node.connector == AND or len(node.children) == 1)
    ):
        for child in node.children:
            yield from conjuncts(child)
    else:
        yield node


def aliases_of(node) -> set[str]:
    """The tables whose columns stand in an expression."""
    if isinstance(node, Col):
        return {node.alias}
    if not hasattr(node, "get_source_expressions"):
        return set()
    found = set()
    for source in node.get_source_expressions():
        if source is not None:
            found |= aliases_of(source)
    return found
