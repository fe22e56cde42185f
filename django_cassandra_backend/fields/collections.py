"""`ListField`, `SetField`, `MapField`, `VectorField`: many values of one field."""

import array
import json

from django.core import checks
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..hashing import hashable
from .containers import (
    ContainerField,
    check_is_field,
    element_from_json,
    element_reader,
    element_to_database,
    element_to_json,
    element_type,
)
from .scalars import Float32Field
from .transforms import Contains, ContainsKey, HasKey, item_transform, map_key_transform

#: Cassandra's limit on the dimensions of a vector.
MAX_DIMENSIONS = 8192
#: Element types whose vectors are arrays for libcql, with the type codes of those.
_ARRAY_CODES = {"float": "f", "double": "d", "int": "i", "bigint": "q"}


class _SequenceField(ContainerField):
    """Values of `base_field`, one after the other."""

    def __init__(self, base_field, *, frozen=False, **kwargs):
        self.base_field = check_is_field(type(self).__name__, base_field)
        self.frozen = frozen
        super().__init__(**kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.base_field.clone(), *args], kwargs

    def elements(self):
        return [self.base_field]

    def element_of(self, kind: str) -> models.Field:
        """The field of what an index or a lookup of this kind ("values") compares."""
        return self.base_field

    def to_database(self, value, connection):
        return [element_to_database(self.base_field, item, connection) for item in value]

    def pairs(self, value):
        return [(_("Item %d") % i, self.base_field, item) for i, item in enumerate(value, 1)]

    def from_json(self, value):
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise self._shape_error()
        return [
            self._inside(_("Item %d") % i, element_from_json, self.base_field, item)
            for i, item in enumerate(value, 1)
        ]

    def to_json(self, value):
        return [element_to_json(self.base_field, item) for item in value]


class ListField(_SequenceField):
    """`list<…>`: `tags = ListField(models.TextField(), default=list)`. A Python list.

    Unless it is frozen, an empty list and null are the same for Cassandra: it reads as [] , with null=True as None."""

    description = _("List")
    empty = list

    def cql_text(self, connection):
        return f"list<{element_type(self.base_field, connection)}>"

    def reader(self, connection):
        read = element_reader(self.base_field, connection)
        return None if read is None else lambda value: [read(item) for item in value]

    def get_transform(self, name):
        return super().get_transform(name) or item_transform(name, self.base_field)


class SetField(_SequenceField):
    """`set<…>`: `colours = SetField(models.TextField(), default=set)`. A Python set."""

    description = _("Set")
    empty = set

    def sorted_elements(self):
        return [self.base_field]

    def cql_text(self, connection):
        return f"set<{element_type(self.base_field, connection)}>"

    def to_database(self, value, connection):
        return set(map(hashable, super().to_database(value, connection)))

    def reader(self, connection):
        read = element_reader(self.base_field, connection)
        return None if read is None else lambda value: {hashable(read(item)) for item in value}

    def from_json(self, value):
        return set(map(hashable, super().from_json(value)))

    def to_json(self, value):
        return sorted(super().to_json(value), key=repr)


class MapField(ContainerField):
    """`map<…, …>`: `marks = MapField(models.TextField(), models.IntegerField(), default=dict)`. A Python dict."""

    description = _("Map")
    shape = _("an object of keys and values")
    empty = dict

    def __init__(self, key_field, value_field, *, frozen=False, **kwargs):
        self.key_field = check_is_field(type(self).__name__, key_field)
        self.value_field = check_is_field(type(self).__name__, value_field)
        self.frozen = frozen
        super().__init__(**kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.key_field.clone(), self.value_field.clone(), *args], kwargs

    def elements(self):
        return [self.key_field, self.value_field]

    def sorted_elements(self):
        return [self.key_field]

    def element_of(self, kind: str) -> models.Field:
        return self.key_field if kind == "keys" else self.value_field

    def cql_text(self, connection):
        key = element_type(self.key_field, connection)
        return f"map<{key}, {element_type(self.value_field, connection)}>"

    def to_database(self, value, connection):
        items = value.items() if hasattr(value, "items") else value
        return {
            hashable(element_to_database(self.key_field, k, connection)): element_to_database(
                self.value_field, v, connection
            )
            for k, v in items
        }

    def reader(self, connection):
        key = element_reader(self.key_field, connection) or (lambda k: k)
        value = element_reader(self.value_field, connection) or (lambda v: v)

        def read(stored):
            items = stored.items() if hasattr(stored, "items") else stored  # pairs inside of a set
            return {hashable(key(k)): value(v) for k, v in items}

        return read

    def pairs(self, value):
        for k, v in value.items():
            yield _("Key %s") % (k,), self.key_field, k
            yield _("Value of %s") % (k,), self.value_field, v

    def from_json(self, value):
        if isinstance(value, (tuple, list)) and all(
            isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in value
        ):
            value = {hashable(k): v for k, v in value}
        if not isinstance(value, dict):
            raise self._shape_error()
        return {
            hashable(
                self._inside(_("Key %s") % (k,), element_from_json, self.key_field, k)
            ): self._inside(_("Value of %s") % (k,), element_from_json, self.value_field, v)
            for k, v in value.items()
        }

    def to_json(self, value):
        return {self._key_text(k): element_to_json(self.value_field, v) for k, v in value.items()}

    def _key_text(self, key) -> str:
        """JSON's keys are strings: a key of another kind is the JSON of what it is."""
        text = element_to_json(self.key_field, key)
        return text if isinstance(text, str) else json.dumps(text)

    def get_transform(self, name):
        return super().get_transform(name) or map_key_transform(
            name, self.key_field, self.value_field
        )


class VectorField(_SequenceField):
    """`vector<float, n>`: `embedding = VectorField(384)`. A Python list of exactly n numbers.

    base_field: what else than numbers of 32 bits the vector holds."""

    description = _("Vector")
    can_be_unfrozen = False
    shape = _("a list of numbers")
    default_error_messages = {
        "dimensions": _("The vector has to have %(wanted)d numbers, not %(found)d.")
    }

    def __init__(self, dimensions, base_field=None, **kwargs):
        self.dimensions = dimensions
        super().__init__(Float32Field() if base_field is None else base_field, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        base, *args = args
        plain = type(base) is Float32Field and not base.deconstruct()[3]
        return name, path, [self.dimensions, *([] if plain else [base]), *args], kwargs

    def cql_text(self, connection):
        return f"vector<{element_type(self.base_field, connection)}, {self.dimensions}>"

    def _prints_frozen(self):
        return False

    def to_database(self, value, connection):
        """Numbers as an array, the form in which libcql gives them."""
        items = super().to_database(value, connection)
        code = _ARRAY_CODES.get(element_type(self.base_field, connection))
        return items if code is None else array.array(code, items)

    def reader(self, connection):
        read = element_reader(self.base_field, connection)
        return list if read is None else lambda value: [read(item) for item in value]

    def from_json(self, value):
        if hasattr(value, "tolist"):  # array.array, numpy
            value = value.tolist()
        value = super().from_json(value)
        if len(value) != self.dimensions:
            raise self._error("dimensions", wanted=self.dimensions, found=len(value))
        return value

    def check(self, **kwargs):
        n = self.dimensions
        if isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= MAX_DIMENSIONS:
            return super().check(**kwargs)
        text = f"A vector has 1 to {MAX_DIMENSIONS} dimensions, not {n!r}."
        return [checks.Error(text, None, self, "cassandra.E012")]


for _class in (ListField, SetField, MapField):
    _class.register_lookup(Contains)
MapField.register_lookup(HasKey)
MapField.register_lookup(ContainsKey)
