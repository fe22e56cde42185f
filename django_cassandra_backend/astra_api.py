"""Astra's DevOps API, as far as a project needs it: databases, keyspaces, bundles, waking up.

The token goes into headers, over TLS, to the API and to the database's own address that the API names; it is in no message, no
repr and no URL. Redirects are not followed: they could lead it elsewhere. Answers have a largest size."""

import contextlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

URL = "https://api.astra.datastax.com"
URL_VARIABLE = "ASTRA_API_URL"  # another place of the API, such as a stand-in of it
TIMEOUT = 30.0  # seconds for one answer
ANSWER_MAX = 4 << 20  # bytes
BUNDLE_MAX = 1 << 20
PAGE = 100  # databases
PAGES = 100
POLL = 2.0  # seconds between two looks at a database that changes
TOUCH_EVERY = 30.0  # seconds; a database that sleeps on is asked again
WORDS_MAX = 500  # characters of an answer that are shown

ACTIVE, HIBERNATED = "ACTIVE", "HIBERNATED"
_ENDED = ("TERMINATED", "TERMINATING", "ERROR", "SUSPENDED")
_TOKEN = re.compile(r"AstraCS:[!-~]+")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PORTAL = "https://astra.datastax.com"


class ApiError(Exception):
    """What went wrong, in words. `status`: of the answer, or None when there was none."""

    def __init__(self, text: str, status: int | None = None):
        super().__init__(text)
        self.status = status


class Token(str):
    """An application token: in no repr, and so in no traceback."""

    def __repr__(self) -> str:
        return "<token>"


def checked_token(text: str, source: str) -> Token:
    """The token, if it looks like one. `source`: where it comes from."""
    text = text.strip()
    if _TOKEN.fullmatch(text) is None:
        raise ApiError(
            f'{source} is no application token: those begin with "AstraCS:". '
            f"Make one with the role Database Administrator: {_PORTAL}, Settings, Tokens."
        )
    return Token(text)


@dataclass(frozen=True)
class Database:
    """What the API says of one database."""

    id: str
    name: str
    status: str
    keyspace: str | None  # the first one
    keyspaces: tuple[str, ...]
    regions: tuple[str, ...]
    is_vector: bool
    endpoint: str  # "…/api/rest"


