"""Processes and threads around one session: servers that fork, the end of the interpreter at any moment, thousands of
requests at once. Nothing hangs, nothing dies of a signal."""

import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request

import pytest

import libcql

EXITS = int(os.environ.get("CQL_TEST_EXITS", "40"))
WORKERS = 4
PATIENCE_S = 60
TEXT = "SELECT key FROM system.local WHERE key = ?"


@contextlib.contextmanager
def started(*command, **options):
    """A process that is asked to end, and must do so, when the block is left."""
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    finally:
        if process.poll() is None:
            process.kill()
        process.output = process.communicate()[0].decode(errors="replace")


def script(url, text, *, status=0, timeout=PATIENCE_S):
    """Run a program in a process of its own; return what it printed. Nothing may stand in its stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text), url],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert (done.returncode, done.stderr) == (status, "")
    return done.stdout


# --- servers that fork --------------------------------------------------------------------------

WSGI = f"""
import os, libcql
session = libcql.connect(os.environ["URL"])
text = "{TEXT}"
assert session.execute(text, ["local"]).one() == ("local",)
made_in = os.getpid()

def application(environ, start_response):
    rows = [session.execute(text, ["local"]).one() for _ in range(5)]
    assert rows == [("local",)] * 5 and os.getpid() != made_in
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


