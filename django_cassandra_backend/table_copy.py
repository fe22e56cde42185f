"""A new table in the place of an old one, for changes that CQL has no statement for.

Cassandra renames no table, so the rows are copied twice: to a table aside, and back into the new table under
the old name. Rows stream through in pages; progress goes to the terminal. The table must not be written to
meanwhile. If it stops in the middle, the rows are still in one of the two tables, and the error says which."""

import contextlib
import decimal
import sys
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError
from django.db import models
from django.db.utils import DataError, NotSupportedError, OperationalError, ProgrammingError

from . import check_constraints, indexes, names, sequences
from .dbapi import UNSET
from .evaluate import stored_field
from .fields.static import is_static
from .fields.table_options import options_set, table_options
from .keys import key_fields, wanted_indexes
from .timestamps import next_timestamp
from .type_names import parse_type
from .types import FIELDS_BY_TYPE, column_type

REPORT_EVERY = 10_000  # rows
WRITTEN_AT_ONCE = 500  # rows
AGE_OF_COPIES = 3600 * 1_000_000  # microseconds: more than clocks differ


def copy_table(
    editor, model, *, changed=None, without=None, old_table=None, new_table=None
) -> None:
    """Change columns (`changed`: old column → new field), leave one out (`without`), or change the table's name,
    by copying all rows."""
    changed = changed or {}
    table = names.encode(model._meta.db_table)
    source, target = old_table or table, new_table or table
    shape = _shape(editor, model, source, changed)
    if without is not None:
        shape.leave_out(without)
    copier = _Copier(editor, table, shape, changed)
    if source != target:
        with _dropped_on_error(editor, target):
            copier.create(target)
            copier.copy(source, target, convert=True)
        editor.execute(f"DROP TABLE {editor.quote_name(source)}")
        copier.index(target)  # names of indexes are the keyspace's: the old ones have to be gone
        if model._meta.auto_field is not None:
            copier.move_sequence(source, target)
    else:
        aside = f"{table[: names.MAX_LENGTH - 6]}__copy"
        with _dropped_on_error(editor, aside):
            copier.create(aside)
            copier.copy(source, aside, convert=True)
        with _rows_are_in(aside):
            editor.execute(f"DROP TABLE {editor.quote_name(source)}")
            copier.create(target)
            copier.index(target)
            copier.copy(aside, target, convert=False)
        editor.execute(f"DROP TABLE {editor.quote_name(aside)}")


@contextlib.contextmanager
def _dropped_on_error(editor, table: str):
    """While the old table has all rows, a copy that failed is of no use, and would stand in the way of the next."""
    exists = names.decode(table) in editor.connection.introspection.table_names()
    try:
        yield
    except Exception:
        if not exists and not editor.collect_sql:
            editor.execute(f"DROP TABLE IF EXISTS {editor.quote_name(table)}")
        raise


@contextlib.contextmanager
def _rows_are_in(table: str):
    try:
        yield
    except Exception as error:
        raise OperationalError(
            f"The change of a table stopped in the middle; all its rows are in {table!r}: {error}"
        ) from error


@dataclass
class _Shape:
    """A table as it is, whatever the models say: columns that no model names are copied as well."""

    types: dict[str, str]  # of the columns, the key's among them
    partition: list[str]
    clustering: list[tuple[str, bool]]  # (column, descending)
    static: set[str]
    options: dict  # what stands behind WITH
    indexes: list[tuple]  # (name, column, target, class behind USING, options)

    def leave_out(self, column: str) -> None:
        """Forget a column that does not belong to the key."""
        del self.types[column]
        self.static.discard(column)
        self.indexes = [index for index in self.indexes if index[1] != column]


