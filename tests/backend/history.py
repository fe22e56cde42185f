"""What many writers were told about rows with a unique name, and whether it can be true.

    create(key, name)    told "done", "name taken", "key taken", "nothing" or "unknown"
    rename(key, name)    told "done", "no row", "name taken", "nothing" or "unknown"
    delete(key)          told "done", "no row", "nothing" or "unknown"

"nothing": not written, whatever the reason.    "unknown": perhaps written, because the writer was killed or its answer was lost.

check() does not look for an order of all calls. It takes the times of the calls for what they say for sure: when a row must have been
there, when a name must have been held, and whether anything can have been the reason for a refusal."""

import bisect
import collections
import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

ABSENT = None  # the name of a row that is not there


@dataclass(frozen=True)
class Call:
    """One call. `end`: when its answer came; infinity when it never came."""

    op: str
    key: int
    name: str | None
    begin: float
    end: float
    told: str

    @property
    def effect(self) -> str | None:
        """The name of the row after it."""
        return ABSENT if self.op == "delete" else self.name

    @property
    def is_done(self) -> bool:
        return self.told == "done"

    @property
    def may_be_done(self) -> bool:
        return self.told in ("done", "unknown")

    def __str__(self):
        what = f"{self.op}({self.key}{'' if self.name is None else f', {self.name}'})"
        return f"{what} from {self.begin:.6f} to {self.end:.6f}: {self.told}"


def read(lines: Iterable[str]) -> list[Call]:
    """The calls of one writer's log: a line as JSON when one begins, another when it ends. A last line may be cut off."""
    calls: dict[int, dict] = {}
    for line in lines:
        if not line.endswith("\n"):
            break
        entry = json.loads(line)
        calls.setdefault(entry.pop("call"), {}).update(entry)
    return [Call(**({"end": math.inf, "told": "unknown"} | entry)) for entry in calls.values()]


