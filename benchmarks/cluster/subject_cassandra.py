"""cassandra-driver or scylla-driver, whichever the environment has, in its fastest form: plain tuples, no compression."""

import threading

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import tuple_factory
from forms import in_threads, one_by_one, stopwatch


class Subject:
    def __init__(self, port):
        profile = ExecutionProfile(row_factory=tuple_factory)  # LOCAL_ONE; on one node the same
        self.cluster = Cluster(
            ["127.0.0.1"],
            port=port,
            compression=False,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        )
        self.session = self.cluster.connect()
        self.session.default_fetch_size = None
        self.forms = {
            "sync": one_by_one(self.call),
            "threads": in_threads(self.call),
            "futures": self.futures,
            "many": self.many,
        }

    def prepare(self, text):
        return self.session.prepare(text)

    def call(self, statement, values):
        return self.session.execute(statement, values).one()

    def rows(self, statement):
        return self.session.execute(statement).all()

    @stopwatch
    def many(self, statement, values, flight):
        results = execute_concurrent_with_args(
            self.session, statement, values, concurrency=flight, results_generator=False
        )
        return [None], [result.one() for _, result in results]

    @stopwatch
    def futures(self, statement, values, flight):
        """`flight` chains of callbacks: each answer sends the next request."""
        queue, times, answers, errors = iter(values), [], [], []
        over = threading.Semaphore(0)
        clock, execute = stopwatch.clock, self.session.execute_async

        def send():
            value = next(queue, None)
            if value is None:
                over.release()
                return
            started = clock()

            def answered(rows):
                answers.append(rows[0] if rows else None)
                times.append(clock() - started)
                send()

            def failed(error):
                errors.append(error)
                over.release()

            execute(statement, value).add_callbacks(answered, failed)

        for _ in range(flight):
            send()
        for _ in range(flight):
            over.acquire()
        if errors:
            raise errors[0]
        return times, answers

    def close(self):
        self.cluster.shutdown()
