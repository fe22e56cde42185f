"""Random expressions: values of a kind, aggregates, windows and what rows are ordered by."""

import datetime
import decimal
from dataclasses import replace

from random_conditions import Conditions, Scope
from random_trees import Call, Infix, Method, Node, Slice, call, method, text
from random_world import VALUES

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


def output(kind: str) -> Node:
    if kind == "decimal":
        return call("DecimalField", max_digits=12, decimal_places=2)
    return call(OUTPUTS[kind])


class Expressions(Conditions):
    """Values of a kind."""

    def expression(self, scope: Scope, kind: str) -> Node:
        if scope.depth < 3 and self.some(0.65):
            make = self.one([self.function, self.function, self.any_kind])
            return make(scope.deeper(), kind)
        return self.plain(scope, kind)

    def possible(self, scope: Scope) -> Node:
        """A condition; none that no row can meet, since Django drops what is around it as well."""
        found = self.condition(scope)
        return self.q("pk__isnull", self.some(0.5)) if "[]" in text(found) else found

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
        if kind == "json":  # Django has no Coalesce() of JSON that is JSON on SQLite
            return self.plain(scope, kind)
        first, second = self.expression(scope, kind), self.expression(scope, kind)
        choices = [
            lambda: call("Coalesce", first, second),
            lambda: call("NullIf", first, second),
            lambda: call(
                "Case",
                call("When", self.possible(scope.deeper()), then=first),
                default=second,
                output_field=output(kind),
            ),
            lambda: call(
                "Case",
                call("When", self.possible(scope.deeper()), then=first),
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
                lambda: call("Collate", inner, "binary"),
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
        found = self.possible(scope.deeper())
        return (
            found
            if found.__class__ is Call and found.function == "Exists"
            else self.wrapped(found, "bool")
        )

    def make_json(self, scope):
        kind = self.one(["int", "text", "float", "json"])
        return self.one(
            [
                lambda: self.plain(scope, "json"),
                lambda: call("JSONObject", a=self.plain(scope, kind), b=call("Value", "x")),
            ]
        )()

    def make_uuid(self, scope):
        return call("Coalesce", self.plain(scope, "uuid"), self.plain(scope, "uuid"))

    # --- of several rows ---

    def aggregate(self, scope: Scope) -> tuple[Node, str]:
        """An aggregate and the kind of its value."""
        names = {}
        if self.some(0.25):
            names["filter"] = self.possible(replace(scope, annotations=(), depth=scope.depth + 1))
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
