"""Values that stand in sets and dicts, where Python asks for hashable ones."""

import array


class Record(dict):
    """A value of a user type: a dict, of which a set holds the tuple of its values."""


class FrozenRecord(tuple):
    """The values of a Record, where Python asks for something hashable. `names`: those of its fields."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, record: Record) -> "FrozenRecord":
        found = cls(map(hashable, record.values()))
        found.names = tuple(record)
        return found


def hashable(value):
    """A value that can stand in a set: as libcql gives lists, sets, maps and user types there."""
    if isinstance(value, Record):
        return FrozenRecord.of(value)
    if isinstance(value, FrozenRecord):
        return value
    if isinstance(value, (list, array.array)):
        return tuple(map(hashable, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(hashable, value))
    if isinstance(value, dict):
        return tuple((hashable(k), hashable(v)) for k, v in value.items())
    if isinstance(value, tuple):
        return tuple(map(hashable, value))
    return value
