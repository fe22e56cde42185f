"""What does a join of three tables cost on a Cassandra node, beside the loop that django-cassandra-engine's users write by hand?

10,000 outer rows. `net_join` goes the CQL road, `net_join_group` the relational one.
"""

import contextlib
import functools

from bench import Contest, Promise
from cluster import place, schema

NAMES = ["net_join", "net_join_group"]
SUBJECTS = {
    "libcql": None,
    "engine": "django-cassandra-engine",
}  # name in join_worker.py: environment
ENGINE = "django-cassandra-engine"
# Outer rows of a batch: MOST_POINTS of django_cassandra_backend/reads.py, CQL_RELATIONAL_BATCH_COUNT of relational.h.
BATCHES = {"net_join": 128, "net_join_group": 1000}


def benches(folder):
    port = place.cassandra()
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, peer in SUBJECTS.items():
            worker = workers[peer or name] = place.Worker(peer, "join_worker.py", name, port)
            stack.callback(worker.close)
        for name, batch in BATCHES.items():
            job = name.removeprefix("net_").split("_")[-1]
            subjects = {of: functools.partial(filled, w, job=job) for of, w in workers.items()}
            promises = [
                Promise("libcql", "wall", 1 / 10, (ENGINE,)),
                Promise("libcql", "waves", 3 * schema.ROWS / batch),
            ]
            yield Contest(name, subjects, promises)


def filled(worker, **order):
    """The worker's answer; before its first, its rows are written and its code has run once."""
    if not getattr(worker, "is_filled", False):
        worker.ask(job="fill")
        worker.is_filled = True
    return worker.ask(**order)
