"""Tables of claims in migrations: made with a model, filled from the rows of a table that exists, and made anew when what they
hold changes: their names follow those of tables and columns, their values the types of columns."""

import contextlib
import sys

from django.db import IntegrityError

from . import claims, names
from .claims import Claim, Taken
from .fields.table_options import option_text
from .keys import table_key
from .types import column_type
from .uniques import COMMENT, Declared, Unique, declared, owner_columns, owner_names, unique

FILLED_AT_ONCE = 500  # rows
REPORT_EVERY = 10_000
SHOWN_DUPLICATES = 10


def all_of(editor, model) -> list[Unique]:
    """Those of a model's table."""
    return [unique(model, one, editor.connection) for one in declared(model._meta)]


def of_field(editor, model, field) -> Unique:
    """That of a field, which the model may not know yet, or not any more."""
    return unique(_with(model, field), Declared("", field, (field.name,)), editor.connection)


def of_constraint(editor, model, constraint) -> list[Unique]:
    found = [one for one in declared(model._meta, [constraint]) if one.constraint is constraint]
    return [unique(model, one, editor.connection) for one in found]


def of_groups(editor, model, groups) -> list[Unique]:
    """Those of groups of unique_together."""
    found = [Declared("", model, group) for group in sorted(groups)]
    return [
        unique(model, one, editor.connection) for one in found if not one.is_implied(model._meta)
    ]


def _with(model, field):
    """The model that has the field: in a migration of two states, the newer or the older one."""
    return getattr(field, "model", None) or model


# --- statements -----------------------------------------------------------------------------------


def create(editor, uniques: list[Unique]) -> None:
    """Empty tables, for a table that is empty."""
    for one in uniques:
        editor.execute(_definition(editor, one))


def drop(editor, uniques: list[Unique]) -> None:
    for one in uniques:
        editor.execute(f"DROP TABLE IF EXISTS {editor.quote_name(one.table)}")


def create_filled(editor, uniques: list[Unique]) -> None:
    """Tables with a claim for each row that there is. Two rows with one value are an IntegrityError, and no table is left."""
    for one in uniques:
        editor.execute(_definition(editor, one))
        if editor.collect_sql:
            editor.collected_sql.append(
                f"-- and a claim in it for each row of {_rows_of(editor, one)};"
            )
            continue
        try:
            _fill(editor, one)
        except Exception:
            drop(editor, [one])
            raise


def replace(editor, before: list[Unique], after: list[Unique]) -> None:
    """Make tables anew, with the claims of the rows as they are now."""
    drop(editor, before)
    create_filled(editor, after)


def follow(editor, old_model, old_field, new_model, new_field) -> None:
    """What a change of a field means for the tables of claims that depend on it."""
    older = getattr(old_field, "model", old_model)
    if older is not old_model and old_field.column != new_field.column:
        # Django gives the model as it becomes where what it refers to has another name now.
        with renamed(older, old_model._meta.db_table):
            before = {one.table: one for one in all_of(editor, older)}
    else:
        before = {one.table: one for one in all_of(editor, old_model)}
    after = {one.table: one for one in all_of(editor, new_model)}
    touched = {
        table
        for table, one in (*before.items(), *after.items())
        if old_field.column in one.columns
        or new_field.column in one.columns
        or old_field.column in owner_columns(table_key(older))
    }
    same = {
        table
        for table in touched & before.keys() & after.keys()
        if _shape(editor, before[table]) == _shape(editor, after[table])
        and column_type(old_field, editor.connection) == column_type(new_field, editor.connection)
    }
    drop(editor, [before[table] for table in sorted((touched - same) & before.keys())])
    create_filled(editor, [after[table] for table in sorted((touched - same) & after.keys())])


def _shape(editor, one: Unique) -> tuple:
    return one.columns, _definition(editor, one)


def _definition(editor, one: Unique) -> str:
    key = table_key(one.model)
    types = {f.column: editor._type(f) for f in one.model._meta.local_concrete_fields}
    quote = editor.quote_name
    owner = [
        f"{quote(name)} {types[column]}"
        for name, column in zip(owner_names(key), owner_columns(key), strict=True)
    ]
    columns = ", ".join(["value blob PRIMARY KEY", *owner, "claim uuid", "claimed timestamp"])
    return f"CREATE TABLE {quote(one.table)} ({columns}) WITH {option_text('comment', COMMENT)}"


@contextlib.contextmanager
def renamed(model, db_table: str):
    """The model as one of another table."""
    kept, model._meta.db_table = model._meta.db_table, db_table
    try:
        yield
    finally:
        model._meta.db_table = kept


# --- claims of the rows that there are --------------------------------------------------------------


def _rows_of(editor, one: Unique) -> str:
    return editor.quote_name(names.encode(one.model._meta.db_table))


def _fill(editor, one: Unique) -> None:
    quote = editor.quote_name
    columns = tuple(dict.fromkeys((*owner_columns(table_key(one.model)), *one.columns)))
    text = f"SELECT {', '.join(map(quote, columns))} FROM {_rows_of(editor, one)}"
    found: list[str] = []
    with editor.connection.wrap_database_errors, editor.connection.cursor() as wrapper:
        cursor, waiting = wrapper.cursor, []
        for seen, row in enumerate(cursor.send(text), 1):
            waiting += claims.claims_for([one], dict(zip(columns, row, strict=True)), quote)
            if len(waiting) >= FILLED_AT_ONCE:
                found += _claim(cursor, waiting)
                waiting = []
            if seen % REPORT_EVERY == 0:
                print(f"    {one.name}: {seen} rows claimed", file=sys.stderr, flush=True)
        found += _claim(cursor, waiting)
    if found:
        raise IntegrityError(
            f"{one.name!r} cannot be kept: {len(found)} row(s) of {names.encode(one.model._meta.db_table)!r} hold what "
            f"another one holds: {'; '.join(found[:SHOWN_DUPLICATES])}{'; …' if len(found) > SHOWN_DUPLICATES else ''}"
        )


def _claim(cursor, wanted: list[Claim]) -> list[str]:
    """Claim for rows; what those hold whose values are another's."""
    first: dict[bytes, Claim] = {}
    twice = []
    for claim in wanted:
        if first.setdefault(claim.value, claim) is not claim:
            twice.append(claim.shown)
    taken: list[Taken] = claims.acquire(cursor, list(first.values()))
    return twice + [one.claim.shown for one in taken if not one.by_itself]
