"""A cluster's keyspaces, test databases, checks and shell, without a cluster: see standin.py."""

import configparser
import datetime
import os
import pathlib
import stat
import tempfile
import uuid
from unittest import mock

import standin
from bookings.models import Author
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import OperationalError, connections
from django.test import SimpleTestCase

import libcql
from django_cassandra_backend import client, connection_checks, sessions, topology
from django_cassandra_backend.base import DatabaseWrapper
from django_cassandra_backend.cursor import Cursor
from django_cassandra_backend.management.commands.cql import ACTIONS

REPLICATION = {"class": "NetworkTopologyStrategy", "datacenter1": 1}


def settings(**changes) -> dict:
    """A whole entry of DATABASES."""
    base = {**connections["default"].settings_dict, "NAME": "shop", "HOST": "db1", "OPTIONS": {}}
    test = {**base["TEST"], "NAME": None, **changes.pop("TEST", {})}
    return {**base, "USER": "", "PASSWORD": "", "TEST": test, **changes}


class ClusterTestCase(SimpleTestCase):
    databases = {"default"}

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.file = os.path.join(folder, "cluster.cql")
        self.rows: dict = {}
        self.urls = self.enterContext(standin.cluster(self.file, self.rows))

    def wrapper(self, **changes) -> DatabaseWrapper:
        made = DatabaseWrapper(settings(**changes), "default")
        self.addCleanup(made.close_session)
        return made

    def keyspaces(self) -> dict:
        with libcql.connect(libcql.local_url(self.file)) as session:
            rows = session.execute("SELECT keyspace_name, replication FROM system_schema.keyspaces")
            return {name: dict(how) for name, how in rows if not name.startswith("system")}

    def make(self, keyspace: str):
        with libcql.connect(libcql.local_url(self.file)) as session:
            session.execute(topology.create_keyspace(keyspace, {**REPLICATION}))


class KeyspaceTests(ClusterTestCase):
    def test_a_missing_one_is_not_made(self):
        with self.assertRaises(OperationalError) as caught:
            self.wrapper().ensure_connection()
        text = str(caught.exception)
        self.assertIn("The cluster has no keyspace 'shop'", text)
        self.assertRegex(
            text,
            r"""CREATE KEYSPACE IF NOT EXISTS "shop" WITH replication = \{'class': 'NetworkTopologyStrategy', '\w+': 1\};""",
        )
        self.assertIn('OPTIONS["create_keyspace"] = True', text)
        self.assertEqual(self.keyspaces(), {})

    def test_one_that_is_there(self):
        self.make("shop")
        wrapper = self.wrapper(USER="ann", PASSWORD="p/w")
        self.assertTrue(wrapper.is_usable())
        self.assertEqual(self.urls, ["cassandra://ann:p%2Fw@db1:9042/"])
        self.assertFalse(wrapper.settings.chains)

    def test_one_that_is_to_be_made(self):
        options = {"create_keyspace": True, "keyspace_replication": {"datacenter1": 1}}
        self.wrapper(OPTIONS=options).ensure_connection()
        self.assertIn("NetworkTopologyStrategy", self.keyspaces()["shop"]["class"])
        self.assertEqual(self.keyspaces()["shop"]["datacenter1"], "1")

    def test_replication_follows_from_the_topology(self):
        schema = uuid.UUID(int=1)
        self.rows["FROM system.local"] = [("10.0.0.1", "dc1", "r1", "5.0.8", schema)]
        self.rows["FROM system.peers"] = [
            (f"10.0.0.{i}", "dc1" if i < 6 else "dc2", "r1", "5.0.8", schema) for i in range(2, 8)
        ]
        with sessions.administering(self.wrapper().settings) as session:
            found = [topology.replication(session, place) for place in (None, "dc2")]
        self.assertEqual(
            found,
            [
                {"class": "NetworkTopologyStrategy", "dc1": 3},
                {"class": "NetworkTopologyStrategy", "dc2": 2},
            ],
        )


