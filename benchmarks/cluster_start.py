"""How long from `import` to the first answer of a node, and how much memory has the process then?"""

import functools
import json

from bench import Contest, Promise
from cluster import place

NAMES = ["net_start"]
SUBJECTS = {  # subject: environment, module
    "libcql": (None, "libcql"),
    "acsylla": ("acsylla", "acsylla"),
    "cassandra-driver": ("cassandra-driver", "cassandra"),
    "scylla-driver": ("scylla-driver", "cassandra"),
}


def benches(folder):
    port = place.cassandra()
    subjects = {
        name: functools.partial(start, peer, module, port)
        for name, (peer, module) in SUBJECTS.items()
    }
    yield Contest("net_start", subjects, [Promise("libcql", "start", 40)])


def start(peer, module, port):
    program = place.HERE / "start.py"
    return json.loads(place.run(place.python(peer), *place.PYTHON_OPTIONS, program, module, port))
