"""Tables of every shape, for what has to hold for any keyspace."""

import random

from django_cassandra_backend.literals import literal, quote
from django_cassandra_backend.operations import quoted

SIMPLE = [
    "ascii",
    "bigint",
    "blob",
    "boolean",
    "date",
    "decimal",
    "double",
    "duration",
    "float",
    "inet",
    "int",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timeuuid",
    "tinyint",
    "uuid",
    "varint",
]
KEY_TYPES = [name for name in SIMPLE if name != "duration"]
ODD = [
    "Mixed",
    "with space",
    "class",
    "a__b",
    "_x",
    "x_",
    "1st",
    "säng",
    "save",
    "pk",
    "objects",
    "a-b",
    "a_b",
    "%s",
]


class RandomTables:
    """Statements for one random keyspace. `user_types`: does the database have them?"""

    def __init__(self, seed: int, user_types: bool):
        self.random = random.Random(seed)
        #: {name of a user type: can its values be compared, as in a key?}
        self.types: dict[str, bool] = {}
        self.with_types = user_types

    def statements(self) -> list[str]:
        """CREATE TYPE, CREATE TABLE, CREATE INDEX; an index may be refused."""
        found = []
        if self.with_types:
            for i in range(self.random.randint(0, 3)):
                name = self.random.choice([f"type_{i}", f"Type {i}", f'a "b", {i}>', f"säng{i}"])
                comparable = self.random.random() < 0.7
                fields = ", ".join(
                    f"{quoted(self._name(f'f{k}'))} {self._type(1, frozen=True, key=comparable)}"
                    for k in range(self.random.randint(1, 3))
                )
                found.append(f"CREATE TYPE {quoted(name)} ({fields})")
                self.types[name] = comparable
        for i in range(self.random.randint(1, 3)):
            found += self._table(
                self.random.choice([f"t{i}", f"T_{i}", f"a_b_{i}x", f"_{i}", f"n_u00e9_{i}"])
            )
        return found

    def _name(self, plain: str) -> str:
        return f"{plain}{self.random.choice(ODD)}" if self.random.random() < 0.3 else plain

    def _names(self, count: int) -> list[str]:
        odd = self.random.sample(ODD, min(count, len(ODD)))
        return [odd[i] if self.random.random() < 0.3 else f"c{i}" for i in range(count)]

    def _type(self, depth: int, *, frozen: bool, key: bool = False) -> str:
        kind = self.random.choice(
            ["simple"] * 4 + ["list", "set", "map", "tuple", "vector", "user"]
        )
        types = [name for name, comparable in self.types.items() if comparable or not key]
        if depth > 3 or kind == "simple" or (kind == "user" and not types):
            return self.random.choice(KEY_TYPES if key else SIMPLE)
        if kind == "user":
            text = quoted(self.random.choice(types))
        elif kind == "tuple":
            inner = [
                self._type(depth + 1, frozen=True, key=key)
                for _ in range(self.random.randint(1, 3))
            ]
            return f"frozen<tuple<{', '.join(inner)}>>"
        elif kind == "vector":
            return f"vector<{self._type(depth + 1, frozen=True, key=key)}, {self.random.randint(1, 4)}>"
        else:
            # Elements of a set and keys of a map have to be comparable.
            inner = [self._type(depth + 1, frozen=True, key=key or kind != "list")]
            if kind == "map":
                inner.append(self._type(depth + 1, frozen=True, key=key))
            text = f"{kind}<{', '.join(inner)}>"
        return f"frozen<{text}>" if frozen or key or self.random.random() < 0.3 else text

    def _table(self, name: str) -> list[str]:
        r = self.random
        partition, clustering = r.randint(1, 3), r.choice([0, 0, 1, 2, 3])
        counters = r.random() < 0.15
        static = r.randint(0, 2) if clustering else 0
        regular = r.randint(1 if counters else 0, 5)
        names = self._names(partition + clustering + static + regular)
        r.shuffle(names)
        key, rest = names[: partition + clustering], names[partition + clustering :]
        columns = [f"{quoted(n)} {self._type(0, frozen=True, key=True)}" for n in key]
        plain = []
        for i, column in enumerate(rest):
            cql_type = "counter" if counters else self._type(0, frozen=False)
            columns.append(f"{quoted(column)} {cql_type}{' STATIC' if i < static else ''}")
            plain.append((column, cql_type))
        text = (
            f"CREATE TABLE {quoted(name)} ({', '.join(columns)}, PRIMARY KEY (({', '.join(map(quoted, key[:partition]))})"
            f"{''.join(f', {quoted(n)}' for n in key[partition:])}))"
        )
        options = self._options(counters)
        if clustering:
            order = ", ".join(f"{quoted(n)} {r.choice(['ASC', 'DESC'])}" for n in key[partition:])
            options.insert(0, f"CLUSTERING ORDER BY ({order})")
        if options:
            text += f" WITH {' AND '.join(options)}"
        return [text, *([] if counters else self._indexes(name, plain))]

    def _options(self, counters: bool) -> list[str]:
        choices = [
            f"comment = {quote(self.random.choice(['plain', 'its', 'näme %s']))}",
            "gc_grace_seconds = 7",
            "bloom_filter_fp_chance = 0.2",
            "caching = {'keys': 'NONE', 'rows_per_partition': '10'}",
            "compaction = {'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': '100'}",
            "compression = {'enabled': 'false'}",
            "speculative_retry = 'NEVER'",
            "memtable_flush_period_in_ms = 5000",
            *([] if counters else ["default_time_to_live = 600"]),
        ]
        return [text for text in choices if self.random.random() < 0.2]

    def _indexes(self, table: str, columns) -> list[str]:
        found = []
        for i, (column, cql_type) in enumerate(columns):
            if self.random.random() < 0.6:
                continue
            target = quoted(column)
            if cql_type.startswith("map"):
                target = self.random.choice(["keys({})", "values({})", "entries({})"]).format(
                    target
                )
            elif cql_type.startswith(("frozen<list", "frozen<set", "frozen<map")):
                target = f"full({target})"
            using = self.random.choice(["", "", " USING 'sai'", " USING 'StorageAttachedIndex'"])
            if cql_type.startswith("vector"):
                using = self._vector_index()
            custom = "CUSTOM " if "Storage" in using or "OPTIONS" in using else ""
            name = self.random.choice([f"{table}_i{i}", f"Index_{table}_{i}"])
            found.append(
                f"CREATE {custom}INDEX {quoted(name)} ON {quoted(table)} ({target}){using}"
            )
        return found

    def _vector_index(self) -> str:
        options = {
            "similarity_function": self.random.choice(["cosine", "dot_product", "EUCLIDEAN"]),
            "optimize_for": self.random.choice(["latency", "recall"]),
            "maximum_node_connections": "8",
            "construction_beam_width": "50",
        }
        chosen = {name: value for name, value in options.items() if self.random.random() < 0.4}
        return " USING 'sai'" + (f" WITH OPTIONS = {literal(chosen)}" if chosen else "")
