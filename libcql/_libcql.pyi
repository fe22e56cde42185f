"""The extension module: sessions, prepared statements, results. Import these names from libcql."""

from asyncio import Future
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, NamedTuple, Protocol, final, overload

Params = Sequence[Any] | Mapping[str, Any] | None
Level = int | str | None
SQLValue = None | int | float | str | bytes
Progress = Callable[[str, float], object] | None

class Column(NamedTuple):
    """A column of a result, or a bind marker. As a tuple it is (name, type)."""

    name: str
    type: str
    @property
    def keyspace(self) -> str: ...
    @property
    def table(self) -> str: ...

class SchemaChange(NamedTuple):
    """What a DDL statement changed: CREATED, UPDATED or DROPPED; KEYSPACE, TABLE or TYPE; which one."""

    change: str
    target: str
    keyspace: str
    name: str

class Attempt(NamedTuple):
    """One host that was tried, in Error.attempts: where it ended, what went wrong, how long it took."""

    host: str
    stage: str
    error: str
    seconds: float

class Node(NamedTuple):
    """A node of the cluster, in Session.nodes()."""

    address: str
    state: Literal["up", "silent", "down", "remote"]
    datacenter: str
    rack: str
    release: str
    connections: int

class CompactReport(NamedTuple):
    """What Session.compact() did. Sizes are in bytes."""

    keys_seen: int
    keys_removed: int
    rows_rewritten: int
    bytes_before: int
    bytes_after: int

class CheckReport(NamedTuple):
    """What Session.check() found: the file is sound when problem_count is 0.

    problems are the first thousand in words. Stale entries and rows ahead of the file's clock are no problems."""

    tables: int
    indexes: int
    rows: int
    deletions: int
    entries: int
    stale_entries: int
    ahead_of_clock: int
    problem_count: int
    problems: list[str]

@final
class Prepared:
    """A statement that was parsed and planned once. Made by Session.prepare()."""

    @property
    def text(self) -> str: ...
    @property
    def bind_names(self) -> tuple[str, ...]: ...
    @property
    def bind_types(self) -> tuple[str, ...]: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def is_conditional(self) -> bool: ...
    @property
    def is_select(self) -> bool: ...

@final
class Result(Iterator[tuple[Any, ...]]):
    """The answer to a statement; iterating it gives the rows of all pages as tuples."""

    def __iter__(self) -> Result: ...
    def __next__(self) -> tuple[Any, ...]: ...
    def one(self) -> tuple[Any, ...] | None: ...
    def all(self) -> list[tuple[Any, ...]]: ...
    def page(self) -> list[tuple[Any, ...]]: ...
    def dicts(self) -> Iterator[dict[str, Any]]: ...
    def literals(self) -> Iterator[tuple[str, ...]]: ...
    def fetch_next_page(self) -> bool: ...
    def one_of_page(self) -> tuple[Any, ...] | None: ...
    def __aiter__(self) -> AsyncIterator[tuple[Any, ...]]: ...
    async def aone(self) -> tuple[Any, ...] | None: ...
    async def aall(self) -> list[tuple[Any, ...]]: ...
    async def afetch_next_page(self) -> bool: ...
    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def column_names(self) -> tuple[str, ...]: ...
    @property
    def was_applied(self) -> bool: ...
    @property
    def paging_state(self) -> bytes | None: ...
    @property
    def has_more_pages(self) -> bool: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def kind(self) -> Literal["void", "rows", "set_keyspace", "schema_change"]: ...
    @property
    def schema_change(self) -> SchemaChange | None: ...
    @property
    def _on_cluster(self) -> bool: ...
    def _page_future(self) -> Future[None] | None: ...

class RelationalCounts(NamedTuple):
    """What a Relational has asked its session for."""

    requests: int
    rows: int
    scans: int
    waves: int

class Aggregate(Protocol):
    def step(self, *args: Any) -> object: ...
    def finalize(self) -> SQLValue: ...

@final
class Rows(Iterator[tuple[Any, ...]]):
    """The rows of a statement of SQL, tuples. Made by Relational.execute()."""

    def __iter__(self) -> Rows: ...
    def __next__(self) -> tuple[Any, ...]: ...
    def fetchone(self) -> tuple[Any, ...] | None: ...
    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...
    def close(self) -> None: ...
    @property
    def column_names(self) -> tuple[str, ...]: ...
    @property
    def column_types(self) -> tuple[str | None, ...]: ...
    @property
    def spent(self) -> int: ...
    @property
    def statements(self) -> list[tuple[str, int, int]]: ...

