"""Django's own compilers, with the SQLite dialect. Those of subqueries are made here as well: the dialect's operations
name this module.

What a query selects of columns comes as the database has it: each column has a hidden one beside it, `NAME$raw`, which
libcql decodes as it decodes any row. SQLite's own values are for what SQLite computes."""

from django.db.models.expressions import Col, ColPairs, OrderBy, Ref
from django.db.models.lookups import Lookup
from django.db.models.sql import compiler as base
from django.db.models.sql.datastructures import BaseTable, Join

from ..exceptions import not_answerable
from ..fields.containers import ContainerField
from ..fields.durations import CalendarDurationField
from .exact import ExactAggregate, exact_aggregate, raw_sql
from .plan import RelationalPlan
from .tested import Tested

#: What a lookup has to be for an index to find its rows.
_FOUND_BY_INDEX = {"exact", "in"}


class Relational:
    """What the compilers here have beyond Django's."""

    def __init__(self, query, connection, using, elide_empty=True):
        super().__init__(query, connection, using, elide_empty)
        self.outer = connection.outer
        self.exact = False  # columns are selected as the database has them
        self.beside = 0  # columns of the result that only the order needs
        self.tested = Tested()

    # --- the whole query ---

    def plan(self) -> RelationalPlan:
        """The query as a plan. EmptyResultSet as in Django."""
        self.exact = not self.query.combinator
        self.tested = self.connection.begin()
        explained, self.query.explain_info = self.query.explain_info, None
        try:
            sql, params = self.as_sql()
        finally:
            self.query.explain_info = explained
        if not self.exact:
            self._refuse_texts()
        return RelationalPlan(sql, params, raw=self.raw_outputs(), tested=self.tested)

    def compile(self, node):
        if isinstance(node, Ref) and self.exact and self._sorts_otherwise(node.source):
            node = node.source  # what its place in the row has sorts otherwise
        elif isinstance(node, (BaseTable, Join)):
            self.connection.tested.table(node)
        elif isinstance(node, Lookup) and node.lookup_name in _FOUND_BY_INDEX:
            self.connection.tested.lookup(node)
        implementation = getattr(node, f"as_{self.outer.vendor}", None)
        if implementation is not None:
            return implementation(self, self.connection)
        return super().compile(node)

    def pre_sql_setup(self, with_col_aliases=False):
        found = super().pre_sql_setup(with_col_aliases)
        self.beside = sum(map(_width, (expression for expression, _, _ in found[0])))
        return found

    def get_qualify_sql(self):
        """A filter on a window: SQLite filters what an inner query gives, under other names."""
        self.exact = False
        return super().get_qualify_sql()

    # --- what is selected ---

    def _columns(self, expression) -> list[Col] | None:
        """The plain columns that an output consists of; None: it is computed."""
        columns = expression.get_cols() if isinstance(expression, ColPairs) else [expression]
        return columns if all(self._is_plain(column) for column in columns) else None

    def _is_plain(self, expression) -> bool:
        return (
            type(expression) is Col
            and expression.alias in self.query.alias_map
            and hasattr(self.query.alias_map[expression.alias], "table_name")
            and self.query.alias_map[expression.alias].table_name is not None
        )

    def _exact(self, expression) -> ExactAggregate | None:
        """The aggregate that libcql computes in the place of SQLite; None: it is not one of those."""
        if not self.exact or not getattr(expression, "contains_aggregate", False):
            return None
        source = next(iter(expression.get_source_expressions()), None)
        return exact_aggregate(expression, source if self._is_plain(source) else None)

    def _sorts_otherwise(self, expression) -> bool:
        """Is what the row has of it no number or text to sort by, but bytes, or digits?"""
        return bool(self._columns(expression)) or self._exact(expression) is not None

    def get_select(self, with_col_aliases=False):
        select, klass_info, annotations = super().get_select(with_col_aliases)
        made = [self._output(expression, sql, alias) for expression, sql, alias in select]
        return made, klass_info, annotations

    def _output(self, expression, sql, alias):
        columns = self._columns(expression) if self.exact else None
        if columns is not None:
            sql = ", ".join(raw_sql(column, self.connection) for column in columns), ()
        elif (aggregate := self._exact(expression)) is not None:
            sql = aggregate.as_sql(self)
        elif self.exact:
            _refuse_text(expression, "computed")
        return expression, sql, alias

    def _refuse_texts(self) -> None:
        """Where SQLite compares what is selected, it comes as SQLite has it."""
        for expression, _, _ in self.select:
            for part in expression.get_cols() if isinstance(expression, ColPairs) else [expression]:
                _refuse_text(part, "combined" if self.query.combinator else "filtered by a window")

    def raw_outputs(self) -> list:
        """What libcql decodes: of each column of the result its table and column, or None."""
        found = []
        for expression, _, _ in self.select:
            columns = self._columns(expression) if self.exact else None
            if columns:
                found += [self._place(column) for column in columns]
            elif (aggregate := self._exact(expression)) is not None:
                found.append(self._place(aggregate.column) if aggregate.is_raw else None)
            else:
                found += [None] * _width(expression)
        return found + [None] * self.beside

    def _place(self, column: Col) -> tuple[str, str]:
        return self.query.alias_map[column.alias].table_name, column.target.column

    def get_converters(self, expressions):
        """Of columns the outer connection's, of what is computed the dialect's."""
        converters, place = {}, 0
        for expression in expressions:
            columns = self._columns(expression) if self.exact and expression else None
            aggregate = self._exact(expression)
            if aggregate is not None and not aggregate.is_raw:
                made = aggregate.converters + expression.get_db_converters(self.outer)
                converters[place] = (made, expression)
                place += 1
                continue
            if aggregate is not None:
                columns = [aggregate.column]
            if columns is None:
                for i, found in super().get_converters([expression]).items():
                    converters[place + i] = found
                place += _width(expression)
            for column in columns or ():
                made = self.outer.ops.get_db_converters(column)
                made = made + column.get_db_converters(self.outer)
                if made:
                    converters[place] = (made, column)
                place += 1
        return converters


def _refuse_text(expression, how: str) -> None:
    """Of some columns SQLite has a text that says what they hold, and no value."""
    field = getattr(expression, "_output_field_or_none", None)
    if isinstance(field, (ContainerField, CalendarDurationField)):
        raise not_answerable(
            f"A {type(field).__name__} that is {how}", "Ask for other columns, or in two queries."
        )


def _width(expression) -> int:
    """Columns of the result that an output, or what rows are ordered by, takes."""
    if isinstance(expression, OrderBy):
        expression = expression.expression
    return len(expression) if isinstance(expression, ColPairs) else 1


class SQLCompiler(Relational, base.SQLCompiler):
    """SELECT."""


class SQLAggregateCompiler(Relational, base.SQLAggregateCompiler):
    """An aggregate over what an inner query gives."""

    def plan(self):
        self.tested = self.connection.begin()
        sql, params = self.as_sql()
        width = len(self.query.annotation_select)
        return RelationalPlan(sql, params, raw=[None] * width, tested=self.tested)
