"""libcql: synchronous, from threads, from asyncio, and by execute_many()."""

import asyncio

from forms import in_tasks, in_threads, one_by_one, stopwatch

import libcql


class Subject:
    def __init__(self, port):
        self.loop = asyncio.new_event_loop()
        self.session = libcql.connect(f"cassandra://127.0.0.1:{port}")
        self.forms = {
            "sync": one_by_one(self.call),
            "async": in_tasks(self.loop, self.acall),
            "threads": in_threads(self.call),
            "asyncio": in_tasks(self.loop, self.acall),
            "many": self.many,
        }

    def prepare(self, text):
        return self.session.prepare(text)

    def call(self, statement, values):
        return self.session.execute(statement, values).one()

    async def acall(self, statement, values):
        return (await self.session.aexecute(statement, values)).one_of_page()

    def rows(self, statement):
        return self.session.execute(statement, page_size=None).all()

    @stopwatch
    def many(self, statement, values, flight):
        results = self.session.execute_many(statement, values, concurrency=flight)
        return [None], [result and result.one() for result in results]  # None: there are no rows

    def close(self):
        self.session.close()
