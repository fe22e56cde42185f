"""Random tables and statements for differential.py.

Values come from domains of a few, so that keys meet, writes tie and filters match. What Cassandra itself
leaves open is not generated:

- now(), uuid() and the like differ by their nature;
- what a counter is after a deletion: tables of counters have none;
- two cells of one timestamp that both expire are told apart by the second they expire in: every TTL is used once, and a
  table with a default TTL has no timestamps of its own;
- Cassandra orders conditional writes and plain ones by clocks that may be a millisecond apart: a table of both sees no
  timestamps of its own, and a pause before each write;
- DISTINCT and GROUP BY may cut pages elsewhere: the caller compares all pages as one;
- writes between two pages are made where a first reading has shown that both servers have more pages to come;
- of two conditions that would not be decided alike, one of them an error, Cassandra decides one by a hash;
- Cassandra trips over max(writetime(collection)) and casts of NaN to decimal, gives min(timeuuid) a type of another
  name, and does not find some functions of a clustering column in descending order;
- of clusterings that are equal, but written otherwise (1.0 and 1.00), Cassandra shows either, as its memory goes.

generate_values.py has types and values, generate_tables.py tables and changes of schema, generate_writes.py and
generate_reads.py the statements.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from generate_reads import Reads
from generate_tables import CHANGES_MAX, Statement, Table
from generate_values import create_user_types
from generate_writes import TTL_MAX, TTL_STEP

BURSTS = 12
EXPIRY_S = 3.5
BALLOT_S = 0.003


class Generator(Reads):
    """A table after another, each with its statements."""

    def __init__(self, rng: random.Random, number: int = 0) -> None:
        """``number`` tables have their names already."""
        super().__init__(rng)
        self.number = number

    def table(self) -> Table:
        self.ttls.clear()
        table = self.make_table()
        self.changing = self.odds(45) and not table.counter
        return table

    def statements(self) -> Iterator[Statement]:
        """Bursts of writes, each followed by all that the table shows and by reads of all shapes."""
        if self.changing and self.odds(60):
            yield from self.change()
        for _ in range(BURSTS):
            for _ in range(self.rng.randint(1, 12)):
                write = self.write()
                write.pause_s = BALLOT_S if self.t.conditional else 0.0
                yield write
            if self.odds(1):
                yield from self.expiry()
            yield self.everything()
            for _ in range(self.rng.randint(5, 20)):
                yield self.select()
            if self.changing and self.t.changes < CHANGES_MAX and self.odds(35):
                yield from self.change()
                yield self.everything()

    def expiry(self) -> Iterator[Statement]:
        """A row that is gone by the next read."""
        if 1 in self.ttls or not self.t.regular or self.t.counter:
            return
        self.ttls.add(1)
        t = self.t
        columns = t.key + t.regular[:1]
        names = ", ".join(c.name for c in columns)
        self.binds = False
        values = ", ".join(self.term(c.type, 1, c in t.clustering) for c in columns)
        text = f"INSERT INTO {t.name} ({names}) VALUES ({values}) USING TTL 1"
        yield Statement(text, writes=True)
        everything = self.everything()
        everything.pause_s = EXPIRY_S
        yield everything


__all__ = ["TTL_MAX", "TTL_STEP", "Generator", "Statement", "Table", "create_user_types"]
