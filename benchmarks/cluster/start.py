"""From import to the first answer, in the shortest program of each subject: `start.py SUBJECT PORT`.

{"start": milliseconds, "resident": MB}    the interpreter's own start is not counted
"""

import sys
import time

QUERY = "SELECT release_version FROM system.local"


def with_libcql(port):
    import libcql

    session = libcql.connect(f"cassandra://127.0.0.1:{port}")
    return session, session.execute(QUERY).one()


def with_cassandra(port):
    from cassandra.cluster import Cluster

    session = Cluster(["127.0.0.1"], port=port).connect()
    return session, session.execute(QUERY).one()


def with_acsylla(port):
    import asyncio

    import acsylla

    async def first():
        cluster = acsylla.create_cluster(["127.0.0.1"], port=port, log_level="error")
        session = await cluster.create_session()
        return session, (await session.query(QUERY)).first()

    return asyncio.run(first())


def main(name, port):
    subject = globals()[f"with_{name}"]
    started = time.perf_counter()
    _session, row = subject(port)
    took = (time.perf_counter() - started) * 1000
    if row is None:
        sys.exit("no answer")
    import json
    import pathlib

    status = pathlib.Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    print(
        json.dumps({"start": took, "resident": int(resident.split()[1]) * 1024 / 1e6}), flush=True
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
