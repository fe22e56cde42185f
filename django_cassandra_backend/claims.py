"""Claims: who wants a row to hold a value that is unique makes a claim on the value first. docs: topics/guarantees

Claim the new values, write the row, release the old values: so a value that a row holds always has its claim, made by a
conditional write that one writer wins. What a crash leaves behind is a claim whose owner does not hold the value. It may be
taken over when it is older than GRACE, above every time that a writer takes between its claim and its row; until then
nobody knows whether that row still comes, and who wants the value waits, and then is told so."""

import contextlib
import datetime
import functools
import time
import uuid

from .dbapi import DatabaseError, IntegrityError
from .duplicates import found_for_sure
from .exceptions import ClaimPending, OutcomeUnknown
from .keys import table_key
from .reads import column_list
from .together import LWT, Rows, send_each
from .uniques import Unique, owner_columns, owner_names

GRACE = 60.0  # seconds
#: A writer that has come no further by now begins anew; one that has, makes its claims anew before it believes in its row.
LATE = GRACE / 2

#: All data centres decide together: a value is unique in the cluster.
SERIAL = {"serial_consistency": "SERIAL"}


class Statements:
    """The texts of what is done with the claims of a constraint."""

    def __init__(self, unique: Unique, quote):
        table, names = quote(unique.table), owner_names(table_key(unique.model))
        columns = column_list(("value", *names, "claim", "claimed"), quote)
        marks = ", ".join("?" * (len(names) + 3))
        sets = ", ".join(f"{quote(name)} = ?" for name in (*names, "claim", "claimed"))
        read = column_list((*names, "claim", "claimed"), quote)
        self.make = f"INSERT INTO {table} ({columns}) VALUES ({marks}) IF NOT EXISTS"
        self.take = f"UPDATE {table} SET {sets} WHERE value = ? IF claim = ?"
        self.drop = f"DELETE FROM {table} WHERE value = ? IF claim = ?"
        self.read = f"SELECT {read} FROM {table} WHERE value = ?"


@functools.lru_cache(maxsize=1024)
def _statements(unique: Unique, quote) -> Statements:
    return Statements(unique, quote)


class Claim:
    """One value for one row.    owner: the row's key, as owner_columns() names it.    token: ours.
    replaces: the token of a claim that is to be taken over.    made: when, on the clocks of this machine; None: not yet"""

    __slots__ = ("made", "owner", "quote", "replaces", "row", "token", "unique", "value")

    def __init__(self, unique: Unique, value: bytes, row: dict, quote):
        self.unique, self.value, self.row, self.quote = unique, value, row, quote
        self.owner = [row[column] for column in owner_columns(table_key(unique.model))]
        self.token = uuid.uuid4()
        self.replaces: uuid.UUID | None = None
        self.made: tuple[float, float] | None = None

    @property
    def place(self) -> tuple[str, bytes]:
        """What two claims have in common of which one can stand."""
        return self.unique.table, self.value

    @property
    def shown(self) -> str:
        return self.unique.shown(self.row)

    @property
    def _texts(self) -> Statements:
        return _statements(self.unique, self.quote)

    def begin(self) -> tuple[str, list]:
        """The statement that makes the claim; the grace begins."""
        self.made, now = _clocks(), datetime.datetime.now(datetime.timezone.utc)
        if self.replaces is None:
            return self._texts.make, [self.value, *self.owner, self.token, now]
        return self._texts.take, [*self.owner, self.token, now, self.value, self.replaces]

    def renew(self) -> tuple[str, list]:
        """The statement that makes the claim anew under another token, if it stands. Who was about to take it over, because the
        row was not there in time, comes too late then."""
        self.take_from(self)
        return self.begin()

    def take_from(self, other: "Claim") -> None:
        """Let the claim's next statement take the value over from another claim, which is ours as well."""
        self.replaces, self.token = other.token, uuid.uuid4()

    def release(self) -> tuple[str, list]:
        """The statement that drops the claim, if nobody has taken it over."""
        return self._texts.drop, [self.value, self.token]

    def read(self) -> tuple[str, list]:
        """The statement that reads whose the value is."""
        return self._texts.read, [self.value]

    def is_ours(self, cursor) -> bool:
        """Does the claim stand? None of the writes to it is half done then."""
        row = cursor.send(*self.read(), consistency="SERIAL").one()
        return row is not None and row[-2] == self.token

    @property
    def is_late(self) -> bool:
        """Of two clocks one stands still while the machine sleeps, and the other may be set back."""
        if self.made is None:
            return False
        return any(now - then > LATE for now, then in zip(_clocks(), self.made, strict=True))

    def duplicate(self) -> IntegrityError:
        table = table_key(self.unique.model).table
        return IntegrityError(
            f"duplicate key value violates unique constraint {self.unique.name!r}: {self.shown} exists already in {table!r}"
        )