class History:
    """Calls with the rows, {key: name}, and the claims, {name: key}, that were there at the end."""

    def __init__(self, calls: list[Call], rows: list[tuple[int, str]], claims: dict[str, int]):
        self.calls, self.rows, self.claims = calls, rows, claims
        self.writes = collections.defaultdict(list)  # of each key, those that may have been done
        for call in calls:
            if call.may_be_done:
                self.writes[call.key].append(call)

    def problems(self) -> list[str]:
        """What cannot be true; empty: all of it can."""
        return [
            *self._rows_and_claims(),
            *self._last_writes(),
            *self._counts(),
            *self._held_twice(),
            *self._refusals(),
            *self._successes(),
        ]

    # --- the end ---

    def _rows_and_claims(self):
        owners = collections.defaultdict(list)
        for key, name in self.rows:
            owners[name].append(key)
        for name, keys in owners.items():
            if len(keys) > 1:
                yield f"{name!r} is held by the rows {keys}"
            if self.claims.get(name) not in keys:
                yield f"{name!r} of the row {keys[0]} is claimed for {self.claims.get(name)}"
        for name, key in self.claims.items():
            if name not in owners and not self._may_be_left(key, name):
                yield f"{name!r} is claimed for {key}, and no call can have left that"

    def _may_be_left(self, key: int, name: str) -> bool:
        """By a call on the row whose end was not seen, or by one of two that were in each other's way."""
        mine = [call for call in self.calls if call.key == key]
        if not any(call.name == name for call in mine):
            return False
        if any(call.told in ("unknown", "nothing") for call in mine):
            return True
        mine.sort(key=lambda call: call.begin)
        return any(after.begin < before.end for before, after in itertools.pairwise(mine))

    def _last_writes(self):
        """The row at the end is what a write left that no later one can have changed."""
        rows = dict(self.rows)
        for key in rows.keys() | self.writes.keys():
            writes, name = self.writes[key], rows.get(key, ABSENT)
            latest = max((w.begin for w in writes if w.is_done), default=-math.inf)
            if name is ABSENT and not any(w.is_done for w in writes):
                continue
            if not any(w.effect == name and w.end >= latest for w in writes):
                yield (
                    f"the row {key} has the name {name!r} at the end, but the last that was done: "
                    + "; ".join(str(w) for w in writes if w.end >= latest)
                )

    def _counts(self):
        """A row comes once more than it goes, or as often."""
        keys = {key for key, _ in self.rows}
        for key, writes in self.writes.items():
            told = collections.Counter((w.op, w.told) for w in writes)
            there = told["create", "done"] - told["delete", "done"]
            least, most = there - told["delete", "unknown"], there + told["create", "unknown"]
            if not least <= (key in keys) <= most:
                yield f"the row {key} was created and deleted: {dict(told)}, and {'is' if key in keys else 'is not'} there"

    # --- what was so for sure ---

    def _sure(self, begins, ends) -> list[tuple[float, float, Call]]:
        """(from, to, the call) of what a done call brings about: from its end on, until another may begin to end it."""
        found = []
        for writes in self.writes.values():
            others = [w for w in writes if ends(w, None)]
            for w in writes:
                if not (w.is_done and begins(w)):
                    continue
                to = min(
                    (o.begin for o in others if o is not w and o.end > w.begin and ends(o, w)),
                    default=math.inf,
                )
                if to > w.end:
                    found.append((w.end, to, w))
        return found

    def _held(self) -> dict[str, list]:
        """Of each name, when which row held it."""
        held = collections.defaultdict(list)
        for found in self._sure(
            lambda w: w.effect is not ABSENT, lambda o, w: w is None or o.effect != w.effect
        ):
            held[found[2].name].append(found)
        return held

    def _held_twice(self):
        for name, times in self._held().items():
            times.sort(key=lambda found: found[:2])
            for (_, to, one), (begin, _, other) in itertools.pairwise(times):
                if begin < to and one.key != other.key:
                    yield f"{name!r} was held twice: {one}; {other}"

    # --- refusals ---

    def _refusals(self):
        """Each has a call that can have been the reason."""
        by_name, by_key = collections.defaultdict(list), collections.defaultdict(list)
        for key, writes in self.writes.items():
            for w in writes:
                if w.effect is not ABSENT:
                    by_name[w.name].append(
                        (w.begin, self._over(w, lambda o, w: o.effect != w.name), w)
                    )
                    over = self._over(w, lambda o, w: o.effect is ABSENT)
                    by_key[key].append((w.begin, over, w))
        for reasons in (*by_name.values(), *by_key.values()):
            reasons.sort(key=lambda reason: reason[0])
        for call in self.calls:
            reasons = {"name taken": by_name[call.name], "key taken": by_key[call.key]}.get(
                call.told
            )
            if reasons is not None and not _can_be(call, reasons):
                yield f"no row can have been the reason: {call}"

    def _over(self, w: Call, ends) -> float:
        """When what a write brought about was over for sure."""
        return min(
            (o.end for o in self.writes[w.key] if o.is_done and o.begin > w.end and ends(o, w)),
            default=math.inf,
        )

    def _successes(self):
        """Rows that were there, or were not, all the time that a call took which was told the contrary."""
        present = collections.defaultdict(list)
        for begin, to, w in self._sure(
            lambda w: w.effect is not ABSENT, lambda o, w: o.effect is ABSENT
        ):
            present[w.key].append((begin, to))
        absent = collections.defaultdict(list)
        for begin, to, w in self._sure(lambda w: w.effect is ABSENT, lambda o, w: o.op == "create"):
            absent[w.key].append((begin, to))
        for key in {call.key for call in self.calls}:
            creates = (w.begin for w in self.writes[key] if w.op == "create")
            absent[key].append((-math.inf, min(creates, default=math.inf)))
        held = self._held()
        for call in self.calls:
            if call.told == "no row" and _covered(call, present[call.key]):
                yield f"the row was there all the time: {call}"
            if call.is_done and call.op == "create" and _covered(call, present[call.key]):
                yield f"the row was there all the time: {call}"
            if call.is_done and call.op != "create" and _covered(call, absent[call.key]):
                yield f"the row was not there all the time: {call}"
            others = [(a, b) for a, b, w in held[call.name] if w.key != call.key]
            if call.is_done and call.name is not None and _covered(call, others):
                yield f"the name was held by another row all the time: {call}"


def _can_be(call: Call, reasons: list[tuple[float, float, Call]]) -> bool:
    """Had one of the writes begun when the call ended, and was it not over when the call began?"""
    index = bisect.bisect_left(reasons, call.end, key=lambda reason: reason[0])
    return any(over > call.begin and w is not call for _, over, w in reversed(reasons[:index]))


def _covered(call: Call, times: list[tuple[float, float]]) -> bool:
    return any(begin <= call.begin and call.end <= to for begin, to in times)
