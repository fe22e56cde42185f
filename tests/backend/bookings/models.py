"""Models of the tests: one for each kind of key, one with every field."""

import uuid

from django.db import models
from django.db.models.functions import Lower, Now
from django.utils import timezone

from django_cassandra_backend.models import PhysicalKey, PrimaryKey

from .check_models import Gauge, Hall, Offer, Shift, Tier
from .cql_models import Cql, Hits, Sensor, Tagged, Visit
from .reference_models import (
    Article,
    Award,
    Credit,
    Invitation,
    Keyword,
    Label,
    Meeting,
    Part,
    Player,
    Prefect,
    Profile,
    Pupil,
    Shirt,
    Sticker,
    Team,
    Writer,
)

__all__ = [
    "Article",
    "Award",
    "Cql",
    "Credit",
    "Gauge",
    "Hall",
    "Hits",
    "Invitation",
    "Keyword",
    "Label",
    "Meeting",
    "Offer",
    "Part",
    "Player",
    "Prefect",
    "Profile",
    "Pupil",
    "Sensor",
    "Shift",
    "Shirt",
    "Sticker",
    "Tagged",
    "Team",
    "Tier",
    "Visit",
    "Writer",
]


class Party(models.Model):
    """A plain pk beside a physical key: parties of a city, the newest first."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    city = models.CharField(max_length=50)
    name = models.CharField(max_length=200)
    people = models.IntegerField(default=0)
    date = models.DateTimeField(default=timezone.now)
    key = PhysicalKey(partition_by=["city"], cluster_by=["-date"])

    class Meta:
        db_table = "party"


class Seat(models.Model):
    """A composite key: seats of a show, the last row first."""

    pk = PrimaryKey(partition_by=["show"], cluster_by=["-row", "number"])
    show = models.CharField(max_length=20)
    row = models.IntegerField()
    number = models.IntegerField()
    taken = models.BooleanField(default=False)
    guest = models.TextField(null=True)


class Author(models.Model):
    """An AutoField, and an index."""

    name = models.CharField(max_length=100, db_index=True)
    born = models.IntegerField(null=True)
    email = models.EmailField(null=True)


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    translator = models.ForeignKey(Author, models.SET_NULL, null=True, related_name="translated")
    title = models.TextField()
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    published = models.DateField(null=True)
    pages = models.IntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["published"], name="book_published"),
            models.Index(fields=["pages", "title"], name="book_pages_title"),
        ]


class Everything(models.Model):
    """Each field that Django has and CQL can store."""

    big = models.BigIntegerField(null=True)
    binary = models.BinaryField(null=True)
    boolean = models.BooleanField(null=True)
    char = models.CharField(max_length=10, null=True)
    date = models.DateField(null=True)
    moment = models.DateTimeField(null=True)
    decimal = models.DecimalField(max_digits=10, decimal_places=3, null=True)
    duration = models.DurationField(null=True)
    email = models.EmailField(null=True)
    file = models.FileField(null=True)
    floating = models.FloatField(null=True)
    address = models.GenericIPAddressField(null=True)
    integer = models.IntegerField(null=True)
    json = models.JSONField(null=True)
    positive = models.PositiveIntegerField(null=True)
    positive_big = models.PositiveBigIntegerField(null=True)
    positive_small = models.PositiveSmallIntegerField(null=True)
    slug = models.SlugField(null=True)
    small = models.SmallIntegerField(null=True)
    text = models.TextField(null=True)
    time = models.TimeField(null=True)
    url = models.URLField(null=True)
    uuid = models.UUIDField(null=True)


class Defaults(models.Model):
    """Defaults that the database would compute: they are computed on our side and returned."""

    kind = models.CharField(max_length=10, db_default="plain")
    made = models.DateTimeField(db_default=Now())


class Price(models.Model):
    """A decimal as the key, where 1.0 and 1.00 would be two rows."""

    amount = models.DecimalField(primary_key=True, max_digits=8, decimal_places=2)
    note = models.TextField(default="")


class Reading(models.Model):
    """Written in plain mode: see settings.DATABASES."""

    pk = PrimaryKey(partition_by=["sensor"], cluster_by=["at"])
    sensor = models.CharField(max_length=20)
    at = models.IntegerField()
    value = models.FloatField(null=True)


class Stage(models.Model):
    """A table name that CQL has no letters for."""

    name = models.CharField(max_length=20, primary_key=True)
    size = models.IntegerField(default=0)

    class Meta:
        db_table = "the stage-äø"


class Entry(models.Model):
    """Wide rows with indexes on regular columns and on a clustering column."""

    pk = PrimaryKey(partition_by=["blog"], cluster_by=["-day", "number"])
    blog = models.CharField(max_length=20)
    day = models.DateField()
    number = models.IntegerField(db_index=True)
    state = models.CharField(max_length=10, db_index=True)
    score = models.IntegerField(null=True, db_index=True)


class Member(models.Model):
    """Unique in each of the ways in which a model says so."""

    username = models.CharField(max_length=30, unique=True)
    email = models.EmailField(null=True)
    club = models.CharField(max_length=30, default="")
    number = models.IntegerField(null=True)
    seat = models.IntegerField(null=True)
    is_active = models.BooleanField(default=True)
    note = models.TextField(default="")

    class Meta:
        unique_together = [("club", "number")]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="member_email_once"),
            models.UniqueConstraint(
                fields=["seat"], condition=models.Q(is_active=True), name="member_active_seat"
            ),
        ]


class Locker(models.Model):
    """Unique with a composite key; at most one is nobody's."""

    pk = PrimaryKey(partition_by=["hall"], cluster_by=["number"])
    hall = models.CharField(max_length=20)
    number = models.IntegerField()
    holder = models.CharField(max_length=20, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["holder"], nulls_distinct=False, name="locker_holder_once"
            )
        ]


class Badge(models.Model):
    """A unique value beside a PhysicalKey, and of a relation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    city = models.CharField(max_length=20)
    code = models.CharField(max_length=20, unique=True)
    member = models.OneToOneField(Member, models.CASCADE, null=True)
    key = PhysicalKey(partition_by=["city"])


class Landmark(models.Model):
    """A primary key beside a PhysicalKey that is not unique by itself: two cities could have one of the name."""

    name = models.CharField(max_length=40, primary_key=True)
    city = models.CharField(max_length=20)
    height = models.IntegerField(default=0)
    key = PhysicalKey(partition_by=["city"])


class Tag(models.Model):
    """One unique field, and a key that the client makes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=30, unique=True)


class Ticket(models.Model):
    """A relation of several columns, to a composite key."""

    pk = PrimaryKey(partition_by=["show"], cluster_by=["row", "number", "holder"])
    show = models.CharField(max_length=20)
    row = models.IntegerField()
    number = models.IntegerField()
    holder = models.CharField(max_length=20)
    seat = models.ForeignObject(
        Seat,
        models.CASCADE,
        from_fields=["show", "row", "number"],
        to_fields=["show", "row", "number"],
        related_name="tickets",
    )
