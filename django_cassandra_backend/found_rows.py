"""UPDATE and DELETE of rows that a query of its own finds: through other tables, subqueries, functions.

One execute() selects the primary keys, and what expressions give for each row, then writes those rows. A value that was
computed from a row's own columns is written if these are still what they were; else it is computed again."""

from django.db.models import JSONField
from django.db.models.expressions import Col, ExpressionWrapper
from django.db.models.sql.query import Query

from .cursor import Cursor
from .exceptions import WriteContention
from .expr import Expr
from .keys import table_key
from .plan import Plan


class FoundRowsPlan(Plan):
    """`finder` finds the rows; `write(keys)` gives the plan that writes those of these primary keys, or None."""

    def __new__(cls, verb: str, finder: "RowFinder", write):
        self = str.__new__(cls, f"{verb} rows that are found by: {finder.plan}")
        self.statements = []
        self.verb = verb
        self.finder = finder
        self.write = write
        return self

    def inlined(self) -> str:
        return f"{self.verb} rows that are found by: {self.finder.plan.inlined()}"

    def run(self, cursor) -> None:
        cursor.rowcount = 0
        keys = self.finder.find(cursor)
        if not keys:
            return
        plan = self.write(keys)
        if plan is not None:
            plan.run(cursor)


class RowFinder:
    """Finds the rows of a write: their primary keys, and the values of expressions that CQL cannot compute."""

    def __init__(self, compiler, expressions: dict):
        """expressions: {field: resolved expression} of the query's own."""
        self.connection = compiler.connection
        self.using = compiler.using
        self.query = compiler.query
        self.expressions = expressions
        self.key = table_key(self.query.model)
        self.meta = self.query.get_meta()
        pk, read = list(self.meta.pk_fields), self._own_columns()
        stored = self.meta.concrete_model._meta.local_concrete_fields  # a proxy has none of its own
        self.fields = pk + [f for f in stored if f.column in read and f not in pk]
        self.cursor = None  # of the write, once it runs
        self.found: dict[tuple, tuple] = {}
        self.compiler, self.plan = self._select()

    def _own_columns(self) -> set[str]:
        """Columns of the rows themselves that the expressions read."""
        base, found = self.query.base_table, set()

        def walk(node):
            if isinstance(node, Col) and node.alias == base:
                found.add(node.target.column)
            for source in node.get_source_expressions():
                if source is not None and hasattr(source, "get_source_expressions"):
                    walk(source)

        for expression in self.expressions.values():
            walk(expression)
        return found

    def _select(self, only=None):
        """(compiler, plan) of the rows; `only`: with this primary key."""
        query = self.query.chain(klass=Query)
        query.get_initial_alias()
        alias = query.base_table
        query.select_related = False
        query.clear_ordering(force=True)
        query.extra = {}
        query.distinct = False
        query.default_cols = False
        query.set_annotation_mask(())
        if only is not None:
            query.add_filter("pk", only)
        query.values_select = ()
        query.select = tuple(
            [field.get_col(alias) for field in self.fields]
            + [
                ExpressionWrapper(expression, output_field=field)
                for field, expression in self.expressions.items()
            ]
        )
        compiler = query.get_compiler(self.using)
        return compiler, compiler.plan()

    def find(self, cursor) -> list:
        """The primary keys: what `pk__in` takes."""
        self.cursor = cursor
        self.found = self._run(cursor, self.compiler, self.plan)
        count = len(self.meta.pk_fields)
        return [self._pk(row[:count]) for row in self.found.values()]

    def _run(self, cursor, compiler, plan) -> dict[tuple, tuple]:
        """{primary key in database form: the columns and values}."""
        inner = Cursor(cursor.connection)
        plan.run(inner)
        rows = inner.fetchall()
        inner.close()
        cursor.executed += inner.executed
        count = len(self.meta.pk_fields)
        places = compiler.get_converters([expression for expression, _, _ in compiler.select])
        computed = list(range(len(self.fields), len(self.fields) + len(self.expressions)))
        found = {}
        for row in rows:
            values = list(row)
            for place, field in zip(computed, self.expressions, strict=True):
                values[place] = self._stored(field, values[place], places.get(place, ((), None)))
            found.setdefault(tuple(row[:count]), tuple(values))
        return found

    def _stored(self, field, value, converters):
        """What SQLite gave, as the column holds it. JSON is text in both, and there are two nulls of it."""
        if isinstance(field, JSONField):
            return value
        value = self._converted(value, *converters)
        return field.get_db_prep_save(value, connection=self.connection)

    def _converted(self, value, converters, expression):
        for convert in converters:
            value = convert(value, expression, self.connection)
        return value

    def _pk(self, columns: tuple):
        """Database form to what a filter takes."""
        values = []
        for field, value in zip(self.meta.pk_fields, columns, strict=True):
            col = field.get_col(self.meta.db_table)
            converters = self.connection.ops.get_db_converters(col)
            converters = converters + col.get_db_converters(self.connection)
            values.append(self._converted(value, converters, col))
        return values[0] if len(values) == 1 else tuple(values)

    # --- values ---

    def value_of(self, field) -> Expr:
        """What a row of the write gets for a field."""
        columns = [f.column for f in self.fields]
        place = len(columns) + list(self.expressions).index(field)
        count = len(self.meta.pk_fields)

        def bind(index):
            places = [index[column] for column in columns]

            def get(row):
                seen = tuple(row[i] for i in places)
                found = self.found.get(seen[:count])
                if found is None or found[: len(columns)] != seen:
                    found = self._again(seen, count)
                return found[place]

            return get

        return Expr(frozenset(columns), bind)

    def _again(self, seen: tuple, count: int) -> tuple:
        """The row has changed since it was found."""
        compiler, plan = self._select(only=self._pk(seen[:count]))
        found = self._run(self.cursor, compiler, plan).get(seen[:count])
        if found is None or found[: len(seen)] != seen:
            raise WriteContention(
                f"a row of {self.key.table!r} changes while its new values are computed"
            )
        self.found[seen[:count]] = found
        return found
