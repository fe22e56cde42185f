"""A cluster of one or more nodes, known by its CQL port: start, stop, faults, and what a client needs to reach it."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import certificates, java
from .errors import NodeError
from .node import Node, wait_for
from .places import HOME, locked
from .settings import PORT_MAX, Settings

DEFAULT_PORT = 9142
PATIENCE_S = 240.0

# What the data was made with, and what a server was started with. The heap and the compiler may
# change at the next start.
LASTING = ("nodes", "version", "flavour", "auth", "address")
RUNNING = ("tls", "certificate", "durable", "jmx")


@dataclass(frozen=True)
class Certificates:
    """Paths for a client; certificates.py lists the other files of the folder."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def client(self) -> Path:
        return self.folder / "client.pem"

    @property
    def client_key(self) -> Path:
        return self.folder / "client.key"

    @property
    def foreign_ca(self) -> Path:
        return self.folder / "foreign-ca.pem"


class Cluster:
    """The cluster on one port of this checkout, whether it runs or not."""

    username = password = "cassandra"  # the superuser; meaningless without `auth`

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        self.port = port
        self.dir = HOME / f"cluster-{port}"
        self.settings_file = self.dir / "settings.json"
        self.certificates = Certificates(self.dir / "tls")

    @property
    def settings(self) -> Settings:
        """What it was made with; the defaults if there is none yet."""
        return Settings.load(self.settings_file) or Settings()

    @property
    def nodes(self) -> list[Node]:
        return self._nodes_of(self.settings)

    @property
    def contact_points(self) -> list[str]:
        """The nodes' addresses; each of them answers on `port`."""
        return self.settings.addresses(self.port)

    def node(self, number: int) -> Node:
        """The node with this number, counted from 1."""
        nodes = self.nodes
        if not 1 <= number <= len(nodes):
            raise NodeError(f"The cluster on port {self.port} has nodes 1 to {len(nodes)}.")
        return nodes[number - 1]

    def is_running(self) -> bool:
        """Whether all nodes answer."""
        return self.settings_file.exists() and all(n.state() == "running" for n in self.nodes)

    def start(self, settings: Settings | None = None, timeout: float = PATIENCE_S) -> None:
        """Make every node run that does not, wake those that are paused, and wait until all are ready.

        settings: None takes those of the last start.
        """
        with locked(self.dir.name):
            wish = dataclasses.replace(settings or self.settings, seats=self.settings.seats)
            self._compare(wish)
            java_program = java.find_java()
            java.fetch_jars(wish.version)
            if wish.tls != "off":
                certificates.make(self.certificates.folder, self._names(wish))
            nodes = self._nodes_of(wish)
            if all(node.pid is None for node in nodes):
                wish.save(self.settings_file)
            self._make_run(nodes, java_program)
            wait_for(nodes, timeout)

    def stop(self, timeout: float = PATIENCE_S) -> bool:
        """Stop all nodes, and nothing else; the data stays. False: nothing ran."""
        with locked(self.dir.name):
            return self._stop(timeout)

    def wipe(self, timeout: float = PATIENCE_S) -> None:
        """Stop it and remove its data; the jars stay."""
        with locked(self.dir.name):
            self._stop(timeout)
            shutil.rmtree(self.dir, ignore_errors=True)

    def restart(self, number: int, timeout: float = PATIENCE_S) -> None:
        """Drain and end one node, start it again, wait until it is ready.

        While another node is down, none of them can see all of them up: then the node has only to answer.
        """
        with locked(self.dir.name):
            self._restart(self.node(number), timeout)

    def roll(self, timeout: float = PATIENCE_S) -> None:
        """Restart one node after the other, each when all have seen the one before come back."""
        with locked(self.dir.name):
            for node in self.nodes:
                self._restart(node, timeout)

    def replace(self, number: int, timeout: float = PATIENCE_S) -> None:
        """End one node for good and let a new one take its place: at another address, under another host id, with
        the data that the others have."""
        with locked(self.dir.name):
            old = self.node(number)
            if self.settings.nodes == 1 or self.settings.tls != "off":
                raise NodeError("A node is replaced in a cluster of several, and without TLS.")
            if old.pid is not None:
                old.kill()
            shutil.rmtree(old.run, ignore_errors=True)
            self.settings.reseated(number).save(self.settings_file)
            self.node(number).launch(java.find_java(), replaces=old.address)
            wait_for(self.nodes, timeout)

    # ------------------------------------------------------------------------------------------

    def _nodes_of(self, settings: Settings) -> list[Node]:
        folder = self.certificates.folder
        return [
            Node(settings, n, self.port, self.dir / str(n), folder)
            for n in range(1, settings.nodes + 1)
        ]

    def _names(self, settings: Settings) -> list[str]:
        """What the server's certificate is good for."""
        return ["localhost", *dict.fromkeys(["127.0.0.1", *settings.addresses(self.port)])]

    def _compare(self, wish: Settings) -> None:
        """Refuse what would need other data, or another start."""
        have = Settings.load(self.settings_file)
        if have is None:
            return
        for fields, remedy in ((LASTING, "wipe"), (RUNNING, "stop")):
            if remedy == "stop" and all(node.pid is None for node in self.nodes):
                continue
            if any(getattr(have, f) != getattr(wish, f) for f in fields):
                raise NodeError(
                    f"The cluster on port {self.port} was made with other settings "
                    f"({have.words()}); `node {remedy} --port {self.port}` comes first."
                )

    def _make_run(self, nodes: list[Node], java_program: str) -> None:
        for node in nodes:
            if node.pid is None:
                node.launch(java_program)
            elif node.is_paused:
                node.resume()

    def _stop(self, timeout: float) -> bool:
        running = [node for node in self.nodes if node.pid is not None]
        for node in running:
            node.terminate()
        for node in running:
            node.wait_until_gone(timeout, by_force=True)
        return bool(running)

    def _restart(self, node: Node, timeout: float) -> None:
        node.terminate()
        node.wait_until_gone(timeout, by_force=False)
        node.launch(java.find_java())
        nodes = self.nodes
        whole = all(n.pid is not None and not n.is_paused for n in nodes)
        wait_for(nodes if whole else [node], timeout, whole)


def first_free_port(settings: Settings, port: int) -> int:
    """The first port from this one on where no address of the cluster listens and no cluster is kept."""
    for candidate in range(port, PORT_MAX + 1):
        if Cluster(candidate).dir.exists():
            continue
        with contextlib.suppress(OSError):
            for address in settings.addresses(candidate):
                socket.create_server((address, candidate)).close()
            return candidate
    raise NodeError(f"No port from {port} on is free.")


@contextlib.contextmanager
def borrowed(settings: Settings, port: int = DEFAULT_PORT) -> Iterator[Cluster]:
    """A cluster for a test run: the one that runs on the port with these settings, or else one that is
    made on a free port and removed with its data afterwards."""
    cluster = Cluster(port)
    indifferent = {name: getattr(settings, name) for name in ("heap", "quick", "seats")}
    same = dataclasses.replace(cluster.settings, **indifferent)
    if cluster.is_running() and same == settings:
        yield cluster
        return
    cluster = Cluster(first_free_port(settings, port))
    try:
        cluster.start(settings)
        yield cluster
    finally:
        cluster.wipe()
