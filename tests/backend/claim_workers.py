"""Processes that create, rename and delete rows with the same few names, are killed at random moments, and are replaced.

For scripts as run_script() in forked.py runs them: the models' settings are made by then."""

import json
import os
import random
import signal
import time

from django.db import IntegrityError, OperationalError, connection, models

from django_cassandra_backend import claims
from django_cassandra_backend.exceptions import ClaimPending, WriteContention
from django_cassandra_backend.uniques import uniques_of

LOST = "the claim was lost"  # in the message of a WriteContention: for a moment the row was there
HALF = "could not be taken back"
CLAIM_TRIES = 20  # of a write that waits for a claim: then it is told so


class Person(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField(unique=True)

    class Meta:
        app_label = "forked"


def wait_less(grace: float) -> None:
    """What others may take over after seconds instead of a minute."""
    claims.GRACE, claims.LATE = grace, grace / 2


class Log:
    """A file that has a call before it is made, and its answer."""

    def __init__(self, path: str):
        self.file = open(path, "ab", buffering=0)  # noqa: SIM115 - as long as the process lives
        self.count = 0

    def begin(self, op: str, key: int, name: str | None) -> None:
        self.count += 1
        self._write(op=op, key=key, name=name, begin=time.monotonic())

    def end(self, told: str) -> None:
        self._write(end=time.monotonic(), told=told)

    def _write(self, **entry) -> None:
        self.file.write(json.dumps({"call": self.count, **entry}).encode() + b"\n")


def make(op: str, key: int, name: str | None) -> str:
    """Make a call; what it was told, as history.py has it."""
    try:
        if op == "create":
            Person.objects.create(id=key, name=name)
            return "done"
        mine = Person.objects.filter(pk=key)
        count = mine.update(name=name) if op == "rename" else mine.delete()[0]
        return "done" if count else "no row"
    except IntegrityError as error:
        if HALF in str(error):
            return "unknown"
        return "name taken" if "unique constraint" in str(error) else "key taken"
    except (ClaimPending, WriteContention) as error:
        return "unknown" if LOST in str(error) else "nothing"
    except OperationalError:
        return "unknown"


def work(seed: int, rounds: int, log: Log, keys: int, names: int) -> None:
    chance = random.Random(seed)
    for _ in range(rounds):
        op = chance.choice(("create", "create", "rename", "rename", "rename", "delete"))
        name = None if op == "delete" else f"name {chance.randrange(names)}"
        call = (op, chance.randrange(keys), name)
        log.begin(*call)
        log.end(make(*call))


class Crew:
    """Processes of which each has a number of calls to make. One that is killed is replaced by one that makes those left."""

    def __init__(self, count: int, rounds: int, folder: str, keys: int, names: int):
        self.rounds, self.folder, self.keys, self.names = rounds, folder, keys, names
        self.logs = 0
        self.killed = 0
        self.failed = 0
        self.alive: dict[int, tuple[str, int]] = {}  # pid: its log, how many calls it has to make
        for _ in range(count):
            self._hire(rounds)

    def _hire(self, rounds: int) -> None:
        self.logs += 1
        path = os.path.join(self.folder, f"{self.logs}.log")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(self.logs, rounds, Log(path), self.keys, self.names)
                code = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(code)
        self.alive[pid] = path, rounds

    def run(self, seed: int, pause: float) -> None:
        """Until all calls are made; about `pause` seconds between two kills."""
        chance = random.Random(seed)
        while self.alive:
            until = time.monotonic() + chance.uniform(0, 2 * pause)
            while self.alive and time.monotonic() < until:
                self._bury()
                time.sleep(0.005)
            if self.alive:
                self._kill(chance.choice(list(self.alive)))

    def _bury(self) -> None:
        """Those that have ended by themselves."""
        while self.alive:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self.failed += os.waitstatus_to_exitcode(status) != 0
            del self.alive[pid]

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        path, rounds = self.alive.pop(pid)
        if os.WIFSIGNALED(status):
            self.killed += 1
            self._hire(max(rounds - made_in(path), 0))


def made_in(path: str) -> int:
    try:
        with open(path, "rb") as log:
            return log.read().count(b'"begin"')
    except FileNotFoundError:
        return 0


def stored() -> dict:
    """The rows and the claims, after all writes that were half done."""
    (unique,) = uniques_of(Person, connection)
    with connection.cursor() as wrapper:
        cursor = wrapper.cursor
        rows = cursor.send("SELECT id, name FROM forked_person").all()
        for key in {key for key, _ in rows}:
            cursor.send("SELECT id FROM forked_person WHERE id = ?", [key], consistency="SERIAL")
        names = cursor.send(f'SELECT value, owner_0 FROM "{unique.table}"').all()
        for value, _ in names:
            cursor.send(
                f'SELECT claim FROM "{unique.table}" WHERE value = ?', [value], consistency="SERIAL"
            )
        rows = cursor.send("SELECT id, name FROM forked_person").all()
        values = cursor.send(f'SELECT value, owner_0 FROM "{unique.table}"').all()
    return {
        "rows": [list(row) for row in rows],
        "claims": {bytes(value)[5:].decode(): owner for value, owner in values},
    }


def ask_for_each(names: int) -> dict[str, str]:
    """What a new row is told that wants one of the names."""
    told = {}
    for number in range(names):
        name = f"name {number}"
        told[name] = make("create", 10**6 + number, name)
    return told
