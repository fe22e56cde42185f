"""INSERT, UPDATE and DELETE as plans, for tables written with lightweight transactions or plainly.

lwt:   every statement is conditional and touches one row. What IF cannot say is read first, then written with
       IF on the values that were read, and tried again when another writer came between.
plain: blind statements; row counts come from a read."""

import functools

from . import conditions, sequences
from .access import INDEX, NOTHING, POINTS, Access
from .budget import ScanBudget
from .dbapi import UNSET, IntegrityError, OperationalError
from .duplicates import Newest, settled
from .exceptions import WriteContention
from .keys import TableKey
from .literals import literal
from .moves import Move
from .plan import Plan
from .reads import advise, select_statements
from .retry import attempts


class InsertPlan(Plan):
    """Rows to insert. `columns`; `rows`: lists of values; `auto`: position of the AutoField among the columns.

    fields: of the model
    returning: positions of the values that become the rows of the cursor.    ignore: skip rows that exist"""

    def run(self, cursor) -> None:
        self._fill_ids(cursor)
        self.inserted = 0
        for row, reserved in zip(self.rows, self.reserved, strict=True):
            self._insert(cursor, row, reserved)
        cursor.rowcount = self.inserted
        if self.returning is not None:
            cursor.give([tuple(row[i] for i in self.returning) for row in self.rows])

    def _fill_ids(self, cursor) -> None:
        """Reserve one range for all rows without an id; ids that the caller chose move the counter."""
        self.reserved = [self.auto is not None and row[self.auto] is None for row in self.rows]
        if self.auto is None:
            return
        chosen = [row[self.auto] for row in self.rows if row[self.auto] is not None]
        if chosen:
            sequences.move_past(cursor, self.key.table, max(chosen))
        if count := sum(self.reserved):
            first = sequences.reserve(cursor, self.key.table, count)
            for row in self.rows:
                if row[self.auto] is None:
                    row[self.auto] = first
                    first += 1

    def _insert(self, cursor, row, reserved: bool) -> None:
        values = dict(zip(self.columns, row, strict=True))
        _check_partition(self.key, values)
        _check_nulls(self.key, self.fields, values)
        if self.plain:
            cursor.send(self.text, row)
            self.inserted += 1
            return
        for _ in attempts(cursor.connection.settings.write_attempts):
            values = [UNSET if value is None else value for value in row]
            if cursor.send(self.text, values).was_applied:
                self.inserted += 1
                return
            if not reserved:
                break
            # A row that came by another way holds the id: the counter has not heard of it.
            row[self.auto] = sequences.reserve(cursor, self.key.table, 1)
        if not self.ignore:
            raise IntegrityError(
                f"duplicate key: {self._describe(row)} exists already in {self.key.table!r}"
            )

    def _describe(self, row) -> str:
        known = dict(zip(self.columns, row, strict=True))
        return ", ".join(f"{column} = {literal(known.get(column))}" for column in self.key.columns)


def _check_partition(key: TableKey, row: dict) -> None:
    if len(key.partition) == 1 and row.get(key.partition[0]) == "":
        raise IntegrityError(
            f"{key.partition[0]!r} is the partition key of {key.table!r} and cannot be an empty string"
        )
    if missing := [column for column in key.columns if row.get(column) is None]:
        raise IntegrityError(
            f"{missing[0]!r} is part of the key of {key.table!r} and cannot be null"
        )


def _check_nulls(key: TableKey, fields, values: dict) -> None:
    """CQL has no NOT NULL; a field without null=True has."""
    for column, value in values.items():
        if value is None and any(f.column == column and not f.null for f in fields):
            raise IntegrityError(f"{column!r} of {key.table!r} cannot be null")


