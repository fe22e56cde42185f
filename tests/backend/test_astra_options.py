"""The settings of Astra DB, in DATABASES and in the environment, as a URL; nothing here needs a database."""

import os
import pathlib
import sys
import tempfile
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from django_cassandra_backend import astra_options
from django_cassandra_backend.base import DatabaseWrapper
from django_cassandra_backend.client import DatabaseClient
from django_cassandra_backend.creation import creation_of
from django_cassandra_backend.options import read_options

TOKEN = "AstraCS:s3cret:/?&%"
QUOTED = "AstraCS%3As3cret%3A%2F%3F%26%25"
VARIABLES = (
    astra_options.BUNDLE_VARIABLE,
    astra_options.KEYSPACE_VARIABLE,
    astra_options.ID_VARIABLE,
    *astra_options.TOKEN_VARIABLES,
)


class AstraTestCase(SimpleTestCase):
    """A bundle in a folder of its own, and an environment without any of our variables."""

    def setUp(self):
        self.folder = pathlib.Path(
            os.path.realpath(self.enterContext(tempfile.TemporaryDirectory()))
        )
        self.bundle = self.folder / "my bundle.zip"
        self.bundle.touch()
        self.enterContext(mock.patch.dict(os.environ))
        for name in VARIABLES:
            os.environ.pop(name, None)

    def url(self, rest: str) -> str:
        return f"astra:{self.folder}/my%20bundle.zip?{rest}"

    def set(self, **variables):
        short = {
            "bundle": astra_options.BUNDLE_VARIABLE,
            "keyspace": astra_options.KEYSPACE_VARIABLE,
            "token": astra_options.TOKEN_VARIABLES[0],
        }
        os.environ.update({short.get(name, name): str(v) for name, v in variables.items()})

    def explicit(self, options=None, **settings) -> dict:
        options = {"secure_connect_bundle": self.bundle, **(options or {})}
        whole = {"NAME": "shop", "USER": "token", "PASSWORD": TOKEN, "OPTIONS": options, **settings}
        return {name: value for name, value in whole.items() if value is not None}


class ExplicitTests(AstraTestCase):
    def test_a_token(self):
        for bundle in (self.bundle, str(self.bundle)):
            options = read_options(self.explicit({"secure_connect_bundle": bundle}))
            self.assertEqual(options.url, self.url(f"user=token&password={QUOTED}"))
        self.assertEqual(
            (options.keyspace, options.is_astra, options.is_file), ("shop", True, False)
        )
        self.assertEqual((options.chains, options.id_block), (False, 20))

    def test_a_client_id_and_secret(self):
        options = read_options(self.explicit(USER="id@x", PASSWORD="s/ecret"))
        self.assertEqual(options.url, self.url("user=id%40x&password=s%2Fecret"))

    def test_options_of_clusters(self):
        more = {
            "consistency": "QUORUM",
            "request_timeout": 20,
            "compression": "lz4",
            "connections": 2,
        }
        url = read_options(self.explicit(more)).url
        self.assertTrue(
            url.endswith(
                "&consistency=QUORUM&request_timeout_ms=20000&compression=lz4&connections=2"
            )
        )

    def test_where_a_path_begins(self):
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        url = read_options(self.explicit({"secure_connect_bundle": "my bundle.zip"})).url
        self.assertTrue(url.startswith(self.url("")))
        os.chdir(before)
        with mock.patch.dict(os.environ, {"HOME": str(self.folder)}):
            url = read_options(self.explicit({"secure_connect_bundle": "~/my bundle.zip"})).url
        self.assertTrue(url.startswith(self.url("")))

    def test_they_win_over_the_environment(self):
        self.set(bundle="/nowhere.zip", keyspace="other", token="AstraCS:other")
        options = read_options(self.explicit())
        self.assertEqual(options.keyspace, "shop")
        self.assertEqual(options.url, self.url(f"user=token&password={QUOTED}"))

    def test_secrets_are_in_no_repr(self):
        options = read_options(self.explicit())
        self.assertNotIn("s3cret", repr(options))
        self.assertNotIn(
            "s3cret", repr(astra_options.read(self.explicit(), self.explicit()["OPTIONS"]))
        )


