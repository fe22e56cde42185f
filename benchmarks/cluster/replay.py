"""A proxy that takes the server out of the way: `replay.py SERVER_PORT` prints its own port and serves until its input ends.

All is relayed to the server but an EXECUTE whose like was answered before: the first answer is given again, with the new
request's stream id. The likeness is the protocol's version and the statement's id, so one program runs one query at a time through a
proxy of its own. Speaks v4 and v5, whose segments it opens and closes; no compression and no TLS. When its input ends it
prints how many answers it gave again.
"""

import asyncio
import struct
import sys
import zlib

HEADER = struct.Struct(">BBhBi")
READY, AUTHENTICATE, STARTUP, ERROR, RESULT, EXECUTE = 0x02, 0x03, 0x01, 0x00, 0x08, 0x0A
ROWS, HAS_MORE_PAGES = 2, 0x02
V5 = 5
SEGMENT_HEADER, SEGMENT_TRAILER = 6, 4
PAYLOAD_MAX = (1 << 17) - 1
READ_SIZE = 1 << 18
SELF_CONTAINED = 1 << 17
CRC24_INIT, CRC24_POLYNOMIAL = 0x875060, 0x1974F0B
CRC32_SEED = zlib.crc32(b"\xfa\x2d\x55\xca")


def crc24(value, size):
    crc = CRC24_INIT
    for _ in range(size):
        crc ^= (value & 0xFF) << 16
        value >>= 8
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= CRC24_POLYNOMIAL
    return crc


def segment(payload, self_contained):
    head = len(payload) | (SELF_CONTAINED if self_contained else 0)
    header = head.to_bytes(3, "little") + crc24(head, 3).to_bytes(3, "little")
    return header + payload + zlib.crc32(payload, CRC32_SEED).to_bytes(4, "little")


def in_segments(envelope):
    """The envelope in as many segments as it needs."""
    if len(envelope) <= PAYLOAD_MAX:
        return [segment(envelope, True)]
    starts = range(0, len(envelope), PAYLOAD_MAX)
    return [segment(envelope[start : start + PAYLOAD_MAX], False) for start in starts]


def cut_envelope(data):
    """The first envelope in the bytes, taken out of them; None while it is not whole."""
    if len(data) < HEADER.size:
        return None
    end = HEADER.size + HEADER.unpack_from(data)[4]
    return cut(data, end) if len(data) >= end else None


def cut_segment(data):
    """The payload of the first segment, which is taken out; None while it is not whole."""
    if len(data) < SEGMENT_HEADER:
        return None
    head = int.from_bytes(data[:3], "little")
    if crc24(head, 3) != int.from_bytes(data[3:SEGMENT_HEADER], "little"):
        raise ValueError("a segment's header has another CRC24")
    end = SEGMENT_HEADER + (head & PAYLOAD_MAX) + SEGMENT_TRAILER
    if len(data) < end:
        return None
    whole = cut(data, end)
    payload = whole[SEGMENT_HEADER:-SEGMENT_TRAILER]
    if zlib.crc32(payload, CRC32_SEED) != int.from_bytes(whole[-SEGMENT_TRAILER:], "little"):
        raise ValueError("a segment's payload has another CRC32")
    return payload


def cut(data, end):
    first = bytes(data[:end])
    del data[:end]
    return first


class Side:
    """What one end says, taken apart into envelopes. `framed`: in segments. It is set between two of them."""

    def __init__(self, reader):
        self.reader, self.framed = reader, False
        self.raw, self.payload = bytearray(), bytearray()

    async def envelope(self):
        while (envelope := self.next()) is None:
            data = await self.reader.read(READ_SIZE)
            if not data:
                raise ConnectionError("closed")
            self.raw += data
        return envelope

    def next(self):
        if not self.framed:
            return cut_envelope(self.raw)
        while (envelope := cut_envelope(self.payload)) is None:
            payload = cut_segment(self.raw)
            if payload is None:
                return None
            self.payload += payload
        return envelope


class Answer:
    """One recorded answer, ready to be sent but for its stream id: only the first piece changes."""

    def __init__(self, envelope, framed):
        self.framed = framed
        pieces = in_segments(envelope) if framed else [envelope]
        self.first, self.others = pieces[0], b"".join(pieces[1:])

    def on_stream(self, stream):
        at = SEGMENT_HEADER if self.framed else 0
        first = bytearray(self.first)
        struct.pack_into(">h", first, at + 2, stream)
        if self.framed:
            crc = zlib.crc32(memoryview(first)[at:-SEGMENT_TRAILER], CRC32_SEED)
            first[-SEGMENT_TRAILER:] = crc.to_bytes(4, "little")
        return first


class Proxy:
    def __init__(self, server_port):
        self.server_port = server_port
        self.answers = {}  # (version, statement id): Answer
        self.given = 0

    async def serve(self, reader, writer):
        """One client's connection and ours to the server behind it."""
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        link = Link(self, Side(reader), writer, Side(from_server), to_server)
        try:
            await asyncio.gather(link.requests(), link.responses())
        except ConnectionError:
            pass  # one end has closed; so do we
        finally:
            writer.close()
            to_server.close()


class Link:
    def __init__(self, proxy, client, to_client, server, to_server):
        self.proxy, self.client, self.server = proxy, client, server
        self.to_client, self.to_server = to_client, to_server
        self.recording = {}  # stream: key of the answer that is awaited

    async def requests(self):
        while True:
            envelope = await self.client.envelope()
            version, _, stream, opcode, _ = HEADER.unpack_from(envelope)
            if opcode == STARTUP and b"COMPRESSION" in envelope:
                raise SystemExit("replay: the client asked for compression")
            if opcode == EXECUTE:
                size = int.from_bytes(envelope[HEADER.size : HEADER.size + 2], "big")
                key = version, envelope[HEADER.size + 2 : HEADER.size + 2 + size]
                if answer := self.proxy.answers.get(key):
                    self.proxy.given += 1
                    self.to_client.write(answer.on_stream(stream))
                    self.to_client.write(answer.others)
                    await self.to_client.drain()
                    continue
                self.recording[stream] = key
            self.send(self.to_server, self.client, envelope)

    async def responses(self):
        while True:
            envelope = await self.server.envelope()
            version, _, stream, opcode, _ = HEADER.unpack_from(envelope)
            if key := self.recording.pop(stream, None):
                self.record(key, envelope, opcode)
            self.send(self.to_client, self.server, envelope)
            if version & 0x7F >= V5 and opcode in (READY, AUTHENTICATE):
                self.client.framed = self.server.framed = True

    def record(self, key, envelope, opcode):
        kind, flags = struct.unpack_from(">ii", envelope, HEADER.size)
        if opcode == RESULT and kind == ROWS:
            if flags & HAS_MORE_PAGES:
                raise SystemExit("replay: the answer is not all in one page")
            self.proxy.answers[key] = Answer(envelope, self.server.framed)

    def send(self, writer, side, envelope):
        writer.writelines(in_segments(envelope) if side.framed else [envelope])


async def main(server_port):
    proxy = Proxy(server_port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(proxy.given)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
