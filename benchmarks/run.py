"""Run the benchmarks: every question beside a peer, interleaved in one run, as a ratio with its spread.

    python benchmarks/run.py [--cluster] [--rounds N] [NAME …]

Prints a table and appends JSON lines {bench, subject, value, unit, spread} to build/bench.jsonl. The value is the median of the
rounds, the spread the distance between their quartiles; a ratio above 1 says that the peer is faster. A figure that has a
limit is shown with it: "≤" when it is kept, "OVER" when not. --cluster asks the questions of the network client, of a Cassandra
node that is started for them.
"""

import argparse
import gc
import importlib
import json
import pathlib
import statistics
import sys
import tempfile

import contest
from bench import Contest

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "bench.jsonl"
PROGRAMS = ["local_file", "decode", "orm", "relational", "memory"]
CLUSTER_PROGRAMS = [
    "cluster_requests",
    "cluster_rows",
    "cluster_start",
    "cluster_orm",
    "cluster_join",
]
ROUNDS, CLUSTER_ROUNDS = 15, 7


def quartile_distance(values):
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


def measure(bench, rounds):
    """Yield (subject, figure, values, unit, limit) for each subject and for the ratio of one question."""
    samples = {name: [] for name in bench.subjects}
    order = list(bench.subjects.items())
    for _ in range(bench.rounds or rounds):
        for name, subject in order:
            gc.collect()
            samples[name].append(subject() / bench.operations)
        order.reverse()  # neither is always the one that comes second
    for name, values in samples.items():
        yield name, "", values, bench.unit, bench.most if name == bench.ours else None
    pairs = zip(samples[bench.ours], samples[bench.peer], strict=True)
    yield f"{bench.ours} / {bench.peer}", "", [a / b for a, b in pairs], "ratio", bench.limit


def report(out, bench, subject, figure, values, unit, limit):
    value, spread = statistics.median(values), quartile_distance(values)
    record = {"bench": bench.name, "subject": subject} | ({"figure": figure} if figure else {})
    record |= {"value": round(value, 3), "unit": unit, "spread": round(spread, 3)}
    out.write(json.dumps(record) + "\n")
    verdict = "" if limit is None else f"  {'≤' if value <= limit else 'OVER'} {limit:.4g}"
    shown = f"{subject} {figure}".rstrip()
    print(f"{bench.name:<19} {shown:<32} {value:10.2f} ± {spread:.2f} {unit}{verdict}", flush=True)


def ask(out, program, names, folder, rounds) -> bool:
    """Whether all subjects of the program's questions were there."""
    module = importlib.import_module(program)
    complete = True
    if names and not set(names) & set(module.NAMES):
        return complete
    for bench in module.benches(folder):
        if names and bench.name not in names:
            continue
        of = contest.measure if isinstance(bench, Contest) else measure
        for line in of(bench, rounds):
            report(out, bench, *line)
        complete = complete and not getattr(bench, "missing", None)
    return complete


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="questions to ask (default: all)")
    parser.add_argument("--cluster", action="store_true", help="the network client's questions")
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"counted rounds of each (default: {ROUNDS}, --cluster {CLUSTER_ROUNDS})",
    )
    args = parser.parse_args()
    programs = CLUSTER_PROGRAMS if args.cluster else PROGRAMS
    rounds = max(args.rounds or (CLUSTER_ROUNDS if args.cluster else ROUNDS), 2)
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("a") as out, tempfile.TemporaryDirectory() as folder:
        complete = [
            ask(out, program, args.names, pathlib.Path(folder), rounds) for program in programs
        ]
    return 0 if all(complete) else 1


if __name__ == "__main__":
    sys.exit(main())
