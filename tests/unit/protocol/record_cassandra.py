"""Writes tests/data/protocol/cassandra.tsv: what a Cassandra says on the wire, and what the Python driver makes of it.

    ../../../tools/cassandra/node start --port 9142
    python record_cassandra.py 9142 > ../../data/protocol/cassandra.tsv

Needs the environment of tools/driver-venv, and liblz4. test_golden.c says what the lines are.
"""

from __future__ import annotations

import ctypes
import io
import socket
import struct
import sys
from typing import Any

import answers
from cassandra.protocol import (
    _UNSET_VALUE,
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
KS = "protocol_golden"
READ_SECONDS = 10
EVENT_SECONDS = 0.7

SETUP = [
    f"DROP KEYSPACE IF EXISTS {KS}",
    f"CREATE KEYSPACE {KS} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
]

# Statements whose answers are kept, in order, in each version.
STATEMENTS = [
    f"USE {KS}",
    "CREATE TYPE address (street text, numbers frozen<list<int>>)",
    "CREATE TABLE t (p int, c text, v blob, s int STATIC, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)",
    "CREATE TABLE many (p int PRIMARY KEY, a ascii, b bigint, c blob, d boolean, e decimal, f double, g float,"
    " h timestamp, i uuid, j text, k varint, l timeuuid, m inet, n date, o time, q smallint, r tinyint,"
    " s duration, t list<int>, u set<text>, v map<text, frozen<list<int>>>, w tuple<int, text>,"
    " x vector<float, 3>, y frozen<address>, z address)",
    "CREATE TABLE hits (p int PRIMARY KEY, n counter)",
    "INSERT INTO t (p, c, v, s) VALUES (1, 'a', 0xcafe, 7)",
    "INSERT INTO t (p, c) VALUES (1, 'b')",
    "INSERT INTO t (p, c, v) VALUES (1, '', 0x)",
    "SELECT * FROM t",
    "SELECT p, v FROM t WHERE p = 2",
    "SELECT count(*) AS n, max(c), writetime(v) FROM t WHERE p = 1 GROUP BY c",
    "INSERT INTO t (p, c) VALUES (1, 'a') IF NOT EXISTS",
    "INSERT INTO t (p, c) VALUES (1, 'z') IF NOT EXISTS",
    "INSERT INTO many (p, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, q, r, s, t, u, v, w, x, y, z) VALUES"
    " (1, 'a', 2, 0x03, true, 1.50, 2.5, -0.5, '2026-01-02T03:04:05.678Z',"
    " 01234567-89ab-4def-8123-456789abcdef, 'é', 12345678901234567890,"
    " 01234567-89ab-1def-8123-456789abcdef, '127.0.0.1', '2026-01-02', '01:02:03.004', 5, 6, 1mo2d3s,"
    " [1, 2], {'x'}, {'k': [3]}, (4, null), [1.0, 2.0, 3.0], {street: 's', numbers: [1]}, {street: 's'})",
    "INSERT INTO many (p) VALUES (2)",
    "SELECT * FROM many",
    "SELECT hits.p, n FROM hits",
    "UPDATE hits SET n = n + 1 WHERE p = 1",
    "ALTER TABLE t ADD w text",
    "CREATE INDEX ON t (w)",
    "ALTER TYPE address ADD zip text",
    "SELECT y FROM many WHERE p = 1",
    "BEGIN UNLOGGED BATCH INSERT INTO t (p, c) VALUES (3, 'x'); INSERT INTO t (p, c) VALUES (4, 'x'); APPLY BATCH",
    "SELECT * FROM nowhere",
    "SELEKT",
    "CREATE TABLE t (p int PRIMARY KEY)",
    f"CREATE KEYSPACE {KS} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
    "CREATE TABLE bad (p int PRIMARY KEY) WITH compaction = {'class': 'Nope'}",
    "SELECT * FROM t WHERE v = 0x00",
    "SELECT * FROM t WHERE p IN (1, 2, 3) AND c = 'x' LIMIT 1",
    "TRUNCATE hits",
    "DROP TABLE hits",
    "DROP KEYSPACE IF EXISTS no_such_keyspace",
]

PREPARED = [
    "INSERT INTO {ks}.t (p, c, v) VALUES (?, ?, ?)",
    "SELECT c, v FROM {ks}.t WHERE p = ?",
    "SELECT * FROM {ks}.many WHERE p = ? AND x = ? AND y = ? ALLOW FILTERING",
    "UPDATE {ks}.t SET v = ? WHERE c = ? AND p = ? IF v = ?",
    "SELECT c FROM {ks}.t",
    "CREATE TABLE IF NOT EXISTS {ks}.t (p int PRIMARY KEY)",
]


def unpack(data: bytes) -> bytes:
    """As the driver's: a length in front."""
    (length,) = struct.unpack(">i", data[:4])
    out = ctypes.create_string_buffer(max(length, 1))
    n = LZ4.LZ4_decompress_safe(bytes(data[4:]), out, len(data) - 4, length)
    if n != length:
        raise ValueError("LZ4 block is damaged")
    return out.raw[:length]


def pack(data: bytes) -> bytes:
    out = ctypes.create_string_buffer(LZ4.LZ4_compressBound(len(data)))
    n = LZ4.LZ4_compress_default(bytes(data), out, len(data), len(out))
    return struct.pack(">i", len(data)) + out.raw[:n]


class Execute(ExecuteMessage):
    """Asks for no metadata where skip_meta says so, which the driver never does."""

    def _write_query_params(self, f: Any, protocol_version: int) -> None:
        out = io.BytesIO()
        super()._write_query_params(out, protocol_version)
        data = bytearray(out.getvalue())
        data[5 if protocol_version >= 5 else 2] |= 0x02 if self.skip_meta else 0
        f.write(bytes(data))


class Conversation:
    """A connection whose bytes are kept."""

    def __init__(self, port: int, version: int, lz4: bool = False) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), READ_SECONDS)
        self.version, self.lz4 = version, lz4
        self.codec = SegmentCodec(pack, unpack) if lz4 else SegmentCodec()
        self.framed = False
        self.received = b""
        self.waiting = b""  # not yet cut into envelopes
        self.raw = b""  # not yet cut into segments
        self.events: list[bytes] = []

    def send(self, message: Any, stream: int = 1, tracing: bool = False) -> None:
        message.tracing = tracing
        data = ProtocolHandler.encode_message(message, stream, self.version, None, False)
        if self.framed:
            out = io.BytesIO()
            self.codec.encode(out, data)
            data = out.getvalue()
        self.socket.sendall(data)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.received += data
        if not self.framed:
            self.waiting += data
            return
        self.raw += data
        self._cut_segments()

    def _cut_segments(self) -> None:
        head = self.codec.header_length_with_crc
        while len(self.raw) >= head:
            header = self.codec.decode_header(io.BytesIO(self.raw))
            end = head + header.payload_length + 4
            if len(self.raw) < end:
                return
            segment = self.codec.decode(io.BytesIO(self.raw[head:end]), header)
            self.waiting += segment.payload
            self.raw = self.raw[end:]

    def _next(self) -> bytes:
        while len(self.waiting) < 9 or len(self.waiting) < 9 + int.from_bytes(
            self.waiting[5:9], "big"
        ):
            self._more()
        end = 9 + int.from_bytes(self.waiting[5:9], "big")
        found, self.waiting = self.waiting[:end], self.waiting[end:]
        if found[1] & 1 and self.version < 5:
            body = unpack(found[9:])
            found = (
                found[:1]
                + bytes([found[1] & ~1])
                + found[2:5]
                + struct.pack(">i", len(body))
                + body
            )
        return found

    def answer(self) -> bytes:
        while True:
            found = self._next()
            if found[2:4] != b"\xff\xff":
                return found
            self.events.append(found)

    def ask(self, message: Any, tracing: bool = False) -> bytes:
        self.send(message, tracing=tracing)
        return self.answer()

    def startup(self) -> bytes:
        answer = self.ask(StartupMessage("3.0.0", {"COMPRESSION": "lz4"} if self.lz4 else {}))
        self.framed = self.version >= 5
        return answer

    def wait_for_events(self) -> None:
        self.socket.settimeout(EVENT_SECONDS)
        try:
            while True:
                self.events.append(self._next())
        except TimeoutError:
            self.socket.settimeout(READ_SECONDS)