class EnvironmentTests(AstraTestCase):
    ALONE = {"ENGINE": "django_cassandra_backend"}

    def test_nothing_but_the_engine(self):
        self.set(bundle=self.bundle, keyspace="shop", token=TOKEN)
        options = read_options({**self.ALONE, "NAME": "", "HOST": "", "OPTIONS": {}})
        self.assertEqual(options.url, self.url(f"user=token&password={QUOTED}"))
        self.assertEqual(options.keyspace, "shop")

    def test_which_token(self):
        self.set(bundle=self.bundle, keyspace="shop")
        names = ("ASTRA_DB_APPLICATION_TOKEN", "ASTRA_DB_TOKEN", "ASTRA_ORG_TOKEN")
        for name in reversed(names):
            self.set(**{name: f"AstraCS:{name}"})
            self.assertIn(f"password=AstraCS%3A{name}", read_options(self.ALONE).url)

    def test_what_is_in_databases_as_well(self):
        self.set(bundle=self.bundle, keyspace="shop", token=TOKEN)
        options = read_options(
            {"NAME": "other", "USER": "id", "PASSWORD": "x", "OPTIONS": {"page_size": 10}}
        )
        self.assertEqual((options.keyspace, options.page_size), ("other", 10))
        self.assertEqual(options.url, self.url("user=id&password=x"))

    def test_a_bundle_in_options_and_the_rest_in_the_environment(self):
        self.set(keyspace="shop", token=TOKEN)
        options = read_options({"OPTIONS": {"secure_connect_bundle": self.bundle}})
        self.assertEqual(options.keyspace, "shop")
        self.assertIn(QUOTED, options.url)

    def test_other_places_do_not_look_at_it(self):
        self.set(bundle="/nowhere.zip", keyspace="astra", token="x")
        cluster = read_options({"NAME": "shop", "HOST": "db1"})
        self.assertEqual((cluster.url, cluster.keyspace), ("cassandra://db1:9042/", "shop"))
        self.assertEqual(read_options({"HOST": "db1"}).keyspace, "django")
        file = read_options({"NAME": "shop", "OPTIONS": {"local": ":memory:"}})
        self.assertEqual((file.url, file.keyspace), ("local::memory:", "shop"))
        for options in (cluster, file):
            self.assertIsNone(options.guardrails.columns_per_table)

    def test_it_is_read_with_the_settings(self):
        whole = {"TIME_ZONE": None, "TEST": {}, "OPTIONS": {}, "NAME": ""}
        wrapper = DatabaseWrapper(whole, "default")
        self.set(bundle=self.bundle, keyspace="shop", token=TOKEN)
        self.assertEqual(wrapper.settings.keyspace, "shop")

    def test_what_makes_test_databases(self):
        whole = {"TIME_ZONE": None, "TEST": {}, "OPTIONS": {}, "NAME": ""}
        self.set(bundle=self.bundle)
        kind = type(creation_of(mock.Mock(settings_dict=whole))).__name__
        self.assertEqual(kind, "AstraCreation")


class RefusalTests(AstraTestCase):
    def refused(self, message, settings):
        with self.subTest(message), self.assertRaises(ImproperlyConfigured) as caught:
            read_options(settings)
        self.assertIn(message, str(caught.exception))
        self.assertNotIn("s3cret", str(caught.exception))

    def test_beside_a_bundle(self):
        for name, value in (("HOST", "db1"), ("PORT", 9042)):
            self.refused(
                f"{name} and a secure connect bundle exclude", self.explicit(**{name: value})
            )
        for name, value in [
            ("tls", False),
            ("local_dc", "dc1"),
            ("create_keyspace", True),
            ("keyspace_replication", 3),
        ]:
            self.refused(
                f'OPTIONS["{name}"] means nothing for Astra DB', self.explicit({name: value})
            )
        self.refused('TEST["REPLICATION"] means', self.explicit(TEST={"REPLICATION": 3}))
        self.refused("mean nothing for Astra DB: durability", self.explicit({"durability": "full"}))
        self.refused("for a file", self.explicit({"local": ":memory:"}))
        self.refused("unknown names: bundle", self.explicit({"bundle": "x"}))

    def test_the_bundle(self):
        option = 'OPTIONS["secure_connect_bundle"]'
        for value in ("", None, 5, b"x"):
            if value != b"x":
                self.refused(
                    f"{option} is the path", self.explicit({"secure_connect_bundle": value})
                )
        missing = self.folder / "missing.zip"
        self.refused(
            f"{option}: there is no file '{missing}'. `manage.py astra bundle --output {missing}`",
            self.explicit({"secure_connect_bundle": missing}),
        )
        self.set(bundle=missing, token=TOKEN, keyspace="shop")
        self.refused(f"ASTRA_DB_SECURE_BUNDLE_PATH: there is no file '{missing}'", {})

    def test_half_of_it(self):
        self.refused("PASSWORD is set and USER is not. Set USER", self.explicit(USER=None))
        self.refused("USER is set and PASSWORD is not. Set USER", self.explicit(PASSWORD=None))
        self.refused(
            "a secure connect bundle and no token", self.explicit(USER=None, PASSWORD=None)
        )
        self.refused("USER and PASSWORD are texts", self.explicit(USER=5))
        self.refused(
            "Set NAME, or the environment variable ASTRA_DB_KEYSPACE", self.explicit(NAME="")
        )
        self.refused("NAME is a keyspace", self.explicit(NAME="a-b"))
        self.set(bundle=self.bundle)
        self.refused("or the environment variable ASTRA_DB_APPLICATION_TOKEN", {})
        self.set(token=TOKEN)
        self.refused("environment variable ASTRA_DB_KEYSPACE", {})
        del os.environ["ASTRA_DB_SECURE_BUNDLE_PATH"]
        self.refused("`manage.py astra bundle` downloads it", {})

    def test_nothing_at_all(self):
        self.refused("the environment variable ASTRA_DB_SECURE_BUNDLE_PATH", {"NAME": "shop"})


class ShellTests(AstraTestCase):
    def test_no_secret_on_the_command_line(self):
        settings = self.explicit()
        args, env = DatabaseClient.settings_to_cmd_args_env(settings, ["-e", "x"])
        self.assertEqual(args, [sys.executable, "-m", "libcql", "--keyspace", "shop", "-e", "x"])
        self.assertEqual(env, {"LIBCQL_URL": read_options(settings).url})

    def test_it_is_run_with_the_variable(self):
        wrapper = DatabaseWrapper({"TIME_ZONE": None, "TEST": {}, **self.explicit()}, "default")
        with mock.patch("subprocess.run") as run:
            wrapper.client.runshell([])
        self.assertEqual(run.call_args.kwargs["env"]["LIBCQL_URL"], wrapper.settings.url)
        self.assertNotIn("s3cret", " ".join(run.call_args.args[0]))
