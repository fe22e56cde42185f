"""Test databases: in memory, and one copy of it for each parallel worker."""

import os
import sys
import tempfile

from django.db.backends.base.creation import BaseDatabaseCreation

from . import sessions
from .compat import serialize_argument
from .options import MEMORY

CLONE_PREFIX = "django-cassandra-test-"


class DatabaseCreation(BaseDatabaseCreation):
    """A test run never touches the project's file: OPTIONS["local"] is replaced while it lasts."""

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

    def _get_test_db_name(self):
        name = self.connection.settings_dict["TEST"].get("NAME")
        return name or f"test_{self.connection.settings.keyspace}"[:48]

    def test_db_signature(self):
        return (*super().test_db_signature(), str(self._options().get("local")))

    def create_test_db(self, verbosity=1, autoclobber=False, serialize=None, keepdb=False):
        self._project_local = self._options().get("local")
        arguments = serialize_argument(serialize)
        return super().create_test_db(verbosity, autoclobber, keepdb=keepdb, **arguments)

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
        sessions.release(self.connection.settings.url, self.connection.settings.keyspace)

    def _worker_keyspace(self) -> str:
        """The test keyspace: forked workers have its name already, spawned ones begin with the project's."""
        current = self.connection.settings_dict["NAME"]
        wanted = self.connection.settings_dict["TEST"].get("NAME")
        if wanted:
            return wanted
        return current if str(current).startswith("test_") else self._get_test_db_name()


def _remove(path: str) -> None:
    for file in (path, f"{path}-wal", f"{path}-shm"):
        if os.path.exists(file):
            os.remove(file)
