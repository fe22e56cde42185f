"""Values that stand in sets and dicts, where Python asks for hashable ones."""

import array


class Record(dict):
    """A value of a user type: a dict, of which a set holds the tuple of its values."""


def hashable(value):
    """A value that can stand in a set: as libcql gives lists, sets, maps and user types there."""
    if isinstance(value, Record):
        return tuple(map(hashable, value.values()))
    if isinstance(value, (list, array.array)):
        return tuple(map(hashable, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(hashable, value))
    if isinstance(value, dict):
        return tuple((hashable(k), hashable(v)) for k, v in value.items())
    if isinstance(value, tuple):
        return tuple(map(hashable, value))
    return value
