"""manage.py astra ACTION: what is done to an Astra database over its DevOps API. An action is one class, and a line in ACTIONS.

The token comes from the environment or from a file. It is no argument, which others could see in the list of processes."""

import argparse
import io
import os
import re
import zipfile

from django.core.management.base import BaseCommand, CommandError

from ... import astra_options, dotenv_file, private_files
from ...astra_api import (
    ACTIVE,
    HIBERNATED,
    ApiError,
    Client,
    Database,
    Token,
    checked_token,
    token_in,
    wait,
)
from ...options import KEYSPACE
from ..progress import Progress

RESUME_TIMEOUT = 600.0  # seconds
KEYSPACE_TIMEOUT = 300.0

EPILOG = f"""\
The database is the one of the environment variable {astra_options.ID_VARIABLE}, or of --database. The token is the
one of {", ".join(astra_options.TOKEN_VARIABLES)} (the first that is set), or in the
file of --token-file; its role has to be Database Administrator or more. Both stand in
the .env that the Astra CLI writes, if your settings load it."""


class Action:
    """What one subcommand does. `help` is its line in the list; run() raises CommandError or ApiError when it fails."""

    help = ""

    def add_arguments(self, parser) -> None:
        """Options of this action alone."""

    def run(self, command: BaseCommand, place: "Place", options: dict) -> None:
        raise NotImplementedError


class Place:
    """The API with a token, and the database that is meant."""

    def __init__(self, options: dict):
        self.token = _token(options["token_file"])
        self.client = Client(self.token)
        self.database = self._find(options["database"])

    def _find(self, wanted: str | None) -> Database:
        if wanted:
            return self.client.find(wanted)
        if database_id := os.environ.get(astra_options.ID_VARIABLE):
            return self.client.database(database_id)
        known = "; ".join(f"{one.name} ({one.id})" for one in self.client.databases()) or "none"
        raise CommandError(
            f"Which database? Set {astra_options.ID_VARIABLE}, or use --database NAME_OR_ID. The token knows: {known}."
        )


def _token(file: str | None) -> Token:
    if file is not None:
        try:
            with open(os.path.expanduser(file), encoding="utf-8") as stream:
                return checked_token(stream.read(), f"What is in {file}")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(
                f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}."
            ) from None
    token = token_in(os.environ, astra_options.TOKEN_VARIABLES)
    if token is None:
        raise CommandError(
            f"There is no token. Set the environment variable {astra_options.TOKEN_VARIABLES[0]}, or use --token-file FILE."
        )
    return token


def _waited(command, place: Place, timeout: float, **more) -> Database:
    with Progress(command.stderr) as progress:
        return wait(place.client, place.database.id, timeout=timeout, progress=progress, **more)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError("a number of seconds, above 0 and up to a day")
    return value


def _path_of_token(text: str) -> str:
    return _no_token(text) if text.startswith("AstraCS:") else text


def _no_token(_text: str) -> str:
    """An error that does not repeat the token, as argparse would."""
    raise argparse.ArgumentTypeError(
        "a token on the command line is seen by others: put it into the environment, or into the file of --token-file"
    )


# --- the actions ---


class Status(Action):
    help = "Tell the state, regions and keyspaces of the database."

    def run(self, command, place, options) -> None:
        database = place.database
        command.stdout.write(f"{database.name} ({database.id}): {database.status}")
        command.stdout.write(f"regions: {', '.join(database.regions) or 'none'}")
        command.stdout.write(f"keyspaces: {', '.join(database.keyspaces) or 'none'}")
        if database.status == HIBERNATED:
            command.stdout.write("`manage.py astra resume` wakes it.")


class Resume(Action):
    help = "Wake a database that hibernates, and wait until it is active."

    def add_arguments(self, parser) -> None:
        _add_timeout(parser, RESUME_TIMEOUT)

    def run(self, command, place, options) -> None:
        if place.database.status == ACTIVE:
            command.stdout.write(f"{place.database.name} is ACTIVE already.")
            return
        _waited(command, place, options["timeout"], touch=True)
        command.stdout.write(f"{place.database.name} is ACTIVE.")


class CreateKeyspace(Action):
    help = "Make a keyspace, and wait until the database is active again."

    def add_arguments(self, parser) -> None:
        parser.add_argument("name", metavar="NAME", help="The keyspace. One that exists is left.")
        _add_timeout(parser, KEYSPACE_TIMEOUT)

    def run(self, command, place, options) -> None:
        name, database = options["name"], place.database
        if KEYSPACE.fullmatch(name) is None:
            raise CommandError(
                f"A keyspace has at most 48 letters, digits and underscores: not {name!r}."
            )
        if name in database.keyspaces:
            command.stdout.write(f"{database.name} has the keyspace {name!r} already.")
            return
        if database.status != ACTIVE:
            raise CommandError(
                f"{database.name} is {database.status}. `manage.py astra resume` waits until it is active."
            )
        place.client.create_keyspace(database.id, name)
        _waited(command, place, options["timeout"], until=lambda one: name in one.keyspaces)
        command.stdout.write(f"{database.name} has the keyspace {name!r} now.")


