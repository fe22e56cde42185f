"""A real Apache Cassandra for tests: no container, no root, nothing outside build/cassandra/.

The jars come from Maven once (about 70 MB). Each port is a cluster of its own, of one node unless
--nodes says more, with its configuration, data and logs in build/cassandra/cluster-PORT/.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import subprocess
import sys

from . import java
from .certificates import SERVERS
from .cluster import DEFAULT_PORT, PATIENCE_S, Cluster
from .errors import NodeError
from .settings import FLAVOURS, NODES_MAX, PORT_MAX, TLS, Settings

NOT_RUNNING = 3


def start(cluster: Cluster, args: argparse.Namespace) -> int:
    """Start the nodes that do not run, and wait until they answer CQL and see each other."""
    names = vars(Settings()).keys()
    cluster.start(Settings(**{name: getattr(args, name) for name in names}), args.timeout)
    for node in cluster.nodes:
        print(f"Cassandra answers on {node.address}:{node.port} (pid {node.pid}).")
    print(f"Settings: {cluster.settings.words()}.")
    return 0


def stop(cluster: Cluster, args: argparse.Namespace) -> int:
    """Stop the nodes that we started, and nothing else; the data stays."""
    if cluster.stop(args.timeout):
        print(f"Cassandra on port {cluster.port} stopped.")
    else:
        print(f"No node of ours runs on port {cluster.port}.")
    return 0


def status(cluster: Cluster, _args: argparse.Namespace) -> int:
    """Tell how each node does: exit code 0 if all of them answer, 3 if not."""
    states = []
    for node in cluster.nodes:
        states.append(node.state())
        print(f"{states[-1]}: {node}, pid {node.pid or '-'}, log {node.log}")
    print(f"Settings: {cluster.settings.words()}.")
    return 0 if all(state == "running" for state in states) else NOT_RUNNING


def wipe(cluster: Cluster, args: argparse.Namespace) -> int:
    """Stop the cluster and remove its data; the jars stay."""
    cluster.wipe(args.timeout)
    print(f"Removed {cluster.dir}.")
    return 0


def pause(cluster: Cluster, args: argparse.Namespace) -> int:
    """Stop node N where it stands (SIGSTOP): its connections stay open, nothing answers."""
    return _fault(cluster, args, "paused", lambda node: node.pause())


def resume(cluster: Cluster, args: argparse.Namespace) -> int:
    """Let the paused node N go on (SIGCONT)."""
    return _fault(cluster, args, "goes on", lambda node: node.resume())


def kill(cluster: Cluster, args: argparse.Namespace) -> int:
    """End node N as a crash would (SIGKILL); `restart N` or `start` brings it back."""
    return _fault(cluster, args, "killed", lambda node: node.kill())


def restart(cluster: Cluster, args: argparse.Namespace) -> int:
    """Drain and end node N, start it again, and wait until it is ready."""
    return _fault(
        cluster, args, "restarted", lambda node: cluster.restart(node.number, args.timeout)
    )


def replace(cluster: Cluster, args: argparse.Namespace) -> int:
    """End node N for good; a new one, with another address and host id, takes its place."""
    cluster.replace(args.number, args.timeout)
    print(f"{cluster.node(args.number)} is new.")
    return 0


def roll(cluster: Cluster, args: argparse.Namespace) -> int:
    """Restart one node after the other, each when all have seen the one before come back."""
    cluster.roll(args.timeout)
    print(f"The nodes on port {cluster.port} were restarted one after the other.")
    return 0


def tool(cluster: Cluster, args: argparse.Namespace) -> int:
    """Run nodetool for node N (started with --jmx): node tool 1 -- status"""
    return subprocess.run(cluster.node(args.number).nodetool(args.words)).returncode


def _fault(cluster, args, word, act) -> int:
    node = cluster.node(args.number)
    act(node)
    print(f"{node}: {word}.")
    return 0


def port_number(text: str) -> int:
    """A CQL port that leaves room for the storage port above it."""
    port = int(text)
    if not 1024 <= port <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"a port lies between 1024 and {PORT_MAX}")
    return port


def heap_size(text: str) -> str:
    """A heap size as Java writes it."""
    if not re.fullmatch(r"[1-9][0-9]*[mg]", text):
        raise argparse.ArgumentTypeError("a heap size looks like 512m or 1g")
    return text


def loopback(text: str) -> str:
    """An address that stays on this machine, with room for more nodes above it."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not (address + NODES_MAX).is_loopback:
        raise argparse.ArgumentTypeError("an address looks like 127.0.0.31")
    return text


def _add_settings(sub: argparse.ArgumentParser) -> None:
    """The options of `start`; their names are those of the fields of Settings."""
    add = sub.add_argument
    add("--nodes", type=int, default=1, help="how many (default: %(default)s)")
    add(
        "--address",
        type=loopback,
        help="of the first node; the others follow (a block by the port)",
    )
    add("--version", choices=java.VERSIONS, default="5.0", help="default: %(default)s")
    add(
        "--flavour",
        choices=FLAVOURS,
        default="default",
        help="of cassandra.yaml; in `latest` a plain CREATE INDEX makes an SAI index, `astra` adds Astra DB's limits",
    )
    add(
        "--auth", action="store_true", help="log-in with a password; cassandra/cassandra may do all"
    )
    add(
        "--tls",
        nargs="?",
        choices=TLS,
        const="server",
        default="off",
        help="clients must speak TLS; `client`: and show a certificate, too",
    )
    add("--certificate", choices=SERVERS, default="server", help="a bad one, for tests of clients")
    add(
        "--durable",
        action=argparse.BooleanOptionalAction,
        help="what was acknowledged survives a kill (default: of several nodes, not of one)",
    )
    add("--heap", type=heap_size, help="Java heap (default: 512m; of several nodes 400m each)")
    add("--quick", action="store_true", help="start faster, run slower; not for benchmarks")
    add("--jmx", action="store_true", help="make `node tool` work")
    sub.set_defaults(seats=None)


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="node", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for action in (start, stop, status, wipe, pause, resume, kill, restart, replace, roll, tool):
        sub = commands.add_parser(action.__name__, help=action.__doc__, description=action.__doc__)
        sub.set_defaults(action=action)
        sub.add_argument(
            "--port", type=port_number, default=DEFAULT_PORT, help="CQL port (default: %(default)s)"
        )
        sub.add_argument(
            "--timeout",
            type=float,
            default=PATIENCE_S,
            metavar="SECONDS",
            help="give up after this long (default: %(default)g)",
        )
        if action is start:
            _add_settings(sub)
        if action in (pause, resume, kill, restart, replace, tool):
            sub.add_argument("number", type=int, metavar="N", help="which node, counted from 1")
        if action is tool:
            sub.add_argument(
                "words", nargs="+", metavar="WORD", help="nodetool's own words, after --"
            )
    return parser.parse_args(words)


def main() -> int:
    args = parse_arguments()
    try:
        return args.action(Cluster(args.port), args)
    except NodeError as error:
        print(f"node: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
