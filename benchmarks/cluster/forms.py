"""The ways to ask many questions: one after another, from threads, from tasks. The same for every subject.

A form is run(statement, values, flight) -> Taken. What it needs (threads, tasks) is there before the clocks start.
"""

import asyncio
import functools
import json
import sys
import threading
import time
import traceback
from dataclasses import dataclass


class WrongAnswer(Exception):
    """A subject answered something else than what was asked."""


@dataclass
class Taken:
    wall: float  # seconds
    cpu: float  # seconds of all of the process's threads
    times: list  # seconds of each request, where the form can tell
    answers: list


class Clocks:
    def __init__(self):
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def read(self, times, answers):
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        return Taken(wall, cpu, times, answers)


def stopwatch(run):
    """A form out of a method that returns (times, answers)."""

    @functools.wraps(run)
    def form(*arguments):
        clocks = Clocks()
        return clocks.read(*run(*arguments))

    return form


stopwatch.clock = time.perf_counter


def one_by_one(call):
    @stopwatch
    def form(statement, values, flight):
        times, answers, clock = [], [], time.perf_counter
        for value in values:
            started = clock()
            answers.append(call(statement, value))
            times.append(clock() - started)
        return times, answers

    return form


def in_threads(call):
    def form(statement, values, flight):
        queue, times, answers, errors = iter(values), [], [], []
        start, end = threading.Barrier(flight + 1), threading.Barrier(flight + 1)

        def work():
            clock = time.perf_counter
            start.wait()
            try:
                for value in queue:
                    started = clock()
                    answers.append(call(statement, value))
                    times.append(clock() - started)
            except Exception as error:
                errors.append(error)
            end.wait()

        threads = [threading.Thread(target=work) for _ in range(flight)]
        for thread in threads:
            thread.start()
        start.wait()
        clocks = Clocks()
        end.wait()
        taken = clocks.read(times, answers)
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return taken

    return form


def lock_ring(flight, count):
    """{"cpu": microseconds} for each time that one of `flight` threads wakes the next and waits: the least that an answer costs in threads."""
    locks = [threading.Lock() for _ in range(flight)]
    for lock in locks:
        lock.acquire()

    def work(place):
        own, other = locks[place], locks[(place + 1) % flight]
        for _ in range(count // flight):
            own.acquire()
            other.release()

    threads = [threading.Thread(target=work, args=[place]) for place in range(flight)]
    for thread in threads:
        thread.start()
    cpu = time.process_time()
    locks[0].release()
    for thread in threads:
        thread.join()
    return {"cpu": (time.process_time() - cpu) / (count // flight * flight) * 1e6}


def in_tasks(loop, acall):
    async def run(statement, values, flight):
        queue, times, answers = iter(values), [], []
        clock = time.perf_counter

        async def work():
            for value in queue:
                started = clock()
                answers.append(await acall(statement, value))
                times.append(clock() - started)

        clocks = Clocks()
        await asyncio.gather(*(work() for _ in range(flight)))
        return clocks.read(times, answers)

    return lambda *arguments: loop.run_until_complete(run(*arguments))


def answer_orders(answer):
    """Each line of the input is an order, its answer one of the output; an error is one of its own, and the next order is taken."""
    for line in sys.stdin:
        try:
            figures = answer(**json.loads(line))
        except Exception as error:
            traceback.print_exc()
            figures = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(figures or {}), flush=True)
