"""INSERT, UPDATE and DELETE of the rows of one table."""

from django.core.exceptions import EmptyResultSet, FieldError
from django.db.models.constants import OnConflict
from django.db.models.expressions import ColPairs, DatabaseDefault, Value
from django.db.models.sql import compiler as base

from . import check_constraints
from .access import NOTHING, Access, choose
from .counters import CounterPlan, refuse_insert
from .evaluate import Column, Constant, Evaluator, Expr
from .exceptions import NotOnCqlRoad, not_answerable
from .found_rows import FoundRowsPlan, RowFinder
from .inserts import InsertPlan, conflict_changes
from .keys import TableKey, table_key
from .predicates import Comparison
from .relational.values import expression_value
from .stored import converter
from .table_mixin import TableMixin
from .writes import DeletePlan, UpdatePlan, shown_statements


class SQLInsertCompiler(TableMixin, base.SQLInsertCompiler):
    """INSERT, one statement per row; ids and defaults are made on our side and returned from there."""

    def as_sql(self):
        meta = self.query.get_meta()
        key = table_key(meta.model)
        refuse_insert(key)
        on_conflict = self.query.on_conflict
        fields = [field for field in self.query.fields if field.column is not None]
        rows = [[self._stored(field, obj) for field in fields] for obj in self.query.objs]
        auto = meta.concrete_model._meta.auto_field  # a proxy has none of its own
        if auto is not None and auto.column not in [field.column for field in fields]:
            fields = [auto, *fields]
            rows = [[None, *row] for row in rows]
        columns = [field.column for field in fields]
        plain = self.connection.settings.is_plain(meta.model)
        text = (
            f"INSERT INTO {self.quote(key.table)} ({', '.join(map(self.quote, columns))}) "
            f"VALUES ({', '.join('?' * len(columns))}){'' if plain else ' IF NOT EXISTS'}"
        )
        uniques = self.uniques(plain)
        changes, target = [], key.pk
        if on_conflict == OnConflict.UPDATE:
            changes, target = conflict_changes(key, self.query, uniques)
        plan = InsertPlan(
            [(text, row) for row in rows],
            text=text,
            model=meta.model,
            key=key,
            columns=columns,
            rows=rows,
            auto=columns.index(auto.column) if auto is not None else None,
            checks=self._checks(meta.model, columns, auto),
            returning=[columns.index(field.column) for field in self.returning_fields or ()]
            or None,
            on_conflict=on_conflict,
            changes=changes,
            target=target,
            change_checks=self._change_checks(key, changes, plain),
            fields=meta.concrete_model._meta.local_concrete_fields,
            plain=plain,
            quote=self.quote,
            uniques=uniques,
        )
        return [(plan, ())]

    def _checks(self, model, columns, auto):
        """Check constraints on the rows, or None."""
        checks = check_constraints.of(model, self.connection)
        at = columns.index(auto.column) if auto is not None else None
        return check_constraints.InsertChecks(checks, columns, at) if checks else None

    def _change_checks(self, key: TableKey, changes: list[str], plain: bool) -> tuple:
        """Check constraints on what bulk_create(update_conflicts=True) changes."""
        if not changes:
            return ()
        assigned = dict.fromkeys(changes)
        checks = check_constraints.of(self.query.get_meta().model, self.connection)
        checks = check_constraints.affected(checks, assigned)
        if plain:
            check_constraints.refuse_blind(checks, assigned, key)
        return checks

    def _stored(self, field, obj):
        """The value of a field in database form; expressions are computed here."""
        value = self.pre_save_val(field, obj)
        if isinstance(value, DatabaseDefault):
            value = field.db_default
            if not hasattr(value, "resolve_expression"):
                value = Value(value, output_field=field)
        value = self.prepare_value(field, value)
        return self._computed(field, value) if hasattr(value, "resolve_expression") else value

    def _computed(self, field, value):
        """What an expression without columns gives."""
        try:
            return Evaluator(self.connection, None, self.moment).expression(value).bind({})(())
        except NotOnCqlRoad:
            return expression_value(value, field, self.connection)

    def execute_sql(self, returning_fields=None):
        self.returning_fields = returning_fields
        with self.connection.cursor() as cursor:
            for plan, params in self.as_sql():
                cursor.execute(plan, params)
            rows = cursor.fetchall() if returning_fields else []
        if not rows:
            return []
        table = self.query.get_meta().db_table
        converters = self.get_converters([field.get_col(table) for field in returning_fields])
        if converters:
            rows = self.apply_converters(rows, converters)
        return list(rows)


class FoundRowsMixin(TableMixin):
    """UPDATE and DELETE: where the rows cannot be told by CQL, a query of its own finds them."""

    verb: str
    finder: RowFinder | None = None  # what has found the rows that are written

    def as_sql(self):
        counts = self.query.alias_refcount.copy()
        self.query.get_initial_alias()
        if self.query.count_active_tables() < 2:
            try:
                return self.plan(), ()
            except NotOnCqlRoad:
                pass
        self.query.reset_refcounts(counts)
        return self._found_rows(), ()

    def _found_rows(self) -> FoundRowsPlan:
        finder = RowFinder(self, self.expressions())
        return FoundRowsPlan(self.verb, finder, lambda keys: self._write(finder, keys))

    def expressions(self) -> dict:
        """{field: expression} of new values that CQL cannot compute."""
        return {}

    def _write(self, finder: RowFinder, keys: list):
        """The plan that writes the rows with these primary keys."""
        query = self.query.clone()  # chain() would forget the values
        query.clear_where()
        query.group_by = None
        query.extra = {}
        query.get_initial_alias()
        for alias in query.alias_map:
            if alias != query.base_table:
                query.unref_alias(alias, query.alias_refcount[alias])
        query.add_filter("pk__in", keys)
        compiler = query.get_compiler(self.using)
        compiler.finder = finder
        try:
            return compiler.plan()
        except EmptyResultSet:
            return None


