"""What the Python driver makes of a response, in the words of test_golden.c."""

from __future__ import annotations

from typing import Any

from cassandra import WriteType
from cassandra.protocol import (
    AuthenticateMessage,
    ErrorMessage,
    EventMessage,
    ProtocolHandler,
    ReadyMessage,
    ResultMessage,
    SupportedMessage,
    read_int,
    read_value,
)

KINDS = {1: "VOID", 2: "ROWS", 3: "SET_KEYSPACE", 4: "PREPARED", 5: "SCHEMA_CHANGE"}


class RawResult(ResultMessage):
    """Leaves the cells as they are."""

    def recv_results_rows(self, f, protocol_version, user_type_map, result_metadata, policy):
        self.recv_results_metadata(f, user_type_map)
        width = len(self.column_metadata or result_metadata)
        self.parsed_rows = [[read_value(f) for _ in range(width)] for _ in range(read_int(f))]
        self.width = width


class Handler(ProtocolHandler):
    message_types_by_opcode = {**ProtocolHandler.message_types_by_opcode, 0x08: RawResult}


def decode(envelope: bytes, result_metadata: Any = None) -> Any:
    stream = int.from_bytes(envelope[2:4], "big", signed=True)
    version, flags, opcode = envelope[0] & 0x7F, envelope[1], envelope[4]
    return Handler.decode_message(
        version, {}, stream, flags, opcode, envelope[9:], None, result_metadata
    )


def shown(value: bytes | None) -> str:
    return "null" if value is None else "0x" + value.hex()


def type_of(column: Any) -> str:
    text = column[3].cql_parameterized_type()
    while "frozen<" in text:
        start = text.index("frozen<")
        end, depth = start + len("frozen<"), 0
        while text[end] != ">" or depth:
            depth += (text[end] == "<") - (text[end] == ">")
            end += 1
        text = text[:start] + text[start + len("frozen<") : end] + text[end + 1 :]
    vector = "org.apache.cassandra.db.marshal.VectorType"
    return text.replace(vector, "vector").replace("varchar", "text")


def columns_of(columns: Any) -> str:
    return "".join(f" {c[0]}.{c[1]}.{c[2]} {type_of(c)}" for c in columns or [])


def change_of(event: dict[str, Any]) -> str:
    target = event["target_type"]
    parts = [event["change_type"], target, event["keyspace"]]
    if target in ("FUNCTION", "AGGREGATE"):
        parts.append(event[target.lower()].name)
    elif target != "KEYSPACE":
        parts.append(event[target.lower()])
    return " ".join(parts)


def result_words(message: Any, version: int) -> str:
    if message.kind == 2:
        more = f" more {shown(message.paging_state)}" if message.paging_state else ""
        rows = "".join(
            " row" + "".join(f" {shown(cell)}" for cell in row) for row in message.parsed_rows
        )
        return f"ROWS {message.width}{columns_of(message.column_metadata)}{more}{rows}"
    if message.kind == 3:
        return f"SET_KEYSPACE {message.new_keyspace}"
    if message.kind == 4:
        metadata = f" {shown(message.result_metadata_id)}" if version >= 5 else ""
        key = "".join(f" {i}" for i in message.pk_indexes)
        return (
            f"PREPARED {shown(message.query_id)}{metadata} binds{columns_of(message.bind_metadata)}"
            f" key{key} rows{columns_of(message.column_metadata)}"
        )
    if message.kind == 5:
        return f"SCHEMA_CHANGE {change_of(message.schema_change_event)}"
    return KINDS[message.kind]


def error_words(message: Any) -> str:
    info = message.info
    words = f"ERROR {message.code:04x} {message.message}"
    if isinstance(info, bytes):
        return f"{words} id {shown(info)}"
    if not isinstance(info, dict):
        return words
    if "required_replicas" in info:
        return (
            f"{words} consistency {info['consistency']} required {info['required_replicas']}"
            f" alive {info['alive_replicas']}"
        )
    if "required_responses" in info:
        words += f" consistency {info['consistency']} required {info['required_responses']}"
        words += f" received {info['received_responses']}"
    if "write_type" in info:
        words += f" type {WriteType.value_to_name[info['write_type']]}"
    if "data_retrieved" in info:
        words += f" data {int(info['data_retrieved'])}"
    if "failures" in info:
        words += f" failures {info['failures']}"
    if "function" in info:
        words += f" keyspace {info['keyspace']} function {info['function']}"
    elif "keyspace" in info:
        words += f" keyspace {info['keyspace']} table {info['table']}"
    return words


def event_words(message: Any) -> str:
    args = message.event_args
    if message.event_type == "SCHEMA_CHANGE":
        return f"EVENT SCHEMA_CHANGE {change_of(args)}"
    host, port = args["address"]
    address = bytes(int(part) for part in host.split("."))
    return f"EVENT {message.event_type} {args['change_type']} {shown(address)} {port}"


def words(envelope: bytes, result_metadata: Any = None) -> str:
    """One line that says what a response is."""
    message = decode(envelope, result_metadata)
    version = envelope[0] & 0x7F
    front = f"trace {shown(message.trace_id.bytes)} " if message.trace_id else ""
    front += "".join(f"warning {text} " for text in message.warnings or [])
    if isinstance(message, ReadyMessage):
        text = "READY"
    elif isinstance(message, AuthenticateMessage):
        text = f"AUTHENTICATE {message.authenticator}"
    elif isinstance(message, SupportedMessage):
        options = {**message.options, "CQL_VERSION": message.cql_versions}
        names = sorted(options, key=lambda name: envelope.index(name.encode()))
        text = "SUPPORTED" + "".join(
            f" {name}={value}" for name in names for value in options[name]
        )
    elif isinstance(message, ErrorMessage):
        text = error_words(message)
    elif isinstance(message, EventMessage):
        text = event_words(message)
    else:
        text = result_words(message, version)
    return (front + text).replace("\n", " ").replace("\t", " ")
