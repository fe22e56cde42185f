"""The exceptions of libcql: the tree of PEP 249, and under it one class per error class of Cassandra.

Every one of them carries

``code``
    the name of the status behind it, such as ``"INVALID"`` or ``"BUSY"``; None when libcql refused
    a value before anything was sent.
``line``, ``column``
    where in the CQL text, when that is known: the line counts from 1, the column in bytes from 0,
    as Cassandra counts. Else None.
``row``
    which of the rows of ``execute_many()`` this is about, from 0. Else None.
``attempts``
    on a cluster, the nodes that were tried, oldest first, each an ``Attempt`` (host, stage, error,
    seconds). Else an empty tuple.
``table``
    whose table is there already (``AlreadyExists``), or was read when a budget of ``Relational.execute()``
    ran out. Else None.
``consistency``, ``required``, ``received``, ``failures``, ``write_type``
    what a node says of replicas: the level by name, how many had to answer, how many did, how many
    failed, and of a write what it was, such as ``"SIMPLE"`` or ``"CAS"``. Else None.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself is not needed, and costs more than all of this module
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._libcql import Attempt


class Warning(Exception):
    """Something that deserves attention. libcql raises none; servers' warnings are in ``Result.warnings``."""


class Error(Exception):
    """What all exceptions of libcql have in common."""

    code: str | None = None
    line: int | None = None
    column: int | None = None
    row: int | None = None
    table: str | None = None
    attempts: Sequence[Attempt] = ()
    consistency: str | None = None
    required: int | None = None
    received: int | None = None
    failures: int | None = None
    write_type: str | None = None


class InterfaceError(Error):
    """The call does not fit: a closed session, a session URL that is not understood."""


class DatabaseError(Error):
    """An error of the database; also a file that is not a database, or a damaged one."""


class DataError(DatabaseError):
    """A value does not fit the type of its column, or no Python value can hold it."""


class OperationalError(DatabaseError):
    """Not the program's fault: files, locks, memory, nodes, time-outs."""


class IntegrityError(DatabaseError):
    """A constraint was violated. CQL has none; the Django backend raises this for its own."""


class InternalError(DatabaseError):
    """The database broke its own rules."""


class ProgrammingError(DatabaseError):
    """The statement is wrong: syntax, names, types, number of values."""


class NotSupportedError(DatabaseError):
    """This is not built, or CQL cannot do it."""


# --- on the way to a cluster ---


class ConnectionFailed(OperationalError):
    """A connection broke, or could not be made: its address, TLS. ``attempts`` says where and why."""


class NoHostAvailable(ConnectionFailed):
    """No node of the cluster could be reached; ``attempts`` has each of them."""


class RequestTimeout(OperationalError):
    """No answer came in time. A write may or may not have happened."""


class QueueFull(OperationalError):
    """Too many requests wait for their answers; nothing was sent."""


# --- Cassandra's classes (native protocol v5, section 9) ---


class SyntaxException(ProgrammingError):
    """The text is not CQL (0x2000)."""


class InvalidRequest(ProgrammingError):
    """The statement is CQL, but it cannot be run (0x2200)."""


class ConfigurationException(ProgrammingError):
    """An option of a keyspace, table or index cannot be (0x2300)."""


class AlreadyExists(ConfigurationException):
    """The keyspace or table to be created is there already (0x2400)."""

    keyspace: str = ""
    table: str = ""


class Unauthorized(ProgrammingError):
    """The role may not do this (0x2100)."""


class ProtocolException(ProgrammingError):
    """The request is malformed, such as a paging state of another statement (0x000A)."""


class Unprepared(OperationalError):
    """The prepared statement is not known any more (0x2500)."""


class ServerError(OperationalError):
    """Something unexpected happened in the server (0x0000)."""


class AuthenticationFailed(OperationalError):
    """The credentials were refused (0x0100)."""


class Unavailable(OperationalError):
    """Too few replicas are alive for the consistency level (0x1000)."""


class Overloaded(OperationalError):
    """The node is too busy (0x1001)."""


class Bootstrapping(OperationalError):
    """The node is still starting (0x1002)."""


class TruncateError(OperationalError):
    """TRUNCATE failed (0x1003)."""


class WriteTimeout(OperationalError):
    """The write may or may not have happened (0x1100)."""


class ReadTimeout(OperationalError):
    """Too few replicas answered in time (0x1200)."""


class ReadFailure(OperationalError):
    """A replica failed at the read (0x1300)."""


class FunctionFailure(DataError):
    """A function or an arithmetic operation failed on its values (0x1400)."""


class WriteFailure(OperationalError):
    """A replica failed at the write (0x1500, 0x1600)."""


class CasWriteUnknown(OperationalError):
    """A conditional write may or may not have been applied (0x1700)."""
