"""UPDATE and DELETE of rows with unique values: claim the new ones, write the row, release the old ones.

On a file that is one transaction; on a cluster it is one statement after the other, those of many rows side by side."""

from dataclasses import dataclass, field

from . import claims, conditions, outcomes
from .check_constraints import Violation
from .claims import Claim, Taken
from .dbapi import IntegrityError
from .exceptions import OutcomeUnknown, WriteContention
from .expr import Constant
from .moves import Handover, Move
from .static_writes import is_of_partition


@dataclass
class Change:
    """What becomes of one row, as it was read.

    new: claims to make.    old: claims to release, if they stand.    moved: old and new claim of a value that stays, while the
    row's key changes"""

    row: tuple
    new: list[Claim] = field(default_factory=list)
    old: list[Claim] = field(default_factory=list)
    moved: list[tuple[Claim, Claim]] = field(default_factory=list)


class ClaimedWrites:
    """One run of an UpdatePlan or DeletePlan over rows that were read."""

    def __init__(self, plan, cursor):
        self.plan, self.cursor = plan, cursor
        self.chains = cursor.connection.settings.chains

    def write(self, rows: list[tuple]) -> int:
        """How many of the rows were written."""
        changes = [self._change(row) for row in rows]
        claims.refuse_repeated([claim for change in changes for claim in change.new])
        together = [c for c in changes if not c.moved and self.plan._guarded(c.row) is not None]
        alone = [c for c in changes if c.moved or self.plan._guarded(c.row) is None]
        if len(together) > 1:
            left = (self._chain_all if self.chains else self._steps_of_all)(together)
        else:
            left = [change.row for change in together]
        done = len(together) - len(left)
        return done + sum(map(self._write_one, [*left, *(change.row for change in alone)]))

    def _change(self, row: tuple) -> Change:
        plan, quote = self.plan, self.plan.quote
        before = dict(zip(plan.seen, row, strict=True))
        after = before | plan.give(row) if plan.assign else None
        change = Change(row)
        for unique in plan.uniques:
            old = claims.claims_for([unique], before, quote)
            new = [] if after is None else claims.claims_for([unique], after, quote)
            if not (old and new and old[0].value == new[0].value):
                change.old += old
                change.new += new
            elif old[0].owner != new[0].owner:
                change.moved.append((old[0], new[0]))
        return change

    # --- many rows ---

    def _chain_all(self, changes: list[Change]) -> list[tuple]:
        """All of the rows in one transaction of a file; those that are still to be written, because it came to nothing."""
        new = [claim for change in changes for claim in change.new]
        writes = [self.plan._guarded(change.row) for change in changes]
        results = self.cursor.send_chain(
            [*(c.begin() for c in new), *writes, *self._drops(changes)]
        )
        if not results[-1].was_applied:
            last = len(results) - 1
            if last < len(new):
                self._refuse_if_taken(new[last])
            return [change.row for change in changes]
        return []

    def _drops(self, changes: list[Change]) -> list[tuple[str, list]]:
        """The statements that release what the rows have held."""
        old = [claim for change in changes for claim in change.old]
        return [claim.release() for claim in claims.held(self.cursor, old)]

    def _refuse_if_taken(self, claim: Claim, fresh=()) -> None:
        try:
            claims.refused(self.cursor, claim)
        except Taken as taken:
            self._refuse(taken, fresh)

    def _refuse(self, taken: Taken, fresh=()) -> None:
        """IntegrityError, unless the value is the row's own by now: then the row is looked at again. A value of `fresh` claims may
        have gone with the row to where another writer has moved it."""
        if taken.claim in fresh:
            self.taken = taken.claim
        elif not taken.by_itself:
            raise taken.claim.duplicate() from None

    def _steps_of_all(self, changes: list[Change]) -> list[tuple]:
        """Each step for all of the rows, side by side; those of them that others have changed meanwhile."""
        from .writes import answers_of

        cursor, plan = self.cursor, self.plan
        held = {id(c): c for c in claims.held(cursor, [o for c in changes for o in c.old])}
        new = [claim for change in changes for claim in change.new]
        try:
            claims.acquire_all(cursor, new)
        except Taken as taken:
            self._refuse(taken)
            return [change.row for change in changes]
        if any(claim.is_late for claim in new):
            claims.release(cursor, new)
            return [change.row for change in changes]
        width = len(plan.key.columns)
        points = [change.row[:width] for change in changes]
        writes = [plan._guarded(change.row) for change in changes]
        answers = answers_of(cursor, writes, plan._rows(cursor, points))
        left, unused, free, late = [], [], [], None
        for change, answer in zip(changes, answers, strict=True):
            if not answer.was_applied:
                left.append(change.row)
                unused += change.new
                continue
            try:
                self._confirm(change, held.values())
            except (WriteContention, OutcomeUnknown) as error:
                late = error
                continue
            free += [held[id(claim)] for claim in change.old if id(claim) in held]
        claims.release(cursor, unused + free)
        if late is not None:
            raise late
        return left

    # --- one row ---

    def _write_one(self, row: tuple | None) -> bool:
        """Write one row that was read; follow it when others change it meanwhile."""
        plan, cursor = self.plan, self.cursor
        self.pending = None  # the claim that waits for another writer's
        self.taken = None  # a claim of a value that the row has, and another row as well
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                if row is None:
                    return False
                change = self._change(row)
                move, writes = self._statements(change)
                if self.chains and writes is not None:
                    done = self._chain(change, writes, move)
                else:
                    done = self._steps(change)
                if done:
                    return True
                row = plan._again(cursor, row)
        if self.taken is not None:
            raise self.taken.duplicate()
        if self.pending is not None:
            raise claims.pending(self.pending)
        raise WriteContention(
            f"too many writers on one row of {plan.key.table!r}; the query: {plan}"
        )

    def _statements(self, change: Change) -> tuple[Move | None, list[tuple[str, list]] | None]:
        """What writes a row in one transaction of a file, if it moves by a Move; None for what takes more than that."""
        if (write := self.plan._guarded(change.row)) is not None:
            return None, [write]
        if not self.chains or (move := self.plan._move(self.cursor, change.row)) is None:
            return None, None
        return move, move.statements() or []

    def _chain(self, change: Change, writes: list[tuple[str, list]], move: Move | None) -> bool:
        if not writes:  # the row has changed meanwhile
            return False
        moved, fresh = self._moved(change)
        new, drops = [*change.new, *fresh], self._drops([change])
        handed = [claim.begin() for _, claim in moved]

        def send() -> int | None:
            """None: it is done. Or the number of the statement that was refused."""
            results = self.cursor.send_chain([*(c.begin() for c in new), *writes, *handed, *drops])
            return None if results[-1].was_applied else len(results) - 1

        last = send()
        if last is None:
            return True
        self.pending = new[last] if last < len(new) else None
        if self.pending is None:
            return last == len(new) and move is not None and move.met_another()
        self._refuse_if_taken(self.pending, fresh)
        return self.pending.replaces is not None and send() is None

    def _moved(self, change: Change) -> tuple[list[tuple[Claim, Claim]], list[Claim]]:
        """The claims that go to the row's new key, and those that have to be made because the old key has none."""
        held = claims.held(self.cursor, [old for old, _ in change.moved])
        pairs = [(old, new) for old, new in change.moved if old in held]
        for old, new in pairs:
            new.replaces = old.token
        return pairs, [new for old, new in change.moved if old not in held]

    def _steps(self, change: Change) -> bool:
        cursor = self.cursor
        held = claims.held(cursor, change.old)
        moved, fresh = self._moved(change)
        new = [*change.new, *fresh]
        try:
            claims.acquire_all(cursor, new)
        except Taken as taken:
            self._refuse(taken, fresh)
            return False
        if any(claim.is_late for claim in new):
            claims.release(cursor, new)
            return False
        try:
            done, _ = self.plan._try_row(cursor, change.row, HandoverOfClaims(cursor, moved))
        except IntegrityError:
            claims.release(cursor, new)
            raise
        if not done:
            claims.release(cursor, new)
            return False
        self._confirm(change, held)
        claims.release(cursor, held)
        return True

    def _confirm(self, change: Change, held) -> None:
        """A writer that was held up between its claims and its row may have lost them: then the row gets back what it held, if
        that is free still."""
        gone = claims.lost(self.cursor, change.new)
        if not gone:
            return
        plan = self.plan
        before = dict(zip(plan.seen, change.row, strict=True))
        after = before | plan.give(change.row)
        back = {c: before[c] for claim in gone for c in claim.unique.columns if c in plan.assign}
        back = {c: v for c, v in back.items() if c not in plan.key.columns}
        mine = [claim for claim in change.old if claim in held]
        unknown = OutcomeUnknown(
            f"{gone[0].shown}: the claim was lost, because it took more than {claims.GRACE:.0f} s to write the row, which may hold "
            "now what another one holds. `manage.py cql check-claims` tells."
        )
        if not back or len(mine) < len(change.old) or not claims.renewed(self.cursor, mine):
            raise unknown
        now = {c: after[c] for c in back}
        point = [after[c] for c in plan.key.columns]
        guard, values = conditions.from_values(now, plan.quote) or (" IF EXISTS", [])
        text = plan.statement(list(back), guard)
        outcomes.send(self.cursor, text, [*back.values(), *point, *values], lambda: None)
        others = [claim for claim in change.new if claim not in gone]
        claims.release(self.cursor, [c for c in others if not set(c.unique.columns) - set(back)])
        raise WriteContention(
            f"{gone[0].shown}: the claim was lost, because it took more than {claims.GRACE:.0f} s to write the row"
        )


