"""Three nodes, and what happens to them: restarts, a frozen node, a killed one. No idempotent request fails, and no
acknowledged write is lost."""

import asyncio
import concurrent.futures
import contextlib
import itertools
import os
import signal
import threading
import time
import uuid

import pytest
from keyspaces import drop_keyspace
from testcluster import Settings, borrowed

import libcql

IN_FLIGHT = 64
PAUSE_S = 0.15  # between two groups of requests: the machine also runs the nodes
THREADS = 4
FROZEN_S = 15
RECOVERY_S = 10.0
REPLICATED = "{'class': 'SimpleStrategy', 'replication_factor': 3}"
ALONE = "{'class': 'SimpleStrategy', 'replication_factor': 1}"


@pytest.fixture(scope="module")
def nodes(cluster_port):
    with borrowed(Settings(nodes=3, quick=True), cluster_port) as cluster:
        yield cluster


@pytest.fixture
def whole(nodes):
    """The cluster; whatever a test has done to it is undone."""
    yield nodes
    nodes.start()


def open_session(cluster, options="", points=None):
    hosts = ",".join(points or cluster.contact_points)
    return libcql.connect(
        f"cassandra://{hosts.replace(',', f':{cluster.port},')}:{cluster.port}?{options}"
    )


@pytest.fixture
def session(whole):
    """A session at QUORUM over a keyspace with three replicas and a table of writes."""
    with open_session(whole, "consistency=QUORUM") as session:
        name = f"t{uuid.uuid4().hex[:12]}"
        session.execute(f"CREATE KEYSPACE {name} WITH replication = {REPLICATED}")
        session.execute(f"USE {name}")
        session.execute("CREATE TABLE log (k text PRIMARY KEY, v text)")
        session.execute("CREATE TABLE hits (k int PRIMARY KEY, n counter)")
        yield session
        whole.start()
        drop_keyspace(session, name)


class Load:
    """Requests in flight all the time, from a loop of asyncio and from threads, until told to stop.

    `written` has what was acknowledged, `failed` what ended with an error.
    """

    def __init__(self, session):
        self.session = session
        self.insert = session.prepare("INSERT INTO log (k, v) VALUES (?, ?)")
        self.select = session.prepare("SELECT v FROM log WHERE k = ?")
        self.written = []
        self.failed = []
        self.slowest = 0.0
        self.hits = self.misses = 0
        self.stop = threading.Event()

    def __enter__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(THREADS + 2)
        self.futures = [self.pool.submit(asyncio.run, self._coroutines())]
        self.futures += [self.pool.submit(self._thread, n) for n in range(THREADS)]
        self.futures += [self.pool.submit(self._counter)]
        return self

    def __exit__(self, *_):
        self.stop.set()
        for future in self.futures:
            future.result()
        self.pool.shutdown()

    def _note(self, key, started, error):
        self.slowest = max(self.slowest, time.monotonic() - started)
        if error is None:
            self.written.append(key)
        else:
            self.failed.append((key, error, getattr(error, "attempts", None)))

    async def _one(self, key):
        started = time.monotonic()
        error = None
        try:
            await self.session.aexecute(self.insert, [key, key])
            assert (await self.session.aexecute(self.select, [key])).one() == (key,)
        except Exception as e:
            error = e
        self._note(key, started, error)

    async def _coroutines(self):
        for group in itertools.count():
            if self.stop.is_set():
                return
            await asyncio.gather(*[self._one(f"a {group} {n}") for n in range(IN_FLIGHT)])
            await asyncio.sleep(PAUSE_S)

    def _thread(self, number):
        for n in itertools.count():
            if self.stop.wait(PAUSE_S):
                return
            key = f"t {number} {n}"
            started = time.monotonic()
            error = None
            try:
                self.session.execute(self.insert, [key, key])
                assert self.session.execute(self.select, [key]).one() == (key,)
            except Exception as e:
                error = e
            self._note(key, started, error)

    def _counter(self):
        """What must not run twice: it may fail, and then nobody knows whether it was counted."""
        while not self.stop.wait(PAUSE_S):
            try:
                self.session.execute("UPDATE hits SET n = n + 1 WHERE k = ?", [1])
                self.hits += 1
            except libcql.OperationalError:
                self.misses += 1

    def check(self):
        """Nothing failed, and all that was acknowledged is there."""
        assert self.failed == []
        assert len(self.written) > IN_FLIGHT
        rows = self.session.execute_many(self.select, [[k] for k in self.written], concurrency=32)
        assert [row.one() for row in rows] == [(k,) for k in self.written]
        counted = self.session.execute("SELECT n FROM hits WHERE k = ?", [1]).one()[0]
        assert self.hits <= counted <= self.hits + self.misses


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def states(session):
    return sorted(node.state for node in session.nodes())


def all_up(session):
    return states(session) == ["up"] * 3


def test_the_nodes_are_known(session, whole):
    wait_until(lambda: all_up(session), RECOVERY_S)
    nodes = session.nodes()
    points = [f"{address}:{whole.port}" for address in whole.contact_points]
    assert sorted(node.address for node in nodes) == points
    assert {(node.datacenter, node.rack) for node in nodes} == {("datacenter1", "rack1")}
    assert all(node.connections == 1 and node.release.startswith("5.") for node in nodes)


def test_a_rolling_restart(session, whole):
    with Load(session) as load:
        time.sleep(1)
        whole.roll()
        time.sleep(1)
    load.check()
    wait_until(lambda: all_up(session), RECOVERY_S)


