"""The metadata service: GET /metadata, for clients with a certificate that we signed."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable

from . import http
from .certificates import Authority
from .faults import Faults
from .listen import Listener


class MetadataService:
    """describe: the metadata as it is now."""

    def __init__(
        self,
        authority: Authority,
        faults: Faults,
        addresses: list[str],
        describe: Callable[[], dict[str, object]],
    ) -> None:
        self.authority, self.faults, self.describe = authority, faults, describe
        self.requests = 0  # that were answered or are being answered
        context = authority.server_that_asks(self._choose)
        self.listener = Listener(addresses, http.serving(self._answer), context)

    def _choose(self, tls: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        tls.context = self.authority.server(self.faults.metadata_certificate)

    async def _answer(self, request: http.Request) -> http.Response:
        self.requests += 1
        await asyncio.sleep(self.faults.metadata_delay)
        if (request.method, request.path) != ("GET", "/metadata"):
            return http.as_json({"message": "not found"}, 404)
        faults = self.faults
        body = faults.metadata_body
        if body is None:
            body = json.dumps(self.describe()).encode()
        return http.Response(
            faults.metadata_status, body, faults.metadata_type, faults.metadata_chunks
        )
