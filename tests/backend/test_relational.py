"""The relational road: what CQL alone cannot answer has the rows that Django on SQLite gives for the same data."""

import datetime
import decimal

from bookings.models import (
    Article,
    Author,
    Book,
    Cql,
    Entry,
    Everything,
    Keyword,
    Label,
    Party,
    Prefect,
    Seat,
    Stage,
)
from django.core.exceptions import FieldError
from django.db import NotSupportedError, ProgrammingError, connection
from django.db.models import (
    Avg,
    Case,
    CharField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    JSONField,
    Max,
    Min,
    OuterRef,
    Prefetch,
    Q,
    StdDev,
    Subquery,
    Sum,
    Value,
    Variance,
    When,
    Window,
)
from django.db.models.functions import (
    MD5,
    Coalesce,
    Concat,
    ExtractYear,
    Length,
    Lower,
    NullIf,
    Rank,
    RowNumber,
    Substr,
    TruncMonth,
    Upper,
)
from django.test import TestCase

REFERENCE = "reference"  # SQLite
Date = datetime.date


def books():
    return Book.objects.all()


def authors():
    return Author.objects.all()


# name: a function that makes the query; rows are compared as a list if it has an order, else as a bag
QUERIES = {
    "join that scans": lambda: books().filter(author__born=1),
    "two joins": lambda: authors().filter(books__translator__born=1).distinct(),
    "join in reverse with a condition on both": lambda: authors().filter(
        books__price__gt=2, books__pages__lt=4
    ),
    "two joins of one table": lambda: authors().filter(books__price__gt=2).filter(books__pages=1),
    "exclude across a join": lambda: authors().exclude(books__title="ab"),
    "left join": lambda: books().filter(Q(translator__born=1) | Q(translator=None)),
    "or across tables": lambda: books().filter(Q(author__name="Ada") | Q(pages=3)),
    "in a subquery": lambda: books().filter(author__in=Author.objects.filter(born__gt=1)),
    "in values of a subquery": lambda: books().filter(author_id__in=authors().values("pk")),
    "not in a subquery": lambda: books().exclude(author__in=authors().filter(born=1)),
    "exists": lambda: authors().filter(Exists(books().filter(author=OuterRef("pk"), pages__gt=1))),
    "not exists": lambda: authors().filter(~Exists(books().filter(author=OuterRef("pk")))),
    "a scalar subquery": lambda: (
        authors()
        .annotate(
            first=Subquery(books().filter(author=OuterRef("pk")).order_by("id").values("title")[:1])
        )
        .values_list("pk", "first")
        .order_by("pk")
    ),
    "groups": lambda: (
        books()
        .values("author")
        .annotate(n=Count("pk"), most=Max("pages"), least=Min("published"))
        .order_by("author")
    ),
    "groups of another table": lambda: (
        books().values("author__name").annotate(total=Sum("pages")).order_by("author__name")
    ),
    "annotated counts": lambda: (
        authors()
        .annotate(n=Count("books", distinct=True), m=Count("translated", distinct=True))
        .values_list("name", "n", "m")
        .order_by("pk")
    ),
    "having": lambda: authors().annotate(n=Count("books")).filter(n__gte=2).order_by("pk"),
    "filtered aggregate": lambda: (
        authors()
        .annotate(n=Count("books", filter=Q(books__pages__gt=1)))
        .values_list("n")
        .order_by("pk")
    ),
    "an average beside columns": lambda: (
        authors().annotate(a=Avg("books__pages")).values_list("pk", "a").order_by("pk")
    ),
    "a window": lambda: (
        books()
        .annotate(n=Window(RowNumber(), partition_by="author", order_by="id"))
        .values_list("id", "n")
        .order_by("id")
    ),
    "a ranking": lambda: (
        books()
        .annotate(r=Window(Rank(), order_by=F("pages").desc()))
        .values_list("id", "r")
        .order_by("id")
    ),
    "a filter on a window": lambda: (
        books()
        .annotate(n=Window(RowNumber(), partition_by="author", order_by="id"))
        .filter(n=1)
        .order_by("id")
    ),
    "union": lambda: authors().filter(born=1).union(authors().filter(name="Bo")).order_by("name"),
    "union all": lambda: (
        authors().values_list("name").union(books().values_list("title"), all=True).order_by("name")
    ),
    "intersection": lambda: authors().filter(born=1).intersection(authors().filter(name="Ada")),
    "difference": lambda: authors().difference(authors().filter(born=1)).order_by("pk"),
    "a function": lambda: authors().annotate(x=MD5("name")).values_list("x").order_by("pk"),
    "a division": lambda: (
        authors()
        .annotate(x=ExpressionWrapper(F("born") / 2.0, FloatField()))
        .values_list("x")
        .order_by("pk")
    ),
    "functions": lambda: (
        books()
        .exclude(title="é")  # SQLite changes the case of ASCII alone
        .annotate(
            x=Concat(Upper("title"), Value("-"), Lower("author__name"), output_field=CharField()),
            y=Length("title"),
            z=Coalesce("pages", 0),
            w=Substr("title", 1, 1),
        )
        .values_list("x", "y", "z", "w")
        .order_by("pk")
    ),
    "a case": lambda: (
        books()
        .annotate(
            size=Case(
                When(pages__gt=3, then=Value("long")),
                When(author__born=1, then=Value("early")),
                default=Value("short"),
            )
        )
        .values_list("size")
        .order_by("pk")
    ),
    "order by a joined column": lambda: books().order_by("author__name", "-id"),
    "order by an expression": lambda: books().order_by(F("pages").desc(nulls_last=True), "id"),
    "a slice of a join": lambda: books().order_by("author__name", "id")[1:4],
    "select_related": lambda: books().select_related("author", "translator").order_by("id"),
    "dates": lambda: books().filter(author__born=1).dates("published", "month"),
    "truncated": lambda: (
        books()
        .annotate(m=TruncMonth("published"))
        .values("m")
        .annotate(n=Count("pk"))
        .order_by("m")
    ),
    "years": lambda: (
        books().annotate(y=ExtractYear("published")).values_list("y", "author__name").order_by("id")
    ),
    "extra": lambda: authors().extra(where=["name = %s"], params=["Ada"]),
    "extra select": lambda: (
        authors().extra(select={"twice": "born * 2"}).values_list("twice").order_by("pk")
    ),
    "distinct over a join": lambda: (
        books().values("author__name").distinct().order_by("author__name")
    ),
    "many to many": lambda: Article.objects.filter(keywords__word="x", keywords__weight__gt=0),
    "counted many to many": lambda: (
        Article.objects.annotate(n=Count("keywords")).values_list("title", "n").order_by("pk")
    ),
    "parents": lambda: Prefect.objects.filter(name="p", rank__gt=0).order_by("name"),
    "composite keys": lambda: (
        Seat.objects.values("show", "taken").annotate(n=Count("number")).order_by("show", "taken")
    ),
    "composite keys in a subquery": lambda: Seat.objects.filter(
        show__in=Entry.objects.values("blog")
    ).order_by("show", "row", "number"),
    "distinct rows in the order of a composite key": lambda: (
        Seat.objects.filter(show__in=Entry.objects.values("blog")).distinct().order_by("pk")
    ),
    "a wide table": lambda: Party.objects.values("city").annotate(n=Sum("people")).order_by("city"),
    "json": lambda: Everything.objects.filter(json__a=1),
    "json deep": lambda: Everything.objects.filter(json__b__0__c="x"),
    "json has a key": lambda: Everything.objects.filter(json__has_key="a"),
    "json equal": lambda: Everything.objects.filter(json={"a": 1}),
    "json value": lambda: Everything.objects.values_list("json__a").order_by("pk"),
    "text of a number": lambda: Everything.objects.filter(integer__contains="1"),
    "all fields beside something computed": lambda: Everything.objects.annotate(
        x=MD5("char")
    ).order_by("pk"),
    "decimals": lambda: (
        books().annotate(t=F("price") * 2).filter(author__born=1, price__gte=2).order_by("price")
    ),
    "upper and lower case": lambda: books().filter(
        author__born__gte=0, title__icontains="B", author__name__istartswith="a"
    ),
}

