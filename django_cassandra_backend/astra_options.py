"""The settings of Astra DB: a secure connect bundle, who asks, and a keyspace become the URL for libcql.connect().

Each comes from DATABASES, or where it is not there from the environment, under the names of the `.env` that the Astra CLI writes.
The environment is read with the settings, when a connection is configured. Who has a file (OPTIONS["local"]) or a
cluster (HOST) has nothing to do with it.

A message never shows a token or a secret, nor what stands in the place of one."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from . import cluster_options

BUNDLE = "secure_connect_bundle"  # in OPTIONS
NAMES = {BUNDLE}

BUNDLE_VARIABLE = "ASTRA_DB_SECURE_BUNDLE_PATH"
KEYSPACE_VARIABLE = "ASTRA_DB_KEYSPACE"
ID_VARIABLE = "ASTRA_DB_ID"
#: The Astra CLI wrote the first until its version 1, and writes the second and third since then.
TOKEN_VARIABLES = ("ASTRA_DB_APPLICATION_TOKEN", "ASTRA_DB_TOKEN", "ASTRA_ORG_TOKEN")
TOKEN_USER = "token"

#: What a bundle says itself, or what Astra DB does not let us say.
_REFUSED = {
    "tls": "the bundle has the certificates",
    "local_dc": "the bundle is of one region",
    "create_keyspace": "Astra DB makes keyspaces itself: `manage.py astra keyspace create NAME`",
    "keyspace_replication": "Astra DB replicates as it was set up",
}
_NO_TOKEN = (
    f'Set USER = "{TOKEN_USER}" and PASSWORD to an application token ("AstraCS:…"), USER and PASSWORD to its client id and '
    f"secret, or the environment variable {TOKEN_VARIABLES[0]}."
)


@dataclass(frozen=True)
class Astra:
    """One database as the settings have it, complete and checked."""

    bundle: str
    keyspace: str
    user: str = field(repr=False)
    password: str = field(repr=False)


def is_astra(settings_dict: dict, environ: Mapping[str, str] = os.environ) -> bool:
    """Do the settings, or for want of any other place the environment, mean Astra DB?"""
    options = settings_dict.get("OPTIONS") or {}
    if BUNDLE in options:
        return True
    if options.get("local") or settings_dict.get("HOST"):
        return False
    return any(environ.get(name) for name in (BUNDLE_VARIABLE, *TOKEN_VARIABLES))


def token_of(environ: Mapping[str, str] = os.environ) -> str:
    """The application token of the environment, or ""."""
    return next((environ[name] for name in TOKEN_VARIABLES if environ.get(name)), "")


def read(settings_dict: dict, options: dict, environ: Mapping[str, str] = os.environ) -> Astra:
    """The database of one alias. ImproperlyConfigured says what is missing, and where to get it."""
    _refuse(settings_dict, options)
    user, password = _who(settings_dict, environ)
    return Astra(_bundle(options, environ), _keyspace(settings_dict, environ), user, password)


def url(astra: Astra, options: dict) -> str:
    """The URL, secrets in it: it is for connect(), and for nobody to see. connect() is told the keyspace."""
    parts = [("user", astra.user), ("password", astra.password)]
    parts += cluster_options.parameters(options)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parts)
    return f"astra:{quote(astra.bundle, safe='/')}?{query}"


def _refuse(settings_dict: dict, options: dict) -> None:
    for name in ("HOST", "PORT"):
        if settings_dict.get(name):
            raise ImproperlyConfigured(
                f"{name} and a secure connect bundle exclude each other: the bundle says where Astra DB is."
            )
    for name, why in _REFUSED.items():
        if name in options:
            raise ImproperlyConfigured(f'OPTIONS["{name}"] means nothing for Astra DB: {why}.')
    if (settings_dict.get("TEST") or {}).get("REPLICATION") is not None:
        why = _REFUSED["keyspace_replication"]
        raise ImproperlyConfigured(f'TEST["REPLICATION"] means nothing for Astra DB: {why}.')


def _bundle(options: dict, environ: Mapping[str, str]) -> str:
    where, value = f'OPTIONS["{BUNDLE}"]', options.get(BUNDLE)
    if BUNDLE not in options:
        where, value = BUNDLE_VARIABLE, environ.get(BUNDLE_VARIABLE)
        if not value:
            given = next(name for name in TOKEN_VARIABLES if environ.get(name))
            raise ImproperlyConfigured(
                f"The environment has {given} and not {BUNDLE_VARIABLE}: the path of the database's secure connect bundle. "
                "`manage.py astra bundle` downloads it."
            )
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ImproperlyConfigured(
            f"{where} is the path of a secure connect bundle, a zip file, not {value!r}."
        )
    path = os.path.abspath(os.path.expanduser(os.fspath(value)))
    if not os.path.isfile(path):
        raise ImproperlyConfigured(
            f"{where}: there is no file {path!r}. `manage.py astra bundle --output {path}` downloads it."
        )
    return path


def _who(settings_dict: dict, environ: Mapping[str, str]) -> tuple[str, str]:
    user, password = settings_dict.get("USER") or "", settings_dict.get("PASSWORD") or ""
    if not isinstance(user, str) or not isinstance(password, str):
        raise ImproperlyConfigured("USER and PASSWORD are texts.")
    if user and password:
        return user, password
    if user or password:
        given, missing = ("USER", "PASSWORD") if user else ("PASSWORD", "USER")
        raise ImproperlyConfigured(f"{given} is set and {missing} is not. {_NO_TOKEN}")
    token = token_of(environ)
    if not token:
        raise ImproperlyConfigured(f"There is a secure connect bundle and no token. {_NO_TOKEN}")
    return TOKEN_USER, token


def _keyspace(settings_dict: dict, environ: Mapping[str, str]) -> str:
    keyspace = settings_dict.get("NAME") or environ.get(KEYSPACE_VARIABLE)
    if not keyspace:
        raise ImproperlyConfigured(
            f"Which keyspace? Set NAME, or the environment variable {KEYSPACE_VARIABLE}. `manage.py astra status` lists those "
            "of the database."
        )
    return keyspace
