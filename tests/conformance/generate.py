"""Random tables and statements for differential.py.

Values come from domains of a few, so that keys meet, writes tie and filters match. What Cassandra itself
leaves open is not generated:

- now(), uuid() and the like differ by their nature;
- two cells of one timestamp that both expire are told apart by the second they expire in: every TTL is used once;
- a table sees conditional writes or plain ones: Cassandra orders the two kinds by different clocks;
- DISTINCT and GROUP BY may cut pages elsewhere: the caller compares all pages as one;
- of two conditions that would not be decided alike, one of them an error, Cassandra decides one by a hash;
- Cassandra trips over max(writetime(collection)) and casts of NaN to decimal, gives min(timeuuid) a type of another
  name, and does not find some functions of a clustering column in descending order;
- of clusterings that are equal, but written otherwise (1.0 and 1.00), Cassandra shows either, as its memory goes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

DOMAINS: dict[str, list[str]] = {
    "int": ["-1", "0", "1", "2"],
    "bigint": ["-1", "0", "1", "9223372036854775807"],
    "smallint": ["-1", "0", "1", "32767"],
    "tinyint": ["-1", "0", "1", "127"],
    "varint": ["-129", "-1", "0", "1", "255"],
    "decimal": ["0", "1.0", "1.00", "-1.5", "10"],
    "double": ["0.0", "-0.0", "1.5", "-1.5", "NaN", "Infinity"],
    "float": ["0.0", "-0.0", "1.5", "-1.5", "NaN"],
    "text": ["''", "'a'", "'aa'", "'b'"],
    "ascii": ["'a'", "'b'", "'aa'"],
    "blob": ["0x", "0x00", "0x01", "0xff"],
    "boolean": ["false", "true"],
    "uuid": [
        "00000000-0000-1000-8000-000000000080",
        "10000000-0000-1000-8000-000000000001",
        "00000000-0000-4000-8000-000000000002",
        "f0000000-0000-4000-8000-000000000002",
    ],
    "timeuuid": [
        "00000000-0000-1000-8000-000000000001",
        "00000000-0000-1000-8000-00000000007f",
        "10000000-0000-1000-8000-000000000001",
        "00000000-0000-1001-8000-000000000001",
    ],
    "timestamp": [
        "'1970-01-01 00:00:00.000+0000'",
        "'2024-02-29 12:00:00.001+0000'",
        "'1969-12-31 23:59:59.999+0000'",
    ],
    "date": ["'1970-01-01'", "'1969-12-31'", "'2024-02-29'"],
    "time": ["'00:00:00.000000000'", "'12:30:00.000000001'", "'23:59:59.999999999'"],
    "inet": ["'127.0.0.1'", "'255.0.0.1'", "'::1'", "'10.0.0.1'"],
}
SIMPLE = list(DOMAINS)
NUMERIC = {"int", "bigint", "smallint", "tinyint", "varint", "decimal", "double", "float"}
# The types that stand in sets and as keys of maps; their domains stand in the server's order.
ELEMENTS = ["int", "text", "bigint", "uuid", "timeuuid", "blob", "boolean", "varint"]
COMPARE = ["=", "<", "<=", ">", ">="]
TIMESTAMPS = 6
TTL_STEP = 100_000
TTL_MAX = 300_000_000  # far from 2038, where Cassandra's clock ends


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # simple, list, set, map, tuple
    args: tuple[str, ...]
    frozen: bool = False

    @property
    def type(self) -> str:
        if self.kind == "simple":
            return self.args[0]
        text = f"{self.kind}<{', '.join(self.args)}>"
        return f"frozen<{text}>" if self.frozen and self.kind != "tuple" else text

    @property
    def multi_cell(self) -> bool:
        return self.kind in ("list", "set", "map") and not self.frozen


@dataclass
class Table:
    name: str
    partition: list[Column]
    clustering: list[Column]
    descending: list[bool]
    regular: list[Column]
    static: list[Column]
    conditional: bool
    indexes: list[str] = field(default_factory=list)

    @property
    def key(self) -> list[Column]:
        return self.partition + self.clustering

    @property
    def columns(self) -> list[Column]:
        return self.key + self.static + self.regular

    def create(self) -> str:
        parts = [f"{c.name} {c.type}" for c in self.key]
        parts += [f"{c.name} {c.type} static" for c in self.static]
        parts += [f"{c.name} {c.type}" for c in self.regular]
        key = [f"({', '.join(c.name for c in self.partition)})"] + [c.name for c in self.clustering]
        text = f"CREATE TABLE {self.name} ({', '.join(parts)}, PRIMARY KEY ({', '.join(key)}))"
        if self.clustering and any(self.descending):
            order = [
                f"{c.name} {'DESC' if d else 'ASC'}"
                for c, d in zip(self.clustering, self.descending, strict=True)
            ]
            text += f" WITH CLUSTERING ORDER BY ({', '.join(order)})"
        return text


@dataclass
class Statement:
    text: str
    bind: list[str] | None = None
    page_size: int | None = None
    writes: bool = False


class Text:
    """A statement being written: values stand in it as literals, or as markers with their values beside it."""

    def __init__(self, bind: bool) -> None:
        self.parts: list[str] = []
        self.values: list[str] | None = [] if bind else None

    def add(self, *parts: str) -> Text:
        self.parts += parts
        return self

    def value(self, literal: str) -> Text:
        if self.values is None:
            return self.add(literal)
        self.values.append(literal)
        return self.add("?")

    def join(self, separator: str, items: list, write) -> Text:
        for i, item in enumerate(items):
            if i:
                self.add(separator)
            write(item)
        return self

    def statement(self, **more) -> Statement:
        return Statement("".join(self.parts), self.values or None, **more)


class Generator:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.ttls: set[int] = set()
        self.number = 0
        self.binds = False
        self.t: Table

    # --- chance ------------------------------------------------------------------------------------

    def odds(self, percent: float) -> bool:
        return self.rng.random() * 100 < percent

    def some(self, items: list, low: int = 1, high: int | None = None) -> list:
        count = self.rng.randint(min(low, len(items)), min(high or len(items), len(items)))
        return self.rng.sample(items, count)

    # --- tables ------------------------------------------------------------------------------------

    def table(self) -> Table:
        r = self.rng
        self.number += 1
        self.ttls.clear()
        partition = [self.key_column(f"p{i}") for i in range(r.choice([1, 1, 2]))]
        clustering = [self.key_column(f"c{i}") for i in range(r.choice([0, 1, 1, 2, 2, 3]))]
        regular = [self.column(f"v{i}") for i in range(r.randint(0 if clustering else 1, 5))]
        static = [self.column(f"s{i}") for i in range(r.choice([0, 0, 1, 2]))] if clustering else []
        self.t = Table(
            f"t{self.number}",
            partition,
            clustering,
            [self.odds(40) for _ in clustering],
            regular,
            static,
            self.odds(25),
        )
        if self.odds(20):
            self.add_index()
        return self.t

    def add_index(self) -> None:
        t = self.t
        usable = [c for c in t.regular + t.clustering if not c.frozen and c.kind != "tuple"]
        if not usable:
            return
        c = self.rng.choice(usable)
        target = c.name
        if c.kind == "map":
            target = f"{self.rng.choice(['keys', 'values', 'entries'])}({c.name})"
        t.indexes.append(f"CREATE INDEX ON {t.name} ({target})")

    def key_column(self, name: str) -> Column:
        if self.odds(12):
            kind = self.rng.choice(["list", "set", "tuple"])
            inner = tuple(self.rng.choice(ELEMENTS) for _ in range(2 if kind == "tuple" else 1))
            return Column(name, kind, inner, True)
        if self.odds(40):
            return Column(name, "simple", (self.rng.choice(["int", "text"]),))
        return Column(name, "simple", (self.rng.choice(SIMPLE),))

    def column(self, name: str) -> Column:
        r = self.rng
        kind = r.choice(["simple"] * 5 + ["list", "set", "map", "map", "tuple"])
        if kind == "simple":
            return Column(name, kind, (r.choice(["int", "text", *SIMPLE]),))
        if kind == "tuple":
            return Column(name, kind, tuple(r.choice(SIMPLE) for _ in range(r.randint(1, 3))), True)
        key = r.choice(ELEMENTS)
        args = (key, r.choice(SIMPLE)) if kind == "map" else (key,)
        return Column(name, kind, args, self.odds(35))

    # --- values ------------------------------------------------------------------------------------

    def simple(self, type_name: str) -> str:
        return self.rng.choice(DOMAINS[type_name])

    def literal(self, c: Column, nullable: bool = False) -> str:
        """A value of the column's type; sets and maps may be empty."""
        if nullable and self.odds(15):
            return "null"
        if c.type == "decimal" and c.name.startswith("c"):
            return self.rng.choice(["0", "1.0", "-1.5", "10"])
        if c.kind == "simple":
            return self.simple(c.args[0])
        if c.kind == "tuple":
            return f"({', '.join('null' if self.odds(15) else self.simple(a) for a in c.args)})"
        return self.collection(c.kind, c.args)

    def collection(self, kind: str, args: tuple[str, ...], low: int = 0) -> str:
        count = self.rng.randint(low, 3)
        if kind == "list":
            return f"[{', '.join(self.simple(args[0]) for _ in range(count))}]"
        keys = self.some(DOMAINS[args[0]], low, count) if count else []
        if self.binds:  # a bound set is stored as it came: in order is the client's duty
            keys.sort(key=DOMAINS[args[0]].index)
        if kind == "set":
            return f"{{{', '.join(keys)}}}"
        return f"{{{', '.join(f'{k}: {self.simple(args[1])}' for k in keys)}}}"

    def text(self) -> Text:
        self.binds = self.odds(20)
        return Text(self.binds)

    def ttl(self) -> str:
        while True:
            k = self.rng.randint(1, TTL_MAX // TTL_STEP)
            if k not in self.ttls:
                self.ttls.add(k)
                return str(k * TTL_STEP)

    def using(self, s: Text, ttl: bool, timestamp: bool = True) -> None:
        parts = []
        if timestamp and not self.t.conditional and self.odds(70):
            parts.append(f"TIMESTAMP {self.rng.randint(1, TIMESTAMPS)}")
        if ttl and self.odds(15):
            parts.append(f"TTL {'0' if self.odds(10) else self.ttl()}")
        self.rng.shuffle(parts)
        if parts:
            s.add(" USING ", " AND ".join(parts))

    # --- writes ------------------------------------------------------------------------------------

    def write(self) -> Statement:
        if self.odds(12):
            return self.batch()
        s = self.text()
        self.one_write(s)
        return s.statement(writes=True)

    def one_write(self, s: Text, timestamp: bool = True, condition: bool = True) -> None:
        kind = self.rng.choices([self.insert, self.update, self.delete], [45, 35, 30])[0]
        kind(s, timestamp, condition)

    def batch(self) -> Statement:
        s = self.text()
        whole = not self.t.conditional and self.odds(50)
        s.add("BEGIN ", self.rng.choice(["", "UNLOGGED "]), "BATCH ")
        if whole:
            s.add(f"USING TIMESTAMP {self.rng.randint(1, TIMESTAMPS)} ")
        for _ in range(self.rng.randint(1, 4)):
            self.one_write(s, timestamp=not whole)
            s.add("; ")
        s.add("APPLY BATCH")
        return s.statement(writes=True)

    def insert(self, s: Text, timestamp: bool, condition: bool) -> None:
        t = self.t
        only_static = t.static and self.odds(15)
        columns = t.partition if only_static else t.key
        others = t.static if only_static else t.static + t.regular
        columns = columns + self.some(others, 0)
        if self.odds(2):
            columns.pop(self.rng.randrange(len(columns)))
        if not columns:
            columns = t.key
        s.add(f"INSERT INTO {t.name} (", ", ".join(c.name for c in columns), ") VALUES (")
        s.join(", ", columns, lambda c: self.column_value(s, c))
        s.add(")")
        conditional = condition and t.conditional and self.odds(50)
        if conditional:
            s.add(" IF NOT EXISTS")
        self.using(s, True, timestamp and not conditional)

    def column_value(self, s: Text, c: Column) -> None:
        if c in self.t.key:
            s.value("null" if self.odds(1) else self.literal(c))
        elif s.values is not None and self.odds(10):
            s.value("unset")
        else:
            s.value(self.literal(c, nullable=True))

    def update(self, s: Text, timestamp: bool, condition: bool) -> None:
        t = self.t
        only_static = bool(t.static) and (not t.regular or self.odds(20))
        if not t.regular and not t.static:
            return self.insert(s, timestamp, condition)
        columns = self.some(t.static if only_static else t.regular + t.static, 1, 3)
        conditional = condition and t.conditional and self.odds(60)
        s.add(f"UPDATE {t.name}")
        self.using(s, True, timestamp and not conditional)
        s.add(" SET ")
        s.join(", ", columns, lambda c: self.assignment(s, c))
        statics_alone = all(c in t.static for c in columns)
        self.where_row(
            s, [] if statics_alone and self.odds(95) else t.clustering, many=not conditional
        )
        if conditional:
            self.condition(s)

    def assignment(self, s: Text, c: Column) -> None:
        if not c.multi_cell or self.odds(30):
            s.add(f"{c.name} = ").value(self.literal(c, nullable=True))
            return
        way = self.rng.choice("+-[>")
        if way == "[" and c.kind != "set":
            key = str(self.rng.randint(0, 3)) if c.kind == "list" else self.simple(c.args[0])
            s.add(f"{c.name}[").value(key).add("] = ")
            s.value("null" if self.odds(25) else self.simple(c.args[-1]))
        elif way == ">" and c.kind == "list":
            s.add(f"{c.name} = ").value(self.collection("list", c.args)).add(f" + {c.name}")
        elif way == "-":
            kind = "set" if c.kind == "map" else c.kind
            s.add(f"{c.name} = {c.name} - ").value(self.collection(kind, c.args[:1]))
        else:
            s.add(f"{c.name} = {c.name} + ").value(self.collection(c.kind, c.args))

    def delete(self, s: Text, timestamp: bool, condition: bool) -> None:
        t = self.t
        s.add("DELETE ")
        others = t.regular + t.static
        columns = self.some(others, 1, 2) if others and self.odds(45) else []
        s.join(", ", columns, lambda c: self.deletion(s, c))
        s.add(f" FROM {t.name}" if columns else f"FROM {t.name}")
        conditional = condition and t.conditional and self.odds(50)
        self.using(s, False, timestamp and not conditional)
        statics_alone = columns and all(c in t.static for c in columns)
        if statics_alone and self.odds(95):
            self.where_row(s, [])
        elif columns or conditional or not t.clustering or self.odds(40):
            self.where_row(s, t.clustering, many=not conditional)
        else:
            self.where_range(s)
        if conditional:
            self.condition(s)

    def deletion(self, s: Text, c: Column) -> None:
        if not c.multi_cell or self.odds(40):
            s.add(c.name)
        elif c.kind == "list":
            s.add(f"{c.name}[").value(str(self.rng.randint(0, 2))).add("]")
        else:
            s.add(f"{c.name}[").value(self.simple(c.args[0])).add("]")

    def where_row(self, s: Text, clustering: list[Column], many: bool = True) -> None:
        columns = self.t.partition + clustering
        if self.odds(2):
            columns = columns[:-1] or columns
        s.add(" WHERE ")
        s.join(" AND ", columns, lambda c: self.equal_or_in(s, c, 6 if many else 1))

    def equal_or_in(self, s: Text, c: Column, percent: float) -> None:
        if self.odds(percent):
            s.add(f"{c.name} IN (")
            s.join(", ", range(self.rng.randint(0, 3)), lambda _: s.value(self.literal(c)))
            s.add(")")
        else:
            s.add(f"{c.name} = ").value(self.literal(c))

    def where_range(self, s: Text) -> None:
        """A partition, or a slice of it."""
        s.add(" WHERE ")
        s.join(" AND ", self.t.partition, lambda c: self.equal_or_in(s, c, 5))
        self.clustering_slice(s, 5)

    def clustering_slice(self, s: Text, in_percent: float) -> None:
        """Restrictions of clustering columns, each with AND before it: equalities, then perhaps a slice."""
        clustering = self.t.clustering
        depth = self.rng.randint(0, len(clustering))
        for c in clustering[:depth]:
            s.add(" AND ")
            self.equal_or_in(s, c, in_percent)
        rest = clustering[depth:]
        if not rest or self.odds(35):
            return
        if len(rest) > 1 and self.odds(50):
            self.multi_column(s, rest[: self.rng.randint(2, len(rest))])
            return
        for op in self.bounds():
            s.add(f" AND {rest[0].name} {op} ").value(self.literal(rest[0]))

    def bounds(self) -> list[str]:
        low, high = self.rng.choice([">", ">="]), self.rng.choice(["<", "<="])
        return self.rng.choice([[low], [high], [low, high]])

    def multi_column(self, s: Text, columns: list[Column]) -> None:
        names = ", ".join(c.name for c in columns)

        def value(count: int) -> None:
            s.add("(")
            s.join(", ", columns[:count], lambda c: s.value(self.literal(c)))
            s.add(")")

        if self.odds(25):
            s.add(f" AND ({names}) IN (")
            s.join(", ", range(self.rng.randint(1, 3)), lambda _: value(len(columns)))
            s.add(")")
        elif self.odds(20):
            s.add(f" AND ({names}) = ")
            value(len(columns))
        else:
            for op in self.bounds():
                count = len(columns) if self.odds(80) else self.rng.randint(1, len(columns))
                s.add(f" AND ({', '.join(c.name for c in columns[:count])}) {op} ")
                value(count)

    def condition(self, s: Text) -> None:
        others = self.t.regular + self.t.static
        if not others or self.odds(25):
            s.add(" IF EXISTS")
            return
        columns = self.some(others, 1, 2)
        s.add(" IF ")
        s.join(" AND ", columns, lambda c: self.one_condition(s, c, len(columns) == 1))

    def one_condition(self, s: Text, c: Column, alone: bool) -> None:
        op = self.rng.choice(["=", "=", "!=", "<", "<=", ">", ">=", "IN", "[", "CONTAINS"])
        if op == "[" and c.kind in ("map", "list"):
            key = str(self.rng.randint(0, 2)) if c.kind == "list" else self.simple(c.args[0])
            s.add(f"{c.name}[").value(key).add(f"] {self.rng.choice(COMPARE)} ")
            s.value(self.simple(c.args[-1]))
        elif op == "CONTAINS" and c.kind in ("list", "set", "map"):
            s.add(f"{c.name} CONTAINS ").value(self.simple(c.args[-1]))
        elif op == "IN":
            s.add(f"{c.name} IN (")
            s.join(", ", range(self.rng.randint(0, 3)), lambda _: s.value(self.literal(c)))
            s.add(")")
        else:
            op = "=" if op in ("[", "CONTAINS") else op
            decided = alone or op in ("=", "!=")
            errs = c.multi_cell and not decided  # when it is empty, as null does
            value = self.collection(c.kind, c.args, 1) if errs else self.literal(c, decided)
            s.add(f"{c.name} {op} ").value(value)

    # --- reads -------------------------------------------------------------------------------------

    def everything(self) -> Statement:
        """All that the table shows, with the write times and TTLs of its simple cells."""
        t = self.t
        cells = [c for c in t.static + t.regular if not c.multi_cell]
        items = [c.name for c in t.columns]
        items += [f"{f}({c.name})" for c in cells for f in ("writetime", "ttl")]
        return Statement(f"SELECT {', '.join(items)} FROM {t.name}")

    def select(self) -> Statement:
        s = self.text()
        t = self.t
        distinct = self.odds(8)
        group = [] if distinct or self.odds(90) else t.key[: self.rng.randint(1, len(t.key))]
        s.add("SELECT ")
        self.selection(s, distinct, bool(group))
        s.add(f" FROM {t.name}")
        filtering = self.where(s)
        if group:
            s.add(" GROUP BY ", ", ".join(c.name for c in group))
        if t.clustering and self.odds(20):
            self.order(s)
        if self.odds(12):
            s.add(" PER PARTITION LIMIT ").value(str(self.rng.randint(1, 3)))
        if self.odds(20):
            s.add(" LIMIT ").value(str(self.rng.randint(1, 6)))
        if self.odds(93 if filtering else 10):
            s.add(" ALLOW FILTERING")
        page = self.rng.randint(1, 4) if self.odds(30) else None
        return s.statement(page_size=page)

    def order(self, s: Text) -> None:
        t = self.t
        count = self.rng.randint(1, len(t.clustering))
        flip = self.odds(50)
        parts = []
        for c, d in list(zip(t.clustering, t.descending, strict=True))[:count]:
            turn = flip if self.odds(95) else not flip
            parts.append(f"{c.name} {'DESC' if d != turn else 'ASC'}")
        s.add(" ORDER BY ", ", ".join(parts))

    def selection(self, s: Text, distinct: bool, group: bool) -> None:
        t = self.t
        if distinct:
            columns = t.partition + (self.some(t.static, 0) if t.static else [])
            s.add("DISTINCT ", ", ".join(c.name for c in columns))
        elif not group and self.odds(35):
            s.add("*")
        elif group or self.odds(15):
            aggregates = [self.aggregate() for _ in range(self.rng.randint(1, 3))]
            if group or self.odds(10):
                aggregates = [c.name for c in self.some(t.columns, 0, 3)] + aggregates
            s.add(", ".join(aggregates))
        else:
            items = self.some(t.columns, 1, 4)
            s.join(", ", items, lambda c: s.add(self.selector(s, c)))

    def aggregate(self) -> str:
        c = self.rng.choice(self.t.columns)
        numeric = c.kind == "simple" and c.args[0] in NUMERIC
        names = ["count"] if c.type == "timeuuid" else ["count", "min", "max"]
        if self.odds(8) and c not in self.t.key and not c.multi_cell:
            times = self.rng.choice(["writetime", "ttl"])
            return f"{self.rng.choice(['count', 'min', 'max'])}({times}({c.name}))"
        name = self.rng.choice(names + (["sum", "avg"] * 2 if numeric else []))
        if name == "count" and self.odds(50):
            return "count(*)"
        return f"{name}({c.name})"

    def selector(self, s: Text, c: Column) -> str:
        """May write values to s before it answers with the rest."""
        way = self.rng.random() if not self.is_descending(c) else 1.0
        if way < 0.12:
            return f"{self.rng.choice(['writetime', 'ttl', 'maxwritetime'])}({c.name})"
        if way < 0.17:
            return f"to_json({c.name}) AS json"  # whether it is called tojson depends on who asked first
        if way < 0.22 and c.kind == "simple":
            return f"cast({c.name} AS {self.rng.choice(['text', 'text', 'bigint', 'double', 'decimal', 'date'])})"
        if way < 0.25:
            return f"token({', '.join(c.name for c in self.t.partition)})"
        if way < 0.40 and c.kind in ("set", "map"):
            if self.odds(50):
                s.add(f"{c.name}[").value(self.simple(c.args[0]))
            else:
                s.add(f"{c.name}[")
                if self.odds(70):
                    s.value(self.simple(c.args[0]))
                s.add("..")
                if self.odds(70):
                    s.value(self.simple(c.args[0]))
            return "]"
        if way < 0.46 and c.kind in ("list", "set", "map"):
            names = ["collection_count", "collection_min", "collection_max"]
            names += ["map_keys", "map_values"] if c.kind == "map" else []
            return f"{self.rng.choice(names)}({c.name})"
        return f"{c.name} AS x_{c.name}" if self.odds(5) else c.name

    def is_descending(self, c: Column) -> bool:
        return any(d and c is k for k, d in zip(self.t.clustering, self.t.descending, strict=True))

    def where(self, s: Text) -> bool:
        """Writes the restrictions; true when they look as if they need filtering."""
        t = self.t
        way = self.rng.random()
        s.add(" WHERE ")
        start = len(s.parts)
        filtering = False
        if way < 0.50:
            s.join(" AND ", t.partition, lambda c: self.equal_or_in(s, c, 25))
            if t.clustering and self.odds(75):
                self.clustering_slice(s, 15)
        elif way < 0.60:
            self.token_range(s)
        elif way < 0.68:
            filtering = True
            for c in self.some(t.key, 1, 3):
                s.add(" AND " if len(s.parts) > start else "")
                self.relation(s, c)
        if self.odds(25) and t.regular + t.static:
            filtering = True
            for c in self.some(t.regular + t.static, 1, 2):
                s.add(" AND " if len(s.parts) > start else "")
                self.relation(s, c)
        if len(s.parts) == start:
            s.parts.pop()
        return filtering

    def token_range(self, s: Text) -> None:
        names = ", ".join(c.name for c in self.t.partition)
        ops = [self.rng.choice(COMPARE)] if self.odds(50) else self.bounds()

        def side(op: str) -> None:
            s.add(f"token({names}) {op} ")
            if self.odds(50):
                s.value(str(self.rng.choice([0, -(2**62), 2**62, -(2**63), 2**63 - 1])))
                return
            s.add("token(")
            s.join(", ", self.t.partition, lambda c: s.value(self.literal(c)))
            s.add(")")

        s.join(" AND ", ops, side)

    def relation(self, s: Text, c: Column) -> None:
        if c.kind in ("list", "set", "map") and self.odds(85):
            way = self.rng.random()
            if c.kind == "map" and way < 0.3:
                s.add(f"{c.name}[").value(self.simple(c.args[0])).add("] = ")
                s.value(self.simple(c.args[1]))
                return
            if c.kind == "map" and way < 0.6:
                s.add(f"{c.name} CONTAINS KEY ").value(self.simple(c.args[0]))
                return
            if way < 0.85:
                s.add(f"{c.name} CONTAINS ").value(self.simple(c.args[-1]))
                return
        if self.odds(10):
            self.equal_or_in(s, c, 100)
        elif self.odds(2):
            s.add(f"{c.name} ", self.rng.choice(["!= ", "LIKE ", "CONTAINS KEY "]))
            s.value(self.literal(c))
        else:
            s.add(f"{c.name} {self.rng.choice(['=', '=', *COMPARE])} ")
            s.value("null" if self.odds(2) else self.literal(c))
