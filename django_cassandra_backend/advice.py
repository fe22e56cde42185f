"""What would make a query cheap: a line to paste into its model, or which filter is missing."""

from .access import SCAN, Access
from .expr import Column
from .keys import TableKey, can_be_ranged, default_target, physical_key
from .predicates import And, Comparison, Contains, Or, Predicate
from .server_order import Served


def advise(model, key: TableKey, access: Access, predicate: Predicate, served: Served) -> str:
    """One or two sentences. `served` says what of the order the table gives by itself."""
    if (columns := _indexable(model, key, access, predicate)) is not None:
        names = [_field(model, column) for column in columns]
        listed = ", ".join(f'models.Index(fields=["{name}"])' for name in names)
        text = f"An index would serve it; in {model.__name__}.Meta: indexes = [{listed}]."
        return text + _or_the_key(model, key, access)
    if (line := _element_index(model, key, access)) is not None:
        return (
            f"An index would serve it; in {model.__name__}.Meta: indexes = [{line}]."
            + _or_the_key(model, key, access)
        )
    order = _order(model, served)
    if order and (access.pinned or access.kind != SCAN):
        return f"A key in this order would serve it: {_key_line(model, key, order)}"
    if order and not access.rest:
        return (
            f"Rows of several partitions come in no order: filter on {_listed(model, key.partition)}, "
            "or leave the order out (order_by() without names)."
        )
    if access.kind == SCAN and access.rest:
        tested = sorted(frozenset().union(*(part.columns for part in access.rest)))
        about = f" on {_listed(model, tested)}" if tested else ""
        return (
            f"No index answers this condition{about}: filter on {_listed(model, key.partition)} as well, "
            "or keep what is asked for in an indexed column of its own."
        )
    if not access.exact:
        return (
            "An equality on a column with an index, or on more columns of the key, would serve it."
        )
    return "Pages by key, filter(pk__gt=last)[:n] in one partition, cost what they show; an offset, an aggregate and distinct() go through all rows."


def _or_the_key(model, key: TableKey, access: Access) -> str:
    return f" Or filter on {_listed(model, key.partition)}." if access.kind == SCAN else ""


def _indexable(model, key: TableKey, access: Access, predicate: Predicate) -> list[str] | None:
    """Columns whose index would serve what is tested: one, or all that the branches of an OR need."""
    rest = access.rest if access.tests is None else []
    simple = [part for part in rest if _wants_index(model, key, part)]
    equal = [part for part in simple if part.op in ("=", "in")]
    if simple:
        return [(equal or simple)[0].column]
    for part in rest:
        if type(part) is Or and access.kind == SCAN:
            found = [_branch(model, key, child) for child in part.children]
            if None not in found:
                return list(dict.fromkeys(column for column in found if column)) or None
    return None


def _branch(model, key: TableKey, branch: Predicate) -> str | None:
    """The column that needs an index for a branch; '' where it has one; None where none can help."""
    parts = [p for p in And([branch]).conjuncts() if isinstance(p, Comparison) and p.column]
    if any(part.column in key.indexed and part.op in ("=", "in") for part in parts):
        return ""
    return next((part.column for part in parts if _wants_index(model, key, part)), None)


def _wants_index(model, key: TableKey, part: Predicate) -> bool:
    column = getattr(part, "column", None) if isinstance(part, Comparison) else None
    if column is None or column in key.indexed or (column,) == key.partition:
        return False
    return part.op in ("=", "in") or can_be_ranged(_stored(model, column))


def _element_index(model, key: TableKey, access: Access) -> str | None:
    """The index on a collection that would answer `contains` or `has_key` in a scan."""
    if access.kind != SCAN:
        return None
    asked = (part.contained for part in access.rest if isinstance(part, Contains))
    for column, kind in filter(None, asked):
        field = _stored(model, column)
        if field.is_multicell and (column, kind) not in key.contained:
            on = "" if kind == default_target(field) else f', on="{kind}"'
            return f'StorageAttachedIndex(fields=["{field.name}"]{on})'
    return None


def _order(model, served: Served) -> list[str]:
    """What is sorted on our side as names for cluster_by, where all of it is columns."""
    if served.fully or not all(isinstance(expr, Column) for expr, _, _ in served.members):
        return []
    return [f"{'-' * down}{_field(model, expr.name)}" for expr, down, _ in served.members]


def _key_line(model, key: TableKey, order: list[str]) -> str:
    """`order` is clustered first; what the key has beside it follows, so that rows stay apart."""
    by = [_field(model, column) for column in key.partition]
    named = {name.removeprefix("-") for name in order}
    wide = physical_key(model._meta) is not None or len(key.columns) == 1
    rest = [f"{'-' * down}{_field(model, column)}" for column, down in key.clustering]
    if wide:
        by = ["…"] if len(key.columns) == 1 else by
        pk = model._meta.pk.name
        rest = [name for name in rest if name != pk]
        order = [name for name in order if name.removeprefix("-") != pk]
    rest = [name for name in rest if name.removeprefix("-") not in named]
    name = "key = PhysicalKey" if wide else "pk = PrimaryKey"
    order = [name for name in order if name.removeprefix("-") not in by]
    return f"{name}(partition_by={_names(by)}, cluster_by={_names([*order, *rest])})"


def _names(names) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _stored(model, column: str):
    return next(field for field in model._meta.local_concrete_fields if field.column == column)


def _field(model, column: str) -> str:
    return _stored(model, column).name


def _listed(model, columns) -> str:
    return ", ".join(repr(_field(model, column)) for column in columns)
