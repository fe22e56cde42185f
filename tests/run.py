"""Run the project's tests part by part and print the counts of each.

    python tests/run.py check      the fast parts
    python tests/run.py all        check, then a real Cassandra and a browser
    python tests/run.py NAME …     these parts only

A part's output goes to build/logs/NAME.log; the end of it is shown when the part fails. Parts that need a
Cassandra share one node, whose address they find in CQL_TEST_NODE: this checkout's when it is up, else one that
is started for them and removed with its data.
The C units run alone, since some of them are about time. After them there are three lanes: clusters of one's own, what needs
no Cassandra, and the parts of the node; most of the time somebody waits for a Cassandra.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
sys.path.insert(0, str(ROOT / "tools" / "cassandra"))
PYTHON = sys.executable
TAIL_LINES = 60


@dataclass
class Part:
    """One command and how to count what it ran."""

    name: str
    what: str
    command: list[str]
    slow: bool = False
    lane: str = ""  # the parts of a lane run one after the other, beside those of the other lanes
    cwd: pathlib.Path = ROOT
    env: dict[str, str] = field(default_factory=dict)  # "{node}": the node's address
    needs_node: bool = False


# They make clusters of their own kind, with testcluster.
OWN_CLUSTERS = ["tests/cluster/test_errors.py", "tests/cluster/test_three_nodes.py"]

# All files of the corpus run on Cassandra by our own client; these by another one too, so that both cannot be wrong alike.
WITNESSED = [
    "tests/data/cql/types-collections.test",
    "tests/data/cql/types-keys.test",
    "tests/data/cql/types-literals.test",
    "tests/data/cql/types-time.test",
    "tests/data/cql/types-vectors.test",
    "tests/data/cql/counter.test",
    "tests/data/cql/paging.test",
    "tests/data/cql/prepared.test",
    "tests/data/cql/static.test",
    "tests/data/cql/system.test",
    "tests/data/cql/udt-frozen.test",
    "tests/data/cql/udt-select.test",
]

#: Of Django's own tests. `make test-django` runs all of them.
SAMPLE = [
    "annotations",
    "basic",
    "composite_pk",
    "expressions_case",
    "filtered_relation",
    "m2m_through",
    "many_to_one",
    "ordering",
    "select_related",
]

PARTS = [
    Part("unit", "C units under ASan and UBSan", ["tests/unit/run"]),
    Part(
        "astra",
        "what stands for Astra DB: the Python driver, libcql and Django through it",
        [PYTHON, "-m", "pytest", "-q", "tests/astra"],
        slow=True,
        lane="clusters",
    ),
    Part(
        "three",
        "libcql on three nodes that fail, and what keeps it from connecting",
        [PYTHON, "-m", "pytest", "-q", *OWN_CLUSTERS],
        slow=True,
        lane="clusters",
    ),
    Part(
        "lint",
        "format, include order, static analysis",
        [PYTHON, "tools/lint"],
        lane="files",
    ),
    Part(
        "fuzz",
        "kept inputs of the fuzz targets",
        [PYTHON, "tests/fuzz/run.py"],
        lane="files",
    ),
    Part(
        "corpus",
        "CQL cases on the embedded engine",
        [PYTHON, "tests/conformance/run.py", "--server", "local"],
        lane="files",
    ),
    Part(
        "runner",
        "the corpus runner's own tests",
        [PYTHON, "-m", "unittest", "discover", "-s", "tests/conformance"],
        lane="files",
    ),
    Part(
        "tools",
        "the tools that run Cassandra and stand for Astra, without either",
        [PYTHON, "-m", "unittest", "discover", "-s", "tests/tools"],
        lane="files",
    ),
    Part(
        "client",
        "libcql from Python",
        [PYTHON, "-m", "pytest", "-q", "tests/client"],
        lane="files",
    ),
    Part(
        "backend",
        "the Django backend",
        [PYTHON, "tests/backend/runtests.py"],
        lane="files",
    ),
    Part(
        "django",
        "a sample of Django's own tests",
        [PYTHON, "tests/suite/run.py", "--jobs", "1", *SAMPLE],
        slow=True,
        lane="files",
    ),
    Part(
        "backend-steps",
        "the Django backend on a file that is written as a cluster is",
        [PYTHON, "tests/backend/runtests.py"],
        env={"BACKEND_TEST_AS_CLUSTER": "1"},
        lane="files",
    ),
    Part(
        "example",
        "partyfinder's own tests",
        [PYTHON, "manage.py", "test", "--settings", "parties.test_settings"],
        cwd=ROOT / "examples" / "partyfinder",
        lane="files",
    ),
    Part(
        "client-asan",
        "libcql from Python, the extension under ASan and UBSan",
        [PYTHON, "tests/sanitized.py", "client"],
        slow=True,
        lane="files",
    ),
    Part(
        "backend-asan",
        "the Django backend, the extension under ASan and UBSan, but for what does the same many times",
        [PYTHON, "tests/sanitized.py", "backend", "--exclude-tag", "long"],
        env={"RANDOM_QUERIES": "100"},
        slow=True,
        lane="files",
    ),
    Part(
        "browser",
        "partyfinder in a browser",
        [PYTHON, "-m", "pytest", "-q", "tests/e2e"],
        slow=True,
        lane="files",
    ),
    Part(
        "cassandra",
        "values, results and pages as an independent client reads them: the Python driver",
        ["tests/conformance/on-cassandra", *WITNESSED],
        slow=True,
        needs_node=True,
    ),
    Part(
        "cluster",
        "the same CQL cases on Cassandra, by our own client",
        [PYTHON, "tests/conformance/run.py", "--server", "cluster"],
        slow=True,
        needs_node=True,
    ),
    Part(
        "client-cluster",
        "libcql from Python on Cassandra",
        [
            PYTHON,
            "-m",
            "pytest",
            "-q",
            "tests/cluster",
            *(f"--ignore={path}" for path in OWN_CLUSTERS),
        ],
        slow=True,
        needs_node=True,
    ),
    Part(
        "backend-cassandra",
        "the Django backend on one Cassandra node",
        [PYTHON, "tests/backend/runtests.py", "--node"],
        env={"RANDOM_QUERIES": "100"},  # a node takes longer for each
        slow=True,
        needs_node=True,
    ),
    Part(
        "example-cassandra",
        "partyfinder's own tests on Cassandra",
        [PYTHON, "manage.py", "test", "--settings", "parties.test_settings"],
        slow=True,
        cwd=ROOT / "examples" / "partyfinder",
        env={"PARTYFINDER_CASSANDRA": "{node}"},
        needs_node=True,
    ),
    Part(
        "differential",
        "random statements on the engine and on Cassandra",
        [
            "tests/conformance/with-node",
            "tests/conformance/differential.py",
            "--statements",
            "1500",
            "--seed",
            "1",
            "2",
            "3",
        ],
        slow=True,
        needs_node=True,
    ),
    Part(
        "browser-cassandra",
        "partyfinder on Cassandra in a browser",
        [PYTHON, "-m", "pytest", "-q", "tests/e2e"],
        slow=True,
        env={"PARTYFINDER_CASSANDRA": "{node}"},
        needs_node=True,
    ),
]


def count(output):
    """Return (passed, failed) as the part's own runner says; a runner that says nothing gives (0, 0)."""
    own = re.findall(r"(\d+) passed, (\d+) failed", output)
    if own:
        return int(own[-1][0]), int(own[-1][1])
    django = re.findall(r"^Ran (\d+) tests? in", output, re.M)
    if django:
        failed = re.findall(r"^FAILED \((.*)\)", output, re.M)
        bad = sum(int(n) for text in failed for n in re.findall(r"(?:failures|errors)=(\d+)", text))
        total = sum(int(n) for n in django)
        return total - bad, bad
    pytest = re.findall(r"^(?=.*\bin [\d.]+s)(.*)$", output, re.M)
    numbers = {}
    for line in pytest[-1:]:
        numbers = {kind: int(n) for n, kind in re.findall(r"(\d+) (passed|failed|error)", line)}
    return numbers.get("passed", 0), numbers.get("failed", 0) + numbers.get("error", 0)