@final
class Relational:
    """SQL over the CQL tables of a keyspace, by SQLite. Made by Session.relational()."""

    def execute(
        self,
        sql: str,
        params: tuple[Any, ...] | list[Any] | dict[str, Any] | None = (),
        *,
        budget: int | None = None,
        raw: Sequence[tuple[str, str] | None] | None = None,
    ) -> Rows: ...
    def attach(self, name: str, table: str | None = None) -> None: ...
    def create_function(
        self,
        name: str,
        narg: int,
        func: Callable[..., SQLValue] | None,
        *,
        deterministic: bool = False,
    ) -> None: ...
    def create_aggregate(
        self, name: str, narg: int, cls: Callable[[], Aggregate] | None
    ) -> None: ...
    def interrupt(self) -> None: ...
    def close(self) -> None: ...
    @property
    def counts(self) -> RelationalCounts: ...

@final
class Session:
    """A session over a database. Made by libcql.connect()."""

    def execute(
        self,
        query: str | Prepared,
        params: Params = None,
        *,
        keyspace: str | None = None,
        page_size: int | None = 5000,
        paging_state: bytes | None = None,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> Result: ...
    def prepare(self, text: str, *, keyspace: str | None = None) -> Prepared: ...
    def execute_batch(
        self,
        statements: Sequence[tuple[str | Prepared, Params]],
        *,
        type: Literal["logged", "unlogged", "counter"] = "logged",
        keyspace: str | None = None,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> Result: ...
    def execute_chain(
        self,
        statements: Sequence[tuple[str | Prepared, Params]],
        *,
        all_or_nothing: bool = True,
        keyspace: str | None = None,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> list[Result]: ...
    @overload
    def execute_many(
        self,
        query: str | Prepared,
        rows: Iterable[Params],
        *,
        concurrency: int = 128,
        return_exceptions: Literal[False] = False,
        keyspace: str | None = None,
        page_size: int | None = 5000,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> list[Result | None]: ...
    @overload
    def execute_many(
        self,
        query: str | Prepared,
        rows: Iterable[Params],
        *,
        concurrency: int = 128,
        return_exceptions: Literal[True],
        keyspace: str | None = None,
        page_size: int | None = 5000,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> list[Result | Exception | None]: ...
    async def aexecute(
        self,
        query: str | Prepared,
        params: Params = None,
        *,
        keyspace: str | None = None,
        page_size: int | None = 5000,
        paging_state: bytes | None = None,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> Result: ...
    @overload
    async def aexecute_many(
        self,
        query: str | Prepared,
        rows: Iterable[Params],
        *,
        concurrency: int = 128,
        return_exceptions: Literal[False] = False,
        keyspace: str | None = None,
        page_size: int | None = 5000,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> list[Result | None]: ...
    @overload
    async def aexecute_many(
        self,
        query: str | Prepared,
        rows: Iterable[Params],
        *,
        concurrency: int = 128,
        return_exceptions: Literal[True],
        keyspace: str | None = None,
        page_size: int | None = 5000,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> list[Result | Exception | None]: ...
    async def aexecute_batch(
        self,
        statements: Sequence[tuple[str | Prepared, Params]],
        *,
        type: Literal["logged", "unlogged", "counter"] = "logged",
        keyspace: str | None = None,
        consistency: Level = None,
        serial_consistency: Level = None,
        timestamp: int | None = None,
        timeout: float | None = None,
        idempotent: bool | None = None,
    ) -> Result: ...
    async def aprepare(self, text: str, *, keyspace: str | None = None) -> Prepared: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Session: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def _submit(self, *args: Any, **options: Any) -> Future[Result] | None: ...
    def _submit_batch(self, *args: Any, **options: Any) -> Future[Result] | None: ...
    def relational(self, keyspace: str, /) -> Relational: ...
    def nodes(self) -> list[Node]: ...
    def backup(self, path: str) -> None: ...
    def compact(self, *, progress: Progress = None) -> CompactReport: ...
    def check(self, *, progress: Progress = None) -> CheckReport: ...
    def close(self) -> None: ...
    def __enter__(self) -> Session: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    @property
    def keyspace(self) -> str | None: ...
    @property
    def url(self) -> str: ...
    @property
    def closed(self) -> bool: ...

def connect(url: str) -> Session: ...
