"""The models of the ORM's benchmarks, and the two databases that they live in."""

import datetime
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


def configure(folder):
    """Settings with both databases, files in `folder`; the models Party, Guest and Note."""
    settings.configure(
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[f"{__name__}.OrmBench"],
        DATABASES={
            "default": {},
            "cassandra": {
                "ENGINE": "django_cassandra_backend",
                "NAME": "bench",
                "OPTIONS": {"local": str(folder / "orm.cql")},
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

    return Party, Guest, Note


def registered():
    return django.apps.apps.get_app_config(OrmBench.label).get_models()


def create(alias):
    """The tables of all models in one database."""
    with connections[alias].schema_editor() as editor:
        for model in registered():
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


if __name__ == "__main__":
    sys.exit("models of the benchmarks; run run.py")
