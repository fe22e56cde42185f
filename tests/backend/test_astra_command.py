"""manage.py astra against the stand-in of the DevOps API, and what an API might answer that we did not expect."""

import contextlib
import http.server
import io
import json
import os
import pathlib
import stat
import tempfile
import threading
import traceback
from unittest import mock

import devops_api
from devops_api import ID, NAME, TOKEN
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase
from test_astra_options import VARIABLES

from django_cassandra_backend import astra_api
from django_cassandra_backend.management.commands import astra as command


class ApiTestCase(SimpleTestCase):
    def setUp(self):
        self.folder = pathlib.Path(
            os.path.realpath(self.enterContext(tempfile.TemporaryDirectory()))
        )
        self.api = self.enterContext(devops_api.serving())
        self.enterContext(mock.patch.dict(os.environ))
        for name in VARIABLES:
            os.environ.pop(name, None)
        os.environ |= {
            astra_api.URL_VARIABLE: self.api.url,
            "ASTRA_DB_ID": ID,
            "ASTRA_DB_APPLICATION_TOKEN": TOKEN,
        }
        self.enterContext(mock.patch.object(astra_api, "POLL", 0.02))
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)

    def run_astra(self, *words, **options) -> str:
        out = io.StringIO()
        call_command("astra", *words, stdout=out, stderr=io.StringIO(), **options)
        self.assertNotIn(TOKEN, out.getvalue())
        return out.getvalue()

    def fails(self, message, *words):
        with self.subTest(message), self.assertRaises(CommandError) as caught:
            self.run_astra(*words)
        self.assertIn(message, str(caught.exception))
        shown = "".join(traceback.format_exception(caught.exception))
        self.assertNotIn(TOKEN.rpartition(":")[2], shown)


class WhichTests(ApiTestCase):
    def test_the_database(self):
        wanted = f"{NAME} ({ID}): ACTIVE"
        self.assertIn(wanted, self.run_astra("status"))
        del os.environ["ASTRA_DB_ID"]
        for name in (NAME, ID):
            self.assertIn(wanted, self.run_astra("status", "--database", name))
        self.fails(
            f"Set ASTRA_DB_ID, or use --database NAME_OR_ID. The token knows: {NAME}", "status"
        )
        self.fails(
            f"no database 'other'. There are: {NAME} ({ID})", "status", "--database", "other"
        )
        os.environ["ASTRA_DB_ID"] = "other"
        self.fails("answers 404: database other not found", "status")

    def test_the_token(self):
        file = self.folder / "token"
        file.write_text(f"{TOKEN}\n")
        del os.environ["ASTRA_DB_APPLICATION_TOKEN"]
        self.assertIn("ACTIVE", self.run_astra("status", "--token-file", str(file)))
        self.fails("Set the environment variable ASTRA_DB_APPLICATION_TOKEN, or use", "status")
        for name in ("ASTRA_ORG_TOKEN", "ASTRA_DB_TOKEN"):
            os.environ[name] = TOKEN
            self.assertIn("ACTIVE", self.run_astra("status"))
            os.environ[name] = "AstraCS:abcdefgh:other"
        self.fails("refuses this (401): Resource not found: token", "status")
        os.environ["ASTRA_DB_TOKEN"] = f"{TOKEN}\r\nHost: x"
        self.fails("The environment variable ASTRA_DB_TOKEN is no application token", "status")
        file.write_text("client secret")
        self.fails("is no application token", "status", "--token-file", str(file))
        self.fails("cannot be read: No such file", "status", "--token-file", "nowhere")

    def test_no_token_is_an_argument(self):
        for option in ("--token", "--token-file"):
            message = "a token on the command line is seen by others"
            self.fails(message, "status", option, TOKEN)
            self.fails(message, "status", f"{option}={TOKEN}")

    def test_help(self):
        parser = command.Command().create_parser("manage.py", "astra")
        text = parser.format_help()
        for word in (
            "status",
            "resume",
            "keyspace",
            "bundle",
            "dotenv",
            "ASTRA_DB_ID",
            "--token-file",
        ):
            self.assertIn(word, text)


