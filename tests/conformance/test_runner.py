"""The runner must notice what differs: a corpus that cannot fail proves nothing."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from decimal import Decimal
from pathlib import Path

from corpus import FormatError, check, read_file
from cqltypes import decode, from_literal, parse_type, split_list, to_literal
from run import Runner
from servers import Answer, Refused

FILE = """\
# A file
exec
  CREATE TABLE t (k int PRIMARY KEY, v text);
  CREATE TABLE u (k int PRIMARY KEY);
query SELECT k, v
  FROM t
columns k int, v text
rows    1, 'it''s, so'
        2, null
query INSERT
void
query BROKEN
error Syntax "line 1:0"
query SELECT ttl
page 1
columns t int
rows ~60
rows any
"""
RIGHT = {
    "SELECT k, v\nFROM t": Answer(
        [("k", "int"), ("v", "text")], [[["1", "'it''s, so'"], ["2", "null"]]]
    ),
    "INSERT": Answer(),
    "BROKEN": Refused("Syntax", "line 1:0 no viable alternative"),
    "SELECT ttl": Answer([("t", "int")], [[["59"]], [["7"]]]),
}


class FakeServer:
    """Answers from a table; everything else succeeds."""

    def __init__(self, answers: dict) -> None:
        self.answers = answers

    def execute(self, statement, bind=None, page_size=None):
        if "system_schema" in statement:
            return Answer([("keyspace_name", "text")], [[]])
        answer = self.answers.get(statement, Answer())
        if isinstance(answer, Refused):
            raise answer
        return answer

    def problems(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


def run(text: str, answers: dict) -> tuple[int, int]:
    """How many cases of a file passed and failed."""
    runner = Runner(FakeServer(answers), fill=False)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "a.test"
        path.write_text(text)
        with contextlib.redirect_stdout(io.StringIO()):
            runner.run(path)
    return runner.passed, runner.failed


class RunnerTests(unittest.TestCase):
    def test_right_answers_pass(self):
        self.assertEqual(run(FILE, RIGHT), (4, 0))

    def test_each_wrong_answer_fails(self):
        select = "SELECT k, v\nFROM t"
        columns = RIGHT[select].columns
        wrong = [
            (select, Answer(columns, [[["1", "'it''s, so'"]]])),
            (select, Answer(columns, [[["2", "null"], ["1", "'it''s, so'"]]])),
            (select, Answer(columns, [[["1", "'other'"], ["2", "null"]]])),
            (select, Answer([("k", "int"), ("v", "ascii")], RIGHT[select].pages)),
            (select, Answer([("k", "int"), ("w", "text")], RIGHT[select].pages)),
            (select, Answer()),
            (select, Refused("Invalid", "")),
            ("INSERT", Answer([("k", "int")], [[]])),
            ("BROKEN", Answer()),
            ("BROKEN", Refused("Invalid", "line 1:0")),
            ("BROKEN", Refused("Syntax", "line 2:0")),
            ("SELECT ttl", Answer([("t", "int")], [[["61"]], [["7"]]])),
            ("SELECT ttl", Answer([("t", "int")], [[["59"]], [["null"]]])),
            ("SELECT ttl", Answer([("t", "int")], [[["59"], ["7"]]])),
        ]
        for statement, answer in wrong:
            with self.subTest(statement=statement, answer=answer):
                self.assertEqual(run(FILE, RIGHT | {statement: answer}), (3, 1))

    def test_a_failed_preparation_fails_all_cases_behind_it(self):
        refused = {"CREATE TABLE u (k int PRIMARY KEY)": Refused("Invalid", "no")}
        self.assertEqual(run(FILE, RIGHT | refused), (0, 4))

    def test_format_errors(self):
        for text in (
            "query SELECT\nvoid\n",
            "# t\nquery SELECT\n",
            "# t\nquery SELECT\nrows 1\n",
            "# t\nquery SELECT\nerror Nonsense\n",
            "# t\nvoid\n",
            "# t\nquery SELECT\nvoid\nerror Invalid\n",
            "# t\nquery SELECT\nviod\n",
            "# t\n  indented\n",
        ):
            with self.subTest(text), self.assertRaises(FormatError):
                run(text, {})

    def test_the_corpus_is_well_formed(self):
        files = sorted((Path(__file__).parent.parent / "data" / "cql").glob("*.test"))
        self.assertTrue(files)
        for path in files:
            check(read_file(path))


class LiteralTests(unittest.TestCase):
    def test_literals_round_trip(self):
        for type_text, literal in (
            ("int", "-5"),
            ("decimal", "1.00"),
            ("decimal", "1E+3"),
            ("text", "'it''s'"),
            ("blob", "0x00ff"),
            ("float", "0.1"),
            ("double", "-0.0"),
            ("double", "NaN"),
            ("timestamp", "'1969-12-31 23:59:59.999+0000'"),
            ("timestamp", "-9223372036854775808"),
            ("date", "'0001-01-01'"),
            ("date", "0"),
            ("time", "'23:59:59.999999999'"),
            ("duration", "-1y2mo3d4h5m6s7ms8us9ns"),
            ("inet", "'::1'"),
            ("map<text, frozen<list<int>>>", "{'a:b': [1, 2], 'c': []}"),
            ("tuple<int, set<text>>", "(null, {'a', 'b, c'})"),
        ):
            with self.subTest(type_text, literal=literal):
                t = parse_type(type_text)
                self.assertEqual(to_literal(from_literal(literal, t), t), literal)

    def test_bytes(self):
        for type_text, data, value in (
            ("decimal", "00000002" + "ff38", Decimal("-2.00")),
            ("duration", "020406", (1, 2, 3)),
            ("duration", "0000" + "fc4e94914f0000", (0, 0, 3_600_000_000_000 * 12)),
            ("duration", "010101", (-1, -1, -1)),
            ("list<int>", "00000002" + "0000000400000007" + "ffffffff", [7, None]),
            ("tuple<int, int>", "0000000400000007", [7, None]),
        ):
            with self.subTest(type_text, data=data):
                self.assertEqual(decode(bytes.fromhex(data), parse_type(type_text)), value)

    def test_split_list(self):
        self.assertEqual(split_list("a, 'b, ''c', {1, 2}"), ["a", "'b, ''c'", "{1, 2}"])
        self.assertEqual(split_list("  "), [])


if __name__ == "__main__":
    unittest.main()