class Taken(Exception):
    """The value of a claim that was refused is held by a row. `by_itself`: by the one that it was claimed for."""

    def __init__(self, claim: Claim, by_itself: bool):
        self.claim, self.by_itself = claim, by_itself


def send_claims(cursor, statements: list[tuple[str, list]], probe=lambda i: None) -> list:
    """The answers to statements about claims, each of which stands for itself."""
    return send_each(cursor, statements, Rows(LWT, probe=probe, options=SERIAL))


def acquire(cursor, claims: list[Claim]) -> list[Taken]:
    """Make claims, and tell of those whose values rows hold. ClaimPending when that cannot be told of one; then none of
    them is kept."""
    todo, taken = list(claims), []
    if not todo:
        return taken
    with cursor.connection.attempts() as attempts:
        for _ in attempts:
            todo = _try(cursor, todo, taken)
            if not todo:
                return taken
    release(cursor, claims)
    raise pending(todo[0])


def acquire_all(cursor, claims: list[Claim]) -> None:
    """Make all of the claims, or none: then Taken says of the first why not."""
    refuse_repeated(claims)
    if taken := acquire(cursor, claims):
        release(cursor, claims)
        raise taken[0]


def refuse_repeated(claims: list[Claim]) -> None:
    """Rows that are written together may want the same value."""
    seen = set()
    for claim in claims:
        if claim.place in seen:
            raise claim.duplicate()
        seen.add(claim.place)


def _try(cursor, todo: list[Claim], taken: list[Taken]) -> list[Claim]:
    """Send claims once; those that have to be sent again. Those whose values rows hold go to `taken`."""
    statements = [claim.begin() for claim in todo]
    answers = send_claims(cursor, statements, lambda i: todo[i].is_ours(cursor))
    again = []
    for claim, answer in zip(todo, answers, strict=True):
        if answer.was_applied:
            continue
        claim.made = None
        try:
            if not refused(cursor, claim):
                again.append(claim)
        except Taken as found:
            taken.append(found)
    return again


def refused(cursor, claim: Claim) -> bool:
    """What a claim is to do that was refused. True: it stands already. False: it may be sent again. Taken: a row holds the value."""
    row = cursor.send(*claim.read(), consistency="SERIAL").one()
    if row is None:
        claim.replaces = None
        return False
    *owner, token, claimed = row
    age = (datetime.datetime.now(datetime.timezone.utc) - claimed).total_seconds()
    if token == claim.token:
        claim.made = _clocks(age)
        return True
    if holds(cursor, claim.unique, owner, claim.value, claim.quote):
        raise Taken(claim, owner == claim.owner)
    claim.replaces = token if age > GRACE else None
    return False


def holds(cursor, unique: Unique, owner: list, value: bytes, quote) -> bool:
    """Does the owner's row hold the value, after all writes to it that were half done?"""
    text, columns = _row_read(unique, quote)
    if table_key(unique.model).lookup is not None:
        # By an index, which may pass by a row that is on the move.
        rows = found_for_sure(lambda: cursor.send(text, owner).all())
    else:
        level = cursor.connection.settings.serial_consistency
        rows = cursor.send(text, owner, consistency=level).all()
    return value in _values(unique, columns, rows)


