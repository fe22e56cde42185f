"""Which lines of a project's code ask for rows in vain: what `manage.py test --cql-report` prints.

While a report is recorded, each query that has a scan budget is noted by the line that asks for it."""

import contextlib
from dataclasses import dataclass, field

SHOWN = 50  # lines of code


@dataclass
class Line:
    """One line of code and one table.    queries: how often it asked.    most, total: rows read in vain."""

    place: str
    table: str
    queries: int = 0
    most: int = 0
    total: int = 0
    query: str = ""
    advice: str = ""

    def add(self, rows: int, query: str, advice: str) -> None:
        self.queries += 1
        self.total += rows
        if rows > self.most:
            self.most, self.query, self.advice = rows, query, advice


@dataclass
class CostReport:
    found: dict[tuple[str, str], Line] = field(default_factory=dict)
    _open: dict = field(default_factory=dict)  # budgets of queries that are perhaps still read

    def watch(self, place: str, budget) -> None:
        """A query begins; the one before it of the same line is over."""
        self._close(place, budget.table)
        self._open[place, budget.table] = budget

    def note(self, place: str, table: str, rows: int, query: str, advice: str) -> None:
        """A query is over that has read so many rows in vain."""
        if rows:
            line = self.found.setdefault((place, table), Line(place, table))
            line.add(rows, query, advice)

    def _close(self, place: str, table: str) -> None:
        budget = self._open.pop((place, table), None)
        if budget is not None and budget.rows:
            self.note(place, table, budget.rows, str(budget.query), budget.advice())

    def lines(self) -> list[str]:
        """The report for people, the costliest lines first."""
        for place, table in list(self._open):
            self._close(place, table)
        found = sorted(self.found.values(), key=lambda line: -line.total)
        if not found:
            return ["No query has read rows that it did not return."]
        text = [
            "Queries that read rows which they do not return, by the line that asks for them:",
            "",
        ]
        for line in found[:SHOWN]:
            text += [
                f"{line.place}: {line.total} rows of {line.table!r} in {line.queries} queries, at most {line.most} in one",
                f"    {line.advice}",
                f"    {line.query}",
            ]
        if len(found) > SHOWN:
            text.append(f"… and {len(found) - SHOWN} more lines.")
        return text


#: The report that is recorded; None most of the time.
current: CostReport | None = None


@contextlib.contextmanager
def recorded():
    global current
    current = CostReport()
    try:
        yield current
    finally:
        current = None
