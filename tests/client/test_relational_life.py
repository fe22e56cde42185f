"""Connections for SQL that are shared, interrupted, closed and collected."""

import gc
import os
import signal
import threading
import time
import weakref
from decimal import Decimal

import pytest
from test_fork import in_child
from test_threads import together

import libcql

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


class Thing:
    """What can be seen to go."""

    def __call__(self, *_args):
        return 1


class Pause:
    """An SQL function that waits until it is told to go on."""

    def __init__(self):
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *_args):
        self.begun.set()
        assert self.go_on.wait(60)
        return 1


class Beside:
    """work() in another thread, until the end of the block."""

    def __init__(self, work):
        self.work, self.value, self.error = work, None, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            self.value = self.work()
        except BaseException as error:
            self.error = error

    def raised(self):
        if self.error is not None:
            raise self.error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.thread.join(60)
        assert not self.thread.is_alive()


# --- threads ----------------------------------------------------------------------------------------------------------


def test_threads_take_turns(sql):
    sql.create_function("twice", 1, lambda c: 2 * c)

    def work(number):
        for _ in range(30):
            found = sql.execute("SELECT twice(c) + ? FROM n", [number]).fetchall()
            assert found == [(2 * c + number,) for c in range(25)]
            assert len(list(sql.execute("SELECT c FROM n"))) == 25

    together(work)


def test_a_second_thread_waits(sql):
    pause = Pause()
    sql.create_function("pause", 0, pause)
    with Beside(lambda: sql.execute("SELECT pause()").fetchall()) as first:
        assert pause.begun.wait(60)
        with Beside(lambda: sql.execute("SELECT 2").fetchall()) as second:
            time.sleep(0.3)
            assert second.value is None
            pause.go_on.set()
    assert (first.value, second.value) == ([(1,)], [(2,)])


def test_two_threads_read_the_same_rows(sql):
    rows, seen = sql.execute("SELECT a.c, b.c FROM n a, n b"), []

    def work(number):
        while (
            more := rows.fetchmany(3) if number % 2 else [row for row in [rows.fetchone()] if row]
        ):
            seen.extend(more)

    together(work)
    assert sorted(seen) == [(a, b) for a in range(25) for b in range(25)]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals go to the process alone")
def test_ctrl_c_ends_the_wait_for_another_thread(sql):
    pause = Pause()
    sql.create_function("pause", 0, pause)
    with Beside(lambda: sql.execute("SELECT pause()")):
        assert pause.begun.wait(60)
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            sql.execute("SELECT 1")
        timer.join()
        pause.go_on.set()
    assert sql.execute("SELECT 1").fetchall() == [(1,)]


def test_a_forked_child_goes_on(sql):
    rows = sql.execute("SELECT c FROM n")
    rows.fetchone()

    def work():
        assert rows.fetchall() == [(c,) for c in range(1, 25)]
        assert sql.execute("SELECT count(*) FROM n").fetchall() == [(25,)]

    assert in_child(work)
    assert rows.fetchall() == [(c,) for c in range(1, 25)]


def test_a_forked_child_finds_the_connection_in_use(sql):
    pause = Pause()
    sql.create_function("pause", 0, pause)

    def work():
        with pytest.raises(libcql.InterfaceError, match="when this process was forked"):
            sql.execute("SELECT 1")
        with pytest.raises(libcql.InterfaceError, match="when this process was forked"):
            sql.close()

    with Beside(lambda: sql.execute("SELECT pause()").fetchall()):
        assert pause.begun.wait(60)
        try:
            assert in_child(work)
        finally:
            pause.go_on.set()


# --- interruption -----------------------------------------------------------------------------------------------------


def interrupted(sql):
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute(ENDLESS)
    assert caught.value.code == "INTERRUPTED"
    return True


def test_interrupt_from_another_thread(sql):
    half_read = sql.execute("SELECT c FROM n")
    sql.create_function("slow", 0, lambda: time.sleep(0.001))
    for statement in (ENDLESS, ENDLESS.replace("max(i)", "max(slow())")):
        with Beside(lambda: sql.execute(statement)) as other:  # noqa: B023
            while other.error is None:
                sql.interrupt()
                time.sleep(0.01)
        assert (type(other.error), other.error.code) == (libcql.OperationalError, "INTERRUPTED")
    assert sql.execute("SELECT 1").fetchall() == [(1,)]
    assert len(half_read.fetchall()) == 25


def test_interrupt_with_nobody_inside_does_nothing(sql):
    rows = sql.execute("SELECT c FROM n")
    sql.interrupt()
    assert len(rows.fetchall()) == 25
    sql.create_function("stop", 0, lambda: sql.interrupt())
    with pytest.raises(libcql.OperationalError) as caught:
        sql.execute("SELECT stop(), i FROM (" + ENDLESS.replace("max(i)", "i") + ")").fetchall()
    assert caught.value.code == "INTERRUPTED"


