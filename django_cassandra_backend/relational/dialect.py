"""Django's SQLite backend as a dialect: it compiles SQL, and is never connected.

Statements go through the outer connection's cursor, values come in the form that libcql's virtual tables have them:
moments as text in UTC, uuids as hexadecimal digits."""

import datetime
import decimal

from django.conf import settings
from django.db import DatabaseError
from django.db.backends.sqlite3 import base, features, operations
from django.utils.functional import cached_property

from ..fields.scalars import VarIntField
from ..operations import quoted
from .tested import Tested

MILLISECOND = 1000  # microseconds
_DIGITS = decimal.Context(prec=15)  # that SQLite's numbers have
FOLD = "CQL_FOLD"  # of SQL: the text without its case, as str.casefold() makes it
_FOLDED = ("iexact", "icontains", "istartswith", "iendswith")


def _integer(value, expression, connection):
    return int(value) if isinstance(value, str) else value


def _decimal(value, expression, connection):
    return None if value is None else _DIGITS.create_decimal_from_float(value)


class DialectFeatures(features.DatabaseFeatures):
    """Of the SQLite that libcql links, whatever Python's own module links."""

    max_query_params = 32766
    supports_json_field = True
    can_introspect_json_field = True
    has_json_object_function = True
    has_case_insensitive_like = False

    @cached_property
    def supports_aggregate_order_by_clause(self):
        return self.connection.sqlite_version >= (3, 44)


class DialectOperations(operations.DatabaseOperations):
    compiler_module = "django_cassandra_backend.relational.compiler"
    quote_name = staticmethod(quoted)

    def get_db_converters(self, expression):
        converters = super().get_db_converters(expression)
        if isinstance(expression.output_field, VarIntField):
            converters.append(_integer)  # of more than 64 bits SQLite has the digits
        return converters

    def get_decimalfield_converter(self, expression):
        if getattr(expression.output_field, "decimal_places", None) is None:
            return _decimal  # of a VarDecimalField
        return super().get_decimalfield_converter(expression)

    def lookup_cast(self, lookup_type, internal_type=None):
        return f"{FOLD}(%s)" if lookup_type in _FOLDED else "%s"

    def prep_for_iexact_query(self, x):
        return self.prep_for_like_query(x)

    def adapt_datetimefield_value(self, value):
        """Cut to the milliseconds that a timestamp holds, so that what was saved is found again."""
        if isinstance(value, datetime.datetime):
            value = value.replace(microsecond=value.microsecond // MILLISECOND * MILLISECOND)
        return super().adapt_datetimefield_value(value)


class Dialect(base.DatabaseWrapper):
    features_class = DialectFeatures
    ops_class = DialectOperations
    # LIKE tells upper case from lower, here as on the CQL road; what should not, folds both sides.
    operators = {
        **base.DatabaseWrapper.operators,
        **dict.fromkeys(_FOLDED, f"LIKE {FOLD}(%s) ESCAPE '\\'"),
    }
    pattern_ops = {
        name: pattern.replace("UPPER", FOLD)
        for name, pattern in base.DatabaseWrapper.pattern_ops.items()
    }

    def __init__(self, outer):
        super().__init__(outer.settings_dict, outer.alias)
        self.outer = outer
        self.tested = Tested()

    def begin(self) -> Tested:
        """A new query is compiled: what it tests, with all its subqueries, is noted there."""
        self.tested = Tested()
        return self.tested

    @property
    def sqlite_version(self) -> tuple[int, ...]:
        return self.outer.relational.sqlite_version

    def connect(self):
        raise DatabaseError("The SQLite dialect has no connection of its own.")

    def cursor(self):
        return self.outer.cursor()

    def chunked_cursor(self):
        return self.outer.chunked_cursor()

    @property
    def timezone(self):
        """Moments are stored in UTC; without time zones, as they read."""
        return datetime.timezone.utc if settings.USE_TZ else None

    @property
    def timezone_name(self) -> str:
        return "UTC" if settings.USE_TZ else settings.TIME_ZONE
