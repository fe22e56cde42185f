"""User types for the fields that use them: made before the table, grown with ALTER TYPE, dropped with their last user.

A type belongs to the keyspace: what uses it is asked of the database, because other tables than this project's may."""

from django.db.utils import NotSupportedError

from .fields.containers import ContainerField
from .fields.records import UserTypeField, type_name_text
from .type_names import type_names


def types_in(field) -> list[UserTypeField]:
    """The user types of a field, those that others consist of first."""
    found = []
    if isinstance(field, ContainerField):
        for element in field.elements():
            found += types_in(element)
    if isinstance(field, UserTypeField):
        found.append(field)
    return found


def names_of(field) -> set[str]:
    return {one.type_name for one in types_in(field)}


def make(editor, field) -> None:
    """CREATE TYPE for each type of the field that is missing; ALTER TYPE … ADD for fields that one lacks."""
    for one in types_in(field):
        _make(editor, one.type_name, one.definition(editor.connection))


def alter(editor, old_field, new_field) -> None:
    """What has to be done to the types of a field whose definition changed."""
    connection = editor.connection
    before = {one.type_name: one.definition(connection) for one in types_in(old_field)}
    for one in types_in(new_field):
        wanted = one.definition(connection)
        old = before.get(one.type_name)
        if old is not None:
            old = _rename(editor, one.type_name, old, wanted)
        if old != wanted:
            _make(editor, one.type_name, wanted, old)


def drop_unused(editor, fields) -> None:
    """DROP TYPE for each type of the fields that nothing in the keyspace uses any longer."""
    mine = [one.type_name for field in fields for one in types_in(field)]
    for name in dict.fromkeys(reversed(mine)):  # those first that others do not consist of
        text = f"DROP TYPE IF EXISTS {type_name_text(name)}"
        if editor.collect_sql:
            editor.execute(f"-- unless anything else uses it: {text}")
        elif name not in _in_use(editor):
            editor.execute(text)


def _in_use(editor) -> set[str]:
    """The names in all types of columns, of user types' fields, and of what functions take and give."""
    connection = editor.connection
    with connection.cursor() as cursor:
        return {
            name
            for text in connection.introspection.types_used(cursor)
            for name in type_names(text)
        }


def _make(editor, name: str, wanted, before=None) -> None:
    stored = before if editor.collect_sql else _stored(editor, name)
    quote, text = editor.quote_name, type_name_text(name)
    if stored is None:
        fields = ", ".join(f"{quote(field)} {cql_type}" for field, cql_type in wanted)
        editor.execute(f"CREATE TYPE IF NOT EXISTS {text} ({fields})")
        return
    known = [(field, _plain(cql_type)) for field, cql_type in stored]
    plain = [(field, _plain(cql_type)) for field, cql_type in wanted]
    if plain[: len(known)] != known:
        raise NotSupportedError(
            f"The type {name!r} has the fields {_shown(stored)} and cannot become {_shown(wanted)}: a user type only grows "
            "at its end. Use a new type name, and copy the values in a data migration."
        )
    for field, cql_type in wanted[len(known) :]:
        editor.execute(f"ALTER TYPE {text} ADD {quote(field)} {cql_type}")


def _rename(editor, name: str, old, wanted) -> list:
    """ALTER TYPE … RENAME for names that changed while position and type stayed; the definition after that."""
    stored = dict(old if editor.collect_sql else _stored(editor, name) or [])
    after_all = list(old)
    for i, ((before, old_type), (after, new_type)) in enumerate(zip(old, wanted, strict=False)):
        if before == after or old_type != new_type or after in dict(old):
            continue
        after_all[i] = (after, new_type)
        if before in stored:  # another field with this type may have renamed it already
            quote = editor.quote_name
            editor.execute(
                f"ALTER TYPE {type_name_text(name)} RENAME {quote(before)} TO {quote(after)}"
            )
    return after_all


def _stored(editor, name: str):
    with editor.connection.cursor() as cursor:
        return editor.connection.introspection.user_types(cursor).get(name)


def _plain(cql_type: str) -> str:
    """A type's text without the quotes that Cassandra leaves out."""
    return cql_type.replace('"', "")


def _shown(definition) -> str:
    return "(" + ", ".join(f"{name} {cql_type}" for name, cql_type in definition) + ")"
