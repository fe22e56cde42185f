"""Values on their way to the database and back, and the statements around flush and sequences."""

import datetime
import decimal
import functools
import ipaddress
import json

from django.conf import settings
from django.db import DataError
from django.db.backends.base.operations import BaseDatabaseOperations
from django.utils import timezone
from django.utils.duration import duration_microseconds

from . import names, sequences
from .literals import inline
from .maintenance import FlushPlan, ResetSequencePlan, ResetSequencesPlan, claim_tables_of
from .plan import Plan

_BIGINT = (-(2**63), 2**63 - 1)


@functools.lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """A name of a table or column in CQL, in quotes."""
    if name.startswith('"') and name.endswith('"'):
        return name
    return '"' + name.replace('"', '""') + '"'


def _naive(value, expression, connection):
    return value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value


def _text(value, expression, connection):
    return None if value is None else str(value)


class DatabaseOperations(BaseDatabaseOperations):
    compiler_module = "django_cassandra_backend.compiler"
    explain_prefix = ""
    integer_field_ranges = {
        **BaseDatabaseOperations.integer_field_ranges,
        "SmallAutoField": _BIGINT,
        "AutoField": _BIGINT,
        "BigAutoField": _BIGINT,
    }

    # --- names ---

    quote_name = staticmethod(quoted)

    def max_name_length(self):
        return names.MAX_LENGTH

    # --- values to the database ---

    def stored_datetime(self, value: datetime.datetime) -> datetime.datetime:
        """A datetime as a timestamp holds it: in UTC, cut to milliseconds. Without a time zone (USE_TZ is
        off) it is wall-clock time, kept as it reads."""
        if timezone.is_naive(value):
            value = value.replace(tzinfo=datetime.timezone.utc)
        value = value.astimezone(datetime.timezone.utc)
        return value.replace(microsecond=value.microsecond // 1000 * 1000)

    def adapt_datetimefield_value(self, value):
        if value is None or hasattr(value, "resolve_expression"):
            return value
        if timezone.is_aware(value) and not settings.USE_TZ:
            raise ValueError(
                "Cassandra backend does not support timezone-aware datetimes when USE_TZ is False."
            )
        return self.stored_datetime(value)

    def adapt_datefield_value(self, value):
        return value

    def adapt_timefield_value(self, value):
        if (
            value is not None
            and not hasattr(value, "resolve_expression")
            and timezone.is_aware(value)
        ):
            raise ValueError("Cassandra backend does not support timezone-aware times.")
        return value

    def adapt_duration(self, value: datetime.timedelta) -> int:
        return duration_microseconds(value)

    def adapt_durationfield_value(self, value):
        return None if value is None else duration_microseconds(value)

    def adapt_decimalfield_value(self, value, max_digits=None, decimal_places=None):
        """A decimal with exactly decimal_places: in Cassandra 1.0 and 1.00 are different keys."""
        if value is None or hasattr(value, "resolve_expression") or decimal_places is None:
            return value
        if not value.is_finite():
            raise DataError(f"a decimal column cannot hold {value}")
        context = decimal.Context(prec=max_digits or 1000, rounding=decimal.ROUND_HALF_EVEN)
        try:
            stored = value.quantize(decimal.Decimal(1).scaleb(-decimal_places), context=context)
        except decimal.InvalidOperation:
            raise DataError(
                f"{value} has more than {max_digits} digits with {decimal_places} decimal places"
            ) from None
        return abs(stored) if stored.is_zero() else stored

    def adapt_ipaddressfield_value(self, value):
        return ipaddress.ip_address(value) if value else None

    def adapt_json_value(self, value, encoder):
        return json.dumps(value, cls=encoder)

    def bulk_batch_size(self, fields, objs):
        return len(objs)

    # --- values from the database ---

    def get_db_converters(self, expression):
        converters = super().get_db_converters(expression)
        kind = expression.output_field.get_internal_type()
        if kind == "DateTimeField" and not settings.USE_TZ:
            converters.append(_naive)
        elif kind in ("GenericIPAddressField", "IPAddressField"):
            converters.append(_text)
        return converters

    # --- statements ---

    def last_executed_query(self, cursor, sql, params):
        """What the log shows: the statements that one execute() sent."""
        if isinstance(sql, Plan):
            return sql.logged(getattr(cursor, "executed", ()))
        if sent := getattr(cursor, "executed", None):
            return "; ".join(inline(cql, values) for cql, values in sent)
        return sql if params is None else f"{sql} -- {params!r}"

    def explain_query_prefix(self, format=None, **options):
        """Refuses formats and options that explain() does not know. `analyze=True` runs the query."""
        if not isinstance(options.pop("analyze", False), bool):
            raise ValueError("The option analyze is True or False.")
        return super().explain_query_prefix(format, **options)

    def no_limit_value(self):
        return None

    def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
        tables = [names.encode(table) for table in tables]
        plans = [
            FlushPlan([(f"TRUNCATE {self.quote_name(name)}", [])], table=name)
            for table in tables
            for name in (table, *claim_tables_of(table))
        ]
        if reset_sequences and tables:
            plans.append(ResetSequencesPlan(sequences.reset_statements(tables)))
        return plans

    def execute_sql_flush(self, sql_list):
        with self.connection.cursor() as cursor:
            for plan in sql_list:
                cursor.execute(plan)

    def sequence_reset_sql(self, style, model_list):
        return [
            self._reset_sequence(names.encode(model._meta.db_table), model._meta.auto_field.column)
            for model in model_list
            if model._meta.auto_field is not None and not model._meta.proxy
        ]

    def sequence_reset_by_name_sql(self, style, sequences_):
        tables = [names.encode(sequence["table"]) for sequence in sequences_]
        return [ResetSequencesPlan(sequences.reset_statements(tables))] if tables else []

    def _reset_sequence(self, table: str, column: str) -> ResetSequencePlan:
        text = f"SELECT MAX({self.quote_name(column)}) FROM {self.quote_name(table)}"
        return ResetSequencePlan([(text, [])], table=table)