class TestDatabaseTests(ClusterTestCase):
    def create(self, wrapper, **options) -> str:
        return wrapper.creation._create_test_db(0, True, **options)

    def test_a_keyspace_of_its_own_that_is_dropped(self):
        self.make("shop")
        wrapper = self.wrapper(TEST={"REPLICATION": 1})
        self.assertEqual(self.create(wrapper), "test_shop")
        self.assertEqual(set(self.keyspaces()), {"shop", "test_shop"})
        self.assertIn("SimpleStrategy", self.keyspaces()["test_shop"]["class"])
        wrapper.settings_dict["NAME"] = "test_shop"
        with mock.patch.dict("django.conf.settings.DATABASES", {"default": {}}):
            wrapper.creation.destroy_test_db("shop", verbosity=0)
        self.assertEqual(set(self.keyspaces()), {"shop"})
        self.assertEqual(wrapper.settings_dict["NAME"], "shop")

    def test_an_old_one_is_made_anew_or_kept(self):
        self.make("test_shop")
        with libcql.connect(libcql.local_url(self.file)) as session:
            session.execute("CREATE TABLE test_shop.t (k int PRIMARY KEY)")
        wrapper = self.wrapper()
        self.create(wrapper, keepdb=True)
        self.assertEqual(self.tables(), ["t"])
        self.create(wrapper)
        self.assertEqual(self.tables(), [])

    def tables(self):
        with libcql.connect(libcql.local_url(self.file)) as session:
            text = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'test_shop'"
            return [name for (name,) in session.execute(text)]

    def test_an_old_one_is_not_dropped_without_asking(self):
        self.make("test_shop")
        wrapper = self.wrapper()
        with (
            mock.patch("builtins.input", return_value="no"),
            self.assertRaises(SystemExit),
            mock.patch.object(wrapper.creation, "log"),
        ):
            wrapper.creation._create_test_db(0, autoclobber=False)
        self.assertIn("test_shop", self.keyspaces())

    def test_never_in_the_keyspace_of_the_project(self):
        self.make("shop")
        wrapper = self.wrapper(TEST={"NAME": "shop"})
        with self.assertRaisesMessage(ImproperlyConfigured, "would run in 'shop'"):
            wrapper.creation.create_test_db(verbosity=0, autoclobber=True)
        wrapper.creation._own = "shop"
        with (
            sessions.administering(wrapper.settings) as session,
            self.assertRaisesMessage(ImproperlyConfigured, "not dropped"),
        ):
            wrapper.creation._drop(session, "shop")
        self.assertEqual(set(self.keyspaces()), {"shop"})

    def test_clones_have_keyspaces_made_by_migrations(self):
        wrapper = self.wrapper(NAME="test_" + "x" * 43)
        called = []
        with mock.patch(
            "django_cassandra_backend.creation.call_command",
            lambda name, **options: called.append((name, wrapper.settings_dict["NAME"])),
        ):
            wrapper.creation.clone_test_db("12", verbosity=0)
        clone = "test_" + "x" * 40 + "_12"
        self.assertEqual(called, [("migrate", clone), ("createcachetable", clone)])
        self.assertEqual(set(self.keyspaces()), {clone})
        self.assertEqual(wrapper.creation.get_test_db_clone_settings("12")["NAME"], clone)
        wrapper.creation.destroy_test_db(verbosity=0, suffix="12")
        self.assertEqual(self.keyspaces(), {})

    def test_a_worker_uses_its_clone(self):
        wrapper = self.wrapper(NAME="test_shop")
        wrapper.creation.setup_worker_connection(3)
        self.assertEqual(wrapper.settings_dict["NAME"], "test_shop_3")

    def test_a_bad_replication(self):
        wrapper = self.wrapper(TEST={"REPLICATION": "three"})
        with self.assertRaisesMessage(ImproperlyConfigured, 'TEST["REPLICATION"]'):
            self.create(wrapper)


