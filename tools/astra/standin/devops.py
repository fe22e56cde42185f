"""Astra's DevOps API, as far as a project needs it: https://api.astra.datastax.com/v2, here plain HTTP on loopback.

    GET    /v2/databases                            all databases: there is one
    GET    /v2/databases/ID
    POST   /v2/databases/ID/keyspaces/NAME          201; the database is in MAINTENANCE for a moment
    DELETE /v2/databases/ID/keyspaces/NAME          204
    POST   /v2/databases/ID/secureBundleURL         where to download the bundle, for five minutes; all=true: a list
    GET    /api/rest/v2/schemas/keyspaces           (also .../keyspace) wakes a hibernated database, as astra-cli does it:
    POST   /api/json/v1/KEYSPACE                    503 until it is ACTIVE

The token goes into `Authorization: Bearer`, for the last two into `X-Cassandra-Token`. There is no call that resumes.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from . import http
from .listen import Listener

ACTIVE, HIBERNATED, RESUMING, MAINTENANCE = "ACTIVE", "HIBERNATED", "RESUMING", "MAINTENANCE"
ADDRESS = "127.0.0.1"
LINK_S = 300.0
NAME = re.compile(r"[A-Za-z]\w{0,47}")
RESUMING_WORDS = "Resuming your database, please try again shortly."
REGION, CLOUD = "us-east1", "GCP"


@dataclass
class Status:
    """The database's, with where it goes by itself and when."""

    now: str = ACTIVE
    resume_s: float = 1.0
    maintenance_s: float = 0.3
    on_active: Callable[[], None] = lambda: None
    _until: float = field(default=0.0, repr=False)

    def read(self) -> str:
        if self.now in (RESUMING, MAINTENANCE) and time.monotonic() >= self._until:
            self.now = ACTIVE
            self.on_active()
        return self.now

    def pass_through(self, status: str) -> None:
        """RESUMING or MAINTENANCE, and after its time ACTIVE."""
        self.now = status
        lasts = self.resume_s if status == RESUMING else self.maintenance_s
        self._until = time.monotonic() + lasts


@dataclass(frozen=True)
class Actions:
    """What the API may do to the database; all may block."""

    keyspaces: Callable[[], list[str]]
    add_keyspace: Callable[[str], None]
    drop_keyspace: Callable[[str], None]
    bundle: Callable[[], bytes]


