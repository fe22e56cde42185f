"""HOST, PORT, USER, PASSWORD and OPTIONS of a cluster, as a URL; nothing here needs one."""

import pathlib
import tempfile

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import SimpleTestCase

from django_cassandra_backend import claims, cluster_options
from django_cassandra_backend.base import DatabaseWrapper
from django_cassandra_backend.cluster_options import patient
from django_cassandra_backend.options import read_options

SECRET = "s3cret/?@&%"


def read(host="db1", options=None, **settings):
    return read_options({"NAME": "shop", "HOST": host, "OPTIONS": options or {}, **settings})


class UrlTests(SimpleTestCase):
    def test_hosts(self):
        cases = {
            "db1": "db1:9042",
            "10.0.0.1, 10.0.0.2": "10.0.0.1:9042,10.0.0.2:9042",
            "db1:9043,db2": "db1:9043,db2:9042",
            "::1": "[::1]:9042",
            "[2001:db8::1]:9043,2001:db8::2": "[2001:db8::1]:9043,[2001:db8::2]:9042",
            "fe80::1%eth0": "[fe80::1%25eth0]:9042",
        }
        for host, authority in cases.items():
            with self.subTest(host):
                self.assertEqual(read(host).url, f"cassandra://{authority}/")

    def test_port(self):
        for port in (9142, "9142"):
            self.assertEqual(read(PORT=port).url, "cassandra://db1:9142/")
        self.assertEqual(read(PORT="").url, "cassandra://db1:9042/")

    def test_credentials_are_encoded(self):
        url = read(USER="ann@x", PASSWORD=SECRET).url
        self.assertEqual(url, "cassandra://ann%40x:s3cret%2F%3F%40%26%25@db1:9042/")

    def test_options(self):
        options = {
            "consistency": "QUORUM",
            "serial_consistency": "SERIAL",
            "local_dc": "eu west",
            "request_timeout": 2.5,
            "connect_timeout": 3,
            "compression": None,
            "tls": False,
            "heartbeat": 10,
            "connections": 2,
            "protocol": 4,
            "speculative_delay": 0.05,
            "schema_agreement_timeout": 20,
        }
        self.assertEqual(
            read(options=options).url,
            "cassandra://db1:9042/?consistency=QUORUM&serial_consistency=SERIAL&local_dc=eu%20west"
            "&request_timeout_ms=2500&connect_timeout_ms=3000&compression=none&tls=off&heartbeat_ms=10000"
            "&connections=2&protocol=4&speculative_delay_ms=50&schema_agreement_timeout_ms=20000",
        )

    def test_a_write_ends_before_its_claims_can_be_taken_over(self):
        self.assertLessEqual(cluster_options.MAX_REQUEST_SECONDS, claims.GRACE - claims.LATE)

    def test_tls(self):
        self.assertEqual(
            read(options={"tls": True}).url, "cassandra://db1:9042/?tls=on&tls_check=full"
        )
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "a b.pem"
            file.touch()
            quoted = str(file).replace("/", "%2F").replace(" ", "%20")
            tls = {"ca": file, "cert": str(file), "key": file, "key_password": "p&w", "check": "ca"}
            url = read(options={"tls": {**tls, "server_name": "db.example"}}).url
        self.assertEqual(
            url,
            f"cassandra://db1:9042/?tls=on&tls_ca={quoted}&tls_cert={quoted}&tls_key={quoted}"
            "&tls_key_password=p%26w&tls_check=ca&tls_name=db.example",
        )

    def test_what_is_not_in_the_url(self):
        options = read(
            options={"page_size": 100, "serial_consistency": "SERIAL", "local_dc": "dc1"}
        )
        self.assertEqual((options.page_size, options.serial_consistency), (100, "SERIAL"))
        self.assertEqual((options.id_block, options.is_file, options.chains), (20, False, False))
        self.assertEqual(options.local_dc, "dc1")
        self.assertEqual(read(options={"id_block": 5}).id_block, 5)

    def test_replication(self):
        cases = [
            ({"dc1": 3}, {"class": "NetworkTopologyStrategy", "dc1": 3}),
            (2, {"class": "SimpleStrategy", "replication_factor": 2}),
            ({"class": "SimpleStrategy", "replication_factor": "1"},) * 2,
            (None, None),
        ]
        for given, wanted in cases:
            self.assertEqual(read(options={"keyspace_replication": given}).replication, wanted)

    def test_time_for_a_whole_keyspace(self):
        self.assertEqual(patient("cassandra://a/"), "cassandra://a/?request_timeout_ms=300000")
        url = patient("cassandra://a/?tls=on&request_timeout_ms=5&local_dc=x")
        self.assertEqual(url, "cassandra://a/?tls=on&local_dc=x&request_timeout_ms=300000")


