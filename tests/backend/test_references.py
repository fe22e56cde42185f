"""Foreign keys and many-to-many: without joins on the server, in few requests, with the answers of SQLite."""

import contextlib
import inspect
import io
import json
from unittest import mock

from bookings.models import (
    Article,
    Author,
    Award,
    Book,
    Credit,
    Invitation,
    Keyword,
    Label,
    Meeting,
    Player,
    Prefect,
    Profile,
    Pupil,
    Seat,
    Shirt,
    Sticker,
    Team,
    Writer,
)
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models
from django.db.models import Count, Max, ProtectedError, Q, RestrictedError, Sum
from django.test import SimpleTestCase, TestCase
from django.test.utils import CaptureQueriesContext, isolate_apps

from django_cassandra_backend import joined_reads, orphans
from django_cassandra_backend.cursor import Cursor
from django_cassandra_backend.exceptions import ScanBudgetExceeded
from django_cassandra_backend.management import references

Tagging = Article.keywords.through


def fill(alias: str) -> None:
    """Articles 1 to 5, of which 5 has no keyword; keywords 1 to 6, of which 6 has no article; authors and books."""
    people = [{"id": i, "name": "ABCD"[i % 4], "born": 1900 + i % 3} for i in range(1, 7)]
    make(alias, Author, people)
    make(alias, Writer, people)
    make(alias, Article, [{"id": i, "title": f"t{i % 3}"} for i in range(1, 6)])
    make(alias, Keyword, [{"id": i, "word": "xyz"[i % 3], "weight": i // 2} for i in range(1, 7)])
    pairs = [(a, k) for a in range(1, 5) for k in range(1, 6) if (a + k) % 3]
    pairs = list(enumerate(pairs, 1))
    make(alias, Tagging, [{"id": i, "article_id": a, "keyword_id": k} for i, (a, k) in pairs])
    make(
        alias,
        Credit,
        [{"id": i, "article_id": a, "writer_id": k, "position": a * k % 4} for i, (a, k) in pairs],
    )
    make(
        alias,
        Book,
        [
            {
                "id": i,
                "author_id": 1 + i % 4,
                "translator_id": None if i % 2 else 1 + i % 5,
                "title": f"b{i}",
                "pages": i % 5,
            }
            for i in range(1, 13)
        ],
    )


def make(alias: str, model, rows: list[dict]) -> None:
    model.objects.using(alias).bulk_create([model(**row) for row in rows])


@contextlib.contextmanager
def sends():
    """How often the cursor goes to the database: each is a statement, or several side by side."""
    counted = []
    send_reads = Cursor.send_reads

    def reads(self, cql, rows, **options):
        counted.append(len(rows))
        with mock.patch.object(Cursor, "send_reads", send_reads):
            return send_reads(self, cql, rows, **options)

    with mock.patch.object(Cursor, "send_reads", reads):
        yield counted


class JoinTests(TestCase):
    """The same rows on SQLite give the same answers."""

    databases = {"default", "reference"}

    def setUp(self):
        for alias in self.databases:
            fill(alias)

    def same(self, ask, *, queries: int | None = 1):
        """ask(alias) gives the same value on both, with so many queries."""
        expected = ask("reference")
        with CaptureQueriesContext(connection) as captured:
            found = ask("default")
        self.assertEqual(found, expected)
        if queries is not None:
            self.assertEqual(len(captured), queries, captured.captured_queries)
        return found

    def article(self, alias, pk=1):
        return self._on(alias, Article(pk=pk))

    def _on(self, alias, instance):
        instance._state.db = alias
        instance._state.adding = False
        return instance

    def test_many_to_many_access(self):
        for pk in range(1, 6):
            for ask in (
                lambda q: sorted(k.pk for k in q),
                lambda q: sorted(q.values_list("pk", "word")),
                lambda q: list(q.order_by("-weight", "word", "pk").values_list("pk", flat=True)),
                lambda q: list(q.order_by("pk")[1:3].values_list("pk", flat=True)),
                lambda q: sorted(q.filter(weight__gt=1).values_list("pk", flat=True)),
                lambda q: sorted(q.exclude(word="x").values_list("pk", flat=True)),
                lambda q: sorted(q.filter(Q(weight=0) | Q(word="y")).values_list("pk", flat=True)),
                lambda q: sorted(q.filter(pk__in=[1, 2, 6]).values_list("pk", flat=True)),
                lambda q: sorted(q.values_list("word", flat=True).distinct()),
                lambda q: q.count(),
                lambda q: q.filter(word="x").count(),
                lambda q: q.values("word").distinct().count(),
                lambda q: q.exists(),
                lambda q: q.filter(weight=100).exists(),
                lambda q: q.order_by("pk").first(),
                lambda q: q.filter(pk=2).first(),
                lambda q: q.aggregate(Sum("weight"), Max("word"), n=Count("*")),
            ):
                self.same(lambda alias, ask=ask, pk=pk: ask(self.article(alias, pk).keywords.all()))

    def test_the_reverse_side(self):
        def of(alias):
            return self._on(alias, Keyword(pk=3)).article_set

        self.same(lambda alias: sorted(a.title for a in of(alias).all()))
        self.same(lambda alias: of(alias).count())
        self.same(lambda alias: of(alias).contains(self.article(alias, 2)))
        self.same(lambda alias: sorted(of(alias).filter(title="t1").values_list("pk")))

    def test_columns_of_the_table_in_between(self):
        def of(alias):
            return self.article(alias, 2).writers

        self.same(lambda a: list(of(a).order_by("credit__position", "pk").values_list("pk")))
        self.same(lambda a: sorted(of(a).values_list("name", "credit__position", "born")))
        self.same(
            lambda a: sorted(
                Writer.objects.using(a)
                .filter(Q(name="A") | Q(credit__position__gt=1), credit__article=2)
                .values_list("pk", flat=True)
            )
        )
        self.same(lambda a: of(a).aggregate(Max("credit__position")))

    def test_a_row_for_each_row_in_between(self):
        def of(alias):
            return Keyword.objects.using(alias).filter(article__in=[1, 2, 3])

        self.same(lambda a: sorted(of(a).values_list("pk", flat=True)))
        self.same(lambda a: sorted(of(a).distinct().values_list("pk", flat=True)))
        self.same(lambda a: of(a).distinct().count())
        self.same(lambda a: of(a).count())
        self.same(lambda a: [k.pk for k in of(a).order_by("pk").distinct()[1:4]])

    def test_prefetch(self):
        def of(alias, *lookups):
            return Article.objects.using(alias).order_by("pk").prefetch_related(*lookups)

        heavy = models.Prefetch("keywords", Keyword.objects.filter(weight__gt=0), to_attr="heavy")
        self.same(
            lambda a: [sorted(k.pk for k in x.keywords.all()) for x in of(a, "keywords")], queries=2
        )
        self.same(lambda a: [sorted(k.pk for k in x.heavy) for x in of(a, heavy)], queries=2)
        self.same(
            lambda a: [
                sorted((k.pk, sorted(y.pk for y in k.article_set.all())) for k in x.keywords.all())
                for x in of(a, "keywords__article_set")
            ],
            queries=3,
        )
        self.same(
            lambda a: [sorted(w.pk for w in x.writers.all()) for x in of(a, "writers")], queries=2
        )

    def test_filters_through_foreign_keys(self):
        def books(alias):
            return Book.objects.using(alias)

        for ask in (
            lambda a: sorted(books(a).filter(author__name="B").values_list("pk", flat=True)),
            lambda a: sorted(books(a).filter(translator__name__in=["A", "B"]).values_list("pk")),
            lambda a: sorted(books(a).filter(author__name="B", pages=2).values_list("pk")),
            lambda a: sorted(
                books(a).filter(pk__in=[1, 2, 3], author__born=1901).values_list("pk")
            ),
            lambda a: sorted(
                books(a).filter(author__name="B", author__born=1901).values_list("pk")
            ),
            lambda a: books(a).filter(author__name="C").count(),
            lambda a: sorted(Author.objects.using(a).filter(books__pages__gt=2).values_list("pk")),
            lambda a: sorted(
                Author.objects.using(a).filter(books=4).values_list("pk", "books__title")
            ),
            lambda a: list(
                books(a).order_by("author__name", "pk").values_list("pk", "author__name")
            ),
            lambda a: list(books(a).order_by("translator__name", "pk").values_list("pk")),
        ):
            self.same(ask)

    def test_select_related(self):
        def books(alias):
            return Book.objects.using(alias).order_by("pk")

        self.same(lambda a: [(b.pk, b.author.name) for b in books(a).select_related("author")])
        self.same(
            lambda a: [
                (b.pk, b.translator and b.translator.born)
                for b in books(a).select_related("translator")
            ]
        )
        self.same(lambda a: books(a).select_related("author").get(pk=3).author.name)
        self.same(lambda a: books(a).select_related("author").count())
        book = Book.objects.select_related("translator").get(pk=1)
        with self.assertNumQueries(0):
            self.assertIsNone(book.translator)

    def test_several_tables(self):
        """A step at a time, from the condition that an index serves to all other tables."""

        def keywords(alias):
            return Keyword.objects.using(alias).order_by("pk")

        def books(alias):
            return Book.objects.using(alias).order_by("pk")

        self.same(lambda a: [k.pk for k in keywords(a).filter(article=1).filter(article=2)])
        self.same(lambda a: [k.pk for k in keywords(a).filter(article__credit__writer=3)])
        self.same(lambda a: keywords(a).filter(article__credit__writer=3).distinct().count())
        self.same(
            lambda a: [
                (b.author.name, b.translator and b.translator.name)
                for b in books(a).select_related("author", "translator")
            ]
        )
        self.same(
            lambda a: list(
                Credit.objects.using(a)
                .filter(writer__name="B")
                .order_by("article__title", "-pk")
                .values_list("article__title", "writer__born")
            )
        )
        self.same(
            lambda a: list(books(a).filter(author__books__translator__name="B").values_list("pk"))
        )
        self.same(
            lambda a: [
                sorted((c.writer.name, c.position) for c in article.credit_set.all())
                for article in Article.objects.using(a)
                .order_by("pk")
                .prefetch_related(
                    models.Prefetch("credit_set", Credit.objects.select_related("writer"))
                )
            ],
            queries=2,
        )
        with sends() as counted:
            self.assertTrue(keywords("default").filter(article__credit__writer=3).exists())
        self.assertEqual(counted, [1, 1, 1, 1])

    def test_sorted_rows_that_one_key_led_to_count_against_the_budget(self):
        make("default", Credit, [{"article_id": 5, "writer_id": 1 + i % 3} for i in range(30)])
        options = connection.settings_dict["OPTIONS"]
        self.addCleanup(connection.settings_dict.__setitem__, "OPTIONS", options)
        connection.settings_dict["OPTIONS"] = {**options, "scan_budget": 20}
        found = Article.objects.filter(pk=5, credit__isnull=False)
        self.assertEqual(len(found), 30)
        with self.assertRaises(ScanBudgetExceeded):
            list(found.order_by("credit__position"))

    def test_a_compilation_leaves_no_join_behind(self):
        books = Book.objects.select_related("author").order_by("author__name")
        str(books.query)
        self.assertNotIn("bookings_author", str(books.order_by().select_related(None).query))

    def test_update_and_delete_through_a_join(self):
        def update(alias):
            return self.article(alias, 1).keywords.filter(weight__gt=0).update(word="w")

        self.same(update, queries=1)
        self.same(lambda a: sorted(Keyword.objects.using(a).values_list("pk", "word")))
        self.same(lambda a: Credit.objects.using(a).filter(writer__name="B").delete()[0], queries=1)
        self.same(lambda a: sorted(Credit.objects.using(a).values_list("article", "writer")))
        self.same(
            lambda a: Book.objects.using(a).filter(author__name="nobody").update(title=""),
            queries=1,
        )

    def test_rows_in_between_without_a_target(self):
        make("default", Tagging, [{"article_id": 5, "keyword_id": 99}])
        article = Article.objects.get(pk=5)
        self.assertEqual(list(article.keywords.all()), [])
        self.assertEqual((article.keywords.count(), article.keywords.exists()), (0, False))
        make("default", Book, [{"id": 50, "author_id": 99, "title": "", "translator_id": 99}])
        self.assertEqual(list(Book.objects.select_related("author").filter(pk=50)), [])
        self.assertIsNone(Book.objects.select_related("translator").get(pk=50).translator)

    def test_waves_grow_with_batches(self):
        make("default", Keyword, [{"id": i, "word": ""} for i in range(1000, 1300)])
        make("default", Tagging, [{"article_id": 5, "keyword_id": i} for i in range(1000, 1300)])
        article = Article.objects.get(pk=5)
        with sends() as counted:
            self.assertEqual(len(article.keywords.all()), 300)
        self.assertEqual(counted, [1, 128, 128, 44])
        with sends() as counted:
            self.assertTrue(article.keywords.exists())
        self.assertEqual(counted, [1, 1])
        with sends() as counted:
            self.assertEqual(len(article.keywords.all()[:10]), 10)
        self.assertEqual(counted, [1, 10])

    def test_a_row_that_is_known_is_not_read_again(self):
        make("default", Article, [{"id": i, "title": ""} for i in range(1000, 1300)])
        make("default", Tagging, [{"article_id": i, "keyword_id": 1} for i in range(1000, 1300)])
        asked = Keyword.objects.filter(article__in=list(range(1000, 1300)))
        with sends() as counted:
            self.assertEqual(len(asked), 300)
        self.assertEqual(sum(counted), 300 + 1)
        with mock.patch.object(joined_reads, "MOST_KNOWN", 0), sends() as counted:
            self.assertEqual(len(asked.all()), 300)
        self.assertEqual(sum(counted), 300 + 3)

    def test_rows_without_a_partner_count_against_the_budget(self):
        make("default", Tagging, [{"article_id": 5, "keyword_id": i} for i in range(900, 920)])
        options = connection.settings_dict["OPTIONS"]
        self.addCleanup(connection.settings_dict.__setitem__, "OPTIONS", options)
        connection.settings_dict["OPTIONS"] = {**options, "scan_budget": 10}
        with self.assertRaisesMessage(ScanBudgetExceeded, "bookings_article_keywords"):
            list(Article.objects.get(pk=5).keywords.all())

    def test_explain(self):
        keywords = self.article("default").keywords.order_by("word")
        text = keywords.explain()
        self.assertIn('FROM "bookings_article_keywords" WHERE "article_id" = ?', text)
        self.assertIn('FROM "bookings_keyword" WHERE "id" = ?', text)
        self.assertIn("look up rows of bookings_keyword by id, a batch at a time", text)
        self.assertIn("sort by bookings_keyword.word", text)
        run = json.loads(keywords.explain(format="json", analyze=True))["run"]
        self.assertEqual(run["rows returned"], keywords.count())

    def test_joins_of_the_relational_road(self):
        """Those that no key and no index serves."""
        for ask in (
            lambda a: Keyword.objects.using(a).filter(article__title="t0"),
            lambda a: Author.objects.using(a).filter(books__price=1),
            lambda a: Book.objects.using(a).filter(author__born=1901),
            lambda a: Book.objects.using(a).filter(translator__isnull=True, translator__name=None),
            lambda a: Author.objects.using(a).filter(books__translator__born=1901),
            lambda a: Keyword.objects.using(a).filter(article__credit__position=1),
        ):
            with self.subTest(ask=inspect.getsource(ask)):
                self.same(lambda a, ask=ask: sorted(row.pk for row in ask(a)), queries=1)
        self.same(lambda a: Author.objects.using(a).filter(books__price=1).update(name=""))


class ManyToManyTests(TestCase):
    """Writes of related managers."""

    def setUp(self):
        make("default", Keyword, [{"id": i, "word": str(i)} for i in range(1, 6)])
        make("default", Writer, [{"id": i, "name": str(i)} for i in range(1, 6)])
        self.article = Article.objects.create(title="x")

    def pks(self, manager) -> list[int]:
        return sorted(manager.values_list("pk", flat=True))

    def test_add_remove_set_and_clear(self):
        keywords, third = self.article.keywords, Keyword.objects.get(pk=3)
        with self.assertNumQueries(1):
            keywords.add(1, 2, third)
        self.assertEqual(self.pks(keywords), [1, 2, 3])
        with self.assertNumQueries(1):
            keywords.remove(2, 3)
        self.assertEqual(self.pks(keywords), [1])
        with self.assertNumQueries(3):
            keywords.set([2, 3, 4])
        self.assertEqual(self.pks(keywords), [2, 3, 4])
        with self.assertNumQueries(2):
            keywords.set([5], clear=True)
        self.assertEqual(self.pks(keywords), [5])
        with self.assertNumQueries(1):
            keywords.clear()
        self.assertEqual(self.pks(keywords), [])
        self.assertEqual(keywords.create(word="new").article_set.get(), self.article)

    def test_what_is_there_is_not_added_again(self):
        keywords = self.article.keywords
        keywords.add(1, 2)
        with self.assertNumQueries(1):
            keywords.add(2, 3)
        self.assertEqual(self.pks(keywords), [1, 2, 3])
        self.assertEqual(Tagging.objects.count(), 3)
        with self.assertRaises(IntegrityError):
            Tagging.objects.create(article=self.article, keyword_id=1)
        keywords.clear()
        keywords.add(1)
        self.assertEqual(self.pks(keywords), [1])

    def test_a_table_in_between_with_columns(self):
        writers = self.article.writers
        with self.assertNumQueries(2):
            writers.add(1, 2, through_defaults={"position": 7})
        with self.assertNumQueries(2):
            writers.add(2, 3)
        self.assertEqual(self.pks(writers), [1, 2, 3])
        self.assertEqual(Credit.objects.get(writer=1).position, 7)
        writers.set([3, 4])
        self.assertEqual(self.pks(writers), [3, 4])
        self.assertEqual(Writer.objects.get(pk=4).article_set.get(), self.article)

    def test_symmetrical(self):
        ann, bob, cat = (Pupil.objects.create(name=name) for name in ("Ann", "Bob", "Cat"))
        ann.friends.add(bob, cat)
        self.assertEqual(self.pks(bob.friends), [ann.pk])
        self.assertEqual(self.pks(ann.friends), [bob.pk, cat.pk])
        self.assertEqual([f.name for f in ann.friends.order_by("-name")], ["Cat", "Bob"])
        with self.assertNumQueries(1):
            ann.friends.remove(bob)
        self.assertEqual((self.pks(bob.friends), self.pks(cat.friends)), ([], [ann.pk]))
        pupils = Pupil.objects.order_by("name").prefetch_related("friends")
        with self.assertNumQueries(2):
            self.assertEqual(
                [[f.name for f in m.friends.all()] for m in pupils], [["Cat"], [], ["Ann"]]
            )
        ann.delete()
        self.assertEqual(self.pks(cat.friends), [])
        self.assertEqual(Pupil.friends.through.objects.count(), 0)

    def test_a_deleted_end_takes_its_rows_in_between_along(self):
        self.article.keywords.add(1, 2)
        Keyword.objects.get(pk=1).delete()
        self.assertEqual(self.pks(self.article.keywords), [2])
        with self.assertNumQueries(3):
            self.assertEqual(self.article.delete()[1]["bookings.Article_keywords"], 1)
        self.assertEqual(Tagging.objects.count(), 0)


class AccessTests(TestCase):
    """Foreign keys and one-to-one, in both directions."""

    def setUp(self):
        make("default", Author, [{"id": i, "name": f"n{i}"} for i in range(1, 4)])
        self.ada = Author.objects.get(pk=1)

    def test_reverse_manager(self):
        with self.assertNumQueries(1):
            book = self.ada.books.create(title="a")
        other = Book.objects.create(author_id=2, title="b")
        with self.assertNumQueries(1):
            self.ada.books.add(other)
        with self.assertNumQueries(1):
            self.assertEqual({b.pk for b in self.ada.books.all()}, {book.pk, other.pk})
        with self.assertNumQueries(1):
            self.ada.translated.add(book, other)
        with self.assertNumQueries(1):
            self.ada.translated.remove(other)
        self.assertEqual(self.ada.translated.get(), book)
        with self.assertNumQueries(3):  # what is there; what goes; what comes
            self.ada.translated.set([other])
        self.assertEqual(self.ada.translated.get(), other)
        with self.assertNumQueries(1):
            self.ada.translated.clear()
        self.assertEqual(Book.objects.filter(translator=None).count(), 2)

    def test_prefetch_both_ways(self):
        make("default", Book, [{"author_id": 1 + i % 3, "title": str(i)} for i in range(9)])
        with self.assertNumQueries(2):
            self.assertEqual(
                [len(a.books.all()) for a in Author.objects.prefetch_related("books")], [3, 3, 3]
            )
        with self.assertNumQueries(2):
            books = Book.objects.prefetch_related("author", "translator")
            self.assertEqual(sorted({b.author.name for b in books}), ["n1", "n2", "n3"])

    def test_one_to_one(self):
        make("default", Writer, [{"id": i, "name": ""} for i in range(1, 4)])
        Profile.objects.create(writer_id=1, text="x")
        ada = Writer.objects.get(pk=1)
        with self.assertNumQueries(1):
            self.assertEqual(ada.profile.text, "x")
        with self.assertNumQueries(2):
            self.assertEqual(Profile.objects.get(pk=1).writer, ada)
        with self.assertNumQueries(1), self.assertRaises(Profile.DoesNotExist):
            Writer(pk=2).profile  # noqa: B018
        with self.assertNumQueries(2):
            found = Writer.objects.prefetch_related("profile").order_by("pk")
            self.assertEqual([hasattr(a, "profile") for a in found], [True, False, False])
        with self.assertNumQueries(1):
            found = Writer.objects.select_related("profile").order_by("pk")
            self.assertEqual([hasattr(a, "profile") for a in found], [True, False, False])
        self.assertEqual(ada.delete()[1]["bookings.Profile"], 1)

    def test_a_target_beside_a_physical_key(self):
        ada = Writer.objects.create(name="Ada")
        oslo = Meeting.objects.create(city="Oslo", name="a")
        rome = Meeting.objects.create(city="Rome", name="b")
        for meeting in (oslo, rome, rome):
            Invitation.objects.create(writer=ada, meeting=meeting)
        with self.assertNumQueries(1):
            self.assertEqual(rome.invitations.count(), 2)
        with self.assertNumQueries(2), sends() as counted:
            found = Invitation.objects.prefetch_related("meeting")
            self.assertEqual(sorted(i.meeting.city for i in found), ["Oslo", "Rome", "Rome"])
        self.assertEqual(counted, [1, 2])  # by the index on the pk, and no scan
        with self.assertNumQueries(1):
            found = Meeting.objects.filter(invitations__writer=ada).order_by("name")
            self.assertEqual([p.name for p in found], ["a", "b", "b"])
        with self.assertNumQueries(1):
            found = Invitation.objects.select_related("meeting").order_by("pk")
            self.assertEqual([i.meeting.name for i in found], ["a", "b", "b"])
        Meeting.objects.filter(city="Rome").update(city="Bonn")
        self.assertEqual(Invitation.objects.filter(meeting=rome).first().meeting.city, "Bonn")
        self.assertEqual(rome.delete()[1], {"bookings.Meeting": 1, "bookings.Invitation": 2})
        self.assertEqual(Invitation.objects.get().meeting, oslo)


class UniqueTargetTests(TestCase):
    """A foreign key to a unique field, and a one-to-one that is no primary key: claims find the rows."""

    def setUp(self):
        make("default", Label, [{"code": code, "text": code.upper()} for code in "abc"])
        make("default", Keyword, [{"id": i, "word": str(i)} for i in range(1, 4)])
        for number, code in enumerate("aab", 1):
            Sticker.objects.create(pk=number, label_id=code, number_id=number)

    def test_a_foreign_key_to_a_unique_field(self):
        sticker = Sticker.objects.get(pk=1)
        with self.assertNumQueries(1):
            self.assertEqual(sticker.label.text, "A")
        with self.assertNumQueries(2), sends() as counted:
            found = Sticker.objects.order_by("pk").prefetch_related("label")
            self.assertEqual([s.label.text for s in found], ["A", "A", "B"])
        self.assertEqual(counted, [1, 2, 2])  # the stickers, two claims, two labels
        with self.assertNumQueries(1), sends() as counted:
            found = Sticker.objects.order_by("pk").select_related("label")
            self.assertEqual([s.label.text for s in found], ["A", "A", "B"])
        self.assertEqual(counted, [1, 2, 2])
        with self.assertNumQueries(2):
            found = Label.objects.order_by("code").prefetch_related("stickers")
            self.assertEqual([len(label.stickers.all()) for label in found], [2, 1, 0])
        with self.assertNumQueries(1):
            self.assertEqual(Label.objects.get(stickers=3).code, "b")
        with self.assertNumQueries(1):
            self.assertEqual(Sticker.objects.filter(label__code="a", label__text="A").count(), 2)
        self.assertEqual(Label.objects.get(code="a").delete()[1]["bookings.Sticker"], 2)

    def test_one_to_one_beside_the_primary_key(self):
        with self.assertNumQueries(1):
            self.assertEqual(Keyword.objects.get(sticker=2).pk, 2)
        keyword = Keyword.objects.get(pk=3)
        with self.assertNumQueries(1):
            self.assertEqual(keyword.sticker.pk, 3)
        with self.assertNumQueries(2):
            found = Keyword.objects.order_by("pk").prefetch_related("sticker")
            self.assertEqual([k.sticker.pk for k in found], [1, 2, 3])
        with self.assertNumQueries(1):
            found = Keyword.objects.order_by("pk").select_related("sticker")
            self.assertEqual([k.sticker.pk for k in found], [1, 2, 3])
        with self.assertRaises(IntegrityError):
            Sticker.objects.create(label_id="c", number_id=1)

    def test_orphans(self):
        with sends() as counted:
            connection.check_constraints(["bookings_sticker"])
        self.assertEqual(counted, [1, 2, 2, 3])
        Sticker.objects.create(label_id="z")
        with self.assertRaisesMessage(IntegrityError, "bookings_label.code"):
            connection.check_constraints()


class InheritanceTests(TestCase):
    """A model whose rows are in two tables is read by the key of both."""

    def test_rows_of_two_tables(self):
        Pupil.objects.create(name="Ann")
        prefect = Prefect.objects.create(name="Bob", rank=3)
        prefect.rank, prefect.name = 4, "Bo"
        prefect.save()
        with self.assertNumQueries(1):
            found = Prefect.objects.get(pk=prefect.pk)
        self.assertEqual((found.name, found.rank), ("Bo", 4))
        with self.assertNumQueries(1):
            self.assertEqual([o.name for o in Prefect.objects.order_by("name")], ["Bo"])
        pupil = Pupil.objects.get(name="Bo")
        with self.assertNumQueries(1):
            self.assertEqual(pupil.prefect.rank, 4)
        prefect.friends.add(Pupil.objects.get(name="Ann"))
        self.assertEqual(prefect.friends.get().friends.get().name, "Bo")
        self.assertEqual(prefect.delete()[1]["bookings.Prefect"], 1)
        self.assertEqual(Pupil.objects.get().name, "Ann")


class CompositeTargetTests(SimpleTestCase):
    @isolate_apps("bookings")
    def test_a_foreign_key_to_a_composite_key_is_refused(self):
        class Guest(models.Model):
            seat = models.ForeignKey(Seat, models.CASCADE)

            class Meta:
                app_label = "bookings"

        self.assertIn("fields.E347", [error.id for error in Guest.check()])


class CascadeTests(TestCase):
    """Django's collector deletes and empties what refers to a row."""

    def setUp(self):
        self.team = Team.objects.create(pk=2, name="red")

    def about(self, captured, table: str) -> int:
        return sum(f'"{table}"' in query["sql"] for query in captured)

    def test_few_requests_for_many_children(self):
        count = 250
        players = Player.objects.bulk_create([Player(team=self.team) for _ in range(count)])
        Player.objects.create(team=Team.objects.create(pk=3))
        Shirt.objects.bulk_create([Shirt(player=player) for player in players[:10]])
        with CaptureQueriesContext(connection) as captured:
            done = self.team.delete()
        self.assertEqual(
            done[1], {"bookings.Team": 1, "bookings.Player": count, "bookings.Shirt": 10}
        )
        self.assertLessEqual(self.about(captured, "bookings_player"), 2 * 3)
        self.assertEqual(self.about(captured, "bookings_shirt"), 1)
        self.assertEqual((Player.objects.count(), Shirt.objects.count()), (1, 0))

    def test_children_that_nothing_refers_to_are_one_request(self):
        player = Player.objects.create(team=self.team)
        Shirt.objects.bulk_create([Shirt(player=player) for _ in range(250)])
        with CaptureQueriesContext(connection) as captured:
            self.assertEqual(player.delete()[1]["bookings.Shirt"], 250)
        self.assertEqual(self.about(captured, "bookings_shirt"), 1)

    def test_children_go_before_their_parents(self):
        player = Player.objects.create(team=self.team)
        Shirt.objects.create(player=player)
        with CaptureQueriesContext(connection) as captured:
            self.team.delete()
        deletes = [q["sql"] for q in captured if "DELETE FROM" in q["sql"]]
        order = [
            next(
                t
                for t in ("shirt", "award", "player", "team")
                if f'DELETE FROM "bookings_{t}"' in sql
            )
            for sql in deletes
        ]
        self.assertEqual(order, sorted(order, key=["shirt", "award", "player", "team"].index))
        self.assertEqual(order[-2:], ["player", "team"])

    def test_protect_and_restrict(self):
        award = Award.objects.create(protected=self.team)
        with self.assertRaises(ProtectedError):
            self.team.delete()
        Award.objects.filter(pk=award.pk).update(protected=None, restricted=self.team)
        with self.assertRaises(RestrictedError):
            self.team.delete()
        player = Player.objects.create(team=self.team)
        Award.objects.filter(pk=award.pk).update(winner=player)
        self.team.delete()  # the award goes with its winner
        self.assertEqual((Award.objects.count(), Team.objects.count()), (0, 0))

    def test_values_that_are_set(self):
        awards = [Award(emptied=self.team, defaulted=self.team, moved=self.team) for _ in range(3)]
        Award.objects.bulk_create([*awards, Award(emptied=Team.objects.create(pk=3))])
        with CaptureQueriesContext(connection) as captured:
            self.assertEqual(self.team.delete(), (1, {"bookings.Team": 1}))
        updates = [q for q in captured if 'UPDATE "bookings_award"' in q["sql"]]
        self.assertEqual(len(updates), 3)
        for award in Award.objects.filter(moved__isnull=False):
            self.assertEqual(
                (award.emptied, award.defaulted, award.moved.name), (None, None, "house")
            )
        self.assertEqual(Award.objects.filter(emptied=3).count(), 1)

    def test_do_nothing_leaves_an_orphan(self):
        Award.objects.create(forgotten=self.team)
        self.team.delete()
        self.assertEqual(Award.objects.get().forgotten_id, 2)
        with self.assertRaises(CommandError):
            call_command("cql", "check-references", "bookings.Award", stdout=io.StringIO())

    def test_a_queryset(self):
        Player.objects.bulk_create([Player(team=self.team, name=n) for n in "ab" * 60])
        with CaptureQueriesContext(connection) as captured:
            self.assertEqual(Player.objects.filter(team=self.team, name="a").delete()[0], 60)
        self.assertLessEqual(self.about(captured, "bookings_player"), 2)
        self.assertEqual(Player.objects.count(), 60)


class OrphanTests(TestCase):
    def setUp(self):
        make("default", Author, [{"id": i, "name": ""} for i in range(1, 4)])
        make(
            "default", Book, [{"id": i, "author_id": 1 + i % 3, "title": ""} for i in range(1, 51)]
        )

    def check(self, *labels, **options) -> tuple[str, str | None]:
        """What the command writes, and the error that it ends with."""
        out, error = io.StringIO(), None
        try:
            call_command("cql", "check-references", *labels, stdout=out, **options)
        except CommandError as raised:
            error = str(raised)
        return out.getvalue(), error

    def test_all_is_well(self):
        text, error = self.check()
        self.assertIsNone(error)
        self.assertIn("bookings.Book: 50 rows looked at, 0 orphans.", text)
        self.assertIn("bookings.Article_keywords: 0 rows looked at", text)
        self.assertTrue(text.endswith("Each foreign key points at a row.\n"))

    def test_each_orphan_is_told(self):
        Book.objects.create(pk=100, author_id=1, translator_id=77, title="")
        Book.objects.create(pk=101, author_id=99, title="")
        text, error = self.check("bookings")
        self.assertIn(
            "with primary key 100 has an invalid foreign key: 'translator_id' contains a value 77",
            text,
        )
        self.assertIn("with primary key 101 has an invalid foreign key: 'author_id'", text)
        self.assertIn("bookings.Book: 52 rows looked at, 2 orphans.", text)
        self.assertTrue(error.startswith("2 foreign key(s) point at no row."))
        with mock.patch.object(references, "SHOWN", 1):
            text, _ = self.check("bookings.book")
        self.assertEqual(text.count("invalid foreign key"), 1)
        self.assertIn("… and 1 more\n", text)
        self.assertIn("bookings.Book: 52", text)

    def test_labels(self):
        Book.objects.create(pk=101, author_id=99, title="")
        text, error = self.check("bookings.Credit")
        self.assertIsNone(error)
        self.assertNotIn("bookings.Book", text)
        for label in ("nowhere", "bookings.Nobody"):
            self.assertIn("No", self.check(label)[1])

    def test_each_referenced_row_is_read_once(self):
        with self.assertNumQueries(2), sends() as counted:
            connection.check_constraints(["bookings_book"])
        self.assertEqual(sum(counted), 1 + 3)
        with mock.patch.object(orphans, "BATCH", 10), sends() as counted:
            connection.check_constraints(["bookings_book"])
        self.assertEqual(sum(counted), 1 + 3)
        with (
            mock.patch.object(orphans, "BATCH", 10),
            mock.patch.object(orphans, "MOST_KNOWN", 0),
            sends() as counted,
        ):
            connection.check_constraints(["bookings_book"])
        self.assertEqual(sum(counted), 1 + 3 * 5)

    def test_a_missing_row_is_asked_for_once(self):
        Book.objects.update(author=99)
        with mock.patch.object(orphans, "BATCH", 10), sends() as counted:
            found = list(orphans.orphans_of(connection, Book))
        self.assertEqual(({o.pk for o in found}, counted), (set(range(1, 51)), [1, 1]))

    def test_progress(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        terminal = Terminal()
        self.check("bookings.Book", stderr=terminal)
        self.assertIn("bookings.Book [", terminal.getvalue())

    def test_another_database_is_checked_by_itself(self):
        self.assertIn("bookings.Book: 0 rows", self.check(database="other")[0])

    databases = {"default", "other"}