class HandoverOfClaims(Handover):
    """Claims that go from a row's old key to its new one while it stands under both: so what a crash leaves is a claim whose
    owner holds the value."""

    def __init__(self, cursor, moved: list[tuple[Claim, Claim]]):
        self.cursor, self.moved = cursor, moved
        self.done: list[tuple[Claim, Claim]] = []

    def over(self) -> bool:
        for old, new in self.moved:
            if not claims.replaced(self.cursor, new):
                self.back()
                return False
            self.done.append((old, new))
        return True

    def back(self) -> None:
        for old, new in self.done:
            old.take_from(new)
            if claims.replaced(self.cursor, old) and not claims.stands(self.cursor, old):
                claims.release(self.cursor, [old])


def save_unchanged(plan, cursor) -> int | None:
    """A save() most often leaves unique values as they are: one statement on that condition. None: it has to be read."""
    access = plan.access
    if len(access.reads) != 1 or access.rest or access.tests or not plan._needs_no_row():
        return None
    columns = {column for unique in plan.uniques for column in unique.columns}
    regular = sorted(columns - set(plan.key.columns))
    if not all(isinstance(plan.assign.get(column), Constant) for column in regular):
        return None
    if is_of_partition(plan, plan.assign):
        return None
    guard = conditions.from_values({c: plan.assign[c].value for c in regular}, plan.quote)
    if guard is None or plan.compared:
        return None
    try:
        values = plan._giver(())(())
    except Violation:
        return None  # of a row, if there is one: that is read first
    _, point = access.reads[0]
    answer = outcomes.send(
        cursor,
        plan.statement(list(values), guard[0]),
        [*values.values(), *point, *guard[1]],
        lambda: plan._applied(cursor, point),
    )
    if answer.was_applied:
        return 1
    return 0 if len(answer.column_names) == 1 else None  # nothing but [applied]: there is no row
