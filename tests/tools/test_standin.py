"""tools/astra/standin without Java or network: LZ4, framing, and what the proxy refuses."""

from __future__ import annotations

import struct
import sys
import unittest
import zlib
from pathlib import Path
from unittest import mock

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"
sys.path[:0] = [str(TOOLS / "astra"), str(TOOLS / "cassandra")]

from standin import lz4  # noqa: E402
from standin.faults import Faults, RateLimit, Refusal  # noqa: E402
from standin.framing import (  # noqa: E402
    AUTH_RESPONSE,
    CRC32_START,
    EXECUTE,
    HEADER,
    OPTIONS,
    PREPARE,
    QUERY,
    READY,
    STARTUP,
    SUPPORTED,
    Malformed,
    Splitter,
    read_multimap,
    write_multimap,
)
from standin.proxy import _Relay  # noqa: E402
from standin.rules import Rules  # noqa: E402

PART = (1 << 17) - 1
GOLDEN = "090002a4c8c1050000070500000000a8b62d50"  # OPTIONS, by the SegmentCodec of the Python driver 3.30


def envelope(opcode: int, body: bytes = b"", version: int = 5, stream: int = 7) -> bytes:
    return HEADER.pack(version, 0, stream, opcode, len(body)) + body


def statement(text: str, opcode: int = QUERY, **more: int) -> bytes:
    return envelope(opcode, struct.pack(">i", len(text)) + text.encode() + b"\0\1\0", **more)


def segment(payload: bytes, before: int | None = None, is_self_contained: bool = True) -> bytes:
    """What a peer sends; before: with LZ4, the length before compression. The header's checksum is left out."""
    if before is None:
        header = (len(payload) | is_self_contained << 17).to_bytes(3, "little")
    else:
        bits = len(payload) | before << 17 | is_self_contained << 34
        header = bits.to_bytes(5, "little")
    return header + bytes(3) + payload + zlib.crc32(payload, CRC32_START).to_bytes(4, "little")


def literals(data: bytes) -> bytes:
    """An LZ4 block without a match."""
    if len(data) < 15:
        return bytes([len(data) << 4]) + data
    rest = len(data) - 15
    return b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + data


class Lz4Tests(unittest.TestCase):
    def test_blocks(self):
        for block, content in (
            (b"\0", b""),
            (literals(b"abc"), b"abc"),
            (literals(bytes(1000)), bytes(1000)),
            (b"\x35abc\x03\0\x10!", b"abcabcabcabc!"),  # a match that repeats what it writes
            (b"\x1fa\x01\0\x05\x10b", b"a" * 25 + b"b"),
        ):
            self.assertEqual(lz4.decompress(block, 1 << 17), content)
            for limit in range(len(content)):
                self.assertEqual(lz4.decompress(block, limit), content[:limit])

    def test_damage(self):
        for block in (
            b"\x35abc\x04\0",
            b"\x35abc\0\0",
            b"\x35abc\x03",
            b"\xff\xff",
            b"\x1fa\x01\0",
        ):
            with self.assertRaises(ValueError, msg=block):
                lz4.decompress(block, 1 << 17)


class FramingTests(unittest.TestCase):
    def splitter(self, mode: str) -> Splitter:
        splitter = Splitter()
        if mode != "envelopes":
            splitter.use_segments(mode == "lz4")
        return splitter

    def cut(self, mode: str, data: bytes, step: int) -> list:
        splitter = self.splitter(mode)
        return [
            unit for at in range(0, len(data), step) for unit in splitter.feed(data[at : at + step])
        ]

    def test_a_segment_as_the_python_driver_writes_it(self):
        options = envelope(OPTIONS)
        self.assertEqual(self.splitter("segments").wrap(options).hex(), GOLDEN)

    def test_units_are_the_same_however_they_arrive(self):
        one, two = statement("SELECT 1"), envelope(EXECUTE, b"x" * 300)
        for mode, data in (
            ("envelopes", one + two),
            ("segments", segment(one + two) + segment(two)),
            ("lz4", segment(literals(one + two), len(one + two)) + segment(two, 0)),
        ):
            whole = self.cut(mode, data, len(data))
            self.assertEqual(len(whole), 2, mode)
            self.assertEqual(b"".join(unit.raw for unit in whole), data)
            self.assertEqual(whole[-1].envelopes[-1].raw, two)
            for step in (1, 2, 7, 64):
                self.assertEqual(self.cut(mode, data, step), whole, (mode, step))

    def test_an_envelope_in_several_segments_is_one_unit(self):
        large = statement("INSERT " + "x" * 300_000)
        parts = [large[at : at + PART] for at in range(0, len(large), PART)]
        small = statement("SELECT 1")
        for mode, data in (
            ("segments", b"".join(segment(p, None, False) for p in parts) + segment(small)),
            (
                "lz4",
                b"".join(segment(p, 0, False) for p in parts[:-1])
                + segment(literals(parts[-1]), len(parts[-1]), False)
                + segment(small, 0),
            ),
        ):
            first, second = self.cut(mode, data, 1 << 16)
            self.assertEqual([e.raw for e in first.envelopes], [large])
            self.assertEqual(second.envelopes[0].raw, small)

    def test_what_it_wraps_it_reads(self):
        for mode in ("envelopes", "segments", "lz4"):
            made = self.splitter(mode).wrap(statement("SELECT 1"))
            (unit,) = self.cut(mode, made, len(made))
            self.assertEqual(unit.envelopes[0].raw, statement("SELECT 1"))

    def test_malformed(self):
        for mode, data in (
            ("envelopes", HEADER.pack(4, 0, 0, QUERY, -1)),
            ("segments", segment(envelope(QUERY, b"x" * 9)[:-1])),
            ("segments", segment(b"x", None, False)),
            ("lz4", segment(b"\xf0", 300)),
        ):
            with self.assertRaises(Malformed, msg=mode):
                for unit in self.cut(mode, data, len(data)):
                    unit.envelopes  # noqa: B018

    def test_v4_compresses_bodies(self):
        text = statement("CREATE KEYSPACE k")
        body = struct.pack(">i", len(text) - HEADER.size) + literals(text[HEADER.size :])
        raw = HEADER.pack(4, 1, 0, QUERY, len(body)) + body
        (unit,) = self.cut("envelopes", raw, len(raw))
        self.assertEqual(unit.envelopes[0].text(), text[HEADER.size :])


