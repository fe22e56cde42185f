"""Random queries in Django's words, as trees (random_trees): the same number gives the same query.

`Grammar` makes one: rows, values, groups, aggregates, windows, combinations, and updates and deletes; random_conditions and
random_expressions make its parts. Types are kept apart, so that hardly any query is wrong by itself."""

import random
from dataclasses import dataclass, replace

from random_conditions import JSON_KEYS, Column, Scope
from random_expressions import ORDERED, Expressions
from random_trees import Call, Infix, Method, Node, Objects, Slice, call, method, nodes, text
from random_world import OWN_VALUES, STARTS, TABLES, VALUES, Table, reads


@dataclass
class Query:
    """tree: what is asked. ordered: do its rows come in one order only? writes: does it change rows?"""

    tree: Node
    ordered: bool = False
    writes: bool = False


class Grammar(Expressions):
    """Whole queries."""

    def __init__(self, number: int):
        super().__init__(random.Random(number))

    def query(self) -> Query:
        table = TABLES[self.one(STARTS)]
        kinds = ["rows"] * 6 + ["values"] * 3 + ["groups"] * 3 + ["aggregate"] * 3 + ["counted"] * 2
        kinds += [
            "related",
            "window",
            "combined",
            "joined",
            "ends",
            "in_bulk",
            "dates",
            "exists",
            "distinct",
        ]
        kinds += ["update", "update", "delete"]
        return getattr(self, f"make_{self.one(kinds)}")(table)

    # --- steps ---

    def filtered(self, rows: Node, scope: Scope) -> Node:
        for _ in range(self.one([0, 1, 1, 2])):
            rows = method(rows, self.one(["filter", "filter", "exclude"]), self.condition(scope))
        return rows

    def annotated(self, rows: Node, scope: Scope) -> tuple[Node, Scope]:
        """With values computed for each row."""
        for _ in range(self.one([0, 1, 1, 1, 2])):
            kind = self.one(list(VALUES))
            name, many = f"x{len(scope.annotations)}", self.some(0.2)
            how = self.one(["annotate", "annotate", "annotate", "alias"])
            made = self.expression(replace(scope, many=many), kind)
            rows = method(rows, how, **{name: made})
            scope = self.with_annotation(scope, name, kind, many=many, hidden=how == "alias")
        return rows, scope

    def with_annotation(self, scope: Scope, name: str, kind: str, **more) -> Scope:
        column = Column(name, kind, VALUES[kind], **more)
        return replace(scope, annotations=(*scope.annotations, column))

    def ordered(self, rows: Node, scope: Scope) -> Node:
        """In a total order."""
        members = [self.order_member(scope) for _ in range(self.one([0, 0, 1, 2]))]
        rows = method(rows, "order_by", *members, self.one(["pk", "pk", "-pk"]))
        return method(rows, "reverse") if self.some(0.1) else rows

    def cut(self, rows: Node) -> Node:
        low = self.one([None, 0, 1, 3])
        return Slice(rows, low, self.one([None, (low or 0) + self.one([0, 1, 2, 5])]))

    def base(self, table: Table, many=True) -> tuple[Node, Scope]:
        scope = Scope(table, many=many)
        rows = Objects(table.name)
        if self.some(0.25):
            rows = self.pinned(rows, table)
        rows = self.filtered(rows, scope)
        return (method(rows, "all") if isinstance(rows, Objects) else rows), scope

    def pinned(self, rows: Node, table: Table) -> Node:
        """Of one partition or of a few, and of a part of these, as most queries of a site are."""
        first, *rest = (f for name in table.key for f in table.fields if f.name == name)
        values = [self.one(first.values) for _ in range(self.one([1, 1, 2]))]
        names = {f"{first.name}__in": values} if len(values) > 1 else {first.name: values[0]}
        for f in rest:
            if self.some(0.5):
                break
            lookup = self.one(["", "", "__gt", "__lte", "__in"])
            value = self.one(f.values)
            names[f.name + lookup] = [value, self.one(f.values)] if lookup == "__in" else value
        return method(rows, "filter", **names)

    # --- what is asked ---

    def collated(self, rows: Node, scope: Scope) -> Node:
        """Compared without case, or without blanks at the end; of texts that are then alike SQLite shows any."""
        column = self.column(replace(scope, many=False), ("text",))
        if column is None:
            return rows
        made = call("Collate", call("F", column.path), self.one(["nocase", "rtrim"]))
        value, lookup = self.value(column), self.one(["", "__gt", "__lte", "__in", "__contains"])
        rows = method(rows, "alias", c=made)
        return method(rows, "filter", self.q(f"c{lookup}", [value] if lookup == "__in" else value))

    def make_rows(self, table):
        rows, scope = self.base(table)
        if self.some(0.04):
            rows = self.collated(rows, scope)
        rows, scope = self.annotated(rows, scope)
        if scope.annotations:
            rows = self.filtered(rows, scope)
        if self.some(0.15):
            rows = method(rows, "distinct")
        rows = self.fetched(rows, table)
        if ordered := not self.multiplied(scope) and self.some(0.6):
            rows = self.ordered(rows, scope)
            if self.some(0.4):
                rows = self.cut(rows)
        elif self.some(0.1):
            rows = method(
                rows, "order_by", self.one([self.order_member(scope), self.column(scope).path])
            )
        if self.some(0.1):
            rows = method(rows, "iterator", chunk_size=3)
        return Query(rows, ordered)

    def multiplied(self, scope) -> bool:
        """May a row come several times, with other values?"""
        return any(column.many for column in scope.annotations)

    def fetched(self, rows, table):
        """With related rows, or without some columns."""
        single = [r for r in table.relations if not r.many]
        if single and self.some(0.25):
            path = [self.one(single)]
            further = [r for r in TABLES[path[0].target].relations if not r.many]
            if further and self.some(0.3):
                path.append(self.one(further))
            rows = method(rows, "select_related", "__".join(r.name for r in path))
        elif table.relations and self.some(0.2):
            rows = method(rows, "prefetch_related", self.prefetched(self.one(table.relations)))
        elif self.some(0.15):
            names = [f.name for f in table.fields]
            rows = method(rows, self.one(["only", "defer"]), *self.random.sample(names, 2))
        return rows

    def prefetched(self, relation):
        target = TABLES[relation.target]
        if self.some(0.5):
            rows, _ = self.base(target)
            return call("Prefetch", relation.attribute, rows)
        if target.relations and self.some(0.4):
            return f"{relation.attribute}__{self.one(target.relations).attribute}"
        return relation.attribute

    def make_related(self, table):
        """FilteredRelation()."""
        relations = [r for r in table.relations if not TABLES[r.target].composite]
        if not relations:
            return self.make_rows(table)
        relation = self.one(relations)
        target = TABLES[relation.target]
        tested, shown = self.column(Scope(replace(target, relations=[]))), self.one(target.fields)
        condition = self.q(f"{relation.name}__{tested.path}__isnull", self.some(0.3))
        if tested.kind != "json" and self.some(0.7):
            condition = self.q(f"{relation.name}__{tested.path}", self.value(tested))
        rows, _ = self.base(table)
        rows = method(
            rows, "annotate", r=call("FilteredRelation", relation.name, condition=condition)
        )
        if self.some(0.5):
            rows = method(rows, "filter", self.q(f"r__{shown.name}__isnull", self.some(0.5)))
        return Query(method(rows, "values_list", *table.pk, f"r__{shown.name}"))

    def make_values(self, table):
        rows, scope = self.base(table)
        rows, scope = self.annotated(rows, scope)
        scope = replace(scope, annotations=tuple(c for c in scope.annotations if not c.hidden))
        names = {self.column(scope).path for _ in range(self.one([1, 2, 3]))}
        if self.some(0.1) and (json := self.column(scope, ("json",))):
            names.add(f"{json.path}__{self.one(JSON_KEYS)}")
        names = sorted(names)
        if self.some(0.2) and not table.composite:
            names.append("pk")
        rows, total = self.selected(rows, names, scope)
        if self.some(0.2):
            rows = method(rows, "distinct")
        if ordered := total and self.some(0.6):
            order = self.random.sample(names, len(names))
            rows = method(rows, "order_by", *(self.one(["", "-"]) + name for name in order))
            if self.some(0.4):
                rows = self.cut(rows)
        return Query(rows, ordered)

    def selected(self, rows, names: list, scope) -> tuple[Node, bool]:
        """The values of these names, and whether they are all that there is."""
        if len(names) == 1 and self.some(0.4):
            return method(rows, "values_list", *names, flat=True), True
        way, more = self.one(["values", "values_list"]), {}
        if self.some(0.1):
            kind = self.one([kind for kind in VALUES if kind != "json"])
            more = {"y": self.expression(replace(scope, many=False), kind)}
            return method(rows, "values", *names, **more), False
        if way == "values_list" and self.some(0.2):
            more = {"named": True}
        return method(rows, way, *names, **more), True

    def make_groups(self, table):
        rows, scope = self.base(table)
        if self.some(0.25):
            rows, scope = self.annotated(rows, scope)
            scope = replace(scope, annotations=tuple(c for c in scope.annotations if not c.hidden))
        names = sorted(
            {self.column(scope, (*ORDERED, "bool")).path for _ in range(self.one([1, 1, 2]))}
        )
        rows = method(rows, "values", *names)
        rows, scope = self.aggregated(rows, scope)
        if self.some(0.6):
            rows = method(rows, "order_by", *names)
            if self.some(0.3):
                rows = self.cut(rows)
            return Query(rows, ordered=True)
        if self.some(0.2):
            return Query(method(rows, "count"))
        return Query(method(rows, "order_by"))

    def aggregated(self, rows, scope):
        """With aggregates, and perhaps a condition on one of them."""
        before = scope.annotations
        for i in range(self.one([1, 1, 2])):
            made, kind = self.aggregate(replace(scope, annotations=before))
            rows = method(rows, "annotate", **{f"n{i}": made})
            scope = self.with_annotation(scope, f"n{i}", kind)
        if self.some(0.4):
            having = replace(scope, many=False, depth=2)
            rows = method(rows, "filter", self.having(having))
        return rows, scope

    def having(self, scope):
        column = self.one(scope.annotations)
        lookup = self.one(["", "__gt", "__lte", "__isnull"])
        if column.kind in ("float", "decimal") and lookup == "":
            lookup = "__gt"
        value = self.some(0.5) if lookup == "__isnull" else self.value(column)
        return self.q(column.path + lookup, value)

    def make_counted(self, table):
        """Aggregates beside the columns of each row."""
        rows, scope = self.base(table)
        rows, scope = self.aggregated(rows, scope)
        if self.some(0.15):
            return Query(method(rows, "count"))
        if self.some(0.15):
            return self.total(rows, scope)
        if ordered := self.some(0.6):
            rows = method(rows, "order_by", "pk")
            if self.some(0.3):
                rows = self.cut(rows)
        return Query(rows, ordered)

    def total(self, rows, scope):
        names = {
            f"t{i}": self.aggregate(replace(scope, depth=2))[0] for i in range(self.one([1, 2]))
        }
        return Query(method(rows, "aggregate", **names))

    def make_aggregate(self, table):
        rows, scope = self.base(table)
        if self.some(0.3):
            rows, scope = self.annotated(rows, scope)
        if self.some(0.15):
            rows = method(rows, "distinct")
        elif self.some(0.15) and not self.multiplied(scope):
            rows = self.cut(method(rows, "order_by", "pk"))
            scope = replace(scope, many=False)
        return self.total(rows, scope)

    def make_window(self, table):
        rows, scope = self.base(table, many=False)
        made, kind = self.window(replace(scope, depth=2))
        rows = method(rows, "annotate", w=made)
        if self.some(0.3):
            windowed = self.with_annotation(scope, "w", kind)
            rows = method(rows, "filter", self.having(windowed))
        rows = method(rows, "order_by", "pk")
        if self.some(0.2):
            rows = self.cut(rows)
        return Query(rows, ordered=True)

    def make_combined(self, table):
        """union() and its like: of values of the same kinds, or of rows of a table."""
        if self.some(0.3):
            rows, other = (self.base(table)[0] for _ in range(2))
            rows = method(rows, self.one(["union", "intersection", "difference"]), other)
            if table.composite or self.some(0.3):
                return Query(rows)
            return Query(self.cut(method(rows, "order_by", *table.pk)), ordered=True)
        kinds = [self.one(["int", "text"])]
        parts = []
        for _ in range(self.one([2, 2, 3])):
            one = table if self.some(0.5) else TABLES[self.one(STARTS)]
            rows, scope = self.base(one, many=False)
            columns = [self.column(scope, (kind,)) for kind in kinds]
            if None in columns:
                rows, scope = self.base(table, many=False)
                columns = [self.column(scope, (kind,)) for kind in kinds]
            if None in columns:
                return self.make_rows(table)
            parts.append(method(rows, "values_list", *(column.path for column in columns)))
        way = self.one(["union", "union", "intersection", "difference"])
        names = {"all": True} if way == "union" and self.some(0.3) else {}
        rows = method(parts[0], way, *parts[1:], **names)
        if self.some(0.2):
            return Query(method(rows, self.one(["count", "exists"])))
        ordered = self.some(0.5)
        if ordered:
            path = dict_path(parts[0])
            rows = method(rows, "order_by", path)
            if self.some(0.5):
                rows = self.cut(rows)
        return Query(rows, ordered)

    def make_joined(self, table):
        """`|`, `&` and `^` of two querysets."""
        left, scope = self.base(table)
        right, _ = self.base(table)
        rows = Infix(self.one("|&^"), left, right)
        if ordered := self.some(0.5):
            rows = self.ordered(rows, scope)
        return Query(rows, ordered)

    def make_ends(self, table):
        rows, scope = self.base(table)
        if self.some(0.3):
            return Query(method(rows, self.one(["first", "last"])))
        rows = self.ordered(rows, scope)
        if self.some(0.2):
            return Query(method(rows, self.one(["earliest", "latest"]), "pk"))
        return Query(method(rows, self.one(["first", "last"])))

    def make_in_bulk(self, table):
        rows, _ = self.base(table)
        keys = [self.key_value(table) for _ in range(self.one([0, 1, 3, 5]))]
        return Query(method(rows, "in_bulk", keys))

    def make_dates(self, table):
        rows, scope = self.base(table)
        column = self.column(replace(scope, many=False), ("date", "datetime"))
        if column is None:
            return Query(method(rows, "count"))
        way, kinds = "dates", ["year", "month", "week", "day"]
        if column.kind == "datetime":
            way, kinds = "datetimes", [*kinds, "hour"]
        rows = method(rows, way, column.path, self.one(kinds), order=self.one(["ASC", "DESC"]))
        return Query(rows, ordered=True)

    def make_exists(self, table):
        rows, scope = self.base(table)
        rows, scope = self.annotated(rows, scope)
        if self.some(0.3) and not self.multiplied(scope):
            rows = self.cut(self.ordered(rows, scope))
        return Query(method(rows, self.one(["count", "exists"])))

    def make_distinct(self, table):
        rows, _ = self.base(table)
        names = [f.name for f in table.fields if f.kind != "json"]
        names = self.random.sample(names, min(2, len(names)))
        rows = method(method(rows, "values_list", *names), "distinct")
        if self.some(0.5):
            return Query(method(rows, "count"))
        return Query(method(rows, "order_by", *names), ordered=True)

    # --- writes ---

    def make_update(self, table):
        rows, scope = self.base(table)
        fields = [f for f in table.fields if not f.key]
        if not fields:
            return self.make_delete(table)
        names = {
            f.name: self.new_value(replace(scope, many=False), f)
            for f in self.random.sample(fields, self.one([1, 1, 2]) if len(fields) > 1 else 1)
        }
        return Query(method(rows, "update", **names), writes=True)

    def new_value(self, scope, f):
        if f.null and self.some(0.15):
            return None
        if (
            f.kind == "json" or f.name in OWN_VALUES or self.some(0.4)
        ):  # of keys some values are refused
            return self.one(f.values)
        # Django on SQLite takes columns of a parent's table for those of the child's.
        beside = [one for one in scope.table.fields if one.field.model is f.field.model]
        table = replace(scope.table, fields=beside, relations=[])
        own = Scope(table, many=False, depth=1)
        found = self.expression(own, f.kind)
        if scope.table.name in tables_of(found):  # SQLite would see what it has changed already
            return self.one(f.values)
        if "[]" in text(found):  # Django changes nothing if a condition in a new value is never met
            return self.one(f.values)
        return found if f.null else call("Coalesce", found, call("Value", self.one(f.values)))

    def make_delete(self, table):
        rows, _ = self.base(table)
        if self.some(0.2):
            return Query(method(rows, "_raw_delete", "default"), writes=True)
        return Query(method(rows, "delete"), writes=True)


def tables_of(tree) -> set[str]:
    """Those that the subqueries in an expression read."""
    tables = [node.model for node in nodes(tree) if isinstance(node, Objects)]
    words = [
        word for node in nodes(tree) if isinstance(node, (Call, Method)) for word in node.names
    ]
    words += [
        word
        for node in nodes(tree)
        if isinstance(node, (Call, Method))
        for word in node.args
        if isinstance(word, str)
    ]
    return reads(words, tables)


def dict_path(rows: Method) -> str:
    """The first of the values that rows have."""
    return rows.args[0]