def query(text: str, **more: Any) -> QueryMessage:
    return QueryMessage(text, more.pop("consistency", 1), **more)


def setup(port: int) -> None:
    c = Conversation(port, 4)
    c.startup()
    for text in SETUP:
        c.ask(query(text))


def kept(envelope: bytes, metadata: Any = None) -> None:
    print("A", envelope[0] & 0x7F, answers.words(envelope, metadata), envelope.hex(), sep="\t")


def prepared_statements(c: Conversation) -> None:
    found = {}
    for text in PREPARED:
        text = text.format(ks=KS)
        answer = c.ask(PrepareMessage(text))
        kept(answer)
        found[text] = answers.decode(answer)
    insert, select = (found[PREPARED[i].format(ks=KS)] for i in (0, 1))

    def execute(statement: Any, values: Any, **more: Any) -> bytes:
        metadata = more.pop("metadata_id", None) or statement.result_metadata_id or b""
        message = Execute(statement.query_id, values, 1, result_metadata_id=metadata, **more)
        return c.ask(message)

    for i in range(5):
        kept(execute(insert, [struct.pack(">i", 9), b"%d" % i, _UNSET_VALUE if i % 2 else b"v"]))
    kept(execute(select, [struct.pack(">i", 9)], skip_meta=True), select.column_metadata)
    page = execute(select, [struct.pack(">i", 9)], fetch_size=2)
    kept(page)
    state = answers.decode(page).paging_state
    kept(execute(select, [struct.pack(">i", 9)], fetch_size=2, paging_state=state))
    kept(execute(insert, [b"\0", b"x", b"v"]))  # an int of one byte
    if c.version >= 5:  # a metadata id that is not the statement's: METADATA_CHANGED
        changed = execute(select, [struct.pack(">i", 9)], skip_meta=True, metadata_id=b"x" * 16)
        kept(changed)
    kept(c.ask(ExecuteMessage(b"n" * 16, None, 1, result_metadata_id=b"m" * 16)))  # UNPREPARED
    row = [struct.pack(">i", 9), b"batch", b"v"]
    kept(c.ask(BatchMessage(BatchType.LOGGED, [(True, insert.query_id, row)], 1)))


