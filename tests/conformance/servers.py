"""The two servers that the corpus runs on, behind one face.

A server has ``execute(statement, bind, page_size, keyspace)``, ``problems()`` and ``close()``. ``execute`` answers an
Answer, or raises Refused with the error's class and text. ``problems`` are the words for what is wrong with its file.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

from corpus import ERROR_CLASSES
from cqltypes import (
    EMPTY,
    EPOCH,
    KNOWN_TYPES,
    UNSET,
    Type,
    decode,
    from_literal,
    parse_type,
    to_literal,
)

PAGES_MAX = 1000
INDEX_WAIT_S = 20.0
READ_FAILURE = 0x1300
READ_FAILURES = ("0x1300", "READ_FAILURE")  # as the two clients name it
CREATES_INDEX = re.compile(r"CREATE\s+(CUSTOM\s+)?INDEX\b", re.IGNORECASE)


@dataclass
class Answer:
    """What a statement gave: columns is None when it gave no rows at all, not even zero."""

    columns: list[tuple[str, str]] | None = None
    pages: list[list[list[str]]] = field(default_factory=list)  # canonical literals

    def drop_empty_last_pages(self) -> None:
        """A server may learn only on the next page that there is nothing left."""
        while len(self.pages) > 1 and not self.pages[-1]:
            self.pages.pop()


class Refused(Exception):
    """A server's error: its class as the corpus writes it, and its text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name} {text}")
        self.name = name
        self.text = text


class Server(Protocol):
    """``between`` is called when the first page has been read."""

    def execute(
        self,
        statement: str,
        bind: list[str] | None = None,
        page_size: int | None = None,
        between: Callable[[], None] | None = None,
    ) -> Answer: ...

    def problems(self) -> list[str]: ...

    def close(self) -> None: ...


def class_of_code(code: int) -> str:
    """``0x2200`` as ``Invalid``; a code that the corpus has no word for, in hexadecimal."""
    return next((name for name, c in ERROR_CLASSES.items() if c == code), f"0x{code:04x}")


# --- Cassandra through the Python driver ---------------------------------------------------------


class PatientWithIndexes:
    """Asks again while an index that was just made may be building: until then it cannot be read."""

    index_deadline = 0.0

    def patiently(self, statement: str, ask: Callable[[], Answer]) -> Answer:
        if CREATES_INDEX.match(statement):
            self.index_deadline = time.monotonic() + INDEX_WAIT_S
        while True:
            try:
                return ask()
            except Refused as e:
                if e.name not in READ_FAILURES or time.monotonic() > self.index_deadline:
                    raise
                time.sleep(0.2)


class CassandraServer(PatientWithIndexes):
    """A cluster, spoken to through the Python driver, whose decoding is bypassed: it sorts sets and
    loses what datetime cannot hold."""

    def __init__(self, address: str) -> None:
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.query import tuple_factory

        host, _, port = address.partition(":")
        self.cluster = Cluster(
            [host],
            port=int(port or 9142),
            execution_profiles={
                EXEC_PROFILE_DEFAULT: ExecutionProfile(
                    row_factory=tuple_factory, request_timeout=60
                )
            },
            schema_metadata_enabled=False,
            token_metadata_enabled=False,
        )
        self.session = self.cluster.connect()
        self.session.use_client_timestamp = False
        self.session.client_protocol_handler = _raw_protocol_handler()

    def execute(
        self,
        statement: str,
        bind: list[str] | None = None,
        page_size: int | None = None,
        between: Callable[[], None] | None = None,
    ) -> Answer:
        return self.patiently(
            statement, lambda: self._refusing(statement, bind, page_size, between)
        )

    def _refusing(self, *args: Any) -> Answer:
        try:
            return self._execute(*args)
        except Exception as e:
            code = _code_of_driver_error(e)
            if code is None:
                raise
            raise Refused(class_of_code(code), _text_of_driver_error(e)) from e

    def _execute(
        self,
        statement: str,
        bind: list[str] | None,
        page_size: int | None,
        between: Callable[[], None] | None,
    ) -> Answer:
        from cassandra.query import SimpleStatement

        if bind is None:
            query = SimpleStatement(statement)
        else:
            query = _bound(self.session.prepare(statement), bind)
        query.fetch_size = page_size  # None: the request does not ask for pages
        result = self.session.execute(query)
        if result.column_names is None:
            return Answer()
        types = [_driver_type(t) for t in result.column_types]
        answer = Answer([(n, str(t)) for n, t in zip(result.column_names, types, strict=True)])
        for _ in range(PAGES_MAX):
            answer.pages.append([_literals(row, types) for row in result.current_rows])
            if not result.has_more_pages:
                answer.drop_empty_last_pages()
                return answer
            if between and len(answer.pages) == 1:
                between()
            result.fetch_next_page()
        raise AssertionError(f"more than {PAGES_MAX} pages")

    def problems(self) -> list[str]:
        return []  # Cassandra's files are Cassandra's own

    def close(self) -> None:
        self.cluster.shutdown()


