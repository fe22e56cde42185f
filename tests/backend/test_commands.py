"""manage.py against the backend."""

import io
import pathlib
import subprocess
import tempfile
import time
from unittest import mock

from bookings.models import Author, Book, Party, Seat
from django.core.management import CommandError, call_command
from django.core.management.commands.inspectdb import Command as InspectCommand
from django.db import IntegrityError, connection, connections
from django.test import TransactionTestCase, modify_settings
from places import file_only, transaction_of_file

import libcql
from django_cassandra_backend.client import DatabaseClient


def output(*args, **options) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


@modify_settings(INSTALLED_APPS={"append": "stages"})
class MigrateTests(TransactionTestCase):
    """The app `stages`: forwards, backwards, and to zero."""

    def tearDown(self):
        call_command("migrate", "stages", "zero", verbosity=0)

    def tables(self):
        return [
            name for name in connection.introspection.table_names() if name.startswith("stages")
        ]

    def test_forwards_and_backwards(self):
        call_command("migrate", "stages", verbosity=0)
        self.assertEqual(self.tables(), ["stages_act", "stages_raw"])
        self.assertIn("[X] 0002_grow", output("showmigrations", "stages", no_color=True))
        from stages.models import Act

        self.assertEqual(Act.objects.get(stage="main").title, "untitled")
        call_command("migrate", "stages", "0001", verbosity=0)
        self.assertEqual(self.tables(), ["stages_act"])
        self.assertIn("[ ] 0002_grow", output("showmigrations", "stages", no_color=True))
        call_command("migrate", "stages", "zero", verbosity=0)
        self.assertEqual(self.tables(), [])
        call_command("migrate", "stages", verbosity=0)
        self.assertEqual(self.tables(), ["stages_act", "stages_raw"])

    def test_models_and_migrations_agree(self):
        self.assertIn(
            "No changes detected",
            output("makemigrations", "stages", dry_run=True, check_changes=True),
        )

    def test_sqlmigrate_prints_cql(self):
        text = output("sqlmigrate", "stages", "0001")
        self.assertIn(
            'PRIMARY KEY (("stage"), "start", "id")) WITH CLUSTERING ORDER BY ("start" DESC, "id" ASC);',
            text,
        )
        self.assertIn("USING 'sai';", text)
        self.assertIn("DROP TABLE", output("sqlmigrate", "stages", "0001", backwards=True))
        self.assertNotIn("stages_act", self.tables())

    def test_fake_initial(self):
        call_command("migrate", "stages", "0001", verbosity=0)
        call_command("migrate", "stages", "zero", fake=True, verbosity=0)
        text = output("migrate", "stages", "0001", fake_initial=True, no_color=True)
        self.assertIn("FAKED", text)


