"""Plans that empty tables and set counters: flush, loaddata, sqlsequencereset."""

from . import sequences
from .dbapi import InvalidRequest
from .plan import Plan, StatementPlan


class FlushPlan(Plan):
    """TRUNCATE of one table, if it has a row: a TRUNCATE costs far more than to look."""

    def run(self, cursor) -> None:
        quoted = cursor.connection.ops.quote_name(self.table)
        if cursor.send(f"SELECT * FROM {quoted} LIMIT 1", page_size=1).one() is not None:
            for cql, values in self.statements:
                cursor.send(cql, values)


class ResetSequencesPlan(StatementPlan):
    """Counters that begin anew."""

    def run(self, cursor) -> None:
        try:
            super().run(cursor)
        except InvalidRequest:  # no table of counters: none has begun
            cursor.send(sequences.CREATE)


class ResetSequencePlan(Plan):
    """A counter that is to stand behind the greatest id of its table."""

    def run(self, cursor) -> None:
        ((cql, values),) = self.statements
        greatest = cursor.send(cql, values).one()[0]
        if greatest is not None:
            sequences.move_past(cursor, self.table, greatest)
