"""System checks and their ids."""

from unittest import mock

from bookings.models import Author, Book
from django.core.checks import run_checks
from django.db import connections, models
from django.test import SimpleTestCase
from django.test.utils import isolate_apps, override_settings

from django_cassandra_backend import checks
from django_cassandra_backend.models import PhysicalKey, PrimaryKey


def ids(model) -> list[str]:
    return [
        error.id
        for error in [*model.check(), *checks.unique_errors(model)]
        if "cassandra" in error.id
    ]


@isolate_apps("bookings")
class CheckTests(SimpleTestCase):
    databases = ["default"]

    def test_the_tests_models_are_fine(self):
        self.assertEqual([ids(model) for model in (Author, Book)], [[], []])

    def test_members_that_do_not_exist(self):
        class Wrong(models.Model):
            id = models.UUIDField(primary_key=True)
            key = PhysicalKey(partition_by=["nowhere"])

            class Meta:
                app_label = "bookings"

        self.assertEqual(ids(Wrong), ["cassandra.E001"])

    def test_members_that_are_null(self):
        class Nullable(models.Model):
            id = models.UUIDField(primary_key=True)
            city = models.TextField(null=True)
            key = PhysicalKey(partition_by=["city"])

            class Meta:
                app_label = "bookings"

        self.assertEqual(ids(Nullable), ["cassandra.E002"])

    def test_a_primary_key_in_the_physical_key(self):
        class Twice(models.Model):
            id = models.UUIDField(primary_key=True)
            city = models.TextField()
            key = PhysicalKey(partition_by=["city"], cluster_by=["id"])

            class Meta:
                app_label = "bookings"

        self.assertEqual(ids(Twice), ["cassandra.E004"])

    def test_two_composite_keys(self):
        class Both(models.Model):
            pk = PrimaryKey(partition_by=["a"], cluster_by=["b"])
            a = models.TextField()
            b = models.TextField()
            key = PhysicalKey(partition_by=["b"])

            class Meta:
                app_label = "bookings"

        self.assertIn("cassandra.E004", ids(Both))

    def test_a_primary_key_that_nothing_keeps_unique(self):
        class Named(models.Model):
            name = models.TextField(primary_key=True)
            city = models.TextField()
            key = PhysicalKey(partition_by=["city"])

            class Meta:
                app_label = "bookings"

        self.assertEqual(ids(Named), ["cassandra.E005"])

    def test_uniqueness(self):
        class Unique(models.Model):
            slug = models.SlugField(unique=True)
            one = models.OneToOneField(Author, models.CASCADE)
            a = models.TextField()

            class Meta:
                app_label = "bookings"
                unique_together = [("a", "slug")]
                constraints = [models.UniqueConstraint(fields=["a"], name="only_a")]

        self.assertEqual(ids(Unique), ["cassandra.E003"] * 4)

    def test_uniqueness_of_the_key(self):
        class Fine(models.Model):
            pk = PrimaryKey(partition_by=["a"], cluster_by=["b"])
            a = models.TextField()
            b = models.TextField()

            class Meta:
                app_label = "bookings"
                constraints = [models.UniqueConstraint(fields=["b", "a"], name="key_again")]

        self.assertEqual(ids(Fine), [])


class SettingsTests(SimpleTestCase):
    databases = ["default"]

    def test_a_plain_model_that_does_not_exist(self):
        self.assertEqual(checks.plain_model_errors(), [])
        options = connections.settings["default"]["OPTIONS"]
        with mock.patch.dict(options, {"plain_models": ["bookings.Nobody"]}):
            self.assertEqual([e.id for e in checks.plain_model_errors()], ["cassandra.E007"])


class NoticeTests(SimpleTestCase):
    databases = ["default"]

    def ids(self):
        return {
            message.id for message in run_checks(databases=["default"]) if "cassandra" in message.id
        }

    def test_what_a_project_has_to_know(self):
        self.assertEqual(self.ids(), {"cassandra.I001", "cassandra.I002"})

    @override_settings(USE_TZ=False)
    def test_without_time_zones(self):
        self.assertIn("cassandra.I003", self.ids())
