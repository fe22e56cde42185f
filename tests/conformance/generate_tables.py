"""Random tables for generate.py, and statements that change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from generate_values import CqlType, Values, simple

CHANGES_MAX = 4  # of one table's schema: the server is a small one
OPTIONS = [
    "comment = 'x''y'",
    "gc_grace_seconds = 100000",
    "bloom_filter_fp_chance = 0.1",
    "caching = {'keys': 'NONE', 'rows_per_partition': '10'}",
    "compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 100}",
    "compression = {'enabled': 'false'}",
    "speculative_retry = '50p'",
    "crc_check_chance = 0.5",
    "memtable_flush_period_in_ms = 3600000",
    "min_index_interval = 64 AND max_index_interval = 512",
    "read_repair = 'NONE'",
    "cdc = false",
    "additional_write_policy = '10ms'",
    "extensions = {'a': '0x01'}",
    "gc_grace_seconds = -1",
    "bloom_filter_fp_chance = 2",
    "speculative_retry = 'often'",
    "caching = {'keys': 'SOME'}",
    "no_such_option = 1",
    "crc_check_chance = 1.5",
    "read_repair = 'MAYBE'",
    "compaction = {'sstable_size_in_mb': 100}",
    "comment = 'a' AND comment = 'b'",
    "CLUSTERING ORDER BY (c0 DESC)",
]


@dataclass(frozen=True)
class Column:
    name: str
    type: CqlType

    @property
    def multi_cell(self) -> bool:
        return self.type.multi_cell


@dataclass
class Statement:
    """``then`` runs when both servers have taken it; ``between`` runs after the first page, in a second reading."""

    text: str
    bind: list[str] | None = None
    page_size: int | None = None
    writes: bool = False
    between: list[Statement] = field(default_factory=list)
    pause_s: float = 0.0
    then: Callable[[], None] | None = field(default=None, compare=False)


@dataclass
class Table:
    name: str
    partition: list[Column]
    clustering: list[Column]
    descending: list[bool]
    regular: list[Column]
    static: list[Column]
    conditional: bool
    default_ttl: int = 0
    indexes: dict[str, Column] = field(default_factory=dict)  # by name
    dropped: list[Column] = field(default_factory=list)
    counter: bool = False
    sai: bool = False  # has a storage-attached index
    changes: int = 0

    @property
    def key(self) -> list[Column]:
        return self.partition + self.clustering

    @property
    def columns(self) -> list[Column]:
        return self.key + self.static + self.regular

    @property
    def timestamps(self) -> bool:
        """Whether writes may say their time: not beside Paxos's clock, nor where TTLs come by themselves."""
        return not (self.conditional or self.default_ttl or self.counter)

    def is_descending(self, c: Column) -> bool:
        return any(d and c is k for k, d in zip(self.clustering, self.descending, strict=True))

    def create(self) -> str:
        parts = [f"{c.name} {c.type}" for c in self.key]
        parts += [f"{c.name} {c.type} static" for c in self.static]
        parts += [f"{c.name} {c.type}" for c in self.regular]
        key = [f"({', '.join(c.name for c in self.partition)})"] + [c.name for c in self.clustering]
        text = f"CREATE TABLE {self.name} ({', '.join(parts)}, PRIMARY KEY ({', '.join(key)}))"
        options = []
        if self.clustering and any(self.descending):
            order = [
                f"{c.name} {'DESC' if d else 'ASC'}"
                for c, d in zip(self.clustering, self.descending, strict=True)
            ]
            options.append(f"CLUSTERING ORDER BY ({', '.join(order)})")
        if self.default_ttl:
            options.append(f"default_time_to_live = {self.default_ttl}")
        return f"{text} WITH {' AND '.join(options)}" if options else text


