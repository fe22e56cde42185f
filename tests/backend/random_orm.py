"""Random queries in Django's words, as trees (random_trees): the same number gives the same query.

`Grammar` makes one: rows, values, groups, aggregates, windows, combinations, and updates and deletes. `Conditions` and
`Expressions` are its parts. Types are kept apart, so that hardly any query is wrong by itself."""

import datetime
import decimal
import random
from dataclasses import dataclass, replace

from random_trees import Call, Infix, Method, Node, Not, Objects, Slice, call, method, nodes, text
from random_world import OWN_VALUES, STARTS, TABLES, VALUES, Table, reads

ORDERED = ("int", "text", "decimal", "float", "date", "datetime", "time", "duration", "uuid")
NUMBERS = ("int", "decimal", "float")
OUTPUTS = {
    "int": "IntegerField",
    "text": "CharField",
    "decimal": "DecimalField",
    "float": "FloatField",
    "date": "DateField",
    "datetime": "DateTimeField",
    "time": "TimeField",
    "duration": "DurationField",
    "bool": "BooleanField",
    "uuid": "UUIDField",
    "json": "JSONField",
}
UTC = datetime.timezone.utc
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
    outer: "Scope | None" = None
    depth: int = 0

    def deeper(self) -> "Scope":
        return replace(self, depth=self.depth + 1)


def output(kind: str) -> Node:
    if kind == "decimal":
        return call("DecimalField", max_digits=12, decimal_places=2)
    return call(OUTPUTS[kind])


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
        return self.one(column.values) if column.values else self.one(VALUES[column.kind])


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
        if self.some(0.2):
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
            (f"{column.path}__contains", {"a": 1}),
        ]
        return self.q(*self.one(choices))

    # --- other rows ---

    def related(self, scope: Scope):
        """(path here, rows there that it is one of, their columns' kind)"""
        column = self.column(replace(scope, annotations=()), ("int", "text", "uuid"))
        return column

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
        inner = Scope(table, outer=scope, depth=scope.depth + 1)
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


