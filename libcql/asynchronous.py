"""The coroutines of Session and Result: ``await session.aexecute(…)``, ``async for row in result``.

A call on a database file runs in a thread of asyncio's default executor, so that the event loop
goes on while a statement waits for the disk or for another writer. On a cluster nothing
waits in a thread: the coroutines of requests are made in C (src/python/call.c), and what is here,
under names that begin with ``cluster_``, is what they leave to Python. Cancelling the task gives up
waiting; the statement itself runs to its end.
"""

from __future__ import annotations

from asyncio import Task, create_task, gather, get_running_loop, shield, to_thread
from collections.abc import Iterable, Sequence
from typing import Any

from ._libcql import Prepared, Result, Session
from .exceptions import Error, Unprepared


async def aexecute(session: Session, *args: Any, **options: Any) -> Result:
    """See Session.execute()."""
    return await to_thread(session.execute, *args, **options)


async def aexecute_many(
    session: Session, query: str | Prepared, rows: Iterable[Any], **options: Any
) -> list[Result | Exception | None]:
    """See Session.execute_many()."""
    return await to_thread(session.execute_many, query, rows, **options)


async def aexecute_batch(session: Session, statements: Sequence[Any], **options: Any) -> Result:
    """See Session.execute_batch()."""
    return await to_thread(session.execute_batch, statements, **options)


async def aprepare(session: Session, text: str, **options: Any) -> Prepared:
    """See Session.prepare()."""
    return await to_thread(session.prepare, text, **options)


async def aclose(session: Session) -> None:
    """See Session.close()."""
    await to_thread(session.close)


async def aenter(session: Session) -> Session:
    """``async with session:``"""
    return session.__enter__()


async def aexit(session: Session, *exception: object) -> None:
    """The end of it."""
    await aclose(session)


async def afetch_next_page(result: Result) -> bool:
    """See Result.fetch_next_page()."""
    if not result._on_cluster:
        return await to_thread(result.fetch_next_page)
    page = result._page_future()
    if page is not None:
        await page
    return result.fetch_next_page()


async def aone(result: Result) -> tuple | None:
    """See Result.one()."""
    return await anext(Rows(result), None)


async def aall(result: Result) -> list[tuple]:
    """See Result.all()."""
    rows = result.page()
    while await afetch_next_page(result):
        rows += result.page()
    return rows


class Rows:
    """What ``async for`` over a Result goes through: rows at hand at once, pages awaited."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def __aiter__(self) -> Rows:
        return self

    async def __anext__(self) -> tuple:
        while (row := self.result.one_of_page()) is None:
            if not await afetch_next_page(self.result):
                raise StopAsyncIteration
        return row


# --- on a cluster ---

MANY_MAX = 4096  # CQL_EXECUTE_MANY_COUNT
_preparing: dict[tuple, Task] = {}


async def _prepare(session: Session, query: str, keyspace: str | None) -> None:
    """Prepare a text in a thread, once for all who want it at the same time."""
    key = (get_running_loop(), session, query, keyspace)
    task = _preparing.get(key)
    if task is None:
        task = _preparing[key] = create_task(to_thread(session.prepare, query, keyspace=keyspace))
        task.add_done_callback(lambda _: _preparing.pop(key, None))
    await shield(task)


async def cluster_aexecute(session: Session, *args: Any, **options: Any) -> Result:
    """See Session.execute(): how a statement goes on that is not prepared yet, or cannot be."""
    if isinstance(query := args[0] if args else options["query"], str):
        await _prepare(session, query, options.get("keyspace"))
        call = session._submit(*args, **options)
        if call is not None:
            try:
                return await call
            except Unprepared:  # the schema has changed the markers: values are encoded anew
                pass
    return await to_thread(session.execute, *args, **options)


async def cluster_aexecute_many(
    session: Session,
    query: str | Prepared,
    rows: Iterable[Any],
    *,
    concurrency: int = 128,
    return_exceptions: bool = False,
    **options: Any,
) -> list[Result | Exception | None]:
    """See Session.execute_many(). As many rows are in flight as concurrency says: a slow one holds up no other."""
    if not isinstance(concurrency, int) or not 1 <= concurrency <= MANY_MAX:
        raise ValueError(f"concurrency is a number of rows from 1 to {MANY_MAX}")
    outcomes: list[Result | Exception | None] = []
    failed: list[int] = []
    source = enumerate(iter(rows))

    async def work() -> None:
        for index, params in source:
            outcomes.append(None)
            try:
                result = await session.aexecute(query, params, **options)
                if result.kind != "void" or result.warnings:
                    outcomes[index] = result
            except Exception as error:
                if isinstance(error, Error):
                    error.row = index
                outcomes[index] = error
                failed.append(index)
                if not return_exceptions:
                    return
            if failed and not return_exceptions:
                return

    tasks = [create_task(work()) for _ in range(concurrency)]
    try:
        await gather(*tasks)
    except BaseException:  # of rows itself, or cancelled
        for task in tasks:
            task.cancel()
        raise
    if failed and not return_exceptions:
        raise outcomes[min(failed)]
    return outcomes
