"""Test databases, sessions and checks on Astra DB, with a file for the database and a stand-in for the API."""

import os
import tempfile
from unittest import mock

import devops_api
import standin
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from test_astra_options import TOKEN, AstraTestCase
from test_cluster import REPLICATION, settings

import libcql
from django_cassandra_backend import astra_api, astra_creation, connection_checks, topology
from django_cassandra_backend.base import SCHEMA_TIMEOUT, DatabaseWrapper
from django_cassandra_backend.cursor import Cursor


class AstraDatabaseTestCase(AstraTestCase):
    databases = {"default"}

    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "astra.cql")
        self.rows = {}
        self.urls = self.enterContext(standin.cluster(self.file, self.rows))

    def wrapper(self, **changes) -> DatabaseWrapper:
        place = {"HOST": "", "PORT": "", "OPTIONS": {"secure_connect_bundle": self.bundle}}
        who = {"USER": "token", "PASSWORD": TOKEN}
        made = DatabaseWrapper(settings(**{**place, **who, **changes}), "default")
        self.addCleanup(made.close_session)
        return made

    def run_cql(self, *statements):
        with libcql.connect(libcql.local_url(self.file)) as session:
            return [list(session.execute(statement)) for statement in statements]

    def make(self, *keyspaces):
        self.run_cql(*(topology.create_keyspace(name, {**REPLICATION}) for name in keyspaces))

    def keyspaces(self) -> set:
        (rows,) = self.run_cql("SELECT keyspace_name FROM system_schema.keyspaces")
        return {name for (name,) in rows if not name.startswith("system")}

    def tables(self, keyspace) -> set:
        (rows,) = self.run_cql(
            f"SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{keyspace}'"
        )
        return {name for (name,) in rows}


class CreationTests(AstraDatabaseTestCase):
    def setUp(self):
        super().setUp()
        self.api = self.enterContext(devops_api.serving(["shop"]))
        os.environ[astra_api.URL_VARIABLE] = self.api.url
        self.enterContext(mock.patch.object(astra_api, "POLL", 0.02))
        self.enterContext(mock.patch.object(astra_creation, "PAUSE", 0.02))
        self.make("shop")

    def with_api(self):
        """What the API makes and drops there is in the database as well."""
        os.environ |= {"ASTRA_DB_ID": devops_api.ID, "ASTRA_DB_APPLICATION_TOKEN": devops_api.TOKEN}
        actions = self.api.actions
        changed = {
            "add_keyspace": lambda name: (actions.add_keyspace(name), self.make(name)),
            "drop_keyspace": lambda name: (
                actions.drop_keyspace(name),
                self.run_cql(f"DROP KEYSPACE {name}"),
            ),
        }
        self.api.actions = type(actions)(**{**vars(actions), **changed})
        return self.wrapper(USER="", PASSWORD="")

    def create(self, wrapper, **options) -> str:
        return wrapper.creation._create_test_db(0, True, **options)

    def destroy(self, wrapper, name, own="shop"):
        wrapper.settings_dict["NAME"] = name
        with mock.patch.dict("django.conf.settings.DATABASES", {"default": {}}):
            wrapper.creation.destroy_test_db(own, verbosity=0)

    def fill(self, keyspace):
        self.run_cql(
            f"CREATE TYPE {keyspace}.inner (a int)",
            f"CREATE TYPE {keyspace}.outer (a frozen<inner>)",
            f"CREATE TABLE {keyspace}.t (k int PRIMARY KEY, v frozen<outer>)",
        )

    def types(self, keyspace):
        text = f"SELECT type_name FROM system_schema.types WHERE keyspace_name = '{keyspace}'"
        return self.run_cql(text)[0]

    def test_one_that_is_there_is_emptied_and_stays(self):
        self.make("for_tests")
        self.fill("for_tests")
        self.fill("shop")
        wrapper = self.wrapper(TEST={"NAME": "for_tests"})
        self.assertEqual(self.create(wrapper), "for_tests")
        self.assertEqual((self.tables("for_tests"), self.types("for_tests")), (set(), []))
        self.run_cql("CREATE TABLE for_tests.t (k int PRIMARY KEY)")
        self.destroy(wrapper, "for_tests")
        self.assertEqual(self.tables("for_tests"), set())
        self.assertEqual(self.tables("shop"), {"t"})
        self.assertEqual(self.keyspaces(), {"shop", "for_tests"})

    def test_it_is_kept(self):
        self.make("for_tests")
        self.fill("for_tests")
        self.create(self.wrapper(TEST={"NAME": "for_tests"}), keepdb=True)
        self.assertEqual(self.tables("for_tests"), {"t"})

    def test_it_is_not_emptied_without_asking(self):
        self.make("for_tests")
        self.fill("for_tests")
        wrapper = self.wrapper(TEST={"NAME": "for_tests"})
        with (
            mock.patch("builtins.input", return_value="no") as asked,
            self.assertRaises(SystemExit),
            mock.patch.object(wrapper.creation, "log"),
        ):
            wrapper.creation._create_test_db(0, autoclobber=False)
        self.assertIn("drop all tables in it", asked.call_args.args[0])
        self.assertEqual(self.tables("for_tests"), {"t"})

    def test_without_the_api_it_says_what_to_do(self):
        with self.assertRaises(ImproperlyConfigured) as caught:
            self.create(self.wrapper())
        text = str(caught.exception)
        for words in ("`manage.py astra keyspace create test_shop`", 'TEST["NAME"]', "ASTRA_DB_ID"):
            self.assertIn(words, text)
        self.assertEqual(self.keyspaces(), {"shop"})

    def test_a_client_id_is_not_for_the_api(self):
        os.environ["ASTRA_DB_ID"] = devops_api.ID
        with self.assertRaisesMessage(ImproperlyConfigured, "Or set ASTRA_DB_ID and a token"):
            self.create(self.wrapper(USER="id", PASSWORD="secret"))

    def test_never_in_the_keyspace_of_the_project(self):
        for wrapper in (self.wrapper(TEST={"NAME": "shop"}), self.named_by_environment()):
            with self.assertRaisesMessage(ImproperlyConfigured, "would run in 'shop'"):
                wrapper.creation.create_test_db(verbosity=0, autoclobber=True)

    def named_by_environment(self):
        self.set(keyspace="shop")
        return self.wrapper(NAME="", TEST={"NAME": "shop"})

    def test_it_is_made_and_dropped_by_the_api(self):
        wrapper = self.with_api()
        self.assertEqual(self.create(wrapper), "test_shop")
        self.assertEqual(self.keyspaces(), {"shop", "test_shop"})
        self.destroy(wrapper, "test_shop")
        self.assertEqual(self.keyspaces(), {"shop"})
        self.assertEqual(self.api.keyspace_names, ["shop"])

    def test_one_of_before_is_not_dropped_by_the_api(self):
        wrapper = self.with_api()
        self.api.actions.add_keyspace("test_shop")
        self.create(wrapper)
        self.destroy(wrapper, "test_shop")
        self.assertEqual(self.keyspaces(), {"shop", "test_shop"})

    def test_clones(self):
        wrapper = self.with_api()
        wrapper.settings_dict["NAME"] = "test_shop"
        with mock.patch("django_cassandra_backend.creation.call_command"):
            for number in ("1", "2"):
                wrapper.creation.clone_test_db(number, verbosity=0)
        self.assertEqual(self.keyspaces(), {"shop", "test_shop_1", "test_shop_2"})
        for number in ("1", "2"):
            wrapper.creation.destroy_test_db(verbosity=0, suffix=number)
        self.assertEqual(self.keyspaces(), {"shop"})

    def test_an_error_of_the_api(self):
        wrapper = self.with_api()
        self.api.status.now = "HIBERNATED"
        with self.assertRaisesMessage(ImproperlyConfigured, "could not be made: 127.0.0.1"):
            self.create(wrapper)

    def test_an_id_of_another_database(self):
        os.environ |= {"ASTRA_DB_ID": devops_api.ID, "ASTRA_DB_APPLICATION_TOKEN": devops_api.TOKEN}
        with (
            mock.patch.object(astra_creation, "SEEN_TIMEOUT", 0.1),
            self.assertRaisesMessage(ImproperlyConfigured, "is ASTRA_DB_ID the id of another one?"),
        ):
            self.create(self.wrapper(USER="", PASSWORD=""))


