"""DDL: models become CQL tables and indexes.

What CQL can do is done with one statement. A change of a key, of a column's type or of a table's name copies
the table (`table_copy.py`). What is unique beside the key has a table of claims (`claim_tables.py`)."""

import logging
from dataclasses import replace

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import NOT_PROVIDED, CompositePrimaryKey, UniqueConstraint
from django.db.utils import IntegrityError, NotSupportedError

from . import (
    check_constraints,
    claim_tables,
    constraint_rows,
    index_build,
    indexes,
    names,
    sequences,
    user_types,
)
from .fields import CounterField, PhysicalKey, TableOptions, UserTypeField
from .fields.columnless import ColumnlessField
from .fields.static import is_static
from .fields.table_options import DEFAULTS, option_text, table_options
from .keys import (
    declared_columns,
    key_fields,
    wanted_by_default,
    wanted_indexes,
    wanted_of_field,
)
from .literals import literal
from .plan import Plan
from .table_copy import copy_table
from .types import column_type
from .writes import UpdatePlan

logger = logging.getLogger("django.db.backends.schema")


class DatabaseSchemaEditor(BaseDatabaseSchemaEditor):
    sql_delete_table = "DROP TABLE %(table)s"
    _is_altering_through = False  # a table in between, step by step

    def quote_value(self, value):
        return literal(value)

    def prepare_default(self, value):
        return self.quote_value(value)

    def table(self, model) -> str:
        """The quoted name of a model's table."""
        return self.quote_name(names.encode(model._meta.db_table))

    def execute(self, sql, params=()):
        """Run one statement, or collect it for sqlmigrate. DDL has no values apart from its text."""
        logger.debug("%s; (params %r)", sql, params, extra={"params": params, "sql": sql})
        if self.collect_sql:
            text = sql.inlined() if isinstance(sql, Plan) else str(sql)
            self.collected_sql.append(
                text + ("" if text.endswith(";") or text.startswith("--") else ";")
            )
            return
        with self.connection.cursor() as cursor:
            if isinstance(sql, Plan):
                cursor.execute(sql)
                return
            with self.connection.wait_for_schema():
                cursor.execute(str(sql), params or None)

    # --- tables ---

    def create_model(self, model):
        check_constraints.of(model, self.connection)  # refuses what cannot be kept
        for field in model._meta.local_concrete_fields:
            user_types.make(self, field)
        self.execute(self.table_definition(model, names.encode(model._meta.db_table)))
        if model._meta.auto_field is not None:
            self.execute(sequences.CREATE)
        self._create_indexes(indexes.create_statements(self, model))
        claim_tables.create(self, claim_tables.all_of(self, model))
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.create_model(field.remote_field.through)

    def table_definition(self, model, table: str) -> str:
        """CREATE TABLE for a model, under a given name."""
        partition, clustering, descending = key_fields(model._meta)
        columns = [self._column(field) for field in model._meta.local_concrete_fields]
        options = {**table_options(model._meta)}
        if model._meta.db_table_comment:
            options["comment"] = model._meta.db_table_comment
        return self.create_table(
            table,
            columns,
            [field.column for field in partition],
            [(field.column, flag) for field, flag in zip(clustering, descending, strict=True)],
            options,
        )

    def create_table(self, table: str, columns, partition, clustering, options) -> str:
        """CREATE TABLE. `columns`: their CQL; `clustering`: (column, descending) pairs."""
        key = ", ".join(map(self.quote_name, partition))
        rest = "".join(f", {self.quote_name(column)}" for column, _ in clustering)
        text = f"CREATE TABLE {self.quote_name(table)} ({', '.join(columns)}, PRIMARY KEY (({key}){rest}))"
        parts = []
        if any(descending for _, descending in clustering):
            order = ", ".join(
                f"{self.quote_name(column)} {'DESC' if flag else 'ASC'}"
                for column, flag in clustering
            )
            parts.append(f"CLUSTERING ORDER BY ({order})")
        parts += [option_text(name, value) for name, value in options.items()]
        return f"{text} WITH {' AND '.join(parts)}" if parts else text

    def _column(self, field) -> str:
        static = " STATIC" if is_static(field) else ""
        return f"{self.quote_name(field.column)} {self._type(field)}{static}"

    def _type(self, field) -> str:
        if getattr(field, "generated", False):
            raise NotSupportedError(
                f"Cassandra has no generated columns: compute {field} in save()."
            )
        cql_type = column_type(field, self.connection)
        if cql_type is None:
            raise NotSupportedError(
                f"The field {field} has no CQL type; give it a db_type() for Cassandra."
            )
        return cql_type

    def delete_model(self, model):
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                self.delete_model(field.remote_field.through)
        claim_tables.drop(self, claim_tables.all_of(self, model))
        self.execute(f"DROP TABLE {self.table(model)}")
        if model._meta.auto_field is not None:
            self._forget_sequence(names.encode(model._meta.db_table))
        user_types.drop_unused(self, model._meta.local_concrete_fields)

    def _forget_sequence(self, table: str) -> None:
        for plan in self.connection.ops.sequence_reset_by_name_sql(None, [{"table": table}]):
            self.execute(plan)

    def alter_db_table(self, model, old_db_table, new_db_table):
        if old_db_table == new_db_table or names.encode(old_db_table) == names.encode(new_db_table):
            return
        copy_table(
            self,
            model,
            old_table=names.encode(old_db_table),
            new_table=names.encode(new_db_table),
        )
        if self._is_altering_through:
            return
        with claim_tables.renamed(model, old_db_table):
            before = claim_tables.all_of(self, model)
        with claim_tables.renamed(model, new_db_table):
            claim_tables.replace(self, before, claim_tables.all_of(self, model))

    def alter_db_table_comment(self, model, old_db_table_comment, new_db_table_comment):
        text = option_text("comment", new_db_table_comment or "")
        self.execute(f"ALTER TABLE {self.table(model)} WITH {text}")

    def _alter_options(self, model, old: dict, new: dict) -> None:
        """ALTER TABLE … WITH for what changed; an option that is no longer named goes back to its default."""
        wanted = {name: value for name, value in new.items() if old.get(name) != value}
        wanted |= {name: DEFAULTS[name] for name in old if name not in new}
        if wanted:
            text = " AND ".join(option_text(name, value) for name, value in wanted.items())
            self.execute(f"ALTER TABLE {self.table(model)} WITH {text}")

    def alter_db_tablespace(self, model, old_db_tablespace, new_db_tablespace):
        """CQL has no tablespaces."""

    # --- columns ---

    def add_field(self, model, field):
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.create_model(field.remote_field.through)
            return
        if isinstance(field, (PhysicalKey, CompositePrimaryKey)):
            raise NotSupportedError(
                f"{type(field).__name__} cannot be added to {model._meta.db_table!r}, a table that exists: its key is "
                "fixed when it is made. Create the model with it, or copy the rows to a new model."
            )
        if isinstance(field, TableOptions):
            self._alter_options(model, {}, field.options)
            return
        if field.column is None or getattr(field, "db_parameters", None) is None:
            return
        if field.primary_key:
            self._refuse_key(model)
        self._refuse_default(model, field)
        user_types.make(self, field)
        self.execute(f"ALTER TABLE {self.table(model)} ADD {self._column(field)}")
        self._index_fields(model, wanted_of_field(model._meta, field))
        self._fill(model, field)
        if field.unique:
            claim_tables.create_filled(self, [claim_tables.of_field(self, model, field)])

    def _fill(self, model, field) -> None:
        """Write a new column's default into the rows there are. CQL's own columns begin as null."""
        default = self._default(field)
        if default is None:
            return
        plan = self._fill_plan(model, field, default)
        if self.collect_sql:
            self.collected_sql.append(f"-- for each row without a value: {plan.inlined()};")
            return
        with self.connection.lift_scan_budget():
            self.execute(plan)

    def _default(self, field):
        """What rows without a value get, or None."""
        if isinstance(field, CounterField):
            return None  # it reads as 0, and cannot be set
        if field.db_default is not NOT_PROVIDED:
            return self._database_default(field)
        return self.effective_default(field)

    def _refuse_default(self, model, field) -> None:
        """IntegrityError for a new column whose default its own type refuses, where there are rows to fill."""
        check = check_constraints.of_field(field, self.connection, model._meta.db_table)
        values = (self._default(field),)
        if check is None or self.collect_sql or check.test(values) is not False:
            return
        with self.connection.cursor() as cursor:
            one = f"SELECT * FROM {self.table(model)} LIMIT 1"
            if cursor.execute(one).one() is not None:
                raise IntegrityError(f"{check} is violated by the default: {check.shown(values)}")

    def _database_default(self, field):
        from .evaluate import Evaluator

        default = field.db_default
        if hasattr(default, "resolve_expression"):
            return (
                Evaluator(self.connection, None)
                .expression(default.resolve_expression(None))
                .bind({})(())
            )
        return field.get_db_prep_save(default, connection=self.connection)

    def _fill_plan(self, model, field, default) -> UpdatePlan:
        """Every row that has no value gets the default, one conditional statement each."""
        from .access import SCAN, Access
        from .evaluate import Column, Constant
        from .predicates import IsNull
        from .writes import shown_statements

        key = indexes.key_of(model)
        empty = IsNull(Column(field.column, field), True)
        access, assign = Access(SCAN, [("", [])], [empty]), {field.column: Constant(default)}
        plain = self.connection.settings.is_plain(model)
        return UpdatePlan(
            shown_statements("UPDATE", key, access, assign, plain, self.quote_name),
            model=model,
            key=key,
            access=access,
            predicate=empty,
            assign=assign,
            fields=[f for f in model._meta.local_concrete_fields if f.column != field.column],
            plain=plain,
            quote=self.quote_name,
            # Nobody writes a column that the code in use does not know, so a row that
            # has nothing but its key needs no more than to exist.
            lone_key_suffices=True,
        )

    def remove_field(self, model, field):
        if field.many_to_many and field.remote_field.through._meta.auto_created:
            self.delete_model(field.remote_field.through)
            return
        if isinstance(field, (PhysicalKey, CompositePrimaryKey)):
            self._refuse_key(model)
        if isinstance(field, TableOptions):
            self._alter_options(model, field.options, {})
        if field.column is None:
            return
        partition, clustering, _ = key_fields(model._meta)
        if field.name in {member.name for member in (*partition, *clustering)}:
            self._refuse_key(model)
        if field.unique:
            claim_tables.drop(self, [claim_tables.of_field(self, model, field)])
        for statement in indexes.drop_statements(self, model, {(field.column, None)}):
            self.execute(statement)
        if isinstance(field, UserTypeField) and field.is_multicell:  # CQL drops no such column
            copy_table(self, model, without=field.column)
        else:
            self.execute(f"ALTER TABLE {self.table(model)} DROP {self.quote_name(field.column)}")
        user_types.drop_unused(self, [field])

    def alter_field(self, model, old_field, new_field, strict=False):
        if isinstance(old_field, TableOptions) and isinstance(new_field, TableOptions):
            self._alter_options(model, old_field.options, new_field.options)
            return
        if isinstance(old_field, ColumnlessField) or isinstance(new_field, ColumnlessField):
            self._alter_key(model, old_field, new_field)
            return
        super().alter_field(model, old_field, new_field, strict)

    def _alter_key(self, model, old_field, new_field) -> None:
        same = type(old_field) is type(new_field) and all(
            getattr(old_field, name) == getattr(new_field, name)
            for name in ("field_names", "partition", "descending")
        )
        if not same:
            self._refuse_key(model)

    def _field_should_be_altered(self, old_field, new_field, ignore=None):
        if isinstance(old_field, CompositePrimaryKey) and isinstance(
            new_field, CompositePrimaryKey
        ):
            self._alter_key(old_field.model, old_field, new_field)
            return False
        return super()._field_should_be_altered(old_field, new_field, ignore)

    def _alter_field(
        self,
        model,
        old_field,
        new_field,
        old_type,
        new_type,
        old_db_params,
        new_db_params,
        strict=False,
    ):
        """One column: its name, its type, its index. What Django alone checks (lengths, null, choices) needs no DDL."""
        new_model = getattr(new_field, "model", model)  # a field made by hand belongs to none
        if old_field.primary_key != new_field.primary_key:
            self._refuse_key(model)
        if is_static(old_field) != is_static(new_field):
            raise NotSupportedError(
                f"{new_field} cannot {'become' if is_static(new_field) else 'cease to be'} static: rows and partitions hold "
                "different values. Add a new field, fill it in a data migration, and remove the old one."
            )
        user_types.alter(self, old_field, new_field)
        self._verify_range(new_model, old_field, new_field)
        if self._type(old_field) != self._type(new_field):
            copy_table(self, model, changed={old_field.column: new_field})
        elif old_field.column != new_field.column:
            self._rename_column(model, old_field, new_field)
        had = {one.target for one in wanted_of_field(model._meta, old_field)}
        wanted = wanted_of_field(new_model._meta, new_field)
        if gone := had - {one.target for one in wanted}:
            targets = {(new_field.column, target) for target in gone}
            for statement in indexes.drop_statements(self, model, targets):
                self.execute(statement)
        self._index_fields(new_model, [one for one in wanted if one.target not in had])
        if old_field.null and not new_field.null:
            self._fill(new_model, new_field)
        if user_types.names_of(old_field) - user_types.names_of(new_field):
            user_types.drop_unused(self, [old_field])
        if not self._is_altering_through:
            claim_tables.follow(self, model, old_field, new_model, new_field)

    def _alter_many_to_many(self, model, old_field, new_field, strict):
        """The table in between: its name and its columns change one after the other, its claims then."""
        old, new = old_field.remote_field.through, new_field.remote_field.through
        claim_tables.drop(self, claim_tables.all_of(self, old))
        self._is_altering_through = True
        try:
            super()._alter_many_to_many(model, old_field, new_field, strict)
        finally:
            self._is_altering_through = False
        claim_tables.create_filled(self, claim_tables.all_of(self, new))

    def _verify_range(self, model, old_field, new_field) -> None:
        """Are there rows that the new type refuses and the old one did not? Values that are copied are seen there."""
        table = model._meta.db_table
        new = check_constraints.of_field(new_field, self.connection, table, old_field.column)
        if new is None or self._type(old_field) != self._type(new_field):
            return
        if check_constraints.of_field(old_field, self.connection, table) is None:
            constraint_rows.verify(self, model, new)

    def _rename_column(self, model, old_field, new_field) -> None:
        """CQL renames columns of the key; the others are copied."""
        partition, clustering, _ = key_fields(model._meta)
        if old_field.name not in {field.name for field in (*partition, *clustering)}:
            copy_table(self, model, changed={old_field.column: new_field})
            return
        held = wanted_of_field(model._meta, old_field)
        for statement in indexes.drop_statements(self, model, {(old_field.column, None)}):
            self.execute(statement)
        old, new = self.quote_name(old_field.column), self.quote_name(new_field.column)
        self.execute(f"ALTER TABLE {self.table(model)} RENAME {old} TO {new}")
        self._index_fields(model, [replace(one, field=new_field) for one in held])

    # --- indexes and constraints ---

    def _create_indexes(self, statements) -> None:
        """Run (name, CREATE INDEX) statements, and wait until the server has built what they ask for."""
        for _, statement in statements:
            self.execute(statement)
        if statements and not self.collect_sql:
            index_build.wait(self.connection, [name for name, _ in statements])

    def _index_fields(self, model, wanted) -> None:
        """Indexes on columns; the model may be of a state that does not know the fields yet."""
        self._create_indexes(indexes.index_statements(self, model, wanted))

    def add_index(self, model, index):
        if index.contains_expressions:
            return  # a check has said so
        self._index_fields(model, declared_columns(model._meta, index))

    def remove_index(self, model, index):
        if index.contains_expressions:
            return
        targets = {(one.column, one.target) for one in declared_columns(model._meta, index)}
        keep = indexes.wanted_without(model, index)
        for statement in indexes.drop_statements(self, model, targets, keep):
            self.execute(statement)

    def rename_index(self, model, old_index, new_index):
        """CQL renames no index: it is dropped, and built anew under its other name."""
        targets = {(one.column, one.target) for one in declared_columns(model._meta, old_index)}
        for statement in indexes.drop_statements(self, model, targets):
            self.execute(statement)
        self._create_indexes(
            indexes.index_statements(self, model, declared_columns(model._meta, new_index))
        )

    def _constraint_names(self, model, column_names=None, **kwargs):
        """An index of several columns is one for each: the first one's name stands for all of them."""
        found = super()._constraint_names(model, column_names=column_names, **kwargs)
        if found or not kwargs.get("index") or len(column_names or ()) < 2:
            return found
        each = [self._constraint_names(model, column_names=[c], **kwargs) for c in column_names]
        return each[0][:1] if all(each) else []

    def add_constraint(self, model, constraint):
        if isinstance(constraint, UniqueConstraint):
            claim_tables.create_filled(self, claim_tables.of_constraint(self, model, constraint))
            return
        check = check_constraints.of_constraint(constraint, model, self.connection)
        constraint_rows.verify(self, model, check)

    def remove_constraint(self, model, constraint):
        if isinstance(constraint, UniqueConstraint):
            claim_tables.drop(self, claim_tables.of_constraint(self, model, constraint))

    def _check_sql(self, name, check):
        """Check constraints are evaluated before a write; there is no SQL of them."""

    def _create_check_sql(self, model, name, check):
        """See _check_sql()."""

    def _delete_check_sql(self, model, name):
        """See _check_sql()."""

    def alter_unique_together(self, model, old_unique_together, new_unique_together):
        old, new = (
            {tuple(g) for g in groups} for groups in (old_unique_together, new_unique_together)
        )
        claim_tables.drop(self, claim_tables.of_groups(self, model, old - new))
        claim_tables.create_filled(self, claim_tables.of_groups(self, model, new - old))

    def alter_index_together(self, model, old_index_together, new_index_together):
        old, new = (
            {name for group in groups for name in group}
            for groups in (old_index_together, new_index_together)
        )
        wanted = [wanted_by_default(model._meta.get_field(name)) for name in sorted(new - old)]
        self._index_fields(model, wanted)
        gone = {(model._meta.get_field(name).column, None) for name in old - new}
        for statement in indexes.drop_statements(self, model, gone, _wanted(model)):
            self.execute(statement)

    # --- refusals ---

    def _refuse_key(self, model) -> None:
        raise NotSupportedError(
            f"The key of {model._meta.db_table!r} cannot be changed: Cassandra stores rows by it. "
            "Make a new model with the new key and copy the rows in a data migration."
        )


def _wanted(model) -> set[tuple[str, str]]:
    """(column, target) of each index that the model asks for."""
    return {(one.column, one.target) for one in wanted_indexes(model._meta)}
