"""Random conditions: what filter() and exclude() take, and the chance that all random queries come from."""

import random
from dataclasses import dataclass, replace

from random_trees import Call, Infix, Node, Not, Objects, Slice, call, method
from random_world import STARTS, TABLES, VALUES, Table

PATTERNS = ["^a", "b", "[a-b]$", "^$", "A", "."]
JSON_KEYS = ["a", "b", "c"]
JSON_VALUES = [1, 2, "x", "X", None, True, False, 1.5, "1"]


@dataclass(frozen=True)
class Column:
    """What an expression may name: a path, the kind of its values, and some of these."""

    path: str
    kind: str
    values: list
    many: bool = False  # across a relation to several rows
    reference: bool = False  # a foreign key, which knows few lookups
    hidden: bool = False  # of alias()


@dataclass(frozen=True)
class Scope:
    """What a part of a query sees."""

    table: Table
    many: bool = True  # may it go to several rows?
    annotations: tuple[Column, ...] = ()
    depth: int = 0

    def deeper(self) -> "Scope":
        return replace(self, depth=self.depth + 1)


@dataclass
class Chance:
    """Where all choices come from."""

    random: random.Random

    def some(self, chance: float) -> bool:
        return self.random.random() < chance

    def one(self, items):
        return self.random.choice(items)

    def column(self, scope: Scope, kinds=None) -> Column | None:
        """One of the kinds; None if chance finds none."""
        for _ in range(6):
            if scope.annotations and self.some(0.3):
                found = self.one(scope.annotations)
            else:
                found = self._walk(scope)
            if found is not None and (kinds is None or found.kind in kinds):
                return found
        own = [f for f in scope.table.fields if kinds is None or f.kind in kinds]
        if not own:
            return None
        f = self.one(own)
        return self._of(f, f.name)

    def _walk(self, scope: Scope) -> Column | None:
        table, path, many = scope.table, [], False
        for _ in range(self.one([0, 0, 0, 0, 1, 1, 1, 2])):
            relations = [r for r in table.relations if scope.many or not r.many]
            if not relations:
                break
            relation = self.one(relations)
            path.append(relation.name)
            many = many or relation.many
            table = TABLES[relation.target]
        f = self.one(table.fields)
        return self._of(f, "__".join([*path, f.name]), many)

    def _of(self, f, path: str, many=False) -> Column:
        return Column(path, f.kind, f.values, many, f.field.is_relation)

    def value(self, column: Column):
        return self.one(column.values)


