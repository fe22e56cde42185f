"""QuerySet.explain() on the relational road: the SQL, what it asks the session for, and what SQLite does with it."""

import re
import time

from ..dbapi import OperationalError
from ..exceptions import ScanBudgetExceeded
from .plan import OVER_BUDGET, RelationalPlan

#: How a virtual table is read, by the number that libcql gives the way.
_WAYS = {0: "by key", 1: "by index", 2: "every row, in pages"}
_VIRTUAL = re.compile(r"(?:SCAN|SEARCH) (?P<table>.+?) VIRTUAL TABLE INDEX (?P<way>\d+):.*")


def explanation(connection, plan: RelationalPlan, *, analyze: bool) -> dict:
    """What explain() shows, as values of JSON. `analyze` runs the query and says what it read."""
    steps = _steps(connection, plan)
    found = {
        "road": "relational",
        "sql": plan.inlined(),
        "reads": [{"table": table, "way": way} for table, way in steps if table is not None],
        "here": [step for table, step in steps if table is None],
        "budget": {
            "rows": connection.scan_budget,
            "counts": ["rows that are read and are in no row of the result"],
        },
    }
    scanned = [read["table"] for read in found["reads"] if read["way"] == _WAYS[2]]
    if scanned:
        tables = dict.fromkeys(plan.tested.tables.get(alias, alias) for alias in scanned)
        found["advice"] = [plan.tested.advice(table) for table in tables]
    if analyze:
        found["run"] = _run(connection, plan)
    return found


def lines(found: dict) -> list[str]:
    """An explanation for people."""
    text = ["Road: relational", f"SQL: {found['sql']}"]
    text += [f"Reads: {read['table']} {read['way']}" for read in found["reads"]]
    text += [f"SQLite: {step}" for step in found["here"]]
    rows = found["budget"]["rows"]
    allowed = "no limit" if rows is None else f"{rows} rows"
    text.append(f"Scan budget: {allowed}; counted: {', '.join(found['budget']['counts'])}")
    text += [f"Advice: {advice}" for advice in found.get("advice", ())]
    if "run" in found:
        run = found["run"]
        text += [
            f"CQL: {s['cql']} ({s['requests']} requests, {s['rows']} rows)"
            for s in run.pop("statements")
        ]
        text.append("Run: " + ", ".join(f"{name} {value}" for name, value in run.items()))
    return text


def _steps(connection, plan) -> list[tuple[str | None, str]]:
    """(table, way) of each reading of a table, (None, words of SQLite's) of other steps."""
    query = RelationalPlan(f"EXPLAIN QUERY PLAN {plan}", plan.params, raw=[], tested=plan.tested)
    rows = connection.relational.execute(query, None).fetchall()
    found = []
    for *_, detail in rows:
        match = _VIRTUAL.match(detail)
        found.append(
            (match["table"], _WAYS[int(match["way"])]) if match else (None, detail.lower())
        )
    return found


def _run(connection, plan) -> dict:
    """Run the plan to its end, keeping no row."""
    started = time.perf_counter()
    try:
        rows = connection.relational.execute(plan, connection.scan_budget)
    except OperationalError as error:
        if getattr(error, "code", None) != OVER_BUDGET:
            raise
        return {"statements": [], "stopped": "the scan budget was exceeded before the first row"}
    returned, stopped = 0, {}
    try:
        for _ in plan.given(rows, connection.scan_budget):
            returned += 1
    except ScanBudgetExceeded:
        stopped = {"stopped": "the scan budget was exceeded"}
    took = round((time.perf_counter() - started) * 1000, 3)
    return {
        "statements": [
            {"cql": cql, "requests": requests, "waves": waves, "rows": count}
            for cql, requests, count, waves in rows.statements
        ],
        "rows returned": returned,
        "rows counted": rows.spent,
        "milliseconds": took,
        **stopped,
    }
