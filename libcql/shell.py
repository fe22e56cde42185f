"""A CQL shell over a database file: ``python -m libcql db.cql``.

Statements end with a semicolon and may span lines. Values are shown as CQL writes them, so that
'null' and null differ and what is shown can be pasted into a statement.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from . import Error, Result, Session, connect, local_url

HELP = """\
  a CQL statement ;     is run; it may span lines
  DESCRIBE TABLES ;     and all other forms of DESCRIBE: what is there
  EXPAND ON | OFF       rows one column a line
  SOURCE 'file'         run the statements of a file
  HELP, EXIT            this text; the end (or Ctrl-D)
"""
URL_VARIABLE = (
    "LIBCQL_URL"  # a session URL with secrets in it, which others would see as an argument
)
HISTORY = "~/.libcql_history"
HISTORY_LENGTH = 2000
SAMPLE_ROWS = 200  # whose widths decide those of the columns; later rows may stand out

TOKEN = re.compile(
    r"""'(?:[^']|\'\')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ | --[^\n]* | //[^\n]* | /\*.*?\*/ | \w+ | \S""",
    re.X | re.S,
)
OPEN = re.compile("['\"]")  # begins what has no end


def split(text: str) -> tuple[list[str], str]:
    """The complete statements of a text, and what is left behind the last of them.

    A semicolon inside quotes, comments or a batch ends nothing.
    """
    statements, words, start, at = [], [], None, 0
    for token in TOKEN.finditer(text):
        word = token.group()
        if OPEN.fullmatch(word) or (
            text.startswith(("/*", "$$"), token.start()) and len(word) == 1
        ):
            break  # a quote or comment that goes on
        at = token.end()
        if word.startswith(("--", "//", "/*")):
            continue
        if word != ";":
            start = token.start() if start is None else start
            words.append(word.upper())
        elif not _in_batch(words):
            if words:
                statements.append(text[start : token.start()].strip())
            start, words = None, []
    return statements, text[at if start is None else start :].strip()


def _in_batch(words: list[str]) -> bool:
    return words[:1] == ["BEGIN"] and words[-2:] != ["APPLY", "BATCH"]


