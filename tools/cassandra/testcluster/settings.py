"""What a cluster can be made like, and the cassandra.yaml that says so."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import string
from dataclasses import dataclass
from pathlib import Path

from . import java
from .certificates import SERVERS
from .errors import NodeError
from .places import TEMPLATES

STORAGE_PORT_OFFSET = 10000
PORT_MAX = 65535 - STORAGE_PORT_OFFSET
NODES_MAX = 9
RING = 2**64

# What each flavour adds to cassandra.yaml.in; "latest" follows Cassandra's cassandra_latest.yaml,
# where a plain CREATE INDEX makes a storage-attached index.
FLAVOURS = {
    "default": "",
    "latest": "default_secondary_index: sai\nstorage_compatibility_mode: NONE\n",
}
TLS = ("off", "server", "client")  # client: the server also asks for the client's certificate

AUTH = """\
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
"""
# A write is acknowledged when it is in the commit log, past the log's own mark. In periodic mode
# the mark is up to 100 ms late, and what lies behind it is not replayed after a kill.
DURABLE = "commitlog_sync: batch\n"
FORGETFUL = "commitlog_sync: periodic\ncommitlog_sync_period: 10s\n"

# Everywhere: a test node does not wait for what cannot come, and never calls fsync, which only
# a power failure would miss.
PROPERTIES = {
    "cassandra-foreground": "yes",
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.consistent.rangemovement": "false",
    "cassandra.skip_sync": "true",
    "cassandra.sai.vector.allow_custom_parameters": "true",
    "cassandra.auth_bcrypt_gensalt_log2_rounds": "4",  # a log-in costs a millisecond, not 60
    "jdk.attach.allowAttachSelf": "true",
    "io.netty.tryReflectionSetAccessible": "true",
    "java.net.preferIPv4Stack": "true",
}
ALONE = {
    "cassandra.ring_delay_ms": "100",
    "cassandra.superuser_setup_delay_ms": "0",
    "cassandra.shutdown_announce_in_ms": "0",
    "cassandra.load_ring_state": "false",
}
TOGETHER = {
    "cassandra.ring_delay_ms": "1000",
    "cassandra.superuser_setup_delay_ms": "500",
    "cassandra.shutdown_announce_in_ms": "500",
}
# Schema and the node's own identity stay in memory: faster, and gone when the process is killed.
FORGETFUL_PROPERTIES = {
    "cassandra.unsafesystem": "true",
    "cassandra.test.flush_local_schema_changes": "false",
}


@dataclass(frozen=True)
class Settings:
    """What `start` is asked for. None stands for a default that follows from the others."""

    nodes: int = 1
    version: str = "5.0"
    flavour: str = "default"
    auth: bool = False
    tls: str = "off"
    certificate: str = "server"  # a name from certificates.SERVERS: the bad ones are for tests
    address: str | None = None  # of the first node
    durable: bool | None = None  # what was acknowledged survives a kill; several nodes are
    heap: str | None = None
    quick: bool = False  # Java's first compiler only: a quick start, a slower server
    jmx: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= NODES_MAX:
            raise NodeError(f"a cluster has 1 to {NODES_MAX} nodes")
        for name, known in (("version", java.VERSIONS), ("flavour", FLAVOURS), ("tls", TLS)):
            if getattr(self, name) not in known:
                raise NodeError(f"{name} is one of {', '.join(known)}: {getattr(self, name)!r}")
        if self.version == "4.1" and self.flavour == "latest":
            raise NodeError("Cassandra 4.1 has no flavour `latest`.")
        if self.certificate not in SERVERS:
            raise NodeError(f"certificate is one of {', '.join(SERVERS)}: {self.certificate!r}")
        if self.certificate != "server" and self.tls == "off":
            raise NodeError("A certificate is shown with TLS only.")

    @classmethod
    def load(cls, path: Path) -> Settings | None:
        """What `save` wrote; None if there is nothing."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise NodeError(f"{path} is damaged ({error}); remove its folder.") from error

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self)))

    def words(self) -> str:
        """The settings that are not the default, as one types them."""
        parts = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                parts.append(f"{field.name}={value}")
        return ", ".join(parts) or "all defaults"

    @property
    def is_durable(self) -> bool:
        return self.nodes > 1 if self.durable is None else self.durable

    @property
    def heap_size(self) -> str:
        return self.heap or ("512m" if self.nodes == 1 else "400m")

    def addresses(self, port: int) -> list[str]:
        """One per node. A cluster has a block of loopback addresses that its port gives it."""
        first = self.address
        if first is None:
            first = "127.0.0.1" if self.nodes == 1 else f"127.{port >> 8}.{port & 255}.1"
        lowest = ipaddress.IPv4Address(first)
        return [str(lowest + i) for i in range(self.nodes)]

    def properties(self) -> dict[str, str]:
        """The server's -D options."""
        properties = PROPERTIES | (ALONE if self.nodes == 1 else TOGETHER)
        if not self.is_durable:
            properties |= FORGETFUL_PROPERTIES
        if self.nodes > 1:
            # Log-ins outlive a lost node; and a read of system_distributed at ALL asks every node.
            for keyspace in ("system_auth", "system_distributed", "system_traces"):
                properties[f"cassandra.{keyspace}.default_rf"] = str(self.nodes)
        return properties

    def yaml(self, port: int, index: int, run: Path, certificates: Path) -> str:
        """The cassandra.yaml of node number `index`, counted from 0."""
        addresses = self.addresses(port)
        storage_port = port + STORAGE_PORT_OFFSET
        extra = FLAVOURS[self.flavour] + (AUTH if self.auth else "")
        if self.tls != "off":
            extra += self._encryption(certificates)
        # The template's heading speaks of "$names"; safe_substitute leaves that alone.
        return string.Template((TEMPLATES / "cassandra.yaml.in").read_text()).safe_substitute(
            run=run,
            port=port,
            address=addresses[index],
            storage_port=storage_port,
            seeds=",".join(f"{address}:{storage_port}" for address in addresses),
            token=self.token(index),
            commitlog_settings=DURABLE if self.is_durable else FORGETFUL,
            more_settings=extra,
        )

    def token(self, index: int) -> int:
        """The nodes share the ring evenly."""
        return 0 if self.nodes == 1 else -(RING // 2) + index * RING // self.nodes

    def _encryption(self, certificates: Path) -> str:
        """Certificates are read as PEM, so nothing has to be packed for Java."""
        wants_client = "true" if self.tls == "client" else "false"
        return (
            "client_encryption_options:\n"
            "  enabled: true\n"
            "  optional: false\n"
            f"  require_client_auth: {wants_client}\n"
            f'  keystore: "{certificates}/{self.certificate}-with-key.pem"\n'
            f'  truststore: "{certificates}/ca.pem"\n'
            "  ssl_context_factory:\n"
            "    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory\n"
        )
