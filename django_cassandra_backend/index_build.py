"""Waiting until a new index is built: before that, reads that go through it fail or miss rows.

A server lists an index in system."IndexInfo" when it is built (db/SystemKeyspace.java), storage-attached ones among
them; system_views.sai_column_indexes says whether one of those answers yet. Both speak for the node that is asked."""

import sys
import time

from django.db.utils import OperationalError

FIRST_PAUSE = 0.05  # seconds
LONGEST_PAUSE = 2.0  # seconds
REPORT_EVERY = 10.0  # seconds
_BUILT = 'SELECT index_name FROM system."IndexInfo" WHERE table_name = %s'
_QUERYABLE = (
    "SELECT index_name, is_queryable FROM system_views.sai_column_indexes WHERE keyspace_name = %s"
)


def wait(connection, names, *, sleep=time.sleep, clock=time.monotonic) -> None:
    """Return when all of the indexes answer. OperationalError after OPTIONS["index_timeout"] seconds."""
    missing, began, pause = set(names), clock(), FIRST_PAUSE
    reported = began
    limit = connection.settings.index_timeout
    while missing := missing - _built(connection):
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


def _built(connection) -> set[str]:
    """The indexes of the keyspace that answer queries."""
    keyspace = connection.settings.keyspace
    with connection.cursor() as cursor:
        cursor.execute(_BUILT, [keyspace])
        built = {name for (name,) in cursor.fetchall()}
        cursor.execute(_QUERYABLE, [keyspace])
        return built - {name for name, queryable in cursor.fetchall() if not queryable}
