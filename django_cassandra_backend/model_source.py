"""Models as text, from the tables of a keyspace: what `inspectdb` prints.

`migrate` of these models into another keyspace makes the same tables: keys, orders, static columns, types, indexes and
options. What a model cannot say stands in a comment."""

import keyword

from django.db import models

from .fields.table_options import options_set
from .indexes import StoredIndex
from .introspection import KEY_KINDS
from .type_names import CqlType, parse_type

#: The field of each simple type. `models` is Django's, `cassandra` ours.
FIELDS = {
    "ascii": "cassandra.AsciiField",
    "bigint": "models.BigIntegerField",
    "blob": "models.BinaryField",
    "boolean": "models.BooleanField",
    "counter": "cassandra.CounterField",
    "date": "models.DateField",
    "decimal": "cassandra.VarDecimalField",
    "double": "models.FloatField",
    "duration": "cassandra.CalendarDurationField",
    "float": "cassandra.Float32Field",
    "inet": "models.GenericIPAddressField",
    "int": "models.IntegerField",
    "smallint": "models.SmallIntegerField",
    "text": "models.TextField",
    "time": "models.TimeField",
    "timestamp": "models.DateTimeField",
    "timeuuid": "cassandra.TimeUUIDField",
    "tinyint": "cassandra.TinyIntegerField",
    "uuid": "models.UUIDField",
    "varchar": "models.TextField",
    "varint": "cassandra.VarIntField",
}
#: Names that a field cannot have, because a model has them already.
_TAKEN = {"pk", "objects", *dir(models.Model)}
_SAI = ("sai", "storageattachedindex")


class Unknown(ValueError):
    """A type, or an index, that no field stands for."""


def field_source(cql_type: CqlType, types: dict, params: str = "") -> str:
    """The call that makes the field of a type. `types`: the keyspace's user types; `params`: further arguments."""
    name, args = _class_and_args(cql_type, types)
    return f"{name}({', '.join(part for part in (args, params) if part)})"


def _class_and_args(cql_type: CqlType, types: dict) -> tuple[str, str]:
    inner = [field_source(arg, types) for arg in cql_type.args]
    frozen = ["frozen=True"] if cql_type.frozen else []
    if cql_type.name in ("list", "set", "map"):
        return f"cassandra.{cql_type.name.title()}Field", ", ".join([*inner, *frozen])
    if cql_type.name == "tuple":
        return "cassandra.TupleField", ", ".join(inner)
    if cql_type.name == "vector":
        base = [] if cql_type.args == (CqlType("float"),) else inner
        return "cassandra.VectorField", ", ".join([str(cql_type.dimensions), *base])
    if cql_type.name in types:
        fields = ", ".join(
            f"({name!r}, {field_source(parse_type(text), types)})"
            for name, text in types[cql_type.name]
        )
        return "cassandra.UserTypeField", ", ".join([repr(cql_type.name), f"[{fields}]", *frozen])
    if cql_type.name in FIELDS:
        return FIELDS[cql_type.name], ""
    raise Unknown(cql_type.name)


