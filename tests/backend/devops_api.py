"""The stand-in of Astra's DevOps API (tools/astra/standin/devops.py) by itself: no cluster behind it, a bundle that is none."""

import asyncio
import contextlib
import importlib
import io
import pathlib
import sys
import threading
import types
import zipfile

_ROOMS = pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "astra" / "standin"
ID, NAME = "5d1f6a2c-0000-4000-8000-000000000001", "party"
TOKEN = "AstraCS:abcdefgh:0123456789abcdef"


def _devops():
    """The module without its package, which asks for a cluster; and under a name that no module here has."""
    package = sys.modules.setdefault("astra_standin_rooms", types.ModuleType("astra_standin_rooms"))
    package.__path__ = [str(_ROOMS)]
    return importlib.import_module("astra_standin_rooms.devops")


def bundle() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", '{"host": "x.example", "port": 29080}')
    return file.getvalue()


@contextlib.contextmanager
def serving(keyspaces=("app",)):
    """The API in a thread: a DevOpsApi, with `keyspace_names` to look at and to change."""
    devops = _devops()
    names = list(keyspaces)
    actions = devops.Actions(lambda: list(names), names.append, names.remove, bundle)
    status = devops.Status(resume_s=0.1, maintenance_s=0.1)
    api = devops.DevOpsApi(ID, NAME, TOKEN, status, actions)
    api.keyspace_names = names
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    run(api.listener.start(0))
    try:
        yield api
    finally:
        run(api.listener.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
