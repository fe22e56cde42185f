"""One libcql session per process and settings, shared by the connections of all threads.

Django closes its connections after each request; that gives back a handle, not a session. A child
after a fork goes on with its parent's sessions: on a file, as one more process; in memory, on a copy."""

import os
import threading
import weakref
from urllib.parse import unquote, urlsplit

import libcql

from .retry import Queue

_lock = threading.Lock()
_sessions: dict[tuple[str, str], object] = {}
_queues: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # session: Queue

# A fork waits until no thread is opening or closing a session: the child finds the lock free.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def acquire(url: str, keyspace: str):
    """The session for these settings, opened when there is none. The keyspace exists afterwards."""
    with _lock:
        session = _sessions.get((url, keyspace))
        if session is None:
            session = libcql.connect(url, keyspace=keyspace)
            try:
                session.execute(create_keyspace(keyspace))
            except BaseException:
                session.close()
                raise
            _sessions[url, keyspace] = session
        return session


def create_keyspace(keyspace: str) -> str:
    """The statement that makes a keyspace on a file; replication has no meaning there."""
    replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    return f'CREATE KEYSPACE IF NOT EXISTS "{keyspace}" WITH replication = {replication}'


def release(url: str, keyspace: str) -> None:
    """Close the session of these settings, if one is open: after a test run, before a file is removed."""
    with _lock:
        session = _sessions.pop((url, keyspace), None)
    if session is not None:
        session.close()


def queue(session) -> Queue:
    """Where the losers of races in a session's database meet."""
    found = _queues.get(session)
    if found is None:
        path = unquote(urlsplit(session.url).path)
        folder = None if path == ":memory:" else os.path.dirname(path)
        found = _queues.setdefault(session, Queue(folder))
    return found
