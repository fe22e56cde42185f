"""What a write does, statement by statement: to stop before each of them, as a crash does, or to let others write in between."""

import contextlib
from unittest import mock

from django_cassandra_backend.cursor import Cursor

_ONE = ("send", "send_reads", "send_chain", "send_batch")


class Crash(BaseException):
    """The end of a process: no handler of the backend is meant for it, and nothing is sent after it."""


class Steps:
    """Statements as they are sent. act(number), counted from 1, is called before each; it may raise a Crash, and may write itself:
    what it sends is not counted.

    side_by_side: of statements that go at once, any may have arrived when the crash comes: "first" or "last" ones"""

    def __init__(self, act, side_by_side: str = "first"):
        self.act, self.count, self.last = act, 0, side_by_side == "last"
        self.together = False  # did several go at once?
        self._inside = False
        self._dead = False

    @contextlib.contextmanager
    def watched(self):
        with contextlib.ExitStack() as stack:
            for name in _ONE:
                stack.enter_context(
                    mock.patch.object(Cursor, name, self._one(getattr(Cursor, name)))
                )
            many = self._many(Cursor.send_many)
            stack.enter_context(mock.patch.object(Cursor, "send_many", many))
            yield self

    def _step(self) -> None:
        if self._dead:
            raise Crash
        self.count += 1
        self._inside = True
        try:
            self.act(self.count)
        except Crash:
            self._dead = True
            raise
        finally:
            self._inside = False

    def _one(self, real):
        def send(cursor, *args, **options):
            if not self._inside:
                self._step()
            return real(cursor, *args, **options)

        return send

    def _many(self, real):
        def send(cursor, cql, rows, **options):
            if self._inside:
                return real(cursor, cql, rows, **options)
            self.together |= len(rows) > 1
            for arrived in range(len(rows)):
                try:
                    self._step()
                except Crash:
                    if arrived:
                        some = rows[-arrived:] if self.last else rows[:arrived]
                        real(cursor, cql, some, **options)
                    raise
            return real(cursor, cql, rows, **options)

        return send


def crashed_before(step: int, write, side_by_side: str = "first") -> tuple[bool, bool]:
    """Run write() up to a statement. (did it come that far?, did several statements go at once?)"""

    def act(number):
        if number == step:
            raise Crash

    with Steps(act, side_by_side).watched() as steps:
        try:
            write()
        except Crash:
            return True, steps.together
    return False, steps.together


def interrupted_at(step: int, write, other) -> tuple[object, bool]:
    """(what write() gave, did other() run, before the statement of that number?)"""
    ran = []

    def act(number):
        if number == step:
            ran.append(number)
            other()

    with Steps(act).watched():
        return write(), bool(ran)
