"""Models of what CQL has and Django has not."""

from django.conf import settings
from django.db import models

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import PrimaryKey

SENSOR_OPTIONS = {"gc_grace_seconds": 3600, "compaction": {"class": "LeveledCompactionStrategy"}}
if settings.ASTRA:
    # Cassandra 5.0, which stands for Astra, ignores an option with a warning, and fails when there is another beside it
    # (ConcurrentModificationException in db/guardrails/Values.java, guard).
    SENSOR_OPTIONS = {"default_time_to_live": 86400}


def address(**kwargs):
    """A user type with a collection, a tuple and names that need quotes in it."""
    fields = [
        ("street", models.CharField(max_length=20, blank=True)),
        ("Zip code", models.IntegerField()),
        ("tags", cassandra.SetField(models.TextField())),
        ("place", cassandra.TupleField(models.FloatField(), models.FloatField())),
    ]
    return cassandra.UserTypeField("address", fields, **kwargs)


def person(**kwargs):
    """A user type that holds another, and values that Django's fields convert."""
    fields = [
        ("name", models.TextField()),
        ("home", address()),
        ("since", models.DateTimeField()),
        ("worth", models.DecimalField(max_digits=8, decimal_places=2)),
        ("wait", models.DurationField()),
        ("photo", models.BinaryField()),
        ("more", models.JSONField()),
        ("homes", cassandra.ListField(address())),
    ]
    return cassandra.UserTypeField("Person of note", fields, **kwargs)


class Cql(models.Model):
    """Each type that CQL has and Django has not."""

    ascii = cassandra.AsciiField(null=True)
    tiny = cassandra.TinyIntegerField(null=True)
    varint = cassandra.VarIntField(null=True)
    decimal = cassandra.VarDecimalField(null=True)
    float = cassandra.Float32Field(null=True)
    timeuuid = cassandra.TimeUUIDField(null=True)
    duration = cassandra.CalendarDurationField(null=True)
    names = cassandra.ListField(models.TextField(), null=True)
    moments = cassandra.ListField(models.DateTimeField(), null=True)
    colours = cassandra.SetField(models.TextField(), null=True)
    addresses = cassandra.SetField(models.GenericIPAddressField(), null=True)
    marks = cassandra.MapField(models.TextField(), models.IntegerField(), null=True)
    lengths = cassandra.MapField(models.UUIDField(), models.DurationField(), null=True)
    place = cassandra.TupleField(models.FloatField(), models.TextField(), null=True)
    vector = cassandra.VectorField(3, null=True)
    doubles = cassandra.VectorField(2, models.FloatField(), null=True)
    matrix = cassandra.ListField(cassandra.ListField(models.IntegerField()), null=True)
    pairs = cassandra.SetField(
        cassandra.TupleField(models.IntegerField(), cassandra.SetField(models.TextField())),
        null=True,
    )
    frozen = cassandra.ListField(
        models.DecimalField(max_digits=6, decimal_places=2), frozen=True, null=True
    )
    blobs = cassandra.MapField(models.DateField(), models.BinaryField(), frozen=True, null=True)
    json = cassandra.ListField(models.JSONField(), null=True)
    home = address(null=True)
    owner = person(null=True)
    office = address(frozen=True, null=True)
    homes = cassandra.ListField(address(), null=True)
    places = cassandra.SetField(address(), null=True)
    by_name = cassandra.MapField(models.TextField(), person(), null=True)
    by_home = cassandra.MapField(address(), models.IntegerField(), null=True)
    numbered = cassandra.TupleField(models.IntegerField(), address(), null=True)

    class Meta:
        required_db_vendor = "cassandra"


class Tagged(models.Model):
    """Collections that have indexes, and one that has none."""

    tags = cassandra.SetField(
        models.CharField(max_length=10), default=set, db_index=True, blank=True
    )
    marks = cassandra.MapField(models.TextField(), models.IntegerField(), default=dict, blank=True)
    notes = cassandra.ListField(models.TextField(), default=list, blank=True)
    whole = cassandra.ListField(models.IntegerField(), default=list, frozen=True, db_index=True)

    class Meta:
        required_db_vendor = "cassandra"
        indexes = [
            cassandra.StorageAttachedIndex(fields=["marks"], name="tagged_marks_keys", on="keys"),
            cassandra.StorageAttachedIndex(
                fields=["marks"], name="tagged_marks_entries", on="entries"
            ),
        ]


class Sensor(models.Model):
    """A static column, in a table with options and a comment."""

    pk = PrimaryKey(partition_by=["name"], cluster_by=["at"])
    name = models.CharField(max_length=20)
    at = models.IntegerField()
    place = cassandra.Static(models.CharField(max_length=20, null=True))
    value = models.FloatField(null=True)
    table = cassandra.TableOptions(**SENSOR_OPTIONS)

    class Meta:
        db_table_comment = "What the sensors' said"
        required_db_vendor = "cassandra"


class Hits(models.Model):
    """Counters."""

    pk = PrimaryKey(partition_by=["site"], cluster_by=["page"])
    site = models.TextField()
    page = models.TextField()
    n = cassandra.CounterField()
    bytes = cassandra.CounterField()

    class Meta:
        required_db_vendor = "cassandra"


class Visit(models.Model):
    """User types in the key, in an index and in a static column."""

    pk = PrimaryKey(partition_by=["where", "day"], cluster_by=["-who", "n"])
    where = address(frozen=True)
    day = models.DateField()
    who = cassandra.UserTypeField("name", [("first", models.TextField())], frozen=True)
    n = models.IntegerField()
    keeper = cassandra.Static(address(null=True))
    paid = cassandra.UserTypeField(
        "money",
        [("amount", models.IntegerField()), ("currency", models.TextField())],
        frozen=True,
        null=True,
        db_index=True,
    )

    class Meta:
        required_db_vendor = "cassandra"