class Client:
    """The API with one token."""

    def __init__(self, token: Token, url: str | None = None, timeout: float = TIMEOUT):
        self._token, self._timeout = token, timeout
        self._url = (url or os.environ.get(URL_VARIABLE) or URL).rstrip("/")
        self._opener = urllib.request.build_opener(_NoRedirects)
        _refuse_plain(self._url, URL_VARIABLE)

    # --- databases ---

    def databases(self) -> Iterator[Database]:
        """All that are not terminated, page by page."""
        seen: set[str] = set()
        after = ""
        for _ in range(PAGES):
            page = self._call(
                "GET", f"/v2/databases?include=nonterminated&limit={PAGE}{after}", kind=list
            )
            new = [one for one in map(_database, page) if one.id not in seen]
            yield from new
            if not new:
                return
            seen |= {one.id for one in new}
            after = f"&starting_after={quote(new[-1].id, safe='')}"

    def database(self, database_id: str) -> Database:
        return _database(self._call("GET", _path(database_id), kind=dict))

    def find(self, name_or_id: str) -> Database:
        """A database by its name or id. ApiError lists those that there are."""
        known = list(self.databases())
        found = [one for one in known if name_or_id in (one.id, one.name)]
        if len(found) == 1:
            return found[0]
        there = "; ".join(f"{one.name} ({one.id})" for one in known) or "none"
        if found:
            raise ApiError(f"Several databases are called {name_or_id!r}. Use an id: {there}.")
        raise ApiError(f"The token knows no database {name_or_id!r}. There are: {there}.")

    # --- keyspaces ---

    def create_keyspace(self, database_id: str, name: str) -> None:
        """Ask for it; the database is in maintenance for a moment then. See wait()."""
        self._call("POST", _path(database_id, "keyspaces", name))

    def drop_keyspace(self, database_id: str, name: str) -> None:
        """Ask to drop it, with all that is in it."""
        self._call("DELETE", _path(database_id, "keyspaces", name))

    # --- bundle ---

    def bundle(self, database: Database, region: str | None = None) -> bytes:
        """The secure connect bundle, of the first region or of a named one."""
        link = self._bundle_link(database, region)
        if not isinstance(link, str):
            raise ApiError("The API named no link to the secure connect bundle.")
        _refuse_plain(link, "the link to the secure connect bundle")
        return self._read(urllib.request.Request(link), BUNDLE_MAX)  # the link needs no token

    def _bundle_link(self, database: Database, region: str | None):
        path = _path(database.id, "secureBundleURL")
        if region is None:
            return self._call("POST", path, kind=dict).get("downloadURL")
        links = {
            one.get("region"): one.get("downloadURL")
            for one in self._call("POST", f"{path}?all=true", kind=list)
            if isinstance(one, dict)
        }
        if region not in links:
            known = ", ".join(sorted(str(name) for name in links)) or "none"
            raise ApiError(
                f"The database {database.name!r} has no region {region!r}. There are: {known}."
            )
        return links[region]

    # --- waking up ---

    def touch(self, database: Database) -> str:
        """Use a database, which wakes it when it hibernates: there is no call for that. Gives what it answered."""
        base = database.endpoint.removesuffix("/").removesuffix("/api/rest")
        if not base:
            raise ApiError(
                f"The API names no address of the database {database.name!r}: resume it at {_PORTAL}."
            )
        _refuse_plain(base, "the address of the database")
        headers = {"X-Cassandra-Token": self._token, "Content-Type": "application/json"}
        if database.is_vector:
            keyspace = quote(database.keyspace or "default_keyspace", safe="")
            request = urllib.request.Request(
                f"{base}/api/json/v1/{keyspace}", b'{"findCollections": {}}', headers, method="POST"
            )
        else:
            request = urllib.request.Request(f"{base}/api/rest/v2/schemas/keyspaces", None, headers)
        try:
            self._read(request, ANSWER_MAX)
        except ApiError as error:
            if error.status is None or error.status in (401, 403):
                raise
            return str(error)  # 503 while it wakes
        return "it answers"

    # --- requests ---

    def _call(self, method: str, path: str, kind: type | None = None):
        """The answer as JSON of this kind; None: nothing is read from it."""
        request = urllib.request.Request(self._url + path, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        request.add_header("Accept", "application/json")
        body = self._read(request, ANSWER_MAX)
        if kind is None:
            return None
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, kind):
            raise ApiError(f"{self._host(request)} gave an answer that is not as documented.")
        return answer

    def _read(self, request: urllib.request.Request, most: int) -> bytes:
        host = self._host(request)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                body = answer.read(most + 1)
        except urllib.error.HTTPError as error:
            raise self._refusal(host, error) from None
        except urllib.error.URLError as error:
            raise ApiError(f"{host} cannot be reached: {_reason(error.reason)}.") from None
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"{host} broke off: {_reason(error)}.") from None
        if len(body) > most:
            raise ApiError(f"{host} gave more than {most} bytes, which is too much.")
        return body

    def _refusal(self, host: str, error: urllib.error.HTTPError) -> ApiError:
        with error:
            words = self._clean(_words(error))
        if error.code in (401, 403):
            hint = "Is the token right, and its role Database Administrator?"
            return ApiError(f"{host} refuses this ({error.code}): {words} {hint}", error.code)
        if 300 <= error.code < 400:
            return ApiError(
                f"{host} answers with a redirect, which is not followed ({error.code}).", error.code
            )
        return ApiError(f"{host} answers {error.code}: {words}", error.code)

    def _clean(self, text: str) -> str:
        """Words of a server as one line without the token, which it may have repeated."""
        text = " ".join(text.replace(self._token, "…").split())
        return text[:WORDS_MAX] or "no reason."

    @staticmethod
    def _host(request: urllib.request.Request) -> str:
        return urlsplit(request.full_url).netloc.rpartition("@")[2]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


