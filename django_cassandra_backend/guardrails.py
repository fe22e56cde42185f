"""What a server refuses beyond CQL's own rules: OPTIONS["guardrails"]. Astra DB has such limits; a cluster may.

Guardrails is the one table of them: a field's default is None, no limit; its metadata says what Astra DB allows, and what
the limit is about. Astra's numbers have moved over the years, and an organisation may have others: each can be set."""

from dataclasses import dataclass, field, fields

from django.core.exceptions import ImproperlyConfigured

CONSISTENCIES = (
    "ANY",
    "ONE",
    "TWO",
    "THREE",
    "QUORUM",
    "ALL",
    "LOCAL_QUORUM",
    "EACH_QUORUM",
    "LOCAL_ONE",
)


def _limit(of_astra, meaning: str):
    return field(default=None, metadata={"astra": of_astra, "meaning": meaning})


@dataclass(frozen=True)
class Guardrails:
    batch_bytes: int | None = _limit(
        64 * 1024, "Bytes of values in one batch. Conditional batches are cut smaller."
    )
    columns_per_table: int | None = _limit(50, "Columns of a table.")
    fields_per_udt: int | None = _limit(10, "Fields of a user type.")
    sai_per_table: int | None = _limit(10, "Storage-attached indexes on a table.")
    sai_total: int | None = _limit(100, "Storage-attached indexes in the database.")
    secondary_indexes_per_table: int | None = _limit(
        1, "Indexes of Cassandra's first kind on a table."
    )
    tables: int | None = _limit(200, "Tables in the database.")
    refused_write_consistencies: tuple[str, ...] | None = _limit(
        ("ANY", "ONE", "LOCAL_ONE"), "Consistencies that no write may have."
    )


NAMES = tuple(one.name for one in fields(Guardrails))
_WHOLE = tuple(one.name for one in fields(Guardrails) if one.type == int | None)


def of_astra() -> dict:
    """Astra DB's own limits, by name."""
    return {one.name: one.metadata["astra"] for one in fields(Guardrails)}


def read(options: dict, *, is_astra: bool) -> Guardrails:
    """The limits of one alias: those of its kind of place, and those that OPTIONS says instead."""
    given = options.get("guardrails", {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured(
            f'OPTIONS["guardrails"] is a dict of limits by name, not {given!r}.'
        )
    if unknown := {str(name) for name in given} - set(NAMES):
        raise ImproperlyConfigured(
            f'OPTIONS["guardrails"] has unknown names: {", ".join(sorted(unknown))}. Known: {", ".join(NAMES)}.'
        )
    for name, value in given.items():
        _check(name, value)
    return Guardrails(**((of_astra() if is_astra else {}) | given))


def _check(name: str, value) -> None:
    if value is None:
        return
    if name in _WHOLE:
        right, wanted = _is_whole(value), "a whole number from 1 on"
    else:
        right = isinstance(value, list | tuple) and all(level in CONSISTENCIES for level in value)
        wanted = f"a list of {', '.join(CONSISTENCIES)}"
    if not right:
        raise ImproperlyConfigured(
            f'OPTIONS["guardrails"]["{name}"] is {wanted}, or None for no limit, not {value!r}.'
        )


def _is_whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
