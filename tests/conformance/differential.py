#!/usr/bin/env python3
"""Random statements on the embedded engine and on a real Cassandra, whose answers must be equal.

    tools/cassandra/node start
    $(tools/driver-venv) tests/conformance/differential.py --statements 5000 --seed 1 2

Each table gets bursts of writes and then reads of all shapes; after every burst all that the table shows is
compared, with write times and TTLs. Errors are compared by class; ``--texts`` lists those whose words differ. The
first difference of a table ends it, is shrunk, and is printed as a ``.test`` file that Cassandra passes and the engine
fails. The engine runs in a process of its own, so that even a crash is only a difference.

generate.py says what is generated, and what Cassandra leaves open and is therefore not.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for the checkout's libcql

from corpus import ERROR_CLASSES
from generate import TTL_MAX, TTL_STEP, Generator, Statement, create_user_types
from run import REPLICATION, expectation_of
from servers import Answer, CassandraServer, LibcqlServer, Refused, Server

Outcome = Answer | Refused
TABLE_NAME = re.compile(
    r"\bt\d+(?=\D|$)"
)  # generate.py starts no other name like this, but those of indexes
EMPTY_WORD = re.compile(r"\bempty\b")
CLOCK_SLACK_US = 86_400_000_000
SHRINK_S = 6.0
PROGRESS_S = 10.0
RECONNECT_S = 60.0


# --- two servers ---------------------------------------------------------------------------------


def ask(server: Server, s: Statement, keyspace: str = "") -> Outcome:
    """The answer; with writes between its pages, the second one, if there was more than one page."""

    def write_between() -> None:
        for w in s.between:
            ask(server, w)

    text = s.text.replace("{ks}", keyspace)
    try:
        if s.pause_s:
            time.sleep(s.pause_s)
        answer = server.execute(text, s.bind, s.page_size)
        if s.between and len(answer.pages) > 1:
            return server.execute(text, s.bind, s.page_size, write_between)
        return answer
    except Refused as e:
        return e
    except Exception as e:  # a client that trips over an answer
        return Refused(type(e).__name__, str(e))


def serve(pipe: Connection, address: str) -> None:
    """The engine's process: statements in, outcomes out."""
    server = LibcqlServer(address)
    while True:
        try:
            s, keyspace = pipe.recv()
        except EOFError:
            return
        outcome = ask(server, s, keyspace)
        if isinstance(outcome, Refused):
            pipe.send((outcome.name, outcome.text))
        else:
            pipe.send(outcome)


