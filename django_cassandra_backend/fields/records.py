"""`TupleField`, `UserTypeField`: several values, each of a field of its own."""

from django.core import checks
from django.utils.translation import gettext_lazy as _

from ..hashing import Record
from .containers import (
    ContainerField,
    check_is_field,
    element_from_json,
    element_reader,
    element_to_database,
    element_to_json,
    element_type,
)
from .transforms import member_transform


class TupleField(ContainerField):
    """`tuple<…>`: `place = TupleField(models.FloatField(), models.FloatField())`. A Python tuple, always frozen.

    Each member may be None."""

    description = _("Tuple")
    can_be_unfrozen = False
    default_error_messages = {
        "members": _("The value has to have %(wanted)d members, not %(found)d.")
    }

    def __init__(self, *base_fields, **kwargs):
        if not base_fields:
            raise TypeError("TupleField needs a field for each of its members.")
        self.base_fields = [check_is_field(type(self).__name__, field) for field in base_fields]
        super().__init__(**kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, [*(field.clone() for field in self.base_fields), *args], kwargs

    def elements(self):
        return self.base_fields

    def cql_text(self, connection):
        return f"tuple<{', '.join(element_type(f, connection) for f in self.base_fields)}>"

    def to_database(self, value, connection):
        return tuple(
            element_to_database(f, v, connection)
            for f, v in zip(self.base_fields, value, strict=False)
        )

    def reader(self, connection):
        readers = [element_reader(field, connection) for field in self.base_fields]
        if not any(readers):
            return None
        return lambda value: tuple(
            v if read is None or v is None else read(v)
            for read, v in zip(readers, value, strict=False)
        )

    def pairs(self, value):
        members = enumerate(zip(self.base_fields, value, strict=False), 1)
        return [(_("Member %d") % i, f, v) for i, (f, v) in members if v is not None]

    def from_json(self, value):
        if not isinstance(value, (list, tuple)):
            raise self._shape_error()
        if len(value) != len(self.base_fields):
            raise self._error("members", wanted=len(self.base_fields), found=len(value))
        members = enumerate(zip(self.base_fields, value, strict=True), 1)
        return tuple(
            self._inside(_("Member %d") % i, element_from_json, f, v) for i, (f, v) in members
        )

    def to_json(self, value):
        return [element_to_json(f, v) for f, v in zip(self.base_fields, value, strict=False)]


class UserTypeField(ContainerField):
    """A user-defined type: `home = UserTypeField("address", [("street", models.TextField()), ("zip", …)])`.

    A dict by field name; a field that is left out is None. Migrations make the type before the table, and add
    fields with ALTER TYPE; all fields of a project with the same type name describe the same type."""

    description = _("User-defined type")
    shape = _("an object of the type's fields")
    is_collection = False
    default_error_messages = {"unknown": _("The type %(type)s has no field %(name)s.")}

    def __init__(self, type_name, fields, *, frozen=False, **kwargs):
        pairs = list(fields.items()) if hasattr(fields, "items") else [tuple(p) for p in fields]
        if not pairs or not all(len(p) == 2 and isinstance(p[0], str) for p in pairs):
            raise TypeError("UserTypeField needs fields: a list of (name, field).")
        self.type_name = type_name
        kind = type(self).__name__
        self.fields = {name: check_is_field(kind, field, name) for name, field in pairs}
        if len(self.fields) != len(pairs):
            raise ValueError(f"The type {type_name!r} names a field twice.")
        self.frozen = frozen
        super().__init__(**kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        fields = [(n, field.clone()) for n, field in self.fields.items()]
        return name, path, [self.type_name, fields, *args], kwargs

    def elements(self):
        return list(self.fields.values())

    def cql_text(self, connection):
        return type_name_text(self.type_name)

    def definition(self, connection) -> list[tuple[str, str]]:
        """(name, CQL type) of each field of the type."""
        return [(name, element_type(f, connection)) for name, f in self.fields.items()]

    def to_database(self, value, connection):
        value = self._given(value)
        return Record(
            (name, element_to_database(field, value.get(name), connection))
            for name, field in self.fields.items()
        )

    def _given(self, value) -> dict:
        """A value that is to be written, by name: a dict, or a sequence in the order of the fields."""
        if not isinstance(value, (dict, tuple, list)):
            raise TypeError(f"A value of the type {self.type_name!r} is a dict, not {value!r}.")
        if not isinstance(value, dict):
            if len(value) > len(self.fields):
                raise ValueError(
                    f"The type {self.type_name!r} has {len(self.fields)} fields, not {len(value)}."
                )
            return self._by_name(value)
        if unknown := value.keys() - self.fields.keys():
            raise ValueError(f"The type {self.type_name!r} has no field {min(unknown, key=str)!r}.")
        return value

    def _by_name(self, value) -> dict:
        return value if isinstance(value, dict) else dict(zip(self.fields, value, strict=False))

    def reader(self, connection):
        readers = {name: element_reader(field, connection) for name, field in self.fields.items()}

        def read(stored):
            stored = self._by_name(stored)
            found = Record()
            for name, reader in readers.items():
                value = stored.get(name)
                found[name] = value if value is None or reader is None else reader(value)
            return found

        return read

    def pairs(self, value):
        value = self._by_name(value)
        return [
            (name, field, value[name])
            for name, field in self.fields.items()
            if value.get(name) is not None
        ]

    def from_json(self, value):
        if isinstance(value, tuple):
            value = self._by_name(value)
        if not isinstance(value, dict):
            raise self._shape_error()
        if unknown := sorted(set(value) - set(self.fields)):
            raise self._error("unknown", type=self.type_name, name=unknown[0])
        return Record(
            (name, self._inside(name, element_from_json, field, value.get(name)))
            for name, field in self.fields.items()
        )

    def to_json(self, value):
        value = self._by_name(value)
        return {n: element_to_json(f, value.get(n)) for n, f in self.fields.items()}

    def get_transform(self, name):
        return super().get_transform(name) or member_transform(name, self.fields)

    def check(self, **kwargs):
        errors = super().check(**kwargs)
        if not isinstance(self.type_name, str) or not self.type_name:
            text = f"The name of a user type is text, not {self.type_name!r}."
            errors.append(checks.Error(text, None, self, "cassandra.E010"))
        return errors


def type_name_text(name: str) -> str:
    """The name of a user type in CQL, in quotes."""
    return '"' + name.replace('"', '""') + '"'
