"""Test databases: in memory, or a keyspace `test_NAME` on a cluster; and one copy of it for each parallel worker."""

import contextlib
import os
import sys
import tempfile

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db.backends.base.creation import TEST_DATABASE_PREFIX, BaseDatabaseCreation

from . import astra_options, cluster_options, sessions, topology
from .compat import serialize_argument
from .options import MEMORY, read_options

CLONE_PREFIX = "django-cassandra-test-"


def creation_of(connection) -> "DatabaseCreation":
    """What makes test databases, for a file, a cluster or Astra DB: the settings tell at once which of them it is."""
    options = connection.settings_dict.get("OPTIONS") or {}
    if options.get("local"):
        return FileCreation(connection)
    if astra_options.is_astra(connection.settings_dict):
        from .astra_creation import AstraCreation

        return AstraCreation(connection)
    return ClusterCreation(connection)


class DatabaseCreation(BaseDatabaseCreation):
    """What both kinds share: a test run never touches the project's own keyspace."""

    def _get_test_db_name(self):
        name = self.connection.settings_dict["TEST"].get("NAME")
        return name or f"{TEST_DATABASE_PREFIX}{self._project_keyspace()}"[:48]

    def _project_keyspace(self) -> str:
        return self.connection.settings.keyspace

    def _worker_keyspace(self):
        """The test keyspace: forked workers have its name already, spawned ones begin with the project's."""
        current = self.connection.settings_dict["NAME"]
        wanted = self.connection.settings_dict["TEST"].get("NAME")
        if wanted:
            return wanted
        is_test = str(current).startswith(TEST_DATABASE_PREFIX)
        return current if is_test else self._get_test_db_name()

    def create_test_db(self, verbosity=1, autoclobber=False, serialize=None, keepdb=False):
        arguments = serialize_argument(serialize)
        return super().create_test_db(verbosity, autoclobber, keepdb=keepdb, **arguments)


class FileCreation(DatabaseCreation):
    """OPTIONS["local"] is replaced while tests run."""

    def _options(self) -> dict:
        return self.connection.settings_dict["OPTIONS"]

    def _use(self, local: str, keyspace: str | None = None) -> None:
        settings_dict = self.connection.settings_dict
        settings_dict["OPTIONS"] = {**settings_dict["OPTIONS"], "local": local}
        if keyspace is not None:
            settings_dict["NAME"] = keyspace

    def _test_file(self, keepdb: bool) -> str:
        """Where the test database lives: in memory; with --keepdb in a file beside the project's."""
        local = os.fspath(self._options().get("local") or MEMORY)
        return f"{local}.test" if keepdb and local != MEMORY else MEMORY

    def test_db_signature(self):
        return (*super().test_db_signature(), str(self._options().get("local")))

    def create_test_db(self, verbosity=1, autoclobber=False, serialize=None, keepdb=False):
        self._project_local = self._options().get("local")
        return super().create_test_db(verbosity, autoclobber, serialize, keepdb)

    def _create_test_db(self, verbosity, autoclobber, keepdb=False):
        keyspace = self._get_test_db_name()
        local = self._test_file(keepdb)
        self.connection.close_session()
        self._use(local, keyspace)
        if verbosity >= 1:
            self.log(
                f"The test database of {self.connection.alias!r} is {local}, keyspace {keyspace!r}."
            )
        return keyspace

    def _destroy_test_db(self, test_database_name, verbosity):
        self.connection.close_session()

    def destroy_test_db(self, old_database_name=None, verbosity=1, keepdb=False, suffix=None):
        local = self._options().get("local")
        if keepdb:
            self.connection.close_session()  # _destroy_test_db(), which closes it, is not called
        super().destroy_test_db(old_database_name, verbosity, keepdb, suffix)
        if suffix is not None:
            if not keepdb:
                _remove(self._clone_path(suffix))
            return
        if old_database_name is not None:
            self._use(getattr(self, "_project_local", local), old_database_name)

    # --- parallel workers ---

    def get_test_db_clone_settings(self, suffix):
        original = self.connection.settings_dict
        return {**original, "OPTIONS": {**original["OPTIONS"], "local": self._clone_path(suffix)}}

    def _clone_path(self, suffix) -> str:
        """The file of one worker's copy; its name holds the process that made it."""
        owner = os.environ.setdefault("DJANGO_CASSANDRA_TEST_RUN", str(os.getpid()))
        name = f"{CLONE_PREFIX}{owner}-{self.connection.alias}-{suffix}.cql"
        return os.path.join(tempfile.gettempdir(), name)

    def _clone_test_db(self, suffix, verbosity, keepdb=False):
        path = self._clone_path(suffix)
        if os.path.exists(path) and keepdb:
            return
        _remove(path)
        try:
            self.connection.session.backup(path)
        except self.connection.Database.Error as error:
            self.log(f"Got an error cloning the test database: {error}")
            sys.exit(2)

    def setup_worker_connection(self, _worker_id):
        """In a worker: use its copy. A worker that was spawned has read the project's settings anew."""
        settings_dict = self.get_test_db_clone_settings(str(_worker_id))
        settings_dict["NAME"] = self._worker_keyspace()
        self.connection.settings_dict.update(settings_dict)
        self.connection.close()
        sessions.release(self.connection.settings)


