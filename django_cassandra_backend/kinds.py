"""What kind of value a Django expression has, and what it is called."""

from django.db import models
from django.db.models import expressions, fields

from .exceptions import not_supported

TEXT_FIELDS = (fields.CharField, fields.TextField, models.FileField, fields.FilePathField)
_KINDS = (
    ("number", (fields.IntegerField, fields.FloatField, fields.DecimalField)),
    ("datetime", (fields.DateTimeField,)),
    ("date", (fields.DateField,)),
    ("time", (fields.TimeField,)),
    ("duration", (fields.DurationField,)),
    ("text", TEXT_FIELDS),
)


def stored_field(field: fields.Field) -> fields.Field:
    """The field whose values a column holds: a foreign key holds those of the field it points at."""
    while field.remote_field is not None and getattr(field, "target_field", None) is not None:
        field = field.target_field
    return field


def kind_of(node) -> str:
    """What arithmetic applies to the values of an expression."""
    try:
        field = stored_field(node.output_field)
    except Exception:
        raise not_supported(f"The expression {node}", "Give it an output_field.") from None
    for kind, classes in _KINDS:
        if isinstance(field, classes):
            return kind
    return "other"


def comparable(node) -> str:
    """What the values of an expression can be compared with: values of the same word."""
    kind = kind_of(node)
    return kind if kind != "other" else stored_field(node.output_field).get_internal_type()


def describe(node) -> str:
    """A construct as its user wrote it."""
    if isinstance(node, (expressions.Subquery, expressions.Exists)) or hasattr(node, "inner_query"):
        return "A subquery"
    if type(node).__name__ == "Query":
        return "A subquery"
    if getattr(node, "contains_aggregate", False):
        return f"The aggregate {type(node).__name__}()"
    if getattr(node, "contains_over_clause", False):
        return "A window expression"
    return f"The expression {type(node).__name__}()"
