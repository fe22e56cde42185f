"""Tables of counters: their rows are only ever added to, and have neither INSERT nor IF."""

from django.db.models.expressions import CombinedExpression

from .access import POINTS
from .evaluate import Column, Constant
from .exceptions import not_answerable
from .keys import TableKey
from .together import COUNTER, Rows
from .writes import RowsPlan, send_all, whole_key

_HINT = 'Add to it: update(n=F("n") + 1).'


def refuse_insert(key: TableKey) -> None:
    if key.counters:
        raise not_answerable(
            f"An INSERT into {key.table!r}, a table of counters",
            "A row comes into being with its first update.",
        )


def additions(compiler, key: TableKey) -> dict[str, int]:
    """{counter column: what is added} of an UPDATE. NotSupportedError when it is anything else."""
    return {
        field.column: _addition(compiler, key, field, value)
        for field, _, value in compiler.query.values
    }


def _addition(compiler, key: TableKey, field, value) -> int:
    if hasattr(value, "resolve_expression"):
        value = value.resolve_expression(compiler.query, allow_joins=False, for_save=True)
    if isinstance(value, CombinedExpression) and value.connector in ("+", "-"):
        left, right = (compiler.evaluator().expression(e) for e in (value.lhs, value.rhs))
        if value.connector == "+" and isinstance(right, Column):
            left, right = right, left
        own = isinstance(left, Column) and left.name == field.column
        if own and isinstance(right, Constant) and isinstance(right.value, int):
            return right.value if value.connector == "+" else -right.value
    raise not_answerable(f"Setting {field.name!r} of {key.table!r}, a counter", _HINT)


class CounterPlan(RowsPlan):
    """UPDATE of counters. `added`: {column: number}. Whole keys are written unseen, and made when they are missing."""

    assign: dict = {}

    def run(self, cursor) -> None:
        if self.access.kind == POINTS and self.access.exact:
            keys = [values for _, values in self.access.reads]
            conditions = [where for where, _ in self.access.reads]
        else:
            keys = [list(row[: len(self.key.columns)]) for row in self._matching(cursor)]
            conditions = [whole_key(self.key, self.quote)] * len(keys)
        head = self.head(self.key, self.added, self.quote)
        numbers = list(self.added.values())
        send_all(
            cursor,
            [
                (f"{head} WHERE {where}", [*numbers, *values])
                for where, values in zip(conditions, keys, strict=True)
            ],
            Rows(COUNTER),
        )
        cursor.rowcount = len(keys)

    @staticmethod
    def head(key: TableKey, added: dict, quote) -> str:
        sets = ", ".join(f"{quote(column)} = {quote(column)} + ?" for column in added)
        return f"UPDATE {quote(key.table)} SET {sets}"

    @classmethod
    def make(cls, compiler, key: TableKey, access, predicate) -> "CounterPlan":
        """The plan of an UPDATE on a table of counters."""
        added = additions(compiler, key)
        head = cls.head(key, added, compiler.quote)
        shown = [
            (f"{head}{' WHERE ' if where else ''}{where}", [*added.values(), *values])
            for where, values in access.reads
        ]
        return cls(
            shown,
            model=compiler.query.model,
            key=key,
            access=access,
            predicate=predicate,
            added=added,
            fields=compiler.query.get_meta().local_concrete_fields,
            plain=True,
            quote=compiler.quote,
        )