class CheckTests(ClusterTestCase):
    def found(self, **changes):
        return connection_checks.check_cluster(self.wrapper(**changes))

    def ids(self, **changes) -> list[str]:
        return [message.id for message in self.found(**changes)]

    def test_all_is_well(self):
        self.make("shop")
        self.assertEqual(self.ids(), [])

    def test_a_file_is_not_asked(self):
        wrapper = DatabaseWrapper(connections["default"].settings_dict, "default")
        if wrapper.settings.is_file:
            self.assertEqual(connection_checks.check_cluster(wrapper), [])
        self.assertEqual(self.urls, [])

    def test_unreachable(self):
        error = libcql.OperationalError("No host answers: db1:9042 connect: refused")
        with mock.patch.object(libcql, "connect", side_effect=error):
            (message,) = self.found(USER="ann", PASSWORD="s3cret")
        self.assertEqual(message.id, "cassandra.E020")
        self.assertIn("db1:9042 connect: refused", message.msg)
        self.assertNotIn("s3cret", str(message))

    def test_credentials(self):
        error = libcql.AuthenticationFailed("Provided username ann and/or password are incorrect")
        error.code = "CREDENTIALS"
        with mock.patch.object(libcql, "connect", side_effect=error):
            self.assertEqual(self.ids(), ["cassandra.E021"])

    def test_keyspace(self):
        (message,) = self.found()
        self.assertEqual(message.id, "cassandra.E022")
        self.assertIn('CREATE KEYSPACE IF NOT EXISTS "shop"', message.msg)
        self.assertEqual(self.ids(OPTIONS={"create_keyspace": True}), [])

    def test_an_error_in_the_middle(self):
        self.rows["system_schema.keyspaces"] = libcql.OperationalError("connection reset")
        self.assertEqual(self.ids(), ["cassandra.E020"])

    def test_versions_and_schemas(self):
        self.make("shop")
        one, two = uuid.UUID(int=1), uuid.UUID(int=2)
        self.rows["broadcast_address"] = [("10.0.0.1", "dc1", "r1", "5.0.8", one)]
        self.rows["FROM system.peers"] = [
            ("10.0.0.2", "dc1", "r1", "4.0.11", one),
            ("10.0.0.3", "dc1", "r1", "4.1-beta1", two),
        ]
        with mock.patch.object(connection_checks.time, "sleep") as sleep:
            old, apart = self.found()
        self.assertEqual(sleep.call_count, len(connection_checks.GOSSIP_PAUSES))
        self.assertEqual((old.id, apart.id), ("cassandra.E023", "cassandra.W006"))
        self.assertIn("10.0.0.2", old.msg)
        self.assertIn("10.0.0.1, 10.0.0.2; 10.0.0.3", apart.msg)

    def test_schemas_that_gossip_has_not_told_of_yet(self):
        self.make("shop")
        old, new = uuid.UUID(int=1), uuid.UUID(int=2)
        self.rows["broadcast_address"] = [("10.0.0.1", "dc1", "r1", "5.0.8", new)]
        self.rows["FROM system.peers"] = [("10.0.0.2", "dc1", "r1", "5.0.8", old)]

        def hear(pause):
            self.rows["FROM system.peers"] = [("10.0.0.2", "dc1", "r1", "5.0.8", new)]

        with mock.patch.object(connection_checks.time, "sleep", hear):
            self.assertEqual(self.ids(), [])

    def test_writes_that_one_of_several_datacenters_decides(self):
        self.rows["broadcast_address"] = [("10.0.0.1", "dc1", "r1", "5.0.8", None)]
        self.rows["FROM system.peers"] = [("10.0.0.2", "dc2", "r1", "5.0.8", None)]
        session = libcql.connect("cassandra://db1/")
        self.addCleanup(session.close)
        one = {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "dc1": "3"}
        ring = {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "3"}
        for replication, places in ((one, ["dc1"]), ({**one, "dc2": "3"}, ["dc1", "dc2"])):
            self.rows["SELECT replication"] = [(replication,)]
            self.assertEqual(topology.data_centers(session, "shop"), places)
        self.rows["SELECT replication"] = [(ring,)]
        self.make("shop")
        (message,) = self.found()
        self.assertEqual(message.id, "cassandra.W015")
        self.assertIn("dc1, dc2", message.msg)
        self.assertEqual(self.ids(OPTIONS={"serial_consistency": "SERIAL"}), [])

    def test_scylla(self):
        self.make("shop")
        self.rows["table_name = ?"] = [("scylla_local",)]
        self.rows["broadcast_address"] = [("10.0.0.1", "dc1", "r1", "3.0.8", None)]
        self.assertEqual(self.ids(), ["cassandra.W005"])

    def test_clocks(self):
        self.make("shop")
        now = datetime.datetime.now(datetime.timezone.utc)
        for seconds, ids in ((0, []), (90, ["cassandra.W007"]), (-90, ["cassandra.W007"])):
            self.rows["toTimestamp"] = [(now + datetime.timedelta(seconds=seconds),)]
            self.assertEqual(self.ids(), ids)

    def test_they_are_what_check_runs(self):
        wrapper = self.wrapper()
        self.assertEqual([m.id for m in wrapper.validation.check()], ["cassandra.E022"])

    def test_a_server_that_is_too_old_is_refused(self):
        self.make("shop")
        self.rows["SELECT release_version"] = [("4.0.11",)]
        wrapper = self.wrapper()
        with mock.patch.object(DatabaseWrapper, "cassandra_version", (4, 0, 11)):
            wrapper.ensure_connection()
            with self.assertRaisesMessage(Exception, "Cassandra 4.1 or later is required"):
                wrapper.check_database_version_supported()
            self.rows["table_name = ?"] = [("scylla_local",)]
            wrapper.check_database_version_supported()

    def test_releases(self):
        for text, numbers in (("5.0.8", (5, 0, 8)), ("5.1-SNAPSHOT", (5, 1)), ("4.1.x", (4, 1))):
            self.assertEqual(topology.release(text), numbers)