def test_ctrl_c_ends_a_long_statement(sql):
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        sql.execute(ENDLESS)
    timer.join()
    assert sql.execute("SELECT 1").fetchall() == [(1,)]


def test_other_threads_run_during_a_long_statement(sql):
    with Beside(lambda: interrupted(sql)) as other:
        counted, end = 0, time.monotonic() + 0.5
        while time.monotonic() < end:
            counted += 1
        while other.thread.is_alive():
            sql.interrupt()
            time.sleep(0.01)
    assert other.value is True
    assert counted > 1000


# --- closing ----------------------------------------------------------------------------------------------------------


def closed(call, what="the connection is closed"):
    with pytest.raises(libcql.InterfaceError, match=what) as caught:
        call()
    assert caught.value.code == "CLOSED"


def test_a_closed_connection(sql):
    repr(sql)
    half_read, read = sql.execute("SELECT c FROM n"), sql.execute("SELECT 1")
    assert read.fetchall() == [(1,)]
    sql.close()
    sql.close()
    assert "(closed)" in repr(sql)
    assert half_read.fetchone() == (0,)  # it was in hand
    for call in (half_read.fetchone, half_read.fetchall, lambda: half_read.fetchmany(2)):
        closed(call)
    closed(lambda: next(half_read))
    closed(lambda: sql.execute("SELECT 1"))
    closed(lambda: sql.attach("n"))
    closed(lambda: sql.create_function("f", 0, abs))
    assert read.fetchone() is None
    assert sql.counts == (1, 25, 1, 1)
    half_read.close()
    sql.interrupt()


def test_closed_rows(sql):
    rows = sql.execute("SELECT c FROM n")
    rows.fetchone()
    rows.close()
    rows.close()
    closed(rows.fetchone, "the rows are closed")
    closed(rows.fetchall, "the rows are closed")
    assert (rows.column_names, rows.spent) == (("c",), 0)


def test_rows_that_are_closed_while_they_are_read(sql):
    pause = Pause()
    sql.create_function("pause", 1, lambda c: pause() if c == 3 else c)
    rows = sql.execute("SELECT pause(c) FROM n")
    with Beside(rows.fetchall) as other:
        assert pause.begun.wait(60)
        rows.close()
        pause.go_on.set()
    closed(lambda: other.raised(), "the rows are closed")
    closed(rows.fetchone, "the rows are closed")
    assert is_free(sql)


@pytest.mark.parametrize("read", ["fetchone", "fetchall"])
def test_rows_that_their_own_function_closes(sql, read):
    sql.create_function("close", 1, lambda c: rows.close() if c == 3 else c)
    rows = sql.execute("SELECT close(c) FROM n")
    with pytest.raises(libcql.InterfaceError, match="the rows are closed"):
        for _ in range(5):
            getattr(rows, read)()
    assert is_free(sql)


def test_closing_waits_for_the_thread_that_is_inside(sql):
    pause = Pause()
    sql.create_function("pause", 0, pause)
    with Beside(lambda: sql.execute("SELECT pause()").fetchone()) as other:
        assert pause.begun.wait(60)
        threading.Timer(0.2, pause.go_on.set).start()
        sql.close()
    assert other.value == (1,)


def test_a_session_that_is_closed_meanwhile(url):
    session = libcql.connect(url)
    session.execute("CREATE TABLE t (k int PRIMARY KEY)")
    for k in range(25):
        session.execute("INSERT INTO t (k) VALUES (?)", [k])
    sql = session.relational("ks")
    sql.attach("t")
    sql.create_function("close", 0, lambda: session.close())
    assert len(sql.execute("SELECT close(), k FROM t").fetchmany(1)) == 1
    closed(lambda: sql.execute("SELECT 1"), "the session is closed")
    closed(lambda: sql.attach("t"), "the session is closed")
    closed(lambda: session.relational("ks"), "the session is closed")
    sql.close()


def test_half_read_rows_of_a_session_that_is_closed(url):
    session = libcql.connect(url)
    session.execute("CREATE TABLE t (k int PRIMARY KEY)")
    for k in range(5):
        session.execute("INSERT INTO t (k) VALUES (?)", [k])
    sql = session.relational("ks")
    sql.attach("t")
    rows = sql.execute("SELECT k FROM t")
    session.close()
    assert len(rows.fetchmany(1)) == 1
    closed(rows.fetchone, "the session is closed")
    del rows, sql, session
    with libcql.connect(url) as session:  # nothing of it is left over
        session.execute("DROP TABLE t")


# --- who keeps whom ---------------------------------------------------------------------------------------------------


