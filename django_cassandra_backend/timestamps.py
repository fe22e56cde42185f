"""Timestamps of plain writes on a cluster: microseconds since 1970 that only grow within a process.

Without them each coordinator takes its own clock, and of two writes of one thread the first could win. Conditional
writes never carry one: Paxos orders them."""

import os
import threading
import time

_lock = threading.Lock()
_last = 0


def next_timestamp() -> int:
    """A timestamp greater than all that this process gave before."""
    global _last
    with _lock:
        _last = max(time.time_ns() // 1000, _last + 1)
        return _last


# A fork waits until no thread is in the middle: the child finds the lock free.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
