"""Whether an index answers, asked by a query through it: what a role may do that may not read the tables which tell.

A node that has not built an index fails such a read (index/IndexNotAvailableException.java). Indexes on collections,
user types and vectors are not asked, and count as built: a query that comes too early fails, and is not wrong."""

from django.db.utils import OperationalError, ProgrammingError

from .dbapi import ReadFailure
from .introspection import index_target
from .operations import quoted

_INDEXES = (
    "SELECT index_name, table_name, options FROM system_schema.indexes WHERE keyspace_name = %s"
)
_TYPES = "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = %s"

#: A value of each type, in CQL.
_VALUES = {
    **dict.fromkeys(("ascii", "text", "varchar"), "''"),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "varint", "decimal"), "0"),
    **dict.fromkeys(("float", "double", "timestamp"), "0"),
    "uuid": "00000000-0000-4000-8000-000000000000",
    "timeuuid": "00000000-0000-1000-8000-000000000000",
    "boolean": "false",
    "date": "'1970-01-01'",
    "time": "'00:00:00'",
    "inet": "'127.0.0.1'",
    "blob": "0x00",
}


def answering(cursor, keyspace: str, names: set[str]) -> set[str]:
    """Those of the indexes that answer."""
    cursor.execute(_TYPES, [keyspace])
    types = {(table, column): cql_type for table, column, cql_type in cursor.fetchall()}
    cursor.execute(_INDEXES, [keyspace])
    known = [(name, table, *index_target(options)) for name, table, options in cursor.fetchall()]
    return {
        name
        for name, table, column, target in known
        if name in names and (target or _answers(cursor, table, column, types.get((table, column))))
    }


def _answers(cursor, table: str, column: str, cql_type: str | None) -> bool:
    value = _VALUES.get(cql_type)
    if value is None:
        return True
    try:
        cursor.execute(f"SELECT * FROM {quoted(table)} WHERE {quoted(column)} = {value} LIMIT 1")
        cursor.fetchall()
    except OperationalError as error:
        if not isinstance(error.__cause__, ReadFailure):
            raise
        return False
    except ProgrammingError:  # an index that knows no `=`
        return True
    return True
