"""SQL that a user or an app of Django's wrote for a cursor, where CQL does not take it.

Queries go the relational road; what writes is CQL alone."""

import datetime
import decimal
import ipaddress
import re
import uuid

from django.utils.dateparse import parse_date, parse_datetime, parse_time

from .. import names
from ..dbapi import InvalidRequest, OperationalError, ProgrammingError
from ..markers import translate
from ..operations import quoted
from .plan import if_over_budget
from .tested import Tested

_START = r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*"
_FLAGS = re.IGNORECASE | re.DOTALL
_QUERY = re.compile(rf"{_START}(?:SELECT|WITH|VALUES)\b", _FLAGS)
#: A table or an index with a name that CQL has no letters for.
_FOREIGN = re.compile(
    r"\b(?P<before>(?:FROM|INTO|UPDATE|TABLE|INDEX|ON)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?)"
    r"\"(?P<name>[^\"]*[^A-Za-z0-9_\"][^\"]*)\"",
    _FLAGS,
)


def as_cql(text: str) -> str:
    """Text with the names that tables have in CQL, for those that are written with other characters."""
    if '"' not in text:
        return text
    return _FOREIGN.sub(lambda m: m["before"] + quoted(names.encode(m["name"])), text)


def is_query(text: str) -> bool:
    return _QUERY.match(text) is not None


class RawQuery:
    """SQL with its parameters, as database.execute() takes it."""

    raw = None

    def __init__(self, sql: str, params):
        self.text, values = (sql, []) if params is None else translate(sql, params)
        self.params = [_adapted(value) for value in values]
        self.tested = Tested()

    def inlined(self) -> str:
        return self.text


def run(connection, query: RawQuery, refusal: Exception):
    """(rows, tuples of them) of a query that CQL has refused, with values as CQL would give them."""
    budget = connection.budget_now
    try:
        rows = connection.relational.execute(query, budget)
    except (ProgrammingError, InvalidRequest) as error:
        raise type(refusal)(f"{refusal} As SQL: {error}") from None
    except OperationalError as error:
        raise if_over_budget(error, query, budget) from None
    return rows, _within(budget, query, rows)


def _within(budget, query, rows):
    try:
        yield from _converted(rows)
    except OperationalError as error:
        raise if_over_budget(error, query, budget, rows.spent) from None


def _converted(rows):
    """Rows with values as CQL gives them, where they are columns of tables."""
    converters = [_CONVERTERS.get(kind) for kind in rows.column_types]
    places = [(i, convert) for i, convert in enumerate(converters) if convert]
    return (_row(row, places) for row in rows) if places else rows


def _row(row, places) -> tuple:
    values = list(row)
    for i, convert in places:
        if values[i] is not None:
            values[i] = convert(values[i])
    return tuple(values)


def _moment(text: str) -> datetime.datetime:
    return parse_datetime(text).replace(tzinfo=datetime.timezone.utc)


#: By what libcql declares a column as.
_CONVERTERS = {
    "TIMESTAMP TEXT": _moment,
    "DATE TEXT": parse_date,
    "TIME TEXT": parse_time,
    "UUID TEXT": uuid.UUID,
    "ADDRESS TEXT": ipaddress.ip_address,
    "DECIMAL REAL": decimal.Context(prec=15).create_decimal_from_float,
    "BOOL": bool,
}


def _adapted(value):
    """A parameter in the form that the tables have values of its type."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return str(value.astimezone(datetime.timezone.utc).replace(tzinfo=None))
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value