def _literals(row: tuple, types: list[Type]) -> list[str]:
    return [to_literal(decode(cell, t), t) for cell, t in zip(row, types, strict=True)]


def _raw_protocol_handler() -> type:
    """The driver's protocol handler with cells left as bytes."""
    from cassandra.protocol import (
        AlreadyExistsException,
        ErrorMessage,
        ResultMessage,
        _ProtocolHandler,
    )

    class RawResult(ResultMessage):
        def recv_results_rows(self, f, protocol_version, user_type_map, result_metadata, *_):
            from cassandra.protocol import read_int, read_value

            self.recv_results_metadata(f, user_type_map)
            metadata = self.column_metadata or result_metadata
            self.column_names = [c[2] for c in metadata]
            self.column_types = [c[3] for c in metadata]
            count = read_int(f)
            self.parsed_rows = [tuple(read_value(f) for _ in metadata) for _ in range(count)]

    class RawError(ErrorMessage):
        """Keeps the server's text, which the driver's AlreadyExists puts its own in place of."""

        @classmethod
        def recv_body(cls, *args):
            error = ErrorMessage.recv_body(*args)
            if isinstance(error, AlreadyExistsException):
                return ErrorMessage(error.code, error.message, error.info)
            return error

    class RawHandler(_ProtocolHandler):
        message_types_by_opcode = _ProtocolHandler.message_types_by_opcode.copy()

    RawHandler.message_types_by_opcode[ResultMessage.opcode] = RawResult
    RawHandler.message_types_by_opcode[ErrorMessage.opcode] = RawError
    return RawHandler


def _driver_type(t: type) -> Type:
    """The type of a driver's type class."""
    if t.typename in ("list", "set", "map", "tuple"):
        return Type(t.typename, tuple(map(_driver_type, t.subtypes)))
    if t.typename == "frozen":
        return _driver_type(t.subtypes[0])
    if t.typename.endswith(".VectorType"):
        return Type("vector", (_driver_type(t.subtype), Type(str(t.vector_size))))
    if hasattr(t, "fieldnames") and t.subtypes:
        return Type(t.typename, tuple(map(_driver_type, t.subtypes)), tuple(t.fieldnames))
    return parse_type(t.typename)


def _bound(prepared: Any, bind: list[str]) -> Any:
    """A bound statement with our values, past the driver's own checks: the server's are tested."""
    from cassandra.query import UNSET_VALUE, BoundStatement

    def encode(text: str, driver_type: Any) -> Any:
        t = _driver_type(driver_type)
        value = from_literal(text, t)
        if value is UNSET or value is None:
            return UNSET_VALUE if value is UNSET else None
        return b"" if value is EMPTY else driver_type.serialize(_for_driver(value, t), 5)

    markers = prepared.column_metadata or []
    prepared.routing_key_indexes = None
    bound = BoundStatement(prepared)
    bound.values = [encode(s, m.type) for s, m in zip(bind, markers, strict=True)]
    return bound


def _for_driver(value: Any, t: Type) -> Any:
    """The object that the driver encodes exactly; integers are timestamps in ms."""
    from cassandra import util

    if value is None:
        return None
    if t.name == "date":
        return util.Date(value)
    if t.name == "time":
        return util.Time(value)
    if t.name == "duration":
        return util.Duration(*value)
    if t.name == "inet":
        return str(value)
    if t.name in ("list", "set", "vector"):
        return [_for_driver(v, t.args[0]) for v in value]
    if t.name == "map":
        pairs = [(_for_driver(k, t.args[0]), _for_driver(v, t.args[1])) for k, v in value]
        return util.OrderedMap(pairs)
    if t.name == "tuple" or t.fields:
        return tuple(_for_driver(v, a) for v, a in zip(value, t.args, strict=True))
    return value


