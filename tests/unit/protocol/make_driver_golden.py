"""Writes tests/data/protocol/driver.tsv: requests and segments as the Python driver makes them.

    python make_driver_golden.py > ../../data/protocol/driver.tsv

Needs the environment of tools/driver-venv, and liblz4. test_golden.c says what the lines are.
"""

from __future__ import annotations

import ctypes
import io
import struct
from typing import Any

import answers
from cassandra.metadata import Murmur3Token
from cassandra.protocol import (
    _UNSET_VALUE,
    AuthResponseMessage,
    BatchMessage,
    ExecuteMessage,
    OptionsMessage,
    PrepareMessage,
    ProtocolHandler,
    QueryMessage,
    RegisterMessage,
    StartupMessage,
)
from cassandra.query import BatchType
from cassandra.segment import SegmentCodec

LZ4 = ctypes.CDLL("liblz4.so.1")


def lz4_compress(data: bytes) -> bytes:
    """As the driver's: a length in front, which its segments take away again."""
    out = ctypes.create_string_buffer(LZ4.LZ4_compressBound(len(data)))
    n = LZ4.LZ4_compress_default(bytes(data), out, len(data), len(out))
    return struct.pack(">i", len(data)) + out.raw[:n]


def envelope(message: Any, version: int, stream: int = 0) -> bytes:
    return ProtocolHandler.encode_message(message, stream, version, None, False)


# --- what is said of a request ---


def shown(value: Any) -> str:
    if value is None:
        return "null"
    if value is _UNSET_VALUE:
        return "unset"
    return "0x" + value.hex()


def values_of(params: Any) -> str:
    return "".join(f" {shown(value)}" for value in params or [])


def parameters_of(message: Any, version: int) -> str:
    parts = [f" consistency {message.consistency_level}"]
    if message.serial_consistency_level:
        parts.append(f" serial {message.serial_consistency_level}")
    if getattr(message, "query_params", None):
        parts.append(f" values{values_of(message.query_params)}")
    if getattr(message, "fetch_size", None):
        parts.append(f" page {message.fetch_size}")
    if getattr(message, "paging_state", None):
        parts.append(f" state {shown(message.paging_state)}")
    if message.timestamp is not None:
        parts.append(f" timestamp {message.timestamp}")
    if message.keyspace:
        parts.append(f" keyspace {message.keyspace}")
    return "".join(parts)


def described(message: Any, version: int) -> str:
    if isinstance(message, OptionsMessage):
        return "OPTIONS"
    if isinstance(message, StartupMessage):
        pairs = {**message.options, "CQL_VERSION": message.cqlversion}
        return "STARTUP" + "".join(f" {name}={value}" for name, value in pairs.items())
    if isinstance(message, RegisterMessage):
        return "REGISTER" + "".join(f" {name}" for name in message.event_list)
    if isinstance(message, AuthResponseMessage):
        return f"AUTH_RESPONSE {shown(message.response)}"
    if isinstance(message, PrepareMessage):
        return f"PREPARE {message.query}" + (
            f" keyspace {message.keyspace}" if message.keyspace else ""
        )
    if isinstance(message, QueryMessage):
        return f"QUERY {message.query}{parameters_of(message, version)}"
    if isinstance(message, ExecuteMessage):
        metadata = f" {shown(message.result_metadata_id)}" if version >= 5 else ""
        return f"EXECUTE {shown(message.query_id)}{metadata}{parameters_of(message, version)}"
    items = "".join(
        f" [{shown(what) if prepared else what}{values_of(params)}]"
        for prepared, what, params in message.queries
    )
    return f"BATCH {message.batch_type.value}{items}{parameters_of(message, version)}"


# --- requests ---


