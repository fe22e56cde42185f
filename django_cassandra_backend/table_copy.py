"""A new table in the place of an old one, for changes that CQL has no statement for.

Cassandra renames no table, so the rows are copied twice: to a table aside, and back into the new table under
the old name. Rows stream through in pages; progress goes to the terminal. The table must not be written to
meanwhile. If it stops in the middle, the rows are still in one of the two tables, and the error says which."""

import decimal
import sys

from django.db import models
from django.db.utils import NotSupportedError

from . import indexes, names, sequences
from .evaluate import stored_field
from .keys import key_fields
from .types import column_type

REPORT_EVERY = 10_000  # rows


def copy_table(
    editor, old_model, new_model, *, changed=None, old_table=None, new_table=None
) -> None:
    """Change columns (`changed`: old column → new field), or the table's name, by copying all rows."""
    changed = changed or {}
    table = names.encode(old_model._meta.db_table)
    source, target = old_table or table, new_table or table
    converters = {
        column: _converter(editor, old_model, column, field) for column, field in changed.items()
    }
    copier = _Copier(editor, old_model, changed, converters)
    if source != target:
        copier.create(target, old_model)
        copier.index(target, old_model)
        copier.copy(source, target, new_columns=True)
        editor.execute(f"DROP TABLE {editor.quote_name(source)}")
    else:
        aside = f"{table[: names.MAX_LENGTH - 6]}__copy"
        copier.create(aside, old_model)
        copier.copy(source, aside, new_columns=True)
        editor.execute(f"DROP TABLE {editor.quote_name(source)}")
        copier.create(target, old_model)
        copier.index(target, old_model)
        copier.copy(aside, target, new_columns=False)
        editor.execute(f"DROP TABLE {editor.quote_name(aside)}")
    if source != target and old_model._meta.auto_field is not None:
        copier.move_sequence(source, target)


class _Copier:
    """One copy: the columns of the old model, some of them changed."""

    def __init__(self, editor, model, changed, converters):
        self.editor = editor
        self.fields = list(model._meta.local_concrete_fields)
        self.changed = changed
        self.converters = converters

    def _new(self, field):
        return self.changed.get(field.column, field)

    def create(self, table: str, model) -> None:
        quote = self.editor.quote_name
        partition, clustering, descending = key_fields(model._meta)
        columns = [
            f"{quote(self._new(f).column)} {column_type(self._new(f), self.editor.connection)}"
            for f in self.fields
        ]
        key = ", ".join(quote(self._new(f).column) for f in partition)
        rest = "".join(f", {quote(self._new(f).column)}" for f in clustering)
        text = f"CREATE TABLE {quote(table)} ({', '.join(columns)}, PRIMARY KEY (({key}){rest}))"
        if any(descending):
            pairs = zip(clustering, descending, strict=True)
            order = ", ".join(
                f"{quote(self._new(f).column)} {'DESC' if flag else 'ASC'}" for f, flag in pairs
            )
            text += f" WITH CLUSTERING ORDER BY ({order})"
        self.editor.execute(text)

    def copy(self, source: str, target: str, *, new_columns: bool) -> None:
        """Stream every row; the first of two copies converts the values."""
        quote = self.editor.quote_name
        old = [field.column if new_columns else self._new(field).column for field in self.fields]
        new = [self._new(field).column for field in self.fields]
        select = f"SELECT {', '.join(map(quote, old))} FROM {quote(source)}"
        insert = f"INSERT INTO {quote(target)} ({', '.join(map(quote, new))}) VALUES ({', '.join('?' * len(new))})"
        if self.editor.collect_sql:
            self.editor.collected_sql.append(f"-- for each row of {select}: {insert};")
            return
        convert = [
            self.converters.get(field.column) if new_columns else None for field in self.fields
        ]
        session = self.editor.connection.session
        for count, row in enumerate(session.execute(select), 1):
            values = [v if f is None else f(v) for f, v in zip(convert, row, strict=True)]
            session.execute(insert, values)
            if count % REPORT_EVERY == 0:
                print(f"    {source}: {count} rows copied", file=sys.stderr, flush=True)

    def index(self, table: str, model) -> None:
        quote = self.editor.quote_name
        for field in indexes.indexed_fields(model._meta):
            column = self._new(field).column
            name = names.encode(self.editor._create_index_name(table, [column]))
            self.editor.execute(
                f"CREATE INDEX {quote(name)} ON {quote(table)} ({quote(column)}) USING 'sai'"
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
                cursor.send(cql, values)


def _converter(editor, model, column: str, new_field):
    """A function from the old column's values to the new one's, or NotSupportedError."""
    old_field = next(f for f in model._meta.local_concrete_fields if f.column == column)
    connection = editor.connection
    old_type, new_type = column_type(old_field, connection), column_type(new_field, connection)
    if old_type == new_type:
        return None
    convert = _CONVERSIONS.get((old_type, new_type)) or (
        _from_text(new_field) if old_type == "text" else None
    )
    if convert is None and new_type == "text":
        convert = str
    if convert is None:
        raise NotSupportedError(
            f"{model._meta.label}.{old_field.name} cannot become {new_type}: there is no conversion from {old_type}. "
            "Add a new field, fill it in a data migration, and remove the old one."
        )
    if new_type == "decimal":
        convert = _decimal(connection, new_field, convert)
    return lambda value: None if value is None else convert(value)


def _decimal(connection, field, convert):
    target = stored_field(field)
    return lambda value: connection.ops.adapt_decimalfield_value(
        convert(value), target.max_digits, target.decimal_places
    )


def _from_text(field):
    target = stored_field(field)
    if isinstance(target, (models.BinaryField, models.JSONField)):
        return None
    return target.to_python


_INTEGERS = ("smallint", "int", "bigint")
_CONVERSIONS = {
    **{(a, b): int for a in _INTEGERS for b in _INTEGERS},
    **{(a, "double"): float for a in (*_INTEGERS, "decimal")},
    **{(a, "decimal"): (lambda value: decimal.Decimal(str(value))) for a in (*_INTEGERS, "double")},
    **{(a, "boolean"): bool for a in _INTEGERS},
    **{("boolean", b): int for b in _INTEGERS},
    ("timestamp", "date"): lambda value: value.date(),
}
