"""A cluster for tests that need none: sessions over cassandra://, answered by one database file.

What a cluster cannot do these sessions refuse, as libcql does. What a file knows of topology is one node."""

import contextlib
from unittest import mock

import libcql

REFUSED = ("execute_chain", "backup", "compact", "check")


class StandIn:
    """A libcql session. `rows`: answers to statements that contain a text, in place of the file's."""

    def __init__(self, url: str, path: str, rows: dict, keyspace: str | None):
        self.url, self.rows, self.keyspace = url, rows, keyspace
        self._session = libcql.connect(libcql.local_url(path), keyspace=keyspace)

    def execute(self, query, params=None, **options):
        for text, rows in self.rows.items():
            if text in query:
                if isinstance(rows, Exception):
                    raise rows
                return Rows(rows)
        if self.keyspace is not None and not self._has_keyspace():
            raise libcql.InvalidRequest(f"Keyspace '{self.keyspace}' does not exist")
        return self._session.execute(query, params, **options)

    def _has_keyspace(self) -> bool:
        text = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?"
        return self._session.execute(text, [self.keyspace]).one() is not None

    def __getattr__(self, name):
        if name in REFUSED:
            raise libcql.NotSupportedError(f"{name}() is for files, not for a cluster")
        return getattr(self._session, name)


class Rows(list):
    """A result with these rows."""

    def one(self):
        return self[0] if self else None

    def all(self):
        return list(self)


@contextlib.contextmanager
def cluster(path: str, rows: dict | None = None):
    """In this block libcql.connect("cassandra://…") or ("astra:…") opens the file. Gives the list of URLs that were opened."""
    urls, real = [], libcql.connect

    def connect(url, *, keyspace=None):
        if not url.startswith(("cassandra:", "astra:")):
            return real(url, keyspace=keyspace)
        urls.append(url)
        return StandIn(url, path, rows or {}, keyspace)

    # A StandIn has an address of its own for its file: connect() calls back with a local URL.
    with mock.patch.object(libcql, "connect", connect):
        yield urls
