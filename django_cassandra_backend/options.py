"""settings.DATABASES[alias], read once and checked: what is not known is refused, not ignored."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

DEFAULT_SCAN_BUDGET = 10_000  # rows
DEFAULT_WRITE_ATTEMPTS = 100  # tries of one conditional write among competitors
DEFAULT_INDEX_TIMEOUT = 600  # seconds
DEFAULT_KEYSPACE = "django"
MEMORY = ":memory:"

_KNOWN = {
    "local",
    "write_mode",
    "plain_models",
    "scan_budget",
    "write_attempts",
    "durability",
    "index_timeout",
}
_KEYSPACE = re.compile(r"[A-Za-z0-9_]{1,48}")


@dataclass(frozen=True)
class Options:
    """One alias's settings. `url` is for libcql.connect()."""

    url: str
    keyspace: str
    write_mode: str = "lwt"
    plain_models: frozenset = field(default_factory=frozenset)
    scan_budget: int | None = DEFAULT_SCAN_BUDGET
    write_attempts: int = DEFAULT_WRITE_ATTEMPTS
    index_timeout: int = DEFAULT_INDEX_TIMEOUT

    @property
    def in_memory(self) -> bool:
        return self.url.startswith("local::memory:")

    def is_plain(self, model) -> bool:
        """Is the model's table written without lightweight transactions?"""
        if self.write_mode == "plain":
            return True
        return model is not None and model._meta.label_lower in self.plain_models


def read_options(settings_dict: dict) -> Options:
    """Options of one alias. ImproperlyConfigured names the setting that is wrong."""
    options = settings_dict.get("OPTIONS") or {}
    if not isinstance(options, dict):
        raise ImproperlyConfigured(f"OPTIONS is a dict, not {options!r}.")
    if unknown := {str(name) for name in options} - _KNOWN:
        raise ImproperlyConfigured(
            f"OPTIONS has unknown names: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(_KNOWN))}."
        )
    mode = options.get("write_mode", "lwt")
    if mode not in ("lwt", "plain"):
        raise ImproperlyConfigured(f'OPTIONS["write_mode"] is "lwt" or "plain", not {mode!r}.')
    keyspace = settings_dict.get("NAME") or DEFAULT_KEYSPACE
    if not isinstance(keyspace, str) or not _KEYSPACE.fullmatch(keyspace):
        raise ImproperlyConfigured(
            f"NAME is a keyspace: at most 48 letters, digits and underscores, not {keyspace!r}."
        )
    return Options(
        url=_url(settings_dict, options),
        keyspace=keyspace,
        write_mode=mode,
        plain_models=_labels(options),
        scan_budget=_count(options, "scan_budget", DEFAULT_SCAN_BUDGET, may_be_none=True),
        write_attempts=_count(options, "write_attempts", DEFAULT_WRITE_ATTEMPTS),
        index_timeout=_count(options, "index_timeout", DEFAULT_INDEX_TIMEOUT),
    )


def _labels(options: dict) -> frozenset:
    labels = options.get("plain_models", ())
    if isinstance(labels, str | bytes) or not all(isinstance(x, str) for x in labels):
        raise ImproperlyConfigured(
            f'OPTIONS["plain_models"] is a list of labels such as "app.Model", not {labels!r}.'
        )
    return frozenset(label.lower() for label in labels)


def _count(options: dict, name: str, default: int, *, may_be_none: bool = False) -> int | None:
    value = options.get(name, default)
    if value is None and may_be_none:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < (0 if may_be_none else 1):
        raise ImproperlyConfigured(f'OPTIONS["{name}"] is a whole number, not {value!r}.')
    return value


def _url(settings_dict: dict, options: dict) -> str:
    local = options.get("local")
    if not local:
        raise ImproperlyConfigured(
            'OPTIONS["local"] is missing: the path of a database file, or ":memory:". '
            "Clusters (HOST) and Astra DB are not built yet."
        )
    if settings_dict.get("HOST"):
        raise ImproperlyConfigured('OPTIONS["local"] and HOST exclude each other.')
    if not isinstance(local, str | os.PathLike):
        raise ImproperlyConfigured(
            f'OPTIONS["local"] is the path of a database file, or ":memory:", not {local!r}.'
        )
    path = os.fspath(local)
    url = "local:" + (path if path == MEMORY else quote(os.path.abspath(path), safe="/"))
    durability = options.get("durability")
    if durability not in (None, "normal", "full"):
        raise ImproperlyConfigured(
            f'OPTIONS["durability"] is "normal" or "full", not {durability!r}.'
        )
    return f"{url}?durability={durability}" if durability else url