AGGREGATES = {
    "over a join": lambda: books().filter(author__born=1).aggregate(n=Sum("pages"), m=Max("price")),
    "over groups": lambda: (
        books().values("author").annotate(n=Count("pk")).aggregate(m=Max("n"), a=Avg("n"))
    ),
    "of a slice of a join": lambda: (
        books().filter(author__born=1).order_by("id")[:2].aggregate(n=Sum("pages"))
    ),
    "of distinct rows, none of which is counted": lambda: (
        books().filter(author__born=1).distinct().aggregate(n=Sum("pages", filter=Q(pk__in=[])))
    ),
    "distinct": lambda: books().filter(author__born=1).aggregate(n=Count("title", distinct=True)),
    "count of a join": lambda: {"n": books().filter(author__born=1).count()},
    "count of a union": lambda: {"n": authors().union(authors().filter(born=1)).count()},
    "exists of a join": lambda: {"n": books().filter(author__born=1).exists()},
}


def fill(alias: str) -> None:
    ada, bo, cy = (
        Author.objects.using(alias).create(pk=pk, name=name, born=born)
        for pk, name, born in ((1, "Ada", 1), (2, "Bo", None), (3, "Cy", 2))
    )
    rows = [
        (1, ada, None, "ab", "1.50", Date(2026, 1, 2), 1),
        (2, ada, bo, "Ab", "12345.67", Date(2026, 1, 9), 5),
        (3, bo, ada, "b", "2.00", None, None),
        (4, bo, ada, "é", "0.10", Date(2025, 5, 5), 3),
        (5, ada, cy, "ab", "2.50", Date(2026, 2, 1), 1),
    ]
    for pk, author, translator, title, price, published, pages in rows:
        Book.objects.using(alias).create(
            pk=pk,
            author=author,
            translator=translator,
            title=title,
            price=decimal.Decimal(price),
            published=published,
            pages=pages,
        )
    words = [
        Keyword.objects.using(alias).create(pk=i, word=w, weight=i) for i, w in enumerate("xy")
    ]
    for pk, title in enumerate(("one", "two", "three"), 1):
        article = Article.objects.using(alias).create(pk=pk, title=title)
        article.keywords.set(words[: pk - 1])
    Prefect.objects.using(alias).create(pk=1, name="p", rank=1)
    for show, row, number, taken in (("x", 1, 1, True), ("x", 1, 2, False), ("y", 1, 1, True)):
        Seat.objects.using(alias).create(show=show, row=row, number=number, taken=taken)
    Entry.objects.using(alias).create(blog="x", day=Date(2026, 1, 1), number=1, state="new")
    for i, city in enumerate(("Oslo", "Rome", "Oslo")):
        date = datetime.datetime(2026, 1, 1 + i, tzinfo=datetime.timezone.utc)
        Party.objects.using(alias).create(city=city, name=city, people=i, date=date)
    for pk, json in enumerate(({"a": 1, "b": [{"c": "x"}]}, {"a": None}, [1, 2], None), 1):
        Everything.objects.using(alias).create(
            pk=pk,
            json=json,
            integer=pk * 5 + 1,
            char="é" * pk,
            decimal=decimal.Decimal("1234567.125"),
            moment=datetime.datetime(2026, 1, 1, 12, 30, 0, 125000, tzinfo=datetime.timezone.utc),
            time=datetime.time(1, 2, 3),
            date=Date(2026, 1, pk),
            duration=datetime.timedelta(days=1, microseconds=5),
            address="::1",
            boolean=True,
            binary=b"\x00\xff",
            floating=0.1,
        )


