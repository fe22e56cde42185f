"""What the stand-in is told to do wrong. Everything may be changed while it runs, from any thread."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

BAD_CREDENTIALS, OVERLOADED, UNAUTHORIZED, INVALID = 0x0100, 0x1001, 0x2100, 0x2200
RATE_LIMIT_WORDS = (
    "Rate limit reached, please consult our documentation at https://astra.dev/rate-limit"
)


class RateLimit:
    """So many requests in each window of time; the others are refused until it is over."""

    def __init__(self, requests: int, seconds: float = 1.0) -> None:
        self.requests, self.seconds = requests, seconds
        self.refused = 0
        self._until = 0.0
        self._left = 0

    def admits(self) -> bool:
        now = time.monotonic()
        if now >= self._until:
            self._until, self._left = now + self.seconds, self.requests
        if self._left == 0:
            self.refused += 1
            return False
        self._left -= 1
        return True


@dataclass
class Refusal:
    """An error for statements that match, `times` times (None: always). Prepared ones are refused at PREPARE."""

    pattern: str
    message: str
    code: int = INVALID
    times: int | None = None

    def meets(self, statement: str) -> bool:
        if self.times == 0 or not re.search(self.pattern, statement, re.IGNORECASE):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Faults:
    certificate: str = (
        "server"  # what the proxy shows: a name from testcluster.certificates.SERVERS
    )
    metadata_certificate: str = "server"
    metadata_delay: float = 0.0  # seconds before an answer
    metadata_status: int = 200
    metadata_body: bytes | None = None  # in place of the metadata
    metadata_type: str = "application/json"
    metadata_chunks: bool = False  # the body in several, without Content-Length
    proxy_delay: float = 0.0  # seconds that each answer of a node waits
    rate_limit: RateLimit | None = None
    refusals: list[Refusal] = field(default_factory=list)
