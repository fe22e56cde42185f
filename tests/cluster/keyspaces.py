"""What tests leave of keyspaces: nothing."""

import time

import libcql

TRIES = 5


def drop_keyspace(session, name):
    """Drop it, though a node may still work on the last requests to it.

    A node that does so can open a keyspace once more while it removes it, and then says that a table of it is unknown
    (CASSANDRA-17658). The keyspace is gone soon after.
    """
    for left in reversed(range(TRIES)):
        try:
            return session.execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=30)
        except libcql.ServerError as error:
            if "Unknown CF" not in str(error) or not left:
                raise
            time.sleep(1)
