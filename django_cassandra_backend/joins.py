"""Queries over tables that are joined by one column each.

Many-to-many access is one of them: `target INNER JOIN through ON target.id = through.target_id WHERE through.source_id =
x`. It is answered by the rows of `through` that the index on source_id gives, and then those of `target` by their keys,
a batch at a time. The same serves filters through foreign keys, in either direction, and select_related(): one table is
read first, and a step at a time another one for the values that are known by then. What keys and indexes cannot be asked
is tested on our side.

Refused is whatever would scan a table for a condition on another one, or look up values that neither a key nor an index
finds."""

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
from .predicates import And, Comparison, Predicate, RowExists, Values, is_always_false
from .reads import MOST_POINTS, SMALL_PAGE
from .row_source import row_source

SHORT = 16  # values of an IN that a condition on one table may bring to another


@dataclass(frozen=True)
class Table:
    """One of the tables. `predicate`: what its rows alone have to meet."""

    alias: str
    model: type
    predicate: Predicate

    @property
    def key(self) -> TableKey:
        return table_key(self.model)

    def finds(self, column: str) -> bool:
        """Does the key, an index or a claim find the rows with one value of a column?"""
        key = self.key
        return key.partition == (column,) or column in key.indexed or self._claims(column)

    def finds_one(self, column: str) -> bool:
        """Is that one row at most?"""
        return self.key.pk == (column,) or self._claims(column)

    def _claims(self, column: str) -> bool:
        claims = () if self.key.lookup else self.key.claims
        return any(columns == (column,) for _, columns in claims)

    def access(self, quote) -> Access:
        return choose(self.key, self.predicate, quote)

    @property
    def is_restricted(self) -> bool:
        return any(not isinstance(part, RowExists) for part in self.predicate.conjuncts())

    def with_column(self, column: Column, other: "Table", same: Column) -> "Table":
        """This table, of which `column` has to meet what `same` of the other one has to: they are equal."""
        found = [
            Comparison(column, part.op, part.rhs)
            for part in other.predicate.conjuncts()
            if isinstance(part, Comparison)
            and part.column == same.name
            and (part.op == "=" or (part.op == "in" and len(part.value) <= SHORT))
        ]
        if not found or not self.is_restricted:
            return self
        return replace(self, predicate=And([self.predicate, *found]))


@dataclass(frozen=True)
class Edge:
    """A join of two tables, by alias: parent.here = child.there. `outer`: parents without a child are given with nulls."""

    parent: str
    here: Column
    child: str
    there: Column
    outer: bool


@dataclass(frozen=True)
class Step:
    """Look up rows of a table by a column, for the values of `known`, (alias, column) of the rows so far."""

    known: tuple[str, str]
    table: Table
    column: Column
    outer: bool


