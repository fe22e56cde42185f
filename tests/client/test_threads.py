"""One session shared by threads."""

import threading

import pytest

import libcql

THREADS = 8
ROUNDS = 60


def together(work):
    """Run work(number) in THREADS threads at once; raise what any of them raised."""
    start, errors = threading.Barrier(THREADS), []

    def run(number):
        try:
            start.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_writes_and_reads_at_once(kind, session, url):
    with session if kind == "memory" else libcql.connect(url) as shared:
        shared.execute("CREATE TABLE t (p int, c int, v text, PRIMARY KEY (p, c))")

        def work(number):
            for c in range(ROUNDS):
                shared.execute(
                    "INSERT INTO t (p, c, v) VALUES (?, ?, ?)", [number, c, f"{number}/{c}"]
                )
                found = shared.execute(
                    "SELECT v FROM t WHERE p = ? AND c <= ?", [number, c], page_size=7
                )
                assert found.all() == [(f"{number}/{i}",) for i in range(c + 1)]

        together(work)
        assert shared.execute("SELECT count(*) FROM t").one() == (THREADS * ROUNDS,)


def test_of_those_who_want_a_thing_one_gets_it(url):
    with libcql.connect(url) as shared:
        shared.execute("CREATE TABLE t (k int PRIMARY KEY, owner int)")
        winners = []

        def work(number):
            for k in range(20):
                result = shared.execute(
                    "INSERT INTO t (k, owner) VALUES (?, ?) IF NOT EXISTS", [k, number]
                )
                if result.was_applied:
                    winners.append((k, number))

        together(work)
        assert sorted(k for k, _ in winners) == list(range(20))
        assert sorted(winners) == sorted(shared.execute("SELECT k, owner FROM t"))


def test_the_schema_changes_under_running_statements(url):
    with libcql.connect(url) as shared:
        shared.execute("CREATE TABLE t (k int PRIMARY KEY, v text)")
        shared.execute("INSERT INTO t (k, v) VALUES (1, 'x')")
        prepared = shared.prepare("SELECT * FROM t WHERE k = ?")

        def work(number):
            if number == 0:
                for n in range(15):
                    shared.execute(f"ALTER TABLE t ADD extra{n} int")
                return
            for _ in range(ROUNDS):
                row = next(shared.execute(prepared, [1]).dicts())
                assert (row["k"], row["v"]) == (1, "x")

        together(work)
        assert len(shared.execute(prepared, [1]).columns) == 17


def test_closing_while_others_work(url):
    shared = libcql.connect(url)
    shared.execute("CREATE TABLE t (k int PRIMARY KEY)")

    def work(number):
        if number == 0:
            shared.close()
            return
        try:
            for k in range(1000):
                shared.execute("INSERT INTO t (k) VALUES (?)", [k])
        except libcql.InterfaceError as error:
            assert error.code == "CLOSED"
        else:
            raise AssertionError("the session was never closed")

    together(work)
    assert shared.closed


def test_a_result_read_by_two_threads_is_an_error_or_right_but_no_crash(url):
    with libcql.connect(url) as shared:
        shared.execute("CREATE TABLE t (p int, c int, PRIMARY KEY (p, c))")
        for c in range(200):
            shared.execute("INSERT INTO t (p, c) VALUES (1, ?)", [c])
        result = shared.execute("SELECT c FROM t WHERE p = 1", page_size=3)
        seen = []

        def work(_number):
            while True:
                try:
                    row = result.one()
                except libcql.InterfaceError as error:
                    assert "another thread" in str(error)
                    continue
                if row is None:
                    return
                seen.append(row[0])

        together(work)
        assert sorted(seen) == list(range(200))
