"""Trying again among competitors, with pauses that spread them out."""

import random
import time
from collections.abc import Iterator

FIRST_PAUSE = 0.001  # seconds
LONGEST_PAUSE = 0.1  # seconds


def attempts(limit: int) -> Iterator[int]:
    """Yield 0, 1, 2 … up to `limit` times, sleeping a random while before each but the first."""
    for number in range(limit):
        if number:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(number, 10))))
        yield number