class ActionTests(ApiTestCase):
    def test_status(self):
        self.assertEqual(
            self.run_astra("status"), f"{NAME} ({ID}): ACTIVE\nregions: us-east1\nkeyspaces: app\n"
        )
        self.api.status.now = "HIBERNATED"
        self.assertIn("`manage.py astra resume` wakes it", self.run_astra("status"))

    def test_resume(self):
        self.assertIn("ACTIVE already", self.run_astra("resume"))
        self.api.status.now = "HIBERNATED"
        self.assertIn(f"{NAME} is ACTIVE.", self.run_astra("resume"))
        self.assertEqual(self.api.status.now, "ACTIVE")

    def test_resume_of_a_database_without_vectors(self):
        self.api.status.now = "HIBERNATED"
        real = astra_api._database

        def plain(value):
            value["info"]["dbType"] = ""
            return real(value)

        with mock.patch.object(astra_api, "_database", plain):
            self.assertIn("is ACTIVE.", self.run_astra("resume"))

    def test_resume_gives_up(self):
        self.api.status.now, self.api.status.resume_s = "HIBERNATED", 60
        self.fails("is RESUMING after 0.2 seconds", "resume", "--timeout", "0.2")
        self.fails("The last it said: ", "resume", "--timeout", "0.1")
        self.api.status.now = "TERMINATED"
        self.fails("is TERMINATED, and will not be active again", "resume")
        for text in ("0", "x", "-1", "nan"):
            self.fails("a number of seconds", "resume", "--timeout", text)

    def test_progress_is_shown(self):
        self.api.status.now = "HIBERNATED"
        error = io.StringIO()
        error.isatty = lambda: True
        call_command("astra", "resume", stdout=io.StringIO(), stderr=error)
        self.assertIn("HIBERNATED [", error.getvalue())

    def test_keyspace(self):
        self.assertIn("has the keyspace 'shop' now", self.run_astra("keyspace", "create", "shop"))
        self.assertEqual(
            (self.api.keyspace_names, self.api.status.now), (["app", "shop"], "ACTIVE")
        )
        self.assertIn("already", self.run_astra("keyspace", "create", "shop"))
        self.fails("at most 48 letters", "keyspace", "create", "a-b")
        self.fails("answers 422: not a name for a keyspace: 9x", "keyspace", "create", "9x")
        self.api.status.now = "HIBERNATED"
        self.fails("is HIBERNATED. `manage.py astra resume`", "keyspace", "create", "other")

    def test_bundle(self):
        path = self.folder / f"secure-connect-{NAME}.zip"
        self.assertIn(str(path), self.run_astra("bundle"))
        self.assertEqual(path.read_bytes(), devops_api.bundle())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        path.write_bytes(b"mine")
        self.fails("is there already. --force replaces it", "bundle")
        self.assertEqual(path.read_bytes(), b"mine")
        path.chmod(0o644)
        self.run_astra("bundle", "--force")
        self.assertEqual(path.read_bytes(), devops_api.bundle())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.folder), [path.name])

    def test_where_the_bundle_goes(self):
        os.environ["ASTRA_DB_SECURE_BUNDLE_PATH"] = str(self.folder / "a.zip")
        self.run_astra("bundle")
        self.run_astra("bundle", "--output", "b.zip", "--region", "us-east1")
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.zip", "b.zip"])
        self.fails(
            "no region 'mars'. There are: us-east1", "bundle", "--output", "c", "--region", "mars"
        )
        self.fails("cannot be written: No such file", "bundle", "--output", "no/where.zip")

    def test_a_bundle_that_is_none(self):
        with mock.patch.object(astra_api.Client, "bundle", return_value=b"<html>"):
            self.fails("is no secure connect bundle", "bundle")
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_file_that_appears_meanwhile_is_not_replaced(self):
        path = self.folder / "b.zip"

        def bundle(*args):
            path.write_bytes(b"mine")
            return devops_api.bundle()

        with mock.patch.object(astra_api.Client, "bundle", bundle):
            self.fails("cannot be written: File exists", "bundle", "--output", str(path))
        self.assertEqual((path.read_bytes(), os.listdir(self.folder)), (b"mine", ["b.zip"]))


class DotenvTests(ApiTestCase):
    def lines(self) -> list[str]:
        return (self.folder / ".env").read_text().splitlines()

    def test_a_new_file(self):
        self.run_astra("dotenv")
        self.assertEqual(
            self.lines(),
            [
                f"ASTRA_DB_APPLICATION_TOKEN={TOKEN}",
                f"ASTRA_DB_ID={ID}",
                "ASTRA_DB_REGION=us-east1",
                "ASTRA_DB_KEYSPACE=app",
                f"ASTRA_DB_SECURE_BUNDLE_PATH={self.folder}/secure-connect-{NAME}.zip",
            ],
        )
        self.assertEqual(stat.S_IMODE((self.folder / ".env").stat().st_mode), 0o600)
        self.assertEqual(os.listdir(self.folder), [".env"])

    def test_a_file_that_is_there(self):
        file = self.folder / ".env"
        file.write_text("DEBUG=1\nASTRA_DB_KEYSPACE=shop\nASTRA_DB_TOKEN=AstraCS:old\n")
        file.chmod(0o644)
        text = self.run_astra("dotenv", "--bundle", "b.zip")
        self.assertIn("ASTRA_DB_TOKEN: kept\nASTRA_DB_ID: added", text)
        self.assertEqual(
            self.lines()[:3], ["DEBUG=1", "ASTRA_DB_KEYSPACE=shop", "ASTRA_DB_TOKEN=AstraCS:old"]
        )
        self.assertEqual(self.lines()[-1], f"ASTRA_DB_SECURE_BUNDLE_PATH={self.folder}/b.zip")
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.run_astra("dotenv", "--force", "--keyspace", "other")
        self.assertEqual(
            self.lines()[:3], ["DEBUG=1", "ASTRA_DB_KEYSPACE=other", f"ASTRA_DB_TOKEN={TOKEN}"]
        )

    def test_through_a_link(self):
        (self.folder / "real").write_text("A=1\n")
        (self.folder / ".env").symlink_to("real")
        self.run_astra("dotenv")
        self.assertTrue((self.folder / ".env").is_symlink())
        self.assertEqual(self.lines()[0], "A=1")

    def test_where_it_cannot_be_written(self):
        self.fails("cannot be written", "dotenv", "--file", "no/where")
        self.fails("has no line end", "dotenv", "--bundle", "a\nb")


