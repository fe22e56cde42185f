"""Backend checks of single fields."""

from django.core import checks
from django.db.backends.base.validation import BaseDatabaseValidation


class DatabaseValidation(BaseDatabaseValidation):
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
