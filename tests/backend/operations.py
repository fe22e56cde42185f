"""Operations of migrations, applied to tables of one test."""

from django.db import DatabaseError, connection, migrations, models
from django.db.migrations.state import ProjectState
from django.test import TransactionTestCase

from django_cassandra_backend.operations import quoted


def integer_key():
    return ("id", models.IntegerField(primary_key=True))


def drop_types(cursor, left: list[str]) -> None:
    """DROP TYPE, those first that no other type uses."""
    while left:
        before = len(left)
        for name in list(left):
            try:
                cursor.execute(f"DROP TYPE {quoted(name)}")
                left.remove(name)
            except DatabaseError as error:
                problem = error
        if len(left) == before:
            raise problem


class OperationTestCase(TransactionTestCase):
    """Each test makes tables of its own by operations, and drops them again."""

    available_apps = ["bookings"]

    def setUp(self):
        self.state = ProjectState()
        with connection.cursor() as cursor:
            self.types_before = set(connection.introspection.user_types(cursor))
        self.addCleanup(self.drop)

    def drop(self):
        own = [name for name in connection.introspection.table_names() if name.startswith("shop_")]
        with connection.cursor() as cursor:
            claims = connection.introspection.claim_tables(cursor)
            for name in (*own, *(name for name in claims if name.startswith("shop_"))):
                cursor.execute(f'DROP TABLE "{name}"')
            types = connection.introspection.user_types(cursor)
            drop_types(cursor, [name for name in types if name not in self.types_before])
            for plan in connection.ops.sequence_reset_by_name_sql(
                None, [{"table": t} for t in own]
            ):
                cursor.execute(plan)

    def apply(self, *operations, collect=False):
        """Run operations; return the new state's apps."""
        with connection.schema_editor(collect_sql=collect) as editor:
            for operation in operations:
                before = self.state.clone()
                operation.state_forwards("shop", self.state)
                operation.database_forwards("shop", editor, before, self.state)
        self.collected = editor.collected_sql if collect else []
        return self.state.apps

    def create(self, *fields, **options):
        apps = self.apply(migrations.CreateModel("Item", [integer_key(), *fields], options))
        return apps.get_model("shop", "Item")

    def item(self):
        return self.state.apps.get_model("shop", "Item")

    def columns(self, table="shop_item"):
        with connection.cursor() as cursor:
            description = connection.introspection.get_table_description(cursor, table)
        return {column.name: column.type_code for column in description}

    def indexes(self, table="shop_item"):
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, table)
        return {name: c["columns"][0] for name, c in constraints.items() if c["index"]}
