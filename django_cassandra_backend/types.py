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

#: What inspectdb makes of a CQL type.
FIELDS_BY_TYPE = {
    "ascii": "TextField",
    "bigint": "BigIntegerField",
    "blob": "BinaryField",
    "boolean": "BooleanField",
    "date": "DateField",
    "decimal": "DecimalField",
    "double": "FloatField",
    "inet": "GenericIPAddressField",
    "int": "IntegerField",
    "smallint": "SmallIntegerField",
    "text": "TextField",
    "time": "TimeField",
    "timestamp": "DateTimeField",
    "uuid": "UUIDField",
    "varchar": "TextField",
}


def column_type(field, connection) -> str | None:
    """The CQL type of a field's column; a foreign key has that of the column it points at."""
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    return field.db_type(connection)
