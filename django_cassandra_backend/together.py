"""Writes of many rows: one transaction of a file, or a sequence of statements on a cluster.

A file runs statements as a chain, all of them in one transaction. A cluster has nothing like that, and more nodes
than one can keep busy:

- conditional writes of different partitions run side by side; those of one partition, which would only get in each
  other's way, go together in a conditional batch. It is applied as a whole, or not at all: then each of its
  statements is sent by itself;
- plain writes run side by side, with a timestamp of ours.

Writes of one row keep their order in either case. An error in the middle tells what was written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from . import outcomes
from .dbapi import DatabaseError, InvalidRequest
from .exceptions import OutcomeUnknown
from .literals import literal
from .timestamps import next_timestamp

LWT = "lwt"
PLAIN = "plain"
COUNTER = "counter"  # as plain, without timestamps: an addition has no use for one

CONCURRENCY = 128  # statements that a cluster is given at once
BATCH_ROWS = 30  # rows in one conditional batch
BATCH_BYTES = 4000  # and of values; Cassandra warns at 5 KiB
_VALUE_BYTES = 16  # of a value that is neither text nor bytes


@dataclass
class Rows:
    """The rows that statements write, one for each statement.

    points: their whole keys, in the order of the statements; None when each statement has a row of its own
    width: how many of a point's values are the partition's
    probe(i): was the i-th statement applied, of which the answer was lost?
    options: of Session.execute(), such as serial_consistency; rows with some have no points"""

    mode: str
    points: Sequence[Sequence] | None = None
    width: int = 1
    probe: Callable[[int], bool | None] = lambda i: None
    options: dict = field(default_factory=dict)

    def part(self, start: int, end: int) -> "Rows":
        """Those of the statements from one number to another."""
        points = None if self.points is None else self.points[start:end]
        return replace(self, points=points, probe=lambda i: self.probe(start + i))


def send_each(cursor, statements: list[tuple[str, list]], rows: Rows) -> list:
    """The answers to statements that stand each for itself."""
    if cursor.connection.settings.chains:
        if len(statements) == 1:
            return [cursor.send(*statements[0], **rows.options)]
        return cursor.send_chain(statements, all_or_nothing=False)
    if len(statements) == 1:
        return [send_one(cursor, *statements[0], rows.mode, lambda: rows.probe(0), rows.options)]
    return Run(cursor, statements, rows).run()


def send_one(cursor, cql: str, values: list, mode: str, probe: outcomes.Probe, options=None):
    """The answer to one statement. `probe` is for conditional ones."""
    options = options or {}
    if mode == LWT:
        return outcomes.send(cursor, cql, values, probe, options)
    if mode == PLAIN and not cursor.connection.settings.chains:
        return cursor.send(cql, values, timestamp=next_timestamp(), **options)
    return cursor.send(cql, values, **options)


class Run:
    """One run of statements on a cluster. It ends with the first error, after what goes at once with that."""

    def __init__(self, cursor, statements: list[tuple[str, list]], rows: Rows):
        self.cursor, self.statements, self.rows = cursor, statements, rows
        self.answers: list = [None] * len(statements)  # None: not sent; an exception; or an answer
        self.failed = False

    def run(self) -> list:
        queues = self._queues()
        if self.rows.mode == LWT and self._batches_are_fewer(queues):
            for queue in queues:
                self._run_batches(queue)
        else:
            for number in range(max(map(len, queues), default=0)):
                self._side_by_side([queue[number] for queue in queues if number < len(queue)])
                if self.failed:  # a cluster that is in trouble is not given more
                    break
        self._raise_errors()
        return self.answers

    # --- what may go at once ---

    def _queues(self) -> list[list[int]]:
        """Statements, by number, that have to keep their order, or would be in each other's way."""
        points = self.rows.points
        if points is None:
            return [[i] for i in range(len(self.statements))]
        width = self.rows.width if self.rows.mode == LWT else None
        queues: dict[object, list[int]] = {}
        for i, point in enumerate(points):
            queues.setdefault(_hashable(point[:width]), []).append(i)
        return list(queues.values())

    def _batches_are_fewer(self, queues: list[list[int]]) -> bool:
        """Is one batch after the other sooner through than rows of all partitions side by side?"""
        longest = max(map(len, queues), default=0)
        return sum(-(-len(queue) // BATCH_ROWS) for queue in queues) < longest

    # --- conditional batches ---

    def _run_batches(self, queue: list[int]) -> None:
        for chunk in self._chunks(queue):
            if len(chunk) > 1 and self._batch_applied(chunk):
                continue
            for i in chunk:
                if not self.failed:
                    self._side_by_side([i])

    def _chunks(self, queue: list[int]):
        """Parts of a queue that fit into a batch, in each no row twice: a batch compares all with what was before."""
        chunk, seen, size = [], set(), 0
        limit = self.cursor.connection.settings.guardrails.batch_bytes
        most = BATCH_BYTES if limit is None else min(limit, BATCH_BYTES)
        for i in queue:
            row, more = _hashable(self.rows.points[i]), _size(self.statements[i][1])
            if chunk and (row in seen or len(chunk) == BATCH_ROWS or size + more > most):
                yield chunk
                chunk, seen, size = [], set(), 0
            chunk.append(i)
            seen.add(row)
            size += more
        if chunk:
            yield chunk

    def _batch_applied(self, chunk: list[int]) -> bool:
        """False: nothing of it was written. Of a batch whose answer was lost, each statement is settled by itself."""
        if self.failed:
            return True
        try:
            result = self.cursor.send_batch([self.statements[i] for i in chunk])
        except InvalidRequest:  # one of the statements is wrong, or all of them are too large
            return False
        except DatabaseError as error:
            for i in chunk:
                self.answers[i] = error
            self._settle(chunk)
            return True
        if result.was_applied:
            for i in chunk:
                self.answers[i] = outcomes.APPLIED
        return bool(result.was_applied)

    # --- statements side by side ---

    def _side_by_side(self, numbers: list[int]) -> None:
        by_text: dict[str, list[int]] = {}
        for i in numbers:
            by_text.setdefault(self.statements[i][0], []).append(i)
        stamp = next_timestamp() if self.rows.mode == PLAIN else None
        for text, same in by_text.items():
            values = [self.statements[i][1] for i in same]
            answers = self.cursor.send_many(
                text, values, concurrency=CONCURRENCY, timestamp=stamp, **self.rows.options
            )
            for i, answer in zip(same, answers, strict=True):
                self.answers[i] = outcomes.APPLIED if answer is None else answer
        self._settle(numbers)

    # --- errors ---

    def _settle(self, numbers: list[int]) -> None:
        """Ask the rows of conditional writes whose answer was lost; send those again that were not applied."""
        for i in numbers:
            error = self.answers[i]
            if (
                self.rows.mode == LWT
                and isinstance(error, Exception)
                and outcomes.is_unknown(error)
            ):
                self.answers[i] = self._settled(i, error)
            self.failed |= isinstance(self.answers[i], Exception)

    def _settled(self, i: int, error: Exception):
        def probe():
            return self.rows.probe(i)

        try:
            if outcomes.settled(error, probe):
                return outcomes.APPLIED
            return outcomes.send(self.cursor, *self.statements[i], probe, self.rows.options)
        except (DatabaseError, OutcomeUnknown) as last:
            return last

    def _raise_errors(self) -> None:
        errors = [answer for answer in self.answers if isinstance(answer, Exception)]
        if not errors:
            return
        first = errors[0]
        if len(self.answers) == 1:
            raise first
        unknown = sum(map(self._is_unknown, errors))
        written = sum(bool(getattr(answer, "was_applied", False)) for answer in self.answers)
        text = (
            f"{first} (of {len(self.answers)} rows {written} were written, {len(self.answers) - written - unknown} "
            f"were not, and of {unknown} it is not known)"
        )
        again = type(first)(text)
        again.code = getattr(first, "code", None)
        raise again from first

    def _is_unknown(self, error: Exception) -> bool:
        return isinstance(error, OutcomeUnknown) or outcomes.is_unknown(error)


def _hashable(point: Sequence):
    point = tuple(point)
    try:
        hash(point)
    except TypeError:  # a collection in a key
        return literal(point)
    return point


def _size(values: list) -> int:
    return sum(len(v) if isinstance(v, str | bytes) else _VALUE_BYTES for v in values)
