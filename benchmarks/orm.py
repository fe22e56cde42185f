"""What does a Django query cost on a CQL file, beside Django's sqlite3 backend on one?

The same models, rows and values, through two aliases of one process; SQLite in WAL mode with synchronous=NORMAL.
Writes are lightweight transactions here, as the backend makes them by default, and plain statements there.
"""

import itertools
import random
import uuid

import models
from bench import Bench, timed

NAMES = [
    "orm_get",
    "orm_get_composite",
    "orm_slice",
    "orm_list",
    "orm_rows",
    "orm_values",
    "orm_index",
    "orm_count",
    "orm_exists",
    "orm_create",
    "orm_create_auto",
    "orm_save",
    "orm_update",
    "orm_update_f",
    "orm_get_or_create",
    "orm_bulk_create",
    "orm_bulk_update",
    "orm_delete",
]
PARTITIONS, PARTITION_ROWS = 100, 100
ROWS = PARTITIONS * PARTITION_ROWS
BATCH = 200
BULK = 200
KINDS = 400
SUBJECTS = {"cassandra": "libcql", "sqlite": "sqlite3"}  # alias: subject


def benches(folder):
    """The questions, over two databases filled with the same rows."""
    party, guest, note = models.configure(folder)
    chance = random.Random(1)
    ids = [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(ROWS)]
    for alias in SUBJECTS:
        models.create(alias)
        party.objects.using(alias).bulk_create(models.parties(ids, KINDS))
        guest.objects.using(alias).bulk_create(models.guests(PARTITIONS, PARTITION_ROWS))

    def bench(name, model, operation, arguments, count=BATCH, rows=1, before=None, **more):
        """`operation(manager, argument)` for `arguments(count)` on both databases; the cost is given per row."""

        def subject(alias):
            manager = model.objects.using(alias)

            def run():
                if before is not None:
                    before(manager)
                return timed(lambda argument: operation(manager, argument), arguments(count))

            return run

        subjects = {subject_: subject(alias) for alias, subject_ in SUBJECTS.items()}
        return Bench(name, count * rows, subjects, "libcql", "sqlite3", **more)

    def keys(count):
        return chance.sample(ids, count)

    def partitions(count):
        return [f"party {chance.randrange(PARTITIONS)}" for _ in range(count)]

    def kinds(count):
        return [f"kind {chance.randrange(KINDS)}" for _ in range(count)]

    def guests_(count):
        numbers = (chance.randrange(ROWS) for _ in range(count))
        return [(f"party {number // PARTITION_ROWS}", number) for number in numbers]

    def once(count):
        return range(count)

    reads = {"model": party}
    yield bench(
        "orm_get", operation=lambda m, key: m.get(pk=key), arguments=keys, limit=1.3, **reads
    )
    yield bench("orm_get_composite", guest, lambda m, key: m.get(pk=key), guests_)
    yield bench(
        "orm_slice", guest, lambda m, p: list(m.filter(party=p)[:10]), partitions, limit=1.3
    )
    yield bench("orm_list", party, lambda m, _: list(m.all()), once, 1, ROWS, limit=1.3)
    yield bench(
        "orm_rows", guest, lambda m, p: list(m.filter(party=p)), partitions, 10, PARTITION_ROWS
    )
    yield bench(
        "orm_values",
        guest,
        lambda m, p: list(m.filter(party=p).values_list("number", "name", "invited")),
        partitions,
        10,
        PARTITION_ROWS,
    )
    yield bench("orm_index", party, lambda m, k: list(m.filter(kind=k)), kinds, 20, ROWS // KINDS)
    yield bench("orm_count", guest, lambda m, p: m.filter(party=p).count(), partitions)
    yield bench("orm_exists", party, lambda m, key: m.filter(pk=key).exists(), keys)
    now = models.NOW
    yield bench(
        "orm_create",
        party,
        lambda m, n: m.create(name="new", people=n, date=now, kind="new"),
        once,
        limit=1.3,
    )
    yield bench("orm_create_auto", note, lambda m, n: m.create(text="new", number=n), once)

    def save(manager, key):
        row = manager.model(id=key, name="saved", people=1, date=now, kind="saved")
        row._state.adding, row._state.db = False, manager.db
        row.save()

    yield bench("orm_save", party, save, keys)
    yield bench("orm_update", party, lambda m, key: m.filter(pk=key).update(people=1), keys)
    yield bench(
        "orm_update_f",
        party,
        lambda m, key: m.filter(pk=key).update(people=models.F("people") + 1),
        keys,
    )
    names = itertools.count()
    yield bench(
        "orm_get_or_create",
        party,
        lambda m, key: m.get_or_create(pk=key, defaults={"name": "x", "people": 1, "date": now}),
        lambda count: [*keys(count // 2), *(uuid.uuid4() for _ in range(count // 2))],
    )
    yield bench(
        "orm_bulk_create",
        note,
        lambda m, _: m.bulk_create([note(text="new", number=next(names)) for _ in range(BULK)]),
        once,
        1,
        BULK,
    )
    changed = [party(id=key, people=number) for number, key in enumerate(ids[:BULK])]
    yield bench(
        "orm_bulk_update", party, lambda m, _: m.bulk_update(changed, ["people"]), once, 1, BULK
    )

    def refill(manager):
        manager.bulk_create([note(pk=10**9 + n, text="x", number=n) for n in range(BATCH)])

    yield bench(
        "orm_delete",
        note,
        lambda m, n: m.filter(pk=10**9 + n).delete(),
        once,
        before=refill,
    )
