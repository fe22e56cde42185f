"""Real Cassandra clusters for tests and benchmarks: no container, no root, nothing outside build/cassandra/.

    from testcluster import Settings, borrowed

    with borrowed(Settings(nodes=3, auth=True, tls="client")) as cluster:
        cluster.contact_points, cluster.port, cluster.certificates.ca
        cluster.node(2).pause()
        cluster.roll()

The command `tools/cassandra/node` is a face on this; tools/README.md tells the rest.
"""

from .cluster import DEFAULT_PORT, Cluster, borrowed
from .errors import NodeError
from .settings import Settings

__all__ = ["DEFAULT_PORT", "Cluster", "NodeError", "Settings", "borrowed"]
