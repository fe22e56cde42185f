"""SELECT: a query becomes a plan for its rows, or for aggregates of them.

What CQL can answer, with filters and sorting on our side, goes the CQL road; all else is compiled for the relational one."""

import functools
import json

from django.core.exceptions import EmptyResultSet
from django.db import NotSupportedError
from django.db.models.expressions import ColPairs, OrderBy, Ref, Value
from django.db.models.functions import Cast, Random
from django.db.models.sql import compiler as base
from django.db.models.sql.constants import GET_ITERATOR_CHUNK_SIZE, MULTI

from . import nearest, roads
from .access import NOTHING, SCAN, Access, choose, used_tests
from .advice import advise
from .aggregates import FoldBuilder, InnerColumns, server_aggregate
from .exceptions import NotOnCqlRoad, not_supported
from .explain import as_text, explanation
from .expr import Column, Constant, Expr, Needed
from .instance_columns import instance_columns
from .joins import join_of
from .keys import TableKey
from .nearest import search_of
from .predicates import And
from .reads import (
    AggregatePlan,
    EmptyPlan,
    SelectPlan,
    ServerAggregatePlan,
    column_list,
    projection,
    select_statements,
)
from .row_source import newest_of, row_source
from .server_order import Served, serve
from .table_mixin import TableMixin


