"""ORDER BY on a table: how far its clustering order, or the exact reverse of it, serves what is asked for."""

from dataclasses import dataclass

from .access import Access
from .expr import Column
from .keys import TableKey


@dataclass(frozen=True)
class Served:
    """`members` of the order, those that mean something, of which the rows come sorted by the first `count`.
    `text` is for ORDER BY; '' is the natural direction."""

    members: list
    count: int = 0
    text: str = ""

    @property
    def fully(self) -> bool:
        return self.count == len(self.members)


def serve(key: TableKey, access: Access, order: list, quote) -> Served:
    """`order`: (Expr, descending, nulls first) per member. Of several partitions each is sorted by itself."""
    wanted = [member for member in order if not _is_fixed(member[0], access)]
    if not access.pinned:
        return Served(wanted)
    free = [(column, flag) for column, flag in key.clustering if column not in access.fixed]
    count, turned = 0, None
    for (expr, descending, _), (column, flag) in zip(wanted, free, strict=False):
        if not isinstance(expr, Column) or expr.name != column:
            break
        if turned not in (None, descending != flag):
            break
        turned = descending != flag
        count += 1
    if turned and access.index is not None:
        return Served(wanted)  # CQL has no ORDER BY beside an index; the natural direction it has
    if count == len(free) and len(access.reads) == 1:
        wanted = wanted[:count]  # the whole key is among them: no two rows are alike
    return Served(wanted, count, _reverse(key, free[count - 1][0], quote) if turned else "")


def _is_fixed(expr, access: Access) -> bool:
    return isinstance(expr, Column) and expr.name in access.fixed


def _reverse(key: TableKey, last: str, quote) -> str:
    """The reverse of the clustering order up to a column."""
    names = [column for column, _ in key.clustering]
    return ", ".join(
        f"{quote(column)} {'ASC' if flag else 'DESC'}"
        for column, flag in key.clustering[: names.index(last) + 1]
    )
