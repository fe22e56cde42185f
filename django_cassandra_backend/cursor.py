"""The cursor: runs plans that the compilers made, and CQL text that a user wrote."""

import datetime
import itertools
import logging

from . import markers, sessions
from .dbapi import (
    InterfaceError,
    InvalidRequest,
    NotSupportedError,
    ProgrammingError,
    SyntaxException,
)
from .plan import Plan
from .relational import raw

logger = logging.getLogger("django.db.backends.cassandra")

#: Cassandra's warning of names without a keyspace, which ours have: it travels beside each statement.
_ABOUT_USE = "`USE <keyspace>` with prepared statements"
#: What the server has warned of and was logged, with its statement: once is enough, and a few thousand are many.
_warned: set[tuple[str, str]] = set()
_WARNED_MAX = 4096


class Result:
    """What `execute()` returns for CQL text: the same rows as the cursor's, as dicts.

    `.one()` is the first row or None; iteration and `.all()` give the rest; `.was_applied` is the answer of a
    conditional statement, True for any other."""

    def __init__(self, cursor: "Cursor", was_applied: bool):
        self._cursor = cursor
        self.was_applied = was_applied

    @property
    def column_names(self) -> list[str]:
        return [column[0] for column in self._cursor.description or ()]

    def one(self) -> dict | None:
        row = self._cursor.fetchone()
        return None if row is None else dict(zip(self.column_names, row, strict=True))

    def __iter__(self):
        names = self.column_names
        for row in self._cursor:
            yield dict(zip(names, row, strict=True))

    def all(self) -> list[dict]:
        return list(self)


def _log_warnings(cql: str, result) -> None:
    """A warning is no error: Astra DB ignores options of tables with one."""
    for warning in result.warnings:
        if warning.startswith(_ABOUT_USE) or (cql, warning) in _warned:
            continue
        if len(_warned) >= _WARNED_MAX:
            _warned.clear()
        _warned.add((cql, warning))
        logger.warning("%s: %s", cql, warning)


