"""Model fields for what CQL has and Django has not. Projects import them from `django_cassandra_backend.models`."""

from .collections import ListField, MapField, SetField, VectorField
from .durations import CalendarDurationField
from .keys import PhysicalKey, PrimaryKey
from .records import TupleField, UserTypeField
from .scalars import (
    AsciiField,
    CounterField,
    Float32Field,
    TimeUUIDField,
    TinyIntegerField,
    VarDecimalField,
    VarIntField,
)
from .static import Static
from .table_options import TableOptions

__all__ = [
    "AsciiField",
    "CalendarDurationField",
    "CounterField",
    "Float32Field",
    "ListField",
    "MapField",
    "PhysicalKey",
    "PrimaryKey",
    "SetField",
    "Static",
    "TableOptions",
    "TimeUUIDField",
    "TinyIntegerField",
    "TupleField",
    "UserTypeField",
    "VarDecimalField",
    "VarIntField",
    "VectorField",
]
