"""What a benchmark program gives to run.py."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass
class Bench:
    """One question. Each subject does the same ``operations``, anew each time, and returns what it took in ``unit``.

    limit: the most that ours may take, as a multiple of the peer. most: the most in ``unit`` for one operation."""

    name: str
    operations: int
    subjects: dict[str, Callable[[], float]]
    ours: str
    peer: str
    unit: str = "us"
    limit: float | None = None
    most: float | None = None
    rounds: int | None = None  # None: as many as run.py was asked for


@dataclass
class Promise:
    """What one subject promises about one figure: at most ``most``; None: it is only shown.

    peers: the promise is about the ratio to them, above 1 where the peer is faster; in each round the best of them counts.
    beyond: it is about what remains of the figure after so many times the best peer's."""

    subject: str
    figure: str
    most: float | None
    peers: tuple[str, ...] = ()
    beyond: float | None = None


@dataclass
class Contest:
    """One question that each subject answers with several figures, {figure: value}; one that it cannot tell is left out.

    A subject that raises Unable is left out of the question, and run.py fails in the end."""

    name: str
    subjects: dict[str, Callable[[], dict[str, float]]]
    promises: list[Promise] = field(default_factory=list)
    rounds: int | None = None
    missing: dict[str, Exception] = field(
        default_factory=dict
    )  # subject: why; filled when it was run


class Unable(Exception):
    """Why a subject cannot answer."""


UNITS = {
    "rate": "/s",
    "p50": "us",
    "p99": "us",
    "cpu": "us",
    "wall": "us",
    "waves": "",
    "start": "ms",
    "resident": "MB",
}


def timed(operation: Callable, arguments: Iterable) -> float:
    """Microseconds that the calls of operation() with each of the arguments took."""
    arguments = list(arguments)
    started = time.perf_counter()
    for argument in arguments:
        operation(argument)
    return (time.perf_counter() - started) * 1e6