def wait_for_port(process, port):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, "the server has ended"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_with_preload(url, tmp_path, kind):
    (tmp_path / "site_of_test.py").write_text(WSGI)
    port = free_port()
    options = [
        "--preload",
        "--workers",
        WORKERS,
        "--bind",
        f"127.0.0.1:{port}",
        "--worker-class",
        kind,
    ]
    with started(
        *[sys.executable, "-m", "gunicorn", *options, "site_of_test:application"],
        cwd=tmp_path,
        env={**os.environ, "URL": url, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        wait_for_port(process, port)
        pids, failures = set(), []

        def ask():
            try:
                for _ in range(25):
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                        pids.add(int(answer.read()))
            except Exception as error:
                failures.append(error)

        deadline = time.monotonic() + PATIENCE_S
        while len(pids) < WORKERS and time.monotonic() < deadline and not failures:
            in_threads(ask, 8)
        assert failures == []
        assert len(pids) == WORKERS
    assert process.returncode == 0, process.output
    assert "Traceback" not in process.output and "was sent SIG" not in process.output


CELERY = f"""
import os, libcql
from celery import Celery

app = Celery("tasks_of_test", broker="filesystem://", backend="file://" + os.environ["FOLDER"])
app.conf.broker_transport_options = {{
    "data_folder_in": os.environ["FOLDER"], "data_folder_out": os.environ["FOLDER"],
    "control_folder": os.environ["FOLDER"] + "/control",
}}
session = libcql.connect(os.environ["URL"])
assert session.execute("{TEXT}", ["local"]).one() == ("local",)
made_in = os.getpid()

@app.task
def ask(n):
    assert session.execute("{TEXT}", ["local"]).one() == ("local",)
    return [n, os.getpid(), os.getpid() != made_in]
"""


def test_celery_prefork(url, tmp_path):
    (tmp_path / "tasks_of_test.py").write_text(CELERY)
    folder = tmp_path / "queue"
    folder.mkdir()
    env = {**os.environ, "URL": url, "FOLDER": str(folder)}
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    worker = [sys.executable, "-m", "celery", "-A", "tasks_of_test", "worker", "--pool", "prefork"]
    options = [
        "--concurrency",
        WORKERS,
        "--without-gossip",
        "--without-mingle",
        "--loglevel",
        "WARNING",
    ]
    send = """
        import tasks_of_test as t
        sent = [t.ask.delay(n) for n in range(40)]
        got = [result.get(timeout=50) for result in sent]
        assert [n for n, _, _ in got] == list(range(40)) and all(ok for _, _, ok in got)
        print(len({pid for _, pid, _ in got}))
    """
    with started(*worker, *options, cwd=tmp_path, env=env) as process:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(send)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        assert 1 < int(done.stdout) <= WORKERS
    assert process.returncode == 0, process.output
    assert "WorkerLostError" not in process.output and "signal" not in process.output


# --- multiprocessing ----------------------------------------------------------------------------


def ask_in_child(url):
    """A session of the child's own."""
    with libcql.connect(url) as session:
        return session.execute(TEXT, ["local"]).one()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_multiprocessing(url, method):
    with libcql.connect(url) as session:
        session.execute(TEXT, ["local"])
        with multiprocessing.get_context(method).Pool(WORKERS) as pool:
            answers = pool.map_async(ask_in_child, [url] * 12).get(PATIENCE_S)
            assert answers == [("local",)] * 12
            pool.close()
            pool.join()
        assert session.execute(TEXT, ["local"]).one() == ("local",)


def test_children_use_the_session_of_their_parent(url):
    out = script(
        url,
        f"""
        import multiprocessing, sys, libcql
        session = libcql.connect(sys.argv[1])
        prepared = session.prepare("{TEXT}")
        def ask(_):
            return session.execute(prepared, ["local"]).one()
        assert ask(0) == ("local",)
        with multiprocessing.get_context("fork").Pool(4) as pool:
            assert pool.map_async(ask, range(40)).get(60) == [("local",)] * 40
            pool.close()
            pool.join()
        print(ask(0))
        """,
    )
    assert out == "('local',)\n"


def test_a_fork_while_other_threads_have_requests_in_flight(url):
    """Neither they nor the child notice; the child has the parent's descriptors closed."""
    out = script(
        url,
        f"""
        import os, sys, threading, time, warnings, libcql
        warnings.simplefilter("ignore", DeprecationWarning)  # these threads are the program's own
        session = libcql.connect(sys.argv[1])
        session.execute("{TEXT}", ["local"])
        stop, failures, counts = threading.Event(), [], [0] * 8
        def work(n):
            try:
                while not stop.is_set():
                    if n % 2:
                        assert session.execute("{TEXT}", ["local"]).one() == ("local",)
                    else:
                        rows = session.execute_many("{TEXT}", [["local"]] * 20)
                        assert all(row.one() == ("local",) for row in rows)
                    counts[n] += 1
                    time.sleep(0.005)
            except BaseException as error:
                failures.append(error)
        threads = [threading.Thread(target=work, args=[n]) for n in range(8)]
        for thread in threads:
            thread.start()
        def sockets():
            links = []
            for name in os.listdir("/proc/self/fd"):
                try:
                    links.append(os.readlink("/proc/self/fd/" + name))
                except OSError:
                    pass
            return {{link for link in links if not link.startswith(("/", "pipe:"))}}
        for n in range(10):
            time.sleep(0.05)
            pid = os.fork()
            if pid == 0:
                inherited = sockets()
                ok = session.execute("{TEXT}", ["local"]).one() == ("local",)
                left = {{link for link in sockets() & inherited if link.startswith("socket:")}}
                os.write(1, b"" if ok and not left else b"left: %r\\n" % sorted(left))
                os._exit(0 if ok and not left else 1)
            assert os.waitpid(pid, 0)[1] == 0, n
        before = list(counts)
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        assert not failures, failures
        assert all(now > then for now, then in zip(counts, before))
        print("done")
        """,
    )
    assert out == "done\n"


def test_generations_of_children_leak_no_descriptor(url):
    """A child of a child of a child has as many descriptors as the first one."""
    out = script(
        url,
        f"""
        import os, sys, threading, libcql
        session = libcql.connect(sys.argv[1])
        def ask():
            threads = [threading.Thread(target=session.execute, args=["{TEXT}", ["local"]]) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            session.execute("{TEXT}", ["local"])
        counts = []
        for n in range(5):
            ask()
            session.close()
            session = libcql.connect(sys.argv[1])
            session.execute("SELECT key FROM system.local")
            counts.append(len(os.listdir("/proc/self/fd")))
            pid = os.fork()
            if pid != 0:
                status = os.waitpid(pid, 0)[1]
                os._exit(os.waitstatus_to_exitcode(status))
            session.execute("SELECT key FROM system.local")
        print(max(counts[1:]) - min(counts[1:]), flush=True)
        """,
    )
    assert out == "0\n"


def test_a_fork_without_threads_of_the_program_warns_of_none(url):
    """From Python 3.12 on a fork of a process with threads warns; ours is not there then (-W error)."""
    out = script(
        url,
        f"""
        import os, sys, libcql
        session = libcql.connect(sys.argv[1])
        session.execute_many("{TEXT}", [["local"]] * 100)
        for _ in range(5):
            session.execute("{TEXT}", ["local"])
            pid = os.fork()
            if pid == 0:
                session.execute("{TEXT}", ["local"])
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        print(len(os.listdir("/proc/self/task")))
        """,
    )
    assert out in ("1\n", "2\n")


# --- many at once -------------------------------------------------------------------------------


def in_threads(work, count):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_32_threads_of_every_kind(cluster):
    failures = []

    def work():
        try:
            for c in range(25):
                rows = cluster.execute("SELECT v FROM n WHERE p = 1 AND c = ?", [c]).all()
                assert rows == [(f"row {c}",)]
            many = cluster.execute_many(
                "SELECT v FROM n WHERE p = 1 AND c = ?", [[c] for c in range(25)]
            )
            assert [r.one() for r in many] == [(f"row {c}",) for c in range(25)]
            assert len(list(cluster.execute("SELECT c FROM n WHERE p = 1", page_size=4))) == 25
        except BaseException as error:
            failures.append(error)

    in_threads(work, 32)
    assert failures == []


def test_ten_thousand_coroutines_that_read_and_write(cluster):
    async def one(insert, select, n):
        await cluster.aexecute(insert, [n % 100, n], timeout=60)
        return (await cluster.aexecute(select, [n % 100, n], timeout=60)).one()

    async def main():
        insert = await cluster.aprepare("INSERT INTO n (p, c) VALUES (?, ?)")
        select = await cluster.aprepare("SELECT c FROM n WHERE p = ? AND c = ?")
        return await asyncio.gather(*[one(insert, select, n) for n in range(10_000)])

    assert asyncio.run(main()) == [(n,) for n in range(10_000)]


# --- the end ------------------------------------------------------------------------------------

BUSY = f"""
    import asyncio, os, signal, sys, threading, time, libcql
    session = libcql.connect(sys.argv[1])
    text = "{TEXT}"
    def loop_of_requests():
        while True:
            session.execute(text, ["local"])
    def loop_of_many():
        while True:
            session.execute_many(text, [["local"]] * 50)
    def some(work):
        for _ in range(3):
            work()
    async def coroutines():
        for _ in range(200):
            asyncio.ensure_future(session.aexecute(text, ["local"]))
        await asyncio.sleep(0)
    def thread(work, daemon=True):
        threading.Thread(target=work, daemon=daemon).start()
    pause = float(sys.argv[2])
"""
# How a program ends, and with which status; a negative one is the signal that it was sent.
ENDS = {
    "daemon threads": ("thread(loop_of_requests); thread(loop_of_requests); time.sleep(pause)", 0),
    "daemon threads with many": ("thread(loop_of_many); time.sleep(pause)", 0),
    "threads that are waited for": (
        "thread(lambda: some(lambda: session.execute(text, ['local'])), daemon=False)",
        0,
    ),
    "coroutines": ("asyncio.run(coroutines())", 0),
    "sys.exit in a coroutine": (
        "async def main():\n    await coroutines()\n    sys.exit(3)\nasyncio.run(main())",
        3,
    ),
    "sys.exit beside threads": ("thread(loop_of_requests); time.sleep(pause); sys.exit(4)", 4),
    "sys.exit in a child": (
        "thread(loop_of_many); time.sleep(pause); pid = os.fork()\n"
        "if pid == 0:\n    session.execute(text, ['local']); sys.exit(0)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
        0,
    ),
    "SIGTERM": (
        "thread(loop_of_requests); thread(loop_of_many); time.sleep(pause)\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
        -signal.SIGTERM,
    ),
    "SIGTERM that is handled": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "threading.Timer(pause, os.kill, [os.getpid(), signal.SIGTERM]).start()\n"
        "loop_of_many()",
        5,
    ),
    "closed elsewhere": (
        "thread(loop_of_requests); time.sleep(pause); thread(session.close)",
        0,
    ),
}


def end(url, name, pause):
    """Run a program to its end; return what is wrong with it."""
    text, expected = ENDS[name]
    program = textwrap.dedent(BUSY) + text
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, url, str(pause)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"{name} after {pause} s: stuck"
    if done.returncode == expected and "Fatal" not in done.stderr:
        return None
    return f"{name} after {pause} s: {done.returncode}, {done.stderr}"


def test_the_end_at_any_moment(url):
    """CQL_TEST_EXITS says how many; with 1000 it takes minutes."""
    names = list(ENDS)
    chance = random.Random(1)
    runs = [(names[n % len(names)], round(chance.uniform(0, 0.1), 4)) for n in range(EXITS)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        problems = list(pool.map(lambda run: end(url, *run), runs))
    assert [problem for problem in problems if problem] == []
