"""Parts and beginnings of dates, times and moments, computed on our side as Django's date functions say."""

import datetime
import re
import zoneinfo

from django.db.models import fields, functions

from .exceptions import not_supported
from .expr import Expr, combine
from .kinds import describe, kind_of

EXTRACTS = (
    functions.Extract,
    functions.ExtractYear,
    functions.ExtractIsoYear,
    functions.ExtractQuarter,
    functions.ExtractMonth,
    functions.ExtractDay,
    functions.ExtractWeek,
    functions.ExtractWeekDay,
    functions.ExtractIsoWeekDay,
    functions.ExtractHour,
    functions.ExtractMinute,
    functions.ExtractSecond,
)
TRUNCATIONS = (
    functions.Trunc,
    functions.TruncYear,
    functions.TruncQuarter,
    functions.TruncMonth,
    functions.TruncWeek,
    functions.TruncDay,
    functions.TruncHour,
    functions.TruncMinute,
    functions.TruncSecond,
)
_OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d)(?::?(\d\d))?")  # UTC+02:00, or -10 for Etc/GMT+10
_PARTS = {
    "year": lambda v: v.year,
    "iso_year": lambda v: v.isocalendar()[0],
    "quarter": lambda v: (v.month + 2) // 3,
    "month": lambda v: v.month,
    "day": lambda v: v.day,
    "week": lambda v: v.isocalendar()[1],
    "week_day": lambda v: v.isoweekday() % 7 + 1,
    "iso_week_day": lambda v: v.isoweekday(),
    "hour": lambda v: v.hour,
    "minute": lambda v: v.minute,
    "second": lambda v: v.second,
}
_DAYS = {
    "year": lambda d: d.replace(month=1, day=1),
    "quarter": lambda d: d.replace(month=(d.month - 1) // 3 * 3 + 1, day=1),
    "month": lambda d: d.replace(day=1),
    "week": lambda d: d - datetime.timedelta(days=d.weekday()),
    "day": lambda d: d,
}
_TIMES = {
    "hour": {"minute": 0, "second": 0, "microsecond": 0},
    "minute": {"second": 0, "microsecond": 0},
    "second": {"microsecond": 0},
}


def extract(evaluator, node) -> Expr:
    """ExtractYear("date") and its like: a number."""
    kind = kind_of(node.lhs)
    part = _PARTS.get(node.lookup_name)
    if part is None or kind not in ("datetime", "date", "time"):
        raise not_supported(describe(node), "Compute it in Python.")
    if kind == "time" and node.lookup_name not in _TIMES:
        raise not_supported(describe(node), "Compute it in Python.")
    _refuse_zone(node, kind)
    return combine(part, _local(evaluator, node, kind))


def truncate(evaluator, node) -> Expr:
    """TruncMonth("date") and its like: where the month begins, as a date, a time or a moment in a time zone."""
    kind = kind_of(node.lhs)
    _refuse_zone(node, kind)
    source = _local(evaluator, node, kind)
    if isinstance(node.output_field, fields.DateTimeField):
        return combine(_of_moment(node), source)
    if isinstance(node.output_field, fields.DateField):
        days = _known(node, _DAYS)
        return combine(lambda v: days(v.date() if kind == "datetime" else v), source)
    rest = _known(node, _TIMES)
    return combine(lambda v: (v.time() if kind == "datetime" else v).replace(**rest), source)


def _of_moment(node):
    if node.kind in _TIMES:
        rest = _TIMES[node.kind]
        return lambda v: v.replace(**rest, fold=0)
    days = _known(node, _DAYS)
    return lambda v: datetime.datetime.combine(days(v.date()), datetime.time(), v.tzinfo)


def _known(node, table: dict):
    if node.kind not in table:
        raise not_supported(f"{describe(node)} to {node.kind!r}", "Compute it in Python.")
    return table[node.kind]


def date_of(evaluator, node) -> Expr:
    """TruncDate: the day of a moment."""
    kind = kind_of(node.lhs)
    if kind == "date":
        return evaluator.expression(node.lhs)
    return combine(lambda value: value.date(), _local(evaluator, node, kind))


def time_of(evaluator, node) -> Expr:
    """TruncTime: the time of day of a moment."""
    kind = kind_of(node.lhs)
    if kind == "time":
        return evaluator.expression(node.lhs)
    return combine(lambda value: value.time(), _local(evaluator, node, kind))


def _refuse_zone(node, kind: str) -> None:
    if node.tzinfo is not None and kind != "datetime":
        raise ValueError("tzinfo can only be used with DateTimeField.")


def _local(evaluator, node, kind: str) -> Expr:
    """The lhs of a date function, a datetime moved to the time zone that the function names."""
    source = evaluator.expression(node.lhs)
    if kind != "datetime":
        return source
    name = node.get_tzname()
    if not name:
        return source
    zone = _zone(name)
    return combine(lambda value: value.astimezone(zone), source)


def _zone(name: str) -> datetime.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        pass
    if offset := _OFFSET.fullmatch(name):
        size = datetime.timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return datetime.timezone(-size if offset[1] == "-" else size)
    raise not_supported(f"The time zone {name!r}", "Use a named time zone.")
