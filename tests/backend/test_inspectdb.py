"""inspectdb: models of any keyspace, which make the same tables again."""

import io
import os

from bookings.models import Cql, Sensor, Tagged, Visit
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter
from django.test import SimpleTestCase, TransactionTestCase, modify_settings
from django.test.utils import isolate_apps
from random_tables import RandomTables
from settings import CLUSTER

from django_cassandra_backend import names
from django_cassandra_backend.model_source import Unknown, field_source
from django_cassandra_backend.type_names import CqlType, parse_type

#: A node takes a second to make and drop what a file does at once.
SEEDS = int(os.environ.get("INSPECT_SEEDS", "8" if CLUSTER else "40"))
OURS = (Cql, Sensor, Tagged, Visit)
IDS = ("keyspace_name", "id")


def inspected(*tables, database="other", **options) -> str:
    out = io.StringIO()
    call_command("inspectdb", *tables, database=database, stdout=out, **options)
    return out.getvalue()


def has_user_types(connection) -> bool:
    with connection.cursor() as cursor:
        try:
            cursor.execute("CREATE TYPE IF NOT EXISTS probe_of_types (a int)")
            cursor.execute("DROP TYPE probe_of_types")
        except DatabaseError:
            return False
    return True


@modify_settings(INSTALLED_APPS={"append": "django_cassandra_backend"})
class InspectTestCase(TransactionTestCase):
    """Tables are made in the database "other" by CQL, and made again in "default" by a migration."""

    databases = {"default", "other"}
    available_apps = ["bookings", "django_cassandra_backend"]

    def rows(self, alias: str, tables) -> dict:
        """What system_schema says of the tables, apart from ids."""
        connection, found = connections[alias], {}
        with connection.cursor() as cursor:
            for part in ("tables", "columns", "indexes"):
                result = cursor.execute(
                    f"SELECT * FROM system_schema.{part} WHERE keyspace_name = %s",
                    [connection.settings.keyspace],
                )
                found[part] = [
                    {k: v for k, v in row.items() if k not in IDS}
                    for row in result
                    if row["table_name"] in tables
                ]
            found["types"] = connection.introspection.user_types(cursor)
        return found

    def stored_tables(self, alias: str) -> set[str]:
        with connections[alias].cursor() as cursor:
            rows = cursor.execute(
                "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s",
                [connections[alias].settings.keyspace],
            )
            return {row["table_name"] for row in rows}

    def make(self, alias: str, statements) -> set[str]:
        """Run statements; the tables that are there now and were not. An index may be refused."""
        before = self.stored_tables(alias)
        self.before = {name: self.stored_tables(name) for name in ("default", "other")}
        with connections[alias].cursor() as cursor:
            for text in statements:
                try:
                    cursor.execute(text)
                except DatabaseError:
                    if "INDEX" not in text:
                        raise
        return self.stored_tables(alias) - before

    def drop(self) -> None:
        for alias, before in getattr(self, "before", {}).items():
            connection = connections[alias]
            with connection.cursor() as cursor:
                for table in self.stored_tables(alias) - before:
                    cursor.execute(f'DROP TABLE "{table}"')
                left = list(connection.introspection.user_types(cursor))
                for _ in range(len(left)):  # those that others consist of go after them
                    for name in list(left):
                        try:
                            cursor.execute('DROP TYPE "{}"'.format(name.replace('"', '""')))
                            left.remove(name)
                        except DatabaseError:
                            continue  # another type uses it

    def migrate(self, source: str) -> None:
        """makemigrations and migrate of a module's models, in "default"."""
        with isolate_apps("bookings") as apps:
            space = {"__name__": "bookings.models"}
            exec(source.replace("        managed = False\n", ""), space)
            for model in apps.get_models():
                wrong = [e for e in model.check() if e.level >= 40]
                self.assertEqual(wrong, [], source)
            questioner = MigrationQuestioner(specified_apps={"bookings"})
            state = ProjectState.from_apps(apps)
            changes = MigrationAutodetector(ProjectState(), state, questioner).changes(
                MigrationGraph()
            )
        (migration,) = changes["bookings"]
        text = MigrationWriter(migration).as_string()
        written = {}
        exec(text, written)
        migration = written["Migration"]("0001", "bookings")
        with connections["default"].schema_editor() as editor:
            migration.apply(ProjectState(), editor)


