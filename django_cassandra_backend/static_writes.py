"""Writes that Cassandra takes for ones on static columns alone, whose WHERE must have no clustering columns.

It does when neither what is set nor a condition is of the row. Django means the row: so a condition on a value of
the row keeps the row in the statement, and where the row is nothing but its key, the partition's values are compared and set."""

from . import conditions
from .dbapi import OperationalError


def is_of_partition(plan, columns) -> bool:
    """Would an UPDATE of these columns, or a DELETE where there are none, be taken for one of the partition?"""
    static = plan.key.static
    if not static or not static.issuperset(columns):
        return False
    return bool(columns) or (bool(plan.used) and static.issuperset(plan.used))


def partition_condition(key, quote) -> str:
    return " AND ".join(f"{quote(column)} = ?" for column in key.partition)


def write_shared(plan, cursor, point: dict, values: dict, read: dict) -> bool:
    """Write static columns through one of their rows, if what was `read` of it still holds; was it applied?"""
    stored = plan.read_row(cursor, point)
    if stored is None:
        return False
    of_row = [c for c in stored if c not in point and c not in plan.key.static]
    witness = {c: stored[c] for c in of_row if stored[c] is not None and c not in read}
    if any(read.get(c) is not None for c in of_row):
        guard = conditions.from_values(read, plan.quote)
    elif witness:
        guard = conditions.from_values(read | dict([next(iter(witness.items()))]), plan.quote)
    elif values:
        return _write_partition(plan, cursor, point, values, stored)
    else:
        raise OperationalError(
            f"A row of {plan.key.table!r} has no value but its key and static ones, so a delete by static values "
            "cannot be guarded. Give the model a column that is never null, or delete by the key alone."
        )
    text = plan.statement(list(values), guard[0])
    return bool(cursor.send(text, [*values.values(), *point.values(), *guard[1]]).was_applied)


def _write_partition(plan, cursor, point: dict, values: dict, stored: dict) -> bool:
    compared = [f"{plan.quote(c)} = {'null' if stored[c] is None else '?'}" for c in values]
    bound = [stored[c] for c in values if stored[c] is not None]
    text = f"{plan.statement(list(values), '')} IF {' AND '.join(compared)}"
    keys = [point[column] for column in plan.key.partition]
    return bool(cursor.send(text, [*values.values(), *keys, *bound]).was_applied)
