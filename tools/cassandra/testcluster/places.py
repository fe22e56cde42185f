"""Where things lie: the templates beside us, and everything that is made in build/cassandra/."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent
HOME = TEMPLATES.parent.parent / "build" / "cassandra"


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One holder of this name at a time, in all processes; the kernel drops the lock when we end."""
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / f"{name}.lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
