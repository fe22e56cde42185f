"""A node of the database is replaced by another one, as happens in a cloud: sessions of libcql go on, and the Python driver
finds its way."""

import threading
import time
from collections import Counter

import pytest
from conftest import url_of

import libcql

PATIENCE_S = 60.0
PAUSE_S = 0.02  # the new node needs this machine, too


@pytest.fixture
def table(astra):
    with libcql.connect(url_of(astra)) as session:
        session.execute(
            "CREATE TABLE IF NOT EXISTS seat (show text, n int, v text, PRIMARY KEY (show, n))"
        )
        session.execute("TRUNCATE seat")
    astra.settle()


class Load:
    """Writes and reads that may run twice, from two threads; `counts` has how many of each thread's were answered."""

    def __init__(self, session):
        self.session = session
        self.failures = []
        self.counts = Counter()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=[f"load {n}"]) for n in range(2)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def _run(self, show):
        n = 0
        while not self.done.wait(PAUSE_S):
            n += 1
            seat = [show, n]
            try:
                self.session.execute("INSERT INTO seat (show, n) VALUES (?, ?)", seat)
                self.session.execute("SELECT n FROM seat WHERE show = ? AND n = ?", seat)
                self.counts[show] += 1
            except libcql.Error as error:
                if not self._is_out_of_time(error):
                    self.failures.append((error, getattr(error, "attempts", None)))

    def _is_out_of_time(self, error):
        """Both nodes that live were asked, and their own time was over: this machine is too busy, and no client can
        help that."""
        asked = {attempt.host for attempt in error.attempts if attempt.stage == "request"}
        return isinstance(error, (libcql.ReadTimeout, libcql.WriteTimeout)) and len(asked) >= 2


@pytest.mark.usefixtures("table")
def test_a_replaced_node(astra, driver):
    with libcql.connect(url_of(astra)) as session:
        with Load(session) as load:
            before = len(astra.routes)
            old, new = astra.replace_node(3)
            deadline = time.monotonic() + PATIENCE_S
            while new not in {route.host_id for route in astra.routes[before:]}:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            time.sleep(2)
        assert load.failures == []
        assert {node.address for node in session.nodes()} == set(astra.proxy.nodes)
        assert old not in {node.address for node in session.nodes()}
        for show, n in load.counts.items():  # what ended with an error may be there, too
            found = session.execute("SELECT COUNT(*) FROM seat WHERE show = ?", [show])
            assert found.one()[0] >= n
    names = set(astra.describe()["contact_info"]["contact_points"])
    assert old not in names and new in names
    told = driver(astra, "SELECT n FROM seat WHERE show = 'load 0' AND n = 1", times=12)
    assert told["answers"][0]["rows"] == [[1]]
    assert set(told["hosts"]) == names
    assert new in told["coordinators"]