def say(*lines):
    """In one piece: parts run beside each other."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def environment(part, address):
    own = {name: value.format(node=address) for name, value in part.env.items()}
    return {**os.environ, **({"CQL_TEST_NODE": address} if address else {}), **own}


def run(part, address=""):
    """Run one part, with the address of a node if it needs one; return (passed, failed)."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{part.name}.log"
    say(f"{part.name:<10} {part.what} …")
    started = time.monotonic()
    with log.open("wb") as out:
        result = subprocess.run(
            part.command,
            cwd=part.cwd,
            env=environment(part, address),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    output = log.read_text(errors="replace")
    passed, failed = count(output)
    if result.returncode != 0 and failed == 0:
        failed = 1
    if passed + failed == 0:  # a part that ran nothing has not passed
        failed = 1
    words = []
    if failed:
        words = output.rstrip().split("\n")[-TAIL_LINES:]
        words.append(f"{part.name}: the whole output is in {log.relative_to(ROOT)}")
    seconds = time.monotonic() - started
    say(*words, f"{part.name:<10} {passed} passed, {failed} failed, {seconds:.1f} s")
    return passed, failed


@contextlib.contextmanager
def node():
    """The address of a Cassandra node, for as long as it is needed."""
    from testcluster import Settings, borrowed

    with borrowed(Settings(quick=True)) as cluster:
        yield f"{cluster.contact_points[0]}:{cluster.port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", metavar="check|all|NAME")
    names = {part.name: part for part in PARTS}
    chosen = []
    for name in parser.parse_args().parts:
        if name in ("check", "all"):
            chosen += [part for part in PARTS if name == "all" or not part.slow]
        elif name in names:
            chosen.append(names[name])
        else:
            parser.error(f"no such part: {name} (there are {', '.join(names)})")
    started = time.monotonic()
    counts = dict.fromkeys(part.name for part in chosen)
    with contextlib.ExitStack() as stack:
        lanes = {
            name: stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
            for name in {part.lane for part in chosen if part.lane}
        }
        beside = {}
        address = os.environ.get("CQL_TEST_NODE", "")
        for part in chosen:
            if part.lane:
                beside[part.name] = lanes[part.lane].submit(run, part)
                continue
            if part.needs_node and not address:
                address = stack.enter_context(node())
            counts[part.name] = run(part, address if part.needs_node else "")
        counts |= {name: running.result() for name, running in beside.items()}
    print()
    for name, (passed, failed) in counts.items():
        print(f"  {name:<10} {passed:>6} passed {failed:>4} failed")
    print(f"  in {time.monotonic() - started:.0f} s")
    failed = sum(bad for _, bad in counts.values())
    print(f"{sum(good for good, _ in counts.values())} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
