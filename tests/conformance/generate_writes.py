"""Random writes for generate.py."""

from __future__ import annotations

from generate_tables import Column, Statement, Tables
from generate_values import simple

COMPARE = ["=", "<", "<=", ">", ">="]
TIMESTAMPS = 6
TTL_STEP = 100_000
TTL_MAX = 300_000_000  # far from 2038, where Cassandra's clock ends


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

    def join(self, separator: str, items, write) -> Text:
        for i, item in enumerate(items):
            if i:
                self.add(separator)
            write(item)
        return self

    def statement(self, **more) -> Statement:
        return Statement("".join(self.parts), self.values or None, **more)


class Writes(Tables):
    """INSERT, UPDATE, DELETE, BATCH, with and without conditions."""

    def __init__(self, rng) -> None:
        super().__init__(rng)
        self.binds = False
        self.ttls: set[int] = set()
        self.pinned: dict[Column, str] = {}  # the partition of a conditional batch

    def text(self) -> Text:
        self.binds = self.odds(20)
        return Text(self.binds)

    def literal(self, c: Column, nullable: bool = False) -> str:
        """A value of the column's type; sets and maps may be empty."""
        if c in self.pinned:
            return self.pinned[c]
        if nullable and self.odds(15):
            return "null"
        unique = c in self.t.clustering
        if not self.binds and not self.t.is_descending(c) and self.odds(2):
            return self.expression(c.type, unique)
        return self.term(c.type, 0, unique)

    def odd(self, s: Text, literal: str, percent: float = 1.5) -> str:
        """Now and then null or unset in place of a value."""
        if s.values is None or not self.odds(percent):
            return literal
        return self.rng.choice(["null", "unset"])

    def ttl(self) -> str:
        while True:
            k = self.rng.randint(1, TTL_MAX // TTL_STEP)
            if k not in self.ttls:
                self.ttls.add(k)
                return str(k * TTL_STEP)

    def using(self, s: Text, ttl: bool, timestamp: bool = True) -> None:
        parts = []
        if timestamp and ((self.t.timestamps and self.odds(70)) or self.odds(0.5)):
            parts.append(("TIMESTAMP ", str(self.rng.randint(1, TIMESTAMPS))))
        if ttl and self.odds(15):
            value = self.rng.choice(["0", "-1", "700000000"]) if self.odds(12) else self.ttl()
            parts.append(("TTL ", value))
        self.rng.shuffle(parts)
        for i, (word, value) in enumerate(parts):
            s.add(" AND " if i else " USING ", word).value(self.odd(s, value, 5))

    # --- statements --------------------------------------------------------------------------------

    def write(self) -> Statement:
        way = self.rng.random()
        if self.t.counter:
            return self.count()
        if way < 0.12:
            return self.batch()
        if way < 0.20 and self.t.conditional:
            return self.conditional_batch()
        if way < 0.21:
            return Statement(f"TRUNCATE {self.t.name}", writes=True)
        s = self.text()
        self.one_write(s)
        return s.statement(writes=True)

    def one_write(self, s: Text, timestamp: bool = True, condition: float = 50) -> None:
        kind = self.rng.choices([self.insert, self.update, self.delete], [45, 35, 30])[0]
        kind(s, timestamp, self.t.conditional and self.odds(condition))

    def count(self) -> Statement:
        """Steps of counters, alone or in a batch. What a deletion does to them Cassandra leaves open."""
        s = self.text()
        batch = self.odds(15)
        s.add("BEGIN COUNTER BATCH " if batch else "")
        for _ in range(self.rng.randint(1, 3) if batch else 1):
            self.steps(s)
            s.add("; " if batch else "")
        s.add("APPLY BATCH" if batch else "")
        return s.statement(writes=True)

    def steps(self, s: Text) -> None:
        t = self.t
        if self.odds(3):
            return self.insert(s, True, False)  # which is refused
        columns = self.some(t.static if t.static and self.odds(25) else t.static + t.regular, 1, 2)
        s.add(f"UPDATE {t.name}")
        if self.odds(1):
            self.using(s, True)
        s.add(" SET ")
        s.join(", ", columns, lambda c: self.step(s, c))
        statics_alone = all(c in t.static for c in columns)
        self.where_row(s, [] if statics_alone else t.clustering)

    def step(self, s: Text, c: Column) -> None:
        if self.odds(1):
            s.add(f"{c.name} = ").value(self.literal(c))
        else:
            self.add_to(s, c, self.rng.choice("+-"), self.literal(c, nullable=self.odds(5)))

    def batch(self) -> Statement:
        s = self.text()
        whole = self.t.timestamps and self.odds(50)
        s.add("BEGIN ", self.rng.choice(["", "UNLOGGED "]), "BATCH ")
        if whole:
            s.add("USING TIMESTAMP ").value(str(self.rng.randint(1, TIMESTAMPS))).add(" ")
        for _ in range(self.rng.randint(1, 5)):
            self.one_write(s, timestamp=not whole or self.odds(1), condition=6)
            s.add("; ")
        s.add("APPLY BATCH")
        return s.statement(writes=True)

    def conditional_batch(self) -> Statement:
        """Statements on one partition, some with conditions."""
        s = self.text()
        self.pinned = {c: self.literal(c) for c in self.t.partition}
        s.add("BEGIN ", self.rng.choice(["", "UNLOGGED "]), "BATCH ")
        for _ in range(self.rng.randint(1, 4)):
            self.one_write(s, timestamp=False, condition=55)
            s.add("; ")
        s.add("APPLY BATCH")
        self.pinned = {}
        return s.statement(writes=True)

    def insert(self, s: Text, timestamp: bool, conditional: bool) -> None:
        t = self.t
        only_static = t.static and self.odds(15)
        columns = t.partition if only_static else t.key
        others = t.static if only_static else t.static + t.regular
        columns = columns + self.some(others, 0)
        if self.odds(2):
            columns.pop(self.rng.randrange(len(columns)))
        if not columns:
            columns = t.key
        if self.odds(12) and not self.pinned:
            self.json_object(s, columns)
        else:
            s.add(f"INSERT INTO {t.name} (", ", ".join(c.name for c in columns), ") VALUES (")
            s.join(", ", columns, lambda c: self.column_value(s, c))
            s.add(")")
        if conditional:
            s.add(" IF NOT EXISTS")
        self.using(s, True, timestamp and not conditional)

    def json_object(self, s: Text, columns: list[Column]) -> None:
        def item(c: Column) -> str:
            null = c not in self.t.key and self.odds(10)
            value = None if null else self.value(c.type, 0, c in self.t.clustering)
            return f'"{c.name}": {self.json(c.type, value)}'

        text = f"{{{', '.join(map(item, columns))}}}".replace("'", "''")
        s.add(f"INSERT INTO {self.t.name} JSON ").value(f"'{text}'")
        s.add(self.rng.choice(["", "", " DEFAULT NULL", " DEFAULT UNSET"]))

    def column_value(self, s: Text, c: Column) -> None:
        if c in self.t.key:
            s.value("null" if self.odds(1) else self.odd(s, self.literal(c)))
        elif s.values is not None and self.odds(10):
            s.value("unset")
        else:
            s.value(self.literal(c, nullable=True))

    def update(self, s: Text, timestamp: bool, conditional: bool) -> None:
        t = self.t
        only_static = bool(t.static) and (not t.regular or self.odds(20))
        if not t.regular and not t.static:
            return self.insert(s, timestamp, conditional)
        columns = self.some(t.static if only_static else t.regular + t.static, 1, 3)
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
        name, args = c.type.name, c.type.args
        if c.type.fields and self.odds(50 if c.multi_cell else 2):
            i = self.rng.randrange(len(args))
            s.add(f"{c.name}.{c.type.fields[i]} = ")
            s.value("null" if self.odds(25) else self.odd(s, self.term(args[i]), 5))
            return
        if (not c.multi_cell and not self.odds(1)) or self.odds(30) or not c.type.collection:
            s.add(f"{c.name} = ").value(self.odd(s, self.literal(c, nullable=True), 8))
            return
        way = self.rng.choice("+-[>")
        if way == "[" and name != "set":
            at = self.index() if name == "list" else self.term(args[0])
            s.add(f"{c.name}[").value(self.odd(s, at)).add("] = ")
            s.value("null" if self.odds(25) else self.odd(s, self.term(args[-1], 0, True), 5))
        elif way == ">" and name == "list":
            s.add(f"{c.name} = ").value(self.odd(s, self.term(c.type))).add(f" + {c.name}")
        elif way == "-":
            keys = self.show_keys(c)
            self.add_to(s, c, "-", keys)
        else:
            self.add_to(s, c, "+", self.term(c.type))

    def index(self) -> str:
        return str(self.rng.choice([-1, 0, 0, 1, 1, 2, 3]))

    def add_to(self, s: Text, c: Column, sign: str, literal: str) -> None:
        """``c = c + x`` or ``c += x``."""
        start = f"{c.name} {sign}= " if self.odds(30) else f"{c.name} = {c.name} {sign} "
        s.add(start).value(self.odd(s, literal, 5))

    def show_keys(self, c: Column) -> str:
        """What is taken away from a collection: its type, or a set of a map's keys."""
        if c.type.name != "map":
            return self.term(c.type)
        return self.show_set(c)

    def show_set(self, c: Column) -> str:
        keys = self.distinct(c.type.args[0], self.rng.randint(0, 3))
        return f"{{{', '.join(self.show(c.type.args[0], k) for k in keys)}}}"

    def delete(self, s: Text, timestamp: bool, conditional: bool) -> None:
        t = self.t
        s.add("DELETE ")
        others = t.regular + t.static
        columns = self.some(others, 1, 2) if others and self.odds(45) else []
        s.join(", ", columns, lambda c: self.deletion(s, c))
        s.add(f" FROM {t.name}" if columns else f"FROM {t.name}")
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
            return
        if c.type.fields:
            s.add(f"{c.name}.{self.rng.choice(c.type.fields)}")
            return
        at = self.index() if c.type.name == "list" else self.term(c.type.args[0])
        s.add(f"{c.name}[").value(self.odd(s, at)).add("]")

    # --- rows --------------------------------------------------------------------------------------

    def where_row(self, s: Text, clustering: list[Column], many: bool = True) -> None:
        columns = self.t.partition + clustering
        if self.odds(2):
            columns = columns[:-1] or columns
        s.add(" WHERE ")
        s.join(" AND ", columns, lambda c: self.equal_or_in(s, c, 6 if many else 1, least=1))

    def equal_or_in(self, s: Text, c: Column, percent: float, least: int = 0) -> None:
        """``least``: Cassandra fails inside where a write names a partition IN nothing."""
        if c not in self.pinned and self.odds(percent):
            s.add(f"{c.name} IN ")
            if s.values is not None and self.odds(30):
                s.value(
                    f"[{', '.join(self.literal(c) for _ in range(self.rng.randint(least, 3)))}]"
                )
                return
            s.add("(")
            s.join(", ", range(self.rng.randint(least, 3)), lambda _: s.value(self.literal(c)))
            s.add(")")
        else:
            s.add(f"{c.name} = ").value(self.odd(s, self.literal(c)))

    def where_range(self, s: Text) -> None:
        """A partition, or a slice of it."""
        s.add(" WHERE ")
        s.join(" AND ", self.t.partition, lambda c: self.equal_or_in(s, c, 5, least=1))
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
            s.add(f" AND {rest[0].name} {op} ").value(self.odd(s, self.literal(rest[0])))

    def bounds(self) -> list[str]:
        low, high = self.rng.choice([">", ">="]), self.rng.choice(["<", "<="])
        return self.rng.choice([[low], [high], [low, high]])

    def multi_column(self, s: Text, columns: list[Column]) -> None:
        names = ", ".join(c.name for c in columns)

        def value(count: int) -> None:
            if s.values is not None and self.odds(30):
                s.value(f"({', '.join(self.literal(c) for c in columns[:count])})")
                return
            s.add("(")
            s.join(", ", columns[:count], lambda c: s.value(self.odd(s, self.literal(c))))
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

    # --- conditions --------------------------------------------------------------------------------

    def condition(self, s: Text) -> None:
        others = self.t.regular + self.t.static
        if not others or self.odds(25):
            s.add(" IF EXISTS")
            return
        columns = self.some(others, 1, 2)
        alone = len(columns) == 1 and not self.pinned
        s.add(" IF ")
        s.join(" AND ", columns, lambda c: self.one_condition(s, c, alone))

    def one_condition(self, s: Text, c: Column, alone: bool) -> None:
        """``alone``: no other condition stands beside it, so that it may be an error as it runs."""
        name, args = c.type.name, c.type.args
        op = self.rng.choice(
            ["=", "=", "!=", "<", "<=", ">", ">=", "IN", "[", "CONTAINS", "CONTAINS KEY"]
        )
        if c.type.fields and op in ("[", "CONTAINS", "CONTAINS KEY"):
            i = self.rng.randrange(len(args))
            s.add(f"{c.name}.{c.type.fields[i]} {self.rng.choice(['=', '!='])} ")
            s.value(self.term(args[i]))
        elif op == "[" and name in ("map", "list"):
            at = str(self.rng.randint(0, 2)) if name == "list" else self.term(args[0])
            s.add(f"{c.name}[").value(at).add(f"] {self.rng.choice(COMPARE)} ")
            s.value(self.term(args[-1]))
        elif op == "CONTAINS" and c.type.collection:
            s.add(f"{c.name} CONTAINS ").value(self.term(args[-1]))
        elif op == "CONTAINS KEY" and name == "map":
            s.add(f"{c.name} CONTAINS KEY ").value(self.term(args[0]))
        elif op == "IN":
            s.add(f"{c.name} IN (")
            s.join(", ", range(self.rng.randint(0, 3)), lambda _: s.value(self.literal(c)))
            s.add(")")
        else:
            op = "=" if op in ("[", "CONTAINS", "CONTAINS KEY") else op
            decided = alone or op in ("=", "!=")
            errs = c.multi_cell and not decided  # when it is empty, as null does
            value = self.term(c.type, 1) if errs else self.literal(c, decided)
            s.add(f"{c.name} {op} ").value(self.odd(s, value) if alone else value)


__all__ = ["COMPARE", "TTL_MAX", "TTL_STEP", "Text", "Writes", "simple"]