class AnswerTests(SimpleTestCase):
    """What no API should answer: each is an ApiError in words, without the token."""

    def setUp(self):
        self.answers = {}
        self.asked = []
        answers, asked = self.answers, self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                status, body, headers = answers[self.path.partition("?")[0]](self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *args):
                """Nothing on the terminal."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.client_ = astra_api.Client(astra_api.Token(TOKEN), self.url, timeout=2)

    def answer(self, path, body, status=200, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = lambda _: (status, raw, headers)

    def fails(self, message, action, *args):
        with self.subTest(message), self.assertRaises(astra_api.ApiError) as caught:
            action(*args)
        self.assertIn(message, str(caught.exception))
        self.assertNotIn(TOKEN, str(caught.exception))

    def database(self, number):
        return {"id": f"id{number}", "info": {"name": f"n{number}"}, "status": "ACTIVE"}

    def test_pages(self):
        def page(path):
            after = path.partition("starting_after=id")[2]
            start = int(after) + 1 if after else 0
            found = [self.database(i) for i in range(start, min(start + 3, 7))]
            return 200, json.dumps(found).encode(), {}

        self.answers["/v2/databases"] = page
        names = [one.name for one in self.client_.databases()]
        self.assertEqual(names, [f"n{i}" for i in range(7)])
        self.assertEqual(len(self.asked), 4)

    def test_pages_without_end(self):
        self.answer("/v2/databases", [self.database(1)])
        self.assertEqual(len(list(self.client_.databases())), 1)

    def test_several_of_a_name(self):
        two = [self.database(1), {**self.database(2), "info": {"name": "n1"}}]
        self.answer("/v2/databases", two)
        self.fails(
            "Several databases are called 'n1'. Use an id: n1 (id1); n1 (id2)",
            self.client_.find,
            "n1",
        )

    def test_what_is_no_answer(self):
        path = "/v2/databases/x"
        for body, message in [
            (b"<html>", "an answer that is not as documented"),
            ([], "an answer that is not as documented"),
            ({}, "described a database otherwise"),
            ({"id": "x", "info": 5}, "described a database otherwise"),
            (b"[" * 100_000, "not as documented"),
        ]:
            self.answer(path, body)
            self.fails(message, self.client_.database, "x")
        with mock.patch.object(astra_api, "ANSWER_MAX", 100):
            self.answer(path, b"x" * 101)
            self.fails("more than 100 bytes", self.client_.database, "x")

    def test_refusals(self):
        path = "/v2/databases/x"
        for status, body, message in [
            (500, b"", "answers 500: no reason."),
            (500, {"errors": [{"message": "one"}, {"message": "two"}]}, "500: one; two"),
            (400, {"message": f"bad\n{TOKEN}"}, "400: bad …"),
            (403, {"description": "no"}, "refuses this (403): no Is the token right"),
            (429, b"slow down", "429: slow down"),
        ]:
            self.answer(path, body, status)
            self.fails(message, self.client_.database, "x")

    def test_redirects_are_not_followed(self):
        self.answer("/v2/databases/x", b"", 302, Location=f"{self.url}/elsewhere")
        self.fails("a redirect, which is not followed", self.client_.database, "x")
        self.assertEqual(self.asked, ["/v2/databases/x"])

    def test_no_answer(self):
        client = astra_api.Client(astra_api.Token(TOKEN), "http://127.0.0.1:1", timeout=2)
        self.fails("127.0.0.1:1 cannot be reached: Connection refused", client.database, "x")
        client = astra_api.Client(astra_api.Token(TOKEN), "https://astra.invalid", timeout=2)
        self.fails("astra.invalid cannot be reached", client.database, "x")

    def test_tokens_go_over_tls(self):
        for url in ("http://api.example", "ftp://x", "x", "http://127.0.0.1.example", "https://"):
            self.fails("is no https:// address", astra_api.Client, astra_api.Token(TOKEN), url)
        path = "/v2/databases/x/secureBundleURL"
        database = astra_api._database(
            {**self.database(1), "id": "x", "dataEndpointUrl": "http://x.example/api/rest"}
        )
        self.answer(path, {"downloadURL": "http://x.example/b.zip"})
        self.fails("is no https:// address", self.client_.bundle, database)
        self.fails("is no https:// address", self.client_.touch, database)
        self.answer(path, {"downloadURL": None})
        self.fails("named no link", self.client_.bundle, database)

    def test_a_token_is_in_no_repr(self):
        token = astra_api.checked_token(f" {TOKEN}\n", "it")
        self.assertEqual((token, repr(token)), (TOKEN, "<token>"))
        self.assertNotIn(TOKEN, repr(vars(self.client_)))
