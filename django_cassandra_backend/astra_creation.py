"""Test databases on Astra DB, which refuses CREATE and DROP KEYSPACE to everybody.

A keyspace for tests that is there is emptied and left. One that is not is made through the DevOps API, and dropped
through it afterwards; without the API the error says what to do."""

import os
import time

from django.core.exceptions import ImproperlyConfigured

from . import astra_api, astra_options, topology
from .creation import ClusterCreation
from .dbapi import InvalidRequest

API_TIMEOUT = 300.0  # seconds for a keyspace
SEEN_TIMEOUT = 60.0  # until the node that is asked knows it
PAUSE = 0.5
_TYPE_DEPTH = 20  # of user types in user types


class AstraCreation(ClusterCreation):
    """As on a cluster; only how keyspaces come and go differs."""

    fate = "drop all tables in it"

    def __init__(self, connection):
        super().__init__(connection)
        self._made: set[str] = set()  # keyspaces that we made: those are ours to drop

    def test_db_signature(self):
        """Two databases have two bundles."""
        bundle = (self.connection.settings_dict.get("OPTIONS") or {}).get(astra_options.BUNDLE)
        return (*super().test_db_signature(), str(bundle))

    def _make(self, session, keyspace: str) -> None:
        if topology.keyspace_exists(session, keyspace):  # it was emptied
            return
        client, database_id = self._api(keyspace)
        try:
            client.create_keyspace(database_id, keyspace)
            self._made.add(keyspace)
            self._wait(client, database_id, lambda one: keyspace in one.keyspaces)
        except astra_api.ApiError as error:
            raise ImproperlyConfigured(
                f"The keyspace {keyspace!r} of the tests could not be made: {error}"
            ) from None
        self._wait_until_seen(session, keyspace)

    def _drop(self, session, keyspace: str) -> None:
        self._refuse_own(keyspace)
        if keyspace not in self._made:
            empty(session, keyspace)
            return
        client, database_id = self._api(keyspace)
        try:
            client.drop_keyspace(database_id, keyspace)
            self._wait(client, database_id, lambda one: keyspace not in one.keyspaces)
        except astra_api.ApiError as error:
            self.log(f"The keyspace {keyspace!r} of the tests is still there: {error}")
        self._made.discard(keyspace)

    def _wait(self, client: astra_api.Client, database_id: str, until) -> None:
        """A database in maintenance makes no keyspaces, and there may be more to come."""
        astra_api.wait(client, database_id, timeout=API_TIMEOUT, until=until)

    def _wait_until_seen(self, session, keyspace: str) -> None:
        end = time.monotonic() + SEEN_TIMEOUT
        while not topology.keyspace_exists(session, keyspace):
            if time.monotonic() > end:
                raise ImproperlyConfigured(
                    f"The API has made the keyspace {keyspace!r}, and the database of {self.connection.alias!r} does not "
                    f"know it: is {astra_options.ID_VARIABLE} the id of another one?"
                )
            time.sleep(PAUSE)

    def _api(self, keyspace: str) -> tuple[astra_api.Client, str]:
        """The API and the id of the database, or an error that says how tests get their keyspace."""
        database_id = os.environ.get(astra_options.ID_VARIABLE)
        try:
            token = self._token()
            if database_id and token:
                return astra_api.Client(token), database_id
        except astra_api.ApiError as error:
            raise ImproperlyConfigured(str(error)) from None
        raise ImproperlyConfigured(
            f"The tests of {self.connection.alias!r} need the keyspace {keyspace!r}, and Astra DB makes none by CQL. Make it "
            f"(`manage.py astra keyspace create {keyspace}`), or name one that is there, other than the project's, in "
            f'TEST["NAME"]; tests drop the tables in it. Or set {astra_options.ID_VARIABLE} and a token '
            f"({astra_options.TOKEN_VARIABLES[0]}), and the tests make and drop it themselves. Parallel tests need one more "
            "for each worker, with _1, _2 … behind its name."
        )

    def _token(self) -> astra_api.Token | None:
        """That of the settings, else that of the environment: a client id and secret are not for the API."""
        settings_dict = self.connection.settings_dict
        if settings_dict.get("USER") == astra_options.TOKEN_USER:
            return astra_api.checked_token(settings_dict.get("PASSWORD") or "", "PASSWORD")
        return astra_api.token_in(os.environ, astra_options.TOKEN_VARIABLES)


def empty(session, keyspace: str) -> None:
    """Drop all tables of a keyspace, with their indexes, and all its types."""
    for name in _names(session, "tables", "table_name", keyspace):
        session.execute(f'DROP TABLE IF EXISTS "{keyspace}"."{name}"')
    for _ in range(_TYPE_DEPTH):
        left = _names(session, "types", "type_name", keyspace)
        if not left:
            return
        for name in left:
            try:
                session.execute(f'DROP TYPE IF EXISTS "{keyspace}"."{name}"')
            except InvalidRequest:  # another type has it; once more when that is gone
                continue


def _names(session, table: str, column: str, keyspace: str) -> list[str]:
    text = f"SELECT {column} FROM system_schema.{table} WHERE keyspace_name = ?"
    return [name for (name,) in session.execute(text, [keyspace], consistency=topology.LEVEL)]
