"""SELECT: a query over one table becomes a plan for its rows, or for aggregates of them."""

import functools

from django.core.exceptions import EmptyResultSet
from django.db.models.expressions import ColPairs, OrderBy, Ref, Value
from django.db.models.functions import Cast, Random
from django.db.models.sql import compiler as base

from .access import NOTHING, SCAN, Access, choose
from .aggregates import FoldBuilder, is_count_star
from .duplicates import Newest
from .evaluate import Column, Constant, Expr
from .exceptions import not_supported
from .keys import TableKey
from .predicates import And
from .reads import (
    AggregatePlan,
    CountPlan,
    EmptyPlan,
    SelectPlan,
    ServerAggregatePlan,
    advise,
    projection,
    select_statements,
)
from .table_mixin import TableMixin


class SQLCompiler(TableMixin, base.SQLCompiler):
    """SELECT."""

    def as_sql(self, with_limits=True, with_col_aliases=False):
        return self.plan(), ()

    def plan(self):
        query = self.query
        self.refuse()
        self.setup_query()
        self.has_extra_select = False
        if query.model is None:
            return self._check()
        nodes = self._order_nodes()  # may add a join
        key = self.table()
        order = self._ordering(nodes)
        predicate = self.predicate()
        access = choose(key, predicate, self.quote)
        aggregates = [
            expr for expr, _, _ in self.select if getattr(expr, "contains_aggregate", False)
        ]
        if access.kind == NOTHING or query.is_empty():
            return self._nothing(aggregates)
        if aggregates:
            if len(aggregates) != len(self.select):
                raise not_supported(
                    "An aggregate beside columns", "Use aggregate(), or group in Python."
                )
            return self._aggregate(key, access, predicate, aggregates)
        return self._rows(key, access, predicate, order, *self._outputs())

    def _nothing(self, aggregates):
        if self.elide_empty:
            raise EmptyResultSet
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
            if self.elide_empty:
                raise EmptyResultSet
            return EmptyPlan([], rows=[])
        served, order_text = self._server_order(key, access, order)
        if served and len(access.reads) == 1 and not distinct:
            order = []  # nothing of it is left to do on our side
        columns = self._columns(key, access, outputs, order)
        index = {column: i for i, column in enumerate(columns)}
        sort = [(expr.bind(index), *direction) for expr, *direction in order]
        lookup = access.index is not None and access.index == key.lookup
        if partitions := distinct and self._are_partitions(key, access, outputs, order):
            distinct = False  # the server gives each partition once
        limit = None
        if not access.rest and (served or not order) and not distinct and not lookup:
            limit = high
        positions = [index[o.name] if isinstance(o, Column) else None for o in outputs]
        return SelectPlan(
            select_statements(
                key, access, columns, self.quote, order=order_text, limit=limit, distinct=partitions
            ),
            key=key,
            test=And(access.rest).bind(index) if access.rest else None,
            order=sort if order and not served else None,
            merge=sort if served and len(access.reads) > 1 else None,
            project=None
            if positions == list(range(len(columns)))
            else self._project(outputs, index, positions),
            distinct=self._identity(outputs, order, index) if distinct else None,
            low=low,
            high=high,
            limit=limit,
            newest=self._newest(key, columns) if lookup else None,
            advice=functools.partial(advise, key, access, predicate),
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

    def _project(self, outputs, index, positions):
        return projection([output.bind(index) for output in outputs], positions)

    def _columns(self, key, access, outputs, order) -> list[str]:
        """Columns to read: outputs first, so that they need no rearranging."""
        wanted = dict.fromkeys(column for output in outputs for column in sorted(output.columns))
        for part in access.rest:
            wanted |= dict.fromkeys(sorted(part.columns))
        for expr, _, _ in order:
            wanted |= dict.fromkeys(sorted(expr.columns))
        if access.index is not None and access.index == key.lookup:
            wanted |= dict.fromkeys(key.columns)
        return list(wanted) or [key.columns[0]]

    def _newest(self, key, columns) -> Newest:
        stored = [field.column for field in self.query.model._meta.local_concrete_fields]
        return Newest(key, columns, stored, self.quote)

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

    def _server_order(self, key: TableKey, access: Access, order) -> tuple[bool, str]:
        """Does the clustering order serve? Then with which ORDER BY, '' being its natural direction."""
        if not order:
            return False, ""
        if not access.pinned or access.index is not None:
            return False, ""
        wanted = [
            (expr.name if isinstance(expr, Column) else None, descending)
            for expr, descending, _ in order
            if not (isinstance(expr, Column) and expr.name in access.fixed)
        ]
        if not wanted:
            return True, ""
        # Of several partitions each is sorted by itself, and SelectPlan merges the streams.
        free = [(column, flag) for column, flag in key.clustering if column not in access.fixed]
        if [column for column, _ in wanted] != [column for column, _ in free[: len(wanted)]]:
            return False, ""
        turned = {
            descending != flag
            for (_, descending), (_, flag) in zip(wanted, free[: len(wanted)], strict=True)
        }
        if len(turned) != 1:
            return False, ""
        if turned == {False}:
            return True, ""
        last = wanted[-1][0]
        names = [column for column, _ in key.clustering]
        text = [
            f"{self.quote(column)} {'ASC' if flag else 'DESC'}"
            for column, flag in key.clustering[: names.index(last) + 1]
        ]
        return True, ", ".join(text)

    # --- aggregates ---

    def _aggregate(self, key, access, predicate, aggregates):
        self.col_count = len(aggregates)
        if (
            not access.rest
            and all(is_count_star(node) for node in aggregates)
            and self._is_exact(key, access)
        ):
            statements = [
                (
                    f"SELECT COUNT(*) FROM {self.quote(key.table)}{' WHERE ' if where else ''}{where}",
                    values,
                )
                for where, values in access.reads
            ]
            return CountPlan(statements, width=len(aggregates))
        if (text := self._server_aggregates(key, access, aggregates)) is not None:
            where, values = access.reads[0]
            return ServerAggregatePlan(
                [(f"SELECT {text} FROM {self.quote(key.table)} WHERE {where}", values)]
            )
        folds = FoldBuilder(self.evaluator(), aggregates)
        outputs = [_Needed(folds.columns)]
        columns = self._columns(key, access, outputs, [])
        index = {column: i for i, column in enumerate(columns)}
        source = self._rows_for_folds(key, access, predicate, columns, index)
        return AggregatePlan(source.statements, source=source, folds=folds.bind(index))

    def _is_exact(self, key: TableKey, access: Access) -> bool:
        """Does the server count what we would? Not where a moved row may stand twice for one primary key."""
        return access.index is None or access.index != key.lookup

    def _rows_for_folds(self, key, access, predicate, columns, index):
        lookup = access.index is not None and access.index == key.lookup
        return SelectPlan(
            select_statements(key, access, columns, self.quote),
            key=key,
            test=And(access.rest).bind(index) if access.rest else None,
            order=None,
            merge=None,
            project=None,
            distinct=None,
            low=0,
            high=None,
            limit=None,
            newest=self._newest(key, columns) if lookup else None,
            advice=functools.partial(advise, key, access, predicate),
        )

    def _server_aggregates(self, key, access, aggregates) -> str | None:
        """count, min and max within one partition."""
        if access.rest or not access.pinned or access.index or len(access.reads) != 1:
            return None
        texts = []
        for node in aggregates:
            if is_count_star(node):
                texts.append("COUNT(*)")
                continue
            name = {"Min": "MIN", "Max": "MAX"}.get(type(node).__name__)
            source = node.get_source_expressions()[0]
            if name is None or node.filter is not None or getattr(source, "target", None) is None:
                return None
            texts.append(f"{name}({self.quote(source.target.column)})")
        return ", ".join(texts)

    def explain_query(self):
        """The statements that the query sends, with what is done on our side."""
        info = self.query.explain_info
        self.connection.ops.explain_query_prefix(
            info.format, **info.options
        )  # refuses what it does not know
        plan = self.plan()
        for cql, values in plan.statements:
            yield f"{cql}  {values}" if values else cql
        if isinstance(plan, SelectPlan):
            for done, part in (("filter", plan.test), ("sort", plan.order), ("merge", plan.merge)):
                if part:
                    yield f"on our side: {done}"


class _Needed(Expr):
    """Columns that have to be read, and are not output by themselves."""

    def __init__(self, columns: frozenset):
        super().__init__(columns, lambda index: None)


class SQLAggregateCompiler(SQLCompiler):
    """An aggregate over a slice or over distinct rows: the rows are counted as they come."""

    def plan(self):
        aggregates = list(self.query.annotation_select.values())
        if not all(is_count_star(node) for node in aggregates):
            raise not_supported(
                "An aggregate over a slice, over distinct rows or over annotations",
                "Compute it in Python.",
            )
        self.col_count = len(aggregates)
        inner = self.query.inner_query.get_compiler(self.using, elide_empty=self.elide_empty).plan()
        if isinstance(inner, EmptyPlan):
            return EmptyPlan([], rows=[(len(inner.rows),) * len(aggregates)])
        folds = FoldBuilder(self.evaluator(), aggregates).bind({})
        return AggregatePlan(inner.statements, source=inner, folds=folds)
