"""``python -m libcql``: statements cut out of a text, answers shown, errors told."""

import os
import pty
import subprocess
import sys

import pytest

import libcql
from libcql.shell import split

SPLIT = [
    ("", [], ""),
    ("a; b", ["a"], "b"),
    (";;", [], ""),
    ("a;\n\n b c ;", ["a", "b c"], ""),
    ("a 'x;''y';", ["a 'x;''y'"], ""),
    ('a "x;";', ['a "x;"'], ""),
    ("a $$ ; $$;", ["a $$ ; $$"], ""),
    ("a 'x;", [], "a 'x;"),
    ('a "x;', [], 'a "x;'),
    ("a $$ x;", [], "a $$ x;"),
    ("-- a;\nb;", ["b"], ""),
    ("// a;\nb;", ["b"], ""),
    ("/* a; */ b; c", ["b"], "c"),
    ("a; /* b;", ["a"], "/* b;"),
    ("a -- tail; \n b;", ["a -- tail; \n b"], ""),
    ("x = 1 / 2; y = $1", ["x = 1 / 2"], "y = $1"),
    ("BEGIN BATCH a; b; APPLY BATCH; c;", ["BEGIN BATCH a; b; APPLY BATCH", "c"], ""),
    ("begin unlogged batch a; b;", [], "begin unlogged batch a; b;"),
]


@pytest.mark.parametrize(("text", "statements", "rest"), SPLIT, ids=lambda x: str(x)[:30])
def test_statements_are_cut_at_semicolons(text, statements, rest):
    assert split(text) == (statements, rest)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "shop.cql"
    with libcql.connect(libcql.local_url(path)) as s:
        s.execute(
            "CREATE KEYSPACE shop WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        s.execute("CREATE TABLE shop.item (id int PRIMARY KEY, name text, tags set<text>)")
        s.execute("INSERT INTO shop.item (id, name, tags) VALUES (1, 'it''s', {'b', 'a'})")
        s.execute("INSERT INTO shop.item (id) VALUES (2)")
    return path


def shell(*args, stdin="", **environ):
    return subprocess.run(
        [sys.executable, "-m", "libcql", *map(str, args)],
        env=os.environ | environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


TABLE = """\
 id | name    | tags
----+---------+------------
 1  | 'it''s' | {'a', 'b'}
 2  | null    | null

(2 rows)
"""
RECORDS = """\
@ row 1
 id   | 1
 name | 'it''s'

(1 row)
"""


def test_rows_are_shown_as_a_table(database):
    out = shell(database, "-k", "shop", "-e", "SELECT * FROM item")
    assert (out.stdout, out.stderr, out.returncode) == (TABLE, "", 0)


def test_rows_are_shown_one_column_a_line(database):
    text = "SELECT id, name FROM item WHERE id = 1;"
    assert shell(database, "-k", "shop", "-x", stdin=text).stdout == RECORDS
    assert shell(database, "-k", "shop", stdin=f"EXPAND ON;{text}").stdout == RECORDS


def test_describe_is_text_to_read(database):
    out = shell(libcql.local_url(database), "-e", "DESCRIBE TABLE shop.item")
    assert out.stdout.startswith("CREATE TABLE shop.item (\n    id int PRIMARY KEY,\n")


def test_an_error_shows_its_place_and_ends_a_script(database):
    out = shell(database, stdin="USE shop;\nSELECT *\n  FRM item;\nDROP TABLE item;")
    assert out.returncode == 1
    assert out.stderr == (
        "SyntaxException: line 2:2 mismatched input 'FRM' expecting K_FROM\n    FRM item\n    ^\n"
    )
    assert shell(database, "-k", "shop", "-e", "SELECT * FROM item").returncode == 0


def test_the_url_may_stand_in_the_environment(database):
    url, text = libcql.local_url(database), "SELECT id FROM shop.item"
    assert "(2 rows)" in shell("-e", text, LIBCQL_URL=url).stdout
    assert "does not exist" in shell(":memory:", "-e", text, LIBCQL_URL=url).stderr


def test_a_file_is_run(database, tmp_path):
    script = tmp_path / "more.cql"
    script.write_text("INSERT INTO shop.item (id) VALUES (3);\nSELECT count(*) FROM shop.item")
    assert "(1 row)" in shell(database, "-f", script).stdout
    assert "| 3" in shell(database, "-x", stdin=f"SOURCE '{script}'").stdout


def test_what_cannot_be_opened_is_told(database, tmp_path):
    missing = shell(database, "-f", tmp_path / "none.cql")
    assert (missing.returncode, missing.stderr) == (
        1,
        f"{tmp_path / 'none.cql'}: No such file or directory\n",
    )
    (tmp_path / "text").write_text("this is no database")
    other = shell(tmp_path / "text", "-e", "x")
    assert other.returncode == 2
    assert "is not a libcql database" in other.stderr


def test_a_person_types_and_corrects(database, tmp_path):
    """In a terminal: a statement over two lines, an error that ends nothing, a command, the end."""
    typed = b"USE shop;\nSELECT id\nFROM item WHERE id = 2;\nnonsense;\nHELP\nEXIT\n"
    ours, theirs = pty.openpty()
    try:
        shown = subprocess.run(
            [sys.executable, "-m", "libcql", str(database)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb"},
            preexec_fn=lambda: os.write(ours, typed) and None,
            check=True,
            text=True,
            timeout=60,
        ).stdout
    finally:
        os.close(theirs)
        os.close(ours)
    assert "cql:shop> " in shown
    assert "   ... " in shown
    assert " id\n----\n 2\n\n(1 row)\n" in shown
    assert "SyntaxException: line 1:0 no viable alternative at input 'nonsense'" in shown
    assert "DESCRIBE TABLES" in shown