class ConnectionTests(AstraDatabaseTestCase):
    def found(self, **changes):
        return connection_checks.check_cluster(self.wrapper(**changes))

    def test_a_missing_keyspace(self):
        with self.assertRaisesMessage(OperationalError, "`manage.py astra keyspace create shop`"):
            self.wrapper().ensure_connection()
        (message,) = self.found()
        self.assertEqual(message.id, "cassandra.E022")
        self.assertIn("`manage.py astra keyspace create shop`", message.msg)
        self.assertEqual(self.keyspaces(), set())

    def test_releases_are_astras_own(self):
        self.make("shop")
        self.rows["release_version"] = [("4.0.0.6816",)]
        wrapper = self.wrapper()
        wrapper.check_database_version_supported()
        self.rows.clear()
        with mock.patch.object(topology, "release", return_value=(4, 0)):
            self.assertEqual(self.found(), [])

    def test_what_to_do(self):
        error = libcql.OperationalError("the metadata service refuses")
        with mock.patch.object(libcql, "connect", side_effect=error):
            (message,) = self.found()
        self.assertEqual(message.id, "cassandra.E020")
        self.assertIn("manage.py astra resume", message.hint)
        error.code = "CREDENTIALS"
        with mock.patch.object(libcql, "connect", side_effect=error):
            (message,) = self.found()
        self.assertEqual(message.id, "cassandra.E021")
        self.assertIn("refuses the token", message.msg)

    def test_a_change_of_the_schema_has_time(self):
        self.make("shop")
        wrapper, seen = self.wrapper(), []
        real = Cursor.send

        def send(cursor, cql, values=None, **options):
            seen.append(cursor.connection.patience)
            return real(cursor, cql, values, **options)

        with mock.patch.object(Cursor, "send", send):
            with wrapper.schema_editor() as editor:
                editor.execute("CREATE TABLE shop.t (k int PRIMARY KEY)")
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT k FROM shop.t")
        self.assertEqual(seen, [SCHEMA_TIMEOUT, None])
