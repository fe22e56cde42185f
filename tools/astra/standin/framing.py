"""CQL's native protocol, v3 to v5, as far as a proxy needs it that lets bytes pass and sometimes answers itself.

    envelope          0 version, high bit: a response   1 flags   2-3 stream   4 opcode   5-8 body length   9 body
    segment (v5)      0-2 payload length (17 bits), self-contained (1 bit)   3-5 CRC24   payload   CRC32
    ... with LZ4      0-4 payload length (17 bits), length before compression (17; 0: it is not), self-contained (1)
                      5-7 CRC24   payload   CRC32

From v5 on both sides speak in segments once STARTUP was accepted. A segment that is not self-contained holds a part of
one envelope, and nothing else may come between its parts. The proxy therefore passes on whole units: an envelope, a
self-contained segment, or all segments of one envelope. It trusts checksums: the two ends check them.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from . import lz4

ERROR, STARTUP, READY, AUTHENTICATE, OPTIONS, SUPPORTED = 0x00, 0x01, 0x02, 0x03, 0x05, 0x06
QUERY, PREPARE, EXECUTE, BATCH, AUTH_RESPONSE = 0x07, 0x09, 0x0A, 0x0D, 0x0F
RESPONSE = 0x80
FLAG_COMPRESSED = 0x01

HEADER = struct.Struct(">BBhBi")
ENVELOPE_BODY_MAX = 256 << 20
SEGMENT_PAYLOAD_MAX = (1 << 17) - 1
CRC24_START, CRC24_POLYNOMIAL = 0x875060, 0x1974F0B
CRC32_START = zlib.crc32(b"\xfa\x2d\x55\xca")


class Malformed(Exception):
    """These bytes are not CQL's protocol; what follows cannot be understood either."""


@dataclass(frozen=True)
class Envelope:
    version: int
    flags: int
    stream: int
    opcode: int
    body: bytes
    raw: bytes

    @classmethod
    def of(cls, raw: bytes) -> Envelope:
        version, flags, stream, opcode, _ = HEADER.unpack(raw[: HEADER.size])
        return cls(version, flags, stream, opcode, raw[HEADER.size :], raw)

    def text(self) -> bytes:
        """The body without compression: v4 compresses it here, v5 compresses segments."""
        if not self.flags & FLAG_COMPRESSED:
            return self.body
        try:
            return lz4.decompress(self.body[4:], int.from_bytes(self.body[:4], "big"))
        except ValueError as error:
            raise Malformed(str(error)) from error

    def answer(self, opcode: int, body: bytes) -> bytes:
        """A response to this request."""
        version = self.version & ~RESPONSE | RESPONSE
        return HEADER.pack(version, 0, self.stream, opcode, len(body)) + body


@dataclass(frozen=True)
class Unit:
    """What is passed on or held back together. Looking inside costs time, so only `envelopes` does."""

    raw: bytes
    segments: tuple[_Segment, ...] = ()  # none: the raw bytes are an envelope

    @property
    def envelopes(self) -> list[Envelope]:
        if not self.segments:
            return [Envelope.of(self.raw)]
        return list(_envelopes(b"".join(part.head(part.length) for part in self.segments)))


@dataclass(frozen=True)
class _Segment:
    end: int  # in the buffer
    length: int  # of the payload before compression
    payload: bytes
    is_compressed: bool
    is_self_contained: bool

    def head(self, limit: int) -> bytes:
        if not self.is_compressed:
            return self.payload[:limit]
        try:
            return lz4.decompress(self.payload, limit)
        except ValueError as error:
            raise Malformed(str(error)) from error


