"""Random ORM queries have the same answers here and with Django on SQLite.

A failure is made smaller, query and rows, and printed as Python. RANDOM_QUERIES=N asks more of them, RANDOM_FIRST=N begins
with that number."""

import datetime
import decimal
import math
import os
import re
import statistics
import uuid
from unittest import mock

from django.core.exceptions import FieldError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, ProgrammingError, connections, models
from django.db.models import expressions, functions
from django.db.models.query import BaseIterable
from django.test import SimpleTestCase, TestCase
from django.test.utils import CaptureQueriesContext
from random_orm import Grammar, Query
from random_trees import Call, Infix, Method, Not, Objects, Slice, call, method, root, shrink, text
from random_world import MODELS, World

from django_cassandra_backend.exceptions import NotOnCqlRoad
from django_cassandra_backend.read_compiler import SQLCompiler

REFERENCE = "reference"  # SQLite
ALIASES = (DEFAULT_DB_ALIAS, REFERENCE)
QUERIES = int(os.environ.get("RANDOM_QUERIES", "400"))
FIRST = int(os.environ.get("RANDOM_FIRST", "0"))
OF_ONE_WORLD = 100  # queries
#: What a query may name: all that Django exports, and the models.
NAMES = {
    **vars(expressions),
    **vars(models),
    **vars(functions),
    "datetime": datetime,
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
}


BY_NAME = {model.__name__: model for model in MODELS}


class Model:
    """A model whose rows are those of one database."""

    def __init__(self, model, alias):
        self.objects = model._default_manager.db_manager(alias)


def evaluate(tree, alias):
    """What Python makes of a query's text, with the rows fetched."""
    names = NAMES | {name: Model(model, alias) for name, model in BY_NAME.items()}
    found = eval(text(tree).replace("'default'", repr(alias)), names)
    if isinstance(found, (models.QuerySet, BaseIterable)) or hasattr(found, "__next__"):
        return [plain(row) for row in found]
    return plain(found)


def plain(value):
    """In a form that can be compared: an instance as its columns and the rows that came with it."""
    if isinstance(value, models.Model):
        related = {name: columns(row) for name, row in value._state.fields_cache.items()}
        return [type(value).__name__, columns(value), related]
    if isinstance(value, (models.QuerySet, models.Manager)):
        return sorted((plain(row) for row in value), key=repr)
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def columns(row) -> dict:
    """Of an instance, or None, without the rows that it refers to: they may refer back to it."""
    found = {} if row is None else vars(row)
    return {
        name: sorted((columns(r) for rows in value.values() for r in rows), key=repr)
        if name == "_prefetched_objects_cache"
        else plain(value)
        for name, value in found.items()
        if name != "_state"
    }


def alike(ours, theirs) -> bool:
    """Equal, or floats that differ in their last digits: sums are made in another order."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(alike(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(ours, decimal.Decimal) and isinstance(theirs, decimal.Decimal):
        return ours == theirs or (
            max(map(digits, (ours, theirs))) > 12 and alike(float(ours), float(theirs))
        )
    return type(ours) is type(theirs) and ours == theirs


def digits(number: decimal.Decimal) -> int:
    """SQLite has 15 of them, at most."""
    return len(number.as_tuple().digits)


def rounded(value):
    """A key for sorting: floats that are alike sort alike."""
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, dict):
        return {key: rounded(v) for key, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return value


def answer(query: Query, alias: str):
    """What a database says; an exception is an answer too."""
    try:
        tree = query.tree
        if alias == REFERENCE and getattr(tree, "method", None) == "update":
            tree = in_two_steps(tree, alias)
        found = evaluate(tree, alias)
    except RecursionError:
        raise
    except Exception as error:
        return error
    if isinstance(found, list) and not query.ordered:
        return sorted(found, key=lambda row: repr(rounded(row)))
    return found


def snapshot(alias, models=MODELS) -> dict:
    """{model: the rows of its own table}"""
    found = {}
    for model in models:
        names = [f.attname for f in own_columns(model)]
        found[model] = sorted(
            map(list, model._base_manager.using(alias).values_list(*names)), key=repr
        )
    return found


def own_columns(model) -> list:
    return [f for f in model._meta.local_concrete_fields if f.column is not None]


def written(query: Query) -> list:
    """The models whose tables a query may change."""
    if query.tree.method != "update":
        return MODELS
    model = BY_NAME[root(query.tree).model]
    return [model, *model._meta.all_parents]


def is_alike_write(one, other: Method) -> bool:
    return getattr(one, "method", None) == other.method and root(one) == root(other)


def is_nothing(answer) -> bool:
    """No row, and none that was written."""
    return not answer or (isinstance(answer, list) and answer[0] == 0)


def deviation(function) -> type:
    least = 1 if function.__name__.startswith("p") else 2

    class Deviation(list):
        def step(self, value):
            if value is not None:
                self.append(value)

        def finalize(self):
            return function(self) if len(self) >= least else None

    return Deviation


def in_two_steps(update: Method, alias) -> Method:
    """UPDATE of the rows that are found before: SQLite's finds rows by what it has changed already."""
    keys = list(evaluate(method(update.of, "values_list", "pk", flat=True), alias))
    if not keys:
        return update
    rows = method(root(update.of), "filter", Call("Q", (), {"pk__in": keys}))
    return Method(rows, "update", (), update.names)


