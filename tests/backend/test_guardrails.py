"""OPTIONS["guardrails"]: what is read, what is obeyed, and what checks say."""

import os
import re
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from bookings.models import Author, Seat
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections, models
from django.test import SimpleTestCase, TransactionTestCase
from django.test.utils import isolate_apps
from places import as_cluster

from django_cassandra_backend import guardrail_checks, guardrails
from django_cassandra_backend.cursor import Cursor, _log_warnings
from django_cassandra_backend.models import (
    SecondaryIndex,
    TableOptions,
    UserTypeField,
)

SETTINGS_PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "ref" / "settings.md"


class ReadTests(SimpleTestCase):
    def test_defaults(self):
        self.assertEqual(guardrails.read({}, is_astra=False), guardrails.Guardrails())
        of_astra = guardrails.read({}, is_astra=True)
        self.assertEqual((of_astra.columns_per_table, of_astra.sai_per_table), (50, 10))
        self.assertEqual(of_astra.refused_write_consistencies, ("ANY", "ONE", "LOCAL_ONE"))

    def test_overriding(self):
        given = {"guardrails": {"columns_per_table": 75, "sai_total": None}}
        read = guardrails.read(given, is_astra=True)
        self.assertEqual((read.columns_per_table, read.sai_total, read.tables), (75, None, 200))
        self.assertEqual(guardrails.read(given, is_astra=False).columns_per_table, 75)

    def test_refusals(self):
        for given, message in [
            ([], "is a dict of limits"),
            ({"columns": 5}, "unknown names: columns. Known: batch_bytes"),
            ({"tables": 0}, '["tables"] is a whole number'),
            ({"tables": True}, '["tables"] is a whole number'),
            ({"refused_write_consistencies": "ONE"}, "is a list of ANY"),
            ({"refused_write_consistencies": ["one"]}, "is a list of ANY"),
        ]:
            with self.assertRaisesMessage(ImproperlyConfigured, message):
                guardrails.read({"guardrails": given}, is_astra=True)

    def test_the_page_about_settings_has_all_of_them(self):
        rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", SETTINGS_PAGE.read_text("utf-8"), re.M)
        shown = dict(rows)
        for name, value in guardrails.of_astra().items():
            text = ", ".join(value) if isinstance(value, tuple) else f"{value}"
            self.assertEqual(shown[name].replace("`", ""), text, name)


class ObeyTests(TransactionTestCase):
    def test_one_partition_in_each_select(self):
        texts = []
        real = Cursor.send_reads

        def send_reads(cursor, cql, rows, **options):
            texts.extend([cql] * len(rows))
            return real(cursor, cql, rows, **options)

        with mock.patch.object(Cursor, "send_reads", send_reads):
            list(Author.objects.filter(pk__in=list(range(1, 60))))
        self.assertEqual(len(texts), 59)
        self.assertFalse([text for text in texts if " IN " in text])

    def test_batches_are_cut(self):
        """Four seats of one partition: one conditional batch, or two where the limit is low."""
        batches = []
        real = Cursor.send_batch

        def send_batch(cursor, statements, **options):
            batches.append(len(statements))
            return real(cursor, statements, **options)

        for limit, wanted in ((None, [4]), (150, [2, 2])):
            Seat.objects.all().delete()
            with (
                as_cluster(guardrails={"batch_bytes": limit}),
                mock.patch.object(Cursor, "send_batch", send_batch),
            ):
                Seat.objects.bulk_create([Seat(show="hamlet", row=0, number=i) for i in range(4)])
            self.assertEqual((limit, batches), (limit, wanted))
            batches.clear()


