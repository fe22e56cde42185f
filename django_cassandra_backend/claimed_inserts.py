"""INSERT into a table with unique values beside its key: on a file rows and claims are one transaction; on a cluster all claims
are made, side by side, before the first row is written."""

from django.db.models.constants import OnConflict

from . import claims, sequences
from .claims import Claim, Taken
from .dbapi import IntegrityError
from .exceptions import WriteContention


class ClaimedInserts:
    """One run of an InsertPlan whose model has unique values."""

    def __init__(self, plan, cursor):
        self.plan, self.cursor = plan, cursor
        self.chains = cursor.connection.settings.chains

    def insert(self, rows: list) -> None:
        if self.plan.on_conflict is None:
            (self._chain if self.chains else self._steps)(rows)
        elif self.plan.on_conflict == OnConflict.IGNORE:
            self._insert_or_skip(rows)
        else:
            for row in rows:
                self._insert_or_update(row)

    def _claims(self, row: list) -> list[Claim]:
        values = dict.fromkeys(self.plan.known) | self._values(row)
        return claims.claims_for(self.plan.uniques, values, self.plan.quote)

    def _values(self, row: list) -> dict:
        return dict(zip(self.plan.columns, row, strict=True))

    # --- all of the rows or none of them ---

    def _chain(self, rows: list) -> None:
        """Rows and claims in one transaction of a file."""
        plan, cursor = self.plan, self.cursor
        replaces = {}  # the tokens of claims that are taken over
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                made = [claim for row in rows for claim in self._claims(row)]
                claims.refuse_repeated(made)
                for claim in made:
                    claim.replaces = replaces.get(claim.place)
                statements = [(plan.text, plan._bound(row)) for row in rows]
                results = cursor.send_chain([*statements, *(claim.begin() for claim in made)])
                if results[-1].was_applied:
                    plan.inserted += len(rows)
                    return
                last = len(results) - 1
                if last < len(rows):
                    plan._next_id(cursor, rows[last])
                    continue
                claim = made[last - len(rows)]
                self._examine(claim)
                replaces[claim.place] = claim.replaces
        raise claims.pending(claim) if last >= len(rows) else plan._contention()

    def _examine(self, claim: Claim) -> None:
        try:
            claims.refused(self.cursor, claim)
        except Taken as taken:
            raise taken.claim.duplicate() from None

    def _steps(self, rows: list) -> None:
        made = self._acquire_in_time(rows)
        try:
            self._write(rows, made)
        except (IntegrityError, WriteContention):  # some rows may stand all the same
            self._release_unheld(made)
            raise
        self._confirm(made)

    def _write(self, rows: list, made: list[tuple[list, Claim]]) -> None:
        """Insert all of the rows or none of them; `made` follows those that get another id than they were claimed for."""
        plan, cursor, left = self.plan, self.cursor, rows
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                left = plan._try_each(cursor, left)
                if not left:
                    return
                if not self._follow(left, made):
                    break
        missing = {id(row) for row in left}
        done = [row for row in rows if id(row) not in missing]
        try:
            plan._take_back(cursor, done, plan._contention())
        finally:
            self._release_unheld(made)

    def _acquire_in_time(self, rows: list) -> list[tuple[list, Claim]]:
        """The claims of the rows, all of them, with enough time left for the rows."""
        with self.cursor.connection.attempts() as attempts:
            for _ in attempts:
                made = [(row, claim) for row in rows for claim in self._claims(row)]
                try:
                    claims.acquire_all(self.cursor, [claim for _, claim in made])
                except Taken as taken:
                    raise taken.claim.duplicate() from None
                if not any(claim.is_late for _, claim in made):
                    return made
                claims.release(self.cursor, [claim for _, claim in made])
        raise self.plan._contention()

    def _release_unheld(self, made: list[tuple[list, Claim]]) -> None:
        """After an error: the claims of rows that are not there."""
        free = [
            claim
            for _, claim in made
            if not claims.holds(self.cursor, claim.unique, claim.owner, claim.value, claim.quote)
        ]
        claims.release(self.cursor, free)

    def _follow(self, rows: list, made: list[tuple[list, Claim]]) -> bool:
        """Let the claims of rows that are to be inserted under other ids than those that were taken name these: before the rows are
        written, because what a crash leaves of a claim has to name the row that holds the value. False: one is lost."""
        numbers = {id(row) for row in rows}
        for i, (row, before) in enumerate(made):
            if id(row) in numbers:
                (now,) = [c for c in self._claims(row) if c.unique is before.unique]
                now.take_from(before)
                made[i] = row, now
                if not claims.replaced(self.cursor, now):
                    return False
        return True

    def _confirm(self, made: list[tuple[list, Claim]]) -> None:
        """A writer that was held up between its claims and its row may have lost them: then its row must not stand."""
        mine = [claim for _, claim in made]
        if not (gone := claims.lost(self.cursor, mine)):
            return
        rows = list({id(row): row for row, _ in made}.values())
        reason = WriteContention(
            f"{gone[0].shown}: the claim was lost, because it took more than {claims.GRACE:.0f} s to write the row"
        )
        try:
            self.plan._take_back(self.cursor, rows, reason)
        finally:
            self._release_unheld([pair for pair in made if pair[1] not in gone])

    # --- where a row is in the way, it is skipped or updated ---

    def _insert_or_skip(self, rows: list) -> None:
        plan, cursor = self.plan, self.cursor
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                if plan.key.lookup is not None:
                    rows = [row for row in rows if not plan._met_elsewhere(cursor, row)]
                done = self._try_rows(rows)
                plan.inserted += sum(map(bool, done))
                left = [row for row, is_done in zip(rows, done, strict=True) if is_done is None]
                if not left:
                    return
                for row in left:
                    row[plan.auto] = sequences.reserve(cursor, plan.key.table, 1)
                rows = left
        raise plan._contention()

    def _try_rows(self, rows: list) -> list[bool | None]:
        """Which of the rows were inserted; None for one whose reserved id a row holds."""
        if self.chains:
            return [self._try_chained(row) for row in rows]
        done: list[bool | None] = [False] * len(rows)
        todo, held = list(range(len(rows))), set()
        while todo:
            first, later, seen = {}, [], set()
            for i in todo:
                mine = self._claims(rows[i])
                places = {claim.place for claim in mine}
                if places & held:
                    continue
                if places & seen:  # another of the rows comes first, if that is not skipped itself
                    later.append(i)
                else:
                    first[i] = mine
                seen |= places
            held |= self._try_apart(rows, first, done)
            todo = later
        return done

    def _try_apart(self, rows: list, made: dict[int, list[Claim]], done: list) -> set:
        """Insert those of the rows, by number, of which no two want the same. Which values are held now."""
        taken = claims.acquire(self.cursor, [claim for mine in made.values() for claim in mine])
        held = {found.claim.place for found in taken}
        ready = [i for i, mine in made.items() if not held & {claim.place for claim in mine}]
        claims.release(self.cursor, [c for i in made.keys() - set(ready) for c in made[i]])
        applied = self.plan._send_inserts(self.cursor, [rows[i] for i in ready])
        unused = []
        for i, is_applied in zip(ready, applied, strict=True):
            done[i] = is_applied
            if is_applied:
                held |= {claim.place for claim in made[i]}
            else:
                unused += made[i]
                done[i] = None if id(rows[i]) in self.plan.reserved else False
        claims.release(self.cursor, unused)
        self._confirm([(rows[i], claim) for i in ready if done[i] for claim in made[i]])
        return held

    def _try_chained(self, row: list) -> bool | None:
        before = self.plan.inserted
        try:
            self._chain([row])
        except IntegrityError:
            return False
        finally:
            self.plan.inserted = before  # the caller counts
        return True

    def _insert_or_update(self, row: list) -> None:
        plan, cursor, own = self.plan, self.cursor, list(row)
        by_key = plan.target == plan.key.pk
        is_new = by_key and id(row) in plan.reserved
        with cursor.connection.attempts() as attempts:
            for _ in attempts:
                known = not is_new and (by_key or plan._take_key(cursor, row))
                if known and plan._changed(cursor, plan._change_plan(row)):
                    return
                row[:] = own
                try:
                    (self._chain if self.chains else self._steps)([row])
                    return
                except IntegrityError:
                    stands = plan._exists if by_key else plan._take_key
                    if not stands(cursor, row):
                        raise
        raise plan._contention()