class RelationalTests(TestCase):
    databases = {"default", REFERENCE}
    maxDiff = None

    def setUp(self):
        fill("default")
        fill(REFERENCE)

    def answers(self, queryset):
        """Rows of both databases, in a form that can be compared."""
        found = []
        for alias in ("default", REFERENCE):
            rows = [self.row(row) for row in queryset.using(alias)]
            found.append(rows if queryset.ordered else sorted(rows, key=repr))
        return found

    def row(self, row):
        if not hasattr(row, "_meta"):
            return tuple(row.items()) if isinstance(row, dict) else row
        return {name: value for name, value in vars(row).items() if name != "_state"} | {
            "_state": {name: self.row(r) for name, r in row._state.fields_cache.items() if r}
        }

    def test_a_variance_of_references_is_an_integer_where_it_can_be(self):
        author = books().filter(pk=OuterRef("pk")).values("author")[:1]
        found = books().values("title").annotate(v=Variance(Subquery(author))).order_by("title")
        ours, theirs = self.answers(found)
        self.assertEqual(repr(ours), repr(theirs))

    def test_queries(self):
        for name, make in QUERIES.items():
            with self.subTest(name):
                ours, theirs = self.answers(make())
                self.assertEqual(ours, theirs)

    def test_aggregates(self):
        for name, make in AGGREGATES.items():
            with self.subTest(name):
                ours = make()
                with self.settings(DATABASE_ROUTERS=["bookings.routers.Reference"]):
                    theirs = make()
                self.assertEqual(ours, theirs)

    def test_deviations(self):
        """Of values of which some are null, and of too few: Django's own functions fail there."""
        found = (
            books()
            .filter(Q(author__name="Ada") | Q(pk=3))
            .aggregate(
                v=Variance("pages"),
                s=Variance("pages", sample=True),
                d=StdDev("pages"),
                none=StdDev("pages", filter=Q(pk=3)),
                few=StdDev("pages", sample=True, filter=Q(pk=1)),
            )
        )
        self.assertAlmostEqual(found["v"], 32 / 9)
        self.assertAlmostEqual(found["s"], 16 / 3)
        self.assertAlmostEqual(found["d"], (32 / 9) ** 0.5)
        self.assertEqual((found["none"], found["few"]), (None, None))

    def test_a_wrong_query(self):
        with self.assertRaisesMessage(FieldError, "mixed types"):
            list(authors().annotate(x=Min(NullIf("books__pages", "books__id"))))

    def test_one_query_each(self):
        with self.assertNumQueries(1):
            list(Book.objects.filter(author__born=1).select_related("translator"))

    def test_prefetch(self):
        queryset = Book.objects.filter(author__born=1)
        rows = Author.objects.prefetch_related(Prefetch("books", queryset)).order_by("pk")
        with self.assertNumQueries(2):
            found = [[book.pk for book in author.books.all()] for author in rows]
        self.assertEqual([sorted(pks) for pks in found], [[1, 2, 5], [], []])

    def test_random_order(self):
        self.assertCountEqual(Author.objects.order_by("?").values_list("pk", flat=True), [1, 2, 3])


