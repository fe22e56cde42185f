"""Run the fuzz targets: over the kept inputs, or with libFuzzer for some minutes each.

    python tests/fuzz/run.py                             replay seeds and kept inputs under ASan and UBSan
    python tests/fuzz/run.py --minutes 10 [TARGET …]     fuzz, two targets at a time
    python tests/fuzz/run.py --minutes 10 --keep         and keep what reaches new code in tests/fuzz/corpus

Inputs that reach new code go to build/fuzz/TARGET, those that break a target to build/fuzz/found/TARGET-….
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import threading
import time

import seeds

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "fuzz"
WORK = ROOT / "build" / "fuzz"
FOUND = WORK / "found"
TARGETS = sorted(path.stem[len("fuzz_") :] for path in HERE.glob("fuzz_*.c"))
AT_ONCE = 2
INPUT_SECONDS_MAX = 20  # one input that takes longer is a hang
RSS_MIB_MAX = 1024  # a target that takes more grows
REPLAY_SECONDS_MAX = 600
PROGRESS_SECONDS = 30
TAIL_LINES = 25

# The longest input, where libFuzzer's own 4096 bytes are not what the target takes.
LEN_MAX = {
    "damage": 256,
    "file": 62,
    "page_state": 256,
    "request": 1024,
    "response": 2048,
    "store_row": 1024,
    "url": 512,
    "value": 1024,
    "type_name": 1024,
}

# Which of the dictionaries of seeds.py helps.
DICTIONARIES = {
    "bundle": "zip",
    "http": "http",
    "json": "cql",
    "metadata": "json",
    "parse": "cql",
    "statement": "cql",
    "type_name": "cql",
    "value": "cql",
}

out = threading.Lock()


def say(text):
    with out:
        print(text, flush=True)


def build(name):
    subprocess.run([ROOT / "tools" / "build", name], check=True)
    return ROOT / "build" / name / "tests" / "fuzz"


def inputs(target):
    """The directories of a target's seeds and kept inputs."""
    places = (WORK / "seeds" / target, HERE / "corpus" / target)
    return [str(path) for path in places if path.is_dir() and any(path.iterdir())]


# --- replay ---


def replay(binary, target):
    """Run a target over its inputs; return (how many ran, whether all held)."""
    result = subprocess.run(
        [binary, *inputs(target)],
        capture_output=True,
        timeout=REPLAY_SECONDS_MAX,
    )
    lines = result.stdout.decode(errors="replace").rstrip().split("\n")
    if result.returncode == 0:
        return int(lines[-1].split()[0]), True
    say(result.stderr.decode(errors="replace").rstrip())
    say(f"fuzz: {target} is broken by {lines[-1]}")
    return len(lines) - 1, False


def replay_all(targets):
    where = build("sanitize")
    passed = failed = 0
    for target in targets:
        count, held = replay(where / f"fuzz_{target}", target)
        say(f"{target:<12} {count:>6} inputs")
        passed += count
        failed += not held
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


# --- fuzz ---


def number(pattern, text, default=0):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else default


def numbers(text):
    """(executions, edges covered, peak MiB) as libFuzzer's log says so far."""
    executions = number(r"(?m)^stat::number_of_executed_units: *(\d+)", text) or number(
        r"(?m)^#(\d+)\s", text
    )
    rss = number(r"stat::peak_rss_mb: *(\d+)", text) or number(r"rss: (\d+)Mb", text)
    return executions, number(r"cov: (\d+)", text), rss


def command(binary, target, seconds):
    own = WORK / target
    own.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_SECONDS_MAX}",
        f"-rss_limit_mb={RSS_MIB_MAX}",
        f"-artifact_prefix={FOUND}/{target}-",
        f"-max_len={LEN_MAX.get(target, 4096)}",
        "-print_final_stats=1",
        "-reload=0",
        # Weighing inputs by their rare features costs more than the larger targets themselves.
        "-entropic=0",
    ]
    if target in DICTIONARIES:
        options.append(f"-dict={WORK}/seeds/{DICTIONARIES[target]}.dict")
    return [binary, *options, own, *inputs(target)]


