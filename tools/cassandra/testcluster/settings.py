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

# Cassandra's cassandra_latest.yaml: a plain CREATE INDEX makes a storage-attached index.
LATEST = "default_secondary_index: sai\nstorage_compatibility_mode: NONE\n"
# The limits of Astra DB, where Cassandra 5.0 has them too (GuardrailsConfig.java of datastax/cassandra, its DBaaS
# defaults). They bind everybody but superusers, so they need `auth`.
ASTRA = """\
tables_warn_threshold: 100
tables_fail_threshold: 200
columns_per_table_fail_threshold: 50
secondary_indexes_per_table_fail_threshold: 10
fields_per_udt_fail_threshold: 10
items_per_collection_warn_threshold: 20
collection_size_warn_threshold: 5MiB
column_value_size_fail_threshold: 5MiB
partition_size_warn_threshold: 100MiB
vector_dimensions_fail_threshold: 8192
partition_keys_in_select_fail_threshold: 20
in_select_cartesian_product_fail_threshold: 25
tombstone_warn_threshold: 1000
tombstone_failure_threshold: 100000
batch_size_warn_threshold: 64KiB
batch_size_fail_threshold: 640KiB
unlogged_batch_across_partitions_warn_threshold: 10
read_before_write_list_operations_enabled: false
write_consistency_levels_disallowed: [ANY, ONE, LOCAL_ONE]
table_properties_ignored:
  - additional_write_policy
  - allow_auto_snapshot
  - bloom_filter_fp_chance
  - caching
  - cdc
  - compaction
  - compression
  - crc_check_chance
  - gc_grace_seconds
  - incremental_backups
  - max_index_interval
  - memtable
  - memtable_flush_period_in_ms
  - min_index_interval
  - read_repair
  - speculative_retry
"""

# What each flavour adds to cassandra.yaml.in.
FLAVOURS = {"default": "", "latest": LATEST, "astra": LATEST + ASTRA}
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
    # As Cassandra has it. With twice our ring delay, a node that was replaced is told of again by another one that has
    # not yet forgotten it, and stands in system.peers for ever.
    "cassandra.gossip_quarantine_delay_ms": "60000",
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
    seats: list[int] | None = (
        None  # of the nodes among the addresses; Cluster.replace gives new ones
    )

    def __post_init__(self) -> None:
        if not 1 <= self.nodes <= NODES_MAX:
            raise NodeError(f"a cluster has 1 to {NODES_MAX} nodes")
        for name, known in (("version", java.VERSIONS), ("flavour", FLAVOURS), ("tls", TLS)):
            if getattr(self, name) not in known:
                raise NodeError(f"{name} is one of {', '.join(known)}: {getattr(self, name)!r}")
        if self.version == "4.1" and self.flavour != "default":
            raise NodeError(f"Cassandra 4.1 has no flavour `{self.flavour}`.")
        if self.flavour == "astra" and not self.auth:
            raise NodeError("The limits of flavour `astra` bind roles, so it needs log-in.")
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
        return [str(lowest + seat) for seat in self.seats or range(self.nodes)]

    def reseated(self, number: int) -> Settings:
        """With an address that nobody had so far for the node with this number."""
        seats = list(self.seats or range(self.nodes))
        seats[number - 1] = max(seats) + 1
        return dataclasses.replace(self, seats=seats)

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

    def yaml(
        self, port: int, index: int, run: Path, certificates: Path, is_new: bool = False
    ) -> str:
        """The cassandra.yaml of node number `index`, counted from 0. is_new: it takes another one's place, gets
        its data from the others, and so is no seed."""
        addresses = self.addresses(port)
        seeds = [a for a in addresses if not is_new or a != addresses[index]]
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
            seeds=",".join(f"{address}:{storage_port}" for address in seeds),
            auto_bootstrap="true" if is_new else "false",
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