class ModelSource:
    """Writes the models of one keyspace. `command`: Django's inspectdb, for its rules of naming."""

    def __init__(self, command, connection, cursor):
        self.command, self.cursor = command, cursor
        self.connection, self.introspection = connection, connection.introspection
        self.types = self.introspection.user_types(cursor)
        self.used_types: set[str] = set()
        self.model_names: set[str] = set()

    def lines(self, tables=None, *, include_views=False, wanted=lambda name: True):
        """The module, line by line. `tables`: names, or None for all."""
        yield "# This is an auto-generated Django model module."
        yield "# You'll have to do the following manually to clean this up:"
        yield "#   * Rearrange models' order, and give fields that hold keys of other models a ForeignKey"
        yield "#   * Remove `managed = False` lines if you wish to allow Django to create, modify, and delete the table"
        yield "# Feel free to rename the models, but don't rename db_table values or field names."
        yield "from django.db import models"
        yield ""
        yield "from django_cassandra_backend import models as cassandra"
        kinds = {"t", "v"} if include_views else {"t"}
        found = sorted(
            info.name
            for info in self.introspection.get_table_list(self.cursor)
            if info.type in kinds and wanted(info.name)
        )
        for name in tables or found:
            try:
                lines = list(self.model(name))
            except Exception as error:
                lines = [f"# Unable to inspect table {name!r}", f"# The error was: {error}"]
            yield from ["", "", *lines] if lines[0].startswith("class") else lines
        if tables is None and (unused := sorted(set(self.types) - self.used_types)):
            yield ""
            yield f"# Types that no table uses, and no migration makes: {', '.join(unused)}"

    def model(self, table: str):
        """The class of one table. An Exception says what cannot be read."""
        self.introspection.get_table_description(self.cursor, table)  # says when there is none
        columns = self.introspection.columns(self.cursor, table)
        options = self.introspection.table_options(self.cursor, table)
        names = self._field_names(columns)
        key = [column for column in columns if column[1] in KEY_KINDS]
        yield f"class {self._model_name(table)}(models.Model):"
        if len(key) > 1:
            partition = [names[name] for name, kind, *_ in key if kind == "partition_key"]
            clustering = [
                ("-" if order == "desc" else "") + names[name]
                for name, kind, _, _, order in key
                if kind == "clustering"
            ]
            by = f", cluster_by={clustering}" if clustering else ""
            yield f"    pk = cassandra.PrimaryKey(partition_by={partition}{by})"
        for column in columns:
            yield f"    {self._field(column, names, alone=len(key) == 1)}"
        settings = options_set(options)
        comment = settings.pop("comment", None)
        if settings:
            text = ", ".join(f"{name}={value!r}" for name, value in settings.items())
            yield f"    {self._free('table_options', names)} = cassandra.TableOptions({text})"
        yield ""
        yield "    class Meta:"
        yield "        managed = False" + (
            "" if options else "  # Created from a view. Don't remove."
        )
        yield f"        db_table = {table!r}"
        if comment:
            yield f"        db_table_comment = {comment!r}"
        yield from self._indexes(table, names)

    # --- names ---

    def _model_name(self, table: str) -> str:
        name = self.command.normalize_table_name(table)
        name = "".join(c for c in name if c.isascii()) or "Table"
        name = name if name[0].isalpha() and not keyword.iskeyword(name) else f"Table{name}"
        number, free = 2, name
        while free.lower() in self.model_names:
            free, number = f"{name}{number}", number + 1
        self.model_names.add(free.lower())
        return free

    def _field_names(self, columns) -> dict[str, str]:
        """{column: field name}, each a Python name that a model has room for."""
        names: dict[str, str] = {}
        for column, *_ in columns:
            used = list(names.values())
            name, _, _ = self.command.normalize_col_name(column, used, False)
            if not name.isidentifier():
                name = f"field_{len(used) + 1}"
            if name in _TAKEN:
                name = f"{name}_field"
            names[column] = self._free(name, dict(enumerate(used)))
        return names

    def _free(self, name: str, names: dict) -> str:
        number, free = 1, name
        while free in names.values():
            free, number = f"{name}_{number}", number + 1
        return free

    # --- parts ---

    def _field(self, column, names, *, alone: bool) -> str:
        name, kind, text, *_ = column
        params = []
        if kind in KEY_KINDS:
            params += ["primary_key=True"] if alone else []
        else:
            params += ["blank=True", "null=True"] if text != "counter" else []
        if names[name] != name:
            params.append(f"db_column={name!r}")
        try:
            cql_type = parse_type(text)
            self._use(cql_type)
            source = field_source(cql_type, self.types, ", ".join(params))
        except ValueError as error:
            return f"# {names[name]}: no field stands for the type {text} of the column {name!r} ({error})"
        if kind == "static":
            source = f"cassandra.Static({source})"
        return f"{names[name]} = {source}"

    def _use(self, cql_type: CqlType) -> None:
        for arg in cql_type.args:
            self._use(arg)
        if cql_type.name in self.types and cql_type.name not in self.used_types:
            self.used_types.add(cql_type.name)
            for _, text in self.types[cql_type.name]:
                self._use(parse_type(text))

    def _indexes(self, table: str, names):
        found, unknown = [], []
        for name, constraint in self.introspection.get_constraints(self.cursor, table).items():
            if not constraint["index"]:
                continue
            index = StoredIndex(name, "", constraint["options"])
            try:
                found.append(self._index(index, names))
            except Unknown as error:
                unknown.append(
                    f"        # The index {name!r} is of a class that Django cannot make: {error}"
                )
        if found:
            yield "        indexes = ["
            yield from (f"            {text}," for text in found)
            yield "        ]"
        yield from unknown

    def _index(self, index: StoredIndex, names) -> str:
        if index.using is not None and index.using.rpartition(".")[2].lower() not in _SAI:
            raise Unknown(index.using)
        name = index.name if index.name[0].isalpha() else f"i{index.name}"
        params = [f"fields=[{names[index.column]!r}]", f"name={name!r}"]
        if name != index.name:
            params.append(f"db_name={index.name!r}")
        if index.target:
            params.append(f"on={index.target!r}")
        if index.using is None:
            return f"cassandra.SecondaryIndex({', '.join(params)})"
        if index.options:
            params.append(f"options={dict(index.options)!r}")
        if index.using != "sai":
            params.append(f"using={index.using!r}")
        return f"cassandra.StorageAttachedIndex({', '.join(params)})"