class ClusterCreation(DatabaseCreation):
    """A keyspace of its own for tests, made and dropped on the cluster of the project."""

    def create_test_db(self, verbosity=1, autoclobber=False, serialize=None, keepdb=False):
        self._own = self._project_keyspace()
        return super().create_test_db(verbosity, autoclobber, serialize, keepdb)

    def _get_test_db_name(self):
        """Never the project's keyspace, whatever TEST["NAME"] says."""
        name = super()._get_test_db_name()
        own = getattr(self, "_own", self._project_keyspace())
        if name == own:
            raise ImproperlyConfigured(
                f"The tests of {self.connection.alias!r} would run in {own!r}, the keyspace of the project. "
                'Give TEST["NAME"] another name.'
            )
        return name

    def _create_test_db(self, verbosity, autoclobber, keepdb=False):
        keyspace = self._get_test_db_name()
        self.connection.close_session()
        with (
            self.connection.wrap_database_errors,
            sessions.administering(self._settings()) as session,
        ):
            exists = topology.keyspace_exists(session, keyspace)
            if exists and not keepdb:
                self._confirm(keyspace, autoclobber)
                self._drop(session, keyspace)
            if not (exists and keepdb):
                self._make(session, keyspace)
        if verbosity >= 1:
            self.log(
                f"The test database of {self.connection.alias!r} is the keyspace {keyspace!r}."
            )
        return keyspace

    def _settings(self):
        return read_options(self.connection.settings_dict)

    #: What becomes of a keyspace that is there already.
    fate = "drop it and all that is in it"

    def _confirm(self, keyspace: str, autoclobber: bool) -> None:
        if autoclobber:
            return
        question = f"The keyspace {keyspace!r} exists already. Type 'yes' to {self.fate}: "
        if input(question) != "yes":
            self.log("Tests cancelled.")
            sys.exit(1)

    def _make(self, session, keyspace: str) -> None:
        options = self._settings()
        wanted = cluster_options.replication(
            self.connection.settings_dict["TEST"].get("REPLICATION"), 'TEST["REPLICATION"]'
        )
        wanted = wanted or options.replication or topology.replication(session, options.local_dc)
        session.execute(topology.create_keyspace(keyspace, wanted))

    def _drop(self, session, keyspace: str) -> None:
        self._refuse_own(keyspace)
        session.execute(f'DROP KEYSPACE IF EXISTS "{keyspace}"')

    def _refuse_own(self, keyspace: str) -> None:
        """The last guard: nothing is dropped but keyspaces of tests."""
        if keyspace == getattr(self, "_own", None):
            raise ImproperlyConfigured(
                f"{keyspace!r} is the keyspace of the project, and not dropped."
            )

    def _destroy_test_db(self, test_database_name, verbosity):
        self.connection.close_session()
        with (
            self.connection.wrap_database_errors,
            sessions.administering(self._settings()) as session,
        ):
            self._drop(session, test_database_name)

    def destroy_test_db(self, old_database_name=None, verbosity=1, keepdb=False, suffix=None):
        self._own = old_database_name or getattr(self, "_own", None)
        if keepdb:
            self.connection.close_session()  # _destroy_test_db(), which closes it, is not called
        super().destroy_test_db(old_database_name, verbosity, keepdb, suffix)

    # --- parallel workers: a keyspace for each, made by migrations ---

    def get_test_db_clone_settings(self, suffix):
        original = self.connection.settings_dict
        return {**original, "NAME": _clone_name(original["NAME"], suffix)}

    def _clone_test_db(self, suffix, verbosity, keepdb=False):
        """CQL copies no keyspace. Migrations make the clone as they made the first one, rows of data migrations included."""
        connection, settings_dict = self.connection, self.connection.settings_dict
        source = settings_dict["NAME"]
        keyspace = _clone_name(source, suffix)
        with connection.wrap_database_errors, sessions.administering(self._settings()) as session:
            exists = topology.keyspace_exists(session, keyspace)
            if exists and not keepdb:
                self._drop(session, keyspace)
            if not (exists and keepdb):
                self._make(session, keyspace)
        connection.close()
        settings_dict["NAME"] = keyspace
        try:
            self._migrate(max(verbosity - 1, 0))
        finally:
            connection.close_session()
            settings_dict["NAME"] = source

    def _migrate(self, verbosity: int) -> None:
        alias = self.connection.alias
        with _migrations_off(self.connection.settings_dict["TEST"].get("MIGRATE") is False):
            call_command(
                "migrate", verbosity=verbosity, interactive=False, database=alias, run_syncdb=True
            )
        call_command("createcachetable", database=alias)

    def setup_worker_connection(self, _worker_id):
        """In a worker: use its keyspace."""
        settings_dict = self.connection.settings_dict
        settings_dict["NAME"] = _clone_name(self._worker_keyspace(), str(_worker_id))
        self.connection.close()
        sessions.release(self.connection.settings)


def _clone_name(keyspace: str, suffix) -> str:
    ending = f"_{suffix}"
    return keyspace[: 48 - len(ending)] + ending


@contextlib.contextmanager
def _migrations_off(off: bool):
    """TEST["MIGRATE"] = False: tables are made from the models."""
    old = settings.MIGRATION_MODULES
    if off:
        settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    try:
        yield
    finally:
        settings.MIGRATION_MODULES = old


def _remove(path: str) -> None:
    for file in (path, f"{path}-wal", f"{path}-shm"):
        if os.path.exists(file):
            os.remove(file)
