"""acsylla, the C++ driver under asyncio, in its fastest form: plain tuples."""

import asyncio

import acsylla
import schema
from forms import in_tasks


class Subject:
    def __init__(self, port):
        self.loop = asyncio.new_event_loop()
        self.session = self.loop.run_until_complete(self.connect(port))
        self.forms = {
            "async": in_tasks(self.loop, self.call),
            "asyncio": in_tasks(self.loop, self.call),
        }

    async def connect(self, port):
        cluster = acsylla.create_cluster(["127.0.0.1"], port=port, log_level="error")
        return await cluster.create_session()

    def prepare(self, text):
        return self.loop.run_until_complete(self.session.create_prepared(text))

    async def call(self, prepared, values):
        statement = prepared.bind()
        statement.bind_list(values)
        row = (await self.session.execute(statement)).first()
        return row and row.as_tuple()

    def rows(self, prepared):
        return self.loop.run_until_complete(self._rows(prepared))

    async def _rows(self, prepared):
        result = await self.session.execute(prepared.bind(page_size=2 * schema.ROWS))
        return [row.as_tuple() for row in result]

    def close(self):
        self.loop.run_until_complete(self.session.close())
