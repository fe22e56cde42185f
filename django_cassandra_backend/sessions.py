"""One libcql session per process and settings, shared by the connections of all threads.

Django closes its connections after each request; that gives back a handle, not a session. A child
after a fork goes on with its parent's sessions: on a file, as one more process; in memory, on a copy; on a
cluster, with connections of its own."""

import contextlib
import os
import threading
import weakref
from urllib.parse import unquote, urlsplit

import libcql

from . import cluster_options, topology
from .dbapi import InvalidRequest, OperationalError
from .options import Options
from .retry import Queue

#: A file has one copy of each row; replication has no meaning there.
OF_A_FILE = {"class": "SimpleStrategy", "replication_factor": 1}

_lock = threading.Lock()
_sessions: dict[tuple[str, str], object] = {}
_queues: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # session: Queue
_spares: dict[
    object, list
] = {}  # session: relational databases that no connection has at the moment
_SPARES_KEPT = 16  # of a session
_generations: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # session: number

# A fork waits until no thread is opening or closing a session: the child finds the lock free.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def acquire(options: Options):
    """The session for these settings, opened when there is none. The keyspace exists afterwards: a file's is made, a
    cluster's only where OPTIONS["create_keyspace"] says so. OperationalError when it is missing."""
    place = (options.url, options.keyspace)
    with _lock:
        session = _sessions.get(place)
        if session is None:
            session = _open(options)
            _sessions[place] = session
        return session


def _open(options: Options):
    if options.is_file:
        return _opened(options, lambda session: _make(session, options.keyspace, OF_A_FILE))
    try:
        return _opened(options, lambda session: _require(session, options))
    except InvalidRequest:  # a node answers nothing in a keyspace that is not there
        with administering(options) as session:
            _require_or_make(session, options)
    return _opened(options, lambda session: _require(session, options))


def _opened(options: Options, see_to_keyspace):
    session = libcql.connect(options.url, keyspace=options.keyspace)
    try:
        see_to_keyspace(session)
    except BaseException:
        session.close()
        raise
    return session


def _require(session, options: Options) -> None:
    if not topology.keyspace_exists(session, options.keyspace):
        raise InvalidRequest(f"Keyspace {options.keyspace!r} does not exist")


def _require_or_make(session, options: Options) -> None:
    if topology.keyspace_exists(session, options.keyspace):
        return
    if not options.create_keyspace:
        raise OperationalError(missing_keyspace(session, options))
    wanted = options.replication or topology.replication(session, options.local_dc)
    _make(session, options.keyspace, wanted)


def _make(session, keyspace: str, wanted: dict) -> None:
    session.execute(topology.create_keyspace(keyspace, wanted))


def missing_keyspace(session, options: Options) -> str:
    """What to do about a keyspace that is not there: how its rows are replicated is for people to decide."""
    if options.is_astra:
        return (
            f"The Astra database has no keyspace {options.keyspace!r}. Make it with `manage.py astra keyspace create "
            f"{options.keyspace}`, or at https://astra.datastax.com; CQL cannot."
        )
    wanted = options.replication or topology.replication(session, options.local_dc)
    return (
        f"The cluster has no keyspace {options.keyspace!r}. Make it, for example in cqlsh, with as many copies in each "
        f"data centre as you want:\n    {topology.create_keyspace(options.keyspace, wanted)};\n"
        'or set OPTIONS["create_keyspace"] = True, and OPTIONS["keyspace_replication"] to those copies.'
    )


@contextlib.contextmanager
def administering(options: Options):
    """A session of its own that needs no keyspace, and has time: to make and to drop keyspaces on a cluster."""
    session = libcql.connect(cluster_options.patient(options.url))
    try:
        yield session
    finally:
        session.close()


def release(options: Options) -> None:
    """Close the session of these settings, if one is open: after a test run, before a file is removed."""
    with _lock:
        session = _sessions.pop((options.url, options.keyspace), None)
    for database in _spares.pop(session, ()):
        database.close()
    if session is not None:
        session.close()


def spare(session):
    """A relational database that another connection has left, with the tables that it knows; or None."""
    try:
        return _spares[session].pop()
    except (KeyError, IndexError):
        return None


def keep(session, database) -> None:
    """A connection is closed: the next one has its tables without asking for them. Rows that are still read from it are no
    hindrance, it does one thing at a time."""
    spares = _spares.setdefault(session, [])
    if len(spares) < _SPARES_KEPT and session in _sessions.values():
        spares.append(database)
    else:
        database.close()


def generation(session) -> int:
    """How often this process has changed the schema by this session."""
    return _generations.get(session, 0)


def schema_changed(session) -> None:
    """What was kept of the schema is out of date."""
    _generations[session] = _generations.get(session, 0) + 1


def queue(session) -> Queue:
    """Where the losers of races in a session's database meet: those of this process alone, but for a file."""
    found = _queues.get(session)
    if found is None:
        path = (
            unquote(urlsplit(session.url).path) if session.url.startswith("local:") else ":memory:"
        )
        folder = None if path == ":memory:" else os.path.dirname(path)
        found = _queues.setdefault(session, Queue(folder))
    return found
