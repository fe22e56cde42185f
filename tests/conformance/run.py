#!/usr/bin/env python3
"""Runs the conformance corpus, tests/data/cql/*.test, on one server and compares the answers.

On the embedded engine, and on a real Cassandra:

    tests/conformance/run.py --server local
    $(tools/driver-venv) tests/conformance/run.py --server cassandra     # by the Python driver
    tests/conformance/run.py --server cluster                            # by our own client
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import re
import sys
import time
from pathlib import Path

from corpus import Case, Exec, FormatError, Rows, TestFile, Wait, check, read_file
from servers import Answer, CassandraServer, ClusterServer, LibcqlServer, Refused, Server

CORPUS = Path(__file__).resolve().parent.parent / "data" / "cql"
NODE = os.environ.get("CQL_TEST_NODE", "127.0.0.1:9142")
SERVERS = {
    "cassandra": (CassandraServer, NODE),
    "cluster": (ClusterServer, NODE),
    "local": (LibcqlServer, "local::memory:"),
}
TTL_SLACK_S = 30
SHOWN_MAX = 2000  # characters of a statement in a report
REPLICATION = "{'class': 'SimpleStrategy', 'replication_factor': 1}"


def cell_matches(want: str, got: str) -> bool:
    """Literal for literal; ``~60`` allows for the time since the write, ``any`` is not null."""
    if want == "any":
        return got != "null"
    if want.startswith("~") and got.isdigit():
        return int(want[1:]) - TTL_SLACK_S <= int(got) <= int(want[1:])
    return want == got


def rows_match(want: Rows, got: list[list[str]]) -> bool:
    expected = want.rows
    if not want.ordered:
        expected, got = sorted(expected), sorted(got)
    return len(expected) == len(got) and all(
        len(w) == len(g) and all(map(cell_matches, w, g))
        for w, g in zip(expected, got, strict=True)
    )


def mismatch(case: Case, answer: Answer | Refused) -> tuple[str, str, str] | None:
    """What differs, as (noun, wanted, got); None when the answer is as expected."""
    if isinstance(answer, Refused):
        if case.error is None:
            return "error", "no error", f"{answer.name} {answer.text!r}"
        name, fragment = case.error
        if name != answer.name or fragment not in answer.text:
            return "error", f"{name} {fragment!r}", f"{answer.name} {answer.text!r}"
        return None
    if case.error is not None:
        return "error", " ".join(case.error), show_answer(answer)
    if case.void:
        return None if answer.columns is None else ("answer", "void", show_answer(answer))
    if answer.columns is None:
        return "answer", "rows", "void"
    if answer.columns != case.columns:
        return "columns", show_columns(case.columns or []), show_columns(answer.columns)
    if len(case.pages) != len(answer.pages):
        return "pages", f"{len(case.pages)} pages", show_answer(answer)
    for want, got in zip(case.pages, answer.pages, strict=True):
        if not rows_match(want, got):
            return "rows", show_rows(want.rows), show_rows(got)
    return None


def show_columns(columns: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {t}" for name, t in columns)


def show_rows(rows: list[list[str]]) -> str:
    return "\n        ".join(", ".join(row) for row in rows) or "none"


def show_answer(answer: Answer) -> str:
    if answer.columns is None:
        return "void"
    return "\nrows    ".join(
        [f"columns {show_columns(answer.columns)}", *map(show_rows, answer.pages)]
    )


def ask(server: Server, case: Case) -> Answer | Refused:
    try:
        return server.execute(case.statement, case.bind, case.page_size)
    except Refused as e:
        return e
    except Exception as e:  # a client that trips over an answer fails this case, not the whole run
        return Refused(type(e).__name__, str(e))


class Runner:
    """Runs files on one server, each in a keyspace of its own, and counts cases."""

    def __init__(self, server: Server, fill: bool) -> None:
        self.server = server
        self.fill = fill
        self.passed = 0
        self.failed = 0
        self.failed_in: dict[str, int] = {}

    def run(self, path: Path) -> None:
        """Run one file; what fails is printed and counted. Raises FormatError."""
        test = read_file(path)
        if not self.fill:
            check(test)
        keyspace = f"c_{re.sub('[^a-z0-9]', '_', path.stem)[:24]}_{os.getpid()}"
        insert_keyspace(test, keyspace)
        failed_before = self.failed
        try:
            self.server.execute(f"CREATE KEYSPACE {keyspace} WITH replication = {REPLICATION}")
            self.server.execute(f"USE {keyspace}")
            self._run_steps(test, keyspace)
            self._check_file(test)
        finally:
            self._drop_keyspaces(keyspace)
        if self.failed > failed_before:
            self.failed_in[path.name] = self.failed - failed_before

    def _run_steps(self, test: TestFile, keyspace: str) -> None:
        filled: list[tuple[int, str]] = []
        for i, step in enumerate(test.steps):
            if isinstance(step, Wait):
                time.sleep(step.seconds)
                continue
            if isinstance(step, Exec):
                try:
                    self.server.execute(step.statement)
                except Refused as e:
                    self._give_up(test, i, e)
                    break
                continue
            answer = ask(self.server, step)
            if self.fill and not step.has_expectation:
                filled.append((step.last_line, expectation_of(answer).replace(keyspace, "{ks}")))
                continue
            found = mismatch(step, answer)
            if found is None:
                self.passed += 1
            else:
                self.failed += 1
                report(test.path, step, *found)
        if filled:
            fill_in(test.path, filled)

    def _check_file(self, test: TestFile) -> None:
        """What must hold in the server's file holds behind every file of the corpus."""
        for problem in self.server.problems():
            self.failed += 1
            print(f"{os.path.relpath(test.path)}: the database is damaged: {problem}")

    def _give_up(self, test: TestFile, i: int, error: Refused) -> None:
        """Count the cases behind a failed preparation: without it they mean nothing."""
        lost = sum(isinstance(step, Case) for step in test.steps[i:])
        self.failed += lost
        step = test.steps[i]
        print(f"{os.path.relpath(test.path)}:{step.line}: cannot prepare for {lost} cases")
        print(f"  {step.statement}\n  got   {error}")

    def _drop_keyspaces(self, prefix: str) -> None:
        """Drop the file's keyspace, and those that it made with {ks}_… names."""
        answer = self.server.execute("SELECT keyspace_name FROM system_schema.keyspaces")
        for (literal,) in answer.pages[0]:
            name = literal.strip("'")
            if name.startswith(prefix):
                self.server.execute(f'DROP KEYSPACE "{name}"')