def requests(version: int) -> list[Any]:
    keyspace = {"keyspace": "ks"} if version >= 5 else {}
    params = [b"ab", None, _UNSET_VALUE, b"", b"\x00" * 300]
    return [
        OptionsMessage(),
        StartupMessage("3.0.0", {}),
        StartupMessage("3.0.0", {"COMPRESSION": "lz4", "DRIVER_NAME": "x"}),
        RegisterMessage(["TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"]),
        AuthResponseMessage(b"\0cassandra\0cassandra"),
        PrepareMessage("SELECT * FROM t WHERE a = ?"),
        PrepareMessage("SELECT é FROM t", **keyspace),
        QueryMessage("SELECT 1", 1),
        QueryMessage("SELECT 1", 6, 9, 5000, b"\x01\x02state", 1234567890123456, **keyspace),
        QueryMessage("SELECT 1", 10, 8, timestamp=1),
        ExecuteMessage(b"0123456789abcdef", None, 4, result_metadata_id=b"fedcba9876543210"),
        ExecuteMessage(b"0123456789abcdef", params, 4, result_metadata_id=b"fedcba9876543210"),
        ExecuteMessage(
            b"0123456789abcdef",
            params,
            6,
            9,
            100,
            b"next",
            17,
            result_metadata_id=b"fedcba9876543210",
        ),
        BatchMessage(
            BatchType.LOGGED,
            [(False, "INSERT 1", []), (True, b"0123456789abcdef", params)],
            6,
            9,
            99,
            **keyspace,
        ),
        BatchMessage(BatchType.UNLOGGED, [], 1),
        BatchMessage(BatchType.COUNTER, [(True, b"id", [b"\0\0\0\1"])], 10),
    ]


# --- errors that one healthy node does not send: written after section 9, read by the driver ---


def text(value: str) -> bytes:
    return struct.pack(">H", len(value)) + value.encode()


def errors(version: int) -> list[bytes]:
    replicas = struct.pack(">Hii", 4, 1, 2)  # QUORUM, received, required
    failures = struct.pack(">i", 2)
    if version >= 5:  # a reason for each
        failures += bytes([4, 127, 0, 0, 1]) + struct.pack(">H", 1)
        failures += bytes([16]) + bytes(15) + bytes([1]) + struct.pack(">H", 0)
    contentions = struct.pack(">H", 3) if version >= 5 else b""
    bodies = [
        (0x1001, "overloaded", b""),
        (0x1002, "bootstrapping", b""),
        (0x1003, "truncate", b""),
        (0x1100, "write timeout", replicas + text("SIMPLE")),
        (0x1100, "write timeout", replicas + text("CAS") + contentions),
        (0x1200, "read timeout", replicas + b"\1"),
        (0x1300, "read failure", replicas + failures + b"\0"),
        (0x1400, "function", text("ks") + text("f") + struct.pack(">H", 1) + text("int")),
        (0x1500, "write failure", replicas + failures + text("UNLOGGED_BATCH")),
        (0x1600, "cdc", b""),
        (0x2100, "unauthorized", b""),
        (0x0100, "credentials", b""),
    ]
    out = []
    for code, message, rest in bodies:
        body = struct.pack(">i", code) + text(message) + rest
        out.append(struct.pack(">BBhBi", 0x80 | version, 0, 0, 0, len(body)) + body)
    return out


# --- segments ---


def segments(payload: bytes, lz4: bool) -> bytes:
    # Neither is what the driver would take without its lz4 package; it only encodes here.
    codec = SegmentCodec(lz4_compress, lambda data: data) if lz4 else SegmentCodec()
    out = io.BytesIO()
    codec.encode(out, payload)
    return out.getvalue()


def blob(length: int, seed: int) -> bytes:
    """An envelope whose body LZ4 shortens: support.c, put_blob()."""
    body = bytes((seed + i // 100) & 0xFF for i in range(length))
    return struct.pack(">BBhBi", 5, 0, 0, 7, length) + body


def main() -> None:
    print("# Made by make_driver_golden.py. See test_golden.c for what the lines mean.")
    for version in (4, 5):
        for message in requests(version):
            hexed = envelope(message, version).hex()
            print("Q", version, described(message, version), hexed, sep="\t")
        for error in errors(version):
            print("A", version, answers.words(error), error.hex(), sep="\t")
    texts = [QueryMessage(f"SELECT {i} FROM system.local", 1) for i in range(40)]
    payloads = [
        envelope(OptionsMessage(), 5, 3),
        envelope(texts[0], 5, 32767),
        b"".join(envelope(text, 5, i) for i, text in enumerate(texts)),
        envelope(QueryMessage("x" * 1000, 1), 5, 1) + envelope(OptionsMessage(), 5, 2),
        envelope(QueryMessage("".join(chr(33 + i * i % 90) for i in range(900)), 1), 5, 1),
    ]
    for lz4 in (False, True):
        for payload in payloads:
            print("S", int(lz4), payload.hex(), segments(payload, lz4).hex(), sep="\t")
    for length in (131061, 131062, 131063, 262133, 262134, 600000):
        token = Murmur3Token.hash_fn(segments(blob(length, length), False))
        print("L", length, token, sep="\t")


if __name__ == "__main__":
    main()
