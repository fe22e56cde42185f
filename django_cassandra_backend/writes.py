"""UPDATE and DELETE as plans, for tables written with lightweight transactions or plainly.

lwt:   every statement is conditional and touches one row. What IF cannot say is read first, then written with
       IF on the values that were read, and tried again when another writer came between.
plain: blind statements; row counts come from a read.

The statements of many rows go together, CHAIN_ROWS at a time: in one transaction of a file, or side by side on a cluster."""

import functools
import itertools

from . import check_constraints, conditions, outcomes
from .access import CLAIMS, INDEX, NOTHING, POINTS, Access
from .advice import advise
from .budget import ScanBudget
from .claimed_writes import ClaimedWrites, save_unchanged
from .dbapi import IntegrityError
from .duplicates import Newest, at_rest, settled
from .exceptions import WriteContention
from .keys import TableKey
from .moves import Handover, Move
from .plan import Plan
from .reads import claimed, column_list, select_statements, side_by_side
from .server_order import Served
from .static_writes import is_of_partition, partition_condition, write_shared
from .together import LWT, PLAIN, Rows, send_each

#: Rows that are written in one transaction of a file: enough to spare commits, few enough not to keep others waiting.
CHAIN_ROWS = 500


def check_partition(key: TableKey, row: dict) -> None:
    if len(key.partition) == 1 and row.get(key.partition[0]) == "":
        raise IntegrityError(
            f"{key.partition[0]!r} is the partition key of {key.table!r} and cannot be an empty string"
        )
    if missing := [column for column in key.columns if row.get(column) is None]:
        raise IntegrityError(
            f"{missing[0]!r} is part of the key of {key.table!r} and cannot be null"
        )


def check_nulls(key: TableKey, fields, values: dict) -> None:
    """CQL has no NOT NULL; a field without null=True has."""
    if None not in values.values():
        return
    for column, value in values.items():
        if value is None and any(f.column == column and not f.null for f in fields):
            raise IntegrityError(f"{column!r} of {key.table!r} cannot be null")


