"""Many processes that want the same few names, some of them killed: what they were told is true, and the claims keep it so.

BACKEND_TEST_ROUNDS says how many calls each process makes; BACKEND_TEST_LOGS names a folder where their logs stay."""

import os
import pathlib
import tempfile

from django.test import SimpleTestCase, tag
from forked import run_script
from history import History, read
from settings import CLUSTER

PROCESSES = int(os.environ.get("RACE_PROCESSES", "32"))
ROUNDS = int(os.environ.get("BACKEND_TEST_ROUNDS", "8" if CLUSTER else "12"))
GRACE = float(os.environ.get("BACKEND_TEST_GRACE", "2"))  # seconds
KEYS, NAMES = 10, 8
PAUSE = 0.05  # seconds between two kills; longer in a long run
LONG = 100  # rounds

BODY = """
import time
import claim_workers as workers
with connection.schema_editor() as editor:
    editor.create_model(workers.Person)
connection.settings_dict["OPTIONS"]["write_attempts"] = workers.CLAIM_TRIES
workers.wait_less({grace})
crew = workers.Crew({processes}, {rounds}, {folder!r}, {keys}, {names})
crew.run(seed={seed}, pause={pause})
time.sleep({settle})
print(json.dumps([crew.killed, crew.failed]))
print(json.dumps(workers.stored()))
time.sleep({grace})
print(json.dumps(workers.ask_for_each({names})))
"""


@tag("astra", "long")
class ClaimRaceTests(SimpleTestCase):
    def test_what_all_were_told_is_true(self):
        with tempfile.TemporaryDirectory() as made:
            folder = os.environ.get("BACKEND_TEST_LOGS") or made
            body = BODY.format(
                grace=GRACE,
                processes=PROCESSES,
                rounds=ROUNDS,
                folder=folder,
                keys=KEYS,
                names=NAMES,
                seed=ROUNDS,
                pause=PAUSE if ROUNDS < LONG else 10 * PAUSE,
                settle=2.5 if CLUSTER else 0,  # what the killed ones have sent
            )
            (killed, failed), end, told = run_script(body, timeout=600 + 20 * ROUNDS)
            calls = []
            for path in sorted(pathlib.Path(folder).glob("*.log")):
                with path.open() as lines:
                    calls += read(lines)
        self.assertEqual(failed, 0)
        self.assertGreater(killed, 0)
        self.assertGreaterEqual(len(calls), PROCESSES * ROUNDS)
        if os.environ.get("BACKEND_TEST_LOGS"):
            print(summary(calls, killed))
        self.assertEqual(
            History(calls, [tuple(row) for row in end["rows"]], end["claims"]).problems(), []
        )
        held = {name for _, name in end["rows"]}
        self.assertEqual(told, {name: "name taken" if name in held else "done" for name in told})


def summary(calls, killed) -> str:
    """For people: what the calls were told."""
    told = {}
    for call in calls:
        told[call.op, call.told] = told.get((call.op, call.told), 0) + 1
    return f"{len(calls)} calls, {killed} kills: {sorted(told.items())}"