class SQLDeleteCompiler(FoundRowsMixin, base.SQLDeleteCompiler):
    """DELETE of the rows of one table."""

    verb = "DELETE"

    def plan(self):
        self.refuse()
        self.query.get_initial_alias()
        key = self.table()
        predicate = self.predicate()
        access = choose(key, predicate, self.quote)
        if access.kind == NOTHING:
            raise EmptyResultSet
        plain = bool(key.counters) or self.connection.settings.is_plain(self.query.model)
        return DeletePlan(
            shown_statements("DELETE", key, access, {}, plain, self.quote),
            model=self.query.model,
            key=key,
            access=access,
            predicate=predicate,
            fields=self.query.get_meta().concrete_model._meta.local_concrete_fields,
            plain=plain,
            quote=self.quote,
            uniques=self.uniques(plain),
        )


class SQLUpdateCompiler(FoundRowsMixin, base.SQLUpdateCompiler):
    """UPDATE of the rows of one table."""

    verb = "UPDATE"

    def as_sql(self):
        if self.query.related_updates:
            self._name_related()
        if not self.query.values:
            return "", ()
        return super().as_sql()

    def _name_related(self) -> None:
        """Columns of parents are updated by queries of their own, for the same rows: their keys are read first."""
        base.SQLUpdateCompiler.pre_sql_setup(self)

    def pre_sql_setup(self):
        """Django's would select what is updated."""

    def plan(self):
        self.refuse()
        self.query.get_initial_alias()
        key = self.table()
        predicate = self.predicate()
        access = choose(key, predicate, self.quote)
        if access.kind == NOTHING:
            raise EmptyResultSet
        if key.counters:
            return CounterPlan.make(self, key, access, predicate)
        assign = {
            field.column: self._assigned(field, value) for field, _, value in self.query.values
        }
        plain = self.connection.settings.is_plain(self.query.model)
        checks = check_constraints.of(self.query.model, self.connection)
        checks = check_constraints.affected(checks, assign) if checks else ()
        if plain:
            self._refuse_reading(key, assign)
            check_constraints.refuse_blind(checks, assign, key)
        return UpdatePlan(
            shown_statements("UPDATE", key, access, assign, plain, self.quote),
            model=self.query.model,
            key=key,
            access=access,
            predicate=predicate,
            assign=assign,
            checks=checks,
            fields=self.query.get_meta().concrete_model._meta.local_concrete_fields,
            plain=plain,
            quote=self.quote,
            save_point=self._save_point(key, access, assign),
            uniques=self.uniques(plain, assign),
        )

    def expressions(self) -> dict:
        found = {}
        for field, _, value in self.query.values:
            try:
                self._assigned(field, value)
            except NotOnCqlRoad:
                found[field] = self._resolved(field, value)
        return found

    def _assigned(self, field, value) -> Expr:
        if self.finder is not None and field in self.finder.expressions:
            return self.finder.value_of(field)
        if hasattr(value, "resolve_expression"):
            value = field.get_db_prep_save(self._resolved(field, value), self.connection)
            if hasattr(value, "resolve_expression"):  # it is not Value(None, JSONField())
                return self._converted(field, self.evaluator().expression(value))
            return Constant(value)
        if hasattr(value, "prepare_database_save"):
            if not field.remote_field:
                raise TypeError(
                    f"Tried to update field {field} with a model instance, {value!r}. "
                    f"Use a value compatible with {field.__class__.__name__}."
                )
            value = value.prepare_database_save(field)
        return Constant(field.get_db_prep_save(value, connection=self.connection))

    def _resolved(self, field, value):
        value = value.resolve_expression(self.query, allow_joins=False, for_save=True)
        if value.contains_aggregate:
            kind, shown = "Aggregate functions are", repr(value)
        elif value.contains_over_clause:
            kind, shown = "Window expressions are", repr(value)
        elif isinstance(value, ColPairs):
            kind, shown = "Composite primary keys expressions are", "F('pk')"
        else:
            return value
        raise FieldError(f"{kind} not allowed in this query ({field.name}={shown}).")

    def _converted(self, field, expr: Expr) -> Expr:
        """A computed number in the form of the column it goes to."""
        if isinstance(expr, Column) and expr.field is field:
            return expr
        convert = converter(field, self.connection)
        if isinstance(expr, Constant):
            return Constant(convert(expr.value))

        def bind(index):
            get = expr.bind(index)
            return lambda row: convert(get(row))

        return Expr(expr.columns, bind)

    def _refuse_reading(self, key: TableKey, assign) -> None:
        for column, expr in assign.items():
            if expr.columns - set(key.columns):
                raise not_answerable(
                    f"An expression for {column!r} of {key.table!r}, a table written in plain mode",
                    "A value that is computed from the row needs a compare-and-set; write the table in lwt mode.",
                )

    def _save_point(self, key: TableKey, access: Access, assign) -> dict | None:
        """The whole key, when the values bring it all beside a pk that alone is asked for: a full save()."""
        if key.lookup is None or access.index != key.lookup or len(access.reads) != 1:
            return None
        point = {}
        for column in key.columns:
            if column == key.lookup:
                point[column] = access.reads[0][1][0]
            elif isinstance(assign.get(column), Constant):
                point[column] = assign[column].value
            else:
                return None
        if any(expr.columns for expr in assign.values()) or None in point.values():
            return None
        if not all(isinstance(part, Comparison) for part in access.rest):
            return None
        return point