class RoundTripTests(InspectTestCase):
    def test_random_keyspaces(self):
        """Seeds; INSPECT_SEEDS=1000 makes more of them."""
        types = has_user_types(connections["other"])
        for seed in range(SEEDS):
            with self.subTest(seed=seed):
                try:
                    tables = self.make("other", RandomTables(seed, types).statements())
                    source = inspected(*map(names.decode, sorted(tables)))
                    self.migrate(source)
                    wanted, found = self.rows("other", tables), self.rows("default", tables)
                    for part in ("tables", "columns", "indexes"):
                        self.assertEqual(found[part], wanted[part], source)
                    used = {k: v for k, v in wanted["types"].items() if k in found["types"]}
                    self.assertEqual(found["types"], used)
                finally:
                    self.drop()

    def test_our_own_models(self):
        """Tables that models made are read as models that make them."""
        tables = [model._meta.db_table for model in OURS]
        before = self.rows("default", tables)
        source = inspected(*tables, database="default")
        with connections["default"].schema_editor() as editor:
            for model in OURS:
                editor.delete_model(model)
        self.migrate(source)
        self.assertEqual(self.rows("default", tables), before)


class SourceTests(InspectTestCase):
    def tearDown(self):
        self.drop()

    def test_what_is_written(self):
        self.make(
            "other",
            [
                'CREATE TABLE "Odd" (a text, b int, c int, "Big Name" text, s int STATIC, m map<text, frozen<list<int>>>, '
                "PRIMARY KEY ((a, b), c)) WITH CLUSTERING ORDER BY (c DESC) AND comment = 'odd' AND gc_grace_seconds = 5",
                'CREATE INDEX by_m ON "Odd" (keys(m))',
            ],
        )
        text = inspected("Odd")
        for part in (
            "from django_cassandra_backend import models as cassandra",
            "class Odd(models.Model):",
            "    pk = cassandra.PrimaryKey(partition_by=['a', 'b'], cluster_by=['-c'])",
            "    big_name = models.TextField(blank=True, null=True, db_column='Big Name')",
            "    s = cassandra.Static(models.IntegerField(blank=True, null=True))",
            "cassandra.MapField(models.TextField(), cassandra.ListField(models.IntegerField(), frozen=True)",
            "    table_options = cassandra.TableOptions(gc_grace_seconds=5)",
            "        managed = False",
            "        db_table = 'Odd'",
            "        db_table_comment = 'odd'",
            "            cassandra.SecondaryIndex(fields=['m'], name='by_m', on='keys'),",
        ):
            self.assertIn(part, text)

    def test_tables_that_are_not_there(self):
        self.make("other", ["CREATE TABLE lone (a int PRIMARY KEY)"])
        text = inspected("nowhere", "lone")
        self.assertIn("# Unable to inspect table 'nowhere'", text)
        self.assertIn("a = models.IntegerField(primary_key=True)", text)

    def test_views_are_asked_for(self):
        self.make("other", ["CREATE TABLE lone (a int PRIMARY KEY)"])
        self.assertEqual(inspected("lone", include_views=True), inspected("lone"))

    def test_names_that_clash(self):
        self.make(
            "other",
            [
                'CREATE TABLE a_b (pk int PRIMARY KEY, save int, "Save" int, table_options int) WITH gc_grace_seconds = 3',
                "CREATE TABLE ab (a int PRIMARY KEY)",
            ],
        )
        text = inspected("a_b", "ab")
        self.assertIn("class AB(", text)
        self.assertIn("class Ab2(", text)
        self.assertIn("pk_field = models.IntegerField(primary_key=True, db_column='pk')", text)
        self.assertIn("save_field = ", text)
        self.assertIn("table_options_1 = cassandra.TableOptions", text)
        self.migrate(text)

    def test_other_databases_have_djangos_own(self):
        text = inspected("nowhere", database="other")
        self.assertIn("cassandra", text)
        self.assertNotIn("cassandra", inspected("nowhere", database="reference"))

    databases = {"default", "other", "reference"}


class TypeTests(SimpleTestCase):
    def test_types(self):
        deep = parse_type('map<text, frozen<list<frozen<tuple<int, "My Type">>>>>')
        self.assertEqual(deep.name, "map")
        self.assertEqual(deep.args[0], CqlType("text"))
        self.assertEqual(deep.args[1].args[0].args[1], CqlType("My Type"))
        self.assertTrue(deep.args[1].frozen)
        self.assertEqual(parse_type("vector<float, 3>").dimensions, 3)
        for wrong in (
            "",
            "list<",
            "list<int",
            "int>",
            "list<int>x",
            "'org.example.Type'",
            "odd<int>",
        ):
            with self.subTest(wrong), self.assertRaises(ValueError):
                parse_type(wrong)

    def test_user_types(self):
        types = {"address": [("street", "text"), ("tags", "frozen<set<text>>")]}
        self.assertEqual(
            field_source(parse_type("frozen<address>"), types, "null=True"),
            "cassandra.UserTypeField('address', [('street', models.TextField()), "
            "('tags', cassandra.SetField(models.TextField(), frozen=True))], frozen=True, null=True)",
        )
        with self.assertRaises(Unknown):
            field_source(parse_type("nosuch"), types)
