"""As much of CQL's native protocol (v4) as it takes to ask a node whether it is ready: no driver, no library."""

from __future__ import annotations

import socket
import ssl
import struct

from .errors import NodeError

VERSION = 4
HEADER = struct.Struct(">BBhBi")
BODY_MAX = 1 << 20

ERROR, STARTUP, READY, AUTHENTICATE, OPTIONS, SUPPORTED = 0x00, 0x01, 0x02, 0x03, 0x05, 0x06
QUERY, RESULT, AUTH_RESPONSE, AUTH_SUCCESS = 0x07, 0x08, 0x0F, 0x10
FLAG_COMPRESSED, FLAG_WARNINGS = 0x01, 0x08
KIND_ROWS = 2
META_GLOBAL_TABLE, META_HAS_MORE_PAGES = 0x01, 0x02
TYPE_CUSTOM, TYPE_LIST = 0x00, 0x20  # from list on, a type has more to say than its number
CONSISTENCY = {"ONE": 1, "QUORUM": 4, "ALL": 5}


class Refused(NodeError):
    """The server answered with an error, or not in this protocol."""


class Reader:
    """Takes a body apart; a body that is too short is Refused."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def take(self, length: int) -> bytes:
        if length < 0 or self.at + length > len(self.body):
            raise Refused("The server's answer ends too early.")
        self.at += length
        return self.body[self.at - length : self.at]

    def short(self) -> int:
        return struct.unpack(">H", self.take(2))[0]

    def int(self) -> int:
        return struct.unpack(">i", self.take(4))[0]

    def string(self) -> str:
        return self.take(self.short()).decode(errors="replace")

    def value(self) -> bytes | None:
        length = self.int()
        return None if length < 0 else self.take(length)


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def long_string(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


class Connection:
    """One blocking connection. A context manager; every failure is an OSError or Refused."""

    def __init__(
        self, address: str, port: int, tls: ssl.SSLContext | None, timeout: float = 5.0
    ) -> None:
        self.socket = socket.create_connection((address, port), timeout=timeout)
        try:
            if tls is not None:
                self.socket = tls.wrap_socket(self.socket)
        except BaseException:
            self.socket.close()
            raise

    @classmethod
    def over(cls, connected: socket.socket) -> Connection:
        """On a socket that somebody else connected; we close it."""
        connection = cls.__new__(cls)
        connection.socket = connected
        return connection

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def is_cql(self) -> bool:
        """Whether OPTIONS is answered by SUPPORTED."""
        return self._ask(OPTIONS, b"")[0] == SUPPORTED

    def log_in(self, user: str | None, password: str | None) -> None:
        """STARTUP, and SASL PLAIN if the server wants to know who we are."""
        opcode, _ = self._ask(
            STARTUP, struct.pack(">H", 1) + string("CQL_VERSION") + string("3.4.5")
        )
        if opcode == AUTHENTICATE and user is not None:
            token = b"\0" + user.encode() + b"\0" + (password or "").encode()
            opcode, _ = self._ask(AUTH_RESPONSE, long_string(token))
        if opcode not in (READY, AUTH_SUCCESS):
            raise Refused(f"The server does not let us in (opcode 0x{opcode:02x}).")

    def query(self, text: str, consistency: str = "ONE") -> list[list[bytes | None]]:
        """The rows of the first page, each value as the server wrote it."""
        tail = struct.pack(">HB", CONSISTENCY[consistency], 0)
        opcode, body = self._ask(QUERY, long_string(text.encode()) + tail)
        if opcode != RESULT:
            raise Refused(f"The server answers a query with opcode 0x{opcode:02x}.")
        return rows_of(Reader(body))

    def _ask(self, opcode: int, body: bytes) -> tuple[int, bytes]:
        self.socket.sendall(HEADER.pack(VERSION, 0, 0, opcode, len(body)) + body)
        version, flags, _, answer, length = HEADER.unpack(self._receive(HEADER.size))
        if version != VERSION | 0x80 or flags & FLAG_COMPRESSED or not 0 <= length <= BODY_MAX:
            raise Refused("The server does not speak CQL's protocol v4.")
        reader = Reader(self._receive(length))
        if flags & FLAG_WARNINGS:
            for _ in range(reader.short()):
                reader.string()
        if answer == ERROR:
            raise Refused(f"0x{reader.int():04x} {reader.string()}")
        return answer, reader.take(length - reader.at)

    def _receive(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            part = self.socket.recv(length - len(data))
            if not part:
                raise Refused("The server closed the connection.")
            data += part
        return bytes(data)


def rows_of(reader: Reader) -> list[list[bytes | None]]:
    """The rows of a RESULT whose columns have plain types."""
    if reader.int() != KIND_ROWS:
        return []
    flags, columns = reader.int(), reader.int()
    if flags & META_HAS_MORE_PAGES:
        reader.value()
    if flags & META_GLOBAL_TABLE:
        reader.string(), reader.string()
    for _ in range(columns):
        if not flags & META_GLOBAL_TABLE:
            reader.string(), reader.string()
        reader.string()
        if not TYPE_CUSTOM < reader.short() < TYPE_LIST:
            raise Refused("This small client reads plain types only.")
    return [[reader.value() for _ in range(columns)] for _ in range(reader.int())]