class RowsPlan(Plan):
    """What UPDATE and DELETE share: find the rows, then write each.

    key, access, predicate; fields: the stored ones of the model; plain; quote; assign: {column: Expr}, empty for DELETE"""

    assign: dict
    lone_key_suffices = False  # may a row without any value be written with IF EXISTS alone?

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
            done = self.run_direct(cursor)
            cursor.rowcount = self.run_rows(cursor) if done is None else done

    # --- lwt, in one statement per row, nothing read ---

    def run_direct(self, cursor) -> int | None:
        """Rows written when keys and conditions say all, or None: the statements are what is shown."""
        if self.access.kind != POINTS or not self._constant():
            return None
        if conditions.from_predicates(self.key, self.access.rest, self.quote) is None:
            return None
        if self.statements:
            self._values({})  # refuses nulls
        return sum(bool(cursor.send(text, values).was_applied) for text, values in self.statements)

    def _constant(self) -> bool:
        """Are the new values known without reading, and is no column of the key among them?"""
        return not any(
            expr.columns or column in self.key.columns for column, expr in self.assign.items()
        )

    def _values(self, row: dict) -> dict:
        index = {column: i for i, column in enumerate(row)}
        values = tuple(row.values())
        new = {column: expr.bind(index)(values) for column, expr in self.assign.items()}
        _check_nulls(self.key, self.fields, new)
        return new

    def _write(self, cursor, point: dict, values: dict, guard: tuple[str, list]) -> bool:
        """One conditional statement on one row; was it applied?"""
        text = self.statement(list(values), guard[0])
        keys = [point[column] for column in self.key.columns]
        return bool(cursor.send(text, [*values.values(), *keys, *guard[1]]).was_applied)

    # --- lwt, reading first ---

    @functools.cached_property
    def used(self) -> list[str]:
        """Regular columns that decide whether a row is written, and what is written."""
        read = self.predicate.columns.union(*(expr.columns for expr in self.assign.values()))
        return sorted(read - set(self.key.columns))

    def run_rows(self, cursor) -> int:
        columns = [*self.key.columns, *self.used]
        return sum(self._write_row(cursor, row) for row in self._matching(cursor, columns))

    def _matching(self, cursor, columns: list[str]) -> list[dict]:
        """The rows to write, all of them before the first write."""
        advice = functools.partial(advise, self.key, self.access, self.predicate)
        budget = ScanBudget(cursor.connection.scan_budget, self.key.table, self, advice)
        test = self.predicate.bind({column: i for i, column in enumerate(columns)})
        found = []
        for row in self._read(cursor, self.access, columns):
            if test(row) is True:
                found.append(dict(zip(columns, row, strict=True)))
            else:
                budget.spend()
        return found

    def _read(self, cursor, access: Access, columns: list[str]):
        """Rows of an access path; of a look-up by the primary key, when no row is on the move."""
        statements = select_statements(self.key, access, columns, self.quote)

        def rows():
            return (row for text, values in statements for row in cursor.send(text, values))

        if self.key.lookup is None or access.index != self.key.lookup:
            return rows()
        newest = Newest(self.key, columns, self.columns, self.quote)
        limit = cursor.connection.settings.write_attempts
        return settled(lambda: list(rows()), newest, cursor, limit)

    def _write_row(self, cursor, row: dict) -> bool:
        """Write one row that was read; follow it when others change it meanwhile."""
        for _ in attempts(cursor.connection.settings.write_attempts):
            if self._try_row(cursor, row):
                return True
            row = self._again(cursor, row)
            if row is None:
                return False
        raise WriteContention(
            f"too many writers on one row of {self.key.table!r}; the query: {self}"
        )

    def _try_row(self, cursor, row: dict) -> bool:
        values = self._values(row)
        point = {column: row[column] for column in self.key.columns}
        moved = {c: v for c, v in values.items() if c in point and v != point[c]}
        values = {c: v for c, v in values.items() if c not in point}
        if moved:
            _check_partition(self.key, point | moved)
            return Move(
                self, cursor, point, point | moved, values, {c: row[c] for c in self.used}
            ).run()
        if self.assign and not values:
            return True  # the key is what it should be already
        return self._write(
            cursor, point, values, self._guard(cursor, point, {c: row[c] for c in self.used})
        )

    def _guard(self, cursor, point: dict, read: dict) -> tuple[str, list]:
        guard = conditions.from_values(read, self.quote)
        if (
            guard is None
        ):  # every value read is null: something else has to tell the row from a missing one
            guard = conditions.from_values(read, self.quote, self._witness(cursor, point))
        if guard is None and self.lone_key_suffices:
            return " IF EXISTS", []
        if guard is None:
            raise OperationalError(
                f"A row of {self.key.table!r} has no value but its key, so a write to it cannot be guarded. "
                "Give the model a column that is never null, for instance a BooleanField(default=True)."
            )
        return guard

    def _witness(self, cursor, point: dict) -> tuple[str, object] | None:
        row = self.read_row(cursor, point)
        return next(
            ((c, v) for c, v in (row or {}).items() if v is not None and c not in point), None
        )

    def read_row(self, cursor, point: dict) -> dict | None:
        """The whole row at a key."""
        where = " AND ".join(f"{self.quote(column)} = ?" for column in point)
        access = Access(POINTS, [(where, list(point.values()))], [])
        ((text, values),) = select_statements(self.key, access, self.columns, self.quote)
        row = cursor.send(text, values).one()
        return None if row is None else dict(zip(self.columns, row, strict=True))

    def _again(self, cursor, row: dict) -> dict | None:
        """The row as it is now, if it still is one of those to write. Beside a PhysicalKey it may have moved."""
        names = [self.key.lookup] if self.key.lookup else list(self.key.columns)
        columns = [*self.key.columns, *self.used]
        where = " AND ".join(f"{self.quote(column)} = ?" for column in names)
        reads = [(where, [row[column] for column in names])]
        access = Access(INDEX if self.key.lookup else POINTS, reads, [], index=self.key.lookup)
        test = self.predicate.bind({column: i for i, column in enumerate(columns)})
        for found in self._read(cursor, access, columns):
            if test(found) is True:
                return dict(zip(columns, found, strict=True))
        return None

    # --- plain ---

    def run_plain(self, cursor) -> int:
        rows = self._matching(cursor, [*self.key.columns, *self.used])
        for row in rows:
            values = self._values(row)
            point = {column: row[column] for column in self.key.columns}
            target = point | {c: v for c, v in values.items() if c in point}
            values = {c: v for c, v in values.items() if c not in point}
            if target != point:
                _check_partition(self.key, target)
                Move(self, cursor, point, target, values, {}).run()
            elif values or not self.assign:
                text = self.statement(list(values), "")
                cursor.send(text, [*values.values(), *(point[c] for c in self.key.columns)])
        return len(rows)

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
        values = {c: v for c, v in self._values({}).items() if c not in self.key.columns}
        if guard is None or not values:
            return 0
        return int(self._write(cursor, self.save_point, values, guard))

    def statement(self, columns, guard):
        sets = ", ".join(f"{self.quote(column)} = ?" for column in columns)
        return f"UPDATE {self.quote(self.key.table)} SET {sets} WHERE {_whole(self.key, self.quote)}{guard}"


