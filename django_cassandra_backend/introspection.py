"""What tables there are, from system_schema."""

import re
from collections import namedtuple

from django.db import ProgrammingError
from django.db.backends.base.introspection import BaseDatabaseIntrospection
from django.db.backends.base.introspection import FieldInfo as BaseFieldInfo
from django.db.backends.base.introspection import TableInfo as BaseTableInfo
from django.db.models import AutoField, Index

from . import names, sequences, uniques
from .types import FIELDS_BY_TYPE

#: Tables of the backend itself, which no model describes.
OWN_TABLES = frozenset([sequences.TABLE])

#: (precision, scale) of a decimal, which CQL does not limit.
_GUESSED_DIGITS = (38, 18)

FieldInfo = namedtuple("FieldInfo", [*BaseFieldInfo._fields, "comment"])
TableInfo = namedtuple("TableInfo", [*BaseTableInfo._fields, "comment"])
_TARGET = re.compile(
    r"^(?:(?P<target>values|keys|entries|full)\((?P<inner>.*)\)|(?P<column>.*))$", re.DOTALL
)


class DatabaseIntrospection(BaseDatabaseIntrospection):
    data_types_reverse = FIELDS_BY_TYPE

    def get_table_list(self, cursor):
        """Tables and views of the keyspace, with their comments."""
        views = self._rows(
            cursor, "SELECT view_name, comment FROM system_schema.views WHERE keyspace_name = %s"
        )
        own = [
            TableInfo(names.decode(n), "t", text)
            for n, text in self._tables(cursor)
            if n not in OWN_TABLES and text != uniques.COMMENT
        ]
        return own + [TableInfo(names.decode(name), "v", text) for name, text in views]

    def claim_tables(self, cursor) -> list[str]:
        """The CQL names of the tables of claims."""
        return sorted(name for name, text in self._tables(cursor) if text == uniques.COMMENT)

    def get_table_description(self, cursor, table_name):
        fields = []
        for name, kind, cql_type, _, _ in self.columns(cursor, table_name):
            null = kind not in ("partition_key", "clustering")
            digits = _GUESSED_DIGITS if cql_type == "decimal" else (None, None)
            fields.append(FieldInfo(name, cql_type, None, None, *digits, null, None, None, None))
        if not fields:
            raise ProgrammingError(f"Table {table_name!r} doesn't exist")
        return fields

    def get_field_type(self, data_type, description):
        if data_type not in self.data_types_reverse:
            raise KeyError(data_type)
        return super().get_field_type(data_type, description)

    def get_primary_key_columns(self, cursor, table_name):
        """The columns of the PRIMARY KEY, in its order."""
        return [
            name for name, kind, *_ in self.columns(cursor, table_name) if kind in KEY_KINDS
        ] or None

    def get_sequences(self, cursor, table_name, table_fields=()):
        """The AutoField's counter stands beside the tables: only the fields tell that there is one."""
        columns = [field.column for field in table_fields if isinstance(field, AutoField)]
        return [{"table": table_name, "column": column} for column in columns]

    def get_relations(self, cursor, table_name):
        """Foreign keys are not known to the database."""
        return {}

    def get_constraints(self, cursor, table_name):
        """The primary key and the indexes, by name."""
        columns = self.columns(cursor, table_name)
        keys = [column for column in columns if column[1] in KEY_KINDS]
        constraints = {
            "PRIMARY KEY": {
                "columns": [name for name, *_ in keys],
                "orders": [order.upper() if order != "none" else "ASC" for *_, order in keys],
                "primary_key": True,
                "unique": True,
                "foreign_key": None,
                "check": False,
                "index": False,
                "definition": None,
                "type": None,
            }
        }
        for name, kind, options in self._rows(
            cursor,
            "SELECT index_name, kind, options FROM system_schema.indexes WHERE keyspace_name = %s AND table_name = %s",
            names.encode(table_name),
        ):
            column, _ = index_target(options)
            constraints[names.decode(name)] = {
                "columns": [column],
                "orders": ["ASC"],
                "primary_key": False,
                "unique": False,
                "foreign_key": None,
                "check": False,
                "index": True,
                "definition": None,
                "type": Index.suffix if "class_name" in (options or {}) else kind.lower(),
                "options": dict(options or {}),
            }
        return constraints

    def table_key(self, cursor, table_name) -> tuple[list[str], list[tuple[str, bool]]]:
        """(partition columns, (clustering column, descending) pairs) as the server has them."""
        columns = self.columns(cursor, table_name)
        partition = [name for name, kind, *_ in columns if kind == "partition_key"]
        clustering = [
            (name, order == "desc") for name, kind, _, _, order in columns if kind == "clustering"
        ]
        return partition, clustering

    def columns(self, cursor, table_name) -> list[tuple]:
        """(name, kind, type, position, clustering order); the key first, then by name."""
        rows = self._rows(
            cursor,
            "SELECT column_name, kind, type, position, clustering_order FROM system_schema.columns "
            "WHERE keyspace_name = %s AND table_name = %s",
            names.encode(table_name),
        )
        return sorted(rows, key=lambda row: (_KINDS.index(row[1]), row[3], row[0]))

    def table_options(self, cursor, table_name) -> dict:
        """The row of system_schema.tables, by column; empty when there is no such table."""
        cursor.execute(
            "SELECT * FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s",
            [self.connection.settings.keyspace, names.encode(table_name)],
        )
        columns = [column[0] for column in cursor.description]
        row = cursor.fetchone()
        return {} if row is None else dict(zip(columns, row, strict=True))

    def user_types(self, cursor) -> dict[str, list[tuple[str, str]]]:
        """{type name: [(field name, CQL type), …]} of the keyspace."""
        rows = self._rows(
            cursor,
            "SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = %s",
        )
        return {name: list(zip(n or (), t or (), strict=True)) for name, n, t in rows}

    def types_used(self, cursor) -> list[str]:
        """The type of each column, of each user type's fields, and of what functions take and give."""
        where = "WHERE keyspace_name = %s"
        found = [
            t for (t,) in self._rows(cursor, f"SELECT type FROM system_schema.columns {where}")
        ]
        for _, fields in self.user_types(cursor).items():
            found += [text for _, text in fields]
        for what, wanted in (("functions", "return_type"), ("aggregates", "state_type")):
            rows = self._rows(
                cursor, f"SELECT argument_types, {wanted} FROM system_schema.{what} {where}"
            )
            for arguments, text in rows:
                found += [*(arguments or ()), text]
        return found

    def _tables(self, cursor):
        """(CQL name, comment) of each table of the keyspace, ours among them."""
        return self._rows(
            cursor, "SELECT table_name, comment FROM system_schema.tables WHERE keyspace_name = %s"
        )

    def _rows(self, cursor, text, *values):
        cursor.execute(text, [self.connection.settings.keyspace, *values])
        return cursor.fetchall()


KEY_KINDS = ("partition_key", "clustering")
_KINDS = ("partition_key", "clustering", "static", "regular")


def index_target(options) -> tuple[str, str]:
    """(column, target) of an index, from its options in system_schema. The target of a plain column is ""."""
    match = _TARGET.match((options or {}).get("target", ""))
    column = match["column"] if match["inner"] is None else match["inner"]
    if column.startswith('"'):
        column = column[1:-1].replace('""', '"')
    return column, match["target"] or ""
