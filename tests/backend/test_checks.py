"""System checks and their ids."""

from unittest import mock

from bookings.models import Author, Book
from django.core.checks import run_checks
from django.db import connection, connections, models
from django.db.models.functions import MD5, Lower
from django.test import SimpleTestCase
from django.test.utils import isolate_apps, override_settings

from django_cassandra_backend import checks
from django_cassandra_backend import models as cassandra
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

    def test_uniqueness(self):
        class Unique(models.Model):
            slug = models.SlugField(unique=True)
            one = models.OneToOneField(Author, models.CASCADE)
            a = models.TextField()

            class Meta:
                app_label = "bookings"
                unique_together = [("a", "slug")]
                constraints = [models.UniqueConstraint(fields=["a"], name="only_a")]

        self.assertEqual(ids(Unique), [])
        options = connection.settings_dict["OPTIONS"]
        with mock.patch.dict(options, {"write_mode": "plain"}):
            self.assertEqual(ids(Unique), ["cassandra.E003"] * 4)

    def test_uniqueness_of_what_cannot_be_computed(self):
        class Odd(models.Model):
            a = models.TextField()

            class Meta:
                app_label = "bookings"
                constraints = [models.UniqueConstraint(MD5("a"), name="odd_md5")]

        (error,) = checks.unique_errors(Odd)
        self.assertEqual(error.id, "cassandra.E003")
        self.assertIn("MD5", error.msg)

    def test_an_order_over_a_relation(self):
        class Ordered(models.Model):
            author = models.ForeignKey(Author, models.CASCADE)
            n = models.IntegerField()

            class Meta:
                app_label = "bookings"
                ordering = ["-author__name", "author", "author_id", "n"]

        (error,) = checks.ordering_errors(Ordered)
        self.assertEqual(error.id, "cassandra.E030")
        self.assertIn("'-author__name'", error.msg)

    def test_an_index_on_an_expression(self):
        class Indexed(models.Model):
            a = models.TextField()

            class Meta:
                app_label = "bookings"
                indexes = [models.Index(Lower("a"), name="lower_a")]

        found = checks.expression_index_warnings(Indexed)
        self.assertEqual([one.id for one in found], ["cassandra.W020"])

    def test_uniqueness_of_the_key(self):
        class Fine(models.Model):
            pk = PrimaryKey(partition_by=["a"], cluster_by=["b"])
            a = models.TextField()
            b = models.TextField()

            class Meta:
                app_label = "bookings"
                constraints = [models.UniqueConstraint(fields=["b", "a"], name="key_again")]

        self.assertEqual(ids(Fine), [])


@isolate_apps("bookings")
class ModelTests(SimpleTestCase):
    databases = ["default"]

    def test_one_type_described_twice(self):
        class Home(models.Model):
            a = cassandra.UserTypeField("address", [("street", models.TextField())])
            b = cassandra.ListField(
                cassandra.UserTypeField("address", [("zip", models.TextField())])
            )

            class Meta:
                app_label = "bookings"

        found = checks.user_type_errors([Home])
        self.assertEqual([(e.id, e.obj.name) for e in found], [("cassandra.E016", "b")])

    def test_a_blank_key(self):
        class Blank(models.Model):
            name = models.CharField(max_length=5, primary_key=True, blank=True)

            class Meta:
                app_label = "bookings"

        class Number(models.Model):
            n = models.IntegerField(primary_key=True, blank=True)

            class Meta:
                app_label = "bookings"

        self.assertEqual([e.id for e in checks.empty_key_warnings(Blank)], ["cassandra.W004"])
        self.assertEqual(checks.empty_key_warnings(Number), [])

    def test_comments_on_columns(self):
        class Commented(models.Model):
            name = models.TextField(db_comment="who")

            class Meta:
                app_label = "bookings"
                db_table_comment = "people"

        found = [e.id for e in Commented.check(databases=["default"])]
        self.assertEqual(found, ["cassandra.W003"])

    def test_long_names_of_columns(self):
        name = "a_name_of_a_column_that_is_longer_than_the_name_of_a_table_can_be"
        body = {name: models.TextField(), "__module__": "bookings.models"}
        self.assertEqual(type("Long", (models.Model,), body).check(databases=["default"]), [])


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

    def test_a_time_zone_of_a_database(self):
        with mock.patch.dict(connections.settings["default"], {"TIME_ZONE": "UTC"}):
            self.assertIn("cassandra.W001", self.ids())

    @override_settings(USE_TZ=False)
    def test_without_time_zones(self):
        self.assertIn("cassandra.I003", self.ids())
