"""Backend checks: of the database that is asked for, and of single fields."""

from django.core import checks
from django.db.backends.base.validation import BaseDatabaseValidation

from .connection_checks import check_cluster


class DatabaseValidation(BaseDatabaseValidation):
    def check(self, **kwargs):
        return [*super().check(**kwargs), *check_cluster(self.connection)]

    def check_field(self, field, **kwargs):
        """Comments are of tables."""
        errors = super().check_field(field, **kwargs)
        if field.db_comment:
            text = "Cassandra has no comments on columns (db_comment)."
            hint = "Say it in Meta.db_table_comment, or in help_text."
            errors.append(checks.Warning(text, hint, field, "cassandra.W003"))
        return errors

    def check_field_type(self, field, field_type):
        """Generated columns have no counterpart in CQL."""
        if getattr(field, "generated", False):
            return [
                checks.Error(
                    "Cassandra has no generated columns.",
                    "Compute the value in Python, or in save().",
                    field,
                    "cassandra.E006",
                )
            ]
        return []