class DeletePlan(RowsPlan):
    """DELETE of rows; in plain mode whole partitions and slices at once."""

    assign: dict = {}

    def run_plain(self, cursor) -> int:
        if not self.access.pinned or self.access.rest or self.access.index:
            return super().run_plain(cursor)
        table, count = self.quote(self.key.table), 0
        for where, values in self.access.reads:
            count += cursor.send(f"SELECT COUNT(*) FROM {table} WHERE {where}", values).one()[0]
            cursor.send(f"DELETE FROM {table} WHERE {where}", values)
        return count

    def statement(self, columns, guard):
        return (
            f"DELETE FROM {self.quote(self.key.table)} WHERE {_whole(self.key, self.quote)}{guard}"
        )


def _whole(key: TableKey, quote) -> str:
    return " AND ".join(f"{quote(column)} = ?" for column in key.columns)


def shown_statements(verb: str, key: TableKey, access: Access, assign, plain: bool, quote) -> list:
    """The statements of an UPDATE or DELETE as people see them: (CQL, values)."""
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
        None if plain else conditions.from_predicates(key, access.rest, quote)
    )
    text, bound = guard if guard is not None else ("" if plain else " IF …", [])
    return [
        (f"{head}{' WHERE ' if where else ''}{where}{text}", [*new, *values, *bound])
        for where, values in access.reads
    ]
