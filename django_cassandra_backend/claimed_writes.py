"""UPDATE and DELETE of rows with unique values: claim the new ones, write the row, release the old ones.

On a file that is one transaction; on a cluster it is one statement after the other, those of many rows side by side."""

from dataclasses import dataclass, field

from . import claims, conditions, outcomes
from .check_constraints import Violation
from .claims import Claim, Taken
from .dbapi import IntegrityError
from .exceptions import WriteContention
from .expr import Constant
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

    def _refuse_if_taken(self, claim: Claim) -> None:
        try:
            claims.refused(self.cursor, claim)
        except Taken as taken:
            if not taken.by_itself:
                raise claim.duplicate() from None

    def _steps_of_all(self, changes: list[Change]) -> list[tuple]:
        """Each step for all of the rows, side by side; those of them that others have changed meanwhile."""
        from .writes import answers_of

        cursor, plan = self.cursor, self.plan
        held = {id(c): c for c in claims.held(cursor, [o for c in changes for o in c.old])}
        new = [claim for change in changes for claim in change.new]
        try:
            claims.acquire_all(cursor, new)
        except Taken as taken:
            if not taken.by_itself:
                raise taken.claim.duplicate() from None
            return [change.row for change in changes]
        if any(claim.is_late for claim in new):
            claims.release(cursor, new)
            return [change.row for change in changes]
        width = len(plan.key.columns)
        points = [change.row[:width] for change in changes]
        writes = [plan._guarded(change.row) for change in changes]
        answers = answers_of(cursor, writes, plan._rows(cursor, points))
        left, unused, free = [], [], []
        for change, answer in zip(changes, answers, strict=True):
            if not answer.was_applied:
                left.append(change.row)
                unused += change.new
                continue
            self._confirm(change)
            free += [held[id(claim)] for claim in change.old if id(claim) in held]
        claims.release(cursor, unused + free)
        return left

    # --- one row ---

    def _write_one(self, row: tuple | None) -> bool:
        """Write one row that was read; follow it when others change it meanwhile."""
        plan, cursor = self.plan, self.cursor
        self.pending = None  # the claim that waits for another writer's
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                if row is None:
                    return False
                change = self._change(row)
                write = None if change.moved else plan._guarded(row)
                if self.chains and write is not None:
                    done = self._chain(change, write)
                else:
                    done = self._steps(change)
                if done:
                    return True
                row = plan._again(cursor, row)
        if self.pending is not None:
            raise claims.pending(self.pending)
        raise WriteContention(
            f"too many writers on one row of {plan.key.table!r}; the query: {plan}"
        )

    def _chain(self, change: Change, write: tuple[str, list]) -> bool:
        drops = self._drops([change])
        results = self.cursor.send_chain([*(c.begin() for c in change.new), write, *drops])
        if results[-1].was_applied:
            return True
        last = len(results) - 1
        self.pending = change.new[last] if last < len(change.new) else None
        if self.pending is None:
            return False
        self._refuse_if_taken(self.pending)
        if self.pending.replaces is None:
            return False
        results = self.cursor.send_chain([*(c.begin() for c in change.new), write, *drops])
        return bool(results[-1].was_applied)

    def _steps(self, change: Change) -> bool:
        cursor = self.cursor
        before = [old for old, _ in change.moved]
        held = claims.held(cursor, [*change.old, *before])
        moved = [(old, new) for old, new in change.moved if old in held]
        for old, new in moved:
            new.replaces = old.token
        new = [*change.new, *(new for _, new in moved)]
        try:
            claims.acquire_all(cursor, change.new)
            for _, claim in moved:
                claims.acquire_all(cursor, [claim])
        except Taken as taken:
            self._give_back(change.new, moved)
            if not taken.by_itself:
                raise taken.claim.duplicate() from None
            return False
        if any(claim.is_late for claim in new):
            self._give_back(change.new, moved)
            return False
        try:
            done, _ = self.plan._try_row(cursor, change.row)
        except IntegrityError:
            self._give_back(change.new, moved)
            raise
        if not done:
            self._give_back(change.new, moved)
            return False
        self._confirm(change)
        claims.release(cursor, [claim for claim in change.old if claim in held])
        return True

    def _give_back(self, new: list[Claim], moved: list[tuple[Claim, Claim]]) -> None:
        """The row was not written: what was claimed for it is free again, and what it had is its own."""
        claims.release(self.cursor, new)
        for old, claim in moved:
            if claim.made is not None:
                old.replaces = claim.token
                claims.acquire(self.cursor, [old])

    def _confirm(self, change: Change) -> None:
        """A writer that was held up between its claims and its row may have lost them: then the row gets back what it held."""
        gone = claims.lost(self.cursor, change.new)
        if not gone:
            return
        plan = self.plan
        before = dict(zip(plan.seen, change.row, strict=True))
        back = {c: before[c] for claim in gone for c in claim.unique.columns if c in plan.assign}
        now = {c: v for c, v in plan.give(change.row).items() if c in back}
        point = list(change.row[: len(plan.key.columns)])
        guard, values = conditions.from_values(now, plan.quote) or (" IF EXISTS", [])
        text = plan.statement(list(back), guard)
        outcomes.send(self.cursor, text, [*back.values(), *point, *values], lambda: None)
        raise WriteContention(
            f"{gone[0].shown}: the claim was lost, because it took more than {claims.GRACE:.0f} s to write the row"
        )


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
