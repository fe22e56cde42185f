"""Run the tests of the Python side over an extension built with ASan and UBSan.

    python tests/sanitized.py client [pytest's arguments]
    python tests/sanitized.py cluster [pytest's arguments]      on the node of CQL_TEST_NODE
    python tests/sanitized.py astra [pytest's arguments]        on what stands for Astra DB
    python tests/sanitized.py backend [runtests.py's arguments]

The extension lies in build/sanitize/site beside links to the package's Python files; that place comes first on
the path. Python's own allocator gives way to malloc, so that every object is seen. Leaks are looked for by the C tests:
at its exit the interpreter keeps too much that it never frees.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.executable).parent
SITE = ROOT / "build" / "sanitize" / "site"

# These measure the memory of the process, which is another one under a sanitizer.
MEASURES_MEMORY = ["--ignore=tests/client/test_memory.py"]


# Makes three nodes; what happens to them is not worth starting them twice.
CLUSTER = ["tests/cluster", "--ignore=tests/cluster/test_three_nodes.py"]

# The bundle, the metadata service and the proxy: what Astra DB adds to a cluster.
ASTRA = ["tests/astra/test_bundle.py"]


def commands(name, arguments):
    if name == "client":
        return [str(BIN / "pytest"), "-q", *MEASURES_MEMORY, *(arguments or ["tests/client"])]
    if name == "cluster":
        return [str(BIN / "pytest"), "-q", *(arguments or CLUSTER)]
    if name == "astra":
        return [str(BIN / "pytest"), "-q", *(arguments or ASTRA)]
    if name == "backend":
        return [sys.executable, "tests/backend/runtests.py", *arguments]
    raise SystemExit(__doc__)


def runtime():
    """The path of ASan's runtime, which must be in the process before everything else."""
    found = subprocess.run(
        ["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if not pathlib.Path(found).is_absolute():
        raise SystemExit("sanitized: the compiler has no libasan.so to preload")
    return found


def environment():
    return {
        **os.environ,
        "LD_PRELOAD": runtime(),
        "PYTHONPATH": str(SITE),
        "PYTHONMALLOC": "malloc",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def require_sanitized(env):
    """The tests must not run over the other extension by a mistake in the path."""
    code = "import libcql._libcql as m; print(m.__file__)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=SITE, env=env, capture_output=True, text=True
    )
    if loaded.returncode != 0 or not loaded.stdout.startswith(str(SITE)):
        raise SystemExit(
            f"sanitized: the extension is not the one under {SITE}:\n{loaded.stdout}{loaded.stderr}"
        )


def main():
    command = commands(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])
    subprocess.run([ROOT / "tools" / "build", "sanitize"], check=True)
    env = environment()
    require_sanitized(env)
    return subprocess.run(command, cwd=ROOT, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
