"""Run the benchmarks: every question beside a peer, interleaved in one run, as a ratio with its spread.

    python benchmarks/run.py [--rounds N] [NAME …]

Prints a table and appends JSON lines {bench, subject, value, unit, spread} to build/bench.jsonl. The value is the median of the
rounds, the spread the distance between their quartiles; a ratio above 1 says that the peer is faster.
"""

import argparse
import importlib
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "bench.jsonl"
PROGRAMS = ["local_file", "orm"]


def quartile_distance(values):
    low, _, high = statistics.quantiles(values, n=4)
    return high - low


def measure(bench, rounds):
    """Yield a record per subject and per ratio of one question."""
    samples = {name: [] for name in bench.subjects}
    for _ in range(rounds):
        for name, subject in bench.subjects.items():
            samples[name].append(subject() / bench.operations * 1e6)
    for name, values in samples.items():
        yield name, statistics.median(values), "us", quartile_distance(values)
    ours, peer = (samples[name] for name in (bench.ours, bench.peer))
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    yield (
        f"{bench.ours} / {bench.peer}",
        statistics.median(ratios),
        "ratio",
        quartile_distance(ratios),
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="questions to ask (default: all)")
    parser.add_argument(
        "--rounds", type=int, default=9, help="counted rounds of each (default: %(default)s)"
    )
    args = parser.parse_args()
    OUT.parent.mkdir(exist_ok=True)
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    with OUT.open("a") as out, tempfile.TemporaryDirectory() as folder:
        for program in PROGRAMS:
            module = importlib.import_module(program)
            for bench in module.benches(pathlib.Path(folder)):
                if args.names and bench.name not in args.names:
                    continue
                for subject, value, unit, spread in measure(bench, max(args.rounds, 2)):
                    record = {"bench": bench.name, "subject": subject, "value": round(value, 3)}
                    record |= {"unit": unit, "spread": round(spread, 3)}
                    out.write(json.dumps(record) + "\n")
                    print(f"{bench.name:<14} {subject:<20} {value:10.2f} ± {spread:.2f} {unit}")


if __name__ == "__main__":
    main()
