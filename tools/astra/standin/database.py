"""The cluster behind the proxy, as its superuser sees it: who it is, roles and keyspaces."""

from __future__ import annotations

import uuid

from testcluster import Cluster, NodeError, cql
from testcluster.node import Node, wait_for
from testcluster.process import wait_until

REPLICAS_MAX = 3
LOG_IN_S = 20.0
SETTLE_S = 60.0


class Database:
    def __init__(self, cluster: Cluster) -> None:
        if not cluster.settings.auth or cluster.settings.tls != "off":
            raise NodeError("The stand-in needs a cluster with log-in, and without TLS of its own.")
        self.cluster = cluster

    def nodes(self) -> dict[str, tuple[str, int]]:
        """Host id to address and port, of the nodes that answer."""
        found = {}
        for node in self.cluster.nodes:
            if node.pid is None or node.is_paused:
                continue
            with node.connect() as connection:
                ((host_id,),) = connection.query("SELECT host_id FROM system.local")
            found[str(uuid.UUID(bytes=host_id))] = (node.address, node.port)
        return found

    def data_center(self) -> str:
        return self._query("SELECT data_center FROM system.local")[0][0].decode()

    def add_role(self, name: str, password: str) -> None:
        """A role that may log in. It is no superuser: guardrails do not bind those."""
        self._query(f"DROP ROLE IF EXISTS {_quoted(name)}")
        self._query(f"CREATE ROLE {_quoted(name)} WITH PASSWORD = '{password}' AND LOGIN = true")
        for node in self.cluster.nodes:  # each remembers for a while what passwords there were
            failure = f"{node} does not let {name} in."
            wait_until(lambda node=node: _lets_in(node, name, password), LOG_IN_S, failure)

    def add_keyspace(self, name: str, roles: list[str]) -> None:
        """A keyspace in which these roles may do all."""
        replicas = min(REPLICAS_MAX, len(self.cluster.nodes))
        self._query(
            f"CREATE KEYSPACE IF NOT EXISTS {_quoted(name)} WITH replication ="
            f" {{'class': 'NetworkTopologyStrategy', '{self.data_center()}': {replicas}}}",
        )
        for role in roles:
            self._query(f"GRANT ALL ON KEYSPACE {_quoted(name)} TO {_quoted(role)}")
        self.settle()

    def drop_keyspace(self, name: str) -> None:
        self._query(f"DROP KEYSPACE IF EXISTS {_quoted(name)}")

    def settle(self) -> None:
        """Wait until all nodes know the same schema."""
        whole = all(node.pid is not None and not node.is_paused for node in self.cluster.nodes)
        if whole:
            wait_for(self.cluster.nodes, SETTLE_S)

    def keyspaces(self) -> list[str]:
        """Those of users."""
        rows = self._query("SELECT keyspace_name FROM system_schema.keyspaces")
        names = sorted(row[0].decode() for row in rows)
        return [name for name in names if name != "system" and not name.startswith("system_")]

    def count_indexes(self) -> int:
        return len(self._query("SELECT index_name FROM system_schema.indexes"))

    def _query(self, text: str) -> list[list[bytes | None]]:
        node = next(node for node in self.cluster.nodes if node.state() == "running")
        with node.connect() as connection:
            return connection.query(text, "QUORUM" if text.startswith("SELECT") else "ONE")


def _lets_in(node: Node, name: str, password: str) -> bool:
    try:
        with cql.Connection(node.address, node.port, None) as connection:
            connection.log_in(name, password)
            return True
    except cql.Refused:
        return False


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
