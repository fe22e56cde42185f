"""What does one request to a Cassandra node cost, alone and with 32 or 256 in flight?

A prepared read of one row by its key, and a prepared insert of one row, by libcql, by the other Python drivers in their fastest
form, and by the floor: a C program that does no more than it must. libcql and the drivers are asked in each of their forms.
"""

import contextlib
import functools

from bench import Contest, Promise
from cluster import place, schema
from cluster.forms import lock_ring

NAMES = [f"net_{job}_{flight}" for job in ("get", "insert") for flight in (1, 32, 256)]
RING = "a lock in threads"
COUNTS = {1: 1500, 32: 4096, 256: 8192}
WORKERS = {  # subject: environment, module, forms of one in flight, forms of many
    "libcql": (None, "libcql", ["sync", "async"], ["asyncio", "threads", "many"]),
    "acsylla": ("acsylla", "acsylla", ["async"], ["asyncio"]),
    "cassandra-driver": ("cassandra-driver", "cassandra", ["sync"], ["futures", "threads", "many"]),
    "scylla-driver": ("scylla-driver", "cassandra", ["sync"], ["futures"]),
}


def benches(folder):
    port = place.cassandra()
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, (peer, module, *_) in WORKERS.items():
            workers[name] = place.Worker(peer, "worker.py", module, port)
            stack.callback(workers[name].close)
        for job in ("get", "insert"):
            for flight, count in COUNTS.items():
                yield contest(workers, port, job, flight, count)


def contest(workers, port, job, flight, count):
    subjects = {"floor": functools.partial(floor, port, job, flight, count)}
    if flight > 1:
        subjects[RING] = functools.partial(lock_ring, flight, count)
    for name, (_, _, alone, many) in WORKERS.items():
        for form in alone if flight == 1 else many:
            order = {"job": job, "form": form, "flight": flight, "count": count}
            subjects[f"{name} {form}"] = functools.partial(workers[name].ask, **order)
    return Contest(f"net_{job}_{flight}", subjects, promises(job, flight))


def promises(job, flight):
    """What is promised for reads; of the rest the CPU is set beside acsylla's, for machines that are not idle."""
    forms = WORKERS["libcql"][2 if flight == 1 else 3]
    peer = ("acsylla async",) if flight == 1 else ("acsylla asyncio",)
    shown = [Promise(f"libcql {form}", "cpu", None, peer) for form in forms]
    if flight > 1:
        shown.append(Promise("libcql threads", "cpu", None, (RING,)))
    if job == "get" and flight == 1:
        cpu, p50 = Promise("libcql sync", "cpu", 30), Promise("libcql sync", "p50", 1.3, ("floor",))
        return [cpu, p50, *shown]
    if job == "get" and flight == 256:
        cpu = [Promise(f"libcql {form}", "cpu", 12) for form in forms]
        return cpu + [Promise(f"libcql {form}", "rate", 1, peer) for form in forms] + shown
    return shown


def floor(port, job, flight, count):
    return place.floor_figures(port, job, flight, count, schema.first_new())
