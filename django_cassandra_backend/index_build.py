"""Waiting until a new index is built: before that, reads that go through it fail or miss rows.

A server lists an index in system."IndexInfo" when it is built (db/SystemKeyspace.java), storage-attached ones among
them; system_views.sai_column_indexes says whether one of those answers yet. Both speak for the node that is asked. What
the others have built each node knows by gossip (index/IndexStatusManager.java), and shows in system_views.gossip_info,
since Cassandra 5.0. Before that the node that is asked has to speak for all.

Only who was granted SELECT on them may read those tables: others ask through the index (index_probe.py)."""

import json
import sys
import time

from django.db.utils import OperationalError, ProgrammingError

from . import index_probe
from .dbapi import Unauthorized

FIRST_PAUSE = 0.05  # seconds
LONGEST_PAUSE = 2.0  # seconds
REPORT_EVERY = 10.0  # seconds
_BUILT = 'SELECT index_name FROM system."IndexInfo" WHERE table_name = %s'
_QUERYABLE = (
    "SELECT index_name, is_queryable FROM system_views.sai_column_indexes WHERE keyspace_name = %s"
)
_GOSSIP = "SELECT status_with_port, index_status FROM system_views.gossip_info"
_SUCCEEDED = ("3", "BUILD_SUCCEEDED")  # Index.Status, by its code or its name


def wait(connection, names, *, sleep=time.sleep, clock=time.monotonic) -> None:
    """Return when all of the indexes answer. OperationalError after OPTIONS["index_timeout"] seconds."""
    missing, began, pause = set(names), clock(), FIRST_PAUSE
    reported = began
    limit = connection.settings.index_timeout
    while missing := missing - _built(connection, missing):
        now = clock()
        shown = ", ".join(sorted(missing))
        if now - began >= limit:
            raise OperationalError(
                f"The server has not built {shown} within {limit} seconds. It goes on doing so; queries by these indexes "
                'fail until it is done. Wait longer with OPTIONS["index_timeout"], and run migrate --fake for a migration '
                "of which nothing else is left."
            )
        if now - reported >= REPORT_EVERY:
            reported = now
            text = f"    building {shown}: {now - began:.0f} seconds so far"
            print(text, file=sys.stderr, flush=True)
        sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _built(connection, wanted: set[str]) -> set[str]:
    """The indexes of the keyspace that answer queries, those among them that are wanted."""
    keyspace = connection.settings.keyspace
    with connection.cursor() as cursor:
        try:
            cursor.execute(_BUILT, [keyspace])
        except ProgrammingError as error:
            if not isinstance(error.__cause__, Unauthorized):
                raise
            return index_probe.answering(cursor, keyspace, wanted)
        built = {name for (name,) in cursor.fetchall()}
        built -= _unqueryable(cursor, keyspace)
        return built if connection.settings.is_file else _everywhere(cursor, keyspace, built)


def _unqueryable(cursor, keyspace: str) -> set[str]:
    try:
        cursor.execute(_QUERYABLE, [keyspace])
    except ProgrammingError:  # before Cassandra 5.0: it has no storage-attached indexes either
        return set()
    return {name for name, queryable in cursor.fetchall() if not queryable}


def _everywhere(cursor, keyspace: str, built: set[str]) -> set[str]:
    """Those of the indexes that the other nodes have built as well."""
    try:
        cursor.execute(_GOSSIP)
    except ProgrammingError:  # before Cassandra 5.0, or Scylla
        return built
    for status, indexes in cursor.fetchall():
        if str(status).startswith("NORMAL"):
            built = built & _succeeded(indexes, keyspace)
    return built


def _succeeded(text: str | None, keyspace: str) -> set[str]:
    """The indexes of a keyspace that one node says it has built: {"keyspace": {"index": 3}}, or {"keyspace.index": …}."""
    told = json.loads(text or "{}")
    of_keyspace = told.get(keyspace)
    if isinstance(of_keyspace, dict):
        return {name for name, status in of_keyspace.items() if str(status) in _SUCCEEDED}
    prefix = f"{keyspace}."
    return {
        name[len(prefix) :]
        for name, status in told.items()
        if name.startswith(prefix) and str(status) in _SUCCEEDED
    }