def answers_of(port: int, version: int) -> None:
    setup(port)
    c = Conversation(port, version)
    kept(c.ask(OptionsMessage()))
    kept(c.startup())
    kept(c.ask(RegisterMessage(["TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"])))
    for text in STATEMENTS:
        kept(c.ask(query(text)))
    kept(c.ask(query("SELECT * FROM t", consistency=2)))  # UNAVAILABLE: two replicas of one
    kept(c.ask(query("INSERT INTO t (p, c) VALUES (1, 'q')", consistency=3)))
    kept(c.ask(query("SELECT p FROM t WHERE p = 1"), tracing=True))
    kept(c.ask(query("SELECT count(*) FROM t"), tracing=False))  # with a warning
    prepared_statements(c)
    c.wait_for_events()
    for event in c.events:
        kept(event)


def versions_that_nobody_speaks(port: int) -> None:
    for version in (3, 66):
        c = Conversation(port, 5)
        c.socket.sendall(bytes([version, 0, 0, 0, 5, 0, 0, 0, 0]))
        kept(c.answer())


def conversation(port: int, version: int, lz4: bool) -> None:
    """A short one, as it came."""
    c = Conversation(port, version, lz4)
    c.ask(OptionsMessage())
    c.startup()
    for text in (
        "SELECT key, release_version FROM system.local",
        "SELEKT",
        f"SELECT * FROM {KS}.t",
    ):
        c.ask(query(text))
    c.ask(
        query("SELECT keyspace_name, table_name, column_name FROM system_schema.columns LIMIT 15")
    )
    print("C", version, int(lz4), c.received.hex(), sep="\t")


def main(port: int) -> None:
    print("# Made by record_cassandra.py. See test_golden.c for what the lines mean.")
    for version in (4, 5):
        answers_of(port, version)
    versions_that_nobody_speaks(port)
    for version in (4, 5):
        for lz4 in (False, True):
            conversation(port, version, lz4)


if __name__ == "__main__":
    main(int(sys.argv[1]))
