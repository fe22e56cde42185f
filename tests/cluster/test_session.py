"""Sessions over a cluster: URLs, options, pages, many rows, errors, the process's end."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import libcql
from libcql import exceptions


def script(url, text):
    """Run a program in a process of its own; return its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text), url],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stderr == ""
    return done.stdout


def test_passwords_are_not_kept(url):
    scheme, _, rest = url.partition("://")
    where = rest.rpartition("@")[2]
    with libcql.connect(f"{scheme}://cassandra:cassandra@{where}") as session:
        assert session.url == f"{scheme}://cassandra:***@{where}"
        assert "cassandra:***@" in repr(session)


def test_a_host_that_is_not_there():
    with pytest.raises(exceptions.OperationalError) as caught:
        libcql.connect("cassandra://user:hush@nowhere?connect_timeout_ms=2000")
    assert isinstance(caught.value, exceptions.ConnectionFailed)
    attempt = caught.value.attempts[-1]
    assert attempt.host in str(caught.value)
    assert attempt.stage in ("resolve", "connect")
    assert attempt.error and attempt.seconds >= 0
    assert "hush" not in str(caught.value)


def test_a_datacenter_that_does_not_exist(url):
    with pytest.raises(
        libcql.NoHostAvailable, match=r"datacenter 'nowhere' \(local_dc\); there is datacenter1"
    ):
        libcql.connect(f"{url}?local_dc=nowhere")


def test_options_of_a_request(cluster):
    result = cluster.execute(
        "SELECT c FROM n WHERE p = 1", consistency="ONE", timeout=1.5, idempotent=True
    )
    assert len(result.all()) == 25
    for bad in (0, -1, 1e9, True):
        with pytest.raises(ValueError, match="timeout is a number of seconds"):
            cluster.execute("SELECT c FROM n", timeout=bad)
    with pytest.raises(TypeError):
        cluster.execute("SELECT c FROM n", timeout="1")


@pytest.mark.parametrize("page_size", [1, 2, 7, 24, 25, 26])
def test_pages_are_read_ahead(cluster, page_size):
    expected = [(c, f"row {c}") for c in range(25)]
    text = "SELECT c, v FROM n WHERE p = 1"
    assert list(cluster.execute(text, page_size=page_size)) == expected
    assert cluster.execute(text, page_size=page_size).all() == expected
    assert [
        tuple(r.values()) for r in cluster.execute(text, page_size=page_size).dicts()
    ] == expected


def test_a_result_that_is_dropped_while_its_next_page_is_on_its_way(cluster):
    for _ in range(200):
        result = cluster.execute("SELECT c FROM n WHERE p = 1", page_size=2)
        next(result), next(result)
        del result
    gc.collect()
    result = cluster.execute("SELECT c FROM n WHERE p = 1", page_size=2)
    next(result), next(result)
    cluster.close()
    with pytest.raises(libcql.InterfaceError, match="closed"):
        list(result)


def test_pages_by_hand(cluster):
    result = cluster.execute("SELECT c FROM n WHERE p = 1", page_size=10)
    state = result.paging_state
    assert len(result.page()) == 10
    assert result.fetch_next_page()
    assert result.page()[0] == (10,)
    again = cluster.execute("SELECT c FROM n WHERE p = 1", page_size=10, paging_state=state)
    assert again.one() == (10,)


@pytest.mark.parametrize("concurrency", [1, 2, 3, 128])
def test_many_rows(cluster, concurrency):
    insert = cluster.prepare("INSERT INTO n (p, c) VALUES (5, ?)")
    written = cluster.execute_many(insert, ([c] for c in range(1000)), concurrency=concurrency)
    assert written == [None] * 1000
    read = cluster.execute_many(
        "SELECT c FROM n WHERE p = 5 AND c = ?", [[c] for c in range(500)], concurrency=concurrency
    )
    assert [result.one() for result in read] == [(c,) for c in range(500)]
    assert cluster.execute_many(insert, []) == []


def test_many_rows_with_errors(cluster):
    rows = [[c if c % 10 else "x"] for c in range(100)]
    text = "INSERT INTO n (p, c) VALUES (6, ?)"
    outcomes = cluster.execute_many(text, rows, return_exceptions=True, concurrency=8)
    assert [c for c, o in enumerate(outcomes) if o is not None] == list(range(0, 100, 10))
    assert [o.row for o in outcomes if o is not None] == list(range(0, 100, 10))
    with pytest.raises(libcql.DataError) as caught:
        cluster.execute_many(text, rows, concurrency=8)
    assert caught.value.row == 0

    def broken():
        yield [1]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        cluster.execute_many(text, broken())