class Pair:
    """The two servers; a statement goes to both at once."""

    def __init__(self, address: str, keyspace: str) -> None:
        self.keyspace = keyspace
        self.cassandra = CassandraServer(address)
        self.drop()
        self.start_engine()
        self._on_cassandra(Statement(self._create()))
        for text in (f"USE {keyspace}", *create_user_types()):
            self._on_cassandra(Statement(text))

    def _create(self) -> str:
        return f"CREATE KEYSPACE {self.keyspace} WITH replication = {REPLICATION}"

    def _on_cassandra(self, s: Statement) -> Outcome:
        return ask(self.cassandra, s, self.keyspace)

    def start_engine(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.engine = context.Process(target=serve, args=(theirs, "local::memory:"), daemon=True)
        self.engine.start()
        theirs.close()
        for text in (self._create(), f"USE {self.keyspace}", *create_user_types()):
            self.pipe.send((Statement(text), self.keyspace))
            self._engine_outcome()

    def _engine_outcome(self) -> Outcome:
        try:
            outcome = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.engine.join()
            code = self.engine.exitcode
            self.start_engine()
            return Refused("Crash", f"the engine's process ended with {code}")
        return Refused(*outcome) if isinstance(outcome, tuple) else outcome

    def ask(self, s: Statement) -> tuple[Outcome, Outcome]:
        """What Cassandra and the engine answer."""
        self.pipe.send((replace(s, then=None), self.keyspace))
        theirs = self._on_cassandra(s)
        return theirs, self._engine_outcome()

    def drop(self) -> None:
        ask(self.cassandra, Statement(f"DROP KEYSPACE IF EXISTS {self.keyspace}"))

    def close(self) -> None:
        self.drop()
        self.cassandra.close()
        self.pipe.close()
        self.engine.join(5)


# --- comparison ----------------------------------------------------------------------------------


def settled(outcome: Answer, now_us: int) -> list[list[str]]:
    """The rows of all pages, with what depends on the clock put out of the way."""

    def number(m: re.Match) -> str:
        value = int(m[0])
        if abs(value - now_us) < CLOCK_SLACK_US:
            return "clock"
        left = -value % TTL_STEP
        if value >= TTL_STEP - 1000 and 0 < left < 1000 and value <= TTL_MAX:
            return str(value + left)
        return m[0]

    def plain(cell: str) -> str:
        if cell[:1] not in ("'", '"'):
            cell = EMPTY_WORD.sub("null", cell)  # libcql gives None for both
        return re.sub(r"(?<![\w.'-])\d{5,16}(?![\w.'-])", number, cell)

    return [[plain(cell) for cell in row] for page in outcome.pages for row in page]


def difference(theirs: Outcome, ours: Outcome) -> str | None:
    """What kind of difference there is."""
    if isinstance(theirs, Refused) or isinstance(ours, Refused):
        if isinstance(theirs, Refused) and isinstance(ours, Refused):
            return "class of error" if theirs.name != ours.name else None
        return "refused by Cassandra alone" if isinstance(theirs, Refused) else "refused alone"
    if theirs.columns != ours.columns:
        return "columns"
    now_us = time.time_ns() // 1000
    return "rows" if settled(theirs, now_us) != settled(ours, now_us) else None


# --- shrinking -----------------------------------------------------------------------------------


def shrink(items: list, still_fails: Callable[[list], bool], until: float) -> list:
    """A part of items that still fails and that no removal of one piece makes smaller."""
    size = max(len(items) // 2, 1)
    while time.monotonic() < until:
        at, removed = 0, False
        while at < len(items) and time.monotonic() < until:
            shorter = items[:at] + items[at + size :]
            if still_fails(shorter):
                items, removed = shorter, True
            else:
                at += size
        if size == 1 and not removed:
            break
        size = max(size // 2, 1)
    return items


@dataclass
class Failure:
    schema: list[str]
    history: list[Statement]
    last: Statement
    kind: str
    theirs: Outcome
    ours: Outcome

    def show(self, keyspace: str) -> str:
        """The failure as a .test file."""
        schema = [*create_user_types(), *self.schema]
        lines = [f"# {self.kind}", "", "exec", *(f"  {text};" for text in schema)]
        for s in self.history:
            if s.between:
                lines.append(
                    f"# read in pages of {s.page_size}, with writes after the first: {s.text}"
                )
                lines += [f"#   {inlined(w).text};" for w in s.between]
            elif s.bind is None:
                lines.append(f"exec  {s.text};")
            else:
                lines += [f"query {s.text}", f"bind  {', '.join(s.bind)}", "void"]
        lines += [f"# after the first page: {inlined(w).text};" for w in self.last.between]
        lines.append(f"query {self.last.text}")
        if self.last.bind is not None:
            lines.append(f"bind  {', '.join(self.last.bind)}")
        if self.last.page_size is not None:
            lines.append(f"page  {self.last.page_size}")
        lines.append(expectation_of(self.theirs))
        got = expectation_of(self.ours).replace("\n", "\n# ")
        text = "\n".join([*lines, f"# got: {got}"])
        return TABLE_NAME.sub("t", text.replace(f"{keyspace}.", "{ks}."))


def inlined(s: Statement) -> Statement:
    """The statement with its values in its text."""
    if s.bind is None or "unset" in s.bind:
        return s
    parts = s.text.split("?")
    text = "".join(a + b for a, b in zip(parts, [*s.bind, ""], strict=True))
    return replace(s, text=text, bind=None)


def renamed(s: Statement, name: str) -> Statement:
    """The statement for another table."""
    between = [renamed(w, name) for w in s.between]
    return replace(s, text=TABLE_NAME.sub(name, s.text), between=between)


# --- the run -------------------------------------------------------------------------------------


class Run:
    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.generator: Generator
        self.tables = 0  # whose names are taken
        self.passed = 0
        self.rows = 0
        self.errors: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.stumbles: list[str] = []  # where Cassandra gave no answer
        self.texts: dict[tuple[str, str], str] = {}

    def with_seed(self, seed: int, statements: int, failures: int) -> None:
        """So many statements more, or until there are too many failures."""
        self.generator = Generator(random.Random(seed), self.tables)
        goal, shown = self.passed + statements, time.monotonic()
        while self.passed < goal and len(self.failures) < failures:
            failed = len(self.failures)
            self.one_table()
            for failure in self.failures[failed:]:
                print(f"\n{failure.show(self.pair.keyspace)}\n")
            if time.monotonic() > shown + PROGRESS_S:
                shown = time.monotonic()
                print(f"{self.passed} statements, {len(self.failures)} failed")
        self.tables = self.generator.number

    def make(self, schema: list[str]) -> None:
        for text in schema:
            theirs, ours = self.pair.ask(Statement(text))
            if difference(theirs, ours) or isinstance(theirs, Refused):
                raise AssertionError(f"{text}\n  cassandra {theirs}\n  engine    {ours}")

    def stumbled(self, s: Statement, theirs: Outcome) -> bool:
        """Whether Cassandra gave no answer, for a reason of its own; it is back when this returns."""
        if isinstance(theirs, Answer) or theirs.name in set(ERROR_CLASSES) - {"Server", "Protocol"}:
            return False
        self.stumbles.append(f"{inlined(s).text}\n  page {s.page_size}: {theirs}")
        time.sleep(0.5)  # a connection may be about to be closed
        deadline = time.monotonic() + RECONNECT_S
        while isinstance(
            ask(self.pair.cassandra, Statement("SELECT key FROM system.local")), Refused
        ):
            if time.monotonic() > deadline:
                raise AssertionError(f"Cassandra is gone after {s.text}")
            time.sleep(0.5)
        return True

    def one_table(self) -> None:
        """Bursts on a fresh table, until the first difference."""
        table = self.generator.table()
        schema = [table.create()]
        self.make(schema)
        history: list[Statement] = []
        for s in self.generator.statements():
            theirs, ours = self.pair.ask(s)
            if self.stumbled(s, theirs):
                if s.writes:
                    return
                continue
            kind = difference(theirs, ours)
            if kind:
                failure = Failure(schema, history, s, kind, theirs, ours)
                self.smaller(failure)
                self.failures.append(failure)
                return
            self.passed += 1
            self.note(s, theirs, ours)
            if s.then and isinstance(theirs, Answer):
                s.then()
            if s.writes:
                history.append(s)
        self.pair.ask(Statement(f"DROP TABLE {table.name}"))

    def note(self, s: Statement, theirs: Outcome, ours: Outcome) -> None:
        if isinstance(theirs, Answer):
            self.rows += sum(map(len, theirs.pages))
            return
        self.errors[theirs.name] += 1
        assert isinstance(ours, Refused)
        if theirs.text != ours.text and theirs.name != "Syntax":
            words = [re.sub(r"\d+", "#", text) for text in (theirs.text, ours.text)]
            shown = f"{inlined(s).text}\n  cassandra {theirs.text}\n  engine    {ours.text}"
            self.texts.setdefault((words[0], words[1]), shown)

    def smaller(self, f: Failure) -> None:
        """Leaves in the failure what it needs, with values in the text where they can be."""
        until = time.monotonic() + SHRINK_S

        def fails(history: list[Statement], last: Statement) -> bool:
            self.generator.number += 1
            name = f"t{self.generator.number}"
            self.make([TABLE_NAME.sub(name, text) for text in f.schema])
            outcomes = None
            for s in [*history, last]:
                outcomes = self.pair.ask(renamed(s, name))
            self.pair.ask(Statement(f"DROP TABLE {name}"))
            if difference(*outcomes) != f.kind:
                return False
            f.theirs, f.ours = outcomes
            return True

        if not fails(f.history, f.last):
            f.kind += " (not seen again)"
            return
        f.history = shrink(f.history, lambda part: fails(part, f.last), until)
        plain = [inlined(s) for s in f.history]
        if any(s.bind for s in f.history) and fails(plain, f.last):
            f.history = plain
        for last in (inlined(f.last), replace(f.last, between=[]), replace(f.last, page_size=None)):
            if last != f.last and fails(f.history, last):
                f.last = last
        fails(f.history, f.last)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, nargs="+", help="one or more (default: a random one, which is printed)"
    )
    parser.add_argument(
        "--statements", type=int, default=5000, help="for each seed (default: %(default)s)"
    )
    parser.add_argument("--failures", type=int, default=10, help="give up after that many")
    parser.add_argument("--texts", action="store_true", help="list errors whose words differ")
    parser.add_argument("--address", default="127.0.0.1:9142", help="Cassandra's host:port")
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    keyspace = f"d_{os.getpid()}"
    pair = Pair(args.address, keyspace)
    run = Run(pair)
    try:
        for seed in args.seed or [random.randrange(1_000_000)]:
            print(f"seed {seed}")
            run.with_seed(seed, args.statements, args.failures)
    finally:
        pair.close()
    if args.texts:
        print("\n".join(run.texts.values()))
    if run.stumbles:
        print("Cassandra gave no answer to\n" + "\n".join(run.stumbles))
    print(f"{run.rows} rows; errors: {dict(run.errors)}; {len(run.texts)} with other words")
    print(f"{run.passed} passed, {len(run.failures)} failed")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
