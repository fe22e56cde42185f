"""CQL for Python: sessions over a database file on this machine or a cluster, through the C library libcql.

    import libcql

    with libcql.connect("local:party.cql") as session:
        for city, name in session.execute("SELECT city, name FROM fun.party"):
            print(city, name)

Values travel beside the statement, never inside it: ``session.execute("… WHERE city = ?", ["Oslo"])``
or ``("… WHERE city = :city", {"city": "Oslo"})``. A session may be shared by threads, and a child
process may go on using the session of its parent after a fork; a result belongs to one thread.
Methods whose names begin with ``a`` are coroutines (``await session.aexecute(…)``), and a result
may be read with ``async for``.

==================  ==================================================================================
CQL                 Python
==================  ==================================================================================
ascii, text         ``str``
tinyint … varint    ``int``, range-checked; ``bool`` is refused
boolean             ``bool``
float, double       ``float``; ``int`` is accepted
decimal             ``decimal.Decimal``; ``int`` is accepted, NaN and infinities are refused
blob                ``bytes``; ``bytearray`` and other buffers are accepted
uuid, timeuuid      ``uuid.UUID``
timestamp           aware ``datetime.datetime`` in UTC; cut to the millisecond when written. Naive ones
                    are refused. An ``int`` of milliseconds since 1970 is accepted
date                ``datetime.date``
time                ``datetime.time``, or ``libcql.Time`` where microseconds cannot hold the value
duration            ``libcql.Duration``
inet                ``ipaddress.IPv4Address``, ``IPv6Address``; ``str`` is accepted
list                ``list``; any sequence but ``str`` and ``bytes`` is accepted
vector              ``array.array`` where the elements are float, double, int or bigint, else ``list``;
                    sequences and buffers (arrays, memoryviews, numpy's arrays) are accepted
set                 ``set``; ``frozenset``, lists and tuples are accepted
map                 ``dict``; any mapping is accepted
tuple               ``tuple``; lists are accepted
user-defined types  ``dict`` by field name, every field of the type in it. Mappings, named tuples and
                    objects with attributes are accepted, what they leave out is null; tuples and
                    lists hold all fields in their order
null                ``None``; ``libcql.UNSET`` leaves a column as it is
==================  ==================================================================================

Inside a set or as the key of a map, where Python asks for hashable values, lists and vectors come
as tuples, sets as frozensets, maps as tuples of pairs and user-defined types as tuples.
"""

from __future__ import annotations

import os

from ._libcql import (
    Attempt,
    CheckReport,
    Column,
    CompactReport,
    Node,
    Prepared,
    Relational,
    RelationalCounts,
    Result,
    Rows,
    SchemaChange,
    Session,
)
from ._libcql import connect as _connect
from .exceptions import (
    AlreadyExists,
    AuthenticationFailed,
    Bootstrapping,
    CasWriteUnknown,
    ConfigurationException,
    ConnectionFailed,
    DatabaseError,
    DataError,
    Error,
    FunctionFailure,
    IntegrityError,
    InterfaceError,
    InternalError,
    InvalidRequest,
    NoHostAvailable,
    NotSupportedError,
    OperationalError,
    Overloaded,
    ProgrammingError,
    ProtocolException,
    QueueFull,
    ReadFailure,
    ReadTimeout,
    RequestTimeout,
    ServerError,
    SyntaxException,
    TruncateError,
    Unauthorized,
    Unavailable,
    Unprepared,
    Warning,
    WriteFailure,
    WriteTimeout,
)
from .unset import UNSET, UnsetType

TYPE_CHECKING = False  # typing is among the modules that a session can do without
if TYPE_CHECKING:
    from . import consistency
    from .consistency import Consistency
    from .types import Duration, Time

__version__ = "0.1.0"

# PEP 249's module globals. Cursors are the Django backend's; a session itself takes ? and :name.
apilevel = "2.0"
threadsafety = 2
paramstyle = "format"

# What a first request does not need, and where it is: read when somebody names it. Half of the time
# from `import` to the first answer went into modules that stand behind these.
_LATE = {
    "Consistency": "consistency",
    "Duration": "types",
    "Time": "types",
    "consistency": "",
    "types": "",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_LATE[name] or name}")
    value = getattr(module, name) if _LATE[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})


def connect(url: str, *, keyspace: str | None = None) -> Session:
    """Open a session.

    A file is ``local:PATH[?option=value&…]``, made when absent, or ``local::memory:``. Its options:
    ``keyspace``; ``durability`` (``normal`` survives a killed process, ``full`` a power loss);
    ``busy_timeout_ms`` (how long a writer waits for another one). Characters such as ``?`` and
    ``%`` in a path are percent-encoded; ``local_url()`` does that.

    A cluster is ``cassandra://[USER:PASSWORD@]HOST[:PORT][,HOST…][/KEYSPACE][?option=value&…]``;
    it is connected to before this returns. ``docs/ref/libcql.md`` lists its options: consistency,
    data centre, time-outs, TLS, compression. Any character of a user or password may be
    percent-encoded; ``/``, ``?``, ``:`` and ``%`` must be. Passwords are in no message, and not in
    ``Session.url``.

    Astra DB is ``astra:PATH?user=token&password=AstraCS:…``, PATH of its secure connect bundle, which
    also names the keyspace. The options of a cluster apply, but for those that the bundle answers.

    ``keyspace`` is the session's default keyspace. It need not exist yet: the first statement that
    needs it says so.

    Raises InterfaceError (the URL), OperationalError (the file; of a cluster NoHostAvailable,
    ConnectionFailed, AuthenticationFailed, … with the ``attempts`` that were made), DatabaseError
    (not a database, or a damaged one).
    """
    if keyspace is not None:
        from urllib.parse import quote

        url += ("&" if "?" in url else "?") + "keyspace=" + quote(keyspace, safe="")
    return _connect(url)


def local_url(path: str | os.PathLike[str], **options: str | int) -> str:
    """Return the session URL of a database file; ":memory:" stands for a database in memory.

    >>> local_url("/var/lib/site/db 1.cql", durability="full")
    'local:/var/lib/site/db%201.cql?durability=full'
    """
    from urllib.parse import quote

    text = os.fspath(path)
    encoded = text if text == ":memory:" else quote(os.fsencode(text), safe="/")
    query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in options.items())
    return f"local:{encoded}?{query}" if query else f"local:{encoded}"


__all__ = [
    "UNSET",
    "AlreadyExists",
    "Attempt",
    "AuthenticationFailed",
    "Bootstrapping",
    "CasWriteUnknown",
    "CheckReport",
    "Column",
    "CompactReport",
    "ConfigurationException",
    "ConnectionFailed",
    "Consistency",
    "DataError",
    "DatabaseError",
    "Duration",
    "Error",
    "FunctionFailure",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "InvalidRequest",
    "NoHostAvailable",
    "Node",
    "NotSupportedError",
    "OperationalError",
    "Overloaded",
    "Prepared",
    "ProgrammingError",
    "ProtocolException",
    "QueueFull",
    "ReadFailure",
    "ReadTimeout",
    "Relational",
    "RelationalCounts",
    "RequestTimeout",
    "Result",
    "Rows",
    "SchemaChange",
    "ServerError",
    "Session",
    "SyntaxException",
    "Time",
    "TruncateError",
    "Unauthorized",
    "Unavailable",
    "Unprepared",
    "UnsetType",
    "Warning",
    "WriteFailure",
    "WriteTimeout",
    "apilevel",
    "connect",
    "consistency",
    "local_url",
    "paramstyle",
    "threadsafety",
]
