"""INSERT as a plan: one statement per row, many rows in one transaction of a file, or side by side on a cluster.

lwt:   IF NOT EXISTS. A taken key is an IntegrityError, or skipped, or the row that is there is updated.
plain: upserts."""

import functools
import uuid

from django.db.models.constants import OnConflict
from django.db.utils import ProgrammingError

from . import check_constraints, conditions, outcomes, sequences
from .access import POINTS, Access, choose
from .claimed_inserts import ClaimedInserts
from .dbapi import UNSET, DatabaseError, IntegrityError
from .evaluate import Column, Constant
from .exceptions import OutcomeUnknown, WriteContention
from .keys import TableKey
from .literals import literal
from .plan import Plan
from .predicates import And, Comparison
from .reads import column_list, select_statements
from .row_source import row_source
from .together import LWT, PLAIN, Rows
from .writes import (
    CHAIN_ROWS,
    UpdatePlan,
    check_nulls,
    check_partition,
    send_all,
    shown_statements,
    whole_key,
)


class InsertPlan(Plan):
    """Rows to insert. `columns`; `rows`: lists of values; `auto`: position of the AutoField among the columns, or None.

    model; fields: of the model; key; quote; plain; text: the INSERT; uniques: what has to be claimed
    returning: positions of the values that become the rows of the cursor
    on_conflict: an OnConflict or None.    changes: columns to update where a row exists
    target: the columns that tell whether it does: the primary key, or those of a unique constraint
    checks: InsertChecks or None.    change_checks: the check constraints that `changes` may violate"""

    uniques = ()

    def run(self, cursor) -> None:
        self.inserted = 0
        for row in self.rows:
            self._check(row)
        if self.checks:
            for row in self.rows:
                self.checks.known(row)
        chains = cursor.connection.settings.chains and not self.uniques
        if not (chains and self._counts_in_one() and self._insert_counted(cursor, self.rows[0])):
            self._fill_ids(cursor)
            if self.checks:
                for row in self.rows:
                    self.checks.with_id(row)
            insert = (
                ClaimedInserts(self, cursor).insert if self.uniques else self._insert_of(cursor)
            )
            for start in range(0, len(self.rows), CHAIN_ROWS):
                insert(self.rows[start : start + CHAIN_ROWS])
        cursor.rowcount = self.inserted
        if self.returning is not None:
            cursor.give([tuple(row[i] for i in self.returning) for row in self.rows])

    def _check(self, row: list) -> None:
        nulls = row.count(None)
        if self.auto is not None and row[self.auto] is None:
            nulls -= 1  # it will have an id
        if not nulls and "" not in row:
            return
        values = dict(zip(self.columns, row, strict=True))
        if self.auto is not None and row[self.auto] is None:
            values[self.columns[self.auto]] = 0
        check_partition(self.key, values)
        check_nulls(self.key, self.fields, values)

    def _bound(self, row: list) -> list:
        """An INSERT that makes a row leaves null out; one that may meet a row writes it."""
        if self.checks:
            self.checks.with_id(row)
        return row if self.plain else [UNSET if value is None else value for value in row]

    # --- ids ---

    def _counts_in_one(self) -> bool:
        """Do the counter's statement and the row's go together?"""
        return self.auto is not None and len(self.rows) == 1 and self.on_conflict is None

    def _insert_counted(self, cursor, row: list) -> bool:
        """Take an id and insert the row in one transaction. False: nothing was done, the id needs no counter."""
        chosen = row[self.auto]
        if chosen is not None and not 0 < chosen < sequences.MAX_ID:
            return False
        counter = sequences.Counter(cursor, self.key.table)
        taken = 0  # ids from the counter on that rows hold which came by another way
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                row[self.auto] = counter.first + taken if chosen is None else chosen
                after = max(counter.first, row[self.auto] + 1)
                chain = [counter.move(after), (self.text, self._bound(row))]
                results = cursor.send_chain(chain)
                if not results[0].was_applied:
                    counter.learn(results[0])
                    taken = 0
                elif results[1].was_applied:
                    counter.moved(after)
                    self.inserted = 1
                    return True
                elif chosen is not None:
                    raise self._duplicate(row)
                else:
                    taken += 1
        raise sequences.contention(self.key.table)

    def _fill_ids(self, cursor) -> None:
        """Reserve one range for all rows without an id; ids that the caller chose move the counter."""
        self.reserved: set[int] = set()  # rows, by id()
        if self.auto is None:
            return
        chosen = [row[self.auto] for row in self.rows if row[self.auto] is not None]
        if chosen:
            sequences.move_past(cursor, self.key.table, max(chosen))
        without = [row for row in self.rows if row[self.auto] is None]
        if without:
            first = sequences.reserve(cursor, self.key.table, len(without))
            for number, row in enumerate(without, first):
                row[self.auto] = number
            self.reserved = {id(row) for row in without}

    # --- rows ---

    def _insert_of(self, cursor):
        """The function that inserts rows where nothing has to be claimed."""
        if self.on_conflict is None:
            insert = self._insert_new
        else:
            insert = self._upsert_plainly if self.plain else self._insert_or
        return functools.partial(insert, cursor)

    @property
    def known(self) -> list[str]:
        """The columns of the model."""
        return [field.column for field in self.fields]

    def _insert_new(self, cursor, rows: list) -> None:
        """All of the rows or none of them."""
        insert = self._try_chain if cursor.connection.settings.chains else self._try_each
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                rows = insert(cursor, rows)
                if not rows:
                    return
        raise self._contention()

    def _try_chain(self, cursor, rows: list) -> list:
        """Insert the rows in one transaction; those that are still to be inserted."""
        results = cursor.send_chain([(self.text, self._bound(row)) for row in rows])
        if not results or results[-1].was_applied:
            self.inserted += len(rows)
            return []
        self._next_id(cursor, rows[len(results) - 1])
        return rows

    def _try_each(self, cursor, rows: list) -> list:
        """Insert each row by itself; those that are still to be inserted. A taken key takes back those that were."""
        applied = self._send_inserts(cursor, rows)
        self.inserted += sum(applied)
        done = [row for row, is_done in zip(rows, applied, strict=True) if is_done]
        left = [row for row, is_done in zip(rows, applied, strict=True) if not is_done]
        for row in left:
            if id(row) not in self.reserved:
                self._take_back(cursor, done, self._duplicate(row))
            self._next_id(cursor, row)
        return left

    def _next_id(self, cursor, row: list) -> None:
        """Another id for a row whose id a row holds that came by another way: the counter has not heard of that."""
        if id(row) not in self.reserved:
            raise self._duplicate(row)
        row[self.auto] = sequences.reserve(cursor, self.key.table, 1)

    def _send_inserts(self, cursor, rows: list) -> list[bool]:
        points = [self._point(row) for row in rows]
        info = Rows(
            PLAIN if self.plain else LWT,
            points,
            len(self.key.partition),
            lambda i: self._is_ours(cursor, rows[i]),
        )
        return send_all(cursor, [(self.text, self._bound(row)) for row in rows], info)

    def _point(self, row: list) -> list:
        return [row[self.columns.index(column)] for column in self.key.columns]

    def _is_ours(self, cursor, row: list) -> bool | None:
        """Does a row stand because of our INSERT, whose answer was lost? An equal one may be somebody else's, unless its
        key holds what nobody else has."""
        found = outcomes.serial_row(cursor, self.key, self.columns, self._point(row), self.quote)
        if found is None:
            return False
        unique = id(row) in self.reserved or any(isinstance(v, uuid.UUID) for v in self._point(row))
        return True if unique and list(found.values()) == row else None

    def _take_back(self, cursor, rows: list, reason: Exception) -> None:
        """Delete rows that were just inserted, if nobody has changed them since, and raise the reason."""
        where, left, trouble = whole_key(self.key, self.quote), 0, ""
        for row in rows:
            values = dict(zip(self.columns, row, strict=True))
            regular = {
                c: v
                for c, v in values.items()
                if c not in self.key.columns and c not in self.key.static
            }
            guard, bound = conditions.from_values(regular, self.quote) or (" IF EXISTS", [])
            text = f"DELETE FROM {self.quote(self.key.table)} WHERE {where}{guard}"
            try:
                left += not cursor.send(text, [*self._point(row), *bound]).was_applied
            except DatabaseError as error:
                left, trouble = left + 1, f": {error}"
        self.inserted -= len(rows) - left
        if left:
            kind = IntegrityError if isinstance(reason, IntegrityError) else OutcomeUnknown
            raise kind(
                f"{reason}; {left} of the rows that were inserted could not be taken back{trouble}"
            )
        raise reason

    def _insert_or(self, cursor, rows: list) -> None:
        """Insert the rows whose key is free; skip or update the others."""
        self._verify_changes(cursor, rows)
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                if self.key.lookup is not None:
                    rows = [row for row in rows if not self._met_elsewhere(cursor, row)]
                applied = self._send_inserts(cursor, rows)
                self.inserted += sum(applied)
                rows = [row for row, done in zip(rows, applied, strict=True) if not done]
                for row in rows:
                    if id(row) in self.reserved:
                        row[self.auto] = sequences.reserve(cursor, self.key.table, 1)
                rows = [r for r in rows if id(r) in self.reserved] + self._missed(
                    cursor, [r for r in rows if id(r) not in self.reserved]
                )
                if not rows:
                    return
        raise self._contention()

    def _compares_rows(self) -> bool:
        """Do check constraints compare what is changed with what rows hold that are there?"""
        known = dict.fromkeys([*self.changes, *(() if self.key.lookup else self.key.columns)])
        return bool(check_constraints.compared(self.change_checks, known))

    def _verify_changes(self, cursor, rows: list) -> None:
        """Refuse all of the rows for one that may not be changed, before any is written."""
        if self.change_checks and self._compares_rows():
            for row in rows:
                if id(row) not in self.reserved:
                    self._change_plan(row).verify(cursor)

    def _missed(self, cursor, rows: list) -> list:
        """Update the rows that are there already; those that have gone meanwhile."""
        if self.on_conflict == OnConflict.IGNORE or self.key.lookup is not None:
            return []
        if self.change_checks and self._compares_rows():
            return [row for row in rows if not self._changed(cursor, self._change_plan(row))]
        guard = "" if self.plain else " IF EXISTS"
        points = [self._point(row) for row in rows]
        info = Rows(
            PLAIN if self.plain else LWT,
            points,
            len(self.key.partition),
            lambda i: self._may_repeat(cursor, points[i]),
        )
        applied = send_all(cursor, [self._change(row, guard) for row in rows], info)
        self.inserted += sum(applied)
        return [row for row, done in zip(rows, applied, strict=True) if not done]

    def _change(self, row: list, guard: str) -> tuple[str, list]:
        values = dict(zip(self.columns, row, strict=True))
        sets = ", ".join(f"{self.quote(column)} = ?" for column in self.changes)
        text = f"UPDATE {self.quote(self.key.table)} SET {sets} WHERE {whole_key(self.key, self.quote)}{guard}"
        return text, [values[column] for column in (*self.changes, *self.key.columns)]

    def _may_repeat(self, cursor, point: list) -> bool | None:
        """May a change be sent again, whose answer was lost? It sets the same values whatever the row holds."""
        found = outcomes.serial_row(cursor, self.key, self.key.columns, point, self.quote)
        return None if found is None else False

    def _met_elsewhere(self, cursor, row: list) -> bool:
        """Beside a PhysicalKey a row with this pk may stand under another key. Update it there, or skip it."""
        if self.on_conflict == OnConflict.UPDATE:
            return self._changed(cursor, self._change_plan(row))
        access = choose(self.key, self._same_pk(row), self.quote)
        ((text, values),) = select_statements(
            self.key, access, column_list(self.key.columns, self.quote), self.quote
        )
        return cursor.send(text, values).one() is not None

    def _same_pk(self, row: list) -> And:
        """The condition on a row with the same primary key."""
        return self._same(row, self.key.pk)

    def _same(self, row: list, columns) -> And:
        """The condition on a row with the same values of the columns."""
        fields = {field.column: field for field in self.fields}
        return And(
            [
                Comparison(
                    Column(column, fields[column]), "=", Constant(row[self.columns.index(column)])
                )
                for column in columns
            ]
        )

    def _take_key(self, cursor, row: list) -> bool:
        """Give the row the primary key of the one that stands with its unique values, if one does."""
        same = self._same(row, self.target)
        columns = list(dict.fromkeys([*self.key.columns, *self.key.pk, *self.target]))
        access = choose(self.key, same, self.quote)
        source = row_source(self.model, self.key, access, same, columns, self.quote)
        found = next(iter(source.rows(cursor, source.budget(cursor))), None)
        if found is None:
            return False
        for column, value in zip(columns, found, strict=True):
            if column in self.columns:
                row[self.columns.index(column)] = value
        return True

    def _change_plan(self, row: list) -> UpdatePlan:
        """The UPDATE of the row with the same primary key."""
        values = dict(zip(self.columns, row, strict=True))
        same = self._same(row, dict.fromkeys([*self.key.pk, *self.target]))
        access = choose(self.key, same, self.quote)
        assign = {column: Constant(values[column]) for column in self.changes}
        return UpdatePlan(
            shown_statements("UPDATE", self.key, access, assign, self.plain, self.quote),
            model=self.model,
            key=self.key,
            access=access,
            predicate=same,
            assign=assign,
            checks=self.change_checks,
            fields=self.fields,
            plain=self.plain,
            quote=self.quote,
            uniques=[u for u in self.uniques if not set(self.changes).isdisjoint(u.columns)],
        )

    def _changed(self, cursor, plan: UpdatePlan) -> bool:
        plan.run(cursor)
        self.inserted += cursor.rowcount
        return cursor.rowcount > 0

    def _upsert_plainly(self, cursor, rows: list) -> None:
        """In plain mode a read tells which rows exist."""
        new, known = [], []
        for row in rows:
            if self.key.lookup is not None:
                if not self._met_elsewhere(cursor, row):
                    new.append(row)
            else:
                (known if self._exists(cursor, row) else new).append(row)
        self._send_inserts(cursor, new)
        self.inserted += len(new)
        self._missed(cursor, known)

    def _exists(self, cursor, row: list) -> bool:
        values = dict(zip(self.columns, row, strict=True))
        point = [values[column] for column in self.key.columns]
        access = Access(POINTS, [(whole_key(self.key, self.quote), point)], [])
        ((text, bound),) = select_statements(
            self.key, access, column_list(self.key.columns, self.quote), self.quote
        )
        return cursor.send(text, bound).one() is not None

    # --- errors ---

    def _duplicate(self, row: list) -> IntegrityError:
        known = dict(zip(self.columns, row, strict=True))
        place = ", ".join(f"{column} = {literal(known.get(column))}" for column in self.key.columns)
        return IntegrityError(f"duplicate key: {place} exists already in {self.key.table!r}")

    def _contention(self) -> WriteContention:
        return WriteContention(f"too many writers on the same rows of {self.key.table!r}")


def conflict_changes(key: TableKey, query, uniques) -> tuple[list[str], tuple[str, ...]]:
    """What bulk_create(update_conflicts=True) updates, and the columns that tell rows apart: the primary key, or those of
    a unique constraint. ProgrammingError for another target."""
    target = {field.column for field in query.unique_fields}
    known = [key.pk, *(unique.columns for unique in uniques if unique.simple)]
    found = next((columns for columns in known if set(columns) == target), None)
    if found is None:
        names = ", ".join(sorted(target))
        others = " or ".join(f"({', '.join(columns)})" for columns in known)
        raise ProgrammingError(
            f"bulk_create(update_conflicts=True) has no unique constraint on its unique_fields ({names}); "
            f"what tells rows apart here is {others}"
        )
    return [field.column for field in query.update_fields], found
