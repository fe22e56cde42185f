"""Values of one row: columns, constants, and what is computed from them. Null in, null out, as in SQL."""

import operator
from collections.abc import Callable

from django.db.models import fields

from .hashing import hashable


class Expr:
    """A value that is computed from columns of one row."""

    def __init__(self, columns: frozenset, bind: Callable):
        self.columns = columns
        self.bind = bind


class Constant(Expr):
    """The same value for every row, already in database form."""

    columns = frozenset()

    def __init__(self, value: object):
        self.value = value

    def bind(self, index) -> Callable:
        return lambda row: self.value


class Column(Expr):
    """A stored column. `field` is the Django field, of a foreign key the field it points at."""

    def __init__(self, name: str, field: fields.Field):
        self.name = name
        self.field = field
        self.columns = frozenset((name,))

    def bind(self, index) -> Callable:
        return operator.itemgetter(index[self.name])


class Needed(Expr):
    """Columns that have to be read, and are not output by themselves."""

    def __init__(self, columns: frozenset):
        super().__init__(columns, lambda index: None)


class MapEntry(Expr):
    """The value of one key of a map column, which an index on the map's entries finds. `key` is in database form."""

    def __init__(self, column: Column, key: object):
        self.column, self.key = column, key
        found = hashable(key)
        super().__init__(column.columns, combine(lambda value: value.get(found), column).bind)


def combine(function: Callable, *sources: Expr) -> Expr:
    """An Expr that is null when a source is null, and function(*values) otherwise."""

    def bind(index):
        getters = [source.bind(index) for source in sources]

        def get(row):
            values = [getter(row) for getter in getters]
            return None if None in values else function(*values)

        return get

    return Expr(frozenset().union(*(source.columns for source in sources)), bind)
