"""Indexes with what CQL can say of them, for Meta.indexes."""

from django.db import models

TARGETS = ("keys", "values", "entries", "full")


class ColumnIndex(models.Index):
    """An index on one column. `on`: of a map "keys", "values" or "entries"; of a frozen collection "full".

    db_name: its name in the database, where Django would not have that one: it begins with `_` or a digit."""

    using: str | None = None
    #: Cassandra's names are longer than the 30 characters that Django allows for all databases.
    max_name_length = 200

    def __init__(self, *, fields=(), name=None, on=None, options=None, db_name=None):
        if len(fields) != 1:
            raise ValueError(f"A {type(self).__name__} is on one field.")
        if on is not None and on not in TARGETS:
            raise ValueError(f"on is one of {', '.join(TARGETS)}, not {on!r}.")
        self.on = on
        self.db_name = db_name
        self.options = {str(key): str(value) for key, value in (options or {}).items()}
        super().__init__(fields=fields, name=name)

    def deconstruct(self):
        _, args, kwargs = super().deconstruct()
        if self.on is not None:
            kwargs["on"] = self.on
        if self.db_name is not None:
            kwargs["db_name"] = self.db_name
        if self.options:
            kwargs["options"] = dict(self.options)
        return f"django_cassandra_backend.models.{type(self).__name__}", args, kwargs


class SecondaryIndex(ColumnIndex):
    """Cassandra's first kind of index: equality alone, on any column."""

    suffix = "idx"

    def __init__(self, *, fields=(), name=None, on=None, db_name=None):
        super().__init__(fields=fields, name=name, on=on, db_name=db_name)


class StorageAttachedIndex(ColumnIndex):
    """A storage-attached index: equality and ranges. `options` as in CQL: {"similarity_function": "cosine"}.

    using: the name behind USING, where it is to be another one than "sai"."""

    suffix = "sai"

    def __init__(self, *, fields=(), name=None, on=None, options=None, db_name=None, using="sai"):
        self.using = using
        super().__init__(fields=fields, name=name, on=on, options=options, db_name=db_name)

    def deconstruct(self):
        path, args, kwargs = super().deconstruct()
        if self.using != "sai":
            kwargs["using"] = self.using
        return path, args, kwargs
