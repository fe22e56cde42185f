"""Django on one database in a process of its own: `orm_worker.py DATABASE PORT` answers each line of its input with one of its output.

{"job": "get", "count": 500}                     ->  {"p50": …, "p99": …, "cpu": …}  microseconds of a call
{"job": "create", "count": 500, "using": "lwt"}  ->  the same
{"job": "list"}, {"job": "bulk_create"}          ->  {"wall": …, "cpu": …}  microseconds of a row; 10,000 rows
"""

import gc
import itertools
import sys
import time

import orm_databases
import schema
from forms import Clocks, WrongAnswer, answer_orders

ENGINE_BATCH = 100  # rows: 15 kB or so, where Cassandra allows 50


class Jobs:
    def __init__(self, party, new_party):
        self.party, self.new_party = party, new_party
        self.is_engine = not hasattr(party.objects, "bulk_create")
        self.number = itertools.count()

    def values(self):
        return schema.party(next(self.number))

    def fill(self):
        """The rows that get() and list() read: 0, 1, …"""
        self.bulk(self.party)

    def bulk(self, model):
        if not self.is_engine:
            model.objects.bulk_create([model(**self.values()) for _ in range(schema.ROWS)])
            return
        from cassandra.cqlengine.query import BatchQuery, BatchType

        for _ in range(0, schema.ROWS, ENGINE_BATCH):
            with BatchQuery(batch_type=BatchType.Unlogged) as batch:
                for _ in range(ENGINE_BATCH):
                    model.batch(batch).create(**self.values())

    def get(self, count):
        chosen = [schema.key(n * schema.STRIDE % schema.ROWS) for n in range(count)]
        return each(lambda key: self.party.objects.get(pk=key), chosen)

    def create(self, count, using=None):
        objects = self.new_party.objects.using(using) if using else self.new_party.objects
        return each(lambda values: objects.create(**values), [self.values() for _ in range(count)])

    def list(self):
        objects = self.party.objects
        clocks = Clocks()
        found = list(objects.all().limit(None) if self.is_engine else objects.all())
        taken = clocks.read([], [])
        if len(found) != schema.ROWS:
            raise WrongAnswer(f"list: {len(found)} instances for {schema.ROWS}")
        return per_row(taken)

    def bulk_create(self):
        clocks = Clocks()
        self.bulk(self.new_party)
        return per_row(clocks.read([], []))


def per_row(taken):
    return {
        "wall": taken.wall / schema.ROWS * 1e6,
        "cpu": taken.cpu / schema.ROWS * 1e6,
        "rate": schema.ROWS / taken.wall,
    }


def each(call, arguments):
    times, clock = [], time.perf_counter
    clocks = Clocks()
    for argument in arguments:
        started = clock()
        call(argument)
        times.append(clock() - started)
    cpu = clocks.read([], []).cpu
    times.sort()
    count = len(times)
    p50, p99 = times[count // 2], times[count * 99 // 100]
    return {"p50": p50 * 1e6, "p99": p99 * 1e6, "cpu": cpu / count * 1e6}


def main(database, port):
    jobs = Jobs(*getattr(orm_databases, database)(port))

    def answer(job, **order):
        gc.collect()
        return getattr(jobs, job)(**order)

    answer_orders(answer)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
