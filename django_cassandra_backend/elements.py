"""Expressions over collections and user types, and the EXISTS of a constraint, as functions (evaluator, node) → Expr."""

from .exceptions import not_supported
from .expr import Column, Constant, Expr, MapEntry, combine
from .hashing import hashable


def item(evaluator, node) -> Expr:
    """An element of a list by position, of a user type by name; null where there is none."""
    wanted = node.item

    def get(value):
        if isinstance(value, dict):
            return value.get(wanted)
        return value[wanted] if wanted < len(value) else None

    return combine(get, evaluator.expression(node.lhs))


def map_entry(evaluator, node) -> Expr:
    """The value of a map's key."""
    key = node.key_field.get_db_prep_value(node.item, connection=evaluator.connection)
    source = evaluator.expression(node.lhs)
    if isinstance(source, Column):
        return MapEntry(source, key)
    found = hashable(key)
    return combine(lambda value: value.get(found), source)


def exists(evaluator, node) -> Expr:
    """Whether a query gives rows, where no row is asked: Q.check() of a UniqueConstraint with a condition."""
    if evaluator.alias is not None:
        raise not_supported(
            "A subquery", "Evaluate the inner query first, and filter with the list of its values."
        )
    compiler = node.query.get_compiler(connection=evaluator.connection)
    return Constant(compiler.has_results())
