"""Django fields and the CQL types that store them."""

DATA_TYPES = {
    "AutoField": "bigint",
    "BigAutoField": "bigint",
    "SmallAutoField": "bigint",
    "BinaryField": "blob",
    "BooleanField": "boolean",
    "CharField": "text",
    "DateField": "date",
    "DateTimeField": "timestamp",
    "DecimalField": "decimal",
    "DurationField": "bigint",  # microseconds
    "FileField": "text",
    "FilePathField": "text",
    "FloatField": "double",
    "GenericIPAddressField": "inet",
    "IPAddressField": "inet",
    "IntegerField": "int",
    "BigIntegerField": "bigint",
    "SmallIntegerField": "smallint",
    "PositiveIntegerField": "int",
    "PositiveBigIntegerField": "bigint",
    "PositiveSmallIntegerField": "smallint",
    "JSONField": "text",
    "SlugField": "text",
    "TextField": "text",
    "TimeField": "time",
    "UUIDField": "uuid",
}

#: What Django adds to a column's type elsewhere. `check_constraints.py` evaluates it.
CHECKS = dict.fromkeys(
    ("PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField"),
    '"%(column)s" >= 0',
)

_OURS = "django_cassandra_backend.models."
#: What Django's own inspectdb makes of a CQL type. Ours has model_source.FIELDS.
FIELDS_BY_TYPE = {
    "ascii": _OURS + "AsciiField",
    "bigint": "BigIntegerField",
    "blob": "BinaryField",
    "boolean": "BooleanField",
    "counter": _OURS + "CounterField",
    "date": "DateField",
    "decimal": "DecimalField",
    "double": "FloatField",
    "duration": _OURS + "CalendarDurationField",
    "float": _OURS + "Float32Field",
    "inet": "GenericIPAddressField",
    "int": "IntegerField",
    "smallint": "SmallIntegerField",
    "text": "TextField",
    "time": "TimeField",
    "timestamp": "DateTimeField",
    "timeuuid": _OURS + "TimeUUIDField",
    "tinyint": _OURS + "TinyIntegerField",
    "uuid": "UUIDField",
    "varchar": "TextField",
    "varint": _OURS + "VarIntField",
}


def column_type(field, connection) -> str | None:
    """The CQL type of a field's column; a foreign key has that of the column it points at."""
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    return field.db_type(connection)
