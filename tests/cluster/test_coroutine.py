"""What aexecute() returns on a cluster is a coroutine like any other, though it is made in C."""

import asyncio
import collections.abc
import contextvars
import gc
import inspect
import signal
import threading
import time
import warnings

import pytest

import libcql

ONE = "SELECT c FROM n WHERE p = 1 AND c = 7"


def run(coroutine):
    return asyncio.run(coroutine)


def test_it_is_a_coroutine_and_no_future(cluster):
    coroutine = cluster.aexecute(ONE)
    assert isinstance(coroutine, collections.abc.Coroutine)
    assert asyncio.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine)
    assert not asyncio.isfuture(coroutine)
    assert coroutine.__qualname__ == "Session.aexecute"
    assert "coroutine Session.aexecute" in repr(coroutine)
    coroutine.close()


@pytest.mark.parametrize(
    "wait",
    [
        lambda c: c,
        asyncio.create_task,
        asyncio.ensure_future,
        asyncio.shield,
        lambda c: asyncio.wait_for(c, 10),
        lambda c: asyncio.tasks._PyTask(c, loop=asyncio.get_running_loop()),
    ],
    ids=["await", "create_task", "ensure_future", "shield", "wait_for", "a task in Python"],
)
def test_ways_to_wait(cluster, wait):
    async def main():
        return (await wait(cluster.aexecute(ONE))).one()

    assert run(main()) == (7,)


def test_tasks_that_wait_for_each_other(cluster):
    async def chain(depth):
        if depth:
            await asyncio.create_task(chain(depth - 1))
        return (await cluster.aexecute(ONE)).one()

    async def main():
        done, _ = await asyncio.wait([asyncio.create_task(chain(d)) for d in range(20)])
        return [task.result() for task in done]

    assert run(main()) == [(7,)] * 20


def test_debug_mode(cluster):
    async def main():
        return (await cluster.aexecute(ONE)).one()

    assert asyncio.run(main(), debug=True) == (7,)


def test_it_is_awaited_once(cluster):
    async def main():
        coroutine = cluster.aexecute(ONE)
        await coroutine
        with pytest.raises(RuntimeError, match="already awaited"):
            await coroutine
        closed = cluster.aexecute(ONE)
        closed.close()
        with pytest.raises(RuntimeError, match="already awaited"):
            await closed

    run(main())


def test_it_is_awaited_by_one_task(cluster):
    async def main():
        coroutine = cluster.aexecute(ONE)
        tasks = [asyncio.create_task(coroutine) for _ in range(2)]
        first, second = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(second, RuntimeError)
        assert first.one() == (7,)

    run(main())


def test_one_that_is_not_awaited(cluster):
    with pytest.warns(RuntimeWarning, match=r"'Session.aexecute' was never awaited"):
        cluster.aexecute(ONE)
        gc.collect()


def test_nothing_is_sent_before_it_is_awaited(cluster):
    async def main():
        coroutine = cluster.aexecute("INSERT INTO n (p, c) VALUES (50, 1)")
        await asyncio.sleep(0.05)
        assert (await cluster.aexecute("SELECT c FROM n WHERE p = 50")).one() is None
        await coroutine
        assert (await cluster.aexecute("SELECT c FROM n WHERE p = 50")).one() == (1,)

    run(main())


def test_by_hand(cluster):
    """send() and throw() as an event loop of one's own would use them."""

    async def main():
        coroutine = cluster.aexecute(ONE)
        with pytest.raises(TypeError, match="just-started"):
            coroutine.send(1)
        assert coroutine.send(None) is coroutine
        assert asyncio.isfuture(coroutine)
        with pytest.raises(RuntimeError, match="wasn't used with future"):
            coroutine.send(None)
        with pytest.raises(ZeroDivisionError, match="now"):
            coroutine.throw(ZeroDivisionError("now"))
        with pytest.raises(TypeError, match="deriving"):
            cluster.aexecute(ONE).throw(1)
        return (await cluster.aexecute(ONE)).one()

    assert run(main()) == (7,)