class DataTests(TransactionTestCase):
    def test_flush(self):
        Author.objects.create(name="x")
        call_command("flush", interactive=False, verbosity=0)
        self.assertEqual(Author.objects.count(), 0)
        self.assertEqual(Author.objects.create(name="y").pk, 1)

    @transaction_of_file("a cluster deletes a few rows sooner than it truncates")
    def test_only_written_tables_are_truncated(self):
        Author.objects.create(name="x")
        plans = connection.ops.sql_flush(None, ["bookings_author", "bookings_book"])
        self.assertEqual(plans, ['TRUNCATE "bookings_author"', 'TRUNCATE "bookings_book"'])
        sent = []
        with connection.cursor() as cursor:
            connection.force_debug_cursor = True
            for plan in plans:
                cursor.execute(plan)
                sent += [cql for cql, _ in cursor.cursor.executed]
            connection.force_debug_cursor = False
        self.assertEqual(
            [cql for cql in sent if cql.startswith("TRUNCATE")], ['TRUNCATE "bookings_author"']
        )

    def test_dumpdata_and_loaddata(self):
        ada = Author.objects.create(pk=7, name="Ada")
        Book.objects.create(author=ada, title="x", price="1.50")
        party = Party.objects.create(city="Oslo", name="May")
        Seat.objects.create(show="hamlet", row=1, number=2)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "data.json"
            call_command("dumpdata", "bookings", output=str(file), verbosity=0)
            self.assertNotIn('"key"', file.read_text())
            call_command("flush", interactive=False, verbosity=0)
            call_command("loaddata", str(file), verbosity=0)
        self.assertEqual(Book.objects.get().author.name, "Ada")
        self.assertEqual(Party.objects.get(pk=party.pk).city, "Oslo")
        self.assertEqual(Seat.objects.get().pk, ("hamlet", 1, 2))
        self.assertEqual(Author.objects.create(name="Bo").pk, 8)

    def test_orphans_are_found(self):
        Book.objects.create(author_id=999, title="x")
        with self.assertRaisesMessage(IntegrityError, "invalid foreign key"):
            connection.check_constraints()
        connection.check_constraints(table_names=["bookings_author"])

    def test_sqlflush_and_sqlsequencereset(self):
        self.assertIn('TRUNCATE "bookings_author"', output("sqlflush"))
        self.assertIn('SELECT MAX("id")', output("sqlsequencereset", "bookings", no_color=True))

    def test_inspectdb_of_django(self):
        """Used where the package is not in INSTALLED_APPS: it knows neither partitions nor CQL's own types."""
        out = io.StringIO()
        call_command(
            InspectCommand(),
            "bookings_author",
            "bookings_seat",
            "bookings_cql",
            "nowhere",
            stdout=out,
        )
        text = out.getvalue()
        self.assertIn("class BookingsAuthor(models.Model)", text)
        self.assertIn("name = models.TextField(", text)
        self.assertIn("models.CompositePrimaryKey('show', 'row', 'number')", text)
        self.assertIn("id = models.BigIntegerField(primary_key=True)", text)
        self.assertIn("decimal = models.DecimalField(max_digits=38, decimal_places=18", text)
        self.assertIn("tiny = django_cassandra_backend.models.TinyIntegerField(", text)
        self.assertIn(
            "marks = models.TextField(blank=True, null=True)  # This field type is a guess.", text
        )
        self.assertIn("# Unable to inspect table 'nowhere'", text)

    def test_dbshell_on_a_file_is_libcqls_own_shell(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "db.cql"
            with libcql.connect(libcql.local_url(file)) as session:
                session.execute(
                    "CREATE KEYSPACE shop WITH replication ="
                    " {'class': 'SimpleStrategy', 'replication_factor': 1}"
                )
            args, env = DatabaseClient.settings_to_cmd_args_env(
                {"NAME": "shop", "OPTIONS": {"local": file}},
                ["--execute", "DESCRIBE KEYSPACES; USE shop"],
            )
            shown = subprocess.run(args, env=env, capture_output=True, text=True, check=True)
        self.assertIn("'shop'", shown.stdout)

    def test_dbshell_cannot_reach_into_memory(self):
        with self.assertRaisesMessage(CommandError, "lives in its own process"):
            DatabaseClient.settings_to_cmd_args_env({"OPTIONS": {"local": ":memory:"}}, [])

    def test_check(self):
        call_command("check", databases=["default", "other"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@file_only("compact and check are about the file")
class CareTests(TransactionTestCase):
    """manage.py cql."""

    databases = {"default", "other", "reference"}

    def test_check_says_that_the_file_is_sound(self):
        Author.objects.create(name="Ann")
        text = output("cql", "check")
        self.assertIn("The file is sound.", text)
        self.assertRegex(text, r"\d+ tables, \d+ indexes: \d+ rows")

    def test_check_fails_when_it_is_not(self):
        report = connection.session.check()
        found = type(report)((*report[:7], 1001, ["one", "two"]))
        with mock.patch.object(type(connections["default"]), "session") as session:
            session.check.return_value = found
            err = io.StringIO()
            with self.assertRaisesMessage(CommandError, "The file has 1001 problem(s)."):
                output("cql", "check", stderr=err)
        self.assertEqual(err.getvalue(), "one\ntwo\n… and 999 more\n")

    def test_compact_removes_what_was_deleted(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE brief (k int PRIMARY KEY) WITH gc_grace_seconds = 0")
            cursor.execute("DELETE FROM brief WHERE k = 1")
            time.sleep(1.1)
            self.assertRegex(output("cql", "compact"), r"deletions looked at, [1-9]\d* removed")
            cursor.execute("DROP TABLE brief")

    def test_progress_on_a_terminal_alone(self):
        err, terminal = io.StringIO(), Terminal()
        output("cql", "compact", stderr=err)
        self.assertEqual(err.getvalue(), "")
        output("cql", "compact", stderr=terminal)
        self.assertIn("sweep    [##############################] 100%", terminal.getvalue())
        self.assertTrue(terminal.getvalue().endswith(" \r"))  # the line is wiped

    def test_other_databases_are_refused(self):
        with self.assertRaisesMessage(CommandError, "'reference' is not one of"):
            call_command("cql", "check", database="reference")

    def test_an_action_must_be_named(self):
        with self.assertRaisesMessage(CommandError, "ACTION"):
            call_command("cql")