class JoinedEvaluator(Evaluator):
    """Builds Exprs over the joined rows, whose columns are named (alias, column)."""

    def __init__(self, connection, models: dict[str, type], moment):
        super().__init__(connection, next(iter(models)), moment)
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
    """A query over several tables, `base` first: that of its model.

    rest: what rows of several have to meet together.      is_empty: can no row meet the conditions?
    way: the table that is read first, how it is reached, and the steps from there; None where there is none"""

    def __init__(
        self, evaluator: JoinedEvaluator, tables: list[Table], edges: list[Edge], rest, scans
    ):
        """`scans`: may base be read from its first row to its last? Not where that is to find rows of others."""
        self.quote = evaluator.connection.ops.quote_name
        self.evaluator = evaluator
        self.base = tables[0].alias
        self.rest: Predicate = rest
        self.tables = {table.alias: table for table in tables}
        self.edges = edges
        for edge in edges:
            if not edge.outer:
                self._share(edge)
        accesses = {alias: table.access(self.quote) for alias, table in self.tables.items()}
        outer = {edge.child for edge in edges if edge.outer}
        self.is_empty = is_always_false(rest.conjuncts()) or any(
            access.kind == NOTHING for alias, access in accesses.items() if alias not in outer
        )
        self.way = self._way(accesses, scans)

    def _share(self, edge: Edge) -> None:
        parent, child = self.tables[edge.parent], self.tables[edge.child]
        self.tables[edge.child] = child.with_column(edge.there, parent, edge.here)
        self.tables[edge.parent] = parent.with_column(edge.here, child, edge.there)

    def _way(self, accesses: dict[str, Access], scans: bool):
        ways = []
        for alias, access in accesses.items():
            if access.kind == SCAN and not (scans and alias == self.base):
                continue
            if (steps := self._steps(alias)) is not None:
                few = access.kind not in (POINTS, CLAIMS), len(access.reads), alias == self.base
                ways.append((few, (self.tables[alias], access, steps)))
        return min(ways, key=lambda way: way[0])[1] if ways else None

    def _steps(self, first: str) -> list[Step] | None:
        """From one table to all others. None: there is one that is not found by the column that joins it."""
        known, left, steps = {first}, list(self.edges), []
        while left:
            found = next(((e, s) for e in left if (s := self._step(e, known)) is not None), None)
            if found is None:
                return None
            edge, step = found
            left.remove(edge)
            known.add(step.table.alias)
            steps.append(step)
        return steps

    def _step(self, edge: Edge, known: set[str]) -> Step | None:
        parent, child = self.tables[edge.parent], self.tables[edge.child]
        if edge.parent in known and child.finds(edge.there.name):
            return Step((edge.parent, edge.here.name), child, edge.there, edge.outer)
        if edge.child in known and not edge.outer and parent.finds(edge.here.name):
            return Step((edge.child, edge.there.name), parent, edge.here, False)
        return None

    def of_base(self, column: Column) -> Column:
        """A column of base by itself as one of the joined rows."""
        return Column((self.base, column.name), column.field)

    def plan(self, columns: Iterable, parts: Callable[[dict], dict] = lambda index: {}):
        """The plan for joined rows with these columns. `parts`: columns' places in a row → more of the plan's parts."""
        first, access, steps = self.way
        read = self._read({*columns, *self.rest.columns})
        index: dict[tuple, int] = {}
        for alias in (first.alias, *(step.table.alias for step in steps)):
            index |= {(alias, column): len(index) + i for i, column in enumerate(read[alias])}
        made = parts(index)
        in_turn = not made.get("order") and made.get("distinct") is None
        few = made.get("high") if in_turn else None  # rows that are enough
        page = None if few is None else SMALL_PAGE
        plan = self._source(first, access, first.predicate, read[first.alias], page=page)
        shared = {"key": first.key, "access": access, "few": few, "advice": plan.advice}
        shared |= dict.fromkeys(
            ("order", "merge", "project", "distinct", "high", "limit", "newest")
        )
        for number, step in enumerate(steps):
            columns_ = read[step.table.alias]
            look_up = functools.partial(self._look_up, step, columns_, page)
            shown = look_up([None]).statements[:1]  # its values are not known yet
            last = number == len(steps) - 1
            plan = JoinedPlan(
                [*plan.statements, *((cql, []) for cql, _ in shown)],
                **{
                    **shared,
                    "source": plan,
                    "at": index[step.known],
                    "look_up": look_up,
                    "found_at": columns_.index(step.column.name),
                    "nulls": (None,) * len(columns_) if step.outer else None,
                    "steps": steps[: number + 1],
                    "index": index,
                    "test": self.rest.bind(index) if last and self.rest.conjuncts() else None,
                    "tested": self.rest.columns,
                    "low": 0,
                    **(made if last else {}),
                },
            )
        return plan

    def _read(self, columns: set[tuple[str, str]]) -> dict[str, list[str]]:
        """The columns to read of each table, by alias: those that join it among them."""
        wanted: dict[str, set] = {alias: set() for alias in self.tables}
        for edge in self.edges:
            columns |= {(edge.parent, edge.here.name), (edge.child, edge.there.name)}
        for alias, column in columns:
            wanted[alias].add(column)
        return {alias: sorted(columns_) for alias, columns_ in wanted.items()}

    def _look_up(self, step: Step, columns: list[str], page: int | None, values: list):
        """The plan for the rows of a step whose column has one of the values."""
        table = step.table
        if len(values) == 1:
            asked = Comparison(step.column, "=", Constant(values[0]))
        else:
            asked = Comparison(step.column, "in", Constant(Values(values)))
        predicate = And([asked, table.predicate])
        access = choose(table.key, predicate, self.quote)
        if access.kind == SCAN:  # too many combinations of values for one path
            access = choose(table.key, asked, self.quote)
            access.rest = [*access.rest, *table.predicate.conjuncts()]
        return self._source(table, access, predicate, columns, at_once=MOST_POINTS, page=page)

    def _source(self, table: Table, access: Access, predicate, columns: list[str], **parts):
        read = dict.fromkeys(columns)
        for test in used_tests(access):
            read |= dict.fromkeys(sorted(test.columns))
        if access.looks_up(table.key):
            read |= dict.fromkeys(table.key.columns)
        width = len(columns)
        cut = None if len(read) == width else lambda row: row[:width]
        return row_source(
            table.model, table.key, access, predicate, list(read), self.quote, project=cut, **parts
        )


