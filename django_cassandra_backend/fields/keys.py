"""Keys as fields: `PrimaryKey`, and `PhysicalKey` beside a plain primary key."""

from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.fields.composite import CompositeAttribute
from django.db.models.fields.tuple_lookups import (
    TupleGreaterThanOrEqual,
    TupleLessThanOrEqual,
    TupleLookupMixin,
)
from django.db.models.lookups import Range
from django.db.models.sql.where import WhereNode

from .columnless import ColumnlessField
from .containers import ContainerField


def _names(argument: str, names) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{argument} is a list of field names.")
    return tuple(names)


def _clustering(names) -> tuple[tuple[str, bool], ...]:
    """("-date", "id") as (name, descending) pairs."""
    return tuple((name.removeprefix("-"), name.startswith("-")) for name in names)


class TupleRange(TupleLookupMixin, Range):
    """pk__range=(first, last): both ends are tuples and belong to the range."""

    def get_prep_lookup(self):
        if not isinstance(self.rhs, (tuple, list)) or len(self.rhs) != 2:
            raise ValueError(f"'range' lookup of {self.get_lhs_str()} must have 2 elements")
        self.ends()  # checks them
        return self.rhs

    def ends(self) -> tuple:
        """The same as two lookups."""
        low, high = self.rhs
        return TupleGreaterThanOrEqual(self.lhs, low), TupleLessThanOrEqual(self.lhs, high)

    def as_sql(self, compiler, connection):
        """On another database: two comparisons."""
        return WhereNode(list(self.ends())).as_sql(compiler, connection)


class _PrimaryKeyValue(CompositeAttribute):
    """Reads as a tuple that can be hashed: collections and user types in it are tuples themselves."""

    def __get__(self, instance, cls=None):
        value = super().__get__(instance, cls)
        if not any(isinstance(member, (dict, list, set, tuple)) for member in value):
            return value
        pairs = zip(instance._meta.pk_fields, value, strict=True)
        return tuple(f.in_key(v) if isinstance(f, ContainerField) else v for f, v in pairs)


class PrimaryKey(models.CompositePrimaryKey):
    """A primary key of several columns: `pk = PrimaryKey(partition_by=["city"], cluster_by=["-date", "id"])`.

    Rows with equal values of the `partition_by` fields are stored together, sorted by the `cluster_by` fields;
    a leading "-" sorts that one from the greatest to the least. `pk` reads as a tuple, in this order.
    """

    descriptor_class = _PrimaryKeyValue

    def __init__(self, *, partition_by, cluster_by=(), **kwargs):
        by = _names("partition_by", partition_by)
        pairs = _clustering(_names("cluster_by", cluster_by))
        names = by + tuple(name for name, _ in pairs)
        if not by:
            raise ValueError("PrimaryKey needs partition_by, a list of at least one field name.")
        if len(names) == 1:
            raise ValueError(
                f"A primary key of one column is primary_key=True on that column: "
                f"set it on {names[0]!r} in the place of PrimaryKey."
            )
        # Django's RenameField rewrites field_names and nothing else: what stands beside them has no names.
        self.partition = len(by)
        self.descending = tuple(flag for _, flag in pairs)
        super().__init__(*names, **kwargs)

    @property
    def partition_by(self) -> tuple[str, ...]:
        return tuple(self.field_names[: self.partition])

    @property
    def cluster_by(self) -> tuple[str, ...]:
        names = self.field_names[self.partition :]
        return tuple(
            f"-{name}" if flag else name for name, flag in zip(names, self.descending, strict=True)
        )

    def deconstruct(self):
        name, _, _, kwargs = super().deconstruct()
        kwargs["partition_by"] = list(self.partition_by)
        kwargs["cluster_by"] = list(self.cluster_by)
        return name, "django_cassandra_backend.models.PrimaryKey", [], kwargs

    def check(self, **kwargs):
        return [*super().check(**kwargs), *check_members(self, self.field_names)]


PrimaryKey.register_lookup(TupleRange)


class _PhysicalKeyValue:
    """Reads as the tuple of the key's values; it cannot be set."""

    def __init__(self, field: "PhysicalKey"):
        self.field = field

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        meta = instance._meta
        return tuple(
            getattr(instance, meta.get_field(name).attname) for name in self.field.field_names
        )

    def __set__(self, instance, value):
        raise AttributeError(f"{self.field.name} is read from its columns; set those.")


class PhysicalKey(ColumnlessField):
    """Where a row is stored, beside a plain primary key: `key = PhysicalKey(partition_by=["city"], cluster_by=["-date"])`.

    The table's key is PRIMARY KEY ((partition_by), cluster_by, pk), and the pk has an index of its own, so that admin,
    ForeignKey and `get(pk=…)` work as with any model. It has no column and cannot be filtered on.
    """

    def __init__(self, *, partition_by, cluster_by=(), **kwargs):
        by = _names("partition_by", partition_by)
        pairs = _clustering(_names("cluster_by", cluster_by))
        field_names = by + tuple(name for name, _ in pairs)
        if not by:
            raise ValueError("PhysicalKey needs partition_by, a list of at least one field name.")
        if len(set(field_names)) != len(field_names):
            raise ValueError("PhysicalKey names a field twice.")
        self.field_names = field_names
        self.partition = len(by)
        self.descending = tuple(flag for _, flag in pairs)
        super().__init__(**kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        names = self.field_names[self.partition :]
        kwargs["partition_by"] = list(self.field_names[: self.partition])
        kwargs["cluster_by"] = [
            f"-{n}" if flag else n for n, flag in zip(names, self.descending, strict=True)
        ]
        return name, path, args, kwargs

    def contribute_to_class(self, cls, name, private_only=False):
        super().contribute_to_class(cls, name, private_only=private_only)
        setattr(cls, self.attname, _PhysicalKeyValue(self))

    def check(self, **kwargs):
        return [
            *super().check(**kwargs),
            *check_members(self, self.field_names),
            *self._check_primary_key(),
        ]

    def _check_primary_key(self):
        pk = self.model._meta.pk
        if isinstance(pk, models.CompositePrimaryKey):
            hint = "Use PrimaryKey(partition_by, cluster_by) alone."
            return [
                checks.Error(
                    "A PhysicalKey stands beside a primary key of one column.",
                    hint,
                    self,
                    "cassandra.E004",
                )
            ]
        if pk.name in self.field_names:
            hint = f"Remove {pk.name!r}; it is appended to the clustering columns by itself."
            return [
                checks.Error(
                    "A PhysicalKey does not name the primary key.", hint, self, "cassandra.E004"
                )
            ]
        return []


def check_members(key, names) -> list:
    """What the columns of a key have to be: existing, local, stored, never null."""
    errors = []
    for name in names:
        try:
            field = key.model._meta.get_field(name)
        except FieldDoesNotExist:
            text = f"{type(key).__name__} names the field {name!r}, which does not exist."
            errors.append(checks.Error(text, obj=key, id="cassandra.E001"))
            continue
        if field not in key.model._meta.local_fields or getattr(field, "column", None) is None:
            text = f"{type(key).__name__} names {name!r}, which is not a column of this table."
            errors.append(checks.Error(text, obj=key, id="cassandra.E001"))
        elif field.null:
            text = f"{name!r} is part of the key of its table and cannot be null."
            hint = "Remove null=True, and give it a default for rows without a value."
            errors.append(checks.Error(text, hint, field, "cassandra.E002"))
    return errors
