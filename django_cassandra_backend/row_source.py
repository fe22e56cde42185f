"""The rows of one table as they are stored, for what goes on with them on our side: aggregates and joins."""

import functools

from .access import Access
from .advice import advise
from .duplicates import Newest
from .keys import TableKey
from .predicates import And, Predicate
from .reads import SelectPlan, column_list, select_statements
from .server_order import Served


def row_source(
    model, key: TableKey, access: Access, predicate: Predicate, columns: list[str], quote, **parts
) -> SelectPlan:
    """A plan for the rows of an access path, in no order. `columns` are those that are read: all that is tested is
    among them, and the whole key where the access looks a primary key up. `parts` are more of the plan's."""
    index = {column: i for i, column in enumerate(columns)}
    access_tests = access.tests
    text = column_list(columns, quote)
    return SelectPlan(
        select_statements(key, access, text, quote),
        key=key,
        access=access,
        columns=text,
        quote=quote,
        test=And(access.rest).bind(index) if access.rest else None,
        tests=None if access_tests is None else [test.bind(index) for test in access_tests],
        order=None,
        merge=None,
        distinct=None,
        low=0,
        high=None,
        limit=None,
        newest=newest_of(model, key, columns, quote) if access.looks_up(key) else None,
        advice=functools.partial(advise, model, key, access, predicate, Served([])),
        **{"project": None, **parts},
    )


def newest_of(model, key: TableKey, columns, quote) -> Newest:
    """What takes the newest of rows with one primary key. `columns` are those of the rows."""
    stored = [field.column for field in model._meta.local_concrete_fields]
    return Newest(key, columns, stored, quote)
