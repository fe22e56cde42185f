#!/usr/bin/env python3
"""Run the backend's tests with Django's runner.

python tests/backend/runtests.py [LABEL …] [--parallel N] [--start-method fork|spawn] [-k PATTERN] [-v N]
"""

import argparse
import multiprocessing
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PLACES = [str(HERE), str(HERE.parent.parent)]
sys.path += PLACES
# Workers that are spawned import these modules anew and find them the same way.
os.environ["PYTHONPATH"] = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *PLACES])
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="*", metavar="LABEL")
    parser.add_argument("--parallel", type=int, default=0)
    parser.add_argument("--start-method", choices=["fork", "spawn"])
    parser.add_argument("--keepdb", action="store_true")
    parser.add_argument("-k", dest="patterns", action="append")
    parser.add_argument("-v", dest="verbosity", type=int, default=1)
    options = parser.parse_args()
    if options.start_method:
        multiprocessing.set_start_method(options.start_method)

    import django
    from django.conf import settings
    from django.test.utils import get_runner

    django.setup()
    runner = get_runner(settings)(
        verbosity=options.verbosity,
        parallel=options.parallel,
        keepdb=options.keepdb,
        test_name_patterns=options.patterns and [f"*{p}*" for p in options.patterns],
        interactive=False,
    )
    return 1 if runner.run_tests(options.labels or [str(HERE)]) else 0


if __name__ == "__main__":
    sys.exit(main())
