"""The PEP 249 face of libcql that Django asks of `DatabaseWrapper.Database`: exceptions and `Binary`."""

from libcql import (
    UNSET,
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    InvalidRequest,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    ReadFailure,
    SyntaxException,
    Unauthorized,
)

Binary = bytes

__all__ = [
    "UNSET",
    "Binary",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "InvalidRequest",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "ReadFailure",
    "SyntaxException",
    "Unauthorized",
]
