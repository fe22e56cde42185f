"""Lines of a .env file: what is written, and that nothing else changes. Cases are in tests/data/dotenv."""

import pathlib

from django.test import SimpleTestCase

from django_cassandra_backend.dotenv_file import complete

CASES = pathlib.Path(__file__).resolve().parent.parent / "data" / "dotenv"
WANTED = {
    "ASTRA_DB_APPLICATION_TOKEN": "AstraCS:new:token",
    "ASTRA_DB_ID": "5d1f6a2c",
    "ASTRA_DB_KEYSPACE": "shop",
    "ASTRA_DB_SECURE_BUNDLE_PATH": "/srv/my site/it's.zip",
}
TOKENS = ("ASTRA_DB_APPLICATION_TOKEN", "ASTRA_DB_TOKEN", "ASTRA_ORG_TOKEN")


class DotenvTests(SimpleTestCase):
    def test_cases(self):
        """NAME.before becomes NAME.after, and with --force NAME.forced where that differs."""
        befores = sorted(CASES.glob("*.before"))
        self.assertGreater(len(befores), 5)
        for before in befores:
            text = _read(before)
            after = before.with_suffix(".after")
            forced = before.with_suffix(".forced")
            for replace, wanted in ((False, after), (True, forced if forced.exists() else after)):
                with self.subTest(wanted.name, replace=replace):
                    made, _ = complete(text, WANTED, replace=replace, synonyms=[TOKENS])
                    self.assertEqual(made, _read(wanted))
                    again, changes = complete(made, WANTED, replace=replace, synonyms=[TOKENS])
                    self.assertEqual((again, set(changes.values())), (made, {"kept"}))

    def test_what_became_of_each(self):
        text = "A=1\nB=\nC=old\nD=same\n"
        wanted = {"A": "2", "B": "2", "C": "new", "D": "same", "E": "5"}
        changes = {"A": "kept", "B": "filled", "C": "kept", "D": "kept", "E": "added"}
        self.assertEqual(complete(text, wanted)[1], changes)
        changes |= {"A": "replaced", "C": "replaced"}
        self.assertEqual(complete(text, wanted, replace=True)[1], changes)

    def test_line_ends_and_bytes_stay(self):
        for text, made in [
            ("A=1\r\nB=2\r\n", "A=1\r\nB=2\r\nC=3\r\n"),
            ("\ufeffC=\r\nB=2", "\ufeffC=3\r\nB=2"),
            ("A=\udcff\n", "A=\udcff\nC=3\n"),
            ("A=1\rC=\r", "A=1\rC=3\r"),
            ("", "C=3\n"),
            ("A='open\nC=\n", "A='open\nC=3\n"),
        ]:
            self.assertEqual(complete(text, {"C": "3"})[0], made)

    def test_what_no_line_can_hold(self):
        for value in ("a\nb", "${HOME}"):
            with self.assertRaises(ValueError):
                complete("", {"A": value})

    def test_a_quote_that_does_not_end(self):
        """A value of ours in quotes would end it, and become a part of the other value."""
        for text in ("A='open\n", "'\n", "A='open\nB=\n"):
            with self.assertRaisesMessage(ValueError, "does not end"):
                complete(text, {"B": "it is"})
            self.assertIn("B=3\n", complete(text, {"B": "3"})[0])


def _read(path: pathlib.Path) -> str:
    return path.read_bytes().decode()