def join_of(compiler) -> Join | None:
    """The join that a compiler's query asks for; None when it has one table. NotSupportedError where it cannot be read."""
    query = compiler.query
    active = [alias for alias, count in query.alias_refcount.items() if count]
    if len(active) < 2:
        return None
    base = query.base_table
    clauses = {alias: query.alias_map[alias] for alias in active if alias != base}
    if base not in active or not all(_is_plain(clause, active) for clause in clauses.values()):
        compiler.refuse_join(active)
    models = {base: query.model._meta.concrete_model}
    models |= {alias: _model(clause) for alias, clause in clauses.items()}
    edges = [_edge(clause, models) for clause in clauses.values()]
    alone, several, scans = _sorted_out(query.where, base, edges)
    evaluator = JoinedEvaluator(compiler.connection, models, compiler.moment)
    rest = PredicateBuilder(evaluator).build(WhereNode(several))
    tables = [_table(compiler, alias, model, alone[alias]) for alias, model in models.items()]
    join = Join(evaluator, tables, edges, rest, scans)
    if join.way is None and not join.is_empty:
        compiler.refuse_join(active)
    return join


def _is_plain(clause, active: list[str]) -> bool:
    """Does the clause join a table to another of the query by one column, and nothing else?"""
    return (
        isinstance(clause, JoinClause)
        and clause.parent_alias in active
        and clause.join_type in (INNER, LOUTER)
        and len(clause.join_cols) == 1
        and clause.filtered_relation is None
        and not clause.join_field.get_extra_restriction(clause.table_alias, clause.parent_alias)
        and names.encode(_model(clause)._meta.db_table) == names.encode(clause.table_name)
    )


def _model(clause: JoinClause) -> type:
    """The model whose table a join adds."""
    return clause.join_field.related_model._meta.concrete_model


def _edge(clause: JoinClause, models: dict[str, type]) -> Edge:
    parent, child = clause.parent_alias, clause.table_alias
    ((here, there),) = clause.join_cols
    return Edge(
        parent,
        _column(models[parent], here),
        child,
        _column(models[child], there),
        clause.join_type == LOUTER,
    )


def _column(model, name: str) -> Column:
    field = next(f for f in model._meta.local_concrete_fields if f.column == name)
    return Column(name, stored_field(field))


def _sorted_out(where, base: str, edges: list[Edge]) -> tuple[dict[str, list], list, bool]:
    """Conditions by the one table that they are about; those about several, or about one that may be nulls; and whether
    all of them are about base."""
    alone: dict[str, list] = {base: [], **{edge.child: [] for edge in edges}}
    inner = {base, *(edge.child for edge in edges if not edge.outer)}
    several, only_base = [], True
    for node in conjuncts(where):
        aliases = aliases_of(node)
        only_base &= aliases <= {base}
        (alias,) = aliases if len(aliases) == 1 else (None,)
        (alone[alias] if alias in inner else several).append(node)
    return alone, several, only_base


def _table(compiler, alias: str, model, nodes: list) -> Table:
    builder = PredicateBuilder(Evaluator(compiler.connection, alias, compiler.moment))
    predicate = And([builder.build(WhereNode(nodes)), *compiler.row_exists(model)])
    return Table(alias, model, predicate)


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