def test_a_wait_that_is_too_short(cluster):
    async def main():
        late = 0  # now and then the answer is there before the loop looks at its clock
        for _ in range(100):
            try:
                assert (await asyncio.wait_for(cluster.aexecute(ONE), 1e-9)).one() == (7,)
            except asyncio.TimeoutError:
                late += 1
        assert late > 0
        task = asyncio.create_task(cluster.aexecute(ONE))
        await asyncio.sleep(0)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await cluster.aexecute(ONE)).one()

    assert run(main()) == (7,)


def test_a_task_that_is_cancelled_before_it_begins(cluster):
    async def main():
        task = asyncio.create_task(cluster.aexecute(ONE))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


def test_cancelled_when_the_answer_is_there(cluster):
    """The loop hears of the answer and of the end of patience in one round."""

    async def main():
        outcomes = []
        for _ in range(30):
            task = asyncio.create_task(cluster.aexecute(ONE))
            await asyncio.sleep(0)
            time.sleep(0.005)
            task.cancel()
            outcomes.append(await asyncio.gather(task, return_exceptions=True))
        return outcomes

    for [outcome] in run(main()):
        assert isinstance(outcome, asyncio.CancelledError | libcql.Result)


def test_context_variables_are_the_tasks_own(cluster):
    name = contextvars.ContextVar("name")

    async def work(i):
        name.set(i)
        await cluster.aexecute(ONE)
        return name.get()

    async def main():
        return await asyncio.gather(*[work(i) for i in range(200)])

    assert run(main()) == list(range(200))


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_an_exception_that_ends_the_loop_loses_no_answers(cluster, end):
    loop = asyncio.new_event_loop()

    async def work(i):
        result = await cluster.aexecute(ONE)
        if i == 50:
            raise end
        return result.one()

    async def main():
        return await asyncio.gather(*tasks, return_exceptions=True)

    try:
        tasks = [loop.create_task(work(i)) for i in range(200)]
        with pytest.raises(end):
            loop.run_until_complete(main())
        outcomes = loop.run_until_complete(main())
        assert outcomes[:50] + outcomes[51:] == [(7,)] * 199
    finally:
        loop.close()


def test_ctrl_c(cluster):
    async def main():
        while True:
            await asyncio.gather(*[cluster.aexecute(ONE) for _ in range(50)])

    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(main())
    timer.join()


def test_a_task_that_goes_on_sends_at_once(cluster):
    """What many tasks send while their answers are given out goes together, and all of it goes."""

    async def work(i):
        for _ in range(20):
            assert (await cluster.aexecute(ONE)).one() == (7,)
            if i % 3 == 0:
                await asyncio.sleep(0)

    async def main():
        await asyncio.wait_for(asyncio.gather(*[work(i) for i in range(100)]), 30)

    run(main())


def test_two_sessions_in_one_round(cluster, url):
    async def work(session):
        for _ in range(20):
            assert (await session.aexecute(ONE, keyspace=cluster.keyspace)).one() == (7,)

    async def main():
        with libcql.connect(url) as other:
            work_of = [work(s) for s in (cluster, other) for _ in range(20)]
            await asyncio.wait_for(asyncio.gather(*work_of), 30)

    run(main())


def test_nothing_is_left(cluster):
    async def main(count):
        tasks = [asyncio.create_task(cluster.aexecute(ONE)) for _ in range(count)]
        await asyncio.sleep(0)
        for task in tasks[1::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def left():
        """What a closed loop has left goes with its last answer, when another loop is first used."""
        run(main(1))
        gc.collect()
        return [o for o in gc.get_objects() if type(o).__name__ == "_Call"]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(main(300))
        gc.collect()
        for _ in range(100):
            if not left():
                break
            time.sleep(0.05)
    assert not left()