def _code_of_driver_error(error: Exception) -> int | None:
    """The protocol's error code; None for an error that no server sent."""
    import cassandra
    from cassandra.protocol import ErrorMessage

    if isinstance(error, ErrorMessage):
        return error.code
    return {
        cassandra.InvalidRequest: 0x2200,
        cassandra.Unauthorized: 0x2100,
        cassandra.FunctionFailure: 0x1400,
        cassandra.ReadFailure: READ_FAILURE,
    }.get(type(error))


def _text_of_driver_error(error: Exception) -> str:
    """The server's own words, out of the sentence that the driver makes of them."""
    text = getattr(error, "message", None) or str(error)
    m = re.fullmatch(r'Error from server: code=\w+ \[[^]]*\] message="(.*)"', text, re.DOTALL)
    return m[1] if m else text


# --- the embedded engine through libcql ------------------------------------------------------------


class LibcqlServer:
    """libcql in this process: the embedded engine, or our client of a cluster."""

    def __init__(self, address: str) -> None:
        import libcql

        self.libcql = libcql
        self.session = libcql.connect(address)
        self.keyspace = ""

    def execute(
        self,
        statement: str,
        bind: list[str] | None = None,
        page_size: int | None = None,
        between: Callable[[], None] | None = None,
    ) -> Answer:
        if statement.startswith("USE "):
            self.keyspace = statement.removeprefix("USE ").strip('"')
        try:
            return self._execute(statement, bind, page_size, between)
        except self.libcql.Error as e:
            raise Refused(_class_of_status(e.code), str(e)) from e

    def _type(self, text: str) -> Type:
        """A type as libcql names it; the fields of user types are looked up."""
        return self._with_fields(parse_type(text))

    def _with_fields(self, t: Type) -> Type:
        if t.args:
            return t._replace(args=tuple(map(self._with_fields, t.args)))
        if t.name in KNOWN_TYPES or t.name.isdigit():  # a vector's dimension
            return t
        name = t.name[1:-1].replace('""', '"') if t.name.startswith('"') else t.name
        rows = self.session.execute(
            "SELECT field_names, field_types FROM system_schema.types"
            " WHERE keyspace_name = ? AND type_name = ?",
            [self.keyspace, name],
        )
        for fields, types in rows.page():
            return Type(name, tuple(map(self._type, types)), tuple(fields))
        return t

    def _execute(
        self,
        statement: str,
        bind: list[str] | None,
        page_size: int | None,
        between: Callable[[], None] | None,
    ) -> Answer:
        if bind is None:
            result = self.session.execute(statement, page_size=page_size)
        else:
            prepared = self.session.prepare(statement)
            types = map(self._type, prepared.bind_types)
            values = [self._value(s, t) for s, t in zip(bind, types, strict=True)]
            result = self.session.execute(prepared, values, page_size=page_size)
        if result.kind != "rows":
            return Answer()
        types = [self._type(t) for _, t in result.columns]
        names = [name for name, _ in result.columns]
        answer = Answer([(n, str(t)) for n, t in zip(names, types, strict=True)])
        for _ in range(PAGES_MAX):
            answer.pages.append([self._literals(row, types) for row in result.page()])
            if not result.has_more_pages:
                answer.drop_empty_last_pages()
                return answer
            if between and len(answer.pages) == 1:
                between()
            result.fetch_next_page()
        raise AssertionError(f"more than {PAGES_MAX} pages")

    def _literals(self, row: tuple, types: list[Type]) -> list[str]:
        return [to_literal(_neutral(v, t), t) for v, t in zip(row, types, strict=True)]

    def _value(self, text: str, t: Type) -> Any:
        value = from_literal(text, t)
        return self.libcql.UNSET if value is UNSET else self._for_libcql(value, t)

    def _for_libcql(self, value: Any, t: Type, is_key: bool = False) -> Any:
        """The object that libcql documents for the type; inside a map's key, the hashable one."""
        if value is None:
            return None
        if t.name == "date":
            return date(1970, 1, 1) + timedelta(days=value)
        if t.name == "time":
            return self.libcql.Time(value)
        if t.name == "duration":
            return self.libcql.Duration(*value)
        if t.name in ("list", "set", "vector"):
            items = [self._for_libcql(v, t.args[0], is_key) for v in value]
            return tuple(items) if is_key else items
        if t.name == "map":
            of_key, of_item = t.args
            pairs = [
                (self._for_libcql(k, of_key, True), self._for_libcql(v, of_item, is_key))
                for k, v in value
            ]
            return tuple(pairs) if is_key else dict(pairs)
        if t.name == "tuple" or t.fields:
            fields = zip(value, t.args, strict=True)
            values = tuple(self._for_libcql(v, a, is_key) for v, a in fields)
            return dict(zip(t.fields, values, strict=True)) if t.fields and not is_key else values
        return value

    def problems(self) -> list[str]:
        report = self.session.check()
        stale = [f"{report.stale_entries} stale index entries"] if report.stale_entries else []
        return report.problems + stale

    def close(self) -> None:
        self.session.close()


