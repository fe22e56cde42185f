"""settings.DATABASES[alias], read once and checked: what is not known is refused, not ignored."""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from . import astra_options, cluster_options, guardrails
from .guardrails import Guardrails

DEFAULT_SCAN_BUDGET = 10_000  # rows
DEFAULT_WRITE_ATTEMPTS = 100  # tries of one conditional write among competitors
DEFAULT_INDEX_TIMEOUT = 600  # seconds
DEFAULT_PAGE_SIZE = 5000  # rows
DEFAULT_ID_BLOCK = 20  # ids that a process reserves at once on a cluster
DEFAULT_KEYSPACE = "django"
MEMORY = ":memory:"

#: OPTIONS that mean something on a file alone.
_FILE = {"local", "durability", "as_cluster"}
_EVERYWHERE = {
    "write_mode",
    "plain_models",
    "scan_budget",
    "write_attempts",
    "index_timeout",
    "page_size",
    "guardrails",
}
_KNOWN = _FILE | _EVERYWHERE | cluster_options.NAMES | astra_options.NAMES
KEYSPACE = re.compile(r"[A-Za-z0-9_]{1,48}")


@dataclass(frozen=True)
class Options:
    """One alias's settings. `url` is for libcql.connect(), and not to be shown: passwords may be in it.

    as_cluster: a file is written as a cluster is, without transactions over several statements.
    replication: of keyspaces that we make, as CREATE KEYSPACE has it; None: it follows from the topology
    id_block: ids of an AutoField that a process reserves at once"""

    url: str = field(repr=False)
    keyspace: str
    write_mode: str = "lwt"
    plain_models: frozenset = field(default_factory=frozenset)
    scan_budget: int | None = DEFAULT_SCAN_BUDGET
    write_attempts: int = DEFAULT_WRITE_ATTEMPTS
    index_timeout: int = DEFAULT_INDEX_TIMEOUT
    page_size: int = DEFAULT_PAGE_SIZE
    as_cluster: bool = False
    serial_consistency: str = "LOCAL_SERIAL"
    local_dc: str | None = None
    create_keyspace: bool = False
    replication: dict | None = None
    id_block: int = 1
    guardrails: Guardrails = field(default_factory=Guardrails)

    @property
    def is_file(self) -> bool:
        """On this machine, in a file or in memory; else on a cluster."""
        return self.url.startswith("local:")

    @property
    def is_astra(self) -> bool:
        """On Astra DB, by a secure connect bundle."""
        return self.url.startswith("astra:")

    @property
    def chains(self) -> bool:
        """Can several statements be one transaction?"""
        return self.is_file and not self.as_cluster

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
    astra = _astra(settings_dict, options)
    _refuse_misplaced(settings_dict, options, is_astra=astra is not None)
    mode = options.get("write_mode", "lwt")
    if mode not in ("lwt", "plain"):
        raise ImproperlyConfigured(f'OPTIONS["write_mode"] is "lwt" or "plain", not {mode!r}.')
    return Options(
        url=_url(settings_dict, options, astra),
        keyspace=_keyspace(settings_dict.get("NAME") if astra is None else astra.keyspace),
        write_mode=mode,
        plain_models=_labels(options),
        scan_budget=_count(options, "scan_budget", DEFAULT_SCAN_BUDGET, may_be_none=True),
        write_attempts=_count(options, "write_attempts", DEFAULT_WRITE_ATTEMPTS),
        index_timeout=_count(options, "index_timeout", DEFAULT_INDEX_TIMEOUT),
        page_size=_count(options, "page_size", DEFAULT_PAGE_SIZE),
        as_cluster=_flag(options, "as_cluster"),
        serial_consistency=options.get("serial_consistency") or "LOCAL_SERIAL",
        local_dc=options.get("local_dc"),
        create_keyspace=_flag(options, "create_keyspace"),
        replication=cluster_options.replication(
            options.get("keyspace_replication"), 'OPTIONS["keyspace_replication"]'
        ),
        id_block=_count(options, "id_block", 1 if options.get("local") else DEFAULT_ID_BLOCK),
        guardrails=guardrails.read(options, is_astra=astra is not None),
    )


def _astra(settings_dict: dict, options: dict) -> astra_options.Astra | None:
    """The Astra database of the settings; None: they are about a file or a cluster."""
    if options.get("local") or not astra_options.is_astra(settings_dict):
        return None
    return astra_options.read(settings_dict, options)


def _refuse_misplaced(settings_dict: dict, options: dict, *, is_astra: bool) -> None:
    """An option of the other kind of place would be ignored, so it is refused."""
    if options.get("local"):
        if settings_dict.get("HOST"):
            raise ImproperlyConfigured('OPTIONS["local"] and HOST exclude each other.')
        wrong = set(options) & (cluster_options.NAMES | astra_options.NAMES)
        if options.get("as_cluster"):
            wrong -= {"id_block"}
        place = 'a file, OPTIONS["local"]'
    else:
        if not settings_dict.get("HOST") and not is_astra:
            raise ImproperlyConfigured(
                'OPTIONS["local"] is missing: the path of a database file, or ":memory:". For a cluster, HOST is missing; '
                f'for Astra DB, OPTIONS["{astra_options.BUNDLE}"] or the environment variable {astra_options.BUNDLE_VARIABLE}.'
            )
        wrong = set(options) & (_FILE - {"local"})
        place = "Astra DB" if is_astra else "a cluster, HOST"
    if wrong:
        raise ImproperlyConfigured(
            f"OPTIONS has names that mean nothing for {place}: {', '.join(sorted(wrong))}."
        )


def _keyspace(name) -> str:
    keyspace = name or DEFAULT_KEYSPACE
    if not isinstance(keyspace, str) or not KEYSPACE.fullmatch(keyspace):
        raise ImproperlyConfigured(
            f"NAME is a keyspace: at most 48 letters, digits and underscores, not {keyspace!r}."
        )
    return keyspace


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


def _flag(options: dict, name: str) -> bool:
    value = options.get(name, False)
    if not isinstance(value, bool):
        raise ImproperlyConfigured(f'OPTIONS["{name}"] is True or False, not {value!r}.')
    return value


def _url(settings_dict: dict, options: dict, astra: astra_options.Astra | None) -> str:
    if options.get("local"):
        return _file_url(options)
    if astra is not None:
        return astra_options.url(astra, options)
    return cluster_options.url(settings_dict, options)


def _file_url(options: dict) -> str:
    local = options["local"]
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