class DevOpsApi:
    def __init__(
        self, database_id: str, name: str, token: str, status: Status, actions: Actions
    ) -> None:
        self.id, self.name, self.token = database_id, name, token
        self.status, self.actions = status, actions
        self.created = datetime.now(timezone.utc)
        self.links: dict[str, float] = {}  # and until when each is good
        self.listener = Listener([ADDRESS], http.serving(self._answer))

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.listener.port}"

    async def _answer(self, request: http.Request) -> http.Response:
        for method, pattern, action in self._calls():
            match = re.fullmatch(pattern, request.path)
            if match is not None and request.method == method:
                return await action(request, *match.groups())
        return _failed(404, "Not found")

    def _calls(self) -> list[tuple[str, str, Callable[..., Awaitable[http.Response]]]]:
        one = "/v2/databases/([^/]+)"
        return [
            ("GET", "/v2/databases", self._bearer(self._list)),
            ("GET", one, self._bearer(self._database(self._get))),
            ("POST", one + "/keyspaces/([^/]+)", self._bearer(self._database(self._add))),
            ("DELETE", one + "/keyspaces/([^/]+)", self._bearer(self._database(self._drop))),
            ("POST", one + "/secureBundleURL", self._bearer(self._database(self._link))),
            ("GET", "/download/([^/]+)/secure-connect.*[.]zip", self._download),
            ("GET", "/api/rest/v2/schemas/keyspaces?/?", self._touch),
            ("POST", "/api/json/v1/[^/]+", self._touch),
        ]

    # --- who asks, and for what ---------------------------------------------------------------

    def _bearer(self, action: Callable) -> Callable:
        async def checked(request: http.Request, *words: str) -> http.Response:
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not token.startswith("AstraCS:"):
                return _failed(401, "invalid token format", 340012)
            if not secrets.compare_digest(token, self.token):
                return _failed(401, "Resource not found: token with identifier", 340018)
            return await action(request, *words)

        return checked

    def _database(self, action: Callable) -> Callable:
        async def checked(request: http.Request, database_id: str, *words: str) -> http.Response:
            if database_id != self.id:
                return _failed(404, f"database {database_id} not found")
            return await action(request, *words)

        return checked

    # --- the calls ----------------------------------------------------------------------------

    async def _list(self, request: http.Request) -> http.Response:
        page = [] if request.query.get("starting_after") == self.id else [await self._describe()]
        return http.as_json(page)

    async def _get(self, _request: http.Request) -> http.Response:
        return http.as_json(await self._describe())

    async def _add(self, _request: http.Request, name: str) -> http.Response:
        if self.status.read() != ACTIVE:
            return _failed(409, f"the database is {self.status.now}")
        if not NAME.fullmatch(name):
            return _failed(422, f"not a name for a keyspace: {name}")
        if name in await asyncio.to_thread(self.actions.keyspaces):
            return _failed(422, f"keyspace {name} exists already")
        await asyncio.to_thread(self.actions.add_keyspace, name)
        self.status.pass_through(MAINTENANCE)
        return http.Response(201)

    async def _drop(self, _request: http.Request, name: str) -> http.Response:
        if self.status.read() != ACTIVE:
            return _failed(409, f"the database is {self.status.now}")
        if name not in await asyncio.to_thread(self.actions.keyspaces):
            return _failed(404, f"keyspace {name} not found")
        await asyncio.to_thread(self.actions.drop_keyspace, name)
        self.status.pass_through(MAINTENANCE)
        return http.Response(204)

    async def _link(self, request: http.Request) -> http.Response:
        key = secrets.token_urlsafe(16)
        self.links[key] = time.monotonic() + LINK_S
        url = f"{self.url}/download/{key}/secure-connect-{self.name}.zip"
        answer = {"downloadURL": url, "downloadURLInternal": url}
        if request.query.get("all") == "true":
            return http.as_json([answer | {"datacenterID": f"{self.id}-1", "region": REGION}])
        return http.as_json(answer)

    async def _download(self, _request: http.Request, key: str) -> http.Response:
        """A link is its own permission, for a while."""
        if time.monotonic() >= self.links.get(key, 0.0):
            return http.Response(403, b"Request has expired", "text/plain")
        return http.Response(200, await asyncio.to_thread(self.actions.bundle), "application/zip")

    async def _touch(self, request: http.Request) -> http.Response:
        """Whoever uses a hibernated database wakes it."""
        if request.headers.get("x-cassandra-token") != self.token:
            return http.as_json(
                {"description": "Role unauthorized for operation", "code": 401}, 401
            )
        if self.status.read() == HIBERNATED:
            self.status.pass_through(RESUMING)
        if self.status.now == RESUMING:
            return http.as_json({"message": RESUMING_WORDS}, 503)
        names = await asyncio.to_thread(self.actions.keyspaces)
        return http.as_json({"data": [{"name": name} for name in names]})

    async def _describe(self) -> dict[str, object]:
        """The database as the API shows it; what nobody here needs is left out."""
        status = self.status.read()
        names = await asyncio.to_thread(self.actions.keyspaces)
        place = {"cloudProvider": CLOUD, "region": REGION, "tier": "serverless"}
        info = {"name": self.name, "keyspaces": names, "dbType": "vector", **place}
        info["keyspace"] = names[0] if names else None
        info["additionalKeyspaces"] = names[1:]
        info["datacenters"] = [{"id": f"{self.id}-1", "name": "dc-1", "status": status, **place}]
        return {
            "id": self.id,
            "orgId": "00000000-0000-0000-0000-000000000001",
            "ownerId": "00000000-0000-0000-0000-000000000002",
            "info": info,
            "creationTime": self.created.isoformat(timespec="seconds"),
            "terminationTime": "0001-01-01T00:00:00Z",
            "status": status,
            "availableActions": ["getCreds", "addKeyspace", "removeKeyspace", "terminate"],
            "dataEndpointUrl": f"{self.url}/api/rest",
        }


def _failed(status: int, message: str, number: int | None = None) -> http.Response:
    return http.as_json({"errors": [{"ID": number or status, "message": message}]}, status)