class Cursor:
    """A DB-API cursor. Statements that one `execute()` sent are in `executed` while queries are logged."""

    def __init__(self, connection):
        self.connection = connection
        self.arraysize = 1
        self.closed = False
        self.executed: list[tuple[str, list]] = []
        self._clear()

    def _clear(self) -> None:
        self.description = None
        self.rowcount = -1
        self.lastrowid = None
        self._rows = None
        self.executed.clear()

    # --- running ---

    def execute(self, query, params=None):
        """Run a plan, or CQL text whose `%s` or `%(name)s` stand for `params`. Text gives a Result."""
        if self.closed:
            raise InterfaceError("the cursor is closed")
        self._clear()
        if isinstance(query, Plan):
            query.run(self)
            return None
        return self._execute_text(query, params)

    def executemany(self, query, param_list) -> None:
        counts = []
        for params in param_list:
            self.execute(query, params)
            counts.append(self.rowcount)
        self.rowcount = -1 if -1 in counts else sum(counts)

    def callproc(self, name, params=None):
        raise NotSupportedError(f"Cassandra has no stored procedures: {name!r} cannot be called")

    def _execute_text(self, text: str, params) -> Result:
        try:
            return self._execute_cql(raw.as_cql(text), params)
        except (SyntaxException, InvalidRequest) as refusal:
            if not raw.is_query(text):
                raise
            return self._execute_sql(text, params, refusal)

    def _execute_sql(self, text: str, params, refusal: Exception) -> Result:
        """A query that CQL does not take, on the relational road."""
        rows, given = raw.run(self.connection, raw.RawQuery(text, params), refusal)
        self.description = [
            (name, None, None, None, None, None, None) for name in rows.column_names
        ]
        self._rows = given
        return Result(self, True)

    def _execute_cql(self, text: str, params) -> Result:
        values = None
        if params is not None:
            text, values = markers.translate(text, params)
            values = [self._bindable(value) for value in values]
        result = self.send(text, values)
        applied = True
        if result.column_names:
            self.description = [
                (c.name, c.type, None, None, None, None, None) for c in result.columns
            ]
            self._rows = iter(result)
            if "[applied]" in result.column_names:
                applied = bool(result.was_applied)
                self.rowcount = int(applied)
        return Result(self, applied)

    def _bindable(self, value):
        """A naive datetime means the same here as in a model: wall-clock time when USE_TZ is off."""
        if isinstance(value, datetime.datetime) and value.tzinfo is None:
            return self.connection.ops.stored_datetime(value)
        if isinstance(value, datetime.timedelta):
            return self.connection.ops.adapt_duration(value)
        return value

    def send(self, cql: str, values=None, *, page_size: int | None = None, **options):
        """One statement to the database; its libcql result. `options`: consistency, timestamp … of Session.execute()."""
        if self.connection.queries_logged:
            self.executed.append((cql, list(values or ())))
        if page_size is None:
            page_size = self.connection.settings.page_size
        if self.connection.patience is not None:
            options.setdefault("timeout", self.connection.patience)
        result = self.connection.session.execute(cql, values, page_size=page_size, **options)
        _log_warnings(cql, result)
        if result.kind == "schema_change":
            sessions.schema_changed(self.connection.session)
        return result

    def send_reads(self, cql: str, rows: list[list], *, page_size: int | None = None) -> list:
        """One SELECT with each of the rows of values, side by side; their libcql results."""
        if page_size is None:
            page_size = self.connection.settings.page_size
        if len(rows) == 1:
            return [self.send(cql, rows[0], page_size=page_size)]
        if self.connection.queries_logged:
            self.executed += [(cql, list(values)) for values in rows]
        results = self.connection.session.execute_many(
            cql, rows, concurrency=len(rows), page_size=page_size
        )
        for result in results:
            _log_warnings(cql, result)
        return results

    def send_chain(self, statements: list[tuple[str, list]], *, all_or_nothing: bool = True):
        """Writes, one after the other in one transaction; their libcql results. See Session.execute_chain()."""
        if self.connection.queries_logged:
            self.executed += [(cql, list(values)) for cql, values in statements]
        return self.connection.session.execute_chain(statements, all_or_nothing=all_or_nothing)

    def send_batch(self, statements: list[tuple[str, list]], *, type: str = "unlogged", **options):
        """Writes as one batch; its libcql result. A batch with conditions is of one partition."""
        if self.connection.queries_logged:
            self.executed += [(cql, list(values)) for cql, values in statements]
        return self.connection.session.execute_batch(statements, type=type, **options)

    def send_many(self, cql: str, rows: list[list], *, concurrency: int, **options) -> list:
        """One statement with many rows of values side by side. For each: its libcql result, None when there is nothing in
        it, or the exception that it ended with. `options`: consistency, timestamp … of Session.execute_many()."""
        if self.connection.queries_logged:
            self.executed += [(cql, list(values)) for values in rows]
        return self.connection.session.execute_many(
            cql, rows, concurrency=concurrency, return_exceptions=True, **options
        )

    # --- for plans ---

    def give(self, rows) -> None:
        """Make `rows`, an iterator of tuples, what the fetch methods return. Its first row is made at
        once, so that execute() raises what goes wrong."""
        rows = iter(rows)
        first = list(itertools.islice(rows, 1))
        self._rows = itertools.chain(first, rows)

    # --- fetching ---

    def _open_rows(self):
        if self.closed:
            raise InterfaceError("the cursor is closed")
        if self._rows is None:
            raise ProgrammingError("the last statement gives no rows")
        return self._rows

    def fetchone(self) -> tuple | None:
        return next(self._open_rows(), None)

    def fetchmany(self, size: int | None = None) -> list[tuple]:
        return list(itertools.islice(self._open_rows(), size or self.arraysize))

    def fetchall(self) -> list[tuple]:
        return list(self._open_rows())

    def __iter__(self):
        return iter(() if self._rows is None else self._rows)

    def close(self) -> None:
        self.closed = True
        if hasattr(self._rows, "close"):
            self._rows.close()
        self._rows = None

    def setinputsizes(self, sizes) -> None:
        """Required by PEP 249; sizes are of no use here."""

    def setoutputsize(self, size, column=None) -> None:
        """Required by PEP 249; sizes are of no use here."""
