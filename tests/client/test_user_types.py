"""Values of user-defined types: what is accepted, what comes back, what is refused."""

from collections import namedtuple
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace

import pytest

import libcql

HOME = {"street": "Elm", "no": 3}


@dataclass
class Address:
    street: str
    no: int


class Slotted:
    __slots__ = ("no",)

    def __init__(self, no):
        self.no = no


Swapped = namedtuple("Swapped", "no street")


@pytest.fixture
def types(session):
    """The session, in whose keyspace stand addr, person and a table with columns of them."""
    session.execute("CREATE TYPE addr (street text, no int)")
    session.execute(
        "CREATE TYPE person (name text, home frozen<addr>, old list<frozen<addr>>,"
        ' "By Name" map<text, frozen<addr>>)'
    )
    session.execute(
        "CREATE TABLE u (k int PRIMARY KEY, v addr, f frozen<person>, l list<frozen<addr>>,"
        " s set<frozen<addr>>, m map<frozen<addr>, frozen<addr>>, t tuple<int, addr>)"
    )
    return session


def written(session, column, value):
    """Return value as it comes back from the column."""
    session.execute(f"INSERT INTO u (k, {column}) VALUES (1, ?)", [value])
    return session.execute(f"SELECT {column} FROM u WHERE k = 1").one()[0]


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (HOME, HOME),
        ({"no": 3}, {"street": None, "no": 3}),
        (MappingProxyType(HOME), HOME),
        (("Elm", 3), HOME),
        (["Elm", None], {"street": "Elm", "no": None}),
        (Swapped(3, "Elm"), HOME),
        (Address("Elm", 3), HOME),
        (SimpleNamespace(street="Elm"), {"street": "Elm", "no": None}),
        (Slotted(3), {"street": None, "no": 3}),
        ({}, None),  # of a type that is stored by field nothing is left
        (None, None),
    ],
)
def test_forms(types, value, back):
    assert written(types, "v", value) == back


def test_nested(types):
    person = {
        "name": "Ann",
        "home": HOME,
        "old": [{"street": "Oak", "no": 1}, {"street": None, "no": 2}],
        "By Name": {"x": HOME},
    }
    assert written(types, "f", person) == person
    assert written(types, "l", [("Elm", 3), Address("Oak", 1)]) == [
        HOME,
        {"street": "Oak", "no": 1},
    ]
    assert written(types, "t", (1, HOME)) == (1, HOME)


def test_hashable_inside_sets_and_keys(types):
    assert written(types, "s", [HOME, ("Elm", 3)]) == {("Elm", 3)}
    assert written(types, "m", {("Elm", 3): HOME}) == {("Elm", 3): HOME}


def test_sets_and_maps_inside_have_one_order(session):
    """However a set is gone through, its bytes are the same: those of a key, and of a condition."""
    session.execute("CREATE TYPE marks (s set<text>, m map<int, frozen<set<int>>>)")
    session.execute(
        "CREATE TABLE n (k frozen<marks>, t frozen<tuple<frozen<set<text>>, frozen<marks>>>, PRIMARY KEY (k))"
    )
    one = {"s": ["b", "a", "b"], "m": {2: [3, -1], 1: []}}
    other = {"s": ["a", "b"], "m": {1: [], 2: [-1, 3]}}
    session.execute("INSERT INTO n (k, t) VALUES (?, ?)", [one, (["z", "y"], one)])
    row = session.execute("SELECT t FROM n WHERE k = ?", [other]).one()
    assert row == (({"y", "z"}, {"s": {"a", "b"}, "m": {1: set(), 2: {-1, 3}}}),)
    found = session.execute(
        "UPDATE n SET t = null WHERE k = ? IF t = ?", [other, (["y", "z"], other)]
    )
    assert found.was_applied
    for wrong in ({"s": ["a", None]}, {"m": {1: [1, None]}}):
        with pytest.raises(libcql.Error):
            session.execute("INSERT INTO n (k) VALUES (?)", [wrong])


def test_fields_of_a_prepared_statement(types):
    types.execute("UPDATE u SET v.no = ?, v.street = ? WHERE k = 1", [5, "Ash"])
    assert types.execute("SELECT v, v.no FROM u").one() == ({"street": "Ash", "no": 5}, 5)


def test_a_field_that_was_added_is_null(types):
    written(types, "f", {"name": "Ann", "home": HOME})
    types.execute("ALTER TYPE addr ADD zip text")
    home = types.execute("SELECT f FROM u WHERE k = 1").one()[0]["home"]
    assert home == {**HOME, "zip": None}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"street": "Elm", "town": "X"}, "no fields of the type"),
        (("Elm",), "2 fields, not 1"),
        (("Elm", 3, 4), "2 fields, not 3"),
        ("Elm", "a dict, a tuple or an object"),
        (5, "a dict, a tuple or an object"),
        (SimpleNamespace(town="X"), "a dict, a tuple or an object"),
        ({"no": "three"}, "int"),
    ],
)
def test_refused(types, value, words):
    with pytest.raises((libcql.Error, TypeError, ValueError), match=words):
        written(types, "v", value)
