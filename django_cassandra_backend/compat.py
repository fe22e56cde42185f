"""Every difference between the Django versions that we support, and no other module asks for one."""

import django

DJANGO_VERSION = django.VERSION[:2]

#: 6.0 renamed the hook that reads what an INSERT returned.
RETURNED_ROWS_HOOK = (
    "fetch_returned_rows" if DJANGO_VERSION >= (6, 0) else "fetch_returned_insert_rows"
)


def relation(column: str, table: str):
    """What get_relations() gives for one foreign key: a third member, the action, since 6.1."""
    if DJANGO_VERSION >= (6, 1):
        return (column, table, None)
    return (column, table)
