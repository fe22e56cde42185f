"""The SNI proxy: TLS with both sides' certificates ends here, and the name that the client asks for is a node's host id.

Nodes speak plain TCP behind it. A client that names nobody, or the proxy itself, gets any node; one that names an unknown
node gets the alert `unrecognized_name`. The certificate is the proxy's and carries the proxy's name, whatever was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from .certificates import Authority
from .faults import Faults
from .framing import (
    AUTHENTICATE,
    ERROR,
    READY,
    STARTUP,
    SUPPORTED,
    Envelope,
    Malformed,
    Splitter,
    Unit,
    error,
    read_multimap,
    read_string_map,
    write_multimap,
)
from .listen import Listener
from .rules import Rules
from .stream import Stream, TlsStream

PRODUCT_TYPE = "DATASTAX_APOLLO"
KNOWN_VERSIONS = (3, 4, 5)
FIRST_WITH_SEGMENTS = 5
PROTOCOL_ERROR = 0x000A


@dataclass(frozen=True)
class Route:
    """One connection of a client: which address of the proxy it came to, and whom it named."""

    address: str
    host_id: str | None


class Proxy:
    """host: its own name. nodes: host id to address and port; may be replaced while the proxy runs."""

    def __init__(
        self, authority: Authority, faults: Faults, rules: Rules, host: str, addresses: list[str]
    ) -> None:
        self.authority, self.faults, self.rules, self.host = authority, faults, rules, host
        self.nodes: dict[str, tuple[str, int]] = {}
        self.routes: list[Route] = []  # of all connections whose handshake was completed
        self.listener = Listener(addresses, self._serve, authority.server_that_asks(self._choose))
        self._turn = itertools.count()

    def _choose(self, tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        """Called with the client's first words of TLS."""
        if name not in (None, self.host, *self.nodes):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.named = None if name == self.host else name
        tls.context = self.authority.server(self.faults.certificate)
        return None

    def _any(self) -> str:
        return list(self.nodes)[next(self._turn) % max(1, len(self.nodes))]

    async def _serve(self, address: str, client: TlsStream) -> None:
        host_id = getattr(client.tls, "named", None)
        self.routes.append(Route(address, host_id))
        try:
            where = self.nodes[host_id or self._any()]
        except LookupError:
            return  # there is no such node any more
        node = Stream(*await asyncio.open_connection(*where))
        try:
            await _Relay(self.faults, self.rules, client, node).run()
        finally:
            node.abort()


class _Relay:
    """One client's connection and the node's. Whichever side ends first ends both."""

    def __init__(self, faults: Faults, rules: Rules, client: Stream, node: Stream) -> None:
        self.faults, self.rules = faults, rules
        self.client, self.node = client, node
        self.requests, self.responses = Splitter(), Splitter()
        self.has_lz4 = False

    async def run(self) -> None:
        pumps = [
            asyncio.ensure_future(self._pump(self.client, self.requests, self._request)),
            asyncio.ensure_future(self._pump(self.node, self.responses, self._response)),
        ]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        for pump in done:
            with contextlib.suppress(Malformed):
                pump.result()

    async def _pump(
        self, source: Stream, splitter: Splitter, pass_on: Callable[[Unit], None]
    ) -> None:
        while data := await source.read():
            if source is self.node and self.faults.proxy_delay:
                await asyncio.sleep(self.faults.proxy_delay)
            for unit in splitter.feed(data):
                pass_on(unit)
            await self.node.drain()
            await self.client.drain()

    def _request(self, unit: Unit) -> None:
        """Send it on, without what we answer ourselves."""
        kept, requests = [], unit.envelopes
        for request in requests:
            body = self._refusal(request)
            if body is None:
                kept.append(request)
            else:
                self.client.write(self.responses.wrap(request.answer(ERROR, body)))
        if len(kept) == len(requests):
            self.node.write(unit.raw)
        elif kept:
            self.node.write(self.requests.wrap(b"".join(request.raw for request in kept)))

    def _refusal(self, request: Envelope) -> bytes | None:
        if request.version not in KNOWN_VERSIONS:
            return None  # the node refuses it and says what it knows
        if request.opcode != STARTUP:
            return self.rules.refuse(request)
        compression = read_string_map(request.body).get("COMPRESSION", "").lower()
        if compression not in ("", "lz4"):
            return error(PROTOCOL_ERROR, f"Unknown compression algorithm: {compression}")
        self.has_lz4 = compression == "lz4"
        if request.version >= FIRST_WITH_SEGMENTS:
            self.requests.use_segments(self.has_lz4)  # the client waits for the answer anyway
        return None

    def _response(self, unit: Unit) -> None:
        """Send it on; before segments begin, look what it is."""
        if self.responses.has_segments:
            self.client.write(unit.raw)
            return
        response = unit.envelopes[0]
        if response.opcode == SUPPORTED:
            self.client.write(response.answer(SUPPORTED, _supported(response.text())))
        else:
            self.client.write(unit.raw)
        if response.opcode in (READY, AUTHENTICATE) and self.requests.has_segments:
            self.responses.use_segments(self.has_lz4)


def _supported(body: bytes) -> bytes:
    """What Astra adds, and without the compression that we cannot read."""
    options = read_multimap(body)
    options["COMPRESSION"] = [w for w in options.get("COMPRESSION", []) if w == "lz4"]
    return write_multimap(options | {"PRODUCT_TYPE": [PRODUCT_TYPE]})
