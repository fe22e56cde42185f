"""libcql's SQLite for one connection: which tables it knows, and Django's functions in it."""

import re

from django.db.backends.sqlite3._functions import register

from .. import names, sessions
from ..aggregates import Deviation, Variance
from ..dbapi import InvalidRequest, NotSupportedError, ProgrammingError
from .dialect import FOLD

_MISSING = re.compile(r"no such table: (?:main\.)?(.+)")
_ATTEMPTS = 3  # of one query, while the schema changes under it


class Database:
    """Made anew, table by table, once the schema has changed: a half-read query keeps the one that it began with."""

    def __init__(self, session, keyspace: str):
        self.session = session
        self._keyspace = keyspace
        self._known: dict[str, str] = {}  # names without their case: names
        self._sqlite = None
        self._generation = -1

    @property
    def sqlite_version(self) -> tuple[int, ...]:
        text = self._open().execute("SELECT sqlite_version()").fetchone()[0]
        return tuple(map(int, text.split(".")))

    def execute(self, plan, budget: int | None):
        """The rows of a plan: an iterator of tuples with `spent`, `statements` and `close()`."""
        try:
            return self._execute(plan, budget)
        except InvalidRequest:  # another process may have changed the schema
            self._generation = -1
            return self._execute(plan, budget)

    def _execute(self, plan, budget: int | None):
        sqlite = self._open()
        for table in plan.tested.tables.values():
            self._attach(table)
        for _ in range(_ATTEMPTS):
            try:
                return sqlite.execute(plan.text, plan.params, budget=budget, raw=plan.raw)
            except ProgrammingError as error:
                missing = _MISSING.search(str(error))
                if missing is None or missing[1].lower() in self._known:
                    raise
                self._attach(missing[1])  # named in extra() or in raw SQL
        return sqlite.execute(plan.text, plan.params, budget=budget, raw=plan.raw)

    def close(self) -> None:
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None

    def _open(self):
        generation = sessions.generation(self.session)
        if self._sqlite is None or generation != self._generation:
            self._sqlite = self.session.relational(self._keyspace)
            _prepare(self._sqlite)
            self._known.clear()
            self._generation = generation
        return self._sqlite

    def _attach(self, table: str) -> None:
        known = self._known.get(table.lower())
        if known is None:
            self._sqlite.attach(table, names.encode(table))
            self._known[table.lower()] = table
        elif known != table:
            raise NotSupportedError(
                f"SQL does not tell the tables {known!r} and {table!r} apart: give one of them another db_table."
            )


def _of_text(function):
    return lambda value: None if value is None else function(str(value))


class _Variance(Variance):
    """Of integers an integer where it is one, as Python's statistics, which Django asks on SQLite, have it."""

    def result(self, variance):
        is_whole = isinstance(self.total, int) and variance.denominator == 1
        return int(variance) if is_whole else super().result(variance)


def _spread(base: type, *, sample: bool) -> type:
    """VAR_POP() or one of its like. Django's own fails where a value is null, and where there are too few."""

    class Spread(base):
        finalize = base.finish

        def __init__(self):
            super().__init__(lambda value: value, test=None, distinct=False)
            self.sample = sample

    return Spread


def _prepare(sqlite) -> None:
    """Texts are compared and changed, and deviations computed, as Python does it, on this road as on the other."""
    register(sqlite)
    for name, base in (("VAR", _Variance), ("STDDEV", Deviation)):
        sqlite.create_aggregate(f"{name}_POP", 1, _spread(base, sample=False))
        sqlite.create_aggregate(f"{name}_SAMP", 1, _spread(base, sample=True))
    for name, function in (("LOWER", str.lower), ("UPPER", str.upper), (FOLD, str.casefold)):
        sqlite.create_function(name, 1, _of_text(function), deterministic=True)
    sqlite.execute("PRAGMA case_sensitive_like = ON").fetchall()
