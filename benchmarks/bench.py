"""What a benchmark program gives to run.py."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


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


def timed(operation: Callable, arguments: Iterable) -> float:
    """Microseconds that the calls of operation() with each of the arguments took."""
    arguments = list(arguments)
    started = time.perf_counter()
    for argument in arguments:
        operation(argument)
    return (time.perf_counter() - started) * 1e6
