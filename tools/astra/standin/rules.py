"""What Astra refuses and Cassandra's own guardrails cannot; those are the flavour `astra` of tools/cassandra."""

from __future__ import annotations

import re
from collections.abc import Callable

from .faults import (
    BAD_CREDENTIALS,
    INVALID,
    OVERLOADED,
    RATE_LIMIT_WORDS,
    UNAUTHORIZED,
    Faults,
)
from .framing import (
    AUTH_RESPONSE,
    BATCH,
    EXECUTE,
    QUERY,
    Envelope,
    error,
    log_in_of,
    statement_of,
)

LIMITED = (QUERY, EXECUTE, BATCH)
SAI_TOTAL_MAX = 100

COMMENTS = r"(?:\s|--[^\n]*\n|//[^\n]*\n|/\*.*?\*/)*"
KEYSPACE_DDL = re.compile(
    COMMENTS + r"(?:CREATE|ALTER|DROP)\s+(?:KEYSPACE|SCHEMA)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    r'("(?:[^"]|"")+"|\w+)',
    re.IGNORECASE | re.DOTALL,
)
INDEX_DDL = re.compile(
    COMMENTS + r"CREATE\s+(?:CUSTOM\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w*)",
    re.IGNORECASE | re.DOTALL,
)


class Rules:
    """Decides on one request at a time. passwords: by user. count_indexes: how many the database has now; it may
    block."""

    def __init__(
        self, faults: Faults, passwords: dict[str, str], count_indexes: Callable[[], int]
    ) -> None:
        self.faults, self.passwords = faults, passwords
        self.count_indexes = count_indexes

    def refuse(self, request: Envelope) -> bytes | None:
        """The body of the ERROR that answers this request; None: a node answers it."""
        limit = self.faults.rate_limit
        if limit is not None and request.opcode in LIMITED and not limit.admits():
            return error(OVERLOADED, RATE_LIMIT_WORDS)
        if request.opcode == AUTH_RESPONSE:
            return self._log_in(request)
        statement = statement_of(request)
        if statement is None:
            return None
        return self._scripted(statement) or self._keyspace(statement) or self._index(statement)

    def _log_in(self, request: Envelope) -> bytes | None:
        """Cassandra checks as well, but of a password only the first 72 bytes; a token has 97."""
        user, password = log_in_of(request)
        if password and self.passwords.get(user) == password:
            return None
        words = f"Provided username {user} and/or password are incorrect"
        return error(BAD_CREDENTIALS, words)

    def _scripted(self, statement: str) -> bytes | None:
        for refusal in self.faults.refusals:
            if refusal.meets(statement):
                return error(refusal.code, refusal.message)
        return None

    def _keyspace(self, statement: str) -> bytes | None:
        """Keyspaces are made with the portal, the API or the CLI."""
        found = KEYSPACE_DDL.match(statement)
        if found is None:
            return None
        return error(UNAUTHORIZED, f"Missing correct permission on {found[1].strip(chr(34))}.")

    def _index(self, statement: str) -> bytes | None:
        found = INDEX_DDL.match(statement)
        if found is None or self.count_indexes() < SAI_TOTAL_MAX:
            return None
        message = (
            f"Cannot have more than {SAI_TOTAL_MAX} StorageAttachedIndex secondary indexes across all "
            f"keyspaces, failed to create secondary index {found[1]}"
        )
        return error(INVALID, message)
