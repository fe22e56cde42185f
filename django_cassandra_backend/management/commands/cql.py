"""manage.py cql ACTION: the care of the database. An action is one class, and a line in ACTIONS."""

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections

from ...claim_check import ClaimCheck
from ...literals import literal
from ...repair import Repair, models_to_repair
from ...uniques import uniques_of
from ..progress import Progress
from ..references import ReferenceCheck

MIB = 1024 * 1024
SHOWN_FINDINGS = 20  # of a kind


class Action:
    """What one subcommand does. `help` is its line in the list; run() raises CommandError when it fails."""

    help = ""

    def add_arguments(self, parser) -> None:
        """Options of this action alone."""

    def run(self, command: BaseCommand, connection, options: dict) -> None:
        raise NotImplementedError


def _refuse_cluster(connection, instead: str) -> None:
    if not connection.settings.is_file:
        raise CommandError(f"This is about a database file. On a cluster, {instead}.")


class Compact(Action):
    help = "Take what expired or was deleted out of the file, and give free space back."

    def run(self, command, connection, options) -> None:
        _refuse_cluster(connection, "the nodes compact by themselves, or with `nodetool compact`")
        with connection.wrap_database_errors, Progress(command.stderr) as progress:
            report = connection.session.compact(progress=progress)
        command.stdout.write(
            f"{report.keys_seen} rows and deletions looked at, {report.keys_removed} removed, "
            f"{report.rows_rewritten} made smaller."
        )
        command.stdout.write(
            f"The file had {report.bytes_before / MIB:.1f} MiB, and has {report.bytes_after / MIB:.1f} MiB."
        )


class Check(Action):
    help = "Check that the file is sound, writing nothing. Exit status 1: it is not."

    def run(self, command, connection, options) -> None:
        _refuse_cluster(connection, "`nodetool verify` and `nodetool repair` do that, node by node")
        with connection.wrap_database_errors, Progress(command.stderr) as progress:
            report = connection.session.check(progress=progress)
        command.stdout.write(
            f"{report.tables} tables, {report.indexes} indexes: {report.rows} rows, {report.deletions} deletions, "
            f"{report.entries} index entries checked."
        )
        if report.stale_entries:
            command.stdout.write(
                f"{report.stale_entries} index entries are stale, which is no error."
            )
        for problem in report.problems:
            command.stderr.write(problem)
        if report.problem_count > len(report.problems):
            command.stderr.write(f"… and {report.problem_count - len(report.problems)} more")
        if report.problem_count:
            raise CommandError(
                f"The file has {report.problem_count} problem(s). Restore it from a backup."
            )
        command.stdout.write("The file is sound.")


class RepairMoves(Action):
    help = "Find rows that stand under an old key and a new one of a PhysicalKey, and remove the older."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Only tell what would be removed."
        )

    def run(self, command, connection, options) -> None:
        for model in models_to_repair(connection):
            repair = Repair(connection, model)
            repair.run(dry_run=options["dry_run"])
            for _, point in repair.removed:
                place = ", ".join(f"{column} = {literal(value)}" for column, value in point.items())
                command.stdout.write(f"{model._meta.label}: {place}")
            done = "older ones found" if options["dry_run"] else "older ones removed"
            command.stdout.write(
                f"{model._meta.label}: {repair.seen} rows looked at, {len(repair.removed)} {done}."
            )


class CheckClaims(Action):
    help = "Check that each unique value has one row, and its claim. Exit status 1: it has not."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "models", nargs="*", metavar="app.Model", help="Only these; all models by default."
        )
        parser.add_argument(
            "--repair",
            action="store_true",
            help="Claim what rows hold without a claim, and drop claims that no row stands behind.",
        )

    def run(self, command, connection, options) -> None:
        sound = True
        for model in _models(connection, options["models"]):
            for unique in uniques_of(model, connection):
                check = ClaimCheck(connection, unique, repair=options["repair"])
                with Progress(command.stderr) as progress:
                    check.run(progress)
                self._report(command, check)
                sound = sound and check.is_sound
        if not sound:
            raise CommandError(
                "Two rows with one value have to be told apart by hand: change one of them."
                if options["repair"]
                else "Rows and claims do not agree. --repair sets right what can be."
            )

    def _report(self, command, check: ClaimCheck) -> None:
        repaired = " (repaired)" if check.repair else ""
        for what, found, done in (
            ("held by two rows", check.duplicates, ""),
            ("held without a claim", check.missing, repaired),
            ("claim without a row", check.left, repaired),
        ):
            for text in found[:SHOWN_FINDINGS]:
                command.stdout.write(f"{check.unique.name}: {what}{done}: {text}")
            if len(found) > SHOWN_FINDINGS:
                command.stdout.write(f"… and {len(found) - SHOWN_FINDINGS} more")
        young = f", {check.young} of them at work" if check.young else ""
        command.stdout.write(
            f"{check.unique.name}: {check.rows} values of rows and {check.seen} claims looked at{young}."
        )


def _models(connection, labels: list[str]) -> list:
    """The models of these labels whose tables are here; all of them when no label is given."""
    try:
        chosen = [apps.get_model(label) for label in labels]
    except (LookupError, ValueError) as error:
        raise CommandError(str(error)) from error
    tables = set(connection.introspection.table_names())
    return [
        model
        for model in chosen or apps.get_models(include_auto_created=True)
        if not model._meta.proxy and model._meta.db_table in tables
    ]


class CheckReferences(Action):
    help = "Find foreign keys that point at no row, writing nothing. Exit status 1: there are some."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "labels",
            nargs="*",
            metavar="app_label[.Model]",
            help="The models whose foreign keys are followed (default: all).",
        )

    def run(self, command, connection, options) -> None:
        ReferenceCheck(command, connection, options["labels"]).run()


ACTIONS: dict[str, Action] = {
    "check": Check(),
    "check-claims": CheckClaims(),
    "check-references": CheckReferences(),
    "compact": Compact(),
    "repair-moves": RepairMoves(),
}


class Command(BaseCommand):
    help = "Look after the database of django_cassandra_backend."
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in ACTIONS.items():
            sub = actions.add_parser(name, help=action.help, description=action.help)
            sub.add_argument(
                "--database",
                default=DEFAULT_DB_ALIAS,
                choices=tuple(connections),
                help='The alias of the database (default: "default").',
            )
            action.add_arguments(sub)

    def handle(self, *args, action: str, database: str, **options) -> None:
        connection = connections[database]
        if connection.vendor != "cassandra":
            raise CommandError(f"The database {database!r} is not one of django_cassandra_backend.")
        ACTIONS[action].run(self, connection, options)
