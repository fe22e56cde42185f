"""What a node says while a cluster starts, without Java: `fake_node.py ADDRESS PORT PEERS [-D…]`.

It answers OPTIONS and STARTUP, gives one schema version to system.local and PEERS times the same
to system.peers_v2, and nothing to any other query. SIGTERM ends it.
"""

from __future__ import annotations

import socketserver
import struct
import sys

SUPPORTED = (0x06, b"\0\0")
READY = (0x02, b"")


def rows(count: int) -> tuple[int, bytes]:
    """A RESULT of so many rows, one column of type uuid."""
    meta = struct.pack(">iii", 2, 1, 1) + b"\0\1k\0\1t" + b"\0\1v" + struct.pack(">H", 0x0C)
    return 0x08, meta + struct.pack(">i", count) + (struct.pack(">i", 16) + bytes(16)) * count


def answer(opcode: int, body: bytes, peers: int) -> tuple[int, bytes]:
    if opcode == 0x05:
        return SUPPORTED
    if opcode == 0x01:
        return READY
    if b"system.local" in body:
        return rows(1)
    return rows(peers if b"peers_v2" in body else 0)


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while header := self.rfile.read(9):
            opcode, length = struct.unpack(">xxxxBi", header)
            kind, body = answer(opcode, self.rfile.read(length), self.server.peers)
            self.wfile.write(struct.pack(">BBhBi", 0x84, 0, 0, kind, len(body)) + body)


class FakeNode(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, port: int, peers: int) -> None:
        super().__init__((address, port), Handler)
        self.peers = peers


if __name__ == "__main__":
    FakeNode(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).serve_forever()
