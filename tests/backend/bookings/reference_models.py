"""Models that refer to each other: many-to-many, one-to-one, and each way to delete what is referred to."""

import uuid

from django.db import models

from django_cassandra_backend.models import PhysicalKey


class Keyword(models.Model):
    word = models.CharField(max_length=20)
    weight = models.IntegerField(default=0)


class Article(models.Model):
    title = models.CharField(max_length=50)
    keywords = models.ManyToManyField(Keyword)
    writers = models.ManyToManyField("Writer", through="Credit")


class Writer(models.Model):
    name = models.CharField(max_length=20, db_index=True)
    born = models.IntegerField(null=True)


class Credit(models.Model):
    """A table in between with columns of its own."""

    article = models.ForeignKey(Article, models.CASCADE)
    writer = models.ForeignKey(Writer, models.CASCADE)
    position = models.IntegerField(default=0)


class Pupil(models.Model):
    name = models.CharField(max_length=20)
    friends = models.ManyToManyField("self")


class Prefect(Pupil):
    """A pupil whose row is in two tables."""

    rank = models.IntegerField()


class Profile(models.Model):
    """One-to-one, and its primary key."""

    writer = models.OneToOneField(Writer, models.CASCADE, primary_key=True)
    text = models.TextField(default="")


class Label(models.Model):
    """Referred to by a unique field that is not its primary key."""

    code = models.CharField(max_length=20, unique=True)
    text = models.CharField(max_length=20, default="")


class Sticker(models.Model):
    label = models.ForeignKey(Label, models.CASCADE, to_field="code", related_name="stickers")
    number = models.OneToOneField("Keyword", models.CASCADE, null=True)


class Meeting(models.Model):
    """A wide table with a plain pk."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    city = models.CharField(max_length=20)
    name = models.CharField(max_length=20)
    key = PhysicalKey(partition_by=["city"])


class Invitation(models.Model):
    """Points at a row of a wide table."""

    writer = models.ForeignKey(Writer, models.CASCADE)
    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="invitations")


class Team(models.Model):
    name = models.CharField(max_length=20)


class Player(models.Model):
    """A cascade that goes on."""

    team = models.ForeignKey(Team, models.CASCADE)
    name = models.CharField(max_length=20, default="")


class Shirt(models.Model):
    """The end of a cascade."""

    player = models.ForeignKey(Player, models.CASCADE)


def house_team():
    return Team.objects.get_or_create(pk=1, defaults={"name": "house"})[0]


def _of_team(on_delete, **options):
    return models.ForeignKey(Team, on_delete, null=True, related_name="+", **options)


class Award(models.Model):
    """A reference for each on_delete that is no cascade."""

    protected = _of_team(models.PROTECT)
    restricted = _of_team(models.RESTRICT)
    emptied = _of_team(models.SET_NULL)
    defaulted = _of_team(models.SET_DEFAULT, default=None)
    moved = _of_team(models.SET(house_team))
    forgotten = _of_team(models.DO_NOTHING)
    winner = models.ForeignKey(Player, models.CASCADE, null=True)


class Part(models.Model):
    """A part of another part, with a value of each kind."""

    whole = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")
    maker = models.ForeignKey(Writer, models.SET_NULL, null=True, related_name="parts")
    name = models.CharField(max_length=20)
    count = models.IntegerField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    weight = models.FloatField(null=True)
    made = models.DateTimeField(null=True)
    opens = models.TimeField(null=True)
    lasts = models.DurationField(null=True)
    sold = models.BooleanField(null=True)
    mark = models.UUIDField(null=True)
    spec = models.JSONField(null=True)