class Splitter:
    """One direction of a connection: bytes in, units out."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.has_segments = False
        self.has_lz4 = False

    def use_segments(self, with_lz4: bool) -> None:
        """From the next unit on."""
        self.has_segments, self.has_lz4 = True, with_lz4

    def feed(self, data: bytes) -> Iterator[Unit]:
        """All units that are complete now."""
        self.buffer += data
        while True:
            unit = self._segments() if self.has_segments else self._envelope()
            if unit is None:
                return
            del self.buffer[: len(unit.raw)]
            yield unit

    def wrap(self, envelopes: bytes) -> bytes:
        """Whole envelopes, as they stand in this direction now."""
        if not self.has_segments:
            return envelopes
        if len(envelopes) > SEGMENT_PAYLOAD_MAX:
            raise Malformed("more than a segment holds")
        bits, size = (34, 5) if self.has_lz4 else (17, 3)
        header = (len(envelopes) | 1 << bits).to_bytes(size, "little")
        crc = zlib.crc32(envelopes, CRC32_START).to_bytes(4, "little")
        return header + _crc24(header).to_bytes(3, "little") + envelopes + crc

    def _envelope(self) -> Unit | None:
        end = _end_of(self.buffer)
        if end is None or len(self.buffer) < end:
            return None
        return Unit(bytes(self.buffer[:end]))

    def _segments(self) -> Unit | None:
        first = self._segment(0)
        if first is None:
            return None
        if first.is_self_contained:
            return Unit(bytes(self.buffer[: first.end]), (first,))
        wanted = _end_of(first.head(HEADER.size))
        if wanted is None:
            raise Malformed("a segment too short for a header")
        parts, have = [first], first.length
        while have < wanted:
            part = self._segment(parts[-1].end)
            if part is None:
                return None
            parts.append(part)
            have += part.length
        return Unit(bytes(self.buffer[: parts[-1].end]), tuple(parts))

    def _segment(self, at: int) -> _Segment | None:
        size = 5 if self.has_lz4 else 3
        bits = int.from_bytes(self.buffer[at : at + size], "little")
        start = at + size + 3
        length = bits & SEGMENT_PAYLOAD_MAX
        end = start + length + 4
        if len(self.buffer) < end:
            return None
        before = bits >> 17 & SEGMENT_PAYLOAD_MAX if self.has_lz4 else 0
        return _Segment(
            end,
            before or length,
            bytes(self.buffer[start : start + length]),
            before > 0,
            bool(bits >> (34 if self.has_lz4 else 17) & 1),
        )


def _end_of(data: bytes | bytearray) -> int | None:
    """Where the envelope at the beginning ends; None: its header is not all there."""
    if len(data) < HEADER.size:
        return None
    length = HEADER.unpack(data[: HEADER.size])[4]
    if not 0 <= length <= ENVELOPE_BODY_MAX:
        raise Malformed(f"an envelope of {length} bytes")
    return HEADER.size + length


def _envelopes(data: bytes) -> Iterator[Envelope]:
    """All envelopes of a self-contained segment, or the one of several."""
    while data:
        end = _end_of(data)
        if end is None or end > len(data):
            raise Malformed("a segment that ends inside an envelope")
        yield Envelope.of(data[:end])
        data = data[end:]


def _crc24(data: bytes) -> int:
    crc = CRC24_START
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 1 << 24:
                crc ^= CRC24_POLYNOMIAL
    return crc


# --- bodies ---------------------------------------------------------------------------------------


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def error(code: int, message: str) -> bytes:
    """The body of an ERROR whose code has nothing more to say than its message."""
    return struct.pack(">i", code) + string(message)


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def strings(self) -> list[str]:
        return [self.string() for _ in range(self.short())]

    def string(self) -> str:
        return self._take(self.short()).decode(errors="replace")

    def short(self) -> int:
        return int.from_bytes(self._take(2), "big")

    def _take(self, length: int) -> bytes:
        if self.at + length > len(self.body):
            raise Malformed("a body that ends too early")
        self.at += length
        return self.body[self.at - length : self.at]


def read_string_map(body: bytes) -> dict[str, str]:
    """The body of STARTUP."""
    reader = _Reader(body)
    return {reader.string(): reader.string() for _ in range(reader.short())}


def read_multimap(body: bytes) -> dict[str, list[str]]:
    """The body of SUPPORTED."""
    reader = _Reader(body)
    return {reader.string(): reader.strings() for _ in range(reader.short())}


def write_multimap(values: dict[str, list[str]]) -> bytes:
    parts = [struct.pack(">H", len(values))]
    for name, words in values.items():
        parts += [string(name), struct.pack(">H", len(words)), *map(string, words)]
    return b"".join(parts)


def statement_of(envelope: Envelope) -> str | None:
    """The text of a QUERY or PREPARE; None for other requests."""
    if envelope.opcode not in (QUERY, PREPARE):
        return None
    text = envelope.text()
    length = int.from_bytes(text[:4], "big")
    return text[4 : 4 + length].decode(errors="replace")


def log_in_of(envelope: Envelope) -> tuple[str, str]:
    """User and password of an AUTH_RESPONSE in SASL's mechanism PLAIN."""
    _, user, password, *_ = [*envelope.text()[4:].decode(errors="replace").split("\0"), "", ""]
    return user, password
