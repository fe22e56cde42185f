"""Check constraints: conditions on a row that are evaluated before it is written, because Cassandra has none.

They are the CheckConstraints of Meta.constraints, and what the type of a column says: a PositiveIntegerField is not
negative. A condition that is null is met, as in SQL."""

import weakref
from collections.abc import Callable, Iterable, Iterator

from django.core.exceptions import FieldError
from django.db import DataError
from django.db.models import CheckConstraint, UniqueConstraint
from django.db.models.functions import Now
from django.db.models.sql import Query
from django.db.utils import NotSupportedError
from django.utils import timezone

from .dbapi import IntegrityError
from .evaluate import Evaluator
from .fields.containers import ContainerField
from .keys import TableKey, table_key
from .literals import literal
from .lookups import PredicateBuilder


class Violation(IntegrityError):
    """A row that a check constraint refuses."""


def pairs(columns: Iterable[str], values: tuple) -> str:
    """Columns and their values, for people."""
    return ", ".join(f"{c} = {literal(v)}" for c, v in zip(columns, values, strict=True))


class Check:
    """A condition that each row of a table meets.

    columns: those that it reads.    test: takes their values, in that order; True, False, or None for unknown"""

    __slots__ = ("columns", "name", "table", "test")

    def __init__(self, name: str, table: str, columns: Iterable[str], test: Callable):
        self.name, self.table, self.columns, self.test = name, table, tuple(columns), test

    def verify(self, values: tuple) -> None:
        if self.test(values) is False:
            raise Violation(f"{self} is violated: {self.shown(values)}")

    def shown(self, values: tuple) -> str:
        return pairs(self.columns, values)

    def __str__(self):
        return f'CHECK constraint "{self.name}" of table "{self.table}"'


# --- of a model ---

#: By model: {alias: (checks, constraints whose condition is another at each moment)}.
_cache: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()


def of(model, connection) -> tuple[Check, ...]:
    """The checks of a model's table. NotSupportedError names a constraint that cannot be kept."""
    by_alias = _cache.get(model)
    if by_alias is None:
        by_alias = _cache[model] = {}
    found = by_alias.get(connection.alias)
    if found is None:
        found = by_alias[connection.alias] = _read(model, connection)
    checks, momentary = found
    if not momentary:
        return checks
    return (*checks, *(of_constraint(one, model, connection) for one in momentary))


def _read(model, connection) -> tuple[tuple[Check, ...], list]:
    meta = model._meta.concrete_model._meta
    momentary = [one for one in _declared(meta) if _is_momentary(one)]
    lasting = [
        of_constraint(one, model, connection) for one in _declared(meta) if one not in momentary
    ]
    return (*_ranges(meta, connection), *lasting), momentary


def problems(model, connection) -> Iterator[str]:
    """Why constraints of the model cannot be kept."""
    meta = model._meta.concrete_model._meta
    makers = [
        lambda field=field: of_field(field, connection, meta.db_table)
        for field in meta.local_concrete_fields
    ]
    makers += [lambda one=one: of_constraint(one, model, connection) for one in _declared(meta)]
    for make in makers:
        try:
            make()
        except NotSupportedError as error:
            yield str(error)


def _declared(meta) -> list:
    return [one for one in meta.constraints if not isinstance(one, UniqueConstraint)]


def _is_momentary(constraint) -> bool:
    """Does the condition compare with the time of the write?"""
    return isinstance(constraint, CheckConstraint) and any(
        isinstance(part, Now) for part in constraint.condition.flatten()
    )


# --- of a field ---


def _ranges(meta, connection) -> list[Check]:
    found = [of_field(field, connection, meta.db_table) for field in meta.local_concrete_fields]
    return [check for check in found if check is not None]


def of_field(field, connection, table: str, column: str | None = None) -> Check | None:
    """What the field's type says beyond that of its column. `column`: the one that holds the values, if it is not its own."""
    text = field.db_parameters(connection).get("check")
    if text is None:
        return None
    column = column or field.column
    if text != connection.data_type_check_constraints.get(field.get_internal_type(), "") % {
        "column": field.column
    }:
        raise NotSupportedError(
            f"The check of the field {field} cannot be kept: it is SQL, {text!r}, and is not evaluated here."
        )
    return Check(f"{table}_{column}_check", table, [column], _not_negative)


def _not_negative(values: tuple) -> bool | None:
    (value,) = values
    return None if value is None else value >= 0


# --- of a constraint ---


