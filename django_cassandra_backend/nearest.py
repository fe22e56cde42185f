"""Vector search: `order_by(Nearest("embedding", [0.1, …]))[:10]`, CQL's ORDER BY … ANN OF … LIMIT."""

from django.db import NotSupportedError
from django.db.models import Expression, F, FloatField
from django.db.models.expressions import Col, OrderBy

from .access import Access
from .fields import VectorField
from .keys import TableKey
from .predicates import Predicate, RowExists


class Nearest(Expression):
    """The rows whose vector is nearest to a given one come first, by the similarity function of the column's index.

    For order_by() with a slice. Rows without a vector are left out."""

    def __init__(self, expression, vector):
        super().__init__(output_field=FloatField())
        self.source = F(expression) if isinstance(expression, str) else expression
        self.vector = vector

    def get_source_expressions(self):
        return [self.source]

    def set_source_expressions(self, expressions):
        (self.source,) = expressions

    def as_sql(self, compiler, connection):
        raise NotSupportedError("Nearest() is answered by Cassandra's backend alone.")


class Search:
    """What a query that is ordered by Nearest() asks for: the column, and the vector in database form."""

    def __init__(self, column: str, vector):
        self.column, self.vector = column, vector

    def text(self, quote) -> str:
        return f"{quote(self.column)} ANN OF ?"


def search_of(nodes, connection) -> Search | None:
    """The search that ORDER BY asks for, or None. NotSupportedError where it is not the whole of it."""
    found = [n for n in nodes if isinstance(n, OrderBy) and isinstance(n.expression, Nearest)]
    if not found:
        return None
    if len(nodes) > 1:
        raise _refused("stands alone in order_by(): sort what it gives in Python")
    (node,) = found
    if node.descending:
        raise _refused("has no reverse: an index on vectors knows the nearest alone")
    field = node.expression.source.target if isinstance(node.expression.source, Col) else None
    if not isinstance(field, VectorField):
        raise _refused("is for a VectorField of the model")
    vector = field.to_python(node.expression.vector)
    if vector is None:
        raise _refused("needs a vector, not None")
    return Search(field.column, field.get_db_prep_value(vector, connection))


def check(search: Search, key: TableKey, access: Access, predicate: Predicate, query) -> None:
    """NotSupportedError where the server could not answer."""
    if search.column not in key.vectors:
        raise _refused(
            f"needs an index on {search.column!r}: give the field db_index=True, or a StorageAttachedIndex with its "
            "similarity_function in Meta.indexes"
        )
    if query.high_mark is None:
        raise _refused("needs a slice, as [:10]: an index on vectors gives the nearest of so many")
    if query.distinct:
        raise _refused("cannot stand beside distinct()")
    parts = [part for part in predicate.conjuncts() if not isinstance(part, RowExists)]
    restricted = {column for part in parts for column in part.columns}
    served = {*access.indexes, *(key.partition if access.pinned else ())}
    rest = [part for part in access.rest if not isinstance(part, RowExists)]
    tested = sorted({column for part in rest for column in part.columns} or restricted - served)
    if tested or access.tests is not None or len(access.reads) != 1:
        names = f" ({', '.join(tested)})" if tested else ""
        raise _refused(
            f"takes conditions on the partition key and on columns with a StorageAttachedIndex, and one value for each{names}"
        )


def _refused(reason: str) -> NotSupportedError:
    return NotSupportedError(f"Nearest() {reason}.")