def telling(text):
    """The lines of libFuzzer's log that say what broke, and where in our own sources."""
    lines = text.split("\n")
    wanted = re.compile(
        r"broken: |^  \S|ERROR: |runtime error: |SUMMARY: |^\s+#\d+ .*/(src|tests)/"
    )
    return [line[:200] for line in lines if wanted.search(line)][-TAIL_LINES:]


def fuzz(binary, target, seconds):
    """Fuzz one target; return its line of the table."""
    log = WORK / f"{target}.log"
    before = set(FOUND.glob(f"{target}-*"))
    started = time.monotonic()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(part) for part in command(binary, target, seconds)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        while True:
            try:
                status = process.wait(PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                done, covered, rss = numbers(log.read_text(errors="replace"))
                passed = time.monotonic() - started
                say(f"{target:<12} {passed:>5.0f} s  {done} executions, {covered} edges, {rss} MiB")
    text = log.read_text(errors="replace")
    found = sorted(set(FOUND.glob(f"{target}-*")) - before)
    broken = status != 0
    if broken:
        say("\n".join(telling(text)))
        for path in found:
            say(f"fuzz: {target} is broken by {path.relative_to(ROOT)}")
    return target, *numbers(text), max(len(found), int(broken)), time.monotonic() - started


def keep(binary, target):
    """Add to the kept corpus what covers more than it and the seeds do, as few inputs as that takes."""
    kept = HERE / "corpus" / target
    kept.mkdir(parents=True, exist_ok=True)
    before = len(list(kept.iterdir()))
    base = WORK / f"{target}.merged"
    base.mkdir(exist_ok=True)
    for path in base.iterdir():
        path.unlink()
    # What the seeds and the kept inputs cover already is laid down first, so that only more is added.
    for place in (kept, WORK / "seeds" / target):
        if place.is_dir():
            for path in place.iterdir():
                (base / path.name).write_bytes(path.read_bytes())
    known = {path.name for path in base.iterdir()}
    subprocess.run(
        [binary, "-set_cover_merge=1", "-use_counters=0", base, WORK / target],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for path in base.iterdir():
        if path.name not in known:
            (kept / path.name[:16]).write_bytes(path.read_bytes())
    say(f"{target:<12} {len(list(kept.iterdir())) - before} inputs kept")


def table(rows):
    print(
        f"\n{'target':<12} {'executions':>12} {'edges':>7} {'peak MiB':>9} {'broken':>7} {'seconds':>8}"
    )
    for target, done, covered, rss, broken, seconds in rows:
        print(f"{target:<12} {done:>12} {covered:>7} {rss:>9} {broken:>7} {seconds:>8.0f}")
    failed = sum(row[4] > 0 or row[1] == 0 for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


def fuzz_all(targets, minutes, keeping):
    where = build("libfuzzer")
    FOUND.mkdir(parents=True, exist_ok=True)
    seconds = max(1, round(minutes * 60))
    say(f"fuzz: {', '.join(targets)}: {seconds} s each, {AT_ONCE} at a time")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda name: fuzz(where / f"fuzz_{name}", name, seconds), targets))
    if keeping:
        for target in targets:
            keep(where / f"fuzz_{target}", target)
    return table(rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, help="fuzz each target for so long")
    parser.add_argument("--keep", action="store_true", help="add to tests/fuzz/corpus")
    args = parser.parse_args()
    for name in args.targets:
        if name not in TARGETS:
            parser.error(f"no such target: {name} (there are {', '.join(TARGETS)})")
    targets = args.targets or TARGETS
    seeds.write(WORK / "seeds")
    if args.minutes is None:
        return replay_all(targets)
    return fuzz_all(targets, args.minutes, args.keep)


if __name__ == "__main__":
    sys.exit(main())