def wait(
    client: Client,
    database_id: str,
    *,
    timeout: float,
    until: Callable[[Database], bool] = lambda database: True,
    touch: bool = False,
    progress: Callable[[str, float], None] = lambda doing, done: None,
    clock: Callable[[], float] = time.monotonic,
) -> Database:
    """The database when it is active, and `until` is true of it. ApiError after `timeout` seconds.

    touch: wake it. progress: is called with the status, and which part of the time has passed."""
    began, touched, said = clock(), None, ""
    while True:
        database, now = client.database(database_id), clock()
        if database.status == ACTIVE and until(database):
            return database
        if database.status in _ENDED:
            raise ApiError(
                f"The database {database.name!r} is {database.status}, and will not be active again by itself. See {_PORTAL}."
            )
        if now - began >= timeout:
            more = f" The last it said: {said}" if said else ""
            raise ApiError(
                f"The database {database.name!r} is {database.status} after {timeout:g} seconds. It may go on by itself: "
                f"`manage.py astra status` looks again, --timeout waits longer.{more}"
            )
        progress(database.status, (now - began) / timeout)
        if (
            touch
            and database.status != ACTIVE
            and (touched is None or now - touched >= TOUCH_EVERY)
        ):
            touched, said = now, client.touch(database)
        time.sleep(min(POLL, max(timeout - (now - began), 0.0)))


def token_in(environ: Mapping[str, str], names) -> Token | None:
    """The token of the first of the variables that is set; None: none is."""
    for name in names:
        if environ.get(name):
            return checked_token(environ[name], f"The environment variable {name}")
    return None


def _path(database_id: str, *more: str) -> str:
    return "/".join(["/v2/databases", *(quote(part, safe="") for part in (database_id, *more))])


def _refuse_plain(url: str, what: str) -> None:
    """Secrets go over TLS, or to this machine."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return
        if parts.scheme == "http" and parts.hostname in _LOOPBACK:
            return
    raise ApiError(f"{what} is no https:// address, and a token is not sent anywhere else.")


def _database(value) -> Database:
    info = value.get("info") if isinstance(value, dict) else None
    if not isinstance(info, dict) or not isinstance(value.get("id"), str):
        raise ApiError("The API described a database otherwise than documented.")
    keyspaces = [info.get("keyspace"), *_texts(info.get("keyspaces"))]
    keyspaces += _texts(info.get("additionalKeyspaces"))
    centres = info.get("datacenters")
    regions = [one.get("region") for one in centres or () if isinstance(one, dict)]
    return Database(
        id=value["id"],
        name=str(info.get("name") or value["id"]),
        status=str(value.get("status") or "UNKNOWN"),
        keyspace=info.get("keyspace") or None,
        keyspaces=tuple(dict.fromkeys(filter(None, keyspaces))),
        regions=tuple(dict.fromkeys(filter(None, [*regions, info.get("region")]))),
        is_vector=info.get("dbType") == "vector",
        endpoint=str(value.get("dataEndpointUrl") or ""),
    )


def _texts(value) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _words(error: urllib.error.HTTPError) -> str:
    """What the body of a refusal says: {"errors": [{"message": …}]}, {"message": …}, or plain text."""
    try:
        text = error.read(ANSWER_MAX).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return str(error.reason)
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(text)
        if isinstance(body, dict):
            errors = body.get("errors")
            found = [one for one in errors if isinstance(one, dict)] if errors else [body]
            named = [one.get("message") or one.get("description") for one in found]
            return "; ".join(map(str, filter(None, named)))
    return text


def _reason(reason) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