def _shape(editor, model, table: str, changed) -> _Shape:
    if editor.collect_sql:  # sqlmigrate: the table may not have come as far as the model
        return _shape_of_model(editor, model, changed)
    introspection = editor.connection.introspection
    with editor.connection.cursor() as cursor:
        columns = introspection.columns(cursor, names.decode(table))
        partition, clustering = introspection.table_key(cursor, names.decode(table))
        options = options_set(introspection.table_options(cursor, names.decode(table)))
    if not columns:
        raise ProgrammingError(f"Table {table!r} doesn't exist")
    types = {name: cql_type for name, _, cql_type, *_ in columns}
    if "counter" in types.values():
        raise NotSupportedError(
            f"{table!r} cannot be copied: counters are not written, only added to."
        )
    static = {name for name, kind, *_ in columns if kind == "static"}
    found = [
        (i.name, i.column, i.target, i.using, i.options) for i in indexes.existing(editor, table)
    ]
    return _Shape(types, partition, clustering, static, options, sorted(found))


def _shape_of_model(editor, model, changed) -> _Shape:
    """The table that the model describes, with the columns that are to change as they were."""
    before = {field.column: column for column, field in changed.items()}
    meta, (partition, clustering, descending) = model._meta, key_fields(model._meta)

    def old(field) -> str:
        return before.get(field.column, field.column)

    return _Shape(
        {old(f): column_type(f, editor.connection) for f in meta.local_concrete_fields},
        [old(f) for f in partition],
        [(old(f), flag) for f, flag in zip(clustering, descending, strict=True)],
        {old(f) for f in meta.local_concrete_fields if is_static(f)},
        dict(table_options(meta)),
        [
            (indexes.index_name(editor, model, i), old(i.field), i.target, i.using, i.options)
            for i in wanted_indexes(meta)
        ],
    )


class _Copier:
    """One copy: a table's columns, some of them changed."""

    def __init__(self, editor, table: str, shape: _Shape, changed):
        self.editor = editor
        self.shape = shape
        self.changed = changed
        self.converters = {
            column: _converter(editor, table, shape.types[column], field)
            for column, field in changed.items()
        }

    def _new(self, column: str) -> str:
        return self.changed[column].column if column in self.changed else column

    def _quoted(self, column: str) -> str:
        return self.editor.quote_name(self._new(column))

    def create(self, table: str) -> None:
        columns = []
        for column, cql_type in self.shape.types.items():
            if column in self.changed:
                cql_type = column_type(self.changed[column], self.editor.connection)
            static = " STATIC" if column in self.shape.static else ""
            columns.append(f"{self._quoted(column)} {cql_type}{static}")
        self.editor.execute(
            self.editor.create_table(
                table,
                columns,
                [self._new(column) for column in self.shape.partition],
                [(self._new(column), flag) for column, flag in self.shape.clustering],
                self.shape.options,
            )
        )

    def copy(self, source: str, target: str, *, convert: bool) -> None:
        """Stream every row; the first of two copies converts the values."""
        quote, columns = self.editor.quote_name, list(self.shape.types)
        new = [self._quoted(column) for column in columns]
        old = [quote(column) for column in columns] if convert else new
        select = f"SELECT {', '.join(old)} FROM {quote(source)}"
        insert = _insert(quote(target), new)
        if self.editor.collect_sql:
            self.editor.collected_sql.append(f"-- for each row of {select}: {insert};")
            return
        converters = [self.converters.get(column) if convert else None for column in columns]
        clustering = [columns.index(column) for column, _ in self.shape.clustering]
        shared = [
            i for i, c in enumerate(columns) if c in self.shape.static or c in self.shape.partition
        ]
        lone = _insert(quote(target), [new[i] for i in shared]) if self.shape.static else ""
        with self.editor.connection.wrap_database_errors:
            writer = _Writer(self.editor.connection, source)
            for row in self.editor.connection.session.execute(select):
                values = [v if f is None else f(v) for f, v in zip(converters, row, strict=True)]
                if lone and any(row[i] is None for i in clustering):  # a partition without rows
                    writer.add(lone, [_or_unset(values[i]) for i in shared])
                else:
                    writer.add(insert, list(map(_or_unset, values)))
            writer.flush()

    def index(self, table: str) -> None:
        quoted = self.editor.quote_name(table)
        self.editor._create_indexes(
            [
                (name, indexes.statement(self.editor, name, quoted, self._new(column), *rest))
                for name, column, *rest in self.shape.indexes
            ]
        )

    def move_sequence(self, old: str, new: str) -> None:
        if self.editor.collect_sql:
            return
        with self.editor.connection.cursor() as wrapper:
            cursor = wrapper.cursor
            after = sequences.reserve(cursor, old, 1)
            if after > 1:
                sequences.move_past(cursor, new, after - 1)
            for cql, values in sequences.reset_statements([old]):
                cursor.send(cql, values, **sequences.SERIAL)
            sequences.forget(cursor, old)