class PageTests(SimpleTestCase):
    databases = {"default"}

    def test_the_size_of_a_page(self):
        connection = connections["default"]
        sizes, real = [], Cursor.send

        def send(cursor, cql, values=None, **options):
            sizes.append(options.get("page_size"))
            return real(cursor, cql, values, **options)

        with (
            mock.patch.dict(connection.settings_dict["OPTIONS"], {"page_size": 77}),
            mock.patch.object(Cursor, "send", send),
        ):
            list(Author.objects.all())
        self.assertEqual(sizes, [77])


class CareTests(ClusterTestCase):
    def test_what_is_about_a_file_is_refused(self):
        self.make("shop")
        for action, instead in (("compact", "nodetool compact"), ("check", "nodetool repair")):
            with self.assertRaisesMessage(CommandError, instead):
                ACTIONS[action].run(mock.Mock(), self.wrapper(), {})


class ShellTests(SimpleTestCase):
    SETTINGS = {
        "NAME": "shop",
        "HOST": "h1:9043,h2",
        "USER": "ann",
        "PASSWORD": "p%s;#[x]",
        "OPTIONS": {},
    }

    def test_no_secret_on_the_command_line(self):
        args, env = client.DatabaseClient.settings_to_cmd_args_env(self.SETTINGS, ["-e", "x"])
        self.assertEqual(args, ["cqlsh", "-e", "x", "--keyspace", "shop", "h1", "9043"])
        self.assertIsNone(env)

    def test_what_cqlsh_reads(self):
        tls = {"ca": "/etc/c%a.pem", "cert": "c.pem", "key": "k.pem", "check": "ca"}
        with tempfile.TemporaryDirectory() as folder:
            args = client.write_files({**self.SETTINGS, "OPTIONS": {"tls": tls}}, folder)
            files = {path.name: path for path in pathlib.Path(folder).iterdir()}
            self.assertEqual(
                {stat.S_IMODE(path.stat().st_mode) for path in files.values()}, {0o600}
            )
            self.assertEqual(
                args,
                ["--cqlshrc", str(files["cqlshrc"]), "--credentials", str(files["credentials"])],
            )
            raw = configparser.ConfigParser(interpolation=None)
            raw.read(files["credentials"])
            self.assertEqual(
                dict(raw["PlainTextAuthProvider"]), {"username": "ann", "password": "p%s;#[x]"}
            )
            config = configparser.ConfigParser()  # as cqlsh reads it
            config.read(files["cqlshrc"])
            self.assertEqual(
                dict(config["ssl"]),
                {
                    "certfile": "/etc/c%a.pem",
                    "usercert": os.path.abspath("c.pem"),
                    "userkey": os.path.abspath("k.pem"),
                    "validate": "true",
                },
            )

    def test_what_cqlsh_cannot_read(self):
        with tempfile.TemporaryDirectory() as folder:
            for changes, message in [
                ({"PASSWORD": " x"}, "begins or ends with a space"),
                ({"OPTIONS": {"tls": {"key": "k", "key_password": "x"}}}, "a key with a password"),
            ]:
                with self.assertRaisesMessage(CommandError, message):
                    client.write_files({**self.SETTINGS, **changes}, folder)

    def test_it_is_run_with_the_files_and_they_are_gone_after(self):
        seen = []

        def run(args, check):
            seen.append(args)
            self.assertTrue(os.path.exists(args[args.index("--credentials") + 1]))

        wrapper = DatabaseWrapper({**settings(), **self.SETTINGS}, "default")
        with (
            mock.patch("shutil.which", return_value="/bin/cqlsh"),
            mock.patch("subprocess.run", run),
        ):
            wrapper.client.runshell(["-e", "x"])
        (args,) = seen
        self.assertNotIn("p%s;#[x]", " ".join(args))
        self.assertFalse(os.path.exists(args[args.index("--credentials") + 1]))

    def test_without_cqlsh(self):
        wrapper = DatabaseWrapper({**settings(), **self.SETTINGS}, "default")
        with (
            mock.patch("shutil.which", return_value=None),
            self.assertRaisesMessage(CommandError, "cqlsh is not installed"),
        ):
            wrapper.client.runshell([])
