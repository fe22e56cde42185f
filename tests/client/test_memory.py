"""Nothing leaks and nothing dangles: references, cycles, memory that stays bounded."""

import gc
import os
import subprocess
import sys
import weakref

import pytest

import libcql


def test_objects_go_when_the_last_name_goes(url):
    session = libcql.connect(url)
    prepared = session.prepare("SELECT key FROM system.local")
    result = session.execute(prepared)
    refs = [weakref.ref(x) for x in (session, prepared, result)]
    gc.disable()
    try:
        del session, prepared
        assert refs[0]() is not None  # the result keeps its session
        del result
        assert [ref() for ref in refs] == [None, None, None]
    finally:
        gc.enable()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="the system does not tell the size of a process"
)
@pytest.mark.parametrize(
    "work",
    [
        lambda s: s.execute("SELECT p, c, v FROM n WHERE p = ?", [1], page_size=10).all(),
        lambda s: list(s.execute("SELECT p, c, v FROM n").dicts()),
        lambda s: s.execute("INSERT INTO n (p, c, v) VALUES (?, ?, ?)", [1, 1, "row 1"]),
        lambda s: s.execute_batch([("INSERT INTO n (p, c, v) VALUES (?, ?, ?)", [1, 1, "row 1"])]),
        lambda s: s.prepare("SELECT p FROM n WHERE p = ?").columns,
        lambda s: failing(s, "SELECT nothing FROM n", None),
        lambda s: failing(s, "INSERT INTO n (p, c, v) VALUES (?, ?, ?)", [1, 2, 3]),
        lambda s: failing(s, "INSERT INTO n (p, c, v) VALUES (?, ?, ?)", {"p": 1}),
        lambda s: failing(s, "SELECT p FROM n WHERE p = ?", [1, 2]),
    ],
    ids=["select", "dicts", "insert", "batch", "prepare", "invalid", "data", "mapping", "count"],
)
def test_memory_stays_bounded(rows, work):
    for _ in range(200):
        work(rows)
    gc.collect()
    before, objects = resident(), len(gc.get_objects())
    for _ in range(2000):
        work(rows)
    gc.collect()
    assert len(gc.get_objects()) - objects < 50
    assert resident() - before < 2_000_000


def failing(session, query, params):
    with pytest.raises(libcql.Error):
        session.execute(query, params)


class Last:
    """An SQL aggregate."""

    def step(self, value):
        self.value = value

    def finalize(self):
        return self.value


def sql_values(sql):
    values = ("text" * 10, b"blob" * 10, 1 << 40, 1.5)
    sql.create_function("same", 1, lambda x: x)
    assert sql.execute("SELECT same(?), same(?), same(?), same(?)", values).fetchall() == [values]


def sql_failing(sql):
    for query, params in [("SELECT ?", [object()]), ("SELECT no", ()), ("SELECT fails(1)", ())]:
        with pytest.raises(libcql.Error):
            sql.execute(query, params)


@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="the system does not tell the size of a process"
)
@pytest.mark.parametrize(
    "work",
    [
        sql_values,
        sql_failing,
        lambda s: s.execute("SELECT last(c) FROM n GROUP BY c % 3").fetchall(),
        lambda s: s.execute('SELECT "v$raw" FROM n', raw=[("n", "v")]).fetchone(),
        lambda s: s.execute("SELECT :a, :b", {"a": 1, "b": "x"}).fetchmany(5),
        lambda s: s.attach("n"),
    ],
    ids=["values", "failing", "aggregate", "half-read", "names", "attach"],
)
def test_memory_of_sql_stays_bounded(rows, work):
    sql = rows.relational("ks")
    sql.attach("n")
    sql.create_aggregate("last", 1, Last)
    sql.create_function("fails", 1, lambda x: x.nothing)
    for _ in range(1000):
        work(sql)
    gc.collect()
    before, objects = resident(), len(gc.get_objects())
    for _ in range(10_000):
        work(sql)
    gc.collect()
    assert len(gc.get_objects()) - objects < 50
    assert resident() - before < 2_000_000


def test_open_sessions_at_exit_are_no_trouble(url):
    code = (
        "import sys, libcql\n"
        "s = libcql.connect(sys.argv[1])\n"
        "r = s.execute('SELECT key FROM system.local')\n"
        "p = s.prepare('SELECT key FROM system.local')\n"
        "q = s.relational('system')\n"
        "q.create_function('f', 0, lambda: q)\n"
        "w = q.execute('SELECT 1 UNION SELECT 2')\n"
        "loop = [s, r, p, q, w]; loop.append(loop)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, url], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
