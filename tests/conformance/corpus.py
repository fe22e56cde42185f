"""Reads tests/data/cql/*.test. README.md in this directory describes the format."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from cqltypes import split_list

MODIFIERS = {"bind", "page"}
EXPECTATIONS = {"columns", "rows", "unordered", "void", "applied", "error"}
ERROR_CLASSES = {
    "Syntax": 0x2000,
    "Unauthorized": 0x2100,
    "Invalid": 0x2200,
    "Config": 0x2300,
    "AlreadyExists": 0x2400,
    "FunctionFailure": 0x1400,
    "Server": 0x0000,
    "Protocol": 0x000A,
}


class FormatError(Exception):
    """A .test file that breaks the format; the message starts with file:line."""


@dataclass
class Rows:
    """The rows of one page, each a list of canonical literals."""

    rows: list[list[str]]
    ordered: bool = True


@dataclass
class Case:
    """One statement and what a server should answer."""

    line: int
    statement: str
    last_line: int
    bind: list[str] | None = None
    page_size: int | None = None
    columns: list[tuple[str, str]] | None = None
    pages: list[Rows] = field(default_factory=list)
    void: bool = False
    error: tuple[str, str] | None = None  # class, text fragment

    @property
    def has_expectation(self) -> bool:
        return self.void or self.error is not None or self.columns is not None or bool(self.pages)


@dataclass
class Exec:
    """A statement that prepares the ground: it must succeed, and is not counted."""

    line: int
    statement: str


@dataclass
class Wait:
    """A pause, for what must expire."""

    seconds: float


@dataclass
class TestFile:
    path: Path
    title: str
    steps: list[Case | Exec | Wait]


def read_file(path: Path) -> TestFile:
    """Parse one file. Raises FormatError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith("# "):
        raise FormatError(f"{path}:1: the first line is the title: # …")
    steps: list[Case | Exec | Wait] = []
    for number, word, payload, last in _directives(path, lines):
        try:
            _take(steps, number, word, payload, last)
        except ValueError as e:
            raise FormatError(f"{path}:{number}: {e}") from e
    return TestFile(path, lines[0][2:].strip(), steps)


def _directives(path: Path, lines: list[str]):
    """Yield (line number, word, payload lines, last line number); indented lines continue a payload."""
    current: tuple[int, str, list[str]] | None = None
    last = 0
    for number, line in enumerate(lines, 1):
        if line[:1] in (" ", "\t") and line.strip():
            if current is None:
                raise FormatError(f"{path}:{number}: an indented line continues nothing")
            current[2].append(line.strip())
            last = number
            continue
        if not line.strip() and current is not None and current[1] == "exec":
            continue  # exec blocks may be airy
        if current is not None:
            yield (*current, last)
            current = None
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            current, last = (number, word, [rest.strip()] if rest.strip() else []), number
    if current is not None:
        yield (*current, last)


def _take(steps: list, number: int, word: str, payload: list[str], last: int) -> None:
    payload = [_repeat(line) for line in payload]
    if word == "exec":
        statements = re.split(r";[ \t]*(?:\n|$)", "\n".join(payload))
        steps += [Exec(number, s.strip()) for s in statements if s.strip()]
        return
    if word == "query":
        steps.append(Case(number, "\n".join(payload), last))
        return
    if word == "wait":
        steps.append(Wait(float(" ".join(payload))))
        return
    if word not in MODIFIERS | EXPECTATIONS:
        raise ValueError(f"unknown directive {word!r}")
    if not steps or not isinstance(steps[-1], Case):
        raise ValueError(f"{word!r} follows no query")
    _fill(steps[-1], word, payload)
    steps[-1].last_line = last


def _repeat(text: str) -> str:
    """Write out ``{repeat x 1000}``, for long values."""
    return re.sub(r"\{repeat (.) (\d+)\}", lambda m: m[1] * int(m[2]), text)


def _fill(case: Case, word: str, payload: list[str]) -> None:
    text = " ".join(payload)
    if word == "bind":
        case.bind = split_list(text)
    elif word == "page":
        case.page_size = int(text)
    elif word == "columns":
        case.columns = [_column(part) for part in split_list(text)]
    elif word in ("rows", "unordered"):
        rows = [] if payload == ["none"] else [split_list(row) for row in payload]
        case.pages.append(Rows(rows, ordered=word == "rows"))
    elif word == "applied":
        case.columns, case.pages = [("[applied]", "boolean")], [Rows([["true"]])]
    elif word == "void":
        case.void = True
    else:
        case.error = _error(text)


def _column(text: str) -> tuple[str, str]:
    """``name type``; the type follows the last space outside ``<>``."""
    m = re.fullmatch(r"(.+?) ([\w\"]+(?:<.*>)?)", text)
    if not m:
        raise ValueError(f"a column is a name and a type, not {text!r}")
    return m[1], m[2]


def _error(text: str) -> tuple[str, str]:
    m = re.fullmatch(r'(\w+)(?: +"(.*)")?', text)
    if not m or m[1] not in ERROR_CLASSES:
        raise ValueError(f"an error is a class of {sorted(ERROR_CLASSES)} and a quoted text")
    return m[1], m[2] or ""


def check(test: TestFile) -> None:
    """Every case expects something, and rows come with their columns. Raises FormatError."""
    for step in test.steps:
        if not isinstance(step, Case):
            continue
        at = f"{test.path}:{step.line}"
        if not step.has_expectation:
            raise FormatError(f"{at}: nothing is expected (`--fill` asks the server)")
        if bool(step.pages) != (step.columns is not None):
            raise FormatError(f"{at}: rows and columns go together")
        if sum((step.void, step.error is not None, bool(step.pages))) != 1:
            raise FormatError(f"{at}: more than one kind of answer is expected")
