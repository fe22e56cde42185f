"""What a query for whole instances selects. All such queries of a model select the same, so it is made once.

A fifth of the time of a `get()` went into asking ten fields again what they are."""

from django.conf import settings
from django.db.models import Field
from django.db.models.expressions import Col

from .expr import Column
from .reads import column_list

_ATTRIBUTE = "_cassandra_instance_columns"  # of a model's _meta: it goes with the model


class InstanceColumns:
    """select, klass_info: as Django's get_select() gives them. outputs: the same as Exprs. names: of the columns, and
    index their places. text: the names in CQL."""

    def __init__(self, fields, select, klass_info, outputs: list[Column], quote):
        self.fields = fields
        self.select = select
        self.klass_info = klass_info
        self.outputs = outputs
        self.names = [output.name for output in outputs]
        self.index = {name: i for i, name in enumerate(self.names)}
        self.text = column_list(self.names, quote)
        self._converters = {}

    def converters(self, make) -> dict:
        """What `make` makes of the columns: Django's get_converters(). It follows the fields' classes and USE_TZ; a field
        with a get_db_converters() of its own may look at more."""
        found = self._converters.get(settings.USE_TZ)
        if found is None:
            found = make([expression for expression, _, _ in self.select])
            if all(type(f).get_db_converters is Field.get_db_converters for f in self.fields):
                self._converters[settings.USE_TZ] = found
        return found


def instance_columns(compiler, make_select) -> InstanceColumns | None:
    """Of the compiler's query; None when it selects something else. `make_select` is Django's get_select()."""
    query = compiler.query
    if (
        not query.default_cols
        or query.selected is not None
        or query.annotations
        or query.extra
        or query.select_related
        or query.deferred_loading[0]
        or query.model._meta.concrete_model._meta.parents  # its rows are in several tables
    ):
        return None
    meta, alias = query.model._meta, query.base_table
    known = meta.__dict__.setdefault(_ATTRIBUTE, {})
    found = known.get(alias)
    if found is None or found.fields is not meta.concrete_fields:  # a field may have come
        select, klass_info, annotations = make_select()
        if annotations or not all(type(expression) is Col for expression, _, _ in select):
            return None
        evaluator = compiler.evaluator()
        outputs = [evaluator.expression(expression) for expression, _, _ in select]
        found = InstanceColumns(meta.concrete_fields, select, klass_info, outputs, compiler.quote)
        if alias == meta.db_table:  # others are of subqueries, as many as one likes
            known[alias] = found
    return found