class Shell:
    """One session and how its answers are shown."""

    def __init__(self, session: Session, out: TextIO, *, expand: bool = False) -> None:
        self.session = session
        self.out = out
        self.expand = expand
        self.failed = False

    # --- running ---

    def run(self, statement: str) -> None:
        """Run one statement or command of the shell; errors are printed."""
        try:
            if not self._command(statement):
                self._show(self.session.execute(statement))
        except Error as e:
            self._fail(_describe(e, statement))
        except KeyboardInterrupt:
            self._fail("interrupted")

    def run_text(self, text: str) -> None:
        """Run the statements of a text, up to the first that fails."""
        statements, rest = split(text)
        for statement in [*statements, rest] if rest else statements:
            self.run(statement)
            if self.failed:
                return

    def run_file(self, path: str) -> None:
        """Run the statements of a file."""
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            self._fail(f"{path}: {e.strerror if isinstance(e, OSError) else 'not UTF-8 text'}")
        else:
            self.run_text(text)

    def _command(self, statement: str) -> bool:
        words = statement.split(None, 1)
        name, rest = words[0].upper(), words[1].strip() if len(words) > 1 else ""
        if name in ("HELP", "?"):
            self.out.write(HELP)
        elif name == "EXPAND" and rest.upper() in ("ON", "OFF"):
            self.expand = rest.upper() == "ON"
        elif name == "SOURCE" and rest[:1] == "'" == rest[-1:] and len(rest) > 1:
            self.run_file(rest[1:-1].replace("''", "'"))
        else:
            return False
        return True

    def _fail(self, text: str) -> None:
        self.failed = True
        self.out.flush()
        print(text, file=sys.stderr)

    # --- showing ---

    def _show(self, result: Result) -> None:
        for warning in result.warnings:
            print(f"Warning: {warning}", file=sys.stderr)
        names = result.column_names
        if not names:
            return
        rows = result.literals()
        if names[-1] == "create_statement":  # of DESCRIBE: text to read
            count = self._text(result)
        elif self.expand:
            count = self._records(names, rows)
        else:
            count = self._table(names, rows)
        self.out.write(f"\n({count} row{'' if count == 1 else 's'})\n")

    def _text(self, result: Result) -> int:
        count = 0
        for row in result:
            self.out.write(f"{row[-1]}\n")
            count += 1
        return count

    def _table(self, names: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> int:
        sample = list(islice(rows, SAMPLE_ROWS))
        widths = [max(map(len, column)) for column in zip(names, *sample, strict=True)]
        self.out.write(_line(names, widths))
        self.out.write("-" + "-+-".join("-" * width for width in widths) + "-\n")
        return self._lines(chain(sample, rows), widths)

    def _lines(self, rows: Iterable[tuple[str, ...]], widths: list[int]) -> int:
        count = 0
        for row in rows:
            self.out.write(_line(row, widths))
            count += 1
        return count

    def _records(self, names: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> int:
        width, count = max(map(len, names)), 0
        for row in rows:
            count += 1
            self.out.write(f"@ row {count}\n")
            for name, value in zip(names, row, strict=True):
                self.out.write(f" {name:<{width}} | {value}\n")
        return count


def _line(cells: Iterable[str], widths: list[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return (" " + " | ".join(f"{cell:<{width}}" for cell, width in pairs)).rstrip() + "\n"


def _describe(error: Error, statement: str) -> str:
    """The message, and the place in the statement when it is known."""
    name = type(error).__name__
    lines = statement.split("\n")
    if error.line is None or not 0 < error.line <= len(lines):
        return f"{name}: {error}"
    line = lines[error.line - 1]
    before = line.encode()[: error.column or 0].decode(errors="replace")
    return f"{name}: {error}\n  {line}\n  {' ' * len(before)}^"


# --- reading from a person -------------------------------------------------------------------------


@contextlib.contextmanager
def _history() -> Iterator[None]:
    try:
        import readline
    except ImportError:  # not on every platform
        yield
        return
    path = os.path.expanduser(HISTORY)
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LENGTH)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(path)


def _is_command(line: str) -> bool:
    """Those of the shell need no semicolon."""
    return line.strip().split(" ")[0].upper() in ("HELP", "?", "EXIT", "QUIT", "EXPAND", "SOURCE")


def interact(shell: Shell) -> None:
    """Read statements until the end of input."""
    pending = ""
    while True:
        prompt = f"cql:{shell.session.keyspace}> " if shell.session.keyspace else "cql> "
        try:
            line = input("   ... " if pending else prompt)
        except EOFError:
            shell.out.write("\n")
            return
        except KeyboardInterrupt:
            shell.out.write("\n")
            pending = ""
            continue
        if not pending and _is_command(line):
            line = line.rstrip("; ") + ";"
        statements, pending = split(pending + line + "\n")
        pending += "\n" if pending else ""
        for statement in statements:
            if statement.upper() in ("EXIT", "QUIT"):
                return
            shell.run(statement)


# --- the command -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m libcql", description="Run CQL statements on a database file."
    )
    parser.add_argument(
        "database",
        nargs="?",
        help="a file, made when absent, or a session URL (local:…); without one, the URL in the environment variable "
        f"{URL_VARIABLE}, or else a database in memory",
    )
    parser.add_argument("-k", "--keyspace", help="the keyspace to begin in")
    parser.add_argument("-e", "--execute", metavar="CQL", help="run these statements, and end")
    parser.add_argument("-f", "--file", help="run the statements of this file, and end")
    parser.add_argument("-x", "--expand", action="store_true", help="show rows one column a line")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the shell; return the exit status: 1 when a statement failed that nobody typed."""
    args = _parser().parse_args(argv)
    database = args.database or os.environ.get(URL_VARIABLE) or ":memory:"
    is_url = re.match(r"[a-z]+:", database)
    try:
        url = database if is_url else local_url(database)
        session = connect(url, keyspace=args.keyspace)
    except Error as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
        return 2
    try:
        with session:
            return _serve(Shell(session, sys.stdout, expand=args.expand), args)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _serve(shell: Shell, args: argparse.Namespace) -> int:
    if args.execute is not None:
        shell.run_text(args.execute)
    elif args.file is not None:
        shell.run_file(args.file)
    elif not sys.stdin.isatty():
        shell.run_text(sys.stdin.read())
    else:
        shell.out.write(f"libcql on {shell.session.url}. HELP shows the commands.\n")
        with _history():
            interact(shell)
        return 0
    shell.out.flush()
    return int(shell.failed)
