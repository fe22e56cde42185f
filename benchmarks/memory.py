"""How much memory does a Django process take with this backend, beside one on SQLite?

Each figure is read from a process of its own: its resident memory after some queries, and the most that it had while
``iterator()`` went over a million rows. SQLite keeps the same rows in the same models.
"""

import pathlib
import subprocess
import sys

import models
from bench import Bench

NAMES = ["process", "iterator"]
ROWS = 1_000_000
CHUNK = 10_000
SUBJECTS = {"cassandra": "libcql", "sqlite": "sqlite3"}


def benches(folder):
    own = folder / "memory"
    own.mkdir()

    def subject(alias, job):
        return lambda: float(run(job, alias, own))

    for alias in SUBJECTS:
        run("fill", alias, own)
    for name, most in (("process", 60), ("iterator", 120)):
        subjects = {shown: subject(alias, name) for alias, shown in SUBJECTS.items()}
        yield Bench(name, 1, subjects, "libcql", "sqlite3", unit="MB", most=most, rounds=1)


def run(job, alias, folder) -> str:
    command = [sys.executable, __file__, job, alias, str(folder)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def resident(field: str) -> float:
    """VmRSS, what is resident now, or VmHWM, the most that ever was; in MB (10**6 bytes)."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(field)


def fill(alias, party, guest, note):
    """A million rows, written a chunk at a time."""
    models.create(alias)
    manager = note.objects.using(alias)
    for start in range(0, ROWS, CHUNK):
        manager.bulk_create(
            [
                note(pk=number, text=f"note {number}", number=number)
                for number in range(start + 1, start + CHUNK + 1)
            ]
        )


def process(alias, party, guest, note):
    """What a small site's process does: some of each."""
    from django.db import connections

    manager = party.objects.using(alias)
    rows = [manager.create(name=f"party {n}", people=n, date=models.NOW) for n in range(20)]
    manager.get(pk=rows[3].pk)
    manager.filter(pk=rows[4].pk, people=4).update(people=models.F("people") + 1)
    guest.objects.using(alias).bulk_create(models.guests(2, 50))
    list(guest.objects.using(alias).filter(party="party 1").order_by("-number")[:10])
    rows[5].delete()
    manager.count()
    connections.close_all()
    print(resident("VmRSS"))


def iterator(alias, party, guest, note):
    count = sum(1 for _ in note.objects.using(alias).iterator())
    if count != ROWS:
        sys.exit(f"{count} rows in the place of {ROWS}")
    print(resident("VmHWM"))


if __name__ == "__main__":
    JOBS = {"fill": fill, "process": process, "iterator": iterator}
    JOBS[sys.argv[1]](sys.argv[2], *models.configure(pathlib.Path(sys.argv[3])))
