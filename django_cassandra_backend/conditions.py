"""IF conditions: predicates that travel with a write, so that it is a compare-and-set."""

from .keys import TableKey
from .predicates import Comparison, IsNull, Predicate


def from_predicates(key: TableKey, parts: list[Predicate], quote) -> tuple[str, list] | None:
    """`IF …` for predicates on regular columns, or None when CQL cannot say all of them.

    At least one of the conditions is one that a missing row does not meet: an UPDATE would make that row.
    """
    texts: list[str] = []
    values: list = []
    guarded = False
    for part in parts:
        column = getattr(part, "column", None)
        if column is None or column in key.columns:
            return None
        if isinstance(part, IsNull):
            texts.append(f"{quote(column)} {'=' if part.null else '!='} null")
            guarded |= not part.null
        elif isinstance(part, Comparison) and part.op == "in":
            texts.append(f"{quote(column)} IN ({', '.join('?' * len(part.value))})")
            values += part.value
            guarded = True
        elif isinstance(part, Comparison):
            texts.append(f"{quote(column)} {part.op} ?")
            values.append(part.value)
            guarded = True
        else:
            return None
    if not texts:
        return " IF EXISTS", []
    return (" IF " + " AND ".join(texts), values) if guarded else None


def from_values(
    current: dict, quote, witness: tuple[str, object] | None = None
) -> tuple[str, list] | None:
    """`IF column = value …` for values that were read. None when all are null and there is no
    witness, a (column, value) of the row that is not null: a missing row would meet them."""
    if not current:
        return " IF EXISTS", []
    known = dict(current)
    if all(value is None for value in known.values()):
        if witness is None:
            return None
        known[witness[0]] = witness[1]
    texts, values = [], []
    for column, value in known.items():
        texts.append(f"{quote(column)} = {'null' if value is None else '?'}")
        values += [] if value is None else [value]
    return " IF " + " AND ".join(texts), values
