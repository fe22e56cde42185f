"""QuerySet.explain(): which road a query takes, what it sends and reads, and what is done on our side."""

import time

from django.core.exceptions import EmptyResultSet
from django.db import NotSupportedError

from .access import CLAIMS, INDEX, NOTHING, POINTS, SCAN, SLICES, Access
from .exceptions import ScanBudgetExceeded
from .expr import Column
from .joined_reads import JoinedPlan
from .keys import TableKey
from .reads import EmptyPlan, SelectPlan
from .relational import explain as relational
from .relational.plan import RelationalPlan

SHOWN_STATEMENTS = 20  # in the text format; JSON has all
_READS = {
    NOTHING: "nothing: no row can match",
    POINTS: "key read",
    SLICES: "slice of a partition",
    INDEX: "index read",
    SCAN: "scan of the whole table",
    CLAIMS: "claims of unique values, then key reads of their rows",
}


def explanation(compiler, *, analyze: bool = False) -> dict:
    """What explain() shows, as values of JSON. `analyze` runs the query and says what it read."""
    try:
        plan = compiler.plan()
    except EmptyResultSet:
        return _nothing()
    except NotSupportedError as refusal:
        return {"road": "none", "refused": str(refusal)}
    if isinstance(plan, EmptyPlan):
        return _nothing()
    if isinstance(plan, RelationalPlan):
        return relational.explanation(compiler.connection, plan, analyze=analyze)
    found = {"road": "cql", "table": _table(plan.key), "access": _access(plan.key, plan.access)}
    if plan.nearest is not None:
        found["access"] = _search(plan)
    found["statements"] = [
        {"cql": cql, "parameters": [_json(value) for value in values]}
        for cql, values in plan.statements
    ]
    found["reads"] = _reads(plan)
    found["here"] = _here(plan)
    budget = compiler.connection.scan_budget
    found["budget"] = {"rows": budget, "counts": _counts(plan)}
    if found["budget"]["counts"]:
        found["advice"] = plan.advice()
    if analyze:
        found["run"] = _run(compiler.connection, plan)
    return found


def as_text(found: dict) -> str:
    """An explanation for people."""
    if found["road"] == "none":
        return f"Road: none\nRefused: {found['refused']}"
    if found["road"] == "relational":
        return "\n".join(relational.lines(found))
    lines = [f"Road: {found['road']}"]
    lines += [
        f"{name.capitalize()}: {found[name]}" for name in ("table", "access") if name in found
    ]
    statements = found["statements"]
    for statement in statements[:SHOWN_STATEMENTS]:
        lines.append(f"CQL: {statement['cql']}")
        if statement["parameters"]:
            lines.append(f"  parameters: {statement['parameters']}")
    if len(statements) > SHOWN_STATEMENTS:
        lines.append(f"  … {len(statements)} statements")
    lines.append(f"Reads: {found['reads']}")
    lines += [f"On our side: {step}" for step in found["here"]]
    rows, counts = found["budget"]["rows"], found["budget"]["counts"]
    allowed = "no limit" if rows is None else f"{rows} rows"
    lines.append(
        f"Scan budget: {allowed}; {'counted: ' + ', '.join(counts) if counts else 'nothing counts'}"
    )
    if "advice" in found:
        lines.append(f"Advice: {found['advice']}")
    if "run" in found:
        lines.append("Run: " + ", ".join(f"{name} {value}" for name, value in found["run"].items()))
    return "\n".join(lines)


def _nothing() -> dict:
    return {
        "road": "cql",
        "access": _READS[NOTHING],
        "statements": [],
        "reads": "nothing",
        "here": [],
        "budget": {"rows": None, "counts": []},
    }


def _table(key: TableKey) -> str:
    partition = ", ".join(key.partition)
    clustering = "".join(f", {c}{' DESC' if flag else ''}" for c, flag in key.clustering)
    return f"{key.table}, PRIMARY KEY (({partition}){clustering})"


def _access(key: TableKey, access: Access) -> str:
    text, count = _READS[access.kind], len(access.reads)
    if access.indexes:
        names = ", ".join(map(repr, access.indexes))
        text += f", beside the index on {names}" if access.kind == SLICES else f" on {names}"
    if access.tests is not None:
        text += ", for each branch of an OR"
    return f"{text} ({count} of them)" if count > 1 else text


