"""Rows that are there when a check constraint comes: do they meet it?

They stream by in pages; progress goes to the terminal. What is written meanwhile by processes that do not know the
constraint yet is not seen."""

import sys

from django.db.utils import IntegrityError

from . import names
from .check_constraints import Check, pairs
from .keys import table_key
from .reads import column_list

SHOWN = 5  # rows that the error names
REPORT_EVERY = 10_000  # rows


def verify(editor, model, check: Check) -> None:
    """IntegrityError for rows of the model's table that violate the check. It names the first of them."""
    table = names.encode(model._meta.db_table)
    key = table_key(model).columns
    columns = [*key, *check.columns]
    text = f"SELECT {column_list(columns, editor.quote_name)} FROM {editor.quote_name(table)}"
    if editor.collect_sql:
        editor.collected_sql.append(f"-- no row may violate {check}: {text};")
        return
    with editor.connection.wrap_database_errors:
        found = []
        for count, row in enumerate(editor.connection.session.execute(text), 1):
            values = tuple(row[len(key) :])
            if check.test(values) is False:
                found.append(f"{check.shown(values)} in the row {pairs(key, row[: len(key)])}")
            if len(found) == SHOWN:
                break
            if count % REPORT_EVERY == 0:
                print(f"    {table}: {count} rows checked", file=sys.stderr, flush=True)
    if found:
        more = " …" if len(found) == SHOWN else ""
        raise IntegrityError(
            f"{check} is violated by rows that are there: {'; '.join(found)}{more}"
        )