class Expressions(Conditions):
    """Values of a kind."""

    def expression(self, scope: Scope, kind: str) -> Node:
        if scope.depth < 3 and self.some(0.5):
            make = self.one([self.function, self.function, self.any_kind])
            return make(scope.deeper(), kind)
        return self.plain(scope, kind)

    def plain(self, scope: Scope, kind: str) -> Node:
        """A column, or a value."""
        column = self.column(scope, (kind,))
        if column is None or self.some(0.15):
            value = self.one(VALUES[kind])
            if kind in ("json", "uuid") or self.some(0.3):
                return call("Value", value, output_field=output(kind))
            return call("Value", value)
        return call("F", column.path)

    def any_kind(self, scope: Scope, kind: str) -> Node:
        """What gives back one of the values that it takes."""
        if kind == "json":
            return self.plain(scope, kind)
        first, second = self.expression(scope, kind), self.expression(scope, kind)
        choices = [
            lambda: call("Coalesce", first, second),
            lambda: call("NullIf", first, second),
            lambda: call(
                "Case",
                call("When", self.condition(scope.deeper()), then=first),
                default=second,
                output_field=output(kind),
            ),
            lambda: call(
                "Case",
                call("When", self.condition(scope.deeper()), then=first),
                output_field=output(kind),
            ),
            lambda: self.subquery(scope, kind),
        ]
        if kind in ORDERED:
            choices.append(lambda: call(self.one(["Greatest", "Least"]), first, second))
        return self.one(choices)()

    def subquery(self, scope: Scope, kind: str) -> Node:
        rows, inner = self.inner_rows(scope)
        column = self.column(replace(inner, many=False), (kind,))
        if column is None:
            return self.plain(scope, kind)
        if kind == "int" and self.some(0.3):
            counted = method(method(rows, "order_by"), "values", column.path)
            counted = method(
                counted, "annotate", n=call("Count", "pk" if not inner.table.composite else "*")
            )
            ordered = method(counted, "order_by", column.path)
            return call("Subquery", Slice(method(ordered, "values", "n"), None, 1))
        rows = method(rows, "order_by", column.path, "pk")
        return call("Subquery", Slice(method(rows, "values", column.path), None, 1))

    def function(self, scope: Scope, kind: str) -> Node:
        return getattr(self, f"make_{kind}")(scope)

    def infix(self, scope: Scope, kind: str, operators, other=None) -> Node:
        other = other or kind
        return Infix(
            self.one(operators), self.expression(scope, kind), self.expression(scope, other)
        )

    def wrapped(self, node: Node, kind: str) -> Node:
        return call("ExpressionWrapper", node, output_field=output(kind))

    def make_int(self, scope):
        return self.one(
            [
                lambda: self.infix(scope, "int", "+-*"),
                lambda: Infix(
                    self.one("/%"), self.expression(scope, "int"), self.one([1, 2, 3, -2])
                ),
                lambda: call(self.one(["Length", "Length", "Ord"]), self.expression(scope, "text")),
                lambda: call(
                    "StrIndex", self.expression(scope, "text"), call("Value", self.one(["a", "b"]))
                ),
                lambda: call(self.one(["Abs", "Sign"]), self.expression(scope, "int")),
                lambda: call(
                    self.one(["ExtractYear", "ExtractMonth", "ExtractWeekDay", "ExtractWeek"]),
                    self.expression(scope, self.one(["date", "datetime"])),
                ),
                lambda: call(
                    self.one(["ExtractHour", "ExtractSecond"]), self.plain(scope, "datetime")
                ),
                lambda: call(
                    "Cast", self.plain(scope, self.one(["float", "bool", "int"])), output("int")
                ),
                lambda: call("Coalesce", self.expression(scope, "int"), 0),
            ]
        )()

    def make_text(self, scope):
        inner = self.expression(scope, "text")
        return self.one(
            [
                lambda: call(
                    "Concat",
                    inner,
                    call("Value", self.one(["", "-"])),
                    self.expression(scope, "text"),
                ),
                lambda: call(
                    self.one(
                        ["Lower", "Upper", "Trim", "LTrim", "RTrim", "Reverse", "MD5", "SHA1"]
                    ),
                    inner,
                ),
                lambda: call("Substr", inner, self.one([1, 2, 3]), self.one([1, 2])),
                lambda: call(self.one(["Left", "Right"]), inner, self.one([1, 2])),
                lambda: call("Repeat", inner, self.one([0, 1, 2])),
                lambda: call("Replace", inner, call("Value", "a"), call("Value", "cc")),
                lambda: call(self.one(["LPad", "RPad"]), inner, 3, call("Value", "_")),
                lambda: call(
                    "Cast", self.plain(scope, self.one(["int", "text", "bool"])), output("text")
                ),
                lambda: call("Chr", call("Value", 65)),
                lambda: call("Collate", inner, self.one(["nocase", "rtrim", "binary"])),
                lambda: call("Coalesce", inner, call("Value", "none")),
            ]
        )()

    def make_decimal(self, scope):
        return self.one(
            [
                lambda: self.wrapped(self.infix(scope, "decimal", "+-*"), "decimal"),
                lambda: self.wrapped(self.infix(scope, "decimal", "+-*", "int"), "decimal"),
                lambda: call("Abs", self.expression(scope, "decimal")),
                lambda: call("Cast", self.plain(scope, "int"), output("decimal")),
                lambda: call(
                    "Coalesce", self.expression(scope, "decimal"), decimal.Decimal("0.50")
                ),
            ]
        )()

    def make_float(self, scope):
        return self.one(
            [
                lambda: self.infix(scope, "float", "+-*/"),
                lambda: self.wrapped(self.infix(scope, "float", "+-*", "int"), "float"),
                lambda: call(
                    self.one(["Abs", "Floor", "Ceil", "Sign"]), self.expression(scope, "float")
                ),
                lambda: call("Round", self.expression(scope, "float"), precision=1),
                lambda: call(
                    "Cast",
                    self.plain(scope, self.one(["int", "decimal", "float"])),
                    output("float"),
                ),
                lambda: call("Power", self.plain(scope, "float"), self.one([0, 1, 2])),
                lambda: call("Sqrt", call("Abs", self.plain(scope, "float"))),
            ]
        )()

    def make_date(self, scope):
        return self.one(
            [
                lambda: call(
                    self.one(["TruncMonth", "TruncYear", "TruncWeek", "TruncQuarter"]),
                    self.plain(scope, "date"),
                ),
                lambda: call("TruncDate", self.plain(scope, "datetime")),
            ]
        )()

    def make_datetime(self, scope):
        return self.one(
            [
                lambda: call(
                    self.one(["TruncDay", "TruncMonth", "TruncHour", "TruncWeek"]),
                    self.plain(scope, "datetime"),
                    # Elsewhere SQLite takes the beginning of a day there for one in UTC.
                    tzinfo=UTC,
                ),
                lambda: self.wrapped(
                    Infix(
                        self.one("+-"),
                        self.plain(scope, "datetime"),
                        self.one(
                            [
                                call(
                                    "Value",
                                    datetime.timedelta(hours=25),
                                    output_field=output("duration"),
                                ),
                                datetime.timedelta(seconds=90),
                            ]
                        ),
                    ),
                    "datetime",
                ),
            ]
        )()

    def make_time(self, scope):
        return call("TruncTime", self.plain(scope, "datetime"))

    def make_duration(self, scope):
        return self.one(
            [
                lambda: self.wrapped(self.infix(scope, "duration", "+-"), "duration"),
                lambda: self.wrapped(
                    Infix("-", self.plain(scope, "datetime"), self.plain(scope, "datetime")),
                    "duration",
                ),
            ]
        )()

    def make_bool(self, scope):
        found = self.condition(scope.deeper())
        return (
            found
            if found.__class__ is Call and found.function == "Exists"
            else self.wrapped(found, "bool")
        )

    def make_json(self, scope):
        return self.plain(scope, "json")

    def make_uuid(self, scope):
        return call("Coalesce", self.plain(scope, "uuid"), self.plain(scope, "uuid"))

    # --- of several rows ---

    def aggregate(self, scope: Scope) -> tuple[Node, str]:
        """An aggregate and the kind of its value."""
        names = {}
        if self.some(0.25):
            names["filter"] = self.condition(replace(scope, annotations=(), depth=scope.depth + 1))
            if "[]" in text(
                names["filter"]
            ):  # over a slice Django gives nothing if it is never met
                names["filter"] = self.q("pk__isnull", self.some(0.5))
        function = self.one(
            ["Count", "Count", "Sum", "Avg", "Min", "Max", "Min", "Max", "StdDev", "Variance"]
        )
        if function == "Count":
            column = self.column(scope)
            if self.some(0.25):
                return call("Count", "*"), "int"
            if self.some(0.4):
                names["distinct"] = True
            return call("Count", column.path, **names), "int"
        kinds = {
            "Sum": ("int", "decimal", "float", "duration"),
            "Avg": ("int", "float", "decimal", "duration"),
        }
        column = self.column(
            scope, kinds.get(function, NUMBERS if function in ("StdDev", "Variance") else ORDERED)
        )
        if column is None:
            return call("Count", "*"), "int"
        inner = column.path
        if column.kind in NUMBERS and self.some(0.15):
            inner = self.expression(replace(scope, annotations=(), depth=2), column.kind)
        if function in ("Sum", "Avg") and self.some(0.15):
            names["distinct"] = True
        if function in ("Sum", "Min", "Max") and column.kind == "int" and self.some(0.2):
            names["default"] = 0
        kind = column.kind
        if function in ("StdDev", "Variance") or (function == "Avg" and kind == "int"):
            kind = "float"
        return call(function, inner, **names), kind

    def window(self, scope: Scope) -> tuple[Node, str]:
        """Over rows in a total order."""
        order = [self.order_member(scope) for _ in range(self.one([0, 1]))]
        names = {"order_by": [*order, *scope.table.pk]}
        if self.some(0.6):
            names["partition_by"] = [call("F", self.column(replace(scope, annotations=())).path)]
        function, kind = self.window_function(scope)
        if kind == "aggregate":
            kind, frame = "float", self.one([None, "RowRange", "ValueRange"])
            if frame == "RowRange":
                names["frame"] = call(
                    frame, start=self.one([None, -1, 0]), end=self.one([None, 0, 1])
                )
            elif frame:
                names["frame"] = call(frame, start=None, end=0)
        return call("Window", function, **names), kind

    def window_function(self, scope: Scope) -> tuple[Node, str]:
        column = self.column(replace(scope, annotations=()), ("int", "text", "float", "date"))
        if column is None or self.some(0.35):
            rank = self.one(["RowNumber", "Rank", "DenseRank", "PercentRank", "CumeDist"])
            return call(rank), "float" if rank in ("PercentRank", "CumeDist") else "int"
        if self.some(0.4):
            return call(
                self.one(["Lag", "Lead"]), column.path, offset=self.one([1, 2])
            ), column.kind
        if self.some(0.4):
            return call(self.one(["FirstValue", "LastValue"]), column.path), column.kind
        if column.kind in ("int", "float"):
            return call(self.one(["Sum", "Avg", "Min", "Max", "Count"]), column.path), "aggregate"
        return call("NthValue", column.path, nth=2), column.kind

    def order_member(self, scope: Scope):
        column = self.column(replace(scope, many=False))
        if column.kind in ("json", "bool") or self.some(0.6):
            return self.one(["", "-"]) + column.path
        inner = call("F", column.path)
        if self.some(0.3):
            inner = self.expression(replace(scope, many=False, depth=2), column.kind)
        way = self.one(["asc", "desc"])
        nulls = self.one([{}, {"nulls_last": True}, {"nulls_first": True}])
        return Method(inner, way, (), nulls)


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
        for _i in range(self.one([0, 0, 1, 1, 2])):
            kind = self.one([kind for kind in VALUES if kind != "json"])
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

    def make_rows(self, table):
        rows, scope = self.base(table)
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
        rows, scope, _made = self.aggregated(rows, scope)
        if self.some(0.6):
            rows = method(rows, "order_by", *names)
            if self.some(0.3):
                rows = self.cut(rows)
            return Query(rows, ordered=True)
        if self.some(0.2):
            return Query(method(rows, "count"))
        return Query(method(rows, "order_by"))

    def aggregated(self, rows, scope):
        before, made = scope.annotations, {}
        for _ in range(self.one([1, 1, 2])):
            name = f"n{len(made)}"
            made[name], kind = self.aggregate(replace(scope, annotations=before))
            rows = method(rows, "annotate", **{name: made[name]})
            scope = self.with_annotation(scope, name, kind)
        if self.some(0.4):
            having = replace(scope, many=False, depth=2)
            rows = method(rows, "filter", self.having(having))
        return rows, replace(scope, annotations=scope.annotations), made

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
        rows, scope, _ = self.aggregated(rows, scope)
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
        rows, _scope = self.base(table)
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
