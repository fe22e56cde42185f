"""One subject in a process of its own: `worker.py NAME PORT` connects, then answers each line of its input with one of its output.

    {"job": "get", "form": "threads", "flight": 32, "count": 4000}  ->  {"rate": …, "p50": …, "p99": …, "cpu": …}
    {"job": "rows", "count": 5}  ->  {"rate": …, "cpu": …}

A rate is of requests or rows a second; the rest is microseconds: a request's time, and the process's CPU for a request or row.
"""

import gc
import importlib
import sys

import schema
from forms import Clocks, WrongAnswer, answer_orders


def requests(subject, job, form, flight, count):
    """`count` requests, `flight` of them at a time."""
    statement = subject.statements[job]
    values = schema.arguments(job, count, schema.first_new())
    gc.collect()
    taken = subject.forms[form](statement, values, flight)
    check(job, taken.answers, count)
    figures = {"rate": count / taken.wall, "cpu": taken.cpu / count * 1e6}
    if len(taken.times) == count:
        times = sorted(taken.times)
        figures |= {"p50": times[count // 2] * 1e6, "p99": times[count * 99 // 100] * 1e6}
    return figures


def check(job, answers, count):
    found = sum(answer is not None for answer in answers)
    expected = count if job == "get" else 0
    if (len(answers), found) != (count, expected):
        raise WrongAnswer(f"{job}: {len(answers)} answers for {count}, {found} rows for {expected}")


def rows(subject, job, count):
    """The same page of rows, `count` times."""
    statement = subject.statements[job]
    subject.rows(statement)
    gc.collect()
    clocks = Clocks()
    for _ in range(count):
        page = subject.rows(statement)
    taken = clocks.read([], [])
    check_rows(page, job)
    total = count * schema.ROWS
    return {"rate": total / taken.wall, "cpu": taken.cpu / total * 1e6}


def check_rows(page, job):
    """Each value of the last row is what was written; times may lack their zone."""
    width = len(schema.COLUMNS) - (job == "rows_plain")
    expected = list(schema.rows())[-1][:width]
    if len(page) != schema.ROWS:
        raise WrongAnswer(f"{job}: {len(page)} rows for {schema.ROWS}")
    for got, wanted in zip(page[-1], expected, strict=True):
        if hasattr(wanted, "tzinfo"):
            got = got.replace(tzinfo=wanted.tzinfo)
        if got != wanted and str(got) != str(wanted):
            raise WrongAnswer(f"{job}: {got!r} was read where {wanted!r} was written")


def main(name, port):
    subject = importlib.import_module(f"subject_{name}").Subject(port)
    subject.statements = {}

    def answer(job, **order):
        if job not in subject.statements:
            subject.statements[job] = subject.prepare(schema.STATEMENTS[job])
        return (rows if job.startswith("rows") else requests)(subject, job, **order)

    answer_orders(answer)
    subject.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
