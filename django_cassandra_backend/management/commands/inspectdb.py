"""`inspectdb` for projects that have "django_cassandra_backend" in INSTALLED_APPS: models that make the same tables again.

Django's own command, which is used without that, knows neither partitions nor collections."""

from django.core.management.commands.inspectdb import Command as InspectCommand
from django.db import connections

from ...model_source import ModelSource


class Command(InspectCommand):
    def handle_inspection(self, options):
        connection = connections[options["database"]]
        if connection.vendor != "cassandra":
            yield from super().handle_inspection(options)
            return
        wanted = options.get("table_name_filter") or (lambda name: True)
        with connection.cursor() as cursor:
            yield from ModelSource(self, connection, cursor).lines(
                [name for name in options["table"] if wanted(name)] or None,
                include_views=options["include_views"],
                wanted=wanted,
            )