class RowsPlan(Plan):
    """What UPDATE and DELETE share: find the rows, then write each.

    model, key, access, predicate; fields: the stored ones of the model; plain; quote; assign: {column: Expr}, empty for DELETE
    uniques: the constraints whose values a row may gain or lose
    checks: the check constraints that the assigned columns may violate"""

    assign: dict
    uniques: tuple = ()
    checks: tuple = ()

    @property
    def columns(self) -> list[str]:
        return [field.column for field in self.fields]

    def run(self, cursor) -> None:
        cursor.rowcount = 0
        if self.access.kind == NOTHING:
            return
        if self.plain:
            cursor.rowcount = self.run_plain(cursor)
        else:
            done = self._run_claimed(cursor) if self.uniques else self.run_direct(cursor)
            cursor.rowcount = self.run_rows(cursor) if done is None else done

    def _run_claimed(self, cursor) -> int | None:
        """Rows written when no unique value changes, as far as that is known beforehand."""
        return save_unchanged(self, cursor) if self.assign and self.access.kind == POINTS else None

    # --- lwt, one statement per row, nothing read ---

    def run_direct(self, cursor) -> int | None:
        """Rows written when keys and conditions say all; None when something has to be read first."""
        if self.access.kind != POINTS or self.access.tests or not self._needs_no_row():
            return None
        if is_of_partition(self, self.assign):
            return None
        whole = whole_key(self.key, self.quote)
        if any(where != whole for where, _ in self.access.reads):
            return None
        guard = conditions.from_predicates(self.key, self.access.rest, self.quote)
        if guard is None:
            return None
        try:
            statements = self._by_keys(guard)
        except check_constraints.Violation:
            return None  # of a row, if there is one: that is read first
        points = [tuple(point) for _, point in self.access.reads]
        return sum(send_all(cursor, statements, self._rows(cursor, points)))

    def _needs_no_row(self) -> bool:
        """Do the keys alone give the new values, and is no column of the key among them?"""
        key = frozenset(self.key.columns)
        return self.compared <= key and all(
            expr.columns <= key and column not in key for column, expr in self.assign.items()
        )

    def _counts_on_row(self) -> bool:
        """Is a new value made from what the row holds beside its key?"""
        key = frozenset(self.key.columns)
        return not all(expr.columns <= key for expr in self.assign.values())

    def _by_keys(self, guard: tuple[str, list]) -> list[tuple[str, list]]:
        """The statements, values computed from the key of each row; those that are shown where they need no computing."""
        if not self.compared and not any(expr.columns for expr in self.assign.values()):
            self._giver(())(())  # refuses what may not be written
            return self.statements
        text = self.statement(list(self.assign), guard[0])
        give = self._giver(self.key.columns)
        return [
            (text, [*give(tuple(point)).values(), *point, *guard[1]])
            for _, point in self.access.reads
        ]

    def _giver(self, columns):
        """A function from a row of these columns to {column: new value}. It refuses nulls and violations of checks."""
        index = {column: i for i, column in enumerate(columns)}
        compute = self._computer(index)
        verify = self.checks and check_constraints.of_update(self.checks, self.assign, index)

        def give(row: tuple) -> dict:
            new = compute(row)
            check_nulls(self.key, self.fields, new)
            if verify:
                verify(new, row)
            return new

        return give

    def _computer(self, index: dict[str, int]):
        """A function from a row to {column: new value}, whatever that is."""
        getters = [(column, expr.bind(index)) for column, expr in self.assign.items()]
        return lambda row: {column: get(row) for column, get in getters}

    @functools.cached_property
    def compared(self) -> frozenset[str]:
        """Columns that check constraints compare with those that are assigned."""
        return check_constraints.compared(self.checks, self.assign)

    # --- lwt, reading first ---

    @functools.cached_property
    def used(self) -> list[str]:
        """Regular columns that decide whether a row is written, and what is written."""
        made_from = (expr.columns for expr in self.assign.values())
        claimed = (unique.columns for unique in self.uniques)
        read = self.predicate.columns.union(self.compared, *made_from, *claimed)
        return sorted(read - set(self.key.columns))

    @functools.cached_property
    def seen(self) -> tuple[str, ...]:
        """The columns of the rows that are read."""
        return (*self.key.columns, *self.used)

    @functools.cached_property
    def test(self):
        """Is a row of `seen` one of those to write?"""
        return self.predicate.bind({column: i for i, column in enumerate(self.seen)})

    @functools.cached_property
    def give(self):
        """The new values of a row of `seen`."""
        return self._giver(self.seen)

    def run_rows(self, cursor) -> int:
        rows = self._matching(cursor)
        self._verify(rows)
        chunks = (rows[i : i + CHAIN_ROWS] for i in range(0, len(rows), CHAIN_ROWS))
        return sum(self._write_rows(cursor, chunk) for chunk in chunks)

    def verify(self, cursor) -> None:
        """Refuse what run() would refuse, and write nothing."""
        if self.checks:
            self._verify(self._matching(cursor))

    def _verify(self, rows: list[tuple]) -> None:
        """Refuse the whole statement for one row that would violate a check constraint, before any is written."""
        if self.checks:
            for row in rows:
                self.give(row)

    def _matching(self, cursor) -> list[tuple]:
        """The rows to write, all of them before the first write."""
        advice = functools.partial(
            advise, self.model, self.key, self.access, self.predicate, Served([])
        )
        budget = ScanBudget(cursor.connection.scan_budget, self.key.table, self, advice)
        test, width = self.test, len(self.key.columns)
        found = {}  # by key: the branches of an OR may read a row twice
        for row in self._read(cursor, self.access):
            if test(row) is True:
                found[row[:width]] = row
            else:
                budget.spend()
        return list(found.values())

    def _read(self, cursor, access: Access):
        """Rows of an access path; of a look-up by the primary key, when no row is on the move."""
        statements = select_statements(
            self.key, access, column_list(self.seen, self.quote), self.quote
        )

        if access.kind == CLAIMS:
            text = column_list(self.seen, self.quote)
            statements = claimed(cursor, self.key, statements, text, self.quote)
            return itertools.chain.from_iterable(side_by_side(cursor, statements, POINTS))

        def rows():
            return itertools.chain.from_iterable(side_by_side(cursor, statements, access.kind))

        if self.key.lookup is None or access.index != self.key.lookup:
            return rows()
        newest = Newest(self.key, self.seen, self.columns, self.quote)
        if cursor.connection.settings.chains or self.plain:
            return settled(lambda: list(rows()), newest, cursor)
        return at_rest(lambda: list(rows()), newest, cursor, lambda row: self._remove(cursor, row))

    def _remove(self, cursor, row: tuple) -> None:
        """Delete a row that was left behind, if it still is what it was."""
        point = dict(zip(self.key.columns, row, strict=False))
        stored = self.read_row(cursor, point)
        if stored is None:
            return
        regular = {column: value for column, value in stored.items() if column not in point}
        guard, values = conditions.from_values(regular, self.quote) or (" IF EXISTS", [])
        text = f"DELETE FROM {self.quote(self.key.table)} WHERE {whole_key(self.key, self.quote)}{guard}"
        cursor.send(text, [*point.values(), *values])

    def _write_rows(self, cursor, rows: list[tuple]) -> int:
        """Those of the rows that one guarded statement can write go together; then each of the others."""
        if self.uniques:
            return ClaimedWrites(self, cursor).write(rows)
        ready, alone = [], []
        for row in rows:
            write = self._guarded(row)
            (alone if write is None else ready).append((row, write))
        width = len(self.key.columns)
        points = [row[:width] for row, _ in ready]
        answers = answers_of(cursor, [write for _, write in ready], self._rows(cursor, points))
        done = 0
        for (row, _), answer in zip(ready, answers, strict=True):
            done += answer.was_applied or self._write_row(cursor, self._again(cursor, row, answer))
        return done + sum(self._write_row(cursor, row) for row, _ in alone)

    def _guarded(self, row: tuple) -> tuple[str, list] | None:
        """The statement that writes a row if it is as it was read; None when it takes more than one."""
        guard = conditions.from_values(self._used_values(row), self.quote)
        if guard is None:
            return None
        point, values = row[: len(self.key.columns)], self.give(row)
        if any(column in values for column in self.key.columns) or is_of_partition(self, values):
            return None
        return self.statement(list(values), guard[0]), [*values.values(), *point, *guard[1]]

    def _used_values(self, row: tuple) -> dict:
        return dict(zip(self.used, row[len(self.key.columns) :], strict=True))

    def _write_row(self, cursor, row: tuple | None) -> bool:
        """Write one row that was read; follow it when others change it meanwhile."""
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                if row is None:
                    return False
                done, answer = self._try_row(cursor, row)
                if done:
                    return True
                row = self._again(cursor, row, answer)
        raise WriteContention(
            f"too many writers on one row of {self.key.table!r}; the query: {self}"
        )

    def _try_row(self, cursor, row: tuple, handover: Handover | None = None) -> tuple[bool, object]:
        """(written?, the answer that refused it, if it says anything about the row). `handover`: of a row that moves."""
        if (write := self._guarded(row)) is not None:
            answer = outcomes.send(
                cursor, *write, lambda: self._applied(cursor, row[: len(self.key.columns)])
            )
            return bool(answer.was_applied), answer
        if (move := self._move(cursor, row)) is not None:
            return move.run(handover), None
        values, point = self.give(row), dict(zip(self.key.columns, row, strict=False))
        values = {c: v for c, v in values.items() if c not in point}
        read = self._used_values(row)
        if self.assign and not values:
            return True, None  # the key is what it should be already
        if is_of_partition(self, values):
            return write_shared(self, cursor, point, values, read), None
        return self._write_guarded(cursor, point, values, read), None

    def _move(self, cursor, row: tuple) -> Move | None:
        """The move of a row whose key changes; None for others."""
        values, point = self.give(row), dict(zip(self.key.columns, row, strict=False))
        moved = {c: v for c, v in values.items() if c in point and v != point[c]}
        if not moved:
            return None
        check_partition(self.key, point | moved)
        values = {c: v for c, v in values.items() if c not in point}
        return Move(self, cursor, point, point | moved, values, self._used_values(row))

    def _write_guarded(self, cursor, point: dict, values: dict, read: dict) -> bool:
        """Write a row of which `read` was read. If that is all null, something else has to tell it from a missing row."""
        guard = conditions.from_values(read, self.quote)
        if guard is None:
            guard = conditions.from_values(read, self.quote, self._witness(cursor, point))
        keys = list(point.values())
        if guard is not None:
            write = (self.statement(list(values), guard[0]), [*values.values(), *keys, *guard[1]])
            return bool(
                outcomes.send(cursor, *write, lambda: self._applied(cursor, keys)).was_applied
            )
        if not cursor.connection.settings.chains:
            return self._write_bare(cursor, point, values, read)
        # The row has nothing but its key. That what was read is null still is asked by a statement that
        # changes nothing, whether the row exists by the one that writes; both in one transaction.
        nulls = f" IF {' AND '.join(f'{self.quote(column)} = null' for column in read)}"
        check = (
            f"UPDATE {self.quote(self.key.table)} SET {self.quote(next(iter(read)))} = null "
            f"WHERE {whole_key(self.key, self.quote)}{nulls}"
        )
        write = (self.statement(list(values), " IF EXISTS"), [*values.values(), *keys])
        results = cursor.send_chain([(check, keys), write])
        return bool(results[-1].was_applied) and len(results) == 2

    def _write_bare(self, cursor, point: dict, values: dict, read: dict) -> bool:
        """Write a row that is nothing but its key, on a cluster: CQL does not let `IF EXISTS` stand beside conditions on the
        same row. Of those who write it one wins, because the others do not find it bare. That it is there is read just
        before; only a delete that comes between is not noticed, and loses."""
        keys = list(point.values())
        stored = outcomes.serial_row(cursor, self.key, self.known, keys, self.quote)
        own = [c for c in self.known if c not in point and (c in read or c not in self.key.static)]
        if stored is None or any(stored[column] is not None for column in own):
            return False
        guard = f" IF {' AND '.join(f'{self.quote(column)} = null' for column in own)}"
        write = (self.statement(list(values), guard), [*values.values(), *keys])
        return bool(outcomes.send(cursor, *write, lambda: self._applied(cursor, keys)).was_applied)

    @functools.cached_property
    def known(self) -> list[str]:
        """The model's columns, and one that a migration has just added."""
        return list(dict.fromkeys([*self.columns, *self.used, *self.assign]))

    # --- lwt, when the answer was lost ---

    def _rows(self, cursor, points) -> Rows:
        return Rows(
            LWT, points, len(self.key.partition), lambda i: self._applied(cursor, points[i])
        )

    def _applied(self, cursor, point) -> bool | None:
        """Was the write of a row applied, whose answer was lost? False: it may be sent again, with its conditions.

        The row tells that it was not when it would still be written, and does not hold what was to be written. What
        is set whatever the row holds may be set again; where check constraints alone look at the row, it is enough that it
        holds what was to be written. Otherwise it is not to be seen whether somebody else wrote the same: so the row
        tells nothing of a value that was made from what it held, such as F("n") + 1. It may be ours or another's by now."""
        row = outcomes.serial_row(cursor, self.key, self.known, point, self.quote)
        if row is None:
            return None
        if not self.used:
            return False
        if self._counts_on_row():
            return None
        index = {column: i for i, column in enumerate(row)}
        values = tuple(row.values())
        if self.predicate.bind(index)(values) is not True:
            return None
        new = self._computer(index)(values)
        if not new or any(row[column] != value for column, value in new.items()):
            return False
        return None if self.predicate.columns - set(self.key.columns) else True

    def _witness(self, cursor, point: dict) -> tuple[str, object] | None:
        row = self.read_row(cursor, point)
        return next(
            ((c, v) for c, v in (row or {}).items() if v is not None and c not in point), None
        )

    def read_row(self, cursor, point: dict) -> dict | None:
        """The whole row at a key."""
        access = Access(POINTS, [(whole_key(self.key, self.quote), list(point.values()))], [])
        ((text, values),) = select_statements(
            self.key, access, column_list(self.columns, self.quote), self.quote
        )
        row = cursor.send(text, values).one()
        return None if row is None else dict(zip(self.columns, row, strict=True))

    def _again(self, cursor, row: tuple, answer=None) -> tuple | None:
        """The row as it is now, if it still is one of those to write. Beside a PhysicalKey it may have moved.

        answer: of the statement that was refused; it tells the values that it compared."""
        if answer is not None and self.used:
            names = answer.column_names
            told = dict(zip(names, answer.one() or (), strict=False))
            if all(told.get(column) is not None for column in self.used):
                now = (*row[: len(self.key.columns)], *(told[column] for column in self.used))
                return now if self.test(now) is True else None
        names = [self.key.lookup] if self.key.lookup else list(self.key.columns)
        where = " AND ".join(f"{self.quote(column)} = ?" for column in names)
        reads = [(where, [row[self.seen.index(column)] for column in names])]
        indexes = (self.key.lookup,) if self.key.lookup else ()
        access = Access(INDEX if indexes else POINTS, reads, [], indexes)
        return next(
            (found for found in self._read(cursor, access) if self.test(found) is True), None
        )

    # --- plain ---

    def run_plain(self, cursor) -> int:
        rows, ready, points = self._matching(cursor), [], []
        self._verify(rows)
        for row in rows:
            values, point = self.give(row), dict(zip(self.key.columns, row, strict=False))
            target = point | {c: v for c, v in values.items() if c in point}
            values = {c: v for c, v in values.items() if c not in point}
            if target != point:
                check_partition(self.key, target)
                Move(self, cursor, point, target, values, {}).run()
            elif values or not self.assign:
                points.append(self._plain_key(point, values))
                ready.append((self.statement(list(values), ""), [*values.values(), *points[-1]]))
        send_all(cursor, ready, Rows(PLAIN, points))
        return len(rows)

    def _plain_key(self, point: dict, values: dict) -> list:
        """The key of a statement without a condition: of the partition, where static columns alone are set."""
        shared = bool(values) and self.key.static.issuperset(values)
        return [point[column] for column in (self.key.partition if shared else self.key.columns)]

    def statement(self, columns: list[str], guard: str) -> str:
        raise NotImplementedError


