"""Indexes: one per column and target, however many declarations ask for it; and waiting until they are built."""

from django.db import models

from . import names
from .introspection import index_target
from .keys import TableKey, WantedIndex, table_key, wanted_indexes
from .literals import literal


def key_of(model) -> TableKey:
    """The key of the model's table."""
    return table_key(model)


def wanted_without(model, without: models.Index) -> set[tuple[str, str]]:
    """(column, target) of what needs an index, leaving one declaration of Meta.indexes out."""
    meta = model._meta
    rest = [index for index in meta.indexes if index.name != without.name]
    kept, meta.indexes = meta.indexes, rest
    try:
        return {(one.column, one.target) for one in wanted_indexes(meta)}
    finally:
        meta.indexes = kept


def create_statements(editor, model) -> list[tuple[str, str]]:
    """(name, CREATE INDEX) for what the model wants indexed."""
    return [_create(editor, model, one) for one in wanted_indexes(model._meta)]


def index_statements(editor, model, wanted: list[WantedIndex]) -> list[tuple[str, str]]:
    """(name, CREATE INDEX) for those that are not there yet and that the key does not stand for."""
    if not wanted:
        return []
    table = names.encode(model._meta.db_table)
    present = (
        set() if editor.collect_sql else {(i.column, i.target) for i in existing(editor, table)}
    )
    partition = table_key(model).partition
    return [
        _create(editor, model, one)
        for one in wanted
        if (one.column,) != partition and (one.column, one.target) not in present
    ]


def drop_statements(editor, model, targets, keep=()) -> list[str]:
    """DROP INDEX for what is on the (column, target) pairs and not among those to keep. A target of None is any."""

    def goes(column: str, target: str) -> bool:
        return (column, target) not in keep and (
            (column, target) in targets or (column, None) in targets
        )

    if editor.collect_sql:
        return [
            f"DROP INDEX IF EXISTS {editor.quote_name(index_name(editor, model, one))}"
            for one in wanted_indexes(model._meta)
            if goes(one.column, one.target)
        ]
    return [
        f"DROP INDEX IF EXISTS {editor.quote_name(index.name)}"
        for index in existing(editor, names.encode(model._meta.db_table))
        if goes(index.column, index.target)
    ]


class StoredIndex:
    """An index as the server has it."""

    def __init__(self, name: str, kind: str, options: dict):
        self.name, self.kind = name, kind
        self.column, self.target = index_target(options)
        self.using = (options or {}).get("class_name")
        self.options = tuple(
            sorted((k, v) for k, v in (options or {}).items() if k not in ("class_name", "target"))
        )


def existing(editor, table: str) -> list[StoredIndex]:
    """The indexes of a table."""
    connection = editor.connection
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT index_name, kind, options FROM system_schema.indexes WHERE keyspace_name = %s AND table_name = %s",
            [connection.settings.keyspace, table],
        )
        return [StoredIndex(*row) for row in cursor.fetchall()]


def index_name(editor, model, index: WantedIndex) -> str:
    """The CQL name of an index: letters, digits and underscores are all that Cassandra takes."""
    suffix = f"_{index.target}" if index.target in ("keys", "entries") else ""
    name = index.name or editor._create_index_name(model._meta.db_table, [index.column], suffix)
    return names.encode(name)


def _create(editor, model, index: WantedIndex) -> tuple[str, str]:
    name = index_name(editor, model, index)
    return name, statement(
        editor, name, editor.table(model), index.column, index.target, index.using, index.options
    )


def statement(editor, name: str, quoted_table: str, column, target, using, options=()) -> str:
    """CREATE INDEX on one column. A plain index serves equality, a storage-attached one ranges too."""
    quoted = editor.quote_name(column)
    if target in ("keys", "entries", "full"):
        quoted = f"{target}({quoted})"
    custom = "CUSTOM " if using not in (None, "sai") or options else ""
    text = f"CREATE {custom}INDEX {editor.quote_name(name)} ON {quoted_table} ({quoted})"
    if using is not None:
        text += f" USING '{using}'"
    if options:
        text += f" WITH OPTIONS = {literal(dict(options))}"
    return text
