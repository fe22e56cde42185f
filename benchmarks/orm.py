"""What does a Django query cost on a CQL file, beside Django's sqlite3 backend on one?

The same models, rows and values, through two aliases of one process; SQLite in WAL mode with synchronous=NORMAL.
Writes are lightweight transactions here, as the backend makes them by default, and plain statements there.
"""

import random
import time
import uuid

import django
from bench import Bench
from django.apps import AppConfig
from django.conf import settings
from django.db import connections, models

from django_cassandra_backend.models import PrimaryKey

PARTITIONS, PARTITION_ROWS = 50, 100
ROWS = PARTITIONS * PARTITION_ROWS
BATCH = 200
SUBJECTS = {"cassandra": "libcql", "sqlite": "sqlite3"}  # alias: subject


class OrmBench(AppConfig):
    name = __name__
    label = "orm_bench"
    path = "."


def configure(folder):
    """Settings with both databases, and the models on them."""
    settings.configure(
        USE_TZ=True,
        INSTALLED_APPS=[f"{__name__}.OrmBench"],
        DATABASE_ROUTERS=[],
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

    class Party(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        name = models.CharField(max_length=100)
        people = models.IntegerField()
        date = models.DateTimeField()

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

    return Party, Guest


def fill(alias, party, guest, ids, now):
    with connections[alias].schema_editor() as editor:
        editor.create_model(party)
        editor.create_model(guest)
    party.objects.using(alias).bulk_create(
        party(id=id_, name=f"party {number}", people=number, date=now)
        for number, id_ in enumerate(ids)
    )
    guest.objects.using(alias).bulk_create(
        guest(party=f"party {number // PARTITION_ROWS}", number=number, name="guest", invited=now)
        for number in range(ROWS)
    )


def timed(operation, arguments):
    started = time.perf_counter()
    for argument in arguments:
        operation(argument)
    return time.perf_counter() - started


def benches(folder):
    """The questions, over two databases filled with the same rows."""
    party, guest = configure(folder)
    chance = random.Random(1)
    ids = [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(ROWS)]
    now = django.utils.timezone.now().replace(microsecond=0)
    for alias in SUBJECTS:
        fill(alias, party, guest, ids, now)

    def bench(name, operation, arguments, count=BATCH, rows=1):
        """`operation(manager of a model, argument)` on both databases; the cost is given per row."""
        model = guest if rows > 1 else party

        def subject(alias):
            manager = model.objects.using(alias)
            return lambda: timed(lambda argument: operation(manager, argument), arguments(count))

        subjects = {subject_: subject(alias) for alias, subject_ in SUBJECTS.items()}
        return Bench(name, count * rows, subjects, "libcql", "sqlite3")

    def keys(count):
        return chance.sample(ids, count)

    def partitions(count):
        return [f"party {chance.randrange(PARTITIONS)}" for _ in range(count)]

    yield bench("orm_get", lambda m, key: m.get(pk=key), keys)
    yield bench("orm_create", lambda m, n: m.create(name="new", people=n, date=now), range)
    yield bench("orm_update", lambda m, key: m.filter(pk=key).update(people=key.int % 999), keys)
    yield bench(
        "orm_rows", lambda m, name: list(m.filter(party=name)), partitions, 10, PARTITION_ROWS
    )
    yield bench(
        "orm_values",
        lambda m, name: list(m.filter(party=name).values_list("number", "name", "invited")),
        partitions,
        10,
        PARTITION_ROWS,
    )
