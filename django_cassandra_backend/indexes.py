"""Indexes: one per column, however many declarations ask for it. Storage-attached where the column's name allows it."""

from django.db import models

from . import names
from .introspection import index_target
from .keys import TableKey, indexed_fields, key_fields, table_key


def key_of(model) -> TableKey:
    """The key of the model's table."""
    return table_key(model)


def indexed_columns(model, without: models.Index | None = None) -> set[str]:
    """Columns that need an index, leaving one declaration out."""
    meta = model._meta
    found = {field.column for field in meta.local_concrete_fields if field.db_index}
    for index in meta.indexes:
        if not index.expressions and (without is None or index.name != without.name):
            found |= {meta.get_field(name).column for name, _ in index.fields_orders}
    if (lookup := table_key(model).lookup) is not None:
        found.add(lookup)
    return found


def create_statements(editor, model) -> list[str]:
    """CREATE INDEX for the columns that the model wants indexed."""
    meta = model._meta
    named: dict[str, str] = {}
    for index in meta.indexes:
        if not index.expressions:
            fields = [meta.get_field(name) for name, _ in index.fields_orders]
            for field, name in zip(fields, _names(index.name, len(fields)), strict=True):
                named.setdefault(field.column, name)
    statements = []
    for field in indexed_fields(meta):
        name = named.get(field.column)
        name = name or editor._create_index_name(meta.db_table, [field.column])
        statements.append(_create(editor, model, name, field))
    return statements


def index_statements(editor, model, name: str, fields) -> list[str]:
    """CREATE INDEX for each column of a declared index that has none yet."""
    partition, _, _ = key_fields(model._meta)
    lone = partition[0].name if len(partition) == 1 else None
    present = (
        set()
        if editor.collect_sql
        else set(existing(editor, names.encode(model._meta.db_table)).values())
    )
    return [
        _create(editor, model, one, field)
        for field, one in zip(fields, _names(name, len(fields)), strict=True)
        if field.name != lone and field.column not in present
    ]


def drop_statements(editor, model, columns, keep) -> list[str]:
    """DROP INDEX for those of the columns that nothing else in the model needs indexed."""
    if editor.collect_sql:
        declared = {field.column for field in indexed_fields(model._meta)}
        return [
            f"DROP INDEX IF EXISTS {editor.quote_name(names.encode(editor._create_index_name(model._meta.db_table, [column])))}"
            for column in columns
            if column not in keep and column in declared
        ]
    return [
        f"DROP INDEX IF EXISTS {editor.quote_name(name)}"
        for name, column in existing(editor, names.encode(model._meta.db_table)).items()
        if column in columns and column not in keep
    ]


def existing(editor, table: str) -> dict[str, str]:
    """{index name: column} of a table, as the server has it."""
    connection = editor.connection
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT index_name, options FROM system_schema.indexes WHERE keyspace_name = %s AND table_name = %s",
            [connection.settings.keyspace, table],
        )
        return {name: index_target(options) for name, options in cursor.fetchall()}


def _create(editor, model, name: str, field) -> str:
    return statement(editor, name, editor.table(model), field.column)


def statement(editor, name: str, quoted_table: str, column: str) -> str:
    """CREATE INDEX on one column. A plain index serves equality, a storage-attached one ranges too."""
    kind = " USING 'sai'" if names.is_plain(column) else ""
    quoted = editor.quote_name(names.encode(name))
    return f"CREATE INDEX {quoted} ON {quoted_table} ({editor.quote_name(column)}){kind}"


def _names(name: str, count: int) -> list[str]:
    """A name for each column of an index of several."""
    return [name] + [f"{name[: names.MAX_LENGTH - 3]}_{i}" for i in range(2, count + 1)]