class LabelProxy(Label):
    class Meta:
        proxy = True
        app_label = "bookings"


class RefusalTests(TestCase):
    """Values of which SQLite has a text alone."""

    def test_containers(self):
        for name, ask in {
            "combined": lambda: Cql.objects.union(Cql.objects.all()),
            "filtered by a window": lambda: Cql.objects.annotate(
                n=Window(RowNumber(), order_by="pk")
            ).filter(n=1),
            "computed": lambda: Cql.objects.annotate(x=Subquery(Cql.objects.values("colours")[:1])),
        }.items():
            with self.subTest(name), self.assertRaisesMessage(NotSupportedError, f"that is {name}"):
                list(ask())

    def test_they_are_selected_beside_other_things(self):
        made = Cql.objects.create(colours={"a", "b"})
        found = Cql.objects.annotate(x=MD5(Value("a"))).get()
        self.assertEqual((found.pk, found.colours), (made.pk, {"a", "b"}))


class WriteTests(TestCase):
    """UPDATE and DELETE of rows that only the relational road finds."""

    def setUp(self):
        fill("default")

    def test_delete_by_a_subquery(self):
        inner = Author.objects.filter(born=1)
        with self.assertNumQueries(1):
            deleted = Book.objects.filter(author__in=inner)._raw_delete("default")
        self.assertEqual(deleted, 3)
        self.assertCountEqual(Book.objects.values_list("pk", flat=True), [3, 4])

    def test_delete_across_a_join(self):
        self.assertEqual(Book.objects.filter(author__born=1).delete()[0], 3)

    def test_update_by_a_subquery(self):
        with self.assertNumQueries(1):
            updated = Book.objects.filter(
                Exists(Author.objects.filter(pk=OuterRef("author_id"), born=1))
            ).update(pages=9)
        self.assertEqual(updated, 3)
        self.assertCountEqual(
            Book.objects.values_list("pk", "pages"), [(1, 9), (2, 9), (3, None), (4, 3), (5, 9)]
        )

    def test_update_with_a_subquery(self):
        born = Author.objects.filter(pk=OuterRef("author_id")).values("born")[:1]
        with self.assertNumQueries(1):
            self.assertEqual(Book.objects.update(pages=Subquery(born)), 5)
        self.assertCountEqual(
            Book.objects.values_list("pk", "pages"), [(1, 1), (2, 1), (3, None), (4, None), (5, 1)]
        )

    def test_update_with_a_function_of_the_row(self):
        with self.assertNumQueries(1):
            self.assertEqual(Author.objects.filter(born=1).update(name=MD5("name")), 1)
        self.assertEqual(Author.objects.get(pk=1).name, "1a382809b7c03f686e12dd15677c5497")

    def test_insert_of_an_expression(self):
        author = Author.objects.create(name=MD5(Value("Ada")), born=Length(Value("abc")))
        author.refresh_from_db()
        self.assertEqual((author.name, author.born), ("1a382809b7c03f686e12dd15677c5497", 3))

    def test_update_of_a_parent_and_its_child(self):
        self.assertEqual(Prefect.objects.filter(name="p").update(name="q", rank=7), 1)
        self.assertEqual(Prefect.objects.values_list("name", "rank").get(), ("q", 7))

    def test_upsert_by_a_unique_field(self):
        Label.objects.create(code="a", text="old")
        rows = [Label(code="a", text="new"), Label(code="b", text="b")]
        made = Label.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["code"], update_fields=["text"]
        )
        found = Label.objects.in_bulk([row.pk for row in made])
        self.assertEqual(
            [(found[row.pk].code, found[row.pk].text) for row in made], [("a", "new"), ("b", "b")]
        )
        self.assertEqual(Label.objects.count(), 2)

    def test_delete_of_a_proxy(self):
        Label.objects.create(code="a")
        LabelProxy.objects.get(code="a").delete()
        Label.objects.create(code="a")

    def test_the_null_of_json(self):
        null = Value(None, JSONField())
        Everything.objects.filter(pk=1).update(json=null)
        self.assertEqual(Everything.objects.filter(json__isnull=True).count(), 1)
        self.assertEqual([row.json for row in Everything.objects.filter(json=null)], [None])

    def test_nothing_found(self):
        none = Author.objects.filter(born=77)
        self.assertEqual(Book.objects.filter(author__in=none).update(pages=1), 0)
        self.assertEqual(Book.objects.filter(author__in=none)._raw_delete("default"), 0)