def holding(cursor, unique: Unique, owners: list[list], quote) -> list[set[bytes]]:
    """What the row of each of the owners holds, as reads side by side tell."""
    text, columns = _row_read(unique, quote)
    results = cursor.send_reads(text, owners) if owners else []
    return [_values(unique, columns, result) for result in results]


def _row_read(unique: Unique, quote) -> tuple[str, tuple[str, ...]]:
    """The statement that reads an owner's row, and its columns."""
    key = table_key(unique.model)
    columns = tuple(dict.fromkeys((*owner_columns(key), *unique.columns)))
    where = " AND ".join(f"{quote(column)} = ?" for column in owner_columns(key))
    return f"SELECT {column_list(columns, quote)} FROM {quote(key.table)} WHERE {where}", columns


def _values(unique: Unique, columns: tuple[str, ...], rows) -> set[bytes]:
    return {unique.of(dict(zip(columns, row, strict=True))) for row in rows} - {None}


def release(cursor, claims: list[Claim]) -> None:
    """Drop claims. What an error leaves is taken over by whoever wants the value."""
    made = [claim for claim in claims if claim.made is not None]
    if not made:
        return
    with contextlib.suppress(DatabaseError, OutcomeUnknown):
        send_claims(cursor, [c.release() for c in made], lambda i: not made[i].is_ours(cursor))
    for claim in made:
        claim.made = None


def lost(cursor, claims: list[Claim]) -> list[Claim]:
    """Those that somebody has taken over, because their writer took too long. The others of a late writer are made anew: to read
    that they stand would not keep off who has looked for the row before it was there, and takes over now."""
    late = [claim for claim in claims if claim.is_late]
    if not late:
        return []
    statements = [claim.renew() for claim in late]
    answers = send_claims(cursor, statements, lambda i: late[i].is_ours(cursor))
    gone = [c for c, answer in zip(late, answers, strict=True) if not answer.was_applied]
    for claim in gone:
        claim.made = None
    return gone


def renewed(cursor, claims: list[Claim]) -> bool:
    """Make claims anew that stand, as far as is known. False: one does not."""
    stand = True
    for claim in claims:
        claim.take_from(claim)
        stand &= replaced(cursor, claim)
    return stand


def replaced(cursor, claim: Claim) -> bool:
    """Let a claim replace another whose token it knows. False: that one does not stand."""
    (answer,) = send_claims(cursor, [claim.begin()], lambda i: claim.is_ours(cursor))
    if not answer.was_applied:
        claim.made = None
    return bool(answer.was_applied)


def stands(cursor, claim: Claim) -> bool:
    """Does the row of a claim hold the value?"""
    return holds(cursor, claim.unique, claim.owner, claim.value, claim.quote)


def held(cursor, wanted: list[Claim]) -> list[Claim]:
    """Those of the claims that stand for their owners, with the tokens that they stand under: to be released later."""
    by_text: dict[str, list[Claim]] = {}
    for claim in wanted:
        by_text.setdefault(claim.read()[0], []).append(claim)
    found = []
    for text, same in by_text.items():
        results = cursor.send_reads(text, [claim.read()[1] for claim in same])
        for claim, result in zip(same, results, strict=True):
            row = result.one()
            if row is not None and list(row[:-2]) == claim.owner:
                claim.token, claim.made = row[-2], _clocks()
                found.append(claim)
    return found


def claims_for(uniques, row: dict, quote) -> list[Claim]:
    """What a row of the table, {column: database value}, has to claim."""
    found = []
    for unique in uniques:
        value = unique.of(row)
        if value is not None:
            found.append(Claim(unique, value, row, quote))
    return found


def _clocks(ago: float = 0) -> tuple[float, float]:
    """Now, or so many seconds ago, as Claim.made has it."""
    return time.monotonic() - ago, time.time() - ago


def pending(claim: Claim) -> ClaimPending:
    return ClaimPending(
        f"{claim.shown} is claimed for {claim.unique.name!r} by a writer whose row is not there: it is at work, or it "
        f"ended in the middle. Try again; {GRACE:.0f} s after its claim the value is free."
    )