class SQLCompiler(TableMixin, base.SQLCompiler):
    """SELECT."""

    instances = None  # InstanceColumns, once it is known that the query selects them
    join = None  # a Join, once it is known that the query asks for one
    relational = None  # the compiler of the relational road, once the query has taken it
    refcounts: dict = {}  # the query's, before this compilation has added joins

    def get_select(self, with_col_aliases=False):
        made = super().get_select
        self.instances = None if with_col_aliases else instance_columns(self, made)
        if self.instances is None:
            return made(with_col_aliases)
        return self.instances.select, dict(self.instances.klass_info), {}

    def get_converters(self, expressions):
        if self.relational is not None:
            return self.relational.get_converters(expressions)
        made = super().get_converters
        return made(expressions) if self.instances is None else self.instances.converters(made)

    def as_sql(self, with_limits=True, with_col_aliases=False):
        if with_col_aliases:  # Django makes this query a part of another one's SQL
            return self._on_relational_road().as_sql(with_limits, with_col_aliases)
        return self.plan(), ()

    def execute_sql(
        self, result_type=MULTI, chunked_fetch=False, chunk_size=GET_ITERATOR_CHUNK_SIZE
    ):
        # Rows are always taken in chunks, also where Django would keep all of them until the last instance
        # is made: a cursor of ours is not disturbed by other queries.
        return super().execute_sql(result_type, chunked_fetch=True, chunk_size=chunk_size)

    def plan(self):
        counts = self.refcounts = self.query.alias_refcount.copy()
        try:
            return self._plan()
        except NotOnCqlRoad:
            self.query.reset_refcounts(counts)
            return self._relational_plan()
        finally:  # a join for the order or for select_related() is of this compilation alone
            self.query.reset_refcounts(counts)

    def _relational_plan(self):
        """Django asks this compiler afterwards what the query selects: it says what the other one does."""
        compiler = self.relational = self._on_relational_road()
        try:
            return compiler.plan()
        finally:  # also when no row can match, or the query is wrong
            self.select = compiler.select
            self.klass_info = compiler.klass_info
            self.annotation_col_map = compiler.annotation_col_map
            self.col_count = getattr(compiler, "col_count", None)
            self.has_extra_select = getattr(compiler, "has_extra_select", False)

    def _in_sqlite(self):
        """The relational road's plan for what this one could answer more slowly; None: the other one cannot."""
        counts = self.query.alias_refcount.copy()
        self.query.reset_refcounts(self.refcounts)
        try:
            return self._relational_plan()
        except NotSupportedError:
            self.relational = None
            self.query.reset_refcounts(counts)
            self.setup_query()
            return None

    def _plan(self):
        query = self.query
        self.refuse()
        self.join = None
        self.setup_query()
        self.has_extra_select = False
        if query.model is None:
            return self._check()
        nodes = self._order_nodes()  # may add a join
        self.join = join_of(self)
        if self.join is not None:
            return self._joined(self.join, nodes)
        key = self.table()
        search = search_of(nodes, self.connection)
        order = [] if search else self._ordering(nodes)
        predicate = self.predicate()
        access = choose(key, predicate, self.quote)
        if access.kind == NOTHING or query.is_empty():
            return self._nothing()
        if aggregates := self._aggregates():
            return self._aggregate(key, access, predicate, aggregates)
        if search:
            return self._nearest(key, access, predicate, search)
        is_faster = order and roads.sorts_whole_table(query, key, access, nodes)
        if is_faster and (plan := self._in_sqlite()) is not None:
            return plan
        return self._rows(key, access, predicate, order, *self._outputs())

    def evaluator(self):
        return super().evaluator() if self.join is None else self.join.evaluator

    def _selected_aggregates(self) -> list:
        return [expr for expr, _, _ in self.select if getattr(expr, "contains_aggregate", False)]

    def _aggregates(self) -> list:
        """What the query aggregates, and then gives nothing else."""
        aggregates = self._selected_aggregates()
        if aggregates and len(aggregates) != len(self.select):
            raise not_supported(
                "An aggregate beside columns", "Use aggregate(), or group in Python."
            )
        return aggregates

    def _nothing(self):
        if self.elide_empty:
            raise EmptyResultSet
        aggregates = self._selected_aggregates()
        if not aggregates:
            return EmptyPlan([], rows=[])
        folds = FoldBuilder(self.evaluator(), aggregates)
        made = folds.bind(dict.fromkeys(folds.columns, 0))  # no row is ever read
        return EmptyPlan([], rows=[tuple(make().finish() for make in made)])

    def _check(self):
        """A query without a table: Q.check() asks whether values meet a condition, as constraints do."""
        outputs = [output.bind({}) for output in self._outputs()[0]]
        holds = self.predicate().bind({})(()) is True
        return EmptyPlan([], rows=[tuple(get(()) for get in outputs)] if holds else [])

    # --- what is selected ---

    def _outputs(self) -> tuple[list[Expr], bool]:
        """One Expr per output column; composite keys give one per member."""
        if self.instances is not None:
            outputs = self.instances.outputs
            if self.join is not None:
                outputs = [self.join.of_base(output) for output in outputs]
            return outputs, self.query.distinct
        evaluator = self.evaluator()
        outputs = []
        for expr, _, _ in self.select:
            parts = expr.get_cols() if isinstance(expr, ColPairs) else [expr]
            outputs += [evaluator.expression(part) for part in parts]
        return outputs, self.query.distinct

    def _rows(self, key, access, predicate, order, outputs, distinct):
        """The plan for rows: what the statements cannot do is done on our side, in this order: filter, sort,
        project, drop duplicates, cut."""
        query = self.query
        low, high = query.low_mark, query.high_mark
        if high is not None and high <= low:
            return self._nothing()
        served = serve(key, access, order, self.quote)
        if partitions := distinct and self._are_partitions(key, access, outputs, order):
            distinct = False  # the server gives each partition once
        several = len(access.reads) > 1
        needed = order if distinct else served.members if several or not served.fully else []
        columns, index, text = self._columns(key, access, outputs, needed)
        sort = [(expr.bind(index), *way) for expr, *way in served.members] if needed else []
        lookup = access.looks_up(key)
        exact = access.exact and served.fully and not distinct and not lookup
        limit = high if exact else None
        return SelectPlan(
            select_statements(
                key,
                access,
                text,
                self.quote,
                order=served.text,
                limit=limit,
                distinct=partitions,
            ),
            key=key,
            access=access,
            columns=text,
            quote=self.quote,
            test=And(access.rest).bind(index) if access.rest else None,
            tests=_bound(access.tests, index),
            order=None if served.fully else sort,
            served=served,
            presorted=served.count,
            merge=sort[: served.count] if several and served.count else None,
            project=self._project(outputs, index),
            distinct=self._identity(outputs, order, index) if distinct else None,
            low=low,
            high=high,
            limit=limit,
            newest=newest_of(query.model, key, columns, self.quote) if lookup else None,
            advice=functools.partial(advise, query.model, key, access, predicate, served),
        )

    def _joined(self, join, nodes):
        """The plan for the rows of two tables, or for aggregates of them. `nodes`: what they are ordered by."""
        query, order = self.query, self._ordering(nodes)
        low, high = query.low_mark, query.high_mark
        if join.is_empty or query.is_empty() or (high is not None and high <= low):
            return self._nothing()
        aggregates = self._aggregates()
        first, access, _ = join.way
        if aggregates:
            is_faster = roads.folds_whole_table(query, first.key, access, aggregates)
        else:
            is_faster = order and roads.sorts_whole_table(query, first.key, access, nodes)
        if is_faster and (plan := self._in_sqlite()) is not None:
            return plan
        if aggregates:
            self.col_count = len(aggregates)
            folds = FoldBuilder(self.evaluator(), aggregates)
            source = join.plan(folds.columns)
            return AggregatePlan(source.statements, source=source, folds=folds.bind(source.index))
        outputs, distinct = self._outputs()

        def parts(index):
            return {
                "order": [(expr.bind(index), *way) for expr, *way in order],
                "served": Served(order),
                "project": self._project(outputs, index),
                "distinct": self._identity(outputs, order, index) if distinct else None,
                "low": low,
                "high": high,
            }

        used = (expr.columns for expr in (*outputs, *(expr for expr, _, _ in order)))
        return join.plan(frozenset().union(*used), parts)

    def _nearest(self, key, access, predicate, search):
        """The plan for the rows whose vectors are the nearest of one."""
        query = self.query
        nearest.check(search, key, access, predicate, query)
        outputs, _ = self._outputs()
        _, index, text = self._columns(key, access, outputs, [])
        served = Served([])
        return SelectPlan(
            select_statements(
                key,
                access,
                text,
                self.quote,
                order=search.text(self.quote),
                order_values=[search.vector],
                limit=query.high_mark,
            ),
            key=key,
            access=access,
            nearest=search.column,
            test=None,
            order=None,
            served=served,
            merge=None,
            project=self._project(outputs, index),
            distinct=None,
            low=query.low_mark,
            high=query.high_mark,
            limit=query.high_mark,
            newest=None,
            advice=functools.partial(advise, query.model, key, access, predicate, served),
        )

    def _are_partitions(self, key: TableKey, access: Access, outputs, order) -> bool:
        """Is this the list of all partitions, which SELECT DISTINCT gives?"""
        names = {output.name if isinstance(output, Column) else None for output in outputs}
        ordered = frozenset().union(*(expr.columns for expr, _, _ in order))
        scan = access.kind == SCAN and not access.rest
        return scan and names == set(key.partition) and ordered <= names

    def _identity(self, outputs, order, index):
        """row → what distinct() compares: the outputs and, as in Django's SQL, what the rows are ordered by."""
        getters = [expr.bind(index) for expr in [*outputs, *(expr for expr, _, _ in order)]]
        return lambda row: tuple(get(row) for get in getters)

    def _project(self, outputs, index):
        """None: the rows are the outputs already."""
        if self.instances is not None and self.join is None:
            return None
        positions = [index[o.name] if isinstance(o, Column) else None for o in outputs]
        if positions == list(range(len(index))):
            return None
        return projection([output.bind(index) for output in outputs], positions)

    def _columns(self, key, access, outputs, order) -> tuple[list[str], dict[str, int], str]:
        """Columns to read, their places in a row, and as CQL. Outputs come first, so that they need no rearranging;
        instances have all columns of their table."""
        if (known := self.instances) is not None:
            return known.names, known.index, known.text
        wanted = dict.fromkeys(column for output in outputs for column in sorted(output.columns))
        for part in used_tests(access):
            wanted |= dict.fromkeys(sorted(part.columns))
        for expr, _, _ in order:
            wanted |= dict.fromkeys(sorted(expr.columns))
        if access.looks_up(key):
            wanted |= dict.fromkeys(key.columns)
        columns = list(wanted) or [key.columns[0]]
        index = {column: i for i, column in enumerate(columns)}
        return columns, index, column_list(columns, self.quote)

    # --- order ---

    def _order_nodes(self) -> list:
        pairs = self._order_by_pairs()
        return [order.resolve_expression(self.query, allow_joins=True) for order, _ in pairs]

    def _ordering(self, nodes) -> list[tuple[Expr, bool, bool]]:
        """(expression, descending, nulls first) for each ORDER BY member; null is less than any value."""
        evaluator = self.evaluator()
        members, seen = [], set()
        for node in nodes:
            if not isinstance(node, OrderBy):
                raise not_supported(f"Ordering by {node}")
            for source in self._order_sources(node.expression):
                expr = evaluator.expression(source)
                if isinstance(expr, Constant):
                    continue
                mark = expr.name if isinstance(expr, Column) else id(expr)
                if mark in seen:
                    continue
                seen.add(mark)
                nulls_first = node.nulls_first or (not node.nulls_last and not node.descending)
                members.append((expr, node.descending, bool(nulls_first)))
        return members

    def _order_sources(self, expression) -> list:
        while isinstance(expression, Ref):
            expression = expression.source
        if isinstance(expression, Random):
            raise not_supported("order_by('?')", "Shuffle in Python.")
        if isinstance(expression, Cast) and isinstance(
            expression.get_source_expressions()[0], Value
        ):
            return []  # a constant sorts nothing
        if isinstance(expression, ColPairs):
            return expression.get_cols()
        return [expression]

    # --- aggregates ---

    def _aggregate(self, key, access, predicate, aggregates):
        self.col_count = len(aggregates)
        if (plan := self._server_aggregates(key, access, aggregates)) is not None:
            return plan
        is_faster = roads.folds_whole_table(self.query, key, access, aggregates)
        if is_faster and (plan := self._in_sqlite()) is not None:
            return plan
        folds = FoldBuilder(self.evaluator(), aggregates)
        columns, index, _ = self._columns(key, access, [Needed(folds.columns)], [])
        source = row_source(self.query.model, key, access, predicate, columns, self.quote)
        return AggregatePlan(source.statements, source=source, folds=folds.bind(index))

    def _server_aggregates(self, key, access, aggregates) -> ServerAggregatePlan | None:
        """Counts of what is not null, and min and max within partitions. Not where a moved row may stand twice
        for one primary key."""
        if not access.exact or access.looks_up(key):
            return None
        found = [server_aggregate(node, access.pinned, self.quote) for node in aggregates]
        if None in found:
            return None
        texts, merges = zip(*found, strict=True)
        head = f"SELECT {', '.join(texts)} FROM {self.quote(key.table)}"
        statements = [
            (f"{head}{' WHERE ' if where else ''}{where}", values) for where, values in access.reads
        ]
        return ServerAggregatePlan(statements, key=key, access=access, merges=merges)

    def explain_query(self):
        """What the query sends, reads and does on our side: a line or an object of JSON."""
        info = self.query.explain_info
        self.connection.ops.explain_query_prefix(info.format, **info.options)  # refuses the unknown
        found = explanation(self, **info.options)
        yield json.dumps(found) if (info.format or "").upper() == "JSON" else as_text(found)


