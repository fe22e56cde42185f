"""Where the network benchmarks run: a Cassandra and a PostgreSQL of their own, the floor, and each subject in its environment.

CQL_BENCH_PORT is Cassandra's port (default 9152); PostgreSQL has the next one.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import shlex
import subprocess
import sys

from bench import Unable

from cluster import schema

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build"
PORT = int(os.environ.get("CQL_BENCH_PORT", "9152"))
POSTGRES_PORT = PORT + 1
# The peers' own warnings are theirs; what a process wrote stands in the message when it fails.
PYTHON_OPTIONS = ["-W", "ignore"]


def run(*command) -> str:
    """What the command prints. A failure shows what it said."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Unable(f"{shlex.join(map(str, command))}: {last_line(done.stderr)}")
    return done.stdout.strip()


def last_line(text):
    return (text.strip().splitlines() or ["no word of why"])[-1]


@functools.cache
def python(peer):
    """The interpreter of a peer's environment; None: ours."""
    return run(ROOT / "tools" / "peer-venv", peer) if peer else sys.executable


@functools.cache
def floor():
    """The floor's program, built."""
    program = BUILD / "floor"
    compiler = os.environ.get("CC", "cc")
    run(compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, HERE / "floor.c")
    return program


@functools.cache
def cassandra():
    """The port of the node, its tables filled anew. It is stopped in the end, if it was started here."""
    node = ROOT / "tools" / "cassandra" / "node"
    if subprocess.run([node, "status", "--port", str(PORT)], capture_output=True).returncode:
        run(node, "start", "--port", PORT)
        atexit.register(run, node, "stop", "--port", PORT)
    run(python("cassandra-driver"), *PYTHON_OPTIONS, HERE / "fill.py", PORT)
    return PORT


@functools.cache
def postgres():
    """The port of a PostgreSQL with an empty database, stopped and removed in the end."""
    tool = ROOT / "tools" / "postgres"
    run(tool, "start", POSTGRES_PORT)
    atexit.register(run, tool, "stop", POSTGRES_PORT)
    return POSTGRES_PORT


class Worker:
    """A subject's process: one line of JSON for each order. It starts with the first order and lives until close()."""

    def __init__(self, peer, program, *arguments):
        self.peer, self.program, self.arguments = peer, program, [str(a) for a in arguments]
        self.process = None
        self.log = None
        self.answered = False

    def ask(self, **order):
        if self.process is None:
            self.start()
        try:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer is missing as well
        answer = self.process.stdout.readline()
        if not answer:
            raise Unable(last_line(self.log.read_text()))
        figures = json.loads(answer)
        if "error" in figures:
            raise Unable(figures["error"])
        self.answered = True
        return figures

    def start(self):
        name = "-".join([pathlib.Path(self.program).stem, self.peer or "libcql", *self.arguments])
        logs = BUILD / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.log = logs / f"bench-{name}.log"
        command = [python(self.peer), *PYTHON_OPTIONS, str(HERE / self.program), *self.arguments]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
            )

    def close(self) -> str:
        """Ends the process by the end of its input; what it still said."""
        if self.process is None:
            return ""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.stdout.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return rest


class Replay(Worker):
    """The proxy before the node, see replay.py. `port` is where it listens."""

    def __init__(self, port):
        super().__init__(None, "replay.py", port)
        self.start()
        self.port = int(self.process.stdout.readline())

    def check(self, client):
        """Ends the proxy, after its client. A client that was answered, but never from here, went past it."""
        given = int(self.close() or 0)
        if client.answered and not given:
            raise Unable("a client went past its proxy to the node")


def floor_figures(port, job, flight, count, first):
    """What the floor needs for the same requests."""
    text = schema.STATEMENTS[job]
    return json.loads(run(floor(), port, job, flight, count, first, text))
