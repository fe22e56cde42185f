"""What all fields share whose values hold values of other fields: elements in, elements out.

A value takes four forms: Python's (what the model has), the database's (what libcql takes and gives), JSON's (forms and
serializers: lists, objects, and numbers, strings and booleans in them), and the text of that JSON."""

import json
import math

from django.core import checks, exceptions
from django.db import models
from django.db.models.expressions import Value
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from ..hashing import hashable
from ..types import column_type
from .columnless import ColumnlessField
from .static import is_static


class _KeyAttribute(DeferredAttribute):
    """The attribute of a primary key, which holds what can be hashed: models are compared by it."""

    def __set__(self, instance, value):
        instance.__dict__[self.field.attname] = self.field.in_key(value)


class ContainerField(models.Field):
    """A field whose column is a collection, a tuple, a vector or a user type.

    frozen: stored and replaced as one value. In any other container, and in a key, all of them are."""

    empty_strings_allowed = False
    frozen = False
    #: Is the column multi-cell unless it is frozen? Then an empty value is null for Cassandra.
    can_be_unfrozen = True
    #: Are there elements that an index can be on?
    is_collection = True
    #: What stands for no elements, called without arguments.
    empty = None
    default_error_messages = {
        "json": _("The value is not valid JSON."),
        "shape": _("The value has to be %(shape)s."),
        "element": _("%(place)s: %(message)s"),
    }
    shape = _("a list")

    # --- what it consists of ---

    def elements(self) -> list:
        """The fields inside."""
        raise NotImplementedError

    @property
    def is_multicell(self) -> bool:
        return self.can_be_unfrozen and not self.frozen

    def cql_text(self, connection) -> str:
        """The type without a `frozen<>` around it."""
        raise NotImplementedError

    def db_type(self, connection):
        text = self.cql_text(connection)
        return f"frozen<{text}>" if self._prints_frozen() else text

    def cast_db_type(self, connection):
        return self.db_type(connection)

    def _prints_frozen(self) -> bool:
        return not self.is_multicell

    def deconstruct(self):
        name, _, args, kwargs = super().deconstruct()
        if self.can_be_unfrozen and self.frozen:
            kwargs["frozen"] = True
        return name, f"django_cassandra_backend.models.{type(self).__name__}", args, kwargs

    def contribute_to_class(self, cls, name, private_only=False):
        if self.primary_key:
            self.descriptor_class = _KeyAttribute
        super().contribute_to_class(cls, name, private_only)

    def in_key(self, value):
        """A value as it stands in `pk`: lists and user types are tuples there, sets frozensets."""
        if value is None or hasattr(value, "resolve_expression"):
            return value
        try:
            return hashable(self.to_python(value))
        except exceptions.ValidationError:
            return value  # full_clean() and save() say what is wrong with it

    # --- database ---

    def get_db_prep_value(self, value, connection, prepared=False):
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return self.to_database(value, connection)

    def to_database(self, value, connection):
        """A Python value, not null, as libcql takes it."""
        raise NotImplementedError

    def reader(self, connection):
        """A function from the database's form, not null, to Python's; None when the two are the same."""
        raise NotImplementedError

    def get_db_converters(self, connection):
        read = self.reader(connection)
        empty = self.empty if self.is_multicell and not self.null else None
        if read is None and empty is None:
            return []

        def convert(value, expression, connection):
            if value is None:
                return None if empty is None else empty()
            return value if read is None else read(value)

        return [convert]

    # --- JSON and text ---

    def from_json(self, value):
        """What JSON gave, or a Python value of the right shape, as a Python value. ValidationError otherwise."""
        raise NotImplementedError

    def to_json(self, value):
        """A Python value, not null, as JSON can hold it."""
        raise NotImplementedError

    def to_python(self, value):
        if value is None:
            return None
        if isinstance(value, (str, bytes)):
            try:
                value = json.loads(value)
            except ValueError:
                raise self._error("json") from None
            if value is None:
                return None
        return self.from_json(value)

    def value_to_string(self, obj):
        value = self.value_from_object(obj)
        return json.dumps(None if value is None else self.to_json(value), ensure_ascii=False)

    def _error(self, code: str, **params):
        return exceptions.ValidationError(self.error_messages[code], code=code, params=params)

    def _shape_error(self):
        return self._error("shape", shape=self.shape)

    def _inside(self, place, function, *args):
        """function(*args); its ValidationError says where in the value it was."""
        try:
            return function(*args)
        except exceptions.ValidationError as error:
            raise exceptions.ValidationError(
                [self._error("element", place=place, message=text) for text in error.messages]
            ) from error

    # --- validation and forms ---

    @property
    def empty_values(self):
        return [*super().empty_values, set(), frozenset()]

    def pairs(self, value):
        """(place, field, element) for each element of a Python value."""
        raise NotImplementedError

    def validate(self, value, model_instance):
        super().validate(value, model_instance)
        for place, field, element in self._present(value):
            # `blank` speaks of a form that was left empty; an element may be an empty string or list.
            if element is None or element not in field.empty_values:
                self._inside(place, field.validate, element, model_instance)

    def run_validators(self, value):
        super().run_validators(value)
        for place, field, element in self._present(value):
            self._inside(place, field.run_validators, element)

    def _present(self, value):
        return () if value is None else self.pairs(value)

    def formfield(self, **kwargs):
        from .forms import ContainerFormField

        defaults = {"form_class": ContainerFormField, "model_field": self}
        return super().formfield(**{**defaults, **kwargs})

    # --- checks ---

    def check(self, **kwargs):
        return [*super().check(**kwargs), *self._check_elements(**kwargs), *self._check_default_()]

    def _check_elements(self, **kwargs):
        errors = []
        for field in self.elements():
            if reason := _unfit(field) or self._unordered(field):
                text = f"{type(field).__name__} cannot stand in a {type(self).__name__}: {reason}"
                errors.append(checks.Error(text, None, self, "cassandra.E010"))
                continue
            field.model = self.model
            found = [e for e in field.check(**kwargs) if e.id not in _NOT_OF_ELEMENTS]
            if found:
                hint = "; ".join(f"{error.msg} ({error.id})" for error in found)
                text = f"A field in the {type(self).__name__} has errors."
                errors.append(checks.Error(text, hint, self, "cassandra.E010"))
        if self.is_multicell and (self.primary_key or self.unique):
            text = f"A {type(self).__name__} in a key has to be frozen."
            errors.append(checks.Error(text, "Add frozen=True.", self, "cassandra.E011"))
        elif self.is_multicell and self.db_index and not self.is_collection:
            text = f"A {type(self).__name__} with an index has to be frozen."
            errors.append(checks.Error(text, "Add frozen=True.", self, "cassandra.E011"))
        return errors

    def _unordered(self, field) -> str | None:
        """Why a field cannot be sorted among others, where that is what the type does."""
        if field in self.sorted_elements() and _has_duration(field):
            return "durations have no order."
        return None

    def sorted_elements(self) -> list:
        """Those of the elements by which the values are kept in order."""
        return []

    def _check_default_(self):
        if not self.has_default() or self.default is None or callable(self.default):
            return []
        text = f"The default of a {type(self).__name__} has to be a callable, or all rows share one object."
        return [checks.Warning(text, "Write default=list, not default=[].", self, "cassandra.W002")]


