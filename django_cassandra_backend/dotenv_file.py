"""Lines of a .env file that are written or completed, while every other byte of it stays as it is.

The grammar is python-dotenv's, which reads the file: `export` in front, values in quotes over several lines, comments. Its own
set_key() is not used: it makes other line ends of a file's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BLANK = r"[^\S\r\n]*"
_HEAD = re.compile(
    rf"{_BLANK}(?:export[^\S\r\n]+)?(?P<key>'[^']+'|[^=\#\s]+){_BLANK}(?P<sign>={_BLANK})?"
)
_QUOTED = re.compile(r"""'(?:\\'|[^'])*'|"(?:\\"|[^"])*\"""")
_UNQUOTED = re.compile(r"[^\r\n]*?(?=[^\S\r\n]+\#|[^\S\r\n]*(?:[\r\n]|\Z))")
_END = re.compile(rf"{_BLANK}(?:\#[^\r\n]*)?(?=[\r\n]|\Z)")
_LINE = re.compile(r"[^\r\n]*")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_PLAIN = re.compile(r"[\w./:@%+,~-]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass
class _Binding:
    """One `KEY=value`: where its value stands in the text."""

    key: str
    value: str
    start: int
    end: int
    has_sign: bool


def complete(
    text: str, wanted: dict[str, str], *, replace: bool = False, synonyms: Iterable[tuple] = ()
) -> tuple[str, dict[str, str]]:
    """The text with the wanted values in it; and for each key what became of it: "added", "filled", "replaced" or "kept".

    A line with a value stays, unless `replace`. synonyms: groups of keys that mean the same; a wanted one is then
    written to the line of the group that is there. ValueError: the file, or a value, does not allow it."""
    found = {
        one.key: one for one in _bindings(text)
    }  # the last line of a key is the one that counts
    values = {key: binding.value for key, binding in found.items()}
    changes, edits, new = {}, [], []
    for key, value in wanted.items():
        name = _present(key, found, synonyms)
        binding = found.get(name)
        if binding is None:
            changes[key] = "added"
            new.append(f"{key}={_quoted(value)}")
            values[key] = value
        elif binding.value == value or (binding.value and not replace):
            changes[name] = "kept"
        else:
            changes[name] = "replaced" if binding.value else "filled"
            edits.append((binding, value))
            values[name] = value
    for binding, value in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        sign = "" if binding.has_sign else "="
        rest = text[binding.end :]
        space = " " if rest.startswith("#") else ""  # or the comment would be part of the value
        text = text[: binding.start] + sign + _quoted(value) + space + rest
    text = _appended(text, new)
    if {one.key: one.value for one in _bindings(text)} != values:
        raise ValueError("a quote in it does not end, and would go on into what is written")
    return text, changes


def _present(key: str, found: dict, synonyms) -> str:
    group = next((group for group in synonyms if key in group), (key,))
    there = [name for name in group if name in found]
    return next((name for name in there if found[name].value), there[0] if there else key)


def _appended(text: str, lines: list[str]) -> str:
    if not lines:
        return text
    first = _NEWLINE.search(text)
    newline = first[0] if first else "\n"
    if text and not text.endswith(("\n", "\r")):
        text += newline
    return text + "".join(line + newline for line in lines)


def _bindings(text: str):
    """Each binding of the text, in order. A line that is none is passed over, as python-dotenv does."""
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text):
        binding, end = _binding(text, at)
        if binding is not None:
            yield binding
        newline = _NEWLINE.match(text, end)
        at = newline.end() if newline else end


def _binding(text: str, at: int) -> tuple[_Binding | None, int]:
    """The binding that begins here, or None; and the end of its last line, or of the line in which it goes wrong."""
    head = _HEAD.match(text, at)
    if head is None:
        return None, _LINE.match(text, at).end()
    start = end = head.end()
    if head["sign"]:
        value = (_QUOTED if text.startswith(("'", '"'), start) else _UNQUOTED).match(text, start)
        if value is None:  # a quote that does not end
            return None, _LINE.match(text, start).end()
        is_comment = value[0].startswith("#") and text[start - 1] != "="
        end = start if is_comment else value.end()
    elif (end_of_key := head.end("key")) != start:
        start = end = end_of_key
    tail = _END.match(text, end)
    if tail is None:
        return None, _LINE.match(text, end).end()
    key = head["key"]
    if len(key) > 1 and key[0] == key[-1] == "'":
        key = key[1:-1]
    found = _Binding(key, _value(text[start:end]), start, end, bool(head["sign"]))
    return found, tail.end()


def _value(raw: str) -> str:
    if len(raw) > 1 and raw[0] in "'\"" and raw[-1] == raw[0]:
        return _ESCAPE.sub(r"\1", raw[1:-1])
    return raw


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if "\n" in value or "\r" in value or "${" in value:
        raise ValueError("a value of a .env file has no line end, and no ${")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