class Bundle(Action):
    help = "Download the secure connect bundle into a file that only its owner can read."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--output",
            metavar="PATH",
            help=f"Default: {astra_options.BUNDLE_VARIABLE}, or secure-connect-NAME.zip in the current directory.",
        )
        parser.add_argument("--region", help="Of a database in several regions: which one's.")
        parser.add_argument("--force", action="store_true", help="Replace a file that is there.")

    def run(self, command, place, options) -> None:
        path = options["output"] or os.environ.get(astra_options.BUNDLE_VARIABLE)
        path = os.path.abspath(os.path.expanduser(path or _bundle_name(place.database)))
        if os.path.lexists(path) and not options["force"]:
            raise CommandError(f"{path} is there already. --force replaces it.")
        data = place.client.bundle(place.database, options["region"])
        if not _is_bundle(data):
            raise CommandError("What was downloaded is no secure connect bundle. Try again.")
        try:
            private_files.write(path, data, replace=options["force"])
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        command.stdout.write(f"The bundle of {place.database.name} is in {path}, with mode 600.")


class Dotenv(Action):
    help = "Write what the settings read into .env, or complete the ASTRA_ lines there; other lines stay as they are."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--file", default=".env", metavar="PATH", help="Default: .env")
        parser.add_argument(
            "--keyspace",
            help=f"Default: {astra_options.KEYSPACE_VARIABLE}, or the database's first.",
        )
        parser.add_argument(
            "--bundle",
            metavar="PATH",
            help=f"Default: {astra_options.BUNDLE_VARIABLE}, or the file that `astra bundle` makes.",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Also replace ASTRA_ lines that have another value.",
        )

    def run(self, command, place, options) -> None:
        path = os.path.realpath(os.path.expanduser(options["file"]))  # through a link, if it is one
        try:
            before = _read(path)
            after, changes = dotenv_file.complete(
                before,
                self._wanted(place, options),
                replace=options["force"],
                synonyms=[astra_options.TOKEN_VARIABLES],
            )
            private_files.write(path, after.encode("utf-8", "surrogateescape"), replace=True)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        except ValueError as error:
            raise CommandError(f"{path} stays as it is: {error}.") from None
        for name, change in changes.items():
            command.stdout.write(f"{name}: {change}")
        command.stdout.write(f"{path} has mode 600. Keep it out of version control.")

    def _wanted(self, place: Place, options: dict) -> dict[str, str]:
        database, environ = place.database, os.environ
        keyspace = options["keyspace"] or environ.get(astra_options.KEYSPACE_VARIABLE)
        bundle = options["bundle"] or environ.get(astra_options.BUNDLE_VARIABLE)
        wanted = {
            astra_options.TOKEN_VARIABLES[0]: str.__str__(place.token),
            astra_options.ID_VARIABLE: database.id,
            "ASTRA_DB_REGION": database.regions[0] if database.regions else "",
            astra_options.KEYSPACE_VARIABLE: keyspace or database.keyspace or "",
            astra_options.BUNDLE_VARIABLE: os.path.abspath(
                os.path.expanduser(bundle or _bundle_name(database))
            ),
        }
        return {name: value for name, value in wanted.items() if value}


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _bundle_name(database: Database) -> str:
    return f"secure-connect-{re.sub(r'[^A-Za-z0-9_.-]', '-', database.name)}.zip"


def _is_bundle(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.rpartition("/")[2] == "config.json" for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


# --- the command ---

#: By their words: ACTIONS["keyspace create"] is called `astra keyspace create`.
ACTIONS: dict[str, Action] = {
    "status": Status(),
    "resume": Resume(),
    "keyspace create": CreateKeyspace(),
    "bundle": Bundle(),
    "dotenv": Dotenv(),
}
_GROUPS = {"keyspace": "Keyspaces of the database."}


def _add_timeout(parser, default: float) -> None:
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=default,
        metavar="SECONDS",
        help=f"How long to wait (default: {default:g}).",
    )


class Command(BaseCommand):
    help = "Look after an Astra database: wake it, make keyspaces, fetch its bundle, write .env."
    requires_system_checks = []

    def create_parser(self, prog_name, subcommand, **kwargs):
        kwargs.setdefault("epilog", EPILOG)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        groups = {}
        for words, action in ACTIONS.items():
            group, _, name = words.rpartition(" ")
            if group and group not in groups:
                one = actions.add_parser(group, help=_GROUPS[group], description=_GROUPS[group])
                groups[group] = one.add_subparsers(dest="of_group", required=True, metavar="ACTION")
            where = groups[group] if group else actions
            sub = where.add_parser(name, help=action.help, description=action.help, epilog=EPILOG)
            sub.set_defaults(words=words)
            sub.add_argument(
                "--database", metavar="NAME_OR_ID", help=f"Default: {astra_options.ID_VARIABLE}."
            )
            sub.add_argument(
                "--token-file",
                metavar="PATH",
                type=_path_of_token,
                help="A file with the token and nothing else.",
            )
            sub.add_argument("--token", type=_no_token, help=argparse.SUPPRESS)
            action.add_arguments(sub)

    def handle(self, *args, words: str, **options) -> None:
        try:
            ACTIONS[words].run(self, Place(options), options)
        except ApiError as error:
            raise CommandError(str(error)) from None
