"""Plans that empty tables and set counters: flush, loaddata, sqlsequencereset."""

from django.apps import apps

from . import names, sequences, uniques
from .dbapi import InvalidRequest
from .keys import table_key
from .plan import Plan, StatementPlan
from .together import LWT, PLAIN, Rows
from .writes import send_all

#: Rows up to which a cluster's table is emptied row by row. Measured on one node: a TRUNCATE takes as long as 15 to 20
#: conditional deletes one after the other, and these go side by side.
FLUSH_ROWS = 200


class FlushPlan(Plan):
    """TRUNCATE of one table, if it has a row: a TRUNCATE costs far more than to look.

    On a cluster it costs so much that a few rows are rather deleted, in the mode in which their table is written: a
    deletion by Paxos is older than what Paxos writes after it, and a timestamp of this process older than its next."""

    def run(self, cursor) -> None:
        quoted = cursor.connection.ops.quote_name(self.table)
        if cursor.connection.settings.chains:
            empty = self._is_empty(cursor, quoted)
        else:
            empty = self._delete_rows(cursor, quoted)
        if not empty:
            for cql, values in self.statements:
                cursor.send(cql, values)

    def _is_empty(self, cursor, quoted: str) -> bool:
        return cursor.send(f"SELECT * FROM {quoted} LIMIT 1", page_size=1).one() is None

    def _delete_rows(self, cursor, quoted: str) -> bool:
        """Delete the rows if they are few. Is the table empty now?"""
        if (shape := _shape_of(self.table, cursor.connection)) is None:
            return self._is_empty(cursor, quoted)
        columns, width, plain = shape
        quote = cursor.connection.ops.quote_name
        listed = ", ".join(map(quote, columns))
        points = cursor.send(f"SELECT {listed} FROM {quoted} LIMIT {FLUSH_ROWS + 1}").all()
        if not points or len(points) > FLUSH_ROWS:
            return not points
        where = " AND ".join(f"{quote(column)} = ?" for column in columns)
        text = f"DELETE FROM {quoted} WHERE {where}{'' if plain else ' IF EXISTS'}"
        info = Rows(PLAIN if plain else LWT, points, width, lambda i: False)
        send_all(cursor, [(text, list(point)) for point in points], info)
        return self._is_empty(
            cursor, quoted
        )  # a row that came by another clock may have outlived it


def _shape_of(table: str, connection) -> tuple[tuple[str, ...], int, bool] | None:
    """(columns of the key, how many of them partition, is it written plainly?) of a table whose rows can be deleted one
    by one."""
    for model in apps.get_models(include_auto_created=True):
        key = table_key(model)
        if key.table == table:
            if key.counters or key.static:
                return None
            return key.columns, len(key.partition), connection.settings.is_plain(model)
        if any(table == claims for claims, _ in key.claims):
            return ("value",), 1, False
    return None


def claim_tables_of(table: str) -> list[str]:
    """The tables of claims beside a table of ours."""
    found = {
        uniques.table_of(model._meta, one): None
        for model in apps.get_models(include_auto_created=True)
        if names.encode(model._meta.db_table) == table
        for one in uniques.declared(model._meta)
    }
    return list(found)


class ResetSequencesPlan(StatementPlan):
    """Counters that begin anew. `tables`: whose."""

    def run(self, cursor) -> None:
        try:
            for cql, values in self._needed(cursor):
                cursor.send(cql, values, **sequences.SERIAL)
        except InvalidRequest:  # no table of counters: none has begun
            cursor.send(sequences.CREATE)
        for _, (name,) in self.statements:
            sequences.forget(cursor, name)

    def _needed(self, cursor) -> list[tuple[str, list]]:
        """Those of the statements that find a counter: on a cluster each of them is dear."""
        if cursor.connection.settings.chains or len(self.statements) == 1:
            return self.statements
        begun = {name for (name,) in cursor.send(sequences.READ_NAMES)}
        return [statement for statement in self.statements if statement[1][0] in begun]


class ResetSequencePlan(Plan):
    """A counter that is to stand behind the greatest id of its table."""

    def run(self, cursor) -> None:
        ((cql, values),) = self.statements
        greatest = cursor.send(cql, values).one()[0]
        if greatest is not None:
            sequences.move_past(cursor, self.table, greatest)