class SQLAggregateCompiler(SQLCompiler):
    """An aggregate over a slice or over distinct rows: over what an inner query gives."""

    road_compiler = "SQLAggregateCompiler"

    def _plan(self):
        aggregates = list(self.query.annotation_select.values())
        self.col_count = len(aggregates)
        compiler = self.query.inner_query.get_compiler(self.using, elide_empty=self.elide_empty)
        inner = compiler.plan()
        if compiler.relational is not None:
            return self._relational_plan()
        folds = FoldBuilder(InnerColumns(self.connection, None, self.moment), aggregates)
        make = folds.bind(self._places(compiler) if folds.columns else {})
        if isinstance(inner, EmptyPlan):
            made = [one() for one in make]
            for row in inner.rows:
                for fold in made:
                    fold.step(row)
            return EmptyPlan([], rows=[tuple(fold.finish() for fold in made)])
        return AggregatePlan(inner.statements, source=inner, folds=make)

    def _places(self, compiler) -> dict[str, int]:
        """Where each column of the inner query stands in its rows, by its alias."""
        places, at = {}, 0
        for expr, _, alias in compiler.select:
            places[alias] = at
            at += len(expr.get_cols()) if isinstance(expr, ColPairs) else 1
        return places


def _bound(tests, index) -> list | None:
    return None if tests is None else [test.bind(index) for test in tests]
