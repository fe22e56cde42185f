"""Models with check constraints, for each kind of key."""

import uuid

from django.db import models
from django.db.models import CheckConstraint, F, Q

from django_cassandra_backend import models as cassandra
from django_cassandra_backend.models import PhysicalKey, PrimaryKey


class Offer(models.Model):
    """Conditions on one column and on two, of each type that is stored otherwise than Python has it."""

    name = models.CharField(max_length=20, default="offer")
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    discounted = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    stock = models.PositiveIntegerField(default=10)
    reserved = models.IntegerField(default=0, null=True)
    begins = models.DateTimeField(null=True)
    ends = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(condition=~Q(name=""), name="offer_has_a_name"),
            CheckConstraint(condition=Q(discounted__lt=F("price")), name="offer_is_cheaper"),
            CheckConstraint(condition=Q(reserved__lte=F("stock")), name="offer_in_stock"),
            CheckConstraint(condition=Q(ends__gt=F("begins")), name="offer_ends"),
        ]


class Shift(models.Model):
    """A condition on a column of the key, and one on two others, beside a PhysicalKey."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    city = models.CharField(max_length=20)
    day = models.IntegerField()
    people = models.PositiveSmallIntegerField(default=1)
    absent = models.IntegerField(default=0)
    key = PhysicalKey(partition_by=["city"], cluster_by=["-day"])

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(city="Oslo") | Q(people__lte=5), name="shift_is_small"),
            CheckConstraint(condition=Q(absent__lte=F("people")), name="shift_is_there"),
        ]


class Tier(models.Model):
    """A composite key whose columns are compared with another."""

    pk = PrimaryKey(partition_by=["hall"], cluster_by=["number"])
    hall = models.CharField(max_length=20)
    number = models.PositiveIntegerField()
    seats = models.PositiveBigIntegerField(default=10)
    taken = models.IntegerField(default=0)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(seats__gte=F("number")), name="tier_is_wide"),
            CheckConstraint(condition=Q(taken__lte=F("seats")), name="tier_has_seats"),
        ]


class Gauge(models.Model):
    """Written in plain mode: see settings.DATABASES."""

    pk = PrimaryKey(partition_by=["name"], cluster_by=["at"])
    name = models.CharField(max_length=20)
    at = models.IntegerField()
    low = models.IntegerField(default=0)
    high = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(low__lte=F("high")), name="gauge_range"),
            CheckConstraint(condition=Q(high__gte=F("at")), name="gauge_at"),
        ]


class Hall(models.Model):
    """Conditions on a static column and on a collection."""

    pk = PrimaryKey(partition_by=["name"], cluster_by=["number"])
    name = models.CharField(max_length=20)
    number = models.IntegerField()
    capacity = cassandra.Static(models.PositiveIntegerField(null=True))
    tags = cassandra.SetField(models.TextField(), null=True)

    class Meta:
        required_db_vendor = "cassandra"
        constraints = [
            CheckConstraint(condition=Q(capacity__lte=100) | Q(name="arena"), name="hall_capacity"),
            CheckConstraint(condition=Q(tags__contains="open"), name="hall_is_open"),
        ]