class Sink:
    """One side of a relay, as far as it is written to."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


class RelayTests(unittest.TestCase):
    def setUp(self):
        self.faults = Faults()
        self.indexes = 0
        rules = Rules(self.faults, {"token": "secret"}, lambda: self.indexes)
        self.client, self.node = Sink(), Sink()
        self.relay = _Relay(self.faults, rules, self.client, self.node)

    def ask(self, data: bytes) -> tuple[bytes, bytes]:
        """What the node gets, and what the client hears."""
        self.client.data = self.node.data = b""
        for unit in self.relay.requests.feed(data):
            self.relay._request(unit)
        return self.node.data, self.client.data

    def hear(self, data: bytes) -> bytes:
        self.client.data = b""
        for unit in self.relay.responses.feed(data):
            self.relay._response(unit)
        return self.client.data

    def start(self, version: int = 5, compression: str = "") -> None:
        """STARTUP and READY."""
        options = {"CQL_VERSION": "3.4.5"} | ({"COMPRESSION": compression} if compression else {})
        words = b"".join(
            struct.pack(">H", len(w)) + w.encode() for pair in options.items() for w in pair
        )
        data = envelope(STARTUP, struct.pack(">H", len(options)) + words, version)
        self.assertEqual(self.ask(data), (data, b""))
        ready = envelope(READY, b"", version | 0x80)
        self.assertEqual(self.hear(ready), ready)

    def test_a_refusal_in_each_framing(self):
        bad = statement("CREATE KEYSPACE k WITH x", PREPARE)
        for version, compression in ((4, ""), (4, "lz4"), (5, ""), (5, "lz4")):
            self.setUp()
            self.start(version, compression)
            sent = self.relay.requests.wrap(bad.replace(b"\5", bytes([version]), 1))
            passed, heard = self.ask(sent)
            self.assertEqual(passed, b"")
            splitter = Splitter()
            if version == 5:
                splitter.use_segments(compression == "lz4")
            (unit,) = splitter.feed(heard)
            (answer,) = unit.envelopes
            self.assertEqual((answer.version, answer.stream, answer.opcode), (version | 0x80, 7, 0))
            self.assertEqual(answer.body[:4], struct.pack(">i", 0x2100))

    def test_the_others_in_the_segment_go_on(self):
        self.start()
        good, bad = statement("SELECT 1", stream=1), statement("DROP KEYSPACE k", stream=2)
        passed, heard = self.ask(segment(good + bad + good))
        (unit,) = self.relay_unit(passed)
        self.assertEqual([e.raw for e in unit.envelopes], [good, good])
        (unit,) = self.relay_unit(heard)
        self.assertEqual([e.stream for e in unit.envelopes], [2])

    def relay_unit(self, data: bytes) -> list:
        splitter = Splitter()
        splitter.use_segments(False)
        return list(splitter.feed(data))

    def test_what_is_allowed_passes_as_it_is(self):
        self.start()
        for text in (
            "SELECT keyspace FROM t",
            "CREATE TABLE keyspace (k int)",
            "CREATE INDEX ON t (v)",
        ):
            data = segment(statement(text))
            self.assertEqual(self.ask(data), (data, b""))

    def test_too_many_indexes(self):
        self.start()
        self.indexes = 100
        for text in ("CREATE INDEX i ON t (v)", "create custom index if not exists i on t (v)"):
            self.assertIn(b"create secondary index i", self.ask(segment(statement(text)))[1])

    def test_a_password_counts_to_its_end(self):
        self.start()
        for password, is_good in (
            ("secret", True),
            ("secre", False),
            ("secret2", False),
            ("", False),
        ):
            token = b"\0token\0" + password.encode()
            data = segment(envelope(AUTH_RESPONSE, struct.pack(">i", len(token)) + token))
            self.assertEqual(self.ask(data)[0], data if is_good else b"")

    def test_supported(self):
        options = {"COMPRESSION": ["snappy", "lz4"], "CQL_VERSION": ["3.4.7"]}
        heard = self.hear(envelope(SUPPORTED, write_multimap(options), 0x85))
        self.assertEqual(
            read_multimap(heard[HEADER.size :]),
            {"COMPRESSION": ["lz4"], "CQL_VERSION": ["3.4.7"], "PRODUCT_TYPE": ["DATASTAX_APOLLO"]},
        )

    def test_a_rate_limit_has_windows(self):
        with mock.patch("standin.faults.time.monotonic", side_effect=[10, 10.1, 10.9, 11, 11.5]):
            limit = RateLimit(2, 1.0)
            self.assertEqual([limit.admits() for _ in range(5)], [True, True, False, True, True])
        self.assertEqual(limit.refused, 1)

    def test_a_refusal_ends(self):
        refusal = Refusal("from t", "words", times=2)
        asked = ["SELECT", "SELECT FROM t", "select from t", "SELECT FROM t"]
        self.assertEqual([refusal.meets(text) for text in asked], [False, True, True, False])


if __name__ == "__main__":
    unittest.main()