class Tables(Values):
    """Tables and what changes them."""

    def __init__(self, rng) -> None:
        super().__init__(rng)
        self.number = 0
        self.t: Table

    def make_table(self) -> Table:
        r = self.rng
        self.number += 1
        counter = self.odds(6)

        def column(name: str) -> Column:
            return Column(name, simple("counter") if counter else self.column_type())

        partition = [Column(f"p{i}", self.key_type()) for i in range(r.choice([1, 1, 2]))]
        clustering = [Column(f"c{i}", self.key_type()) for i in range(r.choice([0, 1, 1, 2, 2, 3]))]
        least = 0 if clustering else 1
        regular = [column(f"v{i}") for i in range(r.randint(least, 6) if not counter else 2)]
        statics = r.choice([0, 0, 1, 2]) if clustering else 0
        static = [column(f"s{i}") for i in range(statics)]
        self.t = Table(
            f"t{self.number}",
            partition,
            clustering,
            [self.odds(40) for _ in clustering],
            regular,
            static,
            conditional=self.odds(25) and not counter,
            default_ttl=500_000 if self.odds(6) and not counter else 0,
            counter=counter,
        )
        return self.t

    # --- changes -----------------------------------------------------------------------------------

    def change(self) -> Iterator[Statement]:
        """A change of the schema, and what the catalog says of it."""
        t = self.t
        t.changes += 1
        if self.odds(25):
            yield from self.drop()
        else:
            ways = [self.add, self.rename, self.options]
            yield self.rng.choice(ways + [self.create_index] * 4 + [self.drop_index])()
        yield from self.catalog()

    def catalog(self) -> Iterator[Statement]:
        where = f"WHERE keyspace_name = '{{ks}}' AND table_name = '{self.t.name}'"
        columns = "column_name, clustering_order, kind, position, type"
        yield Statement(f"SELECT {columns} FROM system_schema.columns {where}")
        yield Statement(f"SELECT index_name, kind, options FROM system_schema.indexes {where}")
        dropped = "column_name, kind, type"
        yield Statement(f"SELECT {dropped} FROM system_schema.dropped_columns {where}")
        if self.odds(30):
            yield Statement(f"DESCRIBE TABLE {self.t.name}")

    def add(self) -> Statement:
        """A new column, or one that was there before, perhaps of another type."""
        t = self.t
        kept = {c.name for c in t.columns}
        gone = [c for c in t.dropped if c.name not in kept]
        if gone and self.odds(75):
            column = self.rng.choice(gone)
            static = column.name.startswith("s")
            if self.odds(15):
                column = replace(column, type=self.column_type())
        else:
            static = bool(t.clustering) and self.odds(25)
            column = Column(f"{'s' if static else 'v'}{10 + t.changes}", self.column_type())
        if self.odds(5):
            static = not static

        def then() -> None:
            if column.name not in {c.name for c in t.columns}:
                (t.static if static else t.regular).append(column)

        only = "IF NOT EXISTS " if self.odds(10) else ""
        return self.adding(column, static, only, then)

    def adding(self, column: Column, static: bool, only: str, then) -> Statement:
        kind = " static" if static else ""
        text = f"ALTER TABLE {self.t.name} ADD {only}{column.name} {column.type}{kind}"
        return Statement(text, writes=True, then=then)

    def drop(self) -> Iterator[Statement]:
        """A drop up to some time is followed by the column's return, since reads may fail in between, and made once."""
        t = self.t
        column = self.rng.choice((t.static + t.regular) * 8 + t.key)
        static = column in t.static
        timed = t.timestamps and column not in t.dropped and column not in t.key and self.odds(60)

        def then() -> None:
            t.dropped.append(column)
            for columns in (t.static, t.regular):
                if column in columns:
                    columns.remove(column)

        when = f" USING TIMESTAMP {self.rng.randint(1, 5)}" if timed else ""
        yield Statement(f"ALTER TABLE {t.name} DROP {column.name}{when}", writes=True, then=then)
        if timed and column in t.dropped:

            def back() -> None:
                (t.static if static else t.regular).append(column)

            yield self.adding(column, static, "", back)

    def rename(self) -> Statement:
        t = self.t
        column = self.rng.choice(t.key * 8 + t.columns)
        name = f"{column.name[0]}{20 + t.changes}" if self.odds(95) else t.columns[-1].name

        def then() -> None:
            for columns in (t.partition, t.clustering):
                columns[:] = [replace(c, name=name) if c is column else c for c in columns]
            for index, c in t.indexes.items():
                if c is column:
                    t.indexes[index] = replace(c, name=name)

        return Statement(
            f"ALTER TABLE {t.name} RENAME {column.name} TO {name}", writes=True, then=then
        )

    def options(self) -> Statement:
        t = self.t
        option = self.rng.choice(OPTIONS)
        if t.default_ttl and self.odds(50):
            option = f"default_time_to_live = {self.rng.choice([-1, 100000, 400000])}"
        return Statement(f"ALTER TABLE {t.name} WITH {option}", writes=True)

    # --- indexes -----------------------------------------------------------------------------------

    def create_index(self) -> Statement:
        t = self.t
        columns = [c for c in t.columns + t.regular + t.static if c.type.name != "vector"]
        column = self.rng.choice(columns)
        target = column.name
        if column.type.collection and self.odds(85):
            if column.type.frozen:
                kinds = ["full"] * 6 + ["values"]
            elif column.type.name == "map":
                kinds = ["keys", "values", "entries"] * 3 + ["full"]
            else:
                kinds = ["values"] * 8 + ["keys", "full"]
            target = f"{self.rng.choice(kinds)}({column.name})"
        name = f"{t.name}i{t.changes}"
        if self.odds(4) and t.indexes:
            name = next(iter(t.indexes))

        def then() -> None:
            t.indexes[name] = column

        # By a storage-attached index Cassandra finds no empty values, and refuses some orders beside tuples.
        empty = column.type.name in ("text", "ascii", "blob")
        if self.odds(45) and not empty and column not in t.clustering:

            def then_sai() -> None:
                t.sai = True
                then()

            return Statement(
                f"CREATE CUSTOM INDEX {name} ON {t.name} ({target}) USING 'StorageAttachedIndex'",
                writes=True,
                then=then_sai,
            )
        return Statement(f"CREATE INDEX {name} ON {t.name} ({target})", writes=True, then=then)

    def drop_index(self) -> Statement:
        t = self.t
        name = self.rng.choice([*t.indexes, f"{t.name}i99"])

        def then() -> None:
            t.indexes.pop(name, None)

        return Statement(f"DROP INDEX {name}", writes=True, then=then)


__all__ = ["CHANGES_MAX", "Column", "Statement", "Table", "Tables", "simple"]