@pytest.mark.parametrize("by", ["execute", "execute_many", "batch"])
def test_a_table_that_is_made_again_with_other_types(cluster, url, by):
    """A node that has learned the same text anew from somebody else takes the old values for new ones, and says so."""
    text = "INSERT INTO made (p, v) VALUES (?, ?)"
    with libcql.connect(url) as other:
        other.execute(f"USE {cluster.keyspace}")
        for cql_type in ("bigint", "int", "bigint"):
            cluster.execute(f"CREATE TABLE made (p int PRIMARY KEY, v {cql_type})")
            other.execute(text, [0, 1])
            for n in (1, 2):
                if by == "execute":
                    cluster.execute(text, [n, 1])
                elif by == "execute_many":
                    cluster.execute_many(text, [[n, 1], [n + 10, 1]])
                else:
                    cluster.execute_batch([(text, [n, 1]), (text, [n + 10, 1])])
            rows = cluster.execute("SELECT p, v FROM made").all()
            assert {v for _, v in rows} == {1} and {1, 2} <= {p for p, _ in rows}
            cluster.execute("DROP TABLE made")
        with pytest.raises(libcql.DataError):
            cluster.execute("CREATE TABLE made (p int PRIMARY KEY, v int)")
            cluster.execute(text, [1, "x"])


def test_what_a_file_alone_can_do(cluster):
    for call in (
        lambda: cluster.execute_chain([("DELETE FROM n WHERE p = 1", None)]),
        lambda: cluster.backup("x"),
        cluster.compact,
        cluster.check,
    ):
        with pytest.raises(libcql.NotSupportedError) as caught:
            call()
        assert caught.value.code == "UNSUPPORTED"


def test_threads(cluster):
    failures = []

    def work():
        for c in range(100):
            rows = cluster.execute("SELECT v FROM n WHERE p = 1 AND c = ?", [c % 25]).all()
            if rows != [(f"row {c % 25}",)]:
                failures.append(rows)

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_child_goes_on_with_the_session(url):
    out = script(
        url,
        """
        import asyncio, os, sys, libcql
        s = libcql.connect(sys.argv[1])
        text = "SELECT key FROM system.local WHERE key = ?"
        async def main():
            return (await s.aexecute(text, ["local"])).one()
        assert asyncio.run(main()) == ("local",)
        pid = os.fork()
        assert s.execute(text, ["local"]).one() == ("local",)
        assert asyncio.run(main()) == ("local",)
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        print("both")
        """,
    )
    assert out == "both\n"


@pytest.mark.parametrize("how", ["sys.exit()", "pass", "raise SystemExit"])
def test_the_end_with_requests_in_flight(url, how):
    out = script(
        url,
        f"""
        import asyncio, sys, threading, libcql
        s = libcql.connect(sys.argv[1])
        rows = s.execute("SELECT keyspace_name, table_name FROM system_schema.tables", page_size=1)
        next(rows), next(rows)
        async def main():
            tasks = [asyncio.ensure_future(s.aexecute("SELECT key FROM system.local")) for _ in range(100)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            print("sent")
        asyncio.run(main())
        {how}
        """,
    )
    assert out == "sent\n"


def test_a_program_that_stops_in_a_loop_of_requests(url):
    for _ in range(3):
        out = script(
            url,
            """
            import sys, threading, time, libcql
            s = libcql.connect(sys.argv[1])
            def work():
                while True:
                    s.execute("SELECT key FROM system.local")
            for _ in range(4):
                threading.Thread(target=work, daemon=True).start()
            time.sleep(0.2)
            print("end")
            """,
        )
        assert out == "end\n"


def test_ctrl_c_while_many_run(cluster):
    def interrupt():
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()

    def rows():
        while True:
            yield [1]

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        cluster.execute_many("INSERT INTO n (p, c) VALUES (9, ?)", rows(), concurrency=16)
    assert time.monotonic() - started < 5
    assert len(cluster.execute("SELECT c FROM n WHERE p = 1").all()) == 25
