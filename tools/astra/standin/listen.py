"""One port on several addresses, each of which can fall silent, go away and come back."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from .stream import Stream, TlsStream

PORT_TRIES = 20

Serve = Callable[[str, Stream], Awaitable[None]]


class Listener:
    """serve: called with the address and one connection, after its handshake; it is closed when that returns."""

    def __init__(
        self, addresses: list[str], serve: Serve, tls: ssl.SSLContext | None = None
    ) -> None:
        self.addresses, self.serve, self.tls = addresses, serve, tls
        self.port = 0
        self._servers: dict[str, asyncio.Server] = {}
        self._muted: set[str] = set()
        self._connections: dict[asyncio.Task, str] = {}

    async def start(self, port: int) -> None:
        """Listen on all addresses. Port 0: one that is free on all of them."""
        for tries_left in range(PORT_TRIES, 0, -1):
            self.port = port or _free_port(self.addresses[0])
            try:
                for address in self.addresses:
                    await self.open(address)
                return
            except OSError:
                await self.stop()
                if port or tries_left == 1:
                    raise

    async def stop(self) -> None:
        for address in list(self._servers):
            await self.close(address)

    async def open(self, address: str) -> None:
        """Listen there as in the beginning, if that is not so."""
        if address in self._muted:
            await self.close(address)
        if address not in self._servers:
            await self._listen(address, self.serve, self.tls)

    async def close(self, address: str) -> None:
        """Listen there no more, and cut what is connected."""
        self._muted.discard(address)
        server = self._servers.pop(address, None)
        if server is not None:
            server.close()
        await self.cut(address)

    async def mute(self, address: str) -> None:
        """Take connections there and say nothing, not even in TLS."""
        await self.close(address)
        self._muted.add(address)
        await self._listen(address, _say_nothing, None)

    async def cut(self, address: str | None = None) -> None:
        """End the connections to this address, or all, at once."""
        tasks = [task for task, where in self._connections.items() if address in (None, where)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, address: str, serve: Serve, tls: ssl.SSLContext | None) -> None:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = Stream(reader, writer) if tls is None else TlsStream(reader, writer, tls)
            task = asyncio.current_task()
            self._connections[task] = address
            try:
                if isinstance(stream, TlsStream):
                    await stream.handshake()
                await serve(address, stream)
                stream.close()
            except OSError:
                Stream.close(stream)  # an alert may still have to go
            except asyncio.CancelledError:
                stream.abort()
            finally:
                del self._connections[task]

        self._servers[address] = await asyncio.start_server(one, address, self.port)


async def _say_nothing(_address: str, stream: Stream) -> None:
    while await stream.read():
        pass


def _free_port(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as s:
        return s.getsockname()[1]