@isolate_apps("bookings")
class CheckTests(SimpleTestCase):
    databases = ["default"]

    def found(self, *models_, limits=None, astra=False, **options) -> list:
        """What the check of one alias says when these are its models."""
        settings = {
            "ENGINE": "django_cassandra_backend",
            "OPTIONS": {"local": ":memory:", **options},
        }
        if limits is not None:
            settings["OPTIONS"]["guardrails"] = limits
        with (
            mock.patch.dict(connections.settings, {"default": settings}),
            mock.patch.object(guardrail_checks, "_models_of", lambda alias: list(models_)),
            mock.patch.object(guardrail_checks.astra_options, "is_astra", lambda settings: astra),
        ):
            return list(guardrail_checks._of_alias("default"))

    def ids(self, *models_, **more) -> list[str]:
        return [message.id for message in self.found(*models_, **more)]

    def wide(self, count: int, **field):
        names = {f"f{i}": models.IntegerField(**field) for i in range(count - 1)}
        body = {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "bookings"})}
        return type("Wide", (models.Model,), {**body, **names})

    def test_columns(self):
        for count, ids in ((50, []), (51, ["cassandra.W008"])):
            with isolate_apps("bookings"):
                self.assertEqual(self.ids(self.wide(count), astra=True), ids)
        with isolate_apps("bookings"):
            wide = self.wide(51)
            self.assertEqual(self.ids(wide), [])
            self.assertEqual(self.ids(wide, astra=True, limits={"columns_per_table": 60}), [])

    def test_storage_attached_indexes(self):
        model = self.wide(12, db_index=True)
        (message,) = self.found(model, astra=True)
        self.assertEqual(message.id, "cassandra.W009")
        self.assertIn("11 storage-attached indexes, and the server takes 10", message.msg)
        self.assertEqual(self.ids(*[model] * 2, limits={"sai_total": 21}), ["cassandra.W013"])
        self.assertEqual(self.ids(*[model] * 2, limits={"sai_total": 22}), [])

    def test_other_indexes(self):
        class Old(models.Model):
            a = models.IntegerField()
            b = models.IntegerField()

            class Meta:
                app_label = "bookings"
                indexes = [SecondaryIndex(fields=["a"]), SecondaryIndex(fields=["b"])]

        self.assertEqual(self.ids(Old, astra=True), ["cassandra.W010"])
        self.assertEqual(self.ids(Old), [])

    def test_table_options(self):
        class Tuned(models.Model):
            table = TableOptions(gc_grace_seconds=0, default_time_to_live=60)

            class Meta:
                app_label = "bookings"

        (message,) = self.found(Tuned, astra=True)
        self.assertEqual(message.id, "cassandra.W011")
        self.assertIn("bookings.Tuned: gc_grace_seconds.", message.msg)
        self.assertEqual(self.ids(Tuned), [])

    def test_user_types(self):
        wide = {f"f{i}": models.IntegerField() for i in range(11)}

        class Typed(models.Model):
            place = UserTypeField("place", wide)

            class Meta:
                app_label = "bookings"

        self.assertEqual(self.ids(Typed, astra=True), ["cassandra.W012"])
        self.assertEqual(self.ids(Typed, astra=True, limits={"fields_per_udt": 11}), [])

    def test_tables(self):
        self.assertEqual(self.ids(Author, limits={"tables": 3}), [])
        self.assertEqual(self.ids(Author, limits={"tables": 2}), ["cassandra.W014"])

    def test_write_consistency(self):
        (message,) = self.found(astra=True, consistency="LOCAL_ONE")
        self.assertEqual((message.id, message.level), ("cassandra.E024", 40))
        self.assertEqual(self.ids(astra=True, consistency="QUORUM"), [])
        self.assertEqual(self.ids(consistency="LOCAL_ONE"), [])

    def test_bad_limits(self):
        self.assertEqual(self.ids(limits={"columns": 1}), ["cassandra.E008"])

    def test_it_is_what_check_runs(self):
        from django.core.checks import run_checks

        options = {**connection.settings_dict["OPTIONS"], "guardrails": {"tables": 1}}
        with mock.patch.dict(connections.settings["default"], {"OPTIONS": options}):
            self.assertIn("cassandra.W014", [message.id for message in run_checks()])


def warned(text: str):
    """A result with one warning."""
    return SimpleNamespace(warnings=[text])


class WarningTests(SimpleTestCase):
    def test_each_is_logged_once(self):
        for _ in range(2):
            with self.assertLogs("django.db.backends.cassandra") as logs:
                _log_warnings("CREATE TABLE t", warned(f"Ignoring {os.urandom(8).hex()}"))
        self.assertEqual(len(logs.output), 1)
        words = f"Ignoring {os.urandom(8).hex()}"
        with self.assertLogs("django.db.backends.cassandra") as logs:
            for _ in range(3):
                _log_warnings("CREATE TABLE t", warned(words))
        self.assertEqual(len(logs.output), 1)