#: Errors of a field that is not of a model, or has no name of its own.
_NOT_OF_ELEMENTS = ("fields.E001", "fields.E002", "fields.E003")


def _unfit(field) -> str | None:
    """Why a field cannot be an element, or None."""
    if not isinstance(field, models.Field) or isinstance(field, ColumnlessField):
        return "it is no field with a column."
    if field.remote_field:
        return "relations have a column of their own."
    if is_static(field):
        return "only columns are static."
    if getattr(field, "cql_type", None) == "counter":
        return "counters have a column of their own."
    if field.primary_key or field.unique or field.db_index:
        return "keys and indexes are of columns."
    return None


def _has_duration(field) -> bool:
    if isinstance(field, ContainerField):
        return any(map(_has_duration, field.elements()))
    return getattr(field, "cql_type", None) == "duration"


def check_is_field(kind: str, field, name: str = "element") -> models.Field:
    """The field, named as an element; TypeError when it is none."""
    if not isinstance(field, models.Field):
        raise TypeError(f"{kind} holds model fields, not {field!r}.")
    if field.name is None:
        field.set_attributes_from_name(name)
    return field


def element_type(field, connection) -> str:
    """The CQL type of a field inside of a container, where all containers are frozen."""
    if isinstance(field, ContainerField):
        text = field.cql_text(connection)
        return f"frozen<{text}>" if field.can_be_unfrozen or field._prints_frozen() else text
    return column_type(field, connection)


def element_to_database(field, value, connection):
    return None if value is None else field.get_db_prep_value(value, connection, prepared=False)


def element_reader(field, connection):
    """A function for one element that the database gave, or None when it is what the model wants."""
    if isinstance(field, ContainerField):
        return field.reader(connection)
    expression = Value(None, output_field=field)
    converters = [
        *connection.ops.get_db_converters(expression),
        *field.get_db_converters(connection),
    ]
    if not converters:
        return None

    def read(value):
        for convert in converters:
            value = convert(value, expression, connection)
        return value

    return read


def element_from_json(field, value):
    if value is None:
        return None
    value = field.to_python(value)
    return bytes(value) if isinstance(value, memoryview) else value


class _Holder:
    """An object with one attribute, for Field.value_to_string()."""

    def __init__(self, name, value):
        setattr(self, name, value)


def element_to_json(field, value):
    """Numbers, booleans and strings as they are; the rest as the field's own text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(field, ContainerField):
        return field.to_json(value)
    if isinstance(field, models.JSONField):
        return value
    return field.value_to_string(_Holder(field.attname, value))
