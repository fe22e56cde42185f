"""Names of tables in CQL: letters, digits and underscores, at most 48 of them."""

import re

MAX_LENGTH = 48

_ESCAPE = re.compile(r"_u([0-9a-f]{4,6})_")
_OTHER = re.compile(r"[^A-Za-z0-9_]")


def encode(name: str) -> str:
    """The CQL name of a db_table: other characters become `_uXXXX_`, and decode() finds them again."""
    name = _ESCAPE.sub(lambda match: "_u005f_" + match[0][1:], name)
    return _OTHER.sub(lambda match: f"_u{ord(match[0]):04x}_", name)


def decode(name: str) -> str:
    """The db_table of a CQL name."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)
