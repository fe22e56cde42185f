"""Random reads for generate.py."""

from __future__ import annotations

from generate_tables import Column, Statement
from generate_values import NUMERIC
from generate_writes import COMPARE, Text, Writes

CASTS = ["text", "text", "ascii", "int", "bigint", "double", "decimal", "varint"]
BLOBS = {"int", "bigint", "text", "uuid", "timeuuid", "boolean", "timestamp", "varint", "inet", "double", "date"}  # fmt: skip


class Reads(Writes):
    """SELECT of all shapes."""

    def everything(self) -> Statement:
        """All that the table shows, with the write times and TTLs of its cells."""
        t = self.t
        items = [c.name for c in t.columns]
        if not t.counter:
            items += [f"{f}({c.name})" for c in t.static + t.regular for f in ("writetime", "ttl")]
        page = self.rng.randint(1, 5) if self.odds(30) else None
        return Statement(f"SELECT {', '.join(items)} FROM {t.name}", page_size=page)

    def select(self) -> Statement:
        s = self.text()
        t = self.t
        distinct = self.odds(8)
        group = [] if distinct or self.odds(90) else t.key[: self.rng.randint(1, len(t.key))]
        s.add("SELECT ")
        self.as_json = self.odds(6)  # Java before 19 prints some sums with a digit too many
        s.add("JSON " if self.as_json else "")
        self.selection(s, distinct, bool(group))
        s.add(f" FROM {t.name}")
        filtering = self.where(s)
        if group:
            s.add(" GROUP BY ", ", ".join(c.name for c in group))
        # In JSON, Cassandra sorts the rows of several partitions by the wrong values.
        if t.clustering and not self.as_json and self.odds(20):
            self.order(s)
        if self.odds(12):
            s.add(" PER PARTITION LIMIT ").value(self.limit(s, 3))
        if self.odds(20):
            s.add(" LIMIT ").value(self.limit(s, 6))
        if self.odds(93 if filtering else 10):
            s.add(" ALLOW FILTERING")
        page = self.rng.randint(1, 4) if self.odds(35) else None
        plain = page is not None and not distinct and not group and not t.static
        between = [self.write() for _ in range(self.rng.randint(1, 3))] if plain and self.odds(20) else []  # fmt: skip
        return s.statement(page_size=page, between=between, writes=bool(between))

    def limit(self, s: Text, most: int) -> str:
        return self.odd(s, str(self.rng.randint(0 if self.odds(5) else 1, most)), 5)

    def order(self, s: Text) -> None:
        t = self.t
        count = self.rng.randint(1, len(t.clustering))
        flip = self.odds(50)
        parts = []
        for c, d in list(zip(t.clustering, t.descending, strict=True))[:count]:
            turn = flip if self.odds(95) else not flip
            parts.append(f"{c.name} {'DESC' if d != turn else 'ASC'}")
        s.add(" ORDER BY ", ", ".join(parts))

    # --- what is selected --------------------------------------------------------------------------

    def selection(self, s: Text, distinct: bool, group: bool) -> None:
        t = self.t
        if distinct:
            columns = t.partition + (self.some(t.static, 0) if t.static else [])
            if self.odds(5):
                columns = self.some(t.columns, 1, 3)
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
        numeric = c.type.name in NUMERIC
        names = ["count"] if c.type.name == "timeuuid" else ["count", "min", "max"]
        if self.odds(8) and c not in self.t.key and not c.multi_cell:
            times = self.rng.choice(["writetime", "ttl"])
            return f"{self.rng.choice(['count', 'min', 'max'])}({times}({c.name}))"
        name = self.rng.choice(names + (["sum", "avg"] * 2 if numeric else []))
        if name == "count" and self.odds(50):
            return "count(*)"
        if numeric and not self.as_json and self.odds(10):
            return f"{name}({self.arithmetic(c)})"
        return f"{name}({c.name})"

    def arithmetic(self, c: Column) -> str:
        """A number and another one; the literal is an int, which every operator knows the type of."""
        others = [o.name for o in self.t.columns if o.type.name in NUMERIC] + [
            "(int)2",
            "(double)0.5",
        ]
        op = self.rng.choice("+-*+-*/%")
        right = self.rng.choice(others) if op not in "/%" else self.rng.choice(["(int)3", "(int)2"])
        return f"{c.name} {op} {right}"

    def selector(self, s: Text, c: Column) -> str:
        """May write values to s before it answers with the rest."""
        t = c.type
        way = self.rng.random() if not self.t.is_descending(c) else 1.0
        if way < 0.12:
            return f"{self.rng.choice(['writetime', 'ttl', 'maxwritetime'])}({c.name})"
        if way < 0.17:
            return f"to_json({c.name}) AS json"  # whether it is called tojson depends on who asked first
        if way < 0.23 and not t.args:
            casts = CASTS if t.name in NUMERIC else [*CASTS, "date", "timestamp"]
            return f"cast({c.name} AS {self.rng.choice(casts)})"
        if t.fields and way < 0.6:
            part = f"{c.name}.{self.rng.choice(t.fields)}"
            times = c not in self.t.key and self.odds(25)
            return f"{self.rng.choice(['writetime', 'ttl'])}({part})" if times else part
        if way < 0.26:
            return f"token({', '.join(c.name for c in self.t.partition)})"
        if way < 0.40 and t.name in ("set", "map"):
            s.add(f"{c.name}[")
            if self.odds(50):
                s.value(self.term(t.args[0]))
                return "]"
            if self.odds(70):
                s.value(self.term(t.args[0]))
            s.add("..")
            if self.odds(70):
                s.value(self.term(t.args[0]))
            return "]"
        if way < 0.46 and t.collection:
            names = ["collection_count", "collection_min", "collection_max"]
            names += ["map_keys", "map_values"] if t.name == "map" else []
            names += ["collection_sum", "collection_avg"] if t.args[0].name in NUMERIC else []
            return f"{self.rng.choice(names)}({c.name})"
        if way < 0.54 and t.name in NUMERIC and not self.as_json:
            return self.arithmetic(c)
        if way < 0.58 and t.name in NUMERIC and not self.as_json:
            return f"{self.rng.choice(['abs', 'round', '-'])}({c.name})"
        if way < 0.62 and t.name in BLOBS:
            return f"{t.name}_as_blob({c.name})"
        if way < 0.66 and t.name in ("date", "timestamp", "timeuuid"):
            names = ["to_date", "to_timestamp", "to_unix_timestamp"]
            return f"{self.rng.choice(names)}({c.name})"
        if way < 0.70 and t.name in ("date", "timestamp"):
            size = self.rng.choice(["1h", "1d", "1mo", "2d", "1ns"])
            return f"{c.name} {self.rng.choice('+-')} {size}" if self.odds(50) else f"floor({c.name}, {size})"  # fmt: skip
        if way < 0.72:
            names = ", ".join(o.name for o in self.some(self.t.columns, 1, 3))
            if "," not in names and self.as_json:
                return names  # Cassandra trips over a null in such a list, or shows it as ""
            return f"({names})" if "," in names else f"[{names}]"
        if way < 0.74 and t.collection and c not in self.t.key:
            return f"{self.rng.choice(['writetime', 'ttl'])}({c.name}[{self.term(t.args[0])}])" if not self.binds else c.name  # fmt: skip
        return f"{c.name} AS x_{c.name}" if self.odds(5) else c.name

    # --- which rows --------------------------------------------------------------------------------

    def where(self, s: Text) -> bool:
        """Writes the restrictions; true when they look as if they need filtering."""
        t = self.t
        way = self.rng.random()
        s.add(" WHERE ")
        start = len(s.parts)
        filtering = False
        if t.indexes and self.odds(45):
            for c in self.some(list(t.indexes.values()), 1, 2):
                s.add(" AND " if len(s.parts) > start else "")
                self.relation(s, c)
            filtering = self.odds(30)
        elif way < 0.50:
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
        elif way < 0.71 and len(t.clustering) > 1:
            filtering = True
            first = t.partition[0]
            s.add(f"{first.name} = ").value(self.literal(first))
            self.multi_column(s, self.some(t.clustering, 2))
        if self.odds(25) and t.regular + t.static:
            filtering = True
            for c in self.some(t.regular + t.static, 1, 2):
                s.add(" AND " if len(s.parts) > start else "")
                self.relation(s, c)
        if len(s.parts) == start:
            s.parts.pop()
        return filtering

    def token_range(self, s: Text) -> None:
        columns = self.t.partition
        if self.odds(4):
            columns = self.some(self.t.key, 1)
        names = ", ".join(c.name for c in columns)
        ops = [self.rng.choice(COMPARE)] if self.odds(50) else self.bounds()

        def side(op: str) -> None:
            s.add(f"token({names}) {op} ")
            if self.odds(50):
                s.value(str(self.rng.choice([0, -(2**62), 2**62, -(2**63), 2**63 - 1])))
                return
            s.add("token(")
            s.join(", ", columns, lambda c: s.value(self.literal(c)))
            s.add(")")

        s.join(" AND ", ops, side)

    def relation(self, s: Text, c: Column) -> None:
        t = c.type
        # With a storage-attached index Cassandra finds nothing in frozen collections; in static ones it finds
        # elements that were deleted.
        misled = (t.frozen and self.t.sai) or (c in self.t.static and not t.frozen)
        if t.collection and not misled and self.odds(75):
            way = self.rng.random()
            if t.name == "map" and way < 0.3:
                s.add(f"{c.name}[").value(self.odd(s, self.term(t.args[0]))).add("] = ")
                s.value(self.odd(s, self.term(t.args[1])))
                return
            if t.name == "map" and way < 0.6:
                s.add(f"{c.name} CONTAINS KEY ").value(self.odd(s, self.term(t.args[0])))
                return
            if way < 0.9:
                s.add(f"{c.name} CONTAINS ").value(self.odd(s, self.term(t.args[-1])))
                return
        if self.odds(10):
            self.equal_or_in(s, c, 100)
        elif self.odds(2):
            s.add(f"{c.name} ", self.rng.choice(["!= ", "LIKE ", "CONTAINS KEY "]))
            s.value(self.literal(c))
        elif self.odds(1):
            s.add(f"{c.name} IS NOT NULL")
        else:
            s.add(f"{c.name} {self.rng.choice(['=', '=', *COMPARE])} ")
            s.value("null" if self.odds(2) else self.odd(s, self.literal(c)))
