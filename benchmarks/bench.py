"""What a benchmark program gives to run.py."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Bench:
    """One question: each subject does the same ``operations`` and returns the seconds it took."""

    name: str
    operations: int
    subjects: dict[str, Callable[[], float]]
    ours: str
    peer: str