class ConnectionTests(TestCase):
    """Django closes its connections after each request."""

    def test_the_next_connection_knows_the_tables(self):
        Author.objects.create(name="Ada")
        ask = Author.objects.annotate(x=MD5("name"))
        self.assertEqual(len(ask), 1)
        left = connection.relational
        connection.close()
        self.assertEqual(len(ask.all()), 1)
        self.assertIs(connection.relational, left)

    def test_rows_are_read_on_after_the_connection_is_closed(self):
        Author.objects.bulk_create([Author(name=f"n{i}") for i in range(300)])
        rows = Author.objects.annotate(x=MD5("name")).iterator(chunk_size=10)
        first = [next(rows) for _ in range(15)]
        connection.close()
        again = list(Author.objects.annotate(x=MD5("name")))
        self.assertEqual(len({row.pk for row in [*first, *rows]}), len(again))


class RawTests(TestCase):
    """SQL in cursors and raw(): what CQL does not take."""

    def setUp(self):
        fill("default")

    def test_raw(self):
        books = Book.objects.raw(
            "SELECT b.*, a.name FROM bookings_book b JOIN bookings_author a ON a.id = b.author_id "
            "WHERE a.born = %s ORDER BY b.id DESC",
            [1],
        )
        found = [(b.pk, b.price, b.published, b.name) for b in books]
        self.assertEqual(found[-1], (1, decimal.Decimal("1.5"), Date(2026, 1, 2), "Ada"))
        self.assertEqual(len(found), 3)

    def test_values_are_those_of_cql(self):
        columns = "moment, date, time, uuid, boolean, address, decimal, char"
        with connection.cursor() as cursor:
            wanted = cursor.execute(
                f"SELECT {columns} FROM bookings_everything WHERE id = %s", [1]
            ).one()
            found = cursor.execute(
                f"SELECT {columns} FROM bookings_everything WHERE id + 0 = %s", [1]
            ).one()
        self.assertEqual(found, wanted)

    def test_another_process_changes_the_schema(self):
        session = connection.session  # what is done by it we do not hear of
        self.addCleanup(session.execute, "DROP TABLE changing")
        session.execute("CREATE TABLE changing (k int PRIMARY KEY, v int)")
        session.execute("INSERT INTO changing (k, v) VALUES (1, 2)")
        with connection.cursor() as cursor:
            found = cursor.execute("SELECT v || '' AS v FROM changing").all()
            session.execute("DROP TABLE changing")
            session.execute("CREATE TABLE changing (k int PRIMARY KEY, v text)")
            session.execute("INSERT INTO changing (k, v) VALUES (1, 'x')")
            found += cursor.execute("SELECT v || '' AS v FROM changing").all()
        self.assertEqual(found, [{"v": "2"}, {"v": "x"}])

    def test_tables_that_sql_does_not_tell_apart(self):
        session = connection.session
        self.addCleanup(session.execute, 'DROP TABLE "Twin"')
        self.addCleanup(session.execute, "DROP TABLE twin")
        session.execute('CREATE TABLE "Twin" (k int PRIMARY KEY)')
        session.execute("CREATE TABLE twin (k int PRIMARY KEY)")
        with connection.cursor() as cursor:
            cursor.execute("SELECT k || '' FROM \"Twin\"")
        with (
            self.assertRaisesMessage(NotSupportedError, "'Twin' and 'twin' apart"),
            connection.wrap_database_errors,
        ):
            connection.relational._attach("twin")

    def test_both_errors_are_told(self):
        with (
            connection.cursor() as cursor,
            self.assertRaisesRegex(ProgrammingError, "(?s)As SQL: no such column: missing"),
        ):
            cursor.execute("SELECT missing + 1 FROM bookings_book")

    def test_what_writes_is_cql_alone(self):
        with (
            connection.cursor() as cursor,
            self.assertRaisesMessage(ProgrammingError, "Some partition key parts are missing: id"),
        ):
            cursor.execute("DELETE FROM bookings_book WHERE pages = 1")
        self.assertEqual(Book.objects.count(), 5)

    def test_a_table_whose_name_cql_has_no_letters_for(self):
        Stage.objects.create(name="x", size=3)
        with connection.cursor() as cursor:
            for text in ('SELECT "size" FROM "the stage-äø"', 'SELECT size+0 FROM "the stage-äø"'):
                cursor.execute(text)
                self.assertEqual(cursor.fetchall(), [(3,)])