def _class_of_status(code: str | None) -> str:
    """``"ALREADY_EXISTS"`` as ``AlreadyExists``; libcql's own statuses keep their name."""
    if code is None:
        return "a refused value:"
    word = "".join(part.capitalize() for part in code.split("_"))
    return word if word in ERROR_CLASSES else code


def _neutral(value: Any, t: Type) -> Any:
    """What libcql gives, in the form that cqltypes describes."""
    if value is None:
        return None
    if t.name == "timestamp":
        return (value - EPOCH) // timedelta(milliseconds=1)
    if t.name == "date":
        return (value - date(1970, 1, 1)).days
    if t.name == "time":
        return _nanoseconds(value)
    if t.name == "duration":
        return value.months, value.days, value.nanoseconds
    if t.name in ("list", "vector"):
        return [_neutral(v, t.args[0]) for v in value]
    if t.name == "set":
        # A Python set has lost the order; the order in sets is for the C tests to check.
        elements = [_neutral(v, t.args[0]) for v in value]
        return sorted(elements, key=lambda v: _order(v, t.args[0]))
    if t.name == "map":
        pairs = value.items() if isinstance(value, dict) else value
        return [(_neutral(k, t.args[0]), _neutral(v, t.args[1])) for k, v in pairs]
    if t.fields and isinstance(value, dict):
        if tuple(value) != t.fields:
            raise AssertionError(f"the fields {list(value)} are not those of {t}")
        value = list(value.values())
    if t.name == "tuple" or t.fields:
        return [_neutral(v, a) for v, a in zip(value, t.args, strict=True)]
    return value


def _nanoseconds(value: Any) -> int:
    """Of a datetime.time or a libcql.Time."""
    if hasattr(value, "nanoseconds"):
        return value.nanoseconds
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return (seconds * 1_000_000 + value.microsecond) * 1000


def _order(value: Any, t: Type) -> Any:
    """A sort key in Cassandra's order."""
    if value is None:
        return ()
    if t.name in ("text", "ascii"):
        return value.encode()
    if t.name == "timeuuid":
        return value.time, [b ^ 0x80 for b in value.bytes[8:]]
    if t.name == "uuid":
        return value.bytes[6] >> 4, value.time if value.version == 1 else 0, value.bytes
    if t.name in ("float", "double"):
        nan = math.isnan(value)  # one value, above all others
        return (True, 0, 0) if nan else (False, value, math.copysign(1, value))
    if t.name == "inet":
        return value.packed
    if t.name == "map":
        key, item = t.args
        return [part for k, v in value for part in (_order(k, key), _order(v, item))]
    if t.name in ("list", "set", "tuple") or t.fields:
        args = t.args if t.name == "tuple" or t.fields else t.args * len(value)
        return [(v is not None, _order(v, a)) for v, a in zip(value, args, strict=True)]
    return value


# --- Cassandra through libcql --------------------------------------------------------------------


class ClusterServer(PatientWithIndexes, LibcqlServer):
    """A cluster, spoken to through our own client."""

    def __init__(self, address: str) -> None:
        super().__init__(f"cassandra://{address}?request_timeout_ms=60000")

    def execute(
        self,
        statement: str,
        bind: list[str] | None = None,
        page_size: int | None = None,
        between: Callable[[], None] | None = None,
    ) -> Answer:
        ask = super().execute
        return self.patiently(statement, lambda: ask(statement, bind, page_size, between))

    def problems(self) -> list[str]:
        return []  # Cassandra's files are Cassandra's own
