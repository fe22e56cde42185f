"""What every compiler asks about the one table of its query."""

import datetime
from typing import NoReturn

from django.utils.functional import cached_property

from .evaluate import Evaluator
from .exceptions import not_supported
from .expr import Column
from .keys import TableKey, table_key
from .lookups import PredicateBuilder
from .predicates import And, RowExists
from .uniques import Unique, owner_columns, uniques_of

#: What prefetch_related() of a many-to-many selects of the table in between, through extra().
PREFETCHED = "_prefetch_related_val_"


class TableMixin:
    """What every compiler asks about the one table of its query."""

    road_compiler = "SQLCompiler"  # of the relational road

    @property
    def quote(self):
        return self.connection.ops.quote_name

    def compile(self, node):
        """Django's own code asks for SQL of what it selects; no text of it is ever used."""
        return "?", ()

    def get_order_by(self):
        """Of Django's own callers, who look at the text of it."""
        return self._on_relational_road().get_order_by()

    def _on_relational_road(self):
        """The compiler of the query's rows there."""
        dialect = self.connection.dialect
        make = dialect.ops.compiler(self.road_compiler)
        return make(self.query, dialect, self.using, self.elide_empty)

    def table(self) -> TableKey:
        """The key of the query's table, or NotSupportedError when it takes more than one."""
        active = [alias for alias, count in self.query.alias_refcount.items() if count]
        if len(active) > 1:
            self.refuse_join(active)
        return table_key(self.query.model)

    def refuse_join(self, aliases) -> NoReturn:
        names = ", ".join(self.query.alias_map[alias].table_name for alias in aliases)
        raise not_supported(
            f"A join ({names})",
            "Query one table at a time: filter with the key or a list of keys that a first query gave, "
            "and use prefetch_related() in the place of select_related().",
        )

    @cached_property
    def moment(self) -> datetime.datetime:
        """When the query is asked: what Now() says in all of it."""
        return datetime.datetime.now(datetime.timezone.utc)

    def evaluator(self) -> Evaluator:
        return Evaluator(self.connection, self.query.base_table, self.moment)

    def predicate(self):
        """What a row of the query has to meet."""
        wanted = [PredicateBuilder(self.evaluator()).build(self.query.where)]
        model = self.query.model  # Q.check() asks without one
        return And(wanted if model is None else [*wanted, *self.row_exists(model)])

    def row_exists(self, model) -> list[RowExists]:
        """What tells rows of a table from the static columns of a partition without rows, where there are any."""
        key = table_key(model)
        if not key.static or not key.clustering:
            return []
        column = key.clustering[0][0]
        field = next(f for f in model._meta.local_fields if f.column == column)
        return [RowExists(Column(column, field))]

    def refuse(self) -> None:
        """Constructs that change which rows a query means."""
        query = self.query
        if query.combinator:
            raise not_supported(
                f"{query.combinator}()", "Combine the rows of two queries in Python."
            )
        extra = query.extra and not is_prefetch(query)
        if extra or getattr(query, "extra_tables", ()) or query.extra_order_by:
            raise not_supported("extra()", "Use raw() or a cursor with CQL.")
        if query.distinct_fields:
            raise not_supported(
                "distinct() on fields", "Use distinct() on the values() that you need."
            )
        if query.group_by is not None:
            raise not_supported("values().annotate(), a GROUP BY", "Group the rows in Python.")

    def uniques(self, plain: bool, assign=None) -> tuple[Unique, ...]:
        """The constraints of the table; those that a change of these columns touches. A system check has said that a table
        which is written plainly keeps none."""
        found = () if plain else uniques_of(self.query.get_meta().concrete_model, self.connection)
        if assign is None or not found:
            return found
        changed = frozenset(assign)
        if not changed.isdisjoint(owner_columns(table_key(self.query.model))):
            return found
        return tuple(unique for unique in found if not changed.isdisjoint(unique.columns))


def is_prefetch(query) -> bool:
    """Is what the query has of extra() that of prefetch_related()?"""
    return all(name.startswith(PREFETCHED) for name in query.extra)