class UpdatePlan(RowsPlan):
    """UPDATE. `save_point`: {key column: value} when a full save() brings all of the key beside a PhysicalKey."""

    save_point: dict | None = None

    def run_direct(self, cursor) -> int | None:
        if self.save_point is not None and (done := self._save_in_place(cursor)):
            return done
        return super().run_direct(cursor)

    def _save_in_place(self, cursor) -> int:
        """The row most likely stands where the instance says: write there, without a look-up."""
        guard = conditions.from_predicates(self.key, self.access.rest, self.quote)
        if guard is None or not self.compared <= self.save_point.keys():
            return 0
        point = [self.save_point[c] for c in self.key.columns]
        try:
            new = self._giver(self.key.columns)(tuple(point))
        except check_constraints.Violation:
            return 0  # of a row, if there is one: that is looked up first
        values = {c: v for c, v in new.items() if c not in self.key.columns}
        if not values:
            return 0
        text = self.statement(list(values), guard[0])
        bound = [*values.values(), *point, *guard[1]]
        return int(
            bool(
                outcomes.send(cursor, text, bound, lambda: self._applied(cursor, point)).was_applied
            )
        )

    def statement(self, columns, guard):
        sets = ", ".join(f"{self.quote(column)} = ?" for column in columns)
        where = whole_key(self.key, self.quote)
        if not guard and columns and self.key.static.issuperset(columns):
            where = partition_condition(self.key, self.quote)
        return f"UPDATE {self.quote(self.key.table)} SET {sets} WHERE {where}{guard}"


