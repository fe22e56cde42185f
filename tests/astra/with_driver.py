"""The Python driver as its users have it, with a secure connect bundle: JSON in, JSON out. Runs in tools/driver-venv.

In: bundle, user, password, keyspace, statements, and optionally times (how often each statement runs). Out: what the
driver believes, and for each statement its rows or its error.
"""

import json
import logging
import sys
from collections import Counter

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster

CONNECT_S = 20


def run(session, statement, coordinators):
    try:
        result = session.execute(statement)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    coordinators[str(result.response_future.coordinator_host.host_id)] += 1
    return {"rows": [list(row) for row in result], "warnings": result.response_future.warnings}


def main(ask):
    cluster = Cluster(
        cloud={"secure_connect_bundle": ask["bundle"], "connect_timeout": CONNECT_S},
        auth_provider=PlainTextAuthProvider(ask["user"], ask["password"]),
        connect_timeout=CONNECT_S,
    )
    coordinators = Counter()
    try:
        session = cluster.connect(ask["keyspace"])
        session.default_timeout = CONNECT_S
        answers = []
        for statement in ask["statements"]:
            for _ in range(ask.get("times", 1)):
                answer = run(session, statement, coordinators)
            answers.append(answer)
        return {
            "answers": answers,
            "coordinators": coordinators,
            "hosts": [str(host.host_id) for host in cluster.metadata.all_hosts()],
            "is_astra": cluster.metadata.dbaas,
            "protocol": cluster.protocol_version,
        }
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    try:
        print(json.dumps(main(json.load(sys.stdin)), default=str))
    except Exception as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
