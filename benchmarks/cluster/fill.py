"""Make the keyspace and fill the tables that are read. `fill.py PORT`, in cassandra-driver's environment: the data is no subject's own."""

import sys

import schema
from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args


def main(port):
    with Cluster(["127.0.0.1"], port=port, compression=False) as cluster:
        session = cluster.connect()
        session.default_timeout = 60
        for name in schema.KEYSPACES:
            session.execute(f"DROP KEYSPACE IF EXISTS {name}")
        for statement in schema.CREATE:
            session.execute(statement)
        fill(session, "fill_point", schema.arguments("insert", schema.ROWS, 0))
        fill(session, "fill_rows", list(schema.rows()))


def fill(session, name, rows):
    execute_concurrent_with_args(session, session.prepare(schema.STATEMENTS[name]), rows)


if __name__ == "__main__":
    main(int(sys.argv[1]))
