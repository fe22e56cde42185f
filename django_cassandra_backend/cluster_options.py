"""The settings of a cluster: HOST, PORT, USER, PASSWORD and OPTIONS become the URL for libcql.connect().

A message never shows what may be a secret: neither USER, PASSWORD nor a key's password, nor a value that stands in
the place of one of them."""

import os
import re
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

LEVELS = ("ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE")
SERIAL_LEVELS = ("LOCAL_SERIAL", "SERIAL")
MAX_SECONDS = 3600
#: A write that takes longer may come after its claims were taken over: claims.LATE.
MAX_REQUEST_SECONDS = 30
MAX_CONNECTIONS = 256  # per node
ADMIN_TIMEOUT = 300  # seconds for a statement on a whole keyspace
MAX_PORT = 65535
DEFAULT_PORT = 9042

#: OPTIONS that mean something on a cluster alone.
NAMES = {
    "consistency",
    "serial_consistency",
    "local_dc",
    "request_timeout",
    "connect_timeout",
    "compression",
    "tls",
    "heartbeat",
    "connections",
    "protocol",
    "speculative_delay",
    "schema_agreement_timeout",
    "keyspace_replication",
    "create_keyspace",
    "id_block",
}

_TLS_FILES = {"ca": "tls_ca", "cert": "tls_cert", "key": "tls_key"}
_TLS_NAMES = {*_TLS_FILES, "key_password", "check", "server_name"}
_HOST = re.compile(
    r"\[(?P<six>[0-9A-Fa-f:.%\w]+)\](:(?P<p6>\d+))?|(?P<name>[\w.-]+)(:(?P<p4>\d+))?"
)
_BARE_SIX = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%[\w.-]+)?")
_CLASS = re.compile(r"[\w.]+")


