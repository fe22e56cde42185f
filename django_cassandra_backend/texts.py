"""Functions of text, computed on our side as Django's dialect of SQLite computes them."""

from django.db.models import functions

from .exceptions import not_supported
from .expr import Expr, combine
from .kinds import describe, kind_of


def _replaced(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def _part(text: str, start: int, count: int | None = None) -> str:
    """From the character `start`, the first being 1."""
    return text[start - 1 :] if count is None else text[start - 1 : start - 1 + max(count, 0)]


#: How many of the arguments are texts, and the function. The others are whole numbers.
_FUNCTIONS = {
    functions.Left: (1, lambda text, count: text[: max(count, 0)]),
    functions.Length: (1, len),
    functions.Lower: (1, str.lower),
    functions.LTrim: (1, lambda text: text.lstrip(" ")),
    functions.Replace: (3, _replaced),
    functions.Reverse: (1, lambda text: text[::-1]),
    functions.Right: (1, lambda text, count: text[-count:] if count > 0 else ""),
    functions.RTrim: (1, lambda text: text.rstrip(" ")),
    functions.Substr: (1, _part),
    functions.Trim: (1, lambda text: text.strip(" ")),
    functions.Upper: (1, str.upper),
}
FUNCTIONS = tuple(_FUNCTIONS)


def function(evaluator, node) -> Expr:
    """Null where an argument is null."""
    sources = node.get_source_expressions()
    texts, compute = _FUNCTIONS[type(node)]
    for number, source in enumerate(sources):
        if kind_of(source) != ("text" if number < texts else "number"):
            raise not_supported(describe(node), "Compute it in Python.")
    return combine(compute, *(evaluator.expression(source) for source in sources))


def concat(evaluator, node) -> Expr:
    """Concat() and the pairs that it is made of; null counts as no text."""
    sources = node.get_source_expressions()
    if any(type(part) is not functions.ConcatPair and kind_of(part) != "text" for part in sources):
        raise not_supported(describe(node), "Compute it in Python.")
    parts = [evaluator.expression(source) for source in sources]

    def bind(index):
        getters = [part.bind(index) for part in parts]
        return lambda row: "".join([get(row) or "" for get in getters])

    return Expr(frozenset().union(*(part.columns for part in parts)), bind)