class RandomTests(TestCase):
    databases = set(ALIASES)

    def setUp(self):
        reference = connections[REFERENCE]
        reference.disable_constraint_checking()
        self.tell_case_apart(reference)
        self.pass_nulls_over(reference)

    def tell_case_apart(self, reference):
        """LIKE as it is here: what shall not tell case apart says so."""
        with reference.cursor() as cursor:
            cursor.execute("PRAGMA case_sensitive_like = ON")
        folded = ("iexact", "icontains", "istartswith", "iendswith")
        operators = reference.operators | dict.fromkeys(folded, r"LIKE LOWER(%s) ESCAPE '\'")
        patterns = {
            name: pattern.replace("UPPER", "LOWER")
            for name, pattern in reference.pattern_ops.items()
        }
        for patch in (
            mock.patch.object(reference, "operators", operators),
            mock.patch.object(reference, "pattern_ops", patterns),
            mock.patch.object(
                reference.ops,
                "lookup_cast",
                lambda lookup, internal=None: "LOWER(%s)" if lookup in folded else "%s",
            ),
            mock.patch.object(
                reference.ops, "prep_for_iexact_query", reference.ops.prep_for_like_query
            ),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(reference.cursor().execute, "PRAGMA case_sensitive_like = OFF")

    def pass_nulls_over(self, reference):
        """Django's deviations fail on SQLite where a value is null, and where there are too few."""
        for name in ("pvariance", "variance", "pstdev", "stdev"):
            sql = ("VAR" if "variance" in name else "STDDEV") + (
                "_POP" if name[0] == "p" else "_SAMP"
            )
            reference.connection.create_aggregate(sql, 1, deviation(getattr(statistics, name)))

    # --- rows ---

    def fill(self, rows: dict) -> None:
        """Both databases have these rows, and no others."""
        for alias in ALIASES:
            for model in MODELS:
                model._base_manager.using(alias)._raw_delete(alias)
            for model, found in rows.items():
                self.insert(alias, model, found)

    def insert(self, alias, model, rows) -> None:
        if rows:
            objects = [model(**row) for row in rows]
            model._base_manager._insert(objects, fields=own_columns(model), using=alias, raw=True)

    def restore(self, rows: dict, tables: dict) -> None:
        """After a write that has left these tables, by alias."""
        for alias, found in tables.items():
            for model, left in found.items():
                if left != self.before[model]:
                    model._base_manager.using(alias)._raw_delete(alias)
                    self.insert(alias, model, rows[model])

    def begin(self, number: int) -> dict:
        """The rows that a query of this number sees."""
        rows = World(number // OF_ONE_WORLD).rows
        self.fill(rows)
        self.before = snapshot(DEFAULT_DB_ALIAS)
        self.assertEqual(self.before, snapshot(REFERENCE))
        return rows

    # --- a query ---

    def answers(self, query: Query, rows: dict):
        """Of both databases; of a write also what it leaves."""
        found = [answer(query, alias) for alias in ALIASES]
        if query.writes:
            tables = {alias: snapshot(alias, written(query)) for alias in ALIASES}
            self.restore(rows, tables)
            found = [  # a count of None is 0, where Django sends nothing
                one if isinstance(one, Exception) else [one or 0, list(after.values())]
                for one, after in zip(found, tables.values(), strict=True)
            ]
        return found

    def differ(self, ours, theirs) -> bool:
        if isinstance(theirs, DatabaseError) and isinstance(ours, DatabaseError):
            # Of SQL that makes no sense sqlite3 says OperationalError, as of all else; we say ProgrammingError.
            return type(ours) is not type(theirs) and str(ours) != str(theirs)
        if isinstance(ours, ProgrammingError) and "tables to its right" in str(ours):
            return False  # Django joins in the wrong order; SQLite overlooks it where the join cannot be an outer one
        if isinstance(theirs, FieldError) and "mixed types" in str(theirs) and is_nothing(ours):
            return False  # Django is at fault with composite keys; where no row can match it may not come so far
        if isinstance(theirs, Exception) or isinstance(ours, Exception):
            return type(ours) is not type(theirs)
        return not alike(ours, theirs)

    def mark(self, ours, theirs):
        """What a smaller failure has to have in common with a larger one."""
        return type(ours) if isinstance(ours, Exception) else None, (
            type(theirs) if isinstance(theirs, Exception) else None
        )

    def compare(self, numbers: range):
        for number in numbers:
            if number == numbers[0] or number % OF_ONE_WORLD == 0:
                rows = self.begin(number)
            query = Grammar(number).query()
            ours, theirs = self.answers(query, rows)
            if self.differ(ours, theirs):
                self.fail(self.report(number, query, rows, self.mark(ours, theirs)))
            if number % OF_ONE_WORLD == OF_ONE_WORLD - 1:
                self.assertEqual(snapshot(DEFAULT_DB_ALIAS), self.before)

    def test_queries(self):
        self.compare(range(FIRST, FIRST + QUERIES))

    def test_the_relational_road_alone(self):
        """What the CQL road answers, the other one answers too."""
        plan = SQLCompiler._plan

        def refuse(compiler):
            if compiler.query.model is None or type(compiler) is not SQLCompiler:
                return plan(compiler)
            raise NotOnCqlRoad("Anything")

        with mock.patch.object(SQLCompiler, "_plan", refuse):
            self.compare(range(FIRST, FIRST + (QUERIES + 3) // 4))

    # --- a failure ---

    def report(self, number: int, query: Query, rows: dict, mark) -> str:
        def fails(tree, rows=rows):
            if query.writes and not is_alike_write(tree, query.tree):
                return False
            found = self.answers(Query(tree, query.ordered, query.writes), rows)
            return self.differ(*found) and self.mark(*found) == mark

        tree = shrink(query.tree, fails, query.ordered)
        lines = [f"number {number}: {text(query.tree)}", f"smaller: {text(tree)}"]
        small = Query(tree, query.ordered, query.writes)
        rows, all_rows = self.fewer(rows, lambda some: fails(tree, some)), rows
        for model, found in rows.items():
            lines += [f"    {model.__name__}(**{row!r})" for row in found]
        for alias in ALIASES:
            with CaptureQueriesContext(connections[alias]) as captured:
                found = answer(small, alias)
            lines.append(f"{alias}: {found!r}")
            lines += [f"    {q['sql']}" for q in captured]
        if query.writes:
            tables = {alias: snapshot(alias, written(query)) for alias in ALIASES}
            ours, theirs = tables.values()
            for model in ours:
                if ours[model] != theirs[model]:
                    lines += [f"{model.__name__} after: {ours[model]}", f"    and {theirs[model]}"]
        self.fill(all_rows)
        self.before = snapshot(DEFAULT_DB_ALIAS)
        return "\n".join(lines)

    def fewer(self, rows: dict, fails) -> dict:
        """Rows on which the databases still differ: without whole tables, then without single rows."""

        def tried(some: dict) -> bool:
            self.fill(some)
            self.before = snapshot(DEFAULT_DB_ALIAS)
            return fails(some)

        for model in MODELS:
            if rows[model] and tried(less := rows | {model: []}):
                rows = less
        for model in MODELS:
            for row in list(rows[model]):
                if tried(less := rows | {model: [one for one in rows[model] if one is not row]}):
                    rows = less
        self.fill(rows)
        self.before = snapshot(DEFAULT_DB_ALIAS)
        return rows


class ShrinkTests(SimpleTestCase):
    """What a failure is told by."""

    def test_the_smallest_query_that_fails(self):
        tree = method(
            method(
                Objects("Book"),
                "filter",
                Infix("&", Call("Q", (), {"pages": 1}), Not(call("Q", id=2))),
            ),
            "order_by",
            "title",
            "pk",
        )
        self.assertEqual(
            text(tree), "Book.objects.filter((Q(pages=1) & ~Q(id=2))).order_by('title', 'pk')"
        )
        small = shrink(tree, lambda one: "id=2" in text(one), ordered=False)
        self.assertEqual(text(small), "Q(id=2)")
        small = shrink(tree, lambda one: re.search(r"Book.*\(id=2", text(one)), ordered=True)
        self.assertEqual(text(small), "Book.objects.filter(Q(id=2)).order_by('title', 'pk')")

    def test_what_is_cut_keeps_its_order(self):
        tree = Slice(method(method(Objects("Book"), "filter", id=2), "order_by", "pk"), 1, 2)
        small = shrink(tree, lambda one: "[1:2]" in text(one), ordered=True)
        self.assertEqual(text(small), "Book.objects.order_by('pk')[1:2]")

    def test_the_same_number_is_the_same_query(self):
        for number in range(50):
            self.assertEqual(text(Grammar(number).query().tree), text(Grammar(number).query().tree))
