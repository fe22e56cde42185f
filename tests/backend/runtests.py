#!/usr/bin/env python3
"""Run the backend's tests with Django's runner.

python tests/backend/runtests.py [LABEL …] [--node] [--parallel N] [--start-method fork|spawn] [-k PATTERN] [--tag TAG] [--exclude-tag TAG] [-v N]

--node runs them on the Cassandra whose address CQL_TEST_NODE is; those with the tag "astra" also run on what stands for Astra DB:
three nodes, where each row has three replicas (tests/astra/test_django.py). "long": many processes, much memory, or the same for each step of a
write. settings.py says what else the environment can choose.
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


def checking(runner_class):
    """The runner, with a check of each file of ours before it is destroyed."""

    class CheckingRunner(runner_class):
        problems = 0

        def teardown_databases(self, old_config, **kwargs):
            for connection, _, _ in old_config:
                if connection.vendor != "cassandra" or not connection.settings.is_file:
                    continue
                report = connection.session.check()
                self.problems += report.problem_count + report.stale_entries
                for problem in report.problems:
                    print(
                        f"The database {connection.alias!r} is damaged: {problem}", file=sys.stderr
                    )
                if report.stale_entries:
                    print(f"{connection.alias!r} has stale index entries", file=sys.stderr)
            super().teardown_databases(old_config, **kwargs)

    return CheckingRunner


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="*", metavar="LABEL")
    parser.add_argument("--node", action="store_true")
    parser.add_argument("--parallel", type=int, default=0)
    parser.add_argument("--start-method", choices=["fork", "spawn"])
    parser.add_argument("--keepdb", action="store_true")
    parser.add_argument("-k", dest="patterns", action="append")
    parser.add_argument("--tag", dest="tags", action="append")
    parser.add_argument("--exclude-tag", dest="exclude_tags", action="append")
    parser.add_argument("-v", dest="verbosity", type=int, default=1)
    options = parser.parse_args()
    if options.node:
        if not os.environ.get("CQL_TEST_NODE"):
            parser.error(
                "CQL_TEST_NODE is not set: the address of a Cassandra, such as 127.0.0.1:9142"
            )
        os.environ["CQL_TEST_HOST"] = os.environ["CQL_TEST_NODE"]
    if options.start_method:
        multiprocessing.set_start_method(options.start_method)

    import django
    from django.conf import settings
    from django.test.utils import get_runner

    django.setup()
    runner = checking(get_runner(settings))(
        verbosity=options.verbosity,
        parallel=options.parallel,
        keepdb=options.keepdb,
        tags=options.tags,
        exclude_tags=options.exclude_tags,
        test_name_patterns=options.patterns and [f"*{p}*" for p in options.patterns],
        interactive=False,
    )
    failed = runner.run_tests(options.labels or [str(HERE)])
    return 1 if failed or runner.problems else 0


if __name__ == "__main__":
    sys.exit(main())
