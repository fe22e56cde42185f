"""Fields that say something about the table and have no column."""

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.fields import NOT_PROVIDED


class ColumnlessField(models.Field):
    """A field without a column: it travels through migrations as any field does, and cannot be filtered on.

    A field, because that is the only thing that `create_model()` of a migration always sees: attributes of the class are
    lost there, and further names in Meta are refused."""

    empty_strings_allowed = False
    #: What a query is told to use in its place.
    instead = "Filter on its columns."

    def __init__(self, **kwargs):
        kind = type(self).__name__
        for name in ("default", "db_default"):
            if kwargs.get(name, NOT_PROVIDED) is not NOT_PROVIDED:
                raise ValueError(f"{kind} has no {name}.")
        for name in ("primary_key", "unique", "db_index", "db_column"):
            if kwargs.get(name):
                raise ValueError(f"{kind} has no {name}.")
        kwargs.update(editable=False, blank=True, serialize=False)
        super().__init__(**kwargs)

    def deconstruct(self):
        name, _, args, kwargs = super().deconstruct()
        for constant in ("editable", "blank", "serialize"):
            kwargs.pop(constant, None)
        return name, f"django_cassandra_backend.models.{type(self).__name__}", args, kwargs

    def get_attname_column(self):
        return self.get_attname(), None

    def db_type(self, connection):
        return None

    def db_parameters(self, connection):
        return {"type": None, "check": None}

    def get_col(self, alias, output_field=None):
        raise FieldError(
            f"{self.name} is a {type(self).__name__} and cannot be queried. {self.instead}"
        )

    def get_lookup(self, lookup_name):
        raise FieldError(
            f"{self.name} is a {type(self).__name__} and cannot be filtered on. {self.instead}"
        )

    def clean(self, value, model_instance):
        return value

    def value_from_object(self, obj):
        return getattr(obj, self.attname)

    def save_form_data(self, instance, data):
        raise FieldError(f"{self.name} is a {type(self).__name__}; it holds no value of a form.")
