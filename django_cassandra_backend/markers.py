"""Django's placeholders, `%s`, `%(name)s` and `%%`, as the markers of CQL."""

import re

from .dbapi import ProgrammingError
from .literals import OPAQUE

_PLACEHOLDER = re.compile(rf"(?P<opaque>{OPAQUE})|%(?:\((?P<name>[^)]*)\))?(?P<kind>.)", re.DOTALL)


def translate(cql: str, params) -> tuple[str, list]:
    """Return the statement with `?` markers and the values in their order.

    `params` is a sequence for `%s` or a mapping for `%(name)s`. In strings, quoted names and comments only
    `%%` is a placeholder. ProgrammingError says which placeholder and value do not fit each other.
    """
    named = hasattr(params, "keys")
    values: list = []
    rest = None if named else iter(params)

    def replace(match: re.Match) -> str:
        if match["opaque"]:
            return match["opaque"].replace("%%", "%")
        if match["kind"] == "%" and match["name"] is None:
            return "%"
        if match["kind"] != "s":
            raise ProgrammingError(f"unknown placeholder {match[0]!r}; a literal % is written %%")
        if (match["name"] is not None) != named:
            wanted = "a mapping" if match["name"] is not None else "a sequence"
            raise ProgrammingError(f"the placeholder {match[0]!r} needs {wanted} of parameters")
        values.append(_named(params, match["name"]) if named else _next(rest, len(values)))
        return "?"

    text = _PLACEHOLDER.sub(replace, cql)
    if not named and (left := sum(1 for _ in rest)):
        # Markers that the caller wrote as `?` are bound in order, as long as the two kinds are not mixed.
        if values or text.count("?") < left:
            raise ProgrammingError(
                f"the statement has {len(values)} placeholders, {len(values) + left} values"
            )
        values = list(params)
    return text, values


def _named(params, name: str) -> object:
    try:
        return params[name]
    except KeyError:
        raise ProgrammingError(f"no value for the placeholder %({name})s") from None


def _next(rest, used: int) -> object:
    for value in rest:
        return value
    raise ProgrammingError(f"the statement has more placeholders than its {used} values")
