"""The models of the ORM's benchmarks, and the two databases that they live in."""

import datetime
import decimal
import functools
import sys
import uuid

import django
from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models import F  # noqa: F401  (for the programs)

NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.timezone.utc)


class OrmBench(AppConfig):
    name = __name__
    label = "orm_bench"
    path = "."


@functools.cache
def configure(folder):
    """Settings with both databases, files in `folder`; the models Party, Guest and Note, and those of related()."""
    settings.configure(
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[f"{__name__}.OrmBench"],
        DATABASES={
            "default": {},
            "cassandra": {
                "ENGINE": "django_cassandra_backend",
                "NAME": "bench",
                "OPTIONS": {"local": str(folder / "orm.cql"), "scan_budget": None},
            },
            "sqlite": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "orm.sqlite3",
                "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"},
            },
        },
    )
    django.setup()
    from django.db import models

    from django_cassandra_backend.models import PrimaryKey

    class Party(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        name = models.CharField(max_length=100)
        people = models.IntegerField()
        date = models.DateTimeField()
        kind = models.CharField(max_length=20, db_index=True, default="")

        class Meta:
            app_label = OrmBench.label

    class Guest(models.Model):
        pk = PrimaryKey(partition_by=["party"], cluster_by=["number"])
        party = models.CharField(max_length=50)
        number = models.IntegerField()
        name = models.CharField(max_length=100)
        invited = models.DateTimeField()

        class Meta:
            app_label = OrmBench.label

    class Note(models.Model):
        text = models.CharField(max_length=100)
        number = models.IntegerField()

        class Meta:
            app_label = OrmBench.label

    class Town(models.Model):
        name = models.CharField(max_length=50)

        class Meta:
            app_label = OrmBench.label

    class Event(models.Model):
        town = models.ForeignKey(Town, models.CASCADE)
        name = models.CharField(max_length=100)
        date = models.DateTimeField()

        class Meta:
            app_label = OrmBench.label

    class Ticket(models.Model):
        event = models.ForeignKey(Event, models.CASCADE)
        name = models.CharField(max_length=100)
        seats = models.IntegerField()
        price = models.DecimalField(max_digits=8, decimal_places=2)
        bought = models.DateTimeField()

        class Meta:
            app_label = OrmBench.label

    return Party, Guest, Note


def related():
    """The models with relations: a ticket has an event, which has a town."""
    return tuple(map(_model, ("Town", "Event", "Ticket")))


def create(alias):
    """The tables of all models in one database."""
    existing = connections[alias].introspection.table_names()
    with connections[alias].schema_editor() as editor:
        for model in django.apps.apps.get_app_config(OrmBench.label).get_models():
            if model._meta.db_table not in existing:
                editor.create_model(model)


def _model(name):
    return django.apps.apps.get_model(OrmBench.label, name)


def parties(ids, kinds):
    party = _model("Party")
    for number, id_ in enumerate(ids):
        kind = f"kind {number % kinds}"
        yield party(id=id_, name=f"party {number}", people=number, date=NOW, kind=kind)


def guests(partitions, rows):
    guest = _model("Guest")
    for number in range(partitions * rows):
        yield guest(party=f"party {number // rows}", number=number, name="guest", invited=NOW)


def towns(count):
    return [_model("Town")(pk=n, name=f"town {n}") for n in range(1, count + 1)]


def events(count, town_count):
    event = _model("Event")
    for n in range(count):
        date = NOW + datetime.timedelta(hours=n * 7919 % count)
        yield event(pk=n + 1, name=f"event {n}", date=date, town_id=n % town_count + 1)


def tickets(count, event_count):
    ticket, cent = _model("Ticket"), decimal.Decimal("0.01")
    for n in range(count):
        yield ticket(
            pk=n + 1,
            event_id=n * 7919 % event_count + 1,
            name=f"guest {n}",
            seats=n % 5 + 1,
            price=(n % 9000 + 1000) * cent,
            bought=NOW - datetime.timedelta(minutes=n),
        )


if __name__ == "__main__":
    sys.exit("models of the benchmarks; run run.py")
