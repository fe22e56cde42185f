"""manage.py test, with --cql-report."""

from django.core.management.base import CommandError
from django.core.management.commands import test

from ... import cost_report


class Command(test.Command):
    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.add_argument(
            "--cql-report",
            action="store_true",
            help="Afterwards, list the lines of code whose queries read rows that they do not return, and what would "
            "make them cheap.",
        )

    def handle(self, *test_labels, **options):
        if not options.pop("cql_report", False):
            return super().handle(*test_labels, **options)
        if options.get("parallel") not in (None, 0, 1):
            raise CommandError("--cql-report counts in one process: leave --parallel out.")
        with cost_report.recorded() as report:
            try:
                return super().handle(*test_labels, **options)
            finally:
                self.stdout.write("\n".join(["", *report.lines()]))
