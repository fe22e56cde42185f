"""Do rows and claims agree? What a crash, a lost answer or a hand at the tables has left is found, and set right."""

import datetime
from collections.abc import Callable, Iterator

from . import claims
from .claims import Claim
from .keys import table_key
from .literals import literal
from .reads import column_list
from .uniques import Unique, owner_columns, owner_names

AT_ONCE = 200  # rows, or claims, that are looked at together


class ClaimCheck:
    """One constraint. Memory is bounded by AT_ONCE; others may write meanwhile.

    rows, seen: how many rows and claims were looked at.
    missing: rows that hold a value without a claim.    duplicates: rows that hold what another one holds.
    left: claims whose owners do not hold the value, and may be dropped.    young: those that may still be at work.
    Each but `young` is a list of texts; with `repair` what they tell of is set right, but for duplicates."""

    def __init__(self, connection, unique: Unique, *, repair: bool = False):
        self.unique, self.repair = unique, repair
        self._connection, self._quote = connection, connection.ops.quote_name
        self._key = table_key(unique.model)
        self._drop = claims.Statements(unique, self._quote).drop
        self.rows = self.seen = self.young = 0
        self.missing: list[str] = []
        self.duplicates: list[str] = []
        self.left: list[str] = []

    @property
    def is_sound(self) -> bool:
        return not self.duplicates and (self.repair or not (self.missing or self.left))

    def run(self, progress: Callable[[str, float], None] = lambda doing, done: None) -> None:
        with self._connection.wrap_database_errors, self._connection.cursor() as wrapper:
            cursor = wrapper.cursor
            for found in self._all_rows(cursor):
                self.rows += len(found)
                self._check_rows(cursor, found)
                progress(f"{self.unique.name}: {self.rows} rows", 0.0)
            for found in self._all_claims(cursor):
                self.seen += len(found)
                self._check_claims(cursor, found)
                progress(f"{self.unique.name}: {self.seen} claims", 0.5)

    # --- rows without their claims ---

    def _all_rows(self, cursor) -> Iterator[list[Claim]]:
        """The claims that rows should have."""
        columns = tuple(dict.fromkeys((*owner_columns(self._key), *self.unique.columns)))
        text = f"SELECT {column_list(columns, self._quote)} FROM {self._quote(self._key.table)}"
        waiting: list[Claim] = []
        for row in cursor.send(text):
            values = dict(zip(columns, row, strict=True))
            waiting += claims.claims_for([self.unique], values, self._quote)
            if len(waiting) >= AT_ONCE:
                yield waiting
                waiting = []
        yield waiting

    def _check_rows(self, cursor, wanted: list[Claim]) -> None:
        ours = {id(claim) for claim in claims.held(cursor, wanted)}
        for claim in wanted:
            if id(claim) not in ours and self._holds(cursor, claim.owner, claim.value):
                self._check_row(cursor, claim)

    def _check_row(self, cursor, claim: Claim) -> None:
        """A row that holds a value of which the claim is not its own."""
        row = cursor.send(*claim.read(), consistency="SERIAL").one()
        owner = None if row is None else list(row[:-2])
        if owner == claim.owner:  # it came just now
            return
        if owner is not None and self._holds(cursor, owner, claim.value):
            self.duplicates.append(
                f"{claim.shown}: {self._place(owner)}, {self._place(claim.owner)}"
            )
            return
        self.missing.append(f"{claim.shown}: {self._place(claim.owner)}")
        if self.repair and (taken := claims.acquire(cursor, [claim])) and not taken[0].by_itself:
            self.duplicates.append(f"{claim.shown}: {self._place(claim.owner)}")

    # --- claims without their rows ---

    def _all_claims(self, cursor) -> Iterator[list[tuple]]:
        columns = column_list((*owner_names(self._key), "value", "claim", "claimed"), self._quote)
        waiting: list[tuple] = []
        for row in cursor.send(f"SELECT {columns} FROM {self._quote(self.unique.table)}"):
            waiting.append(row)
            if len(waiting) >= AT_ONCE:
                yield waiting
                waiting = []
        yield waiting

    def _check_claims(self, cursor, found: list[tuple]) -> None:
        owners = [list(row[:-3]) for row in found]
        holding = claims.holding(cursor, self.unique, owners, self._quote)
        now = datetime.datetime.now(datetime.timezone.utc)
        for row, owner, values in zip(found, owners, holding, strict=True):
            value, token, claimed = row[-3:]
            if value in values or self._holds(cursor, owner, value):
                continue
            if (now - claimed).total_seconds() <= claims.GRACE:
                self.young += 1
                continue
            self.left.append(self._place(owner))
            if self.repair:
                claims.send_claims(cursor, [(self._drop, [value, token])])

    # ------------------------------------------------------------------------------------------

    def _holds(self, cursor, owner: list, value: bytes) -> bool:
        return claims.holds(cursor, self.unique, owner, value, self._quote)

    def _place(self, owner: list) -> str:
        names = owner_columns(self._key)
        return ", ".join(f"{n} = {literal(v)}" for n, v in zip(names, owner, strict=True))
