"""The coroutines on a cluster: no thread waits, one wake-up serves many answers."""

import asyncio
import gc
import threading
import weakref

import pytest

import libcql


class Loop(asyncio.SelectorEventLoop):
    """A loop that counts how often it was woken for a descriptor that is not its own."""

    woken = 0

    def add_reader(self, fd, callback, *args):
        def wake():
            self.woken += 1
            callback(*args)

        return super().add_reader(fd, wake)


def run(coroutine):
    return asyncio.run(coroutine)


def test_a_statement_and_its_rows(cluster):
    async def main():
        result = await cluster.aexecute("SELECT c, v FROM n WHERE p = ?", [1], page_size=10)
        return [row async for row in result]

    assert run(main()) == [(c, f"row {c}") for c in range(25)]


def test_a_text_goes_without_a_statement(cluster):
    async def main():
        return (await cluster.aexecute("SELECT c FROM n WHERE p = 1")).all()

    assert len(run(main())) == 25


def test_pages(cluster):
    async def main():
        result = await cluster.aexecute("SELECT c FROM n WHERE p = 1", page_size=10)
        first = await result.aone()
        rest = await result.aall()
        return first, len(rest), await result.aone(), await result.afetch_next_page()

    assert run(main()) == ((0,), 24, None, False)


def test_errors_reach_their_task(cluster):
    async def main():
        with pytest.raises(libcql.InvalidRequest):
            await cluster.aexecute("SELECT nothing FROM n")
        with pytest.raises(libcql.DataError):
            await cluster.aexecute("SELECT c FROM n WHERE p = ?", ["text"])
        with pytest.raises(libcql.SyntaxException):
            await cluster.aexecute("SELEC ?", [1])
        with pytest.raises(TypeError, match="needs a query"):
            await cluster.aexecute()
        return (await cluster.aexecute("SELECT c FROM n WHERE p = ?", [1])).one()

    assert run(main()) == (0,)


def test_ten_thousand_at_once(cluster):
    async def main():
        select = await cluster.aprepare("SELECT v FROM n WHERE p = 1 AND c = ?")
        results = await asyncio.gather(
            *[cluster.aexecute(select, [i % 25], timeout=60) for i in range(10_000)]
        )
        return [result.one()[0] for result in results]

    assert run(main()) == [f"row {i % 25}" for i in range(10_000)]


def test_a_text_that_is_new_is_prepared_once_for_all(cluster):
    async def main():
        text = "SELECT v FROM n WHERE p = ? AND c = 3"
        results = await asyncio.gather(*[cluster.aexecute(text, [1]) for _ in range(500)])
        return {result.one() for result in results}

    assert run(main()) == {("row 3",)}


def test_one_wake_up_serves_many(cluster):
    loop = Loop()

    async def main():
        select = await cluster.aprepare("SELECT v FROM n WHERE p = 1 AND c = ?")
        loop.woken = 0
        await asyncio.gather(*[cluster.aexecute(select, [i % 25]) for i in range(1000)])
        return loop.woken

    try:
        assert 0 < loop.run_until_complete(main()) < 1000
    finally:
        loop.close()


def test_many_batches_and_conditions(cluster):
    async def main():
        insert = await cluster.aprepare("INSERT INTO n (p, c) VALUES (2, ?)")
        assert await cluster.aexecute_many(insert, ([c] for c in range(300))) == [None] * 300
        await cluster.aexecute_batch([(insert, [c]) for c in range(300, 310)], type="unlogged")
        counted = await cluster.aexecute("SELECT count(*) FROM n WHERE p = 2")
        applied = await cluster.aexecute("INSERT INTO n (p, c) VALUES (2, 0) IF NOT EXISTS")
        return counted.one(), applied.was_applied

    assert run(main()) == ((310,), False)


def test_many_with_errors(cluster):
    async def main():
        rows = [[1], ["two"], [3]]
        outcomes = await cluster.aexecute_many(
            "INSERT INTO n (p, c) VALUES (3, ?)", rows, return_exceptions=True
        )
        assert [type(o) for o in outcomes] == [type(None), libcql.DataError, type(None)]
        assert outcomes[1].row == 1
        with pytest.raises(libcql.DataError) as caught:
            await cluster.aexecute_many("INSERT INTO n (p, c) VALUES (3, ?)", rows)
        assert caught.value.row == 1
        with pytest.raises(ValueError, match="concurrency"):
            await cluster.aexecute_many("x", [], concurrency=0)

    run(main())


def test_markers_that_changed(cluster):
    cluster.execute("CREATE TABLE m (k int PRIMARY KEY)")

    async def main():
        text = "SELECT k FROM m WHERE k = ?"
        await cluster.aexecute(text, [1])
        await cluster.aexecute("DROP TABLE m")
        await cluster.aexecute("CREATE TABLE m (k text PRIMARY KEY)")
        await cluster.aexecute("INSERT INTO m (k) VALUES ('a')")
        return (await cluster.aexecute(text, ["a"])).one()

    assert run(main()) == ("a",)


def test_a_cancelled_task_drops_its_answer(cluster):
    async def main():
        tasks = [
            asyncio.create_task(cluster.aexecute("SELECT c FROM n WHERE p = 1")) for _ in range(20)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(o, asyncio.CancelledError) for o in outcomes[::2])
        assert all(len(o.all()) == 25 for o in outcomes[1::2])

    run(main())


def test_loops_in_several_threads(cluster):
    failures = []

    def work(p):
        async def main():
            insert = "INSERT INTO n (p, c) VALUES (?, ?)"
            await asyncio.gather(*[cluster.aexecute(insert, [p, c]) for c in range(100)])
            rows = await cluster.aexecute("SELECT c FROM n WHERE p = ?", [p], page_size=7)
            return [row async for row in rows]

        if run(main()) != [(c,) for c in range(100)]:
            failures.append(p)

    threads = [threading.Thread(target=work, args=[p]) for p in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_loops_come_and_go(cluster):
    async def main():
        await cluster.aexecute("SELECT c FROM n WHERE p = 1")
        return weakref.ref(asyncio.get_running_loop())

    gone = [run(main()) for _ in range(20)]
    gc.collect()
    assert all(ref() is None for ref in gone)


def test_a_loop_that_is_closed_with_requests_in_flight(cluster):
    for _ in range(5):
        loop = asyncio.new_event_loop()

        async def main():
            for _ in range(50):
                task = asyncio.ensure_future(cluster.aexecute("SELECT c FROM n WHERE p = 1"))
                await asyncio.sleep(0)
                task.cancel()

        loop.run_until_complete(main())
        loop.close()
    assert len(run(_all(cluster))) == 25


async def _all(session):
    return await (await session.aexecute("SELECT c FROM n WHERE p = 1")).aall()


def test_closing_answers_what_is_in_flight(url):
    async def main():
        session = libcql.connect(url)
        tasks = [
            asyncio.create_task(session.aexecute("SELECT key FROM system.local"))
            for _ in range(100)
        ]
        await asyncio.sleep(0)
        await session.aclose()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(o, libcql.Result | libcql.InterfaceError) for o in outcomes)
        with pytest.raises(libcql.InterfaceError, match="closed"):
            await session.aexecute("SELECT key FROM system.local")

    run(main())