class Conditions(Chance):
    """Arguments of filter() and exclude()."""

    def condition(self, scope: Scope) -> Node:
        if scope.depth < 3 and self.some(0.35):
            left, right = self.condition(scope.deeper()), self.condition(scope.deeper())
            found = Infix(self.one(["&", "&", "|", "|", "^"]), left, right)
        else:
            found = self.comparison(scope)
        return Not(found) if self.some(0.2) else found

    def comparison(self, scope: Scope) -> Node:
        chance = self.random.random()
        if chance < 0.06 and scope.depth < 3:
            return self.exists(scope)
        if chance < 0.14 and scope.depth < 3:
            return self.in_rows(scope)
        if chance < 0.22 and scope.table.composite:
            return self.key(scope)
        if chance < 0.26:
            return self.relation_is_null(scope)
        column = self.column(scope)
        if column.kind == "json":
            return self.json(column)
        if column.kind == "bool" and column in scope.annotations:
            # Django writes NOT x IN (…) there, of which SQLite makes NOT (x IN (…)).
            return self.q(column.path, self.some(0.5))
        lookups = ["__gt", "__lte"] if column.reference else self.lookups(column.kind)
        lookup = self.one(["", "", "__in", "__isnull", *lookups])
        if self.some(0.03):
            return self.q(column.path, None)
        if column.kind == "int" and not column.reference and self.some(0.05):
            way = self.one(["contains", "startswith", "iexact", "regex"])
            return self.q(f"{column.path}__{way}", self.one(["1", "-", "2"]))
        return self.q(column.path + lookup, self.argument(scope, column, lookup))

    def q(self, name: str, value) -> Node:
        return Call("Q", (), {name: value})

    def lookups(self, kind: str) -> list[str]:
        ordered = ["__gt", "__gte", "__lt", "__lte", "__range"]
        dates = ["__year", "__month__gte", "__day", "__week_day", "__quarter", "__year__lt"]
        times = ["__hour", "__minute__lt", "__second"]
        return {
            "bool": [],
            "uuid": ordered,
            "text": [
                *ordered,
                "__contains",
                "__icontains",
                "__startswith",
                "__istartswith",
                "__endswith",
                "__iendswith",
                "__iexact",
                "__regex",
                "__iregex",
            ],
            "date": [*ordered, *dates, "__iso_year", "__week"],
            "datetime": [*ordered, *dates, *times, "__date", "__date__gt", "__time__lt"],
            "time": [*ordered, *times],
        }.get(kind, ordered)

    def argument(self, scope: Scope, column: Column, lookup: str):
        name = lookup.rpartition("__")[2]
        last = lookup.removeprefix("__")
        if last == "isnull":
            return self.some(0.5)
        if last == "in":
            return [self.value(column) for _ in range(self.one([0, 1, 2, 2, 3, 4]))]
        if last == "range":
            return tuple(sorted([self.value(column), self.value(column)]))
        if name in ("regex", "iregex"):
            return self.one(PATTERNS)
        if "date" in lookup:
            return self.one(VALUES["date"])
        if "time" in lookup:
            return self.one(VALUES["time"])
        if "__" in last or last in ("year", "iso_year", "month", "day", "week", "week_day"):
            return self.one([2025, 2026] if "year" in last else [1, 2, 5, 6, 7, 14])
        if last in ("quarter", "hour", "minute", "second"):
            return self.one([0, 1, 4, 9, 11, 30, 59])
        if self.some(0.2) and last != "iexact":  # Django makes text of its first parameter
            return self.expression(scope.deeper(), column.kind)
        return self.value(column)

    def key(self, scope: Scope) -> Node:
        keys = [self.key_value(scope.table) for _ in range(3)]
        lookup = self.one(["", "__gt", "__gte", "__lt", "__lte", "__in", "__in", "__range"])
        value = {"__in": keys, "__range": sorted(keys[:2])}.get(lookup, keys[0])
        return self.q(f"pk{lookup}", value)

    def key_value(self, table: Table):
        values = {f.name: f.values for f in table.fields}
        names = [table.model._meta.get_field(name).attname for name in table.pk]
        found = tuple(self.one(values[name]) for name in names)
        return found if len(found) > 1 else found[0]

    def relation_is_null(self, scope: Scope) -> Node:
        relations = [r for r in scope.table.relations if scope.many or not r.many]
        if not relations:
            return self.q("pk__isnull", self.some(0.3))
        return self.q(f"{self.one(relations).name}__isnull", self.some(0.5))

    def json(self, column: Column) -> Node:
        path = column.path + "".join(
            f"__{self.one([*JSON_KEYS, 0, 2])}" for _ in range(self.one([1, 1, 1, 2]))
        )
        choices = [
            (column.path, self.value(column)),
            (f"{column.path}__isnull", self.some(0.5)),
            (path, self.one(JSON_VALUES)),
            (path, self.one([[1, 2], {"c": True}, {}])),
            (f"{path}__isnull", self.some(0.5)),
            (f"{path}__in", [self.one(JSON_VALUES) for _ in range(2)]),
            (f"{path}__{self.one(['gt', 'gte', 'lt', 'lte'])}", self.one([0, 1, 1.5, "a", "x"])),
            (f"{path}__{self.one(['icontains', 'startswith', 'iexact', 'regex'])}", "x"),
            (f"{column.path}__has_key", self.one([*JSON_KEYS, 0])),
            (f"{column.path}__has_keys", self.random.sample(JSON_KEYS, 2)),
            (f"{column.path}__has_any_keys", self.random.sample(JSON_KEYS, 2)),
            (f"{path}__has_key", self.one(JSON_KEYS)),
        ]
        return self.q(*self.one(choices))

    # --- other rows ---

    def exists(self, scope: Scope) -> Node:
        inner, _ = self.inner_rows(scope)
        return call("Exists", inner)

    def inner_rows(self, scope: Scope) -> tuple[Node, Scope]:
        """Rows of a table beside the query's, as a rule those that belong to its row."""
        ties = [r for r in scope.table.relations if not r.many and not TABLES[r.target].composite]
        if ties and self.some(0.5):
            tie = self.one(ties)
            table, condition = TABLES[tie.target], self.q("pk", call("OuterRef", tie.name))
        else:
            table = TABLES[self.one(STARTS)]
            mine = self.column(replace(scope, many=False, annotations=()), ("int", "text"))
            theirs = self.column(Scope(table, many=False), (mine.kind,) if mine else None)
            same = mine and theirs and theirs.kind == mine.kind
            condition = self.q(theirs.path, call("OuterRef", mine.path)) if same else call("Q")
        inner = Scope(table, depth=scope.depth + 1)
        rows = method(Objects(table.name), "filter", condition)
        if self.some(0.5):
            rows = method(
                rows, self.one(["filter", "filter", "exclude"]), self.condition(inner.deeper())
            )
        return rows, inner

    def in_rows(self, scope: Scope) -> Node:
        """A value that is among those of other rows."""
        mine = self.column(scope, ("int", "text", "date", "decimal", "uuid"))
        table = TABLES[self.one(STARTS)]
        theirs = mine and self.column(Scope(table), (mine.kind,))
        if mine is None or theirs is None:
            return self.exists(scope)
        inner = Scope(table, depth=scope.depth + 1)
        rows = method(Objects(table.name), self.one(["filter", "exclude"]), self.condition(inner))
        if self.some(0.2):
            rows = Slice(method(rows, "order_by", theirs.path, "pk"), 0, 3)
        return self.q(f"{mine.path}__in", method(rows, "values", theirs.path))