def insert_keyspace(test: TestFile, keyspace: str) -> None:
    """Put the name of the file's keyspace where the file says {ks}."""
    for step in test.steps:
        if isinstance(step, Wait):
            continue
        step.statement = step.statement.replace("{ks}", keyspace)
        if isinstance(step, Exec):
            continue
        if step.columns:
            step.columns = [(name.replace("{ks}", keyspace), t) for name, t in step.columns]
        for page in step.pages:
            page.rows = [[cell.replace("{ks}", keyspace) for cell in row] for row in page.rows]
        if step.error:
            step.error = (step.error[0], step.error[1].replace("{ks}", keyspace))


def report(path: Path, case: Case, noun: str, want: str, got: str) -> None:
    statement = case.statement.replace("\n", "\n        ")
    if len(statement) > SHOWN_MAX:
        statement = statement[:SHOWN_MAX] + " …"
    print(f"{os.path.relpath(path)}:{case.line}: wrong {noun}\n  query {statement}")
    if case.bind is not None:
        print(f"  bind  {', '.join(case.bind)}")
    print(f"  want  {want}\n  got   {got}")


def expectation_of(answer: Answer | Refused) -> str:
    """An answer as the lines of a .test file."""
    if isinstance(answer, Refused):
        return f'error   {answer.name} "{answer.text}"'
    if answer.columns == [("[applied]", "boolean")] and answer.pages == [[["true"]]]:
        return "applied"
    return show_answer(answer)


def fill_in(path: Path, filled: list[tuple[int, str]]) -> None:
    """Write the expectations behind the lines that they belong to."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for after, text in reversed(filled):
        blank = [""] if lines[after : after + 1] not in ([], [""]) else []
        lines[after:after] = text.splitlines() + blank
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{os.path.relpath(path)}: {len(filled)} filled in; check each before you keep it")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", choices=SERVERS, required=True)
    parser.add_argument("--address", help="host:port, or a libcql URL")
    parser.add_argument(
        "--fill",
        action="store_true",
        help="write the server's answer to queries that expect nothing",
    )
    parser.add_argument("files", nargs="*", type=Path, help="(default: the whole corpus)")
    args = parser.parse_args()
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)
    make, address = SERVERS[args.server]
    server = make(args.address or address)
    runner = Runner(server, args.fill)
    try:
        for path in args.files or sorted(CORPUS.glob("*.test")):
            runner.run(path)
    except FormatError as e:
        print(e, file=sys.stderr)
        return 2
    finally:
        server.close()
    for name, count in runner.failed_in.items():
        print(f"{name}: {count} failed")
    print(f"{runner.passed} passed, {runner.failed} failed")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
