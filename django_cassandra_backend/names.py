"""Names of tables in CQL: letters, digits and underscores, at most 48 of them."""

import re
import sys

MAX_LENGTH = 48

_ESCAPE = re.compile(r"_u([0-9a-f]{4,6})_")
# A character that CQL has no place for, and an underscore that could be read as the start of an escape.
_OTHER = re.compile(r"[^A-Za-z0-9_]|_(?=u[0-9a-f]{4,6}_)")


def _unescaped(match: re.Match) -> str:
    """The character of an escape, if encode() makes it: others are a name's own text."""
    number = int(match[1], 16)
    character = chr(number) if number <= sys.maxunicode else "a"
    made = f"_u{number:04x}_" == match[0] and not (
        "a" <= character.lower() <= "z" or character.isdecimal()
    )
    return character if made else match[0]


def encode(name: str) -> str:
    """The CQL name of a db_table: other characters become `_uXXXX_`, and decode() finds them again."""
    return _OTHER.sub(lambda match: f"_u{ord(match[0]):04x}_", name)


def decode(name: str) -> str:
    """The db_table of a CQL name."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)


def numbered(name: str, count: int) -> list[str]:
    """A name for each of several: the name itself, then with numbers."""
    return [name] + [f"{name[: MAX_LENGTH - 3]}_{i}" for i in range(2, count + 1)]


def is_plain(name: str) -> bool:
    """Only letters, digits and underscores, as a storage-attached index wants its column's name."""
    return re.fullmatch(r"[A-Za-z0-9_]+", name) is not None
