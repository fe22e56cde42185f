"""`field__key`: one element of a list, a map or a user type, for filters on rows that are read."""

from django.core.exceptions import ValidationError
from django.db import NotSupportedError
from django.db.models import Transform
from django.db.models.lookups import Lookup


class ItemTransform(Transform):
    """One element of a container. `item` is its position, its key in database form, or its name."""

    def __init__(self, item, output_field, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.item = item
        self.element_field = output_field

    @property
    def output_field(self):
        return self.element_field

    def as_sql(self, compiler, connection, **kwargs):
        raise NotSupportedError(
            "An element of a container can be filtered on by Cassandra's backend alone."
        )


class MapKeyTransform(ItemTransform):
    """The value of one key of a map; an index on entries finds it. `key_field` prepares the key."""

    def __init__(self, item, output_field, key_field, *args, **kwargs):
        super().__init__(item, output_field, *args, **kwargs)
        self.key_field = key_field


class ContainerLookup(Lookup):
    """Is a value among those of a collection? `kind`: "values" or "keys"."""

    prepare_rhs = False
    kind = "values"

    def as_sql(self, compiler, connection):
        raise NotSupportedError(
            f"The lookup {self.lookup_name!r} is answered by Cassandra's backend alone."
        )


class Contains(ContainerLookup):
    """`tags__contains="x"`: CQL's CONTAINS. For a map: among its values."""

    lookup_name = "contains"


class HasKey(ContainerLookup):
    """`marks__has_key="x"`: CQL's CONTAINS KEY."""

    lookup_name = "has_key"
    kind = "keys"


class ContainsKey(HasKey):
    lookup_name = "contains_key"


def item_transform(name: str, field):
    """What makes a transform for `tags__0`, or None."""
    if not name.isdecimal():
        return None
    return lambda *args, **kwargs: ItemTransform(int(name), field, *args, **kwargs)


def map_key_transform(name: str, key_field, value_field):
    """What makes a transform for `marks__maths`, or None when the name is no key of the map."""
    try:
        key = key_field.to_python(name)
    except ValidationError:
        return None
    return lambda *args, **kwargs: MapKeyTransform(key, value_field, key_field, *args, **kwargs)


def member_transform(name: str, fields):
    """What makes a transform for `home__street`, or None."""
    if name not in fields:
        return None
    return lambda *args, **kwargs: ItemTransform(name, fields[name], *args, **kwargs)
