"""A session in a child process that was forked while it was in use."""

import os
import signal
import threading
import time
import warnings

import pytest

import libcql

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
TIMEOUT = 60


def in_child(work):
    """Run work() in a forked child; return whether it came to its end. A child that hangs is killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


@pytest.fixture
def shared(url):
    with libcql.connect(url) as session:
        session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
        yield session


def insert(session, k, v="x"):
    session.execute("INSERT INTO t (k, v) VALUES (?, ?)", [k, v])


def keys(session):
    return sorted(k for (k,) in session.execute("SELECT k FROM t"))


def test_parent_and_child_both_go_on(shared):
    insert(shared, 1)

    def child():
        assert keys(shared) == [1]
        insert(shared, 2)
        assert keys(shared) == [1, 2]

    assert in_child(child)
    insert(shared, 3)
    assert keys(shared) == [1, 2, 3]


def test_a_session_that_was_never_used_before_the_fork(url):
    with libcql.connect(url) as session:
        assert in_child(lambda: session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)"))
        insert(session, 1)
        assert keys(session) == [1]


def test_prepared_statements_and_results_go_along(shared):
    for k in range(10):
        insert(shared, k)
    prepared = shared.prepare("SELECT v FROM t WHERE k = ?")
    result = shared.execute("SELECT k FROM t", page_size=3)
    result.one()

    def child():
        assert shared.execute(prepared, [5]).one() == ("x",)
        assert len(result.all()) == 9

    assert in_child(child)
    assert len(result.all()) == 9
    assert shared.execute(prepared, [5]).one() == ("x",)


def test_closing_in_the_child_leaves_the_parent_alone(shared):
    insert(shared, 1)
    assert in_child(shared.close)
    insert(shared, 2)
    assert keys(shared) == [1, 2]


def test_a_grandchild(shared):
    insert(shared, 1)

    def child():
        insert(shared, 2)
        assert in_child(lambda: insert(shared, 3))
        assert keys(shared) == [1, 2, 3]

    assert in_child(child)
    assert keys(shared) == [1, 2, 3]


def test_a_database_in_memory_goes_on_as_a_copy(session):
    session.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
    insert(session, 1)

    def child():
        insert(session, 2)
        assert keys(session) == [1, 2]

    assert in_child(child)
    assert keys(session) == [1]


def test_forks_in_the_middle_of_other_threads_statements(shared):
    stop = threading.Event()
    errors = []

    def write(number):
        k = number * 1_000_000
        try:
            while not stop.is_set():
                insert(shared, k)
                k += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    try:
        for n in range(10):
            assert in_child(lambda n=n: insert(shared, n))
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=TIMEOUT)
    assert not any(thread.is_alive() for thread in threads)
    assert errors == []
    assert keys(shared)[:10] == list(range(10))
