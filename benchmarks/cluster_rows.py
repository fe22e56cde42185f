"""What does it cost to read 10,000 rows of twelve columns into tuples, with the server out of the way?

A proxy on this machine gives the same page again and again (cluster/replay.py), so that the client is all that is measured. acsylla
is not asked for the decimal: it takes the digits of another client's decimal for text, and fails. Its UUIDs are text.
"""

import contextlib
import functools

from bench import Contest, Promise
from cluster import place

NAMES = ["net_rows", "net_rows_plain"]
PAGES = 5
WORKERS = {  # subject: environment, module, the questions that it is asked
    "libcql": (None, "libcql", NAMES),
    "acsylla": ("acsylla", "acsylla", NAMES[1:]),
    "cassandra-driver": ("cassandra-driver", "cassandra", NAMES),
    "scylla-driver": ("scylla-driver", "cassandra", NAMES),
}


def benches(folder):
    port = place.cassandra()
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, (peer, module, _) in WORKERS.items():
            proxy = place.Replay(port)
            workers[name] = place.Worker(peer, "worker.py", module, proxy.port)
            stack.callback(proxy.check, workers[name])
            stack.callback(workers[name].close)
        for question in NAMES:
            order = {"job": question.removeprefix("net_"), "count": PAGES}
            asked = [name for name, (_, _, questions) in WORKERS.items() if question in questions]
            subjects = {name: functools.partial(workers[name].ask, **order) for name in asked}
            peers = tuple(name for name in asked if name != "libcql")
            yield Contest(question, subjects, [Promise("libcql", "cpu", 1 / 3, peers)])
