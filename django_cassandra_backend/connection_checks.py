"""`manage.py check --database ALIAS` for clusters: does it answer, and is it what we need?

Run by DatabaseValidation.check(), as other backends do: `migrate` runs it, `runserver` and plain `check` do not."""

import datetime
import time

from django.core import checks

import libcql

from . import sessions, topology
from .dbapi import Error
from .options import Options

MINIMUM_VERSION = (4, 1)
MAX_SKEW = 1.0  # seconds between a node's clock and ours, beyond what the question took
#: Seconds. The node that is asked hears by gossip, a second or two late, which schema the others have.
GOSSIP_PAUSES = (0.2, 0.4, 0.8, 1.6)
_CREDENTIALS = ("CREDENTIALS",)


def check_cluster(connection) -> list:
    """What is wrong with the cluster of one alias. A file is not asked anything."""
    options: Options = connection.settings
    if options.is_file:
        return []
    alias = connection.alias
    try:
        session = libcql.connect(options.url)
    except Error as error:
        return [_unreachable(alias, error, options)]
    try:
        return _check_session(alias, session, options)
    except Error as error:
        return [_unreachable(alias, error, options)]
    finally:
        session.close()


def _unreachable(alias: str, error: Error, options: Options):
    what = "Astra database" if options.is_astra else "cluster"
    if getattr(error, "code", None) in _CREDENTIALS:
        who = "the token" if options.is_astra else "USER and PASSWORD"
        text = f"The {what} of {alias!r} refuses {who}: {error}"
        hint = "Look at them, and at the role in system_auth."
        if options.is_astra:
            hint = "Was it revoked, or is it of another database? A new one is made at https://astra.datastax.com."
        return checks.Error(text, hint, id="cassandra.E021")
    text = f"The {what} of {alias!r} does not answer: {error}"
    hint = "Look at HOST, PORT and OPTIONS['tls']."
    if options.is_astra:
        hint = "`manage.py astra status` tells its state, `manage.py astra resume` wakes one that hibernates."
    return checks.Error(text, hint, id="cassandra.E020")


def _check_session(alias: str, session, options: Options) -> list:
    found = [*_keyspace(alias, session, options)]
    if not options.is_astra:  # which has releases of its own, and no others
        found += _version(alias, session)
    found += _agreement(alias, session, options)
    return [*found, *_schema(alias, session), *_clock(alias, session)]


def _keyspace(alias: str, session, options: Options):
    if options.create_keyspace or topology.keyspace_exists(session, options.keyspace):
        return
    text = f"{sessions.missing_keyspace(session, options)}"
    yield checks.Error(f"Database {alias!r}: {text}", id="cassandra.E022")


def _version(alias: str, session):
    if topology.is_scylla(session):
        text = f"The cluster of {alias!r} is Scylla."
        hint = "The tests of this backend run on Apache Cassandra. Run yours on Scylla before you rely on it."
        yield checks.Warning(text, hint, id="cassandra.W005")
        return
    for node in topology.nodes(session):
        if topology.release(node.version) < MINIMUM_VERSION:
            text = f"The node {node.address} of {alias!r} runs Cassandra {node.version}."
            yield checks.Error(text, "Cassandra 4.1 or later is required.", id="cassandra.E023")


def _schema(alias: str, session):
    versions = _schema_versions(session)
    for pause in GOSSIP_PAUSES:
        if len(versions) < 2:
            return
        time.sleep(pause)
        versions = _schema_versions(session)
    if len(versions) > 1:
        groups = "; ".join(", ".join(addresses) for addresses in versions.values())
        text = f"The nodes of {alias!r} do not agree on the schema: {groups}."
        hint = "Wait until they do before you migrate; a node that is down keeps its old version (nodetool describecluster)."
        yield checks.Warning(text, hint, id="cassandra.W006")


def _schema_versions(session) -> dict[object, list[str]]:
    """The nodes that have each version."""
    versions: dict[object, list[str]] = {}
    for node in topology.nodes(session):
        versions.setdefault(node.schema, []).append(node.address)
    return versions


def _agreement(alias: str, session, options: Options):
    """Conditional writes of one datacenter do not see in time what another one has decided."""
    if options.serial_consistency != "LOCAL_SERIAL":
        return
    places = topology.data_centers(session, options.keyspace)
    if len(places) > 1:
        text = (
            f"The rows of {alias!r} have replicas in several datacenters ({', '.join(places)}), and writes with a condition are "
            "decided in one of them (LOCAL_SERIAL)."
        )
        hint = (
            "Let all programs that write use one datacenter, or set OPTIONS['serial_consistency'] = 'SERIAL': writes, unique "
            "values among them, hold in all datacenters then, and take longer."
        )
        yield checks.Warning(text, hint, id="cassandra.W015")


def _clock(alias: str, session, clock=time.time):
    """The clock of the node that answers: plain writes carry a timestamp of ours, others one of its."""
    before = clock()
    told = session.execute(
        "SELECT toTimestamp(now()) FROM system.local", consistency=topology.LEVEL
    ).one()[0]
    after = clock()
    here = datetime.datetime.fromtimestamp((before + after) / 2, datetime.timezone.utc)
    skew = (told - here).total_seconds()
    if abs(skew) > MAX_SKEW + (after - before) / 2:
        ahead = "ahead of" if skew > 0 else "behind"
        text = f"A node of {alias!r} is {abs(skew):.1f} seconds {ahead} this machine's clock."
        hint = "Synchronise the clocks (NTP): Cassandra decides by timestamps which of two writes is the later one."
        yield checks.Warning(text, hint, id="cassandra.W007")
