#!/usr/bin/env python3
"""Run Django's own tests on this backend, and print what passes.

make test-django [VERSION=6.1 SUITE_PYTHON=python3.13] [LABELS="basic queries"]

The tests come from Django's source distribution, unmodified: one label per process, two at a time. The whole takes less than an
hour. The output of each label is kept in build/suite/VERSION/.
"""

import argparse
import collections
import concurrent.futures
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "suite"
LABEL_TIMEOUT = 3000  # seconds


def labels_with_yardstick() -> dict[str, dict]:
    with open(HERE / "labels.tsv", encoding="utf-8", newline="") as file:
        return {row["label"]: row for row in csv.DictReader(file, delimiter="\t")}


# --- Django ---


def run(*command, **options) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def installed_version(python) -> str:
    command = [str(python), "-c", "import django; print(django.__version__)"]
    found = subprocess.run(command, capture_output=True, text=True)
    return found.stdout.strip()


def environment(version: str, base: str) -> pathlib.Path:
    """A Python with that version of Django, and what its tests import. `base`: what it is made with."""
    place = BUILD / version / "venv"
    python = place / "bin" / "python"
    if not python.exists() or not installed_version(python).startswith(version):
        print(f"setup: Django {version} and what its tests need", flush=True)
        run(base, "-m", "venv", place)
        release = f"Django=={version}.*" if version.count(".") == 1 else f"Django=={version}"
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*pip, "-r", ROOT / "requirements" / "suite.txt", release)
    extension(python, place.parent)
    return python


def extension(python: pathlib.Path, place: pathlib.Path) -> None:
    """libcql's extension for that Python, beside the checkout's own: their file names tell them apart."""
    tag = "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))"
    suffix = subprocess.run([python, "-c", tag], capture_output=True, text=True).stdout.strip()
    if suffix == sysconfig.get_config_var("EXT_SUFFIX"):
        return
    build = place / "build"
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    quiet = {"env": {**os.environ, "PATH": path}, "cwd": ROOT, "stdout": subprocess.DEVNULL}
    if not (build / "build.ninja").exists():
        print(f"setup: libcql for {python}", flush=True)
        options = ["--buildtype=release", "-Db_ndebug=true", "-Dtests=false", "-Dpython=true"]
        run(python.parent / "meson", "setup", build, *options, **quiet)
    run(python.parent / "ninja", "-C", build, **quiet)
    name = f"_libcql{suffix}"
    shutil.copyfile(build / "src" / "python" / name, ROOT / "libcql" / name)


def tests_of(version: str, python) -> pathlib.Path:
    """Where the tests of that version are, from its source distribution."""
    place = BUILD / version
    folder = place / f"django-{version}" / "tests"
    if not folder.exists():
        print(f"setup: the source distribution of Django {version}", flush=True)
        pip = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        run(*pip, "--no-deps", "--no-binary", "django", "--dest", place, f"Django=={version}")
        with tarfile.open(next(place.glob("[Dd]jango-*.tar.gz"))) as archive:
            archive.extractall(place, filter="data")
    return folder


# --- runs ---


def run_label(
    label: str, python, tests: pathlib.Path, place: pathlib.Path, extra: list[str]
) -> dict:
    outcomes = place / f"{label}.jsonl"
    outcomes.unlink(missing_ok=True)
    search = [str(HERE), str(ROOT), os.environ.get("PYTHONPATH", "")]
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
        "SUITE_OUTCOMES": str(outcomes),
        "SUITE_KEYSPACE": f"suite_{label}"[:38],
    }
    command = [
        str(python),
        "runtests.py",
        "--settings=settings",
        "--parallel=1",
        "--noinput",
        label,
        *extra,
    ]
    started = time.monotonic()
    with open(place / f"{label}.log", "w", encoding="utf-8") as log:
        try:
            process = subprocess.run(
                command, cwd=tests, env=env, stdout=log, stderr=log, timeout=LABEL_TIMEOUT
            )
            code = process.returncode
        except subprocess.TimeoutExpired:
            code = "timeout"
    counts = collections.Counter()
    if outcomes.exists():
        for line in outcomes.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            counts[found["outcome"]] += found["database"]
    return {"label": label, "counts": counts, "code": code, "seconds": time.monotonic() - started}


def show(result: dict, yardstick: dict | None) -> None:
    counts = result["counts"]
    broken = "" if result["code"] in (0, 1) else f"  ended with {result['code']}"
    print(
        f"{result['label']:32} {counts['passed']:5} {counts['failed']:6} {counts['error']:6} {counts['skipped']:7} "
        f"{(yardstick or {}).get('sqlite', '-'):>7} {(yardstick or {}).get('no_transactions', '-'):>7} "
        f"{result['seconds']:6.0f} s{broken}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "labels", nargs="*", metavar="LABEL", help="by default all that use a database"
    )
    parser.add_argument("--version", default="", help="of Django: 5.2, 6.1 or one release")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="makes the environment: Django 6 needs 3.12 or later",
    )
    parser.add_argument("--jobs", type=int, default=2, help="labels at a time")
    parser.add_argument(
        "--without-ledger", action="store_true", help="run what the ledger says does not pass, too"
    )
    parser.add_argument(
        "-k", dest="patterns", action="append", default=[], help="only tests that match"
    )
    options = parser.parse_args()
    if options.without_ledger:
        os.environ["SUITE_LEDGER"] = "0"
    known = labels_with_yardstick()
    wanted = options.version or installed_version(sys.executable)
    python = environment(wanted, options.python)
    version = installed_version(python)
    tests = tests_of(version, python)
    place = BUILD / version
    labels = options.labels or [label for label in known if (tests / label).is_dir()]
    extra = [part for pattern in options.patterns for part in ("-k", pattern)]
    print(f"Django {version}: {len(labels)} labels")
    print(
        f"{'label':32} {'pass':>5} {'failed':>6} {'error':>6} {'skipped':>7} {'sqlite':>7} {'no-tx':>7}"
    )
    total, bad = collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runs = [pool.submit(run_label, label, python, tests, place, extra) for label in labels]
        for done in concurrent.futures.as_completed(runs):
            result = done.result()
            show(result, known.get(result["label"]))
            total.update(result["counts"])
            bad += result["code"] not in (0, 1)
    broken = total["failed"] + total["error"] + bad
    print(
        f"{total['passed']} passed, {broken} failed, {total['skipped']} skipped, of {sum(total.values())} that use a database"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