class DeletePlan(RowsPlan):
    """DELETE of rows; in plain mode whole partitions and slices at once."""

    assign: dict = {}

    def run_plain(self, cursor) -> int:
        access = self.access
        if not access.pinned or not access.exact or access.index or access.has_tuples:
            return super().run_plain(cursor)
        table, count = self.quote(self.key.table), 0
        for where, values in self.access.reads:
            count += cursor.send(f"SELECT COUNT(*) FROM {table} WHERE {where}", values).one()[0]
        reads = self.access.reads
        send_all(
            cursor,
            [(f"DELETE FROM {table} WHERE {where}", values) for where, values in reads],
            Rows(PLAIN),
        )
        return count

    def statement(self, columns, guard):
        return f"DELETE FROM {self.quote(self.key.table)} WHERE {whole_key(self.key, self.quote)}{guard}"


def whole_key(key: TableKey, quote) -> str:
    """The condition on one row."""
    return " AND ".join(f"{quote(column)} = ?" for column in key.columns)


def answers_of(cursor, statements: list[tuple[str, list]], rows: Rows) -> list:
    """The answers to statements that stand each for itself, CHAIN_ROWS of them at a time."""
    if len(statements) <= CHAIN_ROWS:
        return send_each(cursor, statements, rows) if statements else []
    found = []
    for start in range(0, len(statements), CHAIN_ROWS):
        end = start + CHAIN_ROWS
        found += send_each(cursor, statements[start:end], rows.part(start, end))
    return found


def send_all(cursor, statements: list[tuple[str, list]], rows: Rows) -> list[bool]:
    """Which of the statements were applied; see answers_of()."""
    return [bool(answer.was_applied) for answer in answers_of(cursor, statements, rows)]


def shown_statements(verb: str, key: TableKey, access: Access, assign, plain: bool, quote) -> list:
    """The statements of an UPDATE or DELETE as people see them: (CQL, values)."""
    if access.kind == CLAIMS:  # which rows are written is not known before
        return select_statements(key, access, "", quote)
    sets = ", ".join(
        f"{quote(c)} = {'?' if not e.columns else 'expression'}" for c, e in assign.items()
    )
    head = (
        f"UPDATE {quote(key.table)} SET {sets}"
        if verb == "UPDATE"
        else f"DELETE FROM {quote(key.table)}"
    )
    new = [e.bind({})(()) for e in assign.values() if not e.columns]
    guard: tuple[str, list] | None = (
        None
        if plain or access.tests is not None
        else conditions.from_predicates(key, access.rest, quote)
    )
    text, bound = guard if guard is not None else ("" if plain else " IF …", [])
    return [
        (f"{head}{' WHERE ' if where else ''}{where}{text}", [*new, *values, *bound])
        for where, values in access.reads
    ]
