"""Which road is the faster one, where both have the same answer.

To fold or sort a whole table SQLite needs a fifth of what a loop in Python does. What rows are compared by has to mean the same to
both: not so floats (SQLite has no NaN), decimals (it rounds them) and whatever it knows as a text alone."""

from django.db import models
from django.db.models.expressions import Col, ColPairs, OrderBy, Star

from .access import SCAN, Access
from .fields.scalars import VarIntField
from .keys import TableKey
from .kinds import stored_field
from .relational.exact import exact_aggregate

_FOLDED = (models.Count, models.Sum, models.Avg, models.Min, models.Max)
_NUMBERS = (models.IntegerField,)
_SORTED = (*_NUMBERS, models.CharField, models.TextField, models.DateField, models.TimeField)
_COMPARED = (*_SORTED, models.BooleanField, models.UUIDField)


def folds_whole_table(query, key: TableKey, access: Access, aggregates: list) -> bool:
    """Does SQLite fold what these aggregates read?"""
    return _reads_all(query, key, access) and all(map(_is_folded_alike, aggregates))


def sorts_whole_table(query, key: TableKey, access: Access, nodes: list) -> bool:
    """Does SQLite find the first rows of an order?"""
    return (
        query.high_mark is not None and _reads_all(query, key, access) and _are_sorted_alike(nodes)
    )


def _reads_all(query, key: TableKey, access: Access) -> bool:
    return access.kind == SCAN and not key.static and _are_compared_alike(query.where)


def _are_sorted_alike(nodes: list) -> bool:
    return all(
        isinstance(node, OrderBy)
        and type(node.expression) is Col
        and _is_a(node.expression, _SORTED)
        for node in nodes
    )


def _is_folded_alike(node) -> bool:
    if type(node) not in _FOLDED or getattr(node, "order_by", None):
        return False
    source, *rest = node.get_source_expressions()
    if not all(_are_compared_alike(part) for part in rest if part is not None):
        return False
    if isinstance(source, (Star, ColPairs)):
        return True
    if type(source) is not Col:
        return False
    if exact_aggregate(node, source) is not None:
        return True
    return _is_a(source, _NUMBERS if type(node) in (models.Sum, models.Avg) else _SORTED)


def _are_compared_alike(node) -> bool:
    """Do all columns of a condition mean the same to both?"""
    if isinstance(node, Col):
        return _is_a(node, _COMPARED)
    parts = node.get_source_expressions() if hasattr(node, "get_source_expressions") else ()
    return all(_are_compared_alike(part) for part in parts if part is not None)


def _is_a(column: Col, classes: tuple) -> bool:
    field = stored_field(column.target)
    return isinstance(field, classes) and not isinstance(field, VarIntField)
