"""What stands for Astra DB: a Cassandra of its own, a metadata service, an SNI proxy, the DevOps API, and a bundle.

It prints what a client needs as one line of JSON, and then obeys the lines that it reads, answering each with one line;
`help` lists them. When its input ends, or SIGINT or SIGTERM arrives, everything that it made is removed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from testcluster import NodeError, borrowed

from . import AstraStandin, database_settings

DEFAULT_PORT = 9280


def commands(astra: AstraStandin) -> dict[str, tuple[Callable[..., object], str]]:
    """What each line may begin with: the action, and its words."""
    faults = astra.faults
    return {
        "hibernate": (lambda *status: astra.hibernate(*map(int, status)), "[STATUS]"),
        "wake": (astra.wake, ""),
        "cut": (astra.cut, ""),
        "down": (astra.address_down, "ADDRESS"),
        "silent": (astra.address_silent, "ADDRESS"),
        "up": (astra.address_up, "ADDRESS"),
        "certificate": (astra.show_certificate, "server|expired|other-name|foreign"),
        "slow-metadata": (lambda s: setattr(faults, "metadata_delay", float(s)), "SECONDS"),
        "slow-proxy": (lambda s: setattr(faults, "proxy_delay", float(s)), "SECONDS"),
        "limit": (lambda n, s="1": _nothing(astra.limit_rate(int(n), float(s))), "N [SECONDS]"),
        "no-limit": (astra.no_limit, ""),
        "refuse": (lambda *words: _nothing(astra.refuse(*words)), "PATTERN MESSAGE"),
        "refuse-nothing": (astra.refuse_nothing, ""),
        "replace": (lambda n: astra.replace_node(int(n)), "NODE"),
        "refresh": (astra.refresh, ""),
        "routes": (lambda: [[route.address, route.host_id] for route in astra.routes], ""),
    }


def _nothing(_: object) -> None:
    return None


def obey(astra: AstraStandin, lines: Iterator[str]) -> None:
    """Do what each line says, and say what came of it."""
    known = commands(astra)
    for line in lines:
        try:
            name, *words = shlex.split(line) or [""]
            if name == "help":
                result = [f"{n} {usage}".strip() for n, (_, usage) in known.items()]
            elif name in known:
                result = known[name][0](*words)
            else:
                raise ValueError(f"no such command: {name!r}; try help")
            print(json.dumps({"done": result}), flush=True)
        except (ValueError, TypeError, KeyError, OSError, NodeError) as error:
            print(json.dumps({"error": str(error)}), flush=True)


def facts(astra: AstraStandin) -> dict[str, object]:
    return {
        "bundle": str(astra.bundle_path),
        "token": astra.token,
        "clientId": astra.client_id,
        "clientSecret": astra.client_secret,
        "keyspace": astra.keyspace,
        "api": astra.api.url,
        "database": astra.database_id,
        "metadata": astra.describe(),
    }


@contextlib.contextmanager
def _copy(path: Path | None, content: bytes) -> Iterator[None]:
    """A file that only we may read, for as long as it is needed."""
    if path is None:
        yield
        return
    path.touch(mode=0o600)
    path.write_bytes(content)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def run(args: argparse.Namespace) -> int:
    """Start everything, and serve until the end of the input."""
    settings = database_settings(args.nodes, quick=True)
    with (
        borrowed(settings, args.port) as cluster,
        AstraStandin(cluster, args.keyspace, args.host, args.address) as astra,
    ):
        dotenv = "".join(f"{name}={value}\n" for name, value in astra.environment().items())
        bundle = astra.bundle_path.read_bytes()
        with _copy(args.bundle_out, bundle), _copy(args.dotenv_out, dotenv.encode()):
            print(json.dumps(facts(astra)), flush=True)
            obey(astra, iter(sys.stdin))
    return 0


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="astra-standin", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND").add_parser(
        "run", help=run.__doc__, description=run.__doc__
    )
    sub.set_defaults(action=run)
    add = sub.add_argument
    add("--nodes", type=int, default=1, help="how many (default: %(default)s)")
    add(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help="of the nodes, or the next free one (%(default)s)",
    )
    add("--keyspace", default="app", help="to begin with (default: %(default)s)")
    add(
        "--host",
        default="localhost",
        help="name of proxy and metadata service (default: %(default)s)",
    )
    add(
        "--address",
        action="append",
        help="where they listen; may be repeated (what the name resolves to)",
    )
    add("--bundle-out", type=Path, metavar="PATH", help="the bundle is there, too, while it runs")
    add("--dotenv-out", type=Path, metavar="PATH", help="a .env as the Astra CLI writes it")
    return parser.parse_args(words)


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    args = parse_arguments()
    signal.signal(signal.SIGTERM, _stop)
    try:
        return args.action(args)
    except NodeError as error:
        print(f"astra-standin: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
