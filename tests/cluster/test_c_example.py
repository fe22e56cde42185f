"""The C example runs on a cluster by changing its URL; it is built with the unit tests, under ASan."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_the_c_example(url, cluster):
    subprocess.run([ROOT / "tools" / "build", "sanitize"], check=True)
    party = ROOT / "build" / "sanitize" / "examples" / "c" / "party"
    done = subprocess.run([party, url], capture_output=True, text=True, timeout=60)
    cluster.execute("DROP KEYSPACE fun")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-3:] == [
        "25 parties",
        "joined: 1 people now",
        "not joined: there are 1 people, not 0",
    ]
