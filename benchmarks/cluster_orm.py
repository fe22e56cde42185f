"""What does a Django query cost on a Cassandra node, beside Django on a PostgreSQL and django-cassandra-engine on the same node?

Both servers are on this machine and wait for no disk. A create() by a lightweight transaction is set beside a C program that makes the
same conditional insert.
"""

import contextlib
import functools

from bench import Contest, Promise
from cluster import place, schema

NAMES = [
    "net_orm_get",
    "net_orm_create",
    "net_orm_create_lwt",
    "net_orm_list",
    "net_orm_bulk_create",
]
CALLS = 500
DATABASES = {  # subject: environment, name in orm_databases.py
    "libcql": (None, "libcql"),
    "postgresql": ("django-postgresql", "postgres"),
    "django-cassandra-engine": ("django-cassandra-engine", "engine"),
}


def benches(folder):
    port, postgres = place.cassandra(), place.postgres()
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, (peer, database) in DATABASES.items():
            port_ = postgres if database == "postgres" else port
            workers[name] = place.Worker(peer, "orm_worker.py", database, port_)
            stack.callback(workers[name].close)
        yield from questions(workers, port)


def questions(workers, port):
    pg, engine = ("postgresql",), ("django-cassandra-engine",)
    yield ask(workers, "get", [Promise("libcql", "p50", 1, pg)], count=CALLS)
    yield ask(workers, "create", [Promise("libcql", "p50", 1, pg)], count=CALLS)
    yield conditional(workers, port)
    yield ask(workers, "list", [Promise("libcql", "cpu", 1 / 5, engine)])
    yield ask(workers, "bulk_create", [Promise("libcql", "rate", 1 / 5, engine)])


def ask(workers, job, promises, **order):
    subjects = {
        name: functools.partial(filled, worker, job=job, **order)
        for name, worker in workers.items()
    }
    return Contest(f"net_orm_{job}", subjects, promises)


def filled(worker, **order):
    """The worker's answer; before its first, its rows are written and its code has run once."""
    if not getattr(worker, "is_filled", False):
        worker.ask(job="fill")
        worker.is_filled = True
    return worker.ask(**order)


def conditional(workers, port):
    order = {"job": "create", "count": CALLS, "using": "lwt"}
    subjects = {
        "floor": lambda: place.floor_figures(port, "lwt", 1, CALLS, schema.first_new()),
        "libcql": functools.partial(filled, workers["libcql"], **order),
    }
    promise = Promise("libcql", "p50", 250, ("floor",), beyond=1.3)
    return Contest("net_orm_create_lwt", subjects, [promise])
