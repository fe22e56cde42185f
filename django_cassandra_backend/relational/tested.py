"""What a query compares columns with: where an index would spare a scan."""

from django.db.models.expressions import Col


class Tested:
    """Tables of one query and, by table, the columns that it looks for values in. Filled while it is compiled."""

    def __init__(self):
        self.tables: dict[str, str] = {}  # alias: name
        self.columns: dict[str, dict] = {}  # table: {field: None}

    def table(self, node) -> None:
        """A table of a FROM clause, and what it is joined by."""
        self.tables[node.table_alias] = node.table_name
        field = getattr(node, "join_field", None)
        for pair in getattr(field, "related_fields", None) or ():
            for side in pair:
                self._column(side)

    def lookup(self, node) -> None:
        if isinstance(node.lhs, Col):
            self._column(node.lhs.target)

    def _column(self, field) -> None:
        model = getattr(field, "model", None)
        if model is not None and getattr(field, "column", None) is not None:
            self.columns.setdefault(model._meta.db_table, {})[field] = None

    def advice(self, table: str) -> str:
        """What would make a scan of the table unnecessary: a line to paste into its model."""
        from ..keys import table_key

        for field in self.columns.get(table, ()):
            key = table_key(field.model)
            if field.column not in key.indexed and (field.column,) != key.partition:
                return (
                    f"An index would serve it; in {field.model.__name__}.Meta: "
                    f'indexes = [models.Index(fields=["{field.name}"])].'
                )
        return "Filter on a key or an indexed column, so that not all of its rows are read."
