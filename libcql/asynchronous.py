"""The coroutines of Session and Result: ``await session.aexecute(…)``, ``async for row in result``.

A call on a database file runs in a thread of asyncio's default executor, so that the event loop
goes on while a statement waits for the disk or for another writer. Cancelling the task gives up
waiting; the statement itself runs to its end.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterable, Sequence
from typing import Any

from ._libcql import Prepared, Result, Session


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
    return await to_thread(result.fetch_next_page)


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
