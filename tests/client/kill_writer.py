"""One writer of test_kill.py: says what it is about to do, does it, says that it is done, until it is killed.

python kill_writer.py URL WRITER SEED, or python kill_writer.py URL compact
"""

import random
import sys

import libcql

KEYS, TAGS = 40, 7


def put(session, writer, key, value):
    session.execute(
        "INSERT INTO item (writer, k, v, tag) VALUES (?, ?, ?, ?)",
        (writer, key, value, value % TAGS),
    )


def set_(session, writer, key, value):
    session.execute(
        "UPDATE item SET v = ?, tag = ? WHERE writer = ? AND k = ?",
        (value, value % TAGS, writer, key),
    )


def delete(session, writer, key, value):
    session.execute("DELETE FROM item WHERE writer = ? AND k = ?", (writer, key))


def clear(session, writer, key, value):
    """A range of four keys."""
    session.execute(
        "DELETE FROM item WHERE writer = ? AND k >= ? AND k < ?", (writer, key, key + 4)
    )


def new(session, writer, key, value):
    session.execute(
        "INSERT INTO item (writer, k, v, tag) VALUES (?, ?, ?, ?) IF NOT EXISTS",
        (writer, key, value, value % TAGS),
    )


def cas(session, writer, key, value):
    session.execute(
        "UPDATE item SET v = ?, tag = ? WHERE writer = ? AND k = ? IF EXISTS",
        (value, value % TAGS, writer, key),
    )


def both(session, writer, key, value):
    """Two rows or none."""
    text = "INSERT INTO item (writer, k, v, tag) VALUES (?, ?, ?, ?)"
    rows = [(writer, k, value, value % TAGS) for k in (key, key + KEYS)]
    session.execute_batch([(text, row) for row in rows])


def count(session, writer, key, value):
    session.execute("UPDATE hits SET n = n + 1 WHERE writer = ?", (writer,))


def total(session, writer, key, value):
    """Read, add one, write if nobody else has, as often as it takes."""
    while True:
        (n,) = session.execute("SELECT n FROM total WHERE k = 0").one()
        if session.execute("UPDATE total SET n = ? WHERE k = 0 IF n = ?", (n + 1, n)).was_applied:
            return


def brief(session, writer, key, value):
    """Work for the sweep."""
    session.execute(
        "INSERT INTO brief (writer, k, v) VALUES (?, ?, ?) USING TTL 1", (writer, value, value)
    )


OPERATIONS = {
    "put": put,
    "set": set_,
    "delete": delete,
    "clear": clear,
    "new": new,
    "cas": cas,
    "both": both,
    "count": count,
    "total": total,
    "brief": brief,
}


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write(session, writer, seed):
    chance = random.Random(seed)
    value = seed * 1_000_000
    while True:
        value += 1
        name, key = chance.choice(list(OPERATIONS)), chance.randrange(KEYS)
        say(f"> {name} {key} {value}")
        OPERATIONS[name](session, writer, key, value)
        say("<")


def main():
    with libcql.connect(sys.argv[1]) as session:
        if sys.argv[2] != "compact":
            write(session, int(sys.argv[2]), int(sys.argv[3]))
        while True:
            session.compact()
            say("<")


if __name__ == "__main__":
    main()