def _search(plan: SelectPlan) -> str:
    text = f"search of the index on {plan.nearest!r} for the nearest vectors"
    if plan.access.kind in (POINTS, SLICES):
        text += " of a partition"
    if plan.access.indexes:
        text += f", among what the index on {', '.join(map(repr, plan.access.indexes))} finds"
    return text


def _reads(plan: SelectPlan) -> str:
    access = plan.access
    if plan.nearest is not None:
        return f"at most {plan.limit} rows"
    limit = "" if plan.limit is None else f", at most {plan.limit * len(plan.statements)}"
    if access.kind == SCAN:
        if plan.limit is not None:
            return f"at most {plan.limit} rows of the table, in the order of its tokens"
        return "every row of the table, in pages"
    if access.kind in (POINTS, CLAIMS):
        what = "keys" if access.kind == POINTS else "values"
        return f"at most one row for each of {len(access.reads)} {what}"
    return f"the rows that the statements find, in pages{limit}"


def _here(plan: SelectPlan) -> list[str]:
    """What is left to do once the rows are read, in the order in which it is done."""
    steps = []
    tested = sorted({column for part in plan.access.rest for column in part.columns})
    if plan.newest is not None:
        steps.append("take the newest of rows with one primary key")
    if plan.access.tests is not None:
        steps.append("take each row for the first branch of the OR that it meets")
    if plan.access.rest:
        steps.append(f"filter by {', '.join(tested) or 'an expression'}")
    if isinstance(plan, JoinedPlan):
        steps += [
            f"look up rows of {step.table.key.table} by {step.column.name}, a batch at a time"
            for step in plan.steps
        ]
        if plan.tested:
            steps.append(f"filter by {', '.join(sorted(map('.'.join, plan.tested)))}")
    if plan.merge:
        steps.append(f"merge {len(plan.statements)} sorted streams")
    if plan.order:
        names = ", ".join(_name(member) for member in plan.served.members)
        done = plan.served.members[: plan.presorted]
        by = f", which come sorted by {', '.join(map(_name, done))}" if done else ""
        steps.append(f"sort by {names}{by}")
    if plan.distinct is not None:
        steps.append("drop repetitions")
    if plan.low:
        steps.append(f"skip {plan.low} rows")
    return steps


def _counts(plan: SelectPlan) -> list[str]:
    """Which rows count against the scan budget."""
    counts = []
    if not plan.access.exact:
        counts.append("rows that the filter drops")
    if plan.counts_sorting:
        counts.append(
            "rows of a group that waits to be sorted" if plan.presorted else "rows that are sorted"
        )
    if isinstance(plan, JoinedPlan) and (plan.nulls is None or plan.tested):
        counts.append("rows that have no partner, or are dropped with it")
    if plan.distinct is not None:
        counts.append("repetitions")
    if plan.low:
        counts.append("rows that are skipped")
    return counts


def _name(member) -> str:
    expr, descending, _ = member
    name = expr.name if isinstance(expr, Column) else "an expression"
    return ("-" if descending else "") + (name if isinstance(name, str) else ".".join(name))


class _Counter:
    """A cursor that counts the rows that its statements give."""

    def __init__(self, cursor):
        self.connection = cursor.connection
        self.cursor = cursor
        self.statements = self.rows = 0

    def send(self, cql, values=None, **options):
        self.statements += 1
        return _Counted(self, self.cursor.send(cql, values, **options))

    def send_reads(self, cql, rows, **options):
        self.statements += len(rows)
        return [_Counted(self, result) for result in self.cursor.send_reads(cql, rows, **options)]


class _Counted:
    def __init__(self, counter: _Counter, result):
        self.counter, self.result = counter, result

    def __iter__(self):
        for row in self.result:
            self.counter.rows += 1
            yield row

    def one(self):
        return next(iter(self), None)


def _run(connection, plan: SelectPlan) -> dict:
    """Run the plan to its end, keeping no row."""
    started = time.perf_counter()
    returned = 0
    with connection.cursor() as cursor:
        counter = _Counter(cursor.cursor)
        budget = plan.budget(counter)
        try:
            for _ in plan.rows(counter, budget):
                returned += 1
        except ScanBudgetExceeded:
            stopped = {"stopped": "the scan budget was exceeded"}
        else:
            stopped = {}
    took = round((time.perf_counter() - started) * 1000, 3)
    return {
        "statements": counter.statements,
        "rows read": counter.rows,
        "rows returned": returned,
        "rows counted": budget.rows,
        "milliseconds": took,
        **stopped,
    }


def _json(value):
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