def test_a_frozen_node(session, whole):
    wait_until(lambda: all_up(session), RECOVERY_S)
    with Load(session) as load:
        time.sleep(1)
        whole.node(2).pause()
        frozen = time.monotonic()
        wait_until(lambda: not all_up(session), 5)
        before = len(load.written)
        wait_until(lambda: len(load.written) > before + IN_FLIGHT, RECOVERY_S)
        time.sleep(max(0, FROZEN_S - (time.monotonic() - frozen)))
        whole.node(2).resume()
        wait_until(lambda: all_up(session), RECOVERY_S)
        time.sleep(1)
    load.check()


def test_a_killed_node(session, whole):
    with Load(session) as load:
        time.sleep(1)
        whole.node(3).kill()
        wait_until(lambda: states(session) == ["down", "up", "up"], 5)
        before = len(load.written)
        wait_until(lambda: len(load.written) > before + IN_FLIGHT, RECOVERY_S)
        whole.start()
        wait_until(lambda: all_up(session), RECOVERY_S)
    load.check()


def test_requests_that_may_not_run_twice_go_on_while_a_node_is_frozen(session, whole):
    """The silent node is avoided; only those that were sent to it already have to wait, and fail."""
    wait_until(lambda: all_up(session), RECOVERY_S)
    insert = session.prepare("INSERT INTO log (k, v) VALUES (?, 'once')")
    whole.node(1).pause()
    outcomes = session.execute_many(
        insert,
        [[str(n)] for n in range(30)],
        idempotent=False,
        timeout=4,
        return_exceptions=True,
    )
    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert 0 < len(failed) < 30
    assert {type(error) for error in failed} == {libcql.RequestTimeout}
    assert {attempt.host for error in failed for attempt in error.attempts} == {
        f"{whole.contact_points[0]}:{whole.port}"
    }
    started = time.monotonic()
    for n in range(30):
        session.execute(insert, [str(n)], idempotent=False)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("how", ["text", "prepared", "many"])
def test_ctrl_c_while_no_answer_comes(session, whole, how):
    text = "SELECT v FROM log WHERE k = 'a'" if how == "text" else "SELECT v FROM log WHERE k = ?"
    session.execute("SELECT v FROM log WHERE k = ?", ["a"])
    for node in whole.nodes:
        node.pause()
    threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        if how == "many":
            session.execute_many(text, [["a"]] * 10)
        else:
            session.execute(text, None if how == "text" else ["a"])
    assert time.monotonic() - started < 2
    for node in whole.nodes:
        node.resume()
    assert session.execute(text, None if how == "text" else ["a"]).all() == []


@pytest.fixture
def each(whole):
    """A connection to each node that asks this node alone."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(node.connect()) for node in whole.nodes]


def test_a_schema_change_is_known_everywhere(session, each):
    """A table can be used through every node as soon as CREATE TABLE has returned."""
    for n in range(6):
        name = f"{session.keyspace}.made{n}"
        result = session.execute(f"CREATE TABLE {name} (k int PRIMARY KEY, v int)")
        assert result.warnings == []
        for k, node in enumerate(each):
            node.query(f"INSERT INTO {name} (k, v) VALUES ({k}, {n})")
        session.execute(f"ALTER TABLE {name} ADD w int")
        for k, node in enumerate(each):
            node.query(f"UPDATE {name} SET w = {n} WHERE k = {k}")
        assert len(session.execute(f"SELECT k, w FROM {name}").all()) == 3
        session.execute(f"DROP TABLE {name}")


def reads(each, keyspace):
    """Of each node: how many reads it has coordinated, and how many it has made of its own copy."""
    views = ("coordinator_read_latency", "local_read_latency")
    where = f"WHERE keyspace_name = '{keyspace}' AND table_name = 'one'"
    return [
        [
            int.from_bytes(
                node.query(f"SELECT count FROM system_views.{view} {where}")[0][0], "big"
            )
            for view in views
        ]
        for node in each
    ]


def by_execute(session, select, key, count):
    for _ in range(count):
        session.execute(select, [key])


def by_execute_many(session, select, key, count):
    session.execute_many(select, [[key]] * count)


def by_aexecute(session, select, key, count):
    async def main():
        await asyncio.gather(*[session.aexecute(select, [key]) for _ in range(count)])

    asyncio.run(main())


@pytest.mark.parametrize("read", [by_execute, by_execute_many, by_aexecute])
def test_a_prepared_read_goes_to_a_replica(session, whole, each, read):
    """With one replica of each row, the node that coordinates a read is the one that has the row."""
    count, name = 20, f"{session.keyspace}_1"
    session.execute(f"CREATE KEYSPACE {name} WITH replication = {ALONE}")
    try:
        session.execute(f"CREATE TABLE {name}.one (k int PRIMARY KEY)")
        with open_session(whole, f"consistency=LOCAL_ONE&keyspace={name}") as own:
            wait_until(lambda: all_up(own), RECOVERY_S)
            select = own.prepare("SELECT k FROM one WHERE k = ?")
            owners = set()
            for key in range(8):
                before = reads(each, name)
                read(own, select, key, count)
                more = [
                    (b[0] - a[0], b[1] - a[1])
                    for a, b in zip(before, reads(each, name), strict=True)
                ]
                assert sorted(more) == [(0, 0), (0, 0), (count, count)]
                owners.add(more.index((count, count)))
            assert len(owners) > 1
    finally:
        drop_keyspace(session, name)
