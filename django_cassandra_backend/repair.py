"""Rows that stand twice beside a PhysicalKey, under an old key and a new one: found, and the older removed."""

from collections.abc import Iterator

from django.apps import apps
from django.db import router

from . import conditions
from .duplicates import Newest
from .keys import TableKey, table_key
from .writes import whole_key


def models_to_repair(connection) -> Iterator[type]:
    """The models of this database that have a PhysicalKey and a table."""
    tables = set(connection.introspection.table_names())
    for config in apps.get_app_configs():
        for model in router.get_migratable_models(config, connection.alias):
            if not model._meta.proxy and model._meta.db_table in tables and table_key(model).lookup:
                yield model


class Repair:
    """One model's table. Memory is bounded by a page of keys; each row costs a look-up by its primary key.

    seen: rows gone through.    removed: (primary key, the key that was left) of each row, or of each
    that would go in a dry run."""

    def __init__(self, connection, model):
        self._connection, self._model = connection, model
        self._key: TableKey = table_key(model)
        self._quote = connection.ops.quote_name
        self._columns = [field.column for field in model._meta.local_concrete_fields]
        self.seen = 0
        self.removed: list[tuple[object, dict]] = []

    def run(self, *, dry_run: bool = False) -> None:
        names = ", ".join(map(self._quote, self._key.columns))
        place = self._key.columns.index(self._key.lookup)
        known = set()  # primary keys that stand twice: few
        with self._connection.cursor() as wrapper:
            cursor = wrapper.cursor
            for row in cursor.send(f"SELECT {names} FROM {self._quote(self._key.table)}"):
                self.seen += 1
                if row[place] not in known and len(rows := self._same(cursor, row[place])) > 1:
                    known.add(row[place])
                    self._keep_newest(cursor, rows, dry_run)

    def _same(self, cursor, pk) -> list[tuple]:
        names = ", ".join(map(self._quote, self._columns))
        table, column = self._quote(self._key.table), self._quote(self._key.lookup)
        return cursor.send(f"SELECT {names} FROM {table} WHERE {column} = ?", [pk]).all()

    def _keep_newest(self, cursor, rows: list[tuple], dry_run: bool) -> None:
        newest = Newest(self._key, self._columns, self._columns, self._quote)
        (kept,) = newest(cursor, iter(rows))
        for row in rows:
            if row == kept:
                continue
            values = dict(zip(self._columns, row, strict=True))
            point = {column: values.pop(column) for column in self._key.columns}
            if dry_run or self._delete(cursor, point, values):
                self.removed.append((point[self._key.lookup], point))

    def _delete(self, cursor, point: dict, values: dict) -> bool:
        """Unless somebody has written the row since it was read."""
        guard = ("", [])
        if not self._connection.settings.is_plain(self._model):
            guard = conditions.from_values(values, self._quote) or (" IF EXISTS", [])
        where = whole_key(self._key, self._quote)
        text = f"DELETE FROM {self._quote(self._key.table)} WHERE {where}{guard[0]}"
        return bool(cursor.send(text, [*point.values(), *guard[1]]).was_applied)
