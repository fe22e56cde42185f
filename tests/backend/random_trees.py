"""Expressions of Python as plain data: printed, evaluated, made smaller.

Whatever is not a node or a container of nodes is a constant, printed by its repr()."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace


class Node:
    pass


@dataclass(frozen=True)
class Call(Node):
    """A function, its arguments and those with names."""

    function: str
    args: tuple = ()
    names: dict = field(default_factory=dict)

    def __str__(self):
        return f"{self.function}({_arguments(self)})"


@dataclass(frozen=True)
class Method(Node):
    """A call of a method of what stands before it."""

    of: Node
    method: str
    args: tuple = ()
    names: dict = field(default_factory=dict)

    def __str__(self):
        return f"{self.of}.{self.method}({_arguments(self)})"


@dataclass(frozen=True)
class Slice(Node):
    of: Node
    low: int | None
    high: int | None

    def __str__(self):
        low, high = ("" if end is None else end for end in (self.low, self.high))
        return f"{self.of}[{low}:{high}]"


@dataclass(frozen=True)
class Infix(Node):
    operator: str
    left: object
    right: object

    def __str__(self):
        return f"({text(self.left)} {self.operator} {text(self.right)})"


@dataclass(frozen=True)
class Not(Node):
    operand: Node

    def __str__(self):
        return f"~{self.operand}"


@dataclass(frozen=True)
class Objects(Node):
    """All rows of a model."""

    model: str

    def __str__(self):
        return f"{self.model}.objects"


def call(function: str, /, *args, **names) -> Call:
    return Call(function, args, names)


def method(of: Node, name: str, /, *args, **names) -> Method:
    return Method(of, name, args, names)


def text(tree) -> str:
    """As a person would write it."""
    if isinstance(tree, Node):
        return str(tree)
    if isinstance(tree, list):
        return f"[{', '.join(map(text, tree))}]"
    if isinstance(tree, tuple):
        return f"({', '.join(map(text, tree))}{',' if len(tree) == 1 else ''})"
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{text(k)}: {text(v)}' for k, v in tree.items())}}}"
    return repr(tree)


def _arguments(node) -> str:
    return ", ".join(
        [*map(text, node.args), *(f"{name}={text(value)}" for name, value in node.names.items())]
    )


def smaller(tree) -> Iterator:
    """Trees that say less: a part in place of the whole, a step or an argument left out, a smaller part."""
    if isinstance(tree, (list, tuple)):
        yield from _shorter(tree)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield {k: v for k, v in tree.items() if k != key}
            yield from (tree | {key: one} for one in smaller(value))
    elif isinstance(tree, Node):
        yield from (part for part in _parts(tree) if isinstance(part, Node))
        for part in fields(tree):
            for value in smaller(getattr(tree, part.name)):
                yield replace(tree, **{part.name: value})


def _shorter(items) -> Iterator:
    for i in range(len(items)):
        yield items[:i] + items[i + 1 :]
    for i, item in enumerate(items):
        for value in smaller(item):
            yield items[:i] + type(items)([value]) + items[i + 1 :]


def _parts(tree) -> Iterator:
    for part in fields(tree):
        value = getattr(tree, part.name)
        if isinstance(value, dict):
            value = list(value.values())
        yield from (value if isinstance(value, (list, tuple)) else [value])


def root(rows: Node) -> Node:
    """What a chain of methods begins with."""
    while isinstance(rows, (Method, Slice)):
        rows = rows.of
    return rows


def nodes(tree) -> Iterator[Node]:
    """All of a tree."""
    if isinstance(tree, Node):
        yield tree
        for part in _parts(tree):
            yield from nodes(part)
    elif isinstance(tree, (list, tuple)):
        for part in tree:
            yield from nodes(part)


def orders(tree, ordered: bool) -> set[str]:
    """The orders by which rows are cut, numbered, or (`ordered`) compared."""
    found = {_order(node) for node in nodes(tree) if isinstance(node, Slice)}
    found |= {_order(node) for node in nodes(tree) if getattr(node, "method", "") in _ENDS}
    found |= {
        text(node.names.get("order_by"))
        for node in nodes(tree)
        if isinstance(node, Call) and node.function == "Window"
    }
    return found | ({_order(tree)} if ordered else set())


_ENDS = ("first", "last", "earliest", "latest")


def _order(rows) -> str:
    while isinstance(rows, (Method, Slice)):
        if getattr(rows, "method", None) in ("order_by", "dates", "datetimes"):
            return _arguments(rows)
        rows = rows.of
    return ""


def shrink(tree, fails, ordered: bool, attempts: int = 1500):
    """The smallest tree found that still fails, and has rows in no other order."""
    found, allowed = True, orders(tree, ordered)
    while found:
        found = False
        for one in sorted(smaller(tree), key=lambda one: len(text(one))):
            if len(text(one)) >= len(text(tree)):
                break
            if not orders(one, ordered) <= allowed:
                continue
            attempts -= 1
            if attempts < 0:
                return tree
            if fails(one):
                tree, found = one, True
                break
    return tree