def of_constraint(constraint, model, connection) -> Check:
    """The Check that a constraint means, or NotSupportedError."""
    concrete = model._meta.concrete_model
    try:
        check = _compile(constraint, concrete, connection)
        _refuse_shared(table_key(concrete), set(check.columns))
    except (NotSupportedError, FieldError, DataError, TypeError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise NotSupportedError(
            f"The constraint {constraint.name!r} of {concrete._meta.label} cannot be kept: {reason}"
        ) from error
    return check


def _compile(constraint, model, connection) -> Check:
    if not isinstance(constraint, CheckConstraint):
        raise NotSupportedError(f"there is no {type(constraint).__name__} here.")
    query = Query(model)
    query.get_initial_alias()
    with timezone.override(None):  # parts of moments are those of TIME_ZONE, whoever writes
        where = query.build_where(constraint.condition)
        predicate = PredicateBuilder(Evaluator(connection, query.base_table)).build(where)
    columns = sorted(predicate.columns)
    test = predicate.bind({column: i for i, column in enumerate(columns)})
    return Check(constraint.name, model._meta.db_table, columns, _as_stored(model, columns, test))


def _as_stored(model, columns: list[str], test: Callable) -> Callable:
    """The test of values before they are written: an empty collection is null then, unless it is frozen."""
    multicell = [
        field.column
        for field in model._meta.local_concrete_fields
        if isinstance(field, ContainerField) and field.is_multicell
    ]
    emptied = [column in multicell for column in columns]
    if not any(emptied):
        return test

    def stored(values: tuple) -> bool | None:
        both = zip(values, emptied, strict=True)
        return test(tuple([None if empty and not value else value for value, empty in both]))

    return stored


def _refuse_shared(key: TableKey, columns: set[str]) -> None:
    """A column that is written for many rows at once is not compared with what each of them holds."""
    if key.counters:
        raise NotSupportedError("the table has counters, which are added to without being read.")
    shared = columns & key.static
    if shared and (len(shared) > 1 or columns - shared - set(key.partition)):
        others = ", ".join(sorted(columns - {min(shared)} - set(key.partition)))
        raise NotSupportedError(
            f"{min(shared)!r} is static, written for all rows of a partition at once, and it is compared with {others}."
        )


# --- INSERT ---


class InsertChecks:
    """The checks of the rows of one INSERT. A column that it does not name is null.

    auto: the position of a column whose values are made later, if they are null, or None"""

    def __init__(self, checks: tuple[Check, ...], columns: list[str], auto: int | None):
        self._auto = auto
        made = None if auto is None else columns[auto]
        picked = [(check, _picker(check, columns)) for check in checks]
        self._known = [one for one in picked if made not in one[0].columns]
        self._of_id = [one for one in picked if made in one[0].columns]

    def known(self, row: list) -> None:
        """Refuse a row by what is known of it before it has an id."""
        for check, pick in self._known:
            check.verify(pick(row))
        if self._of_id and row[self._auto] is not None:
            self.with_id(row)

    def with_id(self, row: list) -> None:
        """Refuse a row by the id that it has now."""
        for check, pick in self._of_id:
            check.verify(pick(row))


def _picker(check: Check, columns: list[str]) -> Callable:
    places = [columns.index(c) if c in columns else None for c in check.columns]
    if len(places) == 1 and places[0] is not None:
        place = places[0]
        return lambda row: (row[place],)
    return lambda row: tuple([None if place is None else row[place] for place in places])


# --- UPDATE ---


def affected(checks: tuple[Check, ...], assigned) -> tuple[Check, ...]:
    """Those that an UPDATE of the assigned columns may violate."""
    return tuple(check for check in checks if not assigned.keys().isdisjoint(check.columns))


def compared(checks: tuple[Check, ...], assigned) -> frozenset[str]:
    """The columns that they compare with what is assigned."""
    return frozenset(c for check in checks for c in check.columns if c not in assigned)


def of_update(checks: tuple[Check, ...], assigned, index: dict[str, int]) -> Callable:
    """A function of the assigned values of a row, {column: value}, and of the row as it was, whose columns `index` tells."""
    picked = [
        (
            check,
            [(column, None if column in assigned else index[column]) for column in check.columns],
        )
        for check in checks
    ]

    def verify(new: dict, row: tuple) -> None:
        for check, places in picked:
            check.verify(tuple([new[c] if place is None else row[place] for c, place in places]))

    return verify


def refuse_blind(checks: tuple[Check, ...], assigned, key: TableKey) -> None:
    """NotSupportedError for an UPDATE in plain mode that would have to compare with what it does not write."""
    for check in checks:
        if unknown := compared((check,), assigned) - set(key.columns):
            names = ", ".join(c for c in check.columns if c in assigned)
            raise NotSupportedError(
                f"{check} compares {names} with {', '.join(sorted(unknown))}, and the table is written in plain mode, where "
                "nothing holds what was read. Assign all of these columns, or write the table in lwt mode."
            )
