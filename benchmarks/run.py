"""Run the benchmarks: every question beside a peer, interleaved in one run, as a ratio with its spread.

    python benchmarks/run.py [--rounds N] [NAME …]

Prints a table and appends JSON lines {bench, subject, value, unit, spread} to build/bench.jsonl. The value is the median of the
rounds, the spread the distance between their quartiles; a ratio above 1 says that the peer is faster. A figure that has a
limit is shown with it: "≤" when it is kept, "OVER" when not.
"""

import argparse
import gc
import importlib
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "bench.jsonl"
PROGRAMS = ["local_file", "decode", "orm", "memory"]


def quartile_distance(values):
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


def measure(bench, rounds):
    """Yield (subject, values, unit, limit) for each subject and for the ratio of one question."""
    samples = {name: [] for name in bench.subjects}
    order = list(bench.subjects.items())
    for _ in range(bench.rounds or rounds):
        for name, subject in order:
            gc.collect()
            samples[name].append(subject() / bench.operations)
        order.reverse()  # neither is always the one that comes second
    for name, values in samples.items():
        yield name, values, bench.unit, bench.most if name == bench.ours else None
    pairs = zip(samples[bench.ours], samples[bench.peer], strict=True)
    yield f"{bench.ours} / {bench.peer}", [a / b for a, b in pairs], "ratio", bench.limit


def report(out, bench, subject, values, unit, limit):
    value, spread = statistics.median(values), quartile_distance(values)
    record = {"bench": bench.name, "subject": subject, "value": round(value, 3)}
    record |= {"unit": unit, "spread": round(spread, 3)}
    out.write(json.dumps(record) + "\n")
    verdict = "" if limit is None else f"  {'≤' if value <= limit else 'OVER'} {limit:g}"
    print(
        f"{bench.name:<16} {subject:<20} {value:10.2f} ± {spread:.2f} {unit}{verdict}", flush=True
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="questions to ask (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=15, help="counted rounds of each (default: %(default)s)"
    )
    args = parser.parse_args()
    OUT.parent.mkdir(exist_ok=True)
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    with OUT.open("a") as out, tempfile.TemporaryDirectory() as folder:
        for program in PROGRAMS:
            module = importlib.import_module(program)
            if args.names and not set(args.names) & set(module.NAMES):
                continue
            for bench in module.benches(pathlib.Path(folder)):
                if not args.names or bench.name in args.names:
                    for line in measure(bench, max(args.rounds, 2)):
                        report(out, bench, *line)


if __name__ == "__main__":
    main()
