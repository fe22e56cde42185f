"""Trying again among competitors.

The first tries follow each other at once: most races are over by then. Who lost them all takes part in a queue: on a
file, one of the losers of all processes at a time goes on trying, so that it has only first tries against it and is
through soon. Nothing depends on the queue but fairness: who waits too long for it, goes on without."""

import contextlib
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # where there are no such locks the pauses have to do
    fcntl = None

FIRST_TRIES = 3  # without a pause
SHORTEST_PAUSE = 0.0005  # seconds
LONGEST_PAUSE = 0.1
QUEUE_PATIENCE = 5.0  # seconds


class Attempts:
    """Yields 0, 1, 2 … up to `limit` times, with what keeps competitors apart between the later ones.

    `queue`: a Queue, or None. A context manager: leaving it leaves the queue."""

    def __init__(self, limit: int, queue: "Queue | None" = None):
        self._limit, self._queue = limit, queue
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> "Attempts":
        return self

    def __exit__(self, *error) -> None:
        self._exit.close()

    def __iter__(self) -> Iterator[int]:
        for number in range(self._limit):
            if number == FIRST_TRIES and self._queue is not None:
                self._exit.enter_context(self._queue)
            elif number >= FIRST_TRIES:
                pause(number - FIRST_TRIES)
            yield number


def pause(number: int) -> None:
    """Sleep a random while, longer with each number."""
    time.sleep(random.uniform(0, min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(number, 10))))


class Queue:
    """One place for the losers of all threads, and of all processes that use the database in `folder` (None: in memory).

    Not a queue in order: who waits looks again and again, at random. The lock is one on the folder itself,
    because opening and closing the database file would drop the locks that SQLite holds on it."""

    def __init__(self, folder: str | None):
        self._folder = folder
        self._mine = threading.local()  # .depth: how often this thread is in it
        self._threads = threading.Lock()
        self._descriptor: int | None = None
        _queues.add(self)

    def __enter__(self) -> None:
        depth = getattr(self._mine, "depth", 0)
        if depth == 0:
            end = time.monotonic() + QUEUE_PATIENCE
            self._mine.holds = self._threads.acquire(timeout=QUEUE_PATIENCE)
            if self._mine.holds and self._folder is not None and fcntl is not None:
                self._descriptor = _lock_folder(self._folder, end)
        self._mine.depth = depth + 1

    def __exit__(self, *error) -> None:
        self._mine.depth -= 1
        if self._mine.depth or not self._mine.holds:
            return
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            fcntl.flock(
                descriptor, fcntl.LOCK_UN
            )  # a child that was forked meanwhile has it open as well
            os.close(descriptor)
        self._threads.release()

    def forget(self) -> None:
        """In a forked child: whoever held it stayed behind."""
        self._mine = threading.local()
        self._threads = threading.Lock()
        self._descriptor = None


def _lock_folder(folder: str, end: float) -> int | None:
    """A descriptor that holds the lock, or None when it was not to be had before `end`."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > end:
                break
            time.sleep(random.uniform(0.0005, 0.004))
        except OSError:  # a file system without such locks
            break
    os.close(descriptor)
    return None


_queues: "weakref.WeakSet[Queue]" = weakref.WeakSet()


def _forget_queues() -> None:
    for queue in list(_queues):
        queue.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_queues)
