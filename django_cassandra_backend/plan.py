"""What compilers return in the place of SQL: text that shows the CQL, with the means to run it.

A plan is a string, because Django, query wrappers and tools around them treat a statement as one.
It holds its values itself; its params are always ()."""

from .literals import inline

SHOWN_STATEMENTS = 5  # of a plan that sends many
NOTHING_SENT = "-- no statement: no row can match"


class Plan(str):
    """A statement, or a set of them, ready to run: `run(cursor)` leaves rows or a row count there."""

    statements: list[tuple[str, list]]

    def __new__(cls, statements: list[tuple[str, list]], **parts):
        shown = [cql for cql, _ in statements[:SHOWN_STATEMENTS]]
        self = super().__new__(cls, _join(dict.fromkeys(shown), len(statements)) or NOTHING_SENT)
        self.statements = statements
        self.__dict__.update(parts)
        return self

    def __mod__(self, params) -> str:
        """`str(queryset.query)`: Django writes sql % params."""
        return self.inlined()

    def inlined(self) -> str:
        """The text with the values in it, for people."""
        shown = [inline(cql, values) for cql, values in self.statements[:SHOWN_STATEMENTS]]
        return _join(shown, len(self.statements)) or NOTHING_SENT

    def logged(self, executed: list[tuple[str, list]]) -> str:
        """The text with values of what execute() sent."""
        return _join([inline(cql, values) for cql, values in executed], 0) or self.inlined()

    def run(self, cursor) -> None:
        raise NotImplementedError


def _join(shown, count: int) -> str:
    text = "; ".join(shown)
    return f"{text}; … ({count} statements)" if count > SHOWN_STATEMENTS else text


class StatementPlan(Plan):
    """Statements whose rows nobody asks for: TRUNCATE and its like."""

    def run(self, cursor) -> None:
        for cql, values in self.statements:
            cursor.send(cql, values)
