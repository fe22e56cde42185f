"""DatabaseWrapper: wires the parts together, and says what atomic() means without transactions."""

import contextlib
import copy

from django.core import checks as django_checks
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.asyncio import async_unsafe
from django.utils.functional import cached_property

from . import checks, dbapi, guardrail_checks, sessions, topology
from .budget import in_maintenance
from .client import DatabaseClient
from .creation import creation_of
from .cursor import Cursor
from .features import DatabaseFeatures
from .introspection import DatabaseIntrospection
from .operations import DatabaseOperations
from .options import Options, read_options
from .relational.database import Database
from .relational.dialect import Dialect
from .retry import Attempts
from .schema import DatabaseSchemaEditor
from .types import CHECKS, DATA_TYPES
from .validation import DatabaseValidation

SCHEMA_TIMEOUT = 60.0  # seconds; Astra DB changes its schema in some, and many when it is busy
#: Settings beside OPTIONS that say where the database is.
_READ = ("NAME", "HOST", "PORT", "USER", "PASSWORD")


class Handle:
    """What a thread's connection holds: a share of the process's session. Closing it gives back the share."""

    def __init__(self, session):
        self._session = session

    @property
    def session(self):
        if self._session is None:
            raise dbapi.InterfaceError("the connection is closed")
        return self._session

    def close(self) -> None:
        self._session = None


class DatabaseWrapper(BaseDatabaseWrapper):
    vendor = "cassandra"
    display_name = "Cassandra"
    data_types = DATA_TYPES
    data_type_check_constraints = CHECKS
    operators = {}
    Database = dbapi
    SchemaEditorClass = DatabaseSchemaEditor
    client_class = DatabaseClient
    creation_class = staticmethod(creation_of)
    features_class = DatabaseFeatures
    introspection_class = DatabaseIntrospection
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation

    def __init__(self, settings_dict, alias="default"):
        super().__init__(settings_dict, alias)
        self._lifted = 0
        self.patience: float | None = None  # seconds for each statement; None: OPTIONS say it
        self._settings_source: tuple | None = None
        self._relational: Database | None = None

    # --- settings ---

    @property
    def settings(self) -> Options:
        """The settings as they are now: a test run changes them under a connection."""
        now = self.settings_dict
        options = now.get("OPTIONS") or {}
        source = ([now.get(name) for name in _READ], options)
        if self._settings_source != source:
            self._settings = read_options(now)
            self._settings_source = (source[0], copy.deepcopy(options))
        return self._settings

    @property
    def scan_budget(self) -> int | None:
        """Rows that a query may read and not return; None: as many as it takes."""
        return None if self._lifted else self.settings.scan_budget

    @property
    def budget_now(self) -> int | None:
        """The budget of a query that starts now: management commands have none."""
        budget = self.scan_budget
        return None if budget is not None and in_maintenance() else budget

    @contextlib.contextmanager
    def lift_scan_budget(self):
        """Queries in this block may read as many rows as they need: for maintenance, not for requests."""
        self._lifted += 1
        try:
            yield
        finally:
            self._lifted -= 1

    @contextlib.contextmanager
    def wait_for_schema(self):
        """In this block a statement has the time that a change of the schema takes on Astra DB."""
        before = self.patience
        if self.settings.is_astra:
            self.patience = SCHEMA_TIMEOUT
        try:
            yield
        finally:
            self.patience = before

    def attempts(self) -> Attempts:
        """The tries of one conditional write among competitors."""
        return Attempts(self.settings.write_attempts, sessions.queue(self.session))

    @property
    def uses_aware_datetimes(self) -> bool:
        return self.timezone is not None

    # --- connection ---

    def get_connection_params(self) -> dict:
        return {"options": self.settings}

    @async_unsafe
    def get_new_connection(self, conn_params) -> Handle:
        return Handle(sessions.acquire(**conn_params))

    def create_cursor(self, name=None) -> Cursor:
        return Cursor(self)

    @property
    def session(self):
        """The libcql session, opened if need be: prepared statements, batches, paging are its own words."""
        self.ensure_connection()
        return self.connection.session

    @cached_property
    def dialect(self) -> Dialect:
        """What compiles SQL for it."""
        return Dialect(self)

    @property
    def relational(self) -> Database:
        """SQLite over the tables of the keyspace, for what CQL alone cannot answer."""
        session = self.session
        if self._relational is None:
            keyspace = self.settings.keyspace
            self._relational = sessions.spare(session) or Database(session, keyspace)
        return self._relational

    def _close(self):
        if self._relational is not None:
            sessions.keep(self._relational.session, self._relational)
            self._relational = None
        super()._close()

    @async_unsafe
    def close_session(self) -> None:
        """Close the session that all connections with these settings share."""
        self.close()
        sessions.release(self.settings)

    def is_usable(self) -> bool:
        try:
            self.session.execute("SELECT key FROM system.local", consistency=topology.LEVEL)
        except self.Database.Error:
            return False
        return True

    def is_in_memory_db(self) -> bool:
        return self.settings.in_memory

    @cached_property
    def cassandra_version(self) -> tuple[int, ...]:
        with self.cursor() as cursor:
            row = cursor.execute("SELECT release_version FROM system.local").one()
        return topology.release(row["release_version"])

    def get_database_version(self) -> tuple[int, ...]:
        return self.cassandra_version

    def check_database_version_supported(self) -> None:
        """Scylla names a version of Cassandra that it was once compatible with; a check says what it is. Astra DB, which
        nobody can update, has releases of its own."""
        if self.settings.is_astra:
            return
        too_old = self.cassandra_version < self.features.minimum_database_version
        if not (too_old and topology.is_scylla(self.session)):
            super().check_database_version_supported()

    # --- atomic(): blocks without rollback. docs: topics/transactions ---

    def _set_autocommit(self, autocommit) -> None:
        """Every statement is its own transaction."""

    def _start_transaction_under_autocommit(self) -> None:
        """Nothing to start, and no BEGIN in the query log."""

    def _commit(self) -> None:
        """What was written stays written; on_commit hooks run after this."""

    def _rollback(self) -> None:
        """What was written stays written; on_commit hooks are dropped."""

    def _savepoint_allowed(self) -> bool:
        # A nested atomic() then contains an error, so that get_or_create() in a view's block survives
        # an IntegrityError, as on other databases.
        return self.in_atomic_block

    def _savepoint(self, sid) -> None:
        """A mark in a block that cannot be rolled back."""

    def _savepoint_rollback(self, sid) -> None:
        """What was written stays written."""

    def _savepoint_commit(self, sid) -> None:
        """What was written stays written."""

    # --- constraints: foreign keys are indexed, not enforced ---

    def disable_constraint_checking(self) -> bool:
        return True

    def check_constraints(self, table_names=None) -> None:
        """Find rows whose foreign key points at no row. IntegrityError names the first."""
        from .orphans import find

        with self.lift_scan_budget():
            find(self, table_names)


django_checks.register(checks.check_models, django_checks.Tags.models)
django_checks.register(checks.check_settings, django_checks.Tags.database)
django_checks.register(guardrail_checks.check_guardrails, django_checks.Tags.models)