class RefusalTests(SimpleTestCase):
    def refused(self, message, *args, **kwargs):
        with self.subTest(message), self.assertRaises(ImproperlyConfigured) as caught:
            read(*args, **kwargs)
        self.assertIn(message, str(caught.exception))
        self.assertNotIn("s3cret", str(caught.exception))

    def test_options(self):
        cases = [
            ("consistency", ["quorum", "SERIAL", "ANY", 5]),
            ("serial_consistency", ["QUORUM"]),
            ("local_dc", ["", 1]),
            ("request_timeout", [0, -1, "5", True, 30.1, float("nan")]),
            ("connect_timeout", [0]),
            ("compression", ["snappy", True]),
            ("heartbeat", [0.01]),
            ("connections", [0, 1.5, True, 1000]),
            ("protocol", [3, True, 5.0, "5"]),
            ("speculative_delay", [0]),
            ("schema_agreement_timeout", [[]]),
            ("page_size", [0, None, "10"]),
            ("id_block", [0]),
            ("create_keyspace", [1]),
            ("keyspace_replication", [0, {}, {"dc1": "x"}, {"dc1": 0}, "dc1:3", {"class": "x'y"}]),
            ("tls", ["on", 1]),
        ]
        for name, values in cases:
            for value in values:
                self.refused(f'OPTIONS["{name}"]', options={name: value})

    def test_tls(self):
        for tls, message in [
            ({"cafile": "x"}, 'OPTIONS["tls"] has unknown names: cafile'),
            ({"ca": "/nowhere/s.pem"}, "there is no file '/nowhere/s.pem'"),
            ({"ca": 5}, 'OPTIONS["tls"]["ca"] is the path'),
            ({"cert": __file__}, "a certificate needs its key"),
            ({"key_password": SECRET}, "which is not given"),
            ({"key_password": 5}, 'OPTIONS["tls"]["key_password"] is a text.'),
            ({"check": "some"}, 'OPTIONS["tls"]["check"]'),
            ({"server_name": ""}, 'OPTIONS["tls"]["server_name"]'),
        ]:
            self.refused(message, options={"tls": tls})

    def test_where(self):
        self.refused("HOST has a part that is no host", f"cassandra://ann:{SECRET}@db1")
        for host in ("db1,,db2", "db1:x", "[::1", "a b", "db1:"):
            self.refused("HOST has a part", host)
        for host, port in (
            ("db1", 70000),
            ("db1", "x"),
            ("db1", True),
            ("db1", -1),
            ("db1:70000", 1),
        ):
            self.refused("PORT is a number from 1 to 65535", host, PORT=port)
        self.refused("HOST is a text", ["db1"])

    def test_who(self):
        self.refused("PASSWORD is set and USER is not", PASSWORD=SECRET)
        self.refused("USER is set and PASSWORD is not", USER="ann")
        self.refused("USER and PASSWORD are texts", USER="ann", PASSWORD=5)

    def test_options_of_the_other_place(self):
        self.refused("mean nothing for a cluster, HOST: durability", options={"durability": "full"})
        self.refused("mean nothing for a cluster, HOST: as_cluster", options={"as_cluster": True})
        for name, value in (("tls", True), ("consistency", "ONE"), ("id_block", 5)):
            self.refused(
                f'mean nothing for a file, OPTIONS["local"]: {name}',
                "",
                {"local": "x", name: value},
            )
        self.refused(
            "mean nothing for a file", "", {"local": "x", "secure_connect_bundle": "b.zip"}
        )
        self.refused("unknown names: keyspace", options={"keyspace": "x"})

    def test_a_user_called_token(self):
        url = read(USER="token", PASSWORD="AstraCS:x").url
        self.assertEqual(url, "cassandra://token:AstraCS%3Ax@db1:9042/")

    def test_secrets_are_in_no_repr(self):
        options = read(USER="ann", PASSWORD=SECRET)
        self.assertNotIn("s3cret", repr(options))


class WrapperTests(SimpleTestCase):
    def test_settings_are_read_anew_when_they_change(self):
        settings = {**connection.settings_dict, "HOST": "db1", "OPTIONS": {"tls": {"check": "ca"}}}
        wrapper = DatabaseWrapper(settings, "default")
        self.assertIn("tls_check=ca", wrapper.settings.url)
        settings["OPTIONS"]["tls"]["check"] = "none"
        self.assertIn("tls_check=none", wrapper.settings.url)
        settings["PASSWORD"], settings["USER"] = "p", "u"
        self.assertIn("u:p@", wrapper.settings.url)
        settings["PORT"] = 9999
        self.assertIn(":9999", wrapper.settings.url)
