"""For programs that we start: a name that resolves to several addresses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from testcluster import NodeError

SOURCE = Path(__file__).resolve().parent.parent / "resolve.c"


def environment(folder: Path, host: str, addresses: list[str]) -> dict[str, str]:
    """The variables that such a program needs beside its own. folder: where the library is made."""
    library = folder / "resolve.so"
    if not library.exists():
        compiler = os.environ.get("CC", "cc").split()
        command = [*compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise NodeError(f"{SOURCE.name} could not be compiled.\n{done.stderr[-2000:]}")
    others = os.environ.get("LD_PRELOAD")  # a sanitizer's comes first
    return {
        "LD_PRELOAD": f"{others}:{library}" if others else str(library),
        "STANDIN_RESOLVE": f"{host}={','.join(addresses)}",
    }
