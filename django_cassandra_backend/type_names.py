"""CQL types as system_schema writes them: `map<text, frozen<list<int>>>` as a tree."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(r'\s*(?:("(?:[^"]|"")+")|(\'[^\']*\')|([A-Za-z0-9_.$]+)|([<>,]))')
CONTAINERS = ("list", "set", "map", "tuple", "vector")


@dataclass(frozen=True)
class CqlType:
    """`name` of a simple or user type, or one of CONTAINERS with `args`. `dimensions`: of a vector."""

    name: str
    args: tuple["CqlType", ...] = ()
    frozen: bool = False
    dimensions: int = 0


def parse_type(text: str) -> CqlType:
    """The tree of a type's text. ValueError when it is none, as a Java class in quotes."""
    tokens = [m.groups() for m in _TOKEN.finditer(text)]
    parser = _Parser(text, tokens)
    found = parser.type()
    if parser.rest:
        raise ValueError(f"{text!r} is no CQL type")
    return found


def type_names(text: str) -> set[str]:
    """All names in a type's text, those of CQL's own types too."""
    found = set()
    for quoted, _, name, _ in (match.groups() for match in _TOKEN.finditer(text)):
        if quoted is not None:
            found.add(quoted[1:-1].replace('""', '"'))
        elif name is not None:
            found.add(name)
    return found


class _Parser:
    def __init__(self, text: str, tokens):
        self.text, self.rest = text, list(tokens)

    def _fail(self):
        raise ValueError(f"{self.text!r} is no CQL type")

    def _next(self):
        return self.rest.pop(0) if self.rest else self._fail()

    def _skip(self, mark: str) -> bool:
        if self.rest and self.rest[0][3] == mark:
            self.rest.pop(0)
            return True
        return False

    def type(self) -> CqlType:
        quoted, java, name, _ = self._next()
        if java is not None or (quoted is None and name is None):
            self._fail()
        if quoted is not None:
            return CqlType(quoted[1:-1].replace('""', '"'))
        if not self._skip("<"):
            return CqlType(name)
        args, dimensions = [self.type()], 0
        while self._skip(","):
            if name == "vector":
                dimensions = int(self._next()[2] or self._fail())
            else:
                args.append(self.type())
        if not self._skip(">"):
            self._fail()
        if name == "frozen":
            (inner,) = args
            return CqlType(inner.name, inner.args, True, inner.dimensions)
        if name not in CONTAINERS:
            self._fail()
        return CqlType(name, tuple(args), name in ("tuple", "vector"), dimensions)
