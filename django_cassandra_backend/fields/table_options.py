"""`TableOptions`: what stands behind WITH in CREATE TABLE."""

from django.core import checks

from ..literals import literal
from .columnless import ColumnlessField

#: Options of a table (Cassandra: schema/TableParams.java), with what their values are.
OPTIONS = {
    "additional_write_policy": str,
    "allow_auto_snapshot": bool,
    "bloom_filter_fp_chance": float,
    "caching": dict,
    "cdc": bool,
    "compaction": dict,
    "compression": dict,
    "crc_check_chance": float,
    "default_time_to_live": int,
    "extensions": dict,
    "gc_grace_seconds": int,
    "incremental_backups": bool,
    "max_index_interval": int,
    "memtable": str,
    "memtable_flush_period_in_ms": int,
    "min_index_interval": int,
    "read_repair": str,
    "speculative_retry": str,
}


#: What Cassandra has where nothing is said (schema/TableParams.java, Builder).
DEFAULTS = {
    "additional_write_policy": "99p",
    "allow_auto_snapshot": True,
    "bloom_filter_fp_chance": 0.01,
    "caching": {"keys": "ALL", "rows_per_partition": "NONE"},
    "cdc": False,
    "compaction": {
        "class": "org.apache.cassandra.db.compaction.SizeTieredCompactionStrategy",
        "max_threshold": "32",
        "min_threshold": "4",
    },
    "compression": {
        "chunk_length_in_kb": "16",
        "class": "org.apache.cassandra.io.compress.LZ4Compressor",
    },
    "crc_check_chance": 1.0,
    "default_time_to_live": 0,
    "extensions": {},
    "gc_grace_seconds": 864000,
    "incremental_backups": True,
    "max_index_interval": 2048,
    "memtable": "default",
    "memtable_flush_period_in_ms": 0,
    "min_index_interval": 128,
    "read_repair": "BLOCKING",
    "speculative_retry": "99p",
}


class TableOptions(ColumnlessField):
    """Options of the model's table: `table = TableOptions(default_time_to_live=86400, gc_grace_seconds=3600)`.

    The names are CQL's. Times are in seconds; `caching`, `compaction` and `compression` are dicts. An option that
    is not named has Cassandra's own value. The comment is Django's: `Meta.db_table_comment`."""

    instead = "It describes the table."

    def __init__(self, *, verbose_name=None, name=None, **options):
        # Django hands these to every field when it clones one or adds it to a model.
        plain = {k: options.pop(k) for k in ("editable", "blank", "serialize") if k in options}
        self.options = dict(options)
        super().__init__(verbose_name=verbose_name, name=name, **plain)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, **self.options}

    def contribute_to_class(self, cls, name, private_only=False):
        super().contribute_to_class(cls, name, private_only=private_only)
        setattr(cls, self.attname, _OptionsValue(self))

    def check(self, **kwargs):
        return [*super().check(**kwargs), *self._check_options(), *self._check_single()]

    def _check_options(self):
        errors = []
        for name, value in self.options.items():
            kind = OPTIONS.get(name)
            if kind is None:
                hint = (
                    "The comment of a table is Meta.db_table_comment."
                    if name == "comment"
                    else f"Known: {', '.join(OPTIONS)}."
                )
                text = f"A table has no option {name!r}."
            elif not isinstance(value, (int, float) if kind is float else kind) or (
                kind is int and isinstance(value, bool)
            ):
                text = (
                    f"The option {name!r} of a table is of the type {kind.__name__}, not {value!r}."
                )
                hint = None
            else:
                continue
            errors.append(checks.Error(text, hint, self, "cassandra.E014"))
        return errors

    def _check_single(self):
        others = [f for f in self.model._meta.local_fields if isinstance(f, TableOptions)]
        if others[0] is self:
            return []
        text = "A model has one TableOptions at most."
        return [checks.Error(text, None, self, "cassandra.E014")]


class _OptionsValue:
    """Reads as a dict of the options; it cannot be set."""

    def __init__(self, field: TableOptions):
        self.field = field

    def __get__(self, instance, owner=None):
        return self if instance is None else dict(self.field.options)

    def __set__(self, instance, value):
        raise AttributeError(f"{self.field.name} describes the table; it has no value of a row.")


def table_options(meta) -> dict:
    """The options that a model gives its table."""
    field = next((f for f in meta.local_fields if isinstance(f, TableOptions)), None)
    return {} if field is None else field.options


def options_set(row: dict) -> dict:
    """Of a row of system_schema.tables, the options that are not Cassandra's own, and the comment."""
    found = {name: row[name] for name in OPTIONS if row.get(name) is not None}
    found = {
        name: dict(value) if isinstance(value, dict) else value
        for name, value in found.items()
        if value != DEFAULTS[name]
    }
    return {**found, **({"comment": row["comment"]} if row.get("comment") else {})}


def option_text(name: str, value) -> str:
    """`name = value`, as it stands behind WITH."""
    if isinstance(value, dict):
        items = ", ".join(f"{literal(str(k))}: {_map_value(v)}" for k, v in value.items())
        return f"{name} = {{{items}}}"
    return f"{name} = {literal(value)}"


def _map_value(value) -> str:
    if isinstance(value, bool):
        return literal(str(value).lower())
    return literal(value if isinstance(value, (bytes, bytearray)) else str(value))