def url(settings_dict: dict, options: dict) -> str:
    """The URL, secrets in it: it is for connect(), and for nobody to see."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters(options))
    where = ",".join(_authority(host, port) for host, port in hosts(settings_dict))
    return f"cassandra://{_credentials(settings_dict)}{where}/" + (f"?{query}" if query else "")


def parameters(options: dict) -> list[tuple[str, str]]:
    """(name, value) of the URL for each of OPTIONS that libcql is told."""
    parts = []
    for value in (_level(options), _serial_level(options), _text(options, "local_dc")):
        parts += value
    parts += _milliseconds(
        options, "request_timeout", "request_timeout_ms", most=MAX_REQUEST_SECONDS
    )
    parts += _milliseconds(options, "connect_timeout", "connect_timeout_ms")
    parts += _compression(options)
    parts += _tls(options)
    parts += _milliseconds(options, "heartbeat", "heartbeat_ms", least=0.1)
    parts += _whole(options, "connections", 1, MAX_CONNECTIONS)
    parts += _protocol(options)
    parts += _milliseconds(options, "speculative_delay", "speculative_delay_ms")
    return parts + _milliseconds(options, "schema_agreement_timeout", "schema_agreement_timeout_ms")


def patient(of_cluster: str) -> str:
    """The URL with time enough to make or drop a keyspace with all its tables."""
    name, least = "request_timeout_ms", ADMIN_TIMEOUT * 1000
    base, _, query = of_cluster.partition("?")
    parts = [part for part in query.split("&") if part and not part.startswith(f"{name}=")]
    return f"{base}?{'&'.join([*parts, f'{name}={least}'])}"


# --- where and who ---


def hosts(settings_dict: dict) -> list[tuple[str, int]]:
    """(name or address, port) of each contact point; an IPv6 address without its brackets."""
    text, port = settings_dict.get("HOST"), _port(settings_dict.get("PORT"))
    if not isinstance(text, str):
        raise ImproperlyConfigured(f"HOST is a text, hosts with commas between them, not {text!r}.")
    return [_host(part.strip(), port) for part in text.split(",")]


def _host(text: str, port: int) -> tuple[str, int]:
    if _BARE_SIX.fullmatch(text):
        return text, port
    match = _HOST.fullmatch(text)
    if match is None:
        # HOST is where people paste whole URLs, passwords among them: it is not shown.
        raise ImproperlyConfigured(
            "HOST has a part that is no host: write names or addresses with commas between them, "
            'such as "10.0.0.1,10.0.0.2", "db1:9043" or "[2001:db8::1]:9042".'
        )
    given = match["p6"] or match["p4"]
    return match["six"] or match["name"], _port(given) if given else port


def _port(value) -> int:
    if value in (None, ""):
        return DEFAULT_PORT
    text = str(value)
    if (
        isinstance(value, bool)
        or not text.isascii()
        or not text.isdigit()
        or not 0 < int(text) <= MAX_PORT
    ):
        raise ImproperlyConfigured(f"PORT is a number from 1 to {MAX_PORT}, not {value!r}.")
    return int(text)


def _authority(host: str, port: int) -> str:
    return f"[{quote(host, safe=':')}]:{port}" if ":" in host else f"{host}:{port}"


def _credentials(settings_dict: dict) -> str:
    user, password = settings_dict.get("USER") or "", settings_dict.get("PASSWORD") or ""
    if not isinstance(user, str) or not isinstance(password, str):
        raise ImproperlyConfigured("USER and PASSWORD are texts.")
    if not user and not password:
        return ""
    if not user or not password:
        given, missing = ("USER", "PASSWORD") if user else ("PASSWORD", "USER")
        raise ImproperlyConfigured(f"{given} is set and {missing} is not: a cluster asks for both.")
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"


# --- OPTIONS: each gives a list of no or one (name, value) of the URL ---


def _level(options: dict) -> list:
    return _choice(options, "consistency", LEVELS)


def _serial_level(options: dict) -> list:
    return _choice(options, "serial_consistency", SERIAL_LEVELS)


def _choice(options: dict, name: str, known) -> list:
    value = options.get(name)
    if value is None:
        return []
    if not isinstance(value, str) or value not in known:
        raise ImproperlyConfigured(
            f'OPTIONS["{name}"] is one of {", ".join(known)}, not {value!r}.'
        )
    return [(name, value)]


def _text(options: dict, name: str) -> list:
    value = options.get(name)
    if value is None:
        return []
    if not isinstance(value, str) or not value:
        raise ImproperlyConfigured(f'OPTIONS["{name}"] is a text, not {value!r}.')
    return [(name, value)]


def _milliseconds(
    options: dict, name: str, of_url: str, least: float = 0.001, most: float = MAX_SECONDS
) -> list:
    value = options.get(name)
    if value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ImproperlyConfigured(
            f'OPTIONS["{name}"] is a number of seconds from {least:g} to {most:g}, not {value!r}.'
        )
    return [(of_url, str(round(value * 1000)))]


def _whole(options: dict, name: str, least: int, most: int) -> list:
    value = options.get(name)
    if value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ImproperlyConfigured(
            f'OPTIONS["{name}"] is a whole number from {least} to {most}, not {value!r}.'
        )
    return [(name, str(value))]


def _compression(options: dict) -> list:
    """None, like "none", says that there is none; a name that is left out leaves it to libcql."""
    if "compression" not in options:
        return []
    value = options["compression"]
    if value not in (None, "lz4"):
        raise ImproperlyConfigured(f'OPTIONS["compression"] is "lz4" or None, not {value!r}.')
    return [("compression", value or "none")]


def _protocol(options: dict) -> list:
    value = options.get("protocol")
    if value is None:
        return []
    if value not in (4, 5) or isinstance(value, bool | float):
        raise ImproperlyConfigured(f'OPTIONS["protocol"] is 4, 5 or None, not {value!r}.')
    return [("protocol", str(value))]


# --- TLS ---


def tls_of(options: dict) -> dict | None:
    """OPTIONS["tls"] as a dict that was checked; None: connections are not encrypted."""
    value = options.get("tls", False)
    if value is False or value is None:
        return None
    if value is True:
        return {}
    if not isinstance(value, dict):
        raise ImproperlyConfigured(
            f'OPTIONS["tls"] is True, False or a dict of {", ".join(sorted(_TLS_NAMES))}, '
            f"not a {type(value).__name__}."
        )
    if unknown := {str(name) for name in value} - _TLS_NAMES:
        raise ImproperlyConfigured(
            f'OPTIONS["tls"] has unknown names: {", ".join(sorted(unknown))}. '
            f"Known: {', '.join(sorted(_TLS_NAMES))}."
        )
    return value


def _tls(options: dict) -> list:
    tls = tls_of(options)
    if tls is None:
        return [("tls", "off")] if "tls" in options else []
    parts = [("tls", "on")]
    for name, of_url in _TLS_FILES.items():
        if tls.get(name) is not None:
            parts.append((of_url, _file(name, tls[name])))
    if ("cert" in tls) != ("key" in tls):
        raise ImproperlyConfigured(
            'OPTIONS["tls"] has one of cert and key: a certificate needs its key.'
        )
    parts += _tls_text(tls, "key_password", "tls_key_password", secret=True)
    if tls.get("key_password") and not tls.get("key"):
        raise ImproperlyConfigured(
            'OPTIONS["tls"]["key_password"] is for a key, which is not given.'
        )
    check = tls.get("check", "full")
    if check not in ("full", "ca", "none"):
        raise ImproperlyConfigured(
            f'OPTIONS["tls"]["check"] is "full", "ca" or "none", not {check!r}.'
        )
    parts.append(("tls_check", check))
    return parts + _tls_text(tls, "server_name", "tls_name")


def _file(name: str, value) -> str:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ImproperlyConfigured(f'OPTIONS["tls"]["{name}"] is the path of a PEM file.')
    path = os.path.abspath(os.fspath(value))
    if not os.path.isfile(path):
        raise ImproperlyConfigured(f'OPTIONS["tls"]["{name}"]: there is no file {path!r}.')
    return path


def _tls_text(tls: dict, name: str, of_url: str, *, secret: bool = False) -> list:
    value = tls.get(name)
    if value is None:
        return []
    if not isinstance(value, str) or not value:
        shown = "" if secret else f", not {value!r}"
        raise ImproperlyConfigured(f'OPTIONS["tls"]["{name}"] is a text{shown}.')
    return [(of_url, value)]


# --- keyspaces that we create ---


def replication(value, name: str) -> dict | None:
    """The replication of a keyspace as CREATE KEYSPACE has it: {"class": …, …}. `name`: of the setting."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return {"class": "SimpleStrategy", "replication_factor": value}
    if isinstance(value, dict) and value and all(map(_is_replication_item, value.items())):
        return value if "class" in value else {"class": "NetworkTopologyStrategy", **value}
    raise ImproperlyConfigured(
        f'{name} is the number of copies in each data centre, such as {{"dc1": 3}}, a dict as CREATE KEYSPACE takes it, '
        f"or a number of copies, not {value!r}."
    )


def _is_replication_item(item) -> bool:
    name, value = item
    if not isinstance(name, str) or not name:
        return False
    if name == "class":
        return isinstance(value, str) and _CLASS.fullmatch(value) is not None
    return (isinstance(value, int) and not isinstance(value, bool) and value > 0) or (
        isinstance(value, str) and re.fullmatch(r"\d+(/\d+)?", value) is not None
    )
