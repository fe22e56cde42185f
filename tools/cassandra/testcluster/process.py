"""Processes that outlive us: start one, know it again by what stands on its command line, send it signals."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .errors import NodeError

POLL_S = 0.1
PROC = Path("/proc")
# The shell goes at once, so the server is nobody's child: it outlives us, and leaves no zombie to us.
DETACH = 'console=$1; shift; "$@" </dev/null >"$console" 2>&1 & echo $!'


def launch(command: list[str], cwd: Path, console: Path) -> int:
    """Start a program in a session of its own; its output goes to `console`. Returns its pid."""
    done = subprocess.run(
        ["sh", "-c", DETACH, "sh", str(console), *command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
        text=True,
    )
    return int(done.stdout)


def command_line_of(pid: int) -> list[str]:
    """The arguments of a process; [] if there is no such process, or only its zombie."""
    if (PROC / "self" / "cmdline").exists():
        try:
            return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return []
    ps = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True
    )
    return ps.stdout.split()


def state_of(pid: int) -> str:
    """The letter that Linux has for a process's state (T: stopped, Z: zombie); "" if there is none."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[0]  # a program's name may hold spaces and brackets


def has_ended(pid: int) -> bool:
    """Whether nothing of a process is left but its zombie. The first thread becomes one while others still run, and
    the sockets stay open until the last of them is gone."""
    state = state_of(pid)
    if state != "Z":
        return state in ("", "X")
    try:
        return len(list((PROC / str(pid) / "task").iterdir())) <= 1
    except OSError:
        return True


def wait_until(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    """Poll; raise NodeError(failure) when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NodeError(failure)
        time.sleep(POLL_S)


class Server:
    """The process whose pid a file holds, if it still is the one that we started.

    A pid is taken again by another program some day. Ours has `mark` among its arguments, a path
    that no other process is given; nothing else is ever sent a signal.
    """

    def __init__(self, pid_file: Path, mark: str) -> None:
        self.pid_file = pid_file
        self.mark = mark

    def pid(self) -> int | None:
        """None: it does not run."""
        pid = self._recorded()
        return pid if pid is not None and self.mark in command_line_of(pid) else None

    def is_gone(self) -> bool:
        """Whether it has ended and let go of its ports. One that is just ending has no command line
        any more, but its sockets still listen."""
        pid = self._recorded()
        if pid is None or has_ended(pid):
            return self.pid() is None  # without /proc that is all we can tell
        words = command_line_of(pid)
        return any(words) and self.mark not in words

    def start(self, command: list[str], cwd: Path, console: Path) -> None:
        self.pid_file.write_text(str(launch(command, cwd, console)))

    def send(self, number: signal.Signals) -> bool:
        """False: there is no process of ours."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True

    def is_paused(self) -> bool:
        pid = self.pid()
        return pid is not None and state_of(pid) == "T"

    def _recorded(self) -> int | None:
        try:
            return int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
