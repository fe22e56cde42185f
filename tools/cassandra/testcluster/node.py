"""One node of a cluster: its files, its process, and what it says on its port."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import time
from pathlib import Path

from . import cql, java
from .errors import NodeError
from .places import TEMPLATES
from .process import Server, wait_until
from .settings import Settings

LOG_TAIL_LINES = 25
KILL_PATIENCE_S = 10.0
PAUSE_PATIENCE_S = 5.0
CONNECT_S = 2.0
EVERY_REPLICA = (
    "SELECT host_id FROM system_distributed.view_build_status"
    " WHERE keyspace_name = '' AND view_name = ''"
)


class Node:
    """The node with one number, counted from 1. `folder` holds conf/, run/ and console.log."""

    def __init__(
        self, settings: Settings, number: int, port: int, folder: Path, certificates: Path
    ) -> None:
        self.settings = settings
        self.number = number
        self.port = port
        self.address = settings.addresses(port)[number - 1]
        self.certificates = certificates
        self.dir = folder
        self.conf = folder / "conf"
        self.run = folder / "run"
        self.console = folder / "console.log"
        self.log = self.run / "logs" / "system.log"
        self.jmx_file = folder / "jmx-port"
        self.server = Server(folder / "pid", self._storage_option())

    def __str__(self) -> str:
        return f"node {self.number} ({self.address}:{self.port})"

    # --- the process --------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """The pid of our running server; None if it does not run."""
        return self.server.pid()

    def launch(self, java_program: str, replaces: str | None = None) -> None:
        """Start the server; it takes seconds until it answers. replaces: the address of a node that is gone for good,
        whose tokens this new one takes."""
        if self._port_is_taken():
            raise NodeError(f"Another server answers on {self.address}:{self.port}; use --port.")
        self._write_configuration(is_new=replaces is not None)
        self.log.unlink(missing_ok=True)
        self.server.start(self._command(java_program, replaces), self.dir, self.console)

    def terminate(self) -> None:
        """Ask the server to drain and end; a paused one is woken, or it would not hear."""
        self.server.send(signal.SIGTERM)
        self.server.send(signal.SIGCONT)

    def wait_until_gone(self, timeout: float, by_force: bool) -> None:
        """After `terminate`. by_force: a server that does not end in time is killed."""
        try:
            wait_until(self.server.is_gone, timeout, f"{self} does not end.")
        except NodeError:
            if not by_force:
                raise
            self.kill()

    def kill(self) -> None:
        """End the server as a crash would, and return when it is gone."""
        self._must_run(signal.SIGKILL)
        wait_until(self.server.is_gone, KILL_PATIENCE_S, f"{self} does not end.")

    def pause(self) -> None:
        """Stop the process where it stands: connections stay open, nothing answers."""
        self._must_run(signal.SIGSTOP)
        wait_until(lambda: self.is_paused, PAUSE_PATIENCE_S, f"{self} does not pause.")

    def resume(self) -> None:
        """Let a paused process go on."""
        self._must_run(signal.SIGCONT)

    @property
    def is_paused(self) -> bool:
        return self.server.is_paused()

    def state(self) -> str:
        """stopped, paused, starting (it runs, but does not answer) or running."""
        if self.pid is None:
            return "stopped"
        if self.is_paused:
            return "paused"
        return "running" if self.answers() else "starting"

    def _must_run(self, number: signal.Signals) -> None:
        if not self.server.send(number):
            raise NodeError(f"{self} does not run.")

    # --- what it says -------------------------------------------------------------------------

    def connect(self) -> cql.Connection:
        """A connection that is logged in, as the superuser where that matters."""
        user = ("cassandra", "cassandra") if self.settings.auth else (None, None)
        connection = cql.Connection(self.address, self.port, self._tls())
        try:
            connection.log_in(*user)
        except BaseException:
            connection.socket.close()
            raise
        return connection

    def answers(self) -> bool:
        """Whether a CQL server greets us on the port: OPTIONS (v4) is answered by SUPPORTED."""
        try:
            with cql.Connection(self.address, self.port, self._tls(), CONNECT_S) as connection:
                return connection.is_cql()
        except (OSError, cql.Refused):
            return False

    def what_is_missing(self, whole: bool) -> str:
        """Why it is not ready; "" once it lets us in and, of a whole cluster, holds all nodes for up.

        The read at ALL is refused while this node holds another one for down, and waits for each
        of them: the keyspace has a replica on every node.
        """
        others = self.settings.nodes - 1
        try:
            with self.connect() as connection:
                if not others or not whole:
                    return ""
                own = connection.query("SELECT schema_version FROM system.local")
                peers = connection.query("SELECT schema_version FROM system.peers_v2")
                if peers != own * others:
                    return f"its schema is {own}, its peers have {peers}"
                connection.query(EVERY_REPLICA, "ALL")
                return ""
        except (OSError, cql.Refused) as error:
            return f"it says {error}"

    def log_tail(self) -> str:
        """The last lines of console and log, for an error message."""
        parts = []
        for path in (self.console, self.log):
            if path.exists() and path.stat().st_size:
                lines = path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
                parts.append("\n".join([f"--- the end of {path}", *lines]))
        return "\n".join(parts) or "The server wrote nothing."

    def _tls(self) -> ssl.SSLContext | None:
        """Verifies nothing: readiness is asked of servers with bad certificates, too."""
        if self.settings.tls == "off":
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if self.settings.tls == "client":
            context.load_cert_chain(
                self.certificates / "client.pem", self.certificates / "client.key"
            )
        return context

    def _port_is_taken(self) -> bool:
        try:
            socket.create_connection((self.address, self.port), timeout=CONNECT_S).close()
        except OSError:
            return False
        return True

    # --- its files ----------------------------------------------------------------------------

    def _write_configuration(self, is_new: bool) -> None:
        """Fill conf/ from the templates."""
        self.conf.mkdir(parents=True, exist_ok=True)
        (self.run / "logs").mkdir(parents=True, exist_ok=True)
        yaml = self.settings.yaml(self.port, self.number - 1, self.run, self.certificates, is_new)
        (self.conf / "cassandra.yaml").write_text(yaml)
        shutil.copyfile(TEMPLATES / "logback.xml", self.conf / "logback.xml")

    def _command(self, java_program: str, replaces: str | None) -> list[str]:
        wish = self.settings
        args = java.server_command(
            java_program, wish.version, self.conf, wish.heap_size, wish.quick
        )
        args += [f"-D{key}={value}" for key, value in wish.properties().items()]
        config = (self.conf / "cassandra.yaml").as_uri()
        args += [f"-Dcassandra.config={config}", self._storage_option()]
        args += [f"-Dcassandra.logdir={self.run}/logs"]
        if replaces is not None:
            args.append(f"-Dcassandra.replace_address_first_boot={replaces}")
        if wish.jmx:
            args.append(f"-Dcassandra.jmx.local.port={self._choose_jmx_port()}")
        return [*args, "org.apache.cassandra.service.CassandraDaemon"]

    def _storage_option(self) -> str:
        return f"-Dcassandra.storagedir={self.run}"

    def _choose_jmx_port(self) -> int:
        """A free port; JMX listens on 127.0.0.1 for every node."""
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        self.jmx_file.write_text(str(port))
        return port

    def nodetool(self, words: list[str]) -> list[str]:
        """The command that asks this node's management interface."""
        if not self.settings.jmx or self.pid is None:
            raise NodeError(f"{self} does not run, or was started without --jmx.")
        port = int(self.jmx_file.read_text())
        command = java.nodetool_command(java.find_java(), self.settings.version, self.conf, port)
        return command + words


def wait_for(nodes: list[Node], timeout: float, whole: bool = True) -> None:
    """Until every one of them `is_ready`; NodeError with the logs' ends if one dies or stays silent."""
    deadline = time.monotonic() + timeout
    for node in nodes:
        while not node.answers() or node.what_is_missing(whole):
            if node.pid is None:
                raise NodeError(f"{node} stopped while it started.\n{node.log_tail()}")
            if time.monotonic() > deadline:
                logs = "\n".join(other.log_tail() for other in nodes)  # the fault may be another's
                missing = node.what_is_missing(whole)
                raise NodeError(f"{node} was not ready in {timeout:g} s: {missing}\n{logs}")
            time.sleep(0.25)
