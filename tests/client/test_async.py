"""The coroutines: what the methods of the same names do, without blocking the event loop."""

import asyncio
import subprocess
import sys

import pytest

import libcql


def run(coroutine):
    return asyncio.run(coroutine)


def test_a_statement_and_its_rows(rows):
    async def main():
        result = await rows.aexecute("SELECT c, v FROM n WHERE p = ?", [1], page_size=10)
        return [row async for row in result]

    assert run(main()) == [(c, f"row {c}") for c in range(25)]


def test_pages_are_fetched_behind_the_loop(rows):
    async def main():
        result = await rows.aexecute("SELECT c FROM n WHERE p = 1", page_size=10)
        first = await result.aone()
        rest = await result.aall()
        return first, len(rest), await result.aone(), await result.afetch_next_page()

    assert run(main()) == ((0,), 24, None, False)


def test_a_loop_that_is_left_loses_no_rows(rows):
    async def main():
        result = await rows.aexecute("SELECT c FROM n WHERE p = 1", page_size=10)
        async for row in result:
            if row == (12,):
                break
        return result.one()

    assert run(main()) == (13,)


def test_a_write_has_no_rows(rows):
    async def main():
        result = await rows.aexecute("INSERT INTO n (p, c) VALUES (2, 0)")
        return [row async for row in result], await result.aone(), await result.aall()

    assert run(main()) == ([], None, [])


def test_many_at_once(session):
    session.execute("CREATE TABLE t (k int PRIMARY KEY)")

    async def main():
        insert = await session.aprepare("INSERT INTO t (k) VALUES (?)")
        await asyncio.gather(*[session.aexecute(insert, [k]) for k in range(200)])
        await session.aexecute_many(insert, ([k] for k in range(200, 300)))
        await session.aexecute_batch([(insert, [k]) for k in range(300, 310)])
        return await (await session.aexecute("SELECT count(*) FROM t")).aone()

    assert run(main()) == (310,)


def test_errors_come_out_of_the_await(session):
    async def main():
        await session.aexecute("SELECT * FROM nowhere")

    with pytest.raises(libcql.InvalidRequest, match="table nowhere does not exist"):
        run(main())


def test_a_writer_that_waits_does_not_stop_the_loop(url):
    """One task waits for another session's lock; the others go on."""
    with libcql.connect(url) as blocked, libcql.connect(url) as other:
        blocked.execute("CREATE TABLE t (k int PRIMARY KEY)")

        async def main():
            held = asyncio.Event()
            loop = asyncio.get_running_loop()

            def hold():  # a group of rows is one transaction, begun when the rows are there
                loop.call_soon_threadsafe(held.set)
                other.execute_many("INSERT INTO t (k) VALUES (?)", ([k] for k in range(4000)))

            holding = asyncio.create_task(asyncio.to_thread(hold))
            await held.wait()
            writes = [blocked.aexecute("INSERT INTO t (k) VALUES (?)", [-k]) for k in range(1, 20)]
            ticks = 0
            pending = asyncio.gather(*writes)
            while not pending.done():
                ticks += 1
                await asyncio.sleep(0)
            await holding
            return ticks

        assert run(main()) > 0
        assert len(blocked.execute("SELECT k FROM t").all()) == 4019


def test_async_with_closes(url):
    async def main():
        async with libcql.connect(url) as session:
            await session.aexecute("CREATE TABLE t (k int PRIMARY KEY)")
        return session.closed

    assert run(main())


def test_asyncio_is_imported_only_by_those_who_use_it():
    code = "import libcql, sys; libcql.connect('local::memory:').close(); print('asyncio' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