def test_objects_go_when_the_last_name_goes(url):
    session = libcql.connect(url)
    sql, thing = session.relational("ks"), Thing()
    sql.create_function("f", 1, thing)
    rows = sql.execute("SELECT f(1) UNION ALL SELECT 2")
    refs = [weakref.ref(x) for x in (session, sql, thing, rows)]
    gc.disable()
    try:
        del session, sql, thing
        assert None not in [ref() for ref in refs]  # the rows keep them all
        del rows
        assert [ref() for ref in refs] == [None] * 4
    finally:
        gc.enable()


def test_a_function_that_leads_back_is_collected(url):
    session = libcql.connect(url)
    sql, thing = session.relational("ks"), Thing()
    sql.create_function("f", 1, thing)
    thing.sql, thing.rows = sql, sql.execute("SELECT f(1) UNION ALL SELECT 2")
    refs = [weakref.ref(x) for x in (session, sql, thing, thing.rows)]
    del session, sql, thing
    gc.collect()
    assert [ref() for ref in refs] == [None] * 4


def test_an_exception_that_waits_in_its_rows_is_collected(sql):
    held = []

    def f(c):
        mine = held[0] if held else None  # the exception leads to this frame
        return c if c < 10 else [mine].nothing

    sql.create_function("f", 1, f)
    held.append(sql.execute("SELECT f(c) FROM n"))
    held[0].fetchmany(9)
    held[0].fetchone()  # behind it waits the exception
    ref = weakref.ref(held.pop())
    assert ref() is not None
    gc.collect()
    assert ref() is None


class Loop:
    """Holds something until the collector comes."""

    def __init__(self, held):
        self.held, self.loop = held, self


def is_free(sql):
    """Half-read rows would forbid it."""
    sql.create_function("free", 0, abs)
    sql.create_function("free", 0, None)
    return True


def test_half_read_rows_that_are_collected(sql):
    sql.create_function("free", 0, abs)
    Loop(sql.execute("SELECT c FROM n"))
    with pytest.raises(libcql.OperationalError, match="unable to delete"):
        sql.create_function("free", 0, None)
    gc.collect()
    assert is_free(sql)


def test_half_read_rows_that_a_function_lets_go(sql):
    calls = []

    def let_go(_c):
        calls.append(1)
        held.clear()
        gc.collect()
        return len(held)

    sql.create_function("let_go", 1, let_go)
    sql.create_function("see", 1, abs)
    held = [sql.execute("SELECT see(c) FROM n") for _ in range(5)]
    Loop(sql.execute("SELECT see(c) FROM n"))
    assert sql.execute("SELECT let_go(c) FROM n").fetchall() == [(0,)] * 25
    assert len(calls) == 25
    assert is_free(sql)


def test_half_read_rows_that_a_value_lets_go(sql):
    """A parameter is converted with the connection taken."""

    class Value(Decimal):
        def __str__(self):
            held.clear()
            return "1"

    held = [sql.execute("SELECT c FROM n")]
    assert sql.execute("SELECT ?", [Value(1)]).fetchone() == ("1",)
    assert is_free(sql)


def test_rows_that_are_dropped_while_another_thread_is_inside(sql):
    pause = Pause()
    sql.create_function("pause", 0, pause)
    rows = sql.execute("SELECT c FROM n")
    with Beside(lambda: sql.execute("SELECT pause()").fetchall()) as other:
        assert pause.begun.wait(60)
        del rows  # does not wait
        pause.go_on.set()
    assert other.value == [(1,)]
    assert is_free(sql)


def test_two_connections_whose_rows_are_dropped_crosswise(rows):
    """Each of two threads is inside of its connection and drops rows of the other's: none waits."""
    meet = threading.Barrier(2, timeout=60)
    connections, held = [rows.relational("ks"), rows.relational("ks")], []

    def drop(number):
        meet.wait()
        held[number] = None
        meet.wait()
        return number

    for connection in connections:
        connection.attach("n")
        connection.create_function("drop_rows", 1, drop)
        held.append(connection.execute("SELECT c FROM n"))
    del connection
    with Beside(lambda: connections[0].execute("SELECT drop_rows(1)").fetchall()) as other:
        assert connections[1].execute("SELECT drop_rows(0)").fetchall() == [(0,)]
    assert other.value == [(1,)]
    assert all(is_free(connection) for connection in connections)


def test_an_aggregate_of_rows_that_are_dropped(sql):
    finalized = []

    class Aggregate:
        def step(self, _value):
            pass

        def finalize(self):
            finalized.append(1)
            return 1

    sql.create_aggregate("agg", 1, Aggregate)
    rows = sql.execute("SELECT c, agg(p) FROM n GROUP BY c")
    rows.fetchone()
    before = len(finalized)
    del rows
    assert len(finalized) == before
