"""The nodes of a cluster, as the node that is asked knows them, and the keyspaces they hold."""

from dataclasses import dataclass

from .dbapi import InvalidRequest
from .literals import literal

DEFAULT_COPIES = 3  # of each row in a keyspace that we make, where there are so many nodes
LEVEL = "ONE"  # for tables that each node has of its own


@dataclass(frozen=True)
class Node:
    """`schema`: the version of the schema that it has. `version`: its release, such as "5.0.5"."""

    address: str
    data_center: str
    rack: str
    version: str
    schema: object


def nodes(session) -> list[Node]:
    """The node that answers, then its peers."""
    columns = "data_center, rack, release_version, schema_version"
    here = session.execute(
        f"SELECT broadcast_address, {columns} FROM system.local", consistency=LEVEL
    ).one()
    peers = session.execute(f"SELECT peer, {columns} FROM system.peers", consistency=LEVEL)
    return [_node(row) for row in (here, *peers)]


def _node(row) -> Node:
    address, data_center, rack, version, schema = row
    return Node(str(address), data_center or "", rack or "", version or "", schema)


def keyspace_exists(session, keyspace: str) -> bool:
    text = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?"
    return session.execute(text, [keyspace], consistency=LEVEL).one() is not None


def data_centers(session, keyspace: str) -> list[str]:
    """Those that have replicas of a keyspace; none if there is no such keyspace."""
    text = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?"
    row = session.execute(text, [keyspace], consistency=LEVEL).one()
    if row is None:
        return []
    (how,) = row
    known = {node.data_center for node in nodes(session)}
    if how["class"].endswith("NetworkTopologyStrategy"):
        known &= {name for name, copies in how.items() if copies not in ("0", 0)}
    return sorted(known)


def replication(session, local_dc: str | None = None) -> dict:
    """What suits a new keyspace: copies in one data centre, three where there are so many nodes."""
    known = nodes(session)
    place = local_dc or known[0].data_center
    count = sum(node.data_center == place for node in known)
    return {"class": "NetworkTopologyStrategy", place: min(DEFAULT_COPIES, max(count, 1))}


def create_keyspace(keyspace: str, wanted: dict) -> str:
    """The statement that makes a keyspace with this replication."""
    return f'CREATE KEYSPACE IF NOT EXISTS "{keyspace}" WITH replication = {literal(wanted)}'


def release(version: str) -> tuple[int, ...]:
    """ "5.0.8" or "5.1-SNAPSHOT" as numbers; what is no number ends them."""
    numbers = []
    for part in version.split("-")[0].split(".")[:3]:
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def is_scylla(session) -> bool:
    """Scylla has tables that Cassandra does not have, and calls itself 3.0.8."""
    text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?"
    try:
        row = session.execute(text, ["system", "scylla_local"], consistency=LEVEL).one()
    except InvalidRequest:
        return False
    return row is not None
