"""What stands for Astra DB in front of a Cassandra of tools/cassandra; tools/astra/README.md tells more.

    from standin import AstraStandin, database_settings
    from testcluster import borrowed

    with borrowed(database_settings(nodes=3)) as cluster, AstraStandin(cluster) as astra:
        astra.bundle_path, astra.token, astra.keyspace
        astra.hibernate()

tools/cassandra and tools/astra must be on sys.path.
"""

from testcluster import Settings

from .faults import Faults, RateLimit, Refusal
from .proxy import Route
from .standin import AstraStandin

__all__ = ["AstraStandin", "Faults", "RateLimit", "Refusal", "Route", "database_settings"]


def database_settings(nodes: int = 1, **more: object) -> Settings:
    """For a cluster that follows Astra's rules."""
    return Settings(nodes=nodes, auth=True, flavour="astra", **more)
