"""Writes tests/data/client/replicas.tsv: where Cassandra's own classes put replicas in random clusters.

    python make_replicas_golden.py JARS > ../../data/client/replicas.tsv

JARS is the folder of jars that tools/cassandra/node fetches. The lines are explained in test_map.c.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SEED = 20260103
MIN, MAX = -(2**63), 2**63 - 1
RACKS = ["", "r1", "r2", "r3", "r4", "r5"]


def tokens_of(rng: random.Random, count: int, taken: set[int]) -> list[int]:
    """Some rings are dense, so that one token is another's neighbour, and some hold the ends."""
    tokens: list[int] = []
    while len(tokens) < count:
        token = rng.choice([rng.randint(MIN, MAX), rng.randint(-200, 200), MIN + 1, MAX])
        if token not in taken:
            taken.add(token)
            tokens.append(token)
    return tokens


def cluster(rng: random.Random) -> Iterator[list[str]]:
    dcs = [f"dc{i}" for i in range(rng.choice([1, 1, 2, 3]))]
    vnodes = rng.choice([1, 1, 2, 4, 16])
    nodes = rng.choice([1, 2, 3, 5, 8, 12])
    racks = rng.choice([1, 2, 3, 6])
    taken: set[int] = set()
    used: set[str] = set()
    yield ["C"]
    for _ in range(nodes):
        dc = rng.choice(dcs)
        used.add(dc)
        # The same names in several datacenters; skewed, so that some racks are small; one has no name.
        rack = RACKS[min(rng.randrange(racks), rng.randrange(racks + 1))]
        tokens = tokens_of(rng, rng.randint(1, vnodes), taken)
        yield ["N", dc, rack, ",".join(map(str, tokens))]
    for _ in range(3):
        yield ["K", *strategy(rng, dcs, vnodes)]
        asked = {MIN, MAX, 0}
        for token in rng.sample(sorted(taken), min(6, len(taken))):
            asked |= {token, max(token - 1, MIN), min(token + 1, MAX)}
        for token in sorted(asked | {rng.randint(MIN, MAX) for _ in range(4)}):
            yield ["R", str(token)]


def factor(rng: random.Random, vnodes: int) -> str:
    number = rng.choice([1, 2, 3, 3, 4, 5, 7])
    if vnodes == 1 and number > 1 and rng.random() < 0.15:
        return f"{number}/{rng.randint(1, number - 1)}"
    return str(number)


def strategy(rng: random.Random, dcs: list[str], vnodes: int) -> list[str]:
    if rng.random() < 0.3:
        return ["SimpleStrategy", f"replication_factor={factor(rng, vnodes)}"]
    # "dc9" does not exist: a datacenter may be named before its first node has come.
    named = rng.sample([*dcs, "dc9"], rng.randint(1, len(dcs) + 1)) or dcs
    return ["NetworkTopologyStrategy", ",".join(f"{dc}={factor(rng, vnodes)}" for dc in named)]


def main() -> None:
    rng = random.Random(SEED)
    jars = Path(sys.argv[1]).resolve()
    lines = ["\t".join(line) for _ in range(60) for line in cluster(rng)]
    opens = ["java.base/java.nio", "java.base/sun.nio.ch", "java.base/jdk.internal.ref"]
    command = ["java", "-Xmx256m", *(f"--add-opens={name}=ALL-UNNAMED" for name in opens)]
    command += [
        f"-Dlogback.configurationFile={HERE.parent / 'value' / 'silent.xml'}",
        "-cp",
        f"{jars}/*",
        str(HERE / "Replicas.java"),
    ]
    said = subprocess.run(
        command, input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE, check=True
    ).stdout
    print("# Written by tests/unit/client/make_replicas_golden.py; see test_map.c.")
    print(said, end="")


if __name__ == "__main__":
    main()
