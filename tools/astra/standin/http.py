"""As much of an HTTP/1.1 server as the metadata service and the API need: one request per connection, small bodies."""

from __future__ import annotations

import asyncio
import contextlib
import http
import json
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .listen import Serve
from .stream import Stream

HEAD_MAX, BODY_MAX = 16 << 10, 1 << 20
CHUNK = 100  # small, so that there are several
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # without the query
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    in_chunks: bool = False

    def encode(self) -> bytes:
        length = f"Content-Length: {len(self.body)}"
        head = (
            f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"{'Transfer-Encoding: chunked' if self.in_chunks else length}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + (self._chunks() if self.in_chunks else self.body)

    def _chunks(self) -> bytes:
        parts = [self.body[at : at + CHUNK] for at in range(0, len(self.body), CHUNK)]
        return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def as_json(value: object, status: int = 200) -> Response:
    return Response(status, json.dumps(value).encode())


Handler = Callable[[Request], Awaitable[Response]]


def serving(handler: Handler) -> Serve:
    """For a Listener: answer each connection's first request."""

    async def serve(_address: str, stream: Stream) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            request = await asyncio.wait_for(_read(stream), PATIENCE_S)
            response = Response(400) if request is None else await handler(request)
            stream.write(response.encode())
            await stream.drain()

    return serve


async def _read(stream: Stream) -> Request | None:
    """None: that is no request."""
    data = await _until(stream, b"", lambda d: b"\r\n\r\n" in d or len(d) > HEAD_MAX)
    head, _, rest = data.partition(b"\r\n\r\n")
    try:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = [line.partition(":") for line in lines]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
    except ValueError:
        return None
    if not 0 <= length <= BODY_MAX:
        return None
    body = await _until(stream, rest, lambda d: len(d) >= length)
    url = urllib.parse.urlsplit(target)
    query = dict(urllib.parse.parse_qsl(url.query))
    return Request(method, url.path, query, headers, body[:length])


async def _until(stream: Stream, data: bytes, is_enough: Callable[[bytes], bool]) -> bytes:
    """Read on, to the end of the connection at most."""
    while not is_enough(data):
        more = await stream.read()
        if not more:
            break
        data += more
    return data
