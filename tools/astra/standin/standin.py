"""The stand-in as a whole: cluster, authority, metadata service, proxy and API, and all that can be done to them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import tempfile
import threading
import uuid
from collections.abc import Coroutine
from pathlib import Path

from testcluster import Cluster

from . import bundle, resolver
from .certificates import Authority
from .database import Database
from .devops import ACTIVE, HIBERNATED, REGION, Actions, DevOpsApi, Status
from .faults import Faults, RateLimit, Refusal
from .metadata import MetadataService
from .proxy import Proxy, Route
from .rules import Rules

TOKEN_USER = "token"
# A hibernated database's metadata service was seen to answer cqlsh so (datastax/astra-cli, issue 254).
HIBERNATED_STATUS = 401


class AstraStandin:
    """In front of a cluster with log-in, which stays the caller's. A context manager; everything it made goes at the end.

    host: the name of proxy and metadata service, in the bundle and in their certificate.
    addresses: where they listen; None: all that the name resolves to.
    """

    def __init__(
        self,
        cluster: Cluster,
        keyspace: str = "app",
        host: str = "localhost",
        addresses: list[str] | None = None,
        metadata_port: int = 0,
        proxy_port: int = 0,
        api_port: int = 0,
    ) -> None:
        self.cluster, self.keyspace, self.host = cluster, keyspace, host
        self.addresses = addresses or _resolve(host)
        self.database_id, self.name = str(uuid.uuid4()), "standin"
        self.client_id = secrets.token_hex(12)
        self.client_secret = secrets.token_urlsafe(48)
        self.token = f"AstraCS:{self.client_id}:{secrets.token_hex(32)}"
        self.faults = Faults()
        self.status = Status()
        self._ports = (metadata_port, proxy_port, api_port)
        self._exit = contextlib.ExitStack()

    # --- start and end ------------------------------------------------------------------------

    def __enter__(self) -> AstraStandin:
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="astra-")))
            self.authority = Authority(self.folder / "tls", self.host)
            self.database = Database(self.cluster)
            self._prepare_database()
            self._assemble()
            self._loop = stack.enter_context(_loop_in_thread())
            servers = (self.metadata.listener, self.proxy.listener, self.api.listener)
            for server, port in zip(servers, self._ports, strict=True):
                stack.callback(self._run, server.stop)
                self._run(server.start, port)
            self._write_bundle()
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _prepare_database(self) -> None:
        self.database.add_role(TOKEN_USER, self.token)
        self.database.add_role(self.client_id, self.client_secret)
        for name in {self.keyspace, *self.database.keyspaces()}:
            self.add_keyspace(name)
        self._data_center = self.database.data_center()

    def _assemble(self) -> None:
        passwords = {TOKEN_USER: self.token, self.client_id: self.client_secret}
        rules = Rules(self.faults, passwords, self.database.count_indexes)
        self.proxy = Proxy(self.authority, self.faults, rules, self.host, self.addresses)
        self.metadata = MetadataService(self.authority, self.faults, self.addresses, self.describe)
        actions = Actions(
            self.database.keyspaces, self.add_keyspace, self.drop_keyspace, self.make_bundle
        )
        self.api = DevOpsApi(self.database_id, self.name, self.token, self.status, actions)
        self.status.on_active = self._woken
        self.refresh()

    def _write_bundle(self) -> None:
        self.bundle_path = self.folder / "secure-connect.zip"
        self.bundle_path.touch(mode=0o600)
        self.bundle_path.write_bytes(self.make_bundle())

    def _run(self, action, *words: object) -> object:
        """Do it on the loop's thread, and wait."""
        coroutine: Coroutine = action(*words)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    # --- what a client gets -------------------------------------------------------------------

    def make_bundle(self, client: str = "client", **place: object) -> bytes:
        """The bundle's bytes. client="foreign-client": with a certificate that no server here takes. place: other
        values for host, port, cql_port, keyspace, local_dc."""
        usual = {
            "host": self.host,
            "port": self.metadata.listener.port,
            "cql_port": self.proxy.listener.port,
            "keyspace": self.keyspace,
            "local_dc": self._data_center,
        }
        return bundle.make(self.authority, bundle.Place(**usual | place), client)

    def describe(self) -> dict[str, object]:
        """What the metadata service says."""
        contact = {
            "type": "sni_proxy",
            "local_dc": self._data_center,
            "sni_proxy_address": f"{self.host}:{self.proxy.listener.port}",
            "contact_points": list(self.proxy.nodes),
        }
        return {"version": 1, "region": REGION, "contact_info": contact}

    def environment(self) -> dict[str, str]:
        """The variables that the Astra CLI writes into a .env file."""
        return {
            "ASTRA_DB_APPLICATION_TOKEN": self.token,
            "ASTRA_DB_ID": self.database_id,
            "ASTRA_DB_KEYSPACE": self.keyspace,
            "ASTRA_DB_REGION": REGION,
            "ASTRA_DB_SECURE_BUNDLE_PATH": str(self.bundle_path),
        }

    def resolving(self) -> dict[str, str]:
        """More variables, for programs that are to find all our addresses behind our name."""
        return resolver.environment(self.folder, self.host, self.addresses)

    @property
    def routes(self) -> list[Route]:
        """All connections that were made through the proxy so far."""
        return self.proxy.routes

    # --- the database -------------------------------------------------------------------------

    def add_keyspace(self, name: str) -> None:
        self.database.add_keyspace(name, [TOKEN_USER, self.client_id])

    def drop_keyspace(self, name: str) -> None:
        self.database.drop_keyspace(name)

    def refresh(self) -> None:
        """Ask the nodes who they are, after one was replaced, stopped or started."""
        self.proxy.nodes = self.database.nodes()

    def replace_node(self, number: int) -> tuple[str, str]:
        """A new node, at another address and under another host id, takes the place of this one; both ids."""
        before = set(self.proxy.nodes)
        self.cluster.replace(number)
        self.refresh()
        (old,), (new,) = before - set(self.proxy.nodes), set(self.proxy.nodes) - before
        return old, new

    def hibernate(self, status: int = HIBERNATED_STATUS) -> None:
        """The metadata service refuses, the proxy knows no node, the API says HIBERNATED."""
        self.status.now = HIBERNATED
        self.faults.metadata_status = status
        self.faults.metadata_body = b'{"message":"Unauthorized"}'
        self.proxy.nodes = {}
        self.cut()

    def wake(self) -> None:
        self.status.now = ACTIVE
        self._woken()

    def _woken(self) -> None:
        if self.faults.metadata_body is not None:
            self.faults.metadata_status, self.faults.metadata_body = 200, None
            self.refresh()

    def settle(self) -> None:
        """Wait until all nodes know the same schema: a client's DDL may not have reached each of them."""
        self.database.settle()

    # --- faults -------------------------------------------------------------------------------

    def mend(self) -> None:
        """Everything as it was in the beginning; connections stay."""
        vars(self.faults).update(vars(Faults()))
        self.status.now = ACTIVE
        self.refresh()
        for address in self.addresses:
            self.address_up(address)

    def address_down(self, address: str) -> None:
        """Nothing listens there, and what was connected is cut."""
        self._on_address("close", address)

    def address_silent(self, address: str) -> None:
        """Connections are taken there, and nothing is ever said."""
        self._on_address("mute", address)

    def address_up(self, address: str) -> None:
        """Listen there again; nothing happens if it does."""
        self._on_address("open", address)

    def _on_address(self, action: str, address: str) -> None:
        for listener in (self.metadata.listener, self.proxy.listener):
            self._run(getattr(listener, action), address)

    def cut(self) -> None:
        """End all connections through the proxy."""
        self._run(self.proxy.listener.cut)

    def show_certificate(self, name: str) -> None:
        """From now on: `server`, `expired`, `other-name` or `foreign`, by proxy and metadata service. Either alone:
        faults.certificate, faults.metadata_certificate."""
        self.faults.certificate = self.faults.metadata_certificate = name

    def limit_rate(self, requests: int, seconds: float = 1.0) -> RateLimit:
        """So many requests in so many seconds, the others are refused; the limit counts those. `no_limit` ends it."""
        self.faults.rate_limit = RateLimit(requests, seconds)
        return self.faults.rate_limit

    def no_limit(self) -> None:
        self.faults.rate_limit = None

    def refuse(self, pattern: str, message: str, **more: object) -> Refusal:
        """Answer statements that match with an error; more: code, times. `refuse_nothing` ends it."""
        refusal = Refusal(pattern, message, **more)
        self.faults.refusals.append(refusal)
        return refusal

    def refuse_nothing(self) -> None:
        self.faults.refusals.clear()


def _resolve(host: str) -> list[str]:
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(where[0] for *_, where in found))


@contextlib.contextmanager
def _loop_in_thread():
    """An event loop that runs until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="astra-standin", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