class _Writer:
    """Writes copied rows, many at once, and says how far it is.

    On a cluster the copies are plain writes with an old timestamp: whatever is written to the new table afterwards, by
    Paxos or by any clock, is newer."""

    def __init__(self, connection, source: str):
        self._session, self._source = connection.session, source
        self._stamp = None if connection.settings.is_file else next_timestamp() - AGE_OF_COPIES
        self._rows: dict[str, list] = {}  # by statement
        self._waiting = self._count = 0

    def add(self, text: str, values: list) -> None:
        self._rows.setdefault(text, []).append(values)
        self._waiting += 1
        if self._waiting == WRITTEN_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        for text, rows in self._rows.items():
            self._session.execute_many(text, rows, timestamp=self._stamp)
        before, self._count = self._count, self._count + self._waiting
        self._rows, self._waiting = {}, 0
        if self._count // REPORT_EVERY > before // REPORT_EVERY:
            print(f"    {self._source}: {self._count} rows copied", file=sys.stderr, flush=True)


def _insert(quoted_table: str, quoted_columns) -> str:
    marks = ", ".join("?" * len(quoted_columns))
    return f"INSERT INTO {quoted_table} ({', '.join(quoted_columns)}) VALUES ({marks})"


def _or_unset(value):
    return UNSET if value is None else value


def _converter(editor, table: str, old_type: str, new_field):
    """A function from the old column's values to the new one's, or NotSupportedError."""
    connection = editor.connection
    new_type = column_type(new_field, connection)
    if old_type == new_type or _differ_in_freezing(old_type, new_type):
        return None
    convert = _CONVERSIONS.get((old_type, new_type)) or (
        _from_text(connection, new_field) if old_type == "text" else None
    )
    if convert is None and new_type == "text" and old_type in FIELDS_BY_TYPE and old_type != "blob":
        convert = str
    if convert is None:
        raise NotSupportedError(
            f"{new_field} cannot become {new_type}: there is no conversion from {old_type}. "
            "Add a new field, fill it in a data migration, and remove the old one."
        )
    if new_type == "decimal":
        convert = _decimal(connection, new_field, convert)
    check = check_constraints.of_field(new_field, connection, table)

    def converted(value):
        if value is None:
            return None
        try:
            found = convert(value)
        except (ValidationError, ValueError, ArithmeticError, DataError) as error:
            raise DataError(
                f"{value!r} cannot become {new_type} for {new_field}: {error}"
            ) from error
        if check is not None:
            check.verify((found,))
        return found

    return converted


def _differ_in_freezing(old_type: str, new_type: str) -> bool:
    """Are the types the same apart from a `frozen` around them, and quotes in their text?"""
    return replace(parse_type(old_type), frozen=False) == replace(
        parse_type(new_type), frozen=False
    )


def _decimal(connection, field, convert):
    target = stored_field(field)
    return lambda value: connection.ops.adapt_decimalfield_value(
        convert(value), target.max_digits, target.decimal_places
    )


def _from_text(connection, field):
    target = stored_field(field)
    if isinstance(target, (models.BinaryField, models.JSONField)):
        return None
    return lambda value: target.get_db_prep_save(target.to_python(value), connection)


_INTEGERS = ("smallint", "int", "bigint")
_CONVERSIONS = {
    **{(a, b): int for a in _INTEGERS for b in _INTEGERS},
    **{(a, "double"): float for a in (*_INTEGERS, "decimal")},
    **{(a, "decimal"): (lambda value: decimal.Decimal(str(value))) for a in (*_INTEGERS, "double")},
    **{(a, "boolean"): bool for a in _INTEGERS},
    **{("boolean", b): int for b in _INTEGERS},
    ("timestamp", "date"): lambda value: value.date(),
}
