"""The value of one expression, for an INSERT."""

from django.db.models.expressions import ExpressionWrapper
from django.db.models.sql.query import Query

from .plan import RelationalPlan


def expression_value(expression, field, connection):
    """What SQLite makes of an expression without columns, as the field's column holds it."""
    wrapped = ExpressionWrapper(expression, output_field=field)
    compiler = connection.dialect.ops.compiler("SQLCompiler")(
        Query(None), connection.dialect, connection.alias
    )
    tested = connection.dialect.begin()
    sql, params = compiler.compile(wrapped)
    plan = RelationalPlan(f"SELECT {sql}", params, raw=[None], tested=tested)
    rows = connection.relational.execute(plan, None)
    value = rows.fetchone()[0]
    rows.close()
    converters = compiler.get_converters([wrapped])
    for convert in converters[0][0] if converters else ():
        value = convert(value, wrapped, connection)
    return field.get_db_prep_save(value, connection=connection)
