"""Connections as the servers here use them, plain or in TLS.

asyncio has TLS of its own, but when a handshake fails it closes without the alert that tells the client why. So the TLS
here is OpenSSL's over memory, fed from a plain connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

CHUNK = 256 << 10


class Stream:
    """A plain connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self) -> bytes:
        """What has arrived; nothing at the end."""
        return await self.reader.read(CHUNK)

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def drain(self) -> None:
        await self.writer.drain()

    def close(self) -> None:
        """End it when everything has been sent."""
        self.writer.close()

    def abort(self) -> None:
        """End it now."""
        self.writer.transport.abort()


class TlsStream(Stream):
    """The server's side of a TLS connection; `handshake` comes first."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        super().__init__(reader, writer)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)

    async def handshake(self) -> None:
        """An ssl.SSLError if it fails; the alert has been sent then."""
        await self._until_done(self.tls.do_handshake)

    async def read(self) -> bytes:
        try:
            return await self._until_done(lambda: self.tls.read(CHUNK))
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data: bytes) -> None:
        self.tls.write(data)
        self._flush()

    def close(self) -> None:
        with contextlib.suppress(ssl.SSLError):  # the other side need not say good-bye, too
            self.tls.unwrap()
        self._flush()
        super().close()

    async def _until_done(self, action):
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self._flush()
                data = await super().read()
                if not data:
                    raise ConnectionResetError("the connection ended without TLS's end") from None
                self._in.write(data)
            finally:
                self._flush()

    def _flush(self) -> None:
        if self._out.pending:
            super().write(self._out.read())
