"""Reading one table: by key, by index, by scan, and what is done on our side."""

import datetime
from unittest import mock

from bookings.models import Author, Book, Party, Seat
from django.db import DataError, connection, models
from django.db.models import Avg, Count, F, Max, Min, Q, Sum, Value
from django.db.models.functions import Coalesce, Lower
from django.test import TestCase, override_settings, tag
from django.test.utils import isolate_apps

from django_cassandra_backend.cursor import Cursor

UTC = datetime.timezone.utc


def cql(queryset) -> str:
    return str(queryset.query)


@tag("astra")
class AuthorTests(TestCase):
    """A table with a plain key and one index."""

    def setUp(self):
        rows = [
            ("Ada", 1815, "ada@x.org"),
            ("Bo", None, None),
            ("Cai", 1990, None),
            ("ada", 2000, ""),
        ]
        self.authors = [Author.objects.create(name=n, born=b, email=e) for n, b, e in rows]

    def names(self, queryset) -> list[str]:
        return sorted(queryset.values_list("name", flat=True))

    def test_get_by_pk_reads_one_row(self):
        with self.assertNumQueries(1):
            self.assertEqual(Author.objects.get(pk=self.authors[0].pk).name, "Ada")
        with self.assertRaises(Author.DoesNotExist):
            Author.objects.get(pk=10**12)

    def test_get_of_several_rows(self):
        with self.assertRaises(Author.MultipleObjectsReturned):
            Author.objects.get(email=None)

    def test_an_index_serves_equality(self):
        found = Author.objects.filter(name="Ada")
        self.assertIn("WHERE \"name\" = 'Ada'", cql(found))
        self.assertEqual(self.names(found), ["Ada"])

    def test_in_list_of_keys(self):
        keys = [self.authors[0].pk, self.authors[2].pk, 10**9, None]
        self.assertEqual(self.names(Author.objects.filter(pk__in=keys)), ["Ada", "Cai"])
        self.assertEqual(list(Author.objects.filter(pk__in=[])), [])

    def test_keys_are_read_side_by_side(self):
        """Few at first, since the first row may be all that is wanted; the rows come in the order of the keys."""
        keys = [author.pk for author in self.authors]
        many = [*range(10**9, 10**9 + 200), *keys]
        sent = []

        def send_reads(cursor, cql, rows, **options):
            sent.append(len(rows))
            return real(cursor, cql, rows, **options)

        real = Cursor.send_reads
        with mock.patch.object(Cursor, "send_reads", send_reads):
            self.assertEqual([a.pk for a in Author.objects.filter(pk__in=many)], keys)
            self.assertEqual(sent, [16, 32, 64, 92])
            sent.clear()
            self.assertEqual(Author.objects.filter(pk__in=keys * 20).first().pk, keys[0])
            self.assertEqual(Author.objects.filter(pk__in=[*keys, *many])[0], self.authors[0])
            self.assertEqual(sent[-1], 1)

    def test_in_bulk(self):
        found = Author.objects.in_bulk([author.pk for author in self.authors[:2]])
        self.assertEqual(found, {author.pk: author for author in self.authors[:2]})

    def test_null_is_neither_equal_nor_different(self):
        self.assertEqual(self.names(Author.objects.filter(born=None)), ["Bo"])
        self.assertEqual(
            self.names(Author.objects.filter(born__isnull=False)), ["Ada", "Cai", "ada"]
        )
        self.assertEqual(self.names(Author.objects.exclude(born=1815)), ["Bo", "Cai", "ada"])
        self.assertEqual(self.names(Author.objects.exclude(born__gt=1900)), ["Ada", "Bo"])
        self.assertEqual(self.names(Author.objects.filter(~Q(born__lt=1900))), ["Bo", "Cai", "ada"])

    def test_comparisons(self):
        self.assertEqual(self.names(Author.objects.filter(born__gte=1990)), ["Cai", "ada"])
        self.assertEqual(
            self.names(Author.objects.filter(born__range=(1800, 1990))), ["Ada", "Cai"]
        )
        self.assertEqual(self.names(Author.objects.filter(born__lt=1990, born__gt=0)), ["Ada"])
        self.assertEqual(self.names(Author.objects.filter(born__lt=1815.5)), ["Ada"])

    def test_text_lookups(self):
        cases = {
            "name__iexact": ("ADA", ["Ada", "ada"]),
            "name__contains": ("a", ["Ada", "Cai", "ada"]),
            "name__icontains": ("A", ["Ada", "Cai", "ada"]),
            "name__startswith": ("A", ["Ada"]),
            "name__istartswith": ("a", ["Ada", "ada"]),
            "name__endswith": ("i", ["Cai"]),
            "name__iendswith": ("DA", ["Ada", "ada"]),
            "name__regex": ("^[AB]", ["Ada", "Bo"]),
            "name__iregex": ("^[AB]", ["Ada", "Bo", "ada"]),
            "name__gt": ("Bo", ["Cai", "ada"]),
        }
        for lookup, (value, expected) in cases.items():
            with self.subTest(lookup):
                self.assertEqual(self.names(Author.objects.filter(**{lookup: value})), expected)

    def test_percent_and_underscore_are_no_wildcards(self):
        Author.objects.create(name="50%_off")
        self.assertEqual(self.names(Author.objects.filter(name__contains="%_")), ["50%_off"])
        self.assertEqual(self.names(Author.objects.filter(name__contains="%o")), [])

    def test_or_and_xor_and_nesting(self):
        found = Author.objects.filter(Q(born=1990) | Q(email="ada@x.org"), ~Q(name="Nobody"))
        self.assertEqual(self.names(found), ["Ada", "Cai"])
        found = Author.objects.filter(Q(name="Ada") ^ Q(born=1815))
        self.assertEqual(self.names(found), [])

    def test_a_value_too_large_for_the_column(self):
        self.assertEqual(self.names(Author.objects.filter(born=2**40)), [])
        self.assertEqual(self.names(Author.objects.filter(born__lt=2**40)), ["Ada", "Cai", "ada"])
        self.assertEqual(self.names(Author.objects.filter(pk__in=[2**70])), [])

    def test_columns_compared_with_each_other(self):
        ada, _, cai, other = self.authors
        for author, more in ((ada, 0), (cai, 101), (other, 200)):
            author.born = author.pk + more
            author.save()
        self.assertEqual(self.names(Author.objects.filter(born=F("pk"))), ["Ada"])
        self.assertEqual(self.names(Author.objects.filter(born__gt=F("pk") + 100)), ["Cai", "ada"])

    def test_order_by(self):
        def names(*order):
            return [author.name for author in Author.objects.order_by(*order)]

        self.assertEqual(names("name"), ["Ada", "Bo", "Cai", "ada"])
        self.assertEqual(names("-name"), ["ada", "Cai", "Bo", "Ada"])
        self.assertEqual(names("born"), ["Bo", "Ada", "Cai", "ada"])
        self.assertEqual(names("-born"), ["ada", "Cai", "Ada", "Bo"])
        self.assertEqual(names(F("born").asc(nulls_last=True)), ["Ada", "Cai", "ada", "Bo"])
        self.assertEqual(names(F("born").desc(nulls_first=True)), ["Bo", "ada", "Cai", "Ada"])
        self.assertEqual(names("email", "-name"), ["Cai", "Bo", "ada", "Ada"])
        self.assertEqual(names(Lower("name"), "-pk"), ["ada", "Ada", "Bo", "Cai"])

    def test_slices(self):
        ordered = Author.objects.order_by("name")
        self.assertEqual([a.name for a in ordered[1:3]], ["Bo", "Cai"])
        self.assertEqual([a.name for a in ordered[3:9]], ["ada"])
        self.assertEqual(list(ordered[9:12]), [])
        self.assertEqual(list(ordered[2:2]), [])
        self.assertEqual(ordered[0].name, "Ada")
        self.assertEqual(len(Author.objects.all()[:3]), 3)

    def test_first_last_reverse_earliest_latest(self):
        self.assertEqual(Author.objects.first(), self.authors[0])
        self.assertEqual(Author.objects.last(), self.authors[-1])
        self.assertEqual(Author.objects.order_by("name").reverse()[0].name, "ada")
        self.assertEqual(Author.objects.filter(born__gt=0).earliest("born").name, "Ada")
        self.assertEqual(Author.objects.filter(born__gt=0).latest("born").name, "ada")
        self.assertIsNone(Author.objects.filter(name="Nobody").first())

    def test_count_and_exists(self):
        self.assertEqual(Author.objects.count(), 4)
        self.assertEqual(Author.objects.filter(name="Ada").count(), 1)
        self.assertEqual(Author.objects.filter(born__gt=1900).count(), 2)
        self.assertEqual(Author.objects.all()[1:3].count(), 2)
        self.assertEqual(Author.objects.none().count(), 0)
        self.assertTrue(Author.objects.filter(name="Ada").exists())
        self.assertFalse(Author.objects.filter(name="Nobody").exists())
        self.assertIn(self.authors[1], Author.objects.all())
        self.assertTrue(Author.objects.contains(self.authors[1]))

    def test_count_without_a_filter_is_the_servers(self):
        with self.assertNumQueries(1) as captured:
            Author.objects.count()
        self.assertEqual(captured[0]["sql"], 'SELECT COUNT(*) FROM "bookings_author"')

    def test_aggregates(self):
        got = Author.objects.aggregate(
            Min("born"), Max("born"), Sum("born"), Avg("born"), n=Count("born"), all=Count("*")
        )
        expected = {"born__min": 1815, "born__max": 2000, "born__sum": 5805, "born__avg": 1935.0}
        self.assertEqual(got, {**expected, "n": 3, "all": 4})
        got = Author.objects.aggregate(
            n=Count("pk", filter=Q(born__gt=1900)), d=Count("email", distinct=True)
        )
        self.assertEqual(got, {"n": 2, "d": 2})
        empty = Author.objects.filter(name="Nobody").aggregate(
            Sum("born"), Avg("born"), Count("born")
        )
        self.assertEqual(empty, {"born__sum": None, "born__avg": None, "born__count": 0})

    def test_aggregates_with_a_default(self):
        for found in (Author.objects.filter(name="Nobody"), Author.objects.none()):
            self.assertEqual(found.aggregate(n=Sum("born", default=7))["n"], 7)
        self.assertEqual(Author.objects.aggregate(n=Max("born", default=7))["n"], 2000)
        nobody = Author.objects.none().aggregate(Max("born"), n=Count("born"))
        self.assertEqual(nobody, {"born__max": None, "n": 0})

    def test_values_and_values_list(self):
        self.assertEqual(
            list(Author.objects.filter(name="Ada").values("name", "born")),
            [{"name": "Ada", "born": 1815}],
        )
        self.assertEqual(
            list(Author.objects.filter(name="Bo").values_list("born", "name")), [(None, "Bo")]
        )
        self.assertEqual(
            Author.objects.values_list("name", "pk", named=True).get(name="Bo").name, "Bo"
        )

    def test_only_and_defer_read_what_they_say(self):
        with self.assertNumQueries(1) as captured:
            author = Author.objects.only("born").get(pk=self.authors[0].pk)
        self.assertIn('SELECT "id", "born" FROM', captured[0]["sql"])
        with self.assertNumQueries(1):
            self.assertEqual(author.name, "Ada")
        with self.assertNumQueries(0):
            self.assertEqual(Author.objects.defer("email").filter(name="Bo").query.model, Author)

    def test_distinct(self):
        Author.objects.create(name="Ada", born=1815)
        self.assertEqual(
            sorted(Author.objects.distinct().values_list("name", flat=True)),
            ["Ada", "Bo", "Cai", "ada"],
        )
        self.assertEqual(
            list(Author.objects.order_by("name").distinct().values_list("name", flat=True)[:2]),
            ["Ada", "Bo"],
        )

    def test_distinct_with_another_order_compares_both(self):
        """Django adds what the rows are ordered by to a distinct SELECT."""
        Author.objects.create(name="Ada", born=1)
        names = Author.objects.order_by("born").distinct().values_list("name", flat=True)
        self.assertEqual(list(names), ["Bo", "Ada", "Ada", "Cai", "ada"])
        self.assertEqual(Author.objects.order_by().distinct().values("name").count(), 4)

    def test_an_invalid_regular_expression(self):
        with self.assertRaisesMessage(DataError, "invalid regular expression"):
            list(Author.objects.filter(name__regex="("))

    def test_annotations_of_the_same_row(self):
        found = Author.objects.annotate(age=2026 - F("born")).filter(age__lt=100).order_by("age")
        self.assertEqual([(a.name, a.age) for a in found], [("ada", 26), ("Cai", 36)])
        shown = Author.objects.annotate(mail=Coalesce("email", Value("none"))).order_by("name")
        self.assertEqual([a.mail for a in shown], ["ada@x.org", "none", "none", ""])

    def test_iterator_streams_pages(self):
        rows = Author.objects.iterator(chunk_size=2)
        self.assertEqual(len([next(rows), next(rows), next(rows)]), 3)
        self.assertEqual(len(list(rows)), 1)

    def test_iteration_survives_another_query_inside(self):
        names = [
            Author.objects.get(pk=author.pk).name
            for author in Author.objects.iterator(chunk_size=1)
        ]
        self.assertEqual(sorted(names), ["Ada", "Bo", "Cai", "ada"])

    def test_nothing_is_sent_when_nothing_can_match(self):
        with self.assertNumQueries(0):
            self.assertEqual(list(Author.objects.none()), [])
            self.assertEqual(list(Author.objects.filter(pk__in=[])), [])
            self.assertFalse(Author.objects.filter(pk__in=[]).exists())
            self.assertEqual(Author.objects.filter(pk__in=[]).count(), 0)


class InstanceColumnsTests(TestCase):
    """What a query for instances selects is made once per model."""

    def test_it_follows_use_tz(self):
        moment = datetime.datetime(2024, 5, 1, 12, tzinfo=UTC)
        party = Party.objects.create(city="bern", name="tea", date=moment)
        for use_tz in (True, False, True):
            with override_settings(USE_TZ=use_tz, TIME_ZONE="UTC"):
                date = Party.objects.get(pk=party.pk).date
            self.assertEqual(date, moment if use_tz else moment.replace(tzinfo=None))

    def test_other_columns_are_selected_beside_it(self):
        Author.objects.create(name="Ada", born=1815)
        for _ in range(2):
            self.assertEqual(Author.objects.get(name="Ada").born, 1815)
            deferred = Author.objects.defer("born").get(name="Ada")
            self.assertEqual(deferred.get_deferred_fields(), {"born"})
            self.assertEqual(Author.objects.annotate(next=F("born") + 1).get(name="Ada").next, 1816)
            self.assertEqual(Author.objects.values_list("born", "name").get(), (1815, "Ada"))

    def test_a_field_that_comes_later_is_selected(self):
        with isolate_apps("bookings"):

            class Grown(models.Model):
                class Meta:
                    app_label = "bookings"

            self.assertNotIn("height", cql(Grown.objects.all()))
            models.IntegerField(null=True).contribute_to_class(Grown, "height")
            self.assertIn("height", cql(Grown.objects.all()))


class BookTests(TestCase):
    """Foreign keys and several indexes."""

    def setUp(self):
        self.ada = Author.objects.create(name="Ada")
        self.bo = Author.objects.create(name="Bo")
        day = datetime.date
        self.engine = Book.objects.create(
            author=self.ada, title="Engine", price="9.90", published=day(1843, 9, 1), pages=66
        )
        self.loom = Book.objects.create(
            author=self.ada, title="Loom", price="5", published=day(1844, 2, 29), pages=10
        )
        self.snow = Book.objects.create(
            author=self.bo, title="Snow", published=None, pages=300, translator=self.ada
        )

    def test_a_foreign_key_is_indexed(self):
        found = Book.objects.filter(author=self.ada)
        self.assertIn(f'WHERE "author_id" = {self.ada.pk}', cql(found))
        self.assertEqual({book.title for book in found}, {"Engine", "Loom"})
        self.assertEqual({book.title for book in self.ada.books.all()}, {"Engine", "Loom"})
        self.assertEqual(
            [book.title for book in Book.objects.filter(author__in=[self.bo])], ["Snow"]
        )
        self.assertEqual(
            [book.title for book in Book.objects.filter(author_id=self.bo.pk)], ["Snow"]
        )
        self.assertEqual(Book.objects.filter(translator__isnull=True).count(), 2)

    def test_following_and_prefetching(self):
        with self.assertNumQueries(2):
            self.assertEqual(Book.objects.get(pk=self.snow.pk).author.name, "Bo")
        with self.assertNumQueries(2):
            authors = Author.objects.prefetch_related("books")
            self.assertEqual(sorted(len(author.books.all()) for author in authors), [1, 2])
        with self.assertNumQueries(2):
            books = Book.objects.prefetch_related("author")
            self.assertEqual(sorted(book.author.name for book in books), ["Ada", "Ada", "Bo"])

    def test_a_range_of_an_indexed_date(self):
        found = Book.objects.filter(published__gte=datetime.date(1844, 1, 1))
        self.assertIn('"published" >=', cql(found))
        self.assertEqual([book.title for book in found], ["Loom"])
        found = Book.objects.filter(published__year=1843)
        self.assertIn('"published" >=', cql(found))
        self.assertEqual([book.title for book in found], ["Engine"])

    def test_date_parts(self):
        def titles(**lookups):
            return sorted(Book.objects.filter(**lookups).values_list("title", flat=True))

        self.assertEqual(titles(published__month=2), ["Loom"])
        self.assertEqual(titles(published__day=1), ["Engine"])
        self.assertEqual(titles(published__quarter=3), ["Engine"])
        self.assertEqual(titles(published__week_day=5), ["Loom"])  # a Thursday
        self.assertEqual(titles(published__iso_week_day=4), ["Loom"])
        self.assertEqual(titles(published__year__gt=1843), ["Loom"])
        self.assertEqual(titles(published__year__in=[1843, 1844]), ["Engine", "Loom"])

    def test_decimals(self):
        def titles(**lookups):
            return sorted(Book.objects.filter(**lookups).values_list("title", flat=True))

        self.assertEqual(titles(price="9.9"), ["Engine"])
        self.assertEqual(titles(price="9.900"), ["Engine"])
        self.assertEqual(titles(price="9.901"), [])
        self.assertEqual(titles(price__lt="9.901"), ["Engine", "Loom", "Snow"])
        self.assertEqual(titles(price__gt="9.899"), ["Engine"])
        self.assertEqual(titles(price__in=["5", "9.905"]), ["Loom"])
        self.assertEqual(str(Book.objects.aggregate(Sum("price"))["price__sum"]), "14.90")

    def test_index_and_rest(self):
        found = Book.objects.filter(author=self.ada, price=5)
        self.assertNotIn('price" =', cql(found))
        self.assertEqual([book.pk for book in found], [self.loom.pk])

    def test_order_by_foreign_key_column(self):
        titles = list(Book.objects.order_by("author_id", "-title").values_list("title", flat=True))
        self.assertEqual(titles, ["Loom", "Engine", "Snow"])


@tag("astra")
class WideRowTests(TestCase):
    """Clustering: slices, order, merges."""

    def setUp(self):
        self.days = [datetime.datetime(2026, 5, day, 20, tzinfo=UTC) for day in (1, 2, 3, 4)]
        for city in ("Oslo", "Rome"):
            for i, day in enumerate(self.days):
                Party.objects.create(city=city, name=f"{city} {i}", date=day, people=i)

    def names(self, queryset):
        return [party.name for party in queryset]

    def test_a_partition_comes_in_clustering_order(self):
        self.assertEqual(
            self.names(Party.objects.filter(city="Oslo")), ["Oslo 3", "Oslo 2", "Oslo 1", "Oslo 0"]
        )

    def test_order_by_clustering_is_the_servers(self):
        newest = Party.objects.filter(city="Oslo").order_by("-date")[:2]
        self.assertTrue(cql(newest).endswith("LIMIT 2"), cql(newest))
        self.assertEqual(self.names(newest), ["Oslo 3", "Oslo 2"])
        oldest = Party.objects.filter(city="Oslo").order_by("date")[1:3]
        self.assertIn('ORDER BY "date" ASC', cql(oldest))
        self.assertEqual(self.names(oldest), ["Oslo 1", "Oslo 2"])

    def test_another_order_is_sorted_here(self):
        self.assertEqual(
            self.names(Party.objects.filter(city="Rome").order_by("name"))[0], "Rome 0"
        )
        self.assertNotIn("ORDER BY", cql(Party.objects.filter(city="Rome").order_by("name")))

    def test_slices_of_a_partition(self):
        found = Party.objects.filter(city="Oslo", date__gt=self.days[0], date__lte=self.days[2])
        self.assertIn('"date" > ', cql(found))
        self.assertIn('"date" <= ', cql(found))
        self.assertEqual(self.names(found), ["Oslo 2", "Oslo 1"])
        self.assertEqual(
            self.names(Party.objects.filter(city="Oslo", date=self.days[1])), ["Oslo 1"]
        )

    def test_several_partitions_are_merged_in_order(self):
        found = Party.objects.filter(city__in=["Oslo", "Rome"]).order_by("-date", "id")[:3]
        self.assertEqual({name.split()[1] for name in self.names(found)[:2]}, {"3"})
        dates = [
            party.date for party in Party.objects.filter(city__in=["Rome", "Oslo"]).order_by("date")
        ]
        self.assertEqual(dates, sorted(dates))
        self.assertEqual(len(dates), 8)

    def test_a_day_in_the_current_time_zone(self):
        late = datetime.datetime(2026, 5, 9, 23, 30, tzinfo=UTC)  # 01:30 on the 10th in Oslo
        Party.objects.create(city="Bergen", name="late", date=late)
        self.assertEqual(
            self.names(Party.objects.filter(city="Bergen", date__date=datetime.date(2026, 5, 10))),
            ["late"],
        )
        self.assertEqual(self.names(Party.objects.filter(city="Bergen", date__hour=1)), ["late"])
        self.assertEqual(self.names(Party.objects.filter(city="Bergen", date__day=9)), [])
        self.assertEqual(
            self.names(Party.objects.filter(city="Bergen", date__time=datetime.time(1, 30))),
            ["late"],
        )
        self.assertEqual(self.names(Party.objects.filter(city="Bergen", date__year=2026)), ["late"])

    def test_server_aggregates_in_a_partition(self):
        with self.assertNumQueries(1) as captured:
            got = Party.objects.filter(city="Oslo").aggregate(Max("date"), n=Count("*"))
        self.assertIn('MAX("date")', captured[0]["sql"])
        self.assertEqual(got["n"], 4)
        self.assertEqual(got["date__max"], self.days[3])

    def test_composite_keys(self):
        for row in (1, 2):
            for number in (1, 2):
                Seat.objects.create(show="hamlet", row=row, number=number)
        seat = Seat.objects.get(pk=("hamlet", 2, 1))
        self.assertEqual((seat.pk, seat.row), (("hamlet", 2, 1), 2))
        keys = [("hamlet", 1, 1), ("hamlet", 2, 2), ("macbeth", 1, 1)]
        self.assertEqual({s.pk for s in Seat.objects.filter(pk__in=keys)}, set(keys[:2]))
        self.assertEqual(Seat.objects.filter(pk=("hamlet", 1, Value(1) + 1)).count(), 1)
        self.assertEqual(list(Seat.objects.filter(pk__in=[("hamlet", None, 1)])), [])
        after = Seat.objects.filter(show="hamlet", pk__gt=("hamlet", 1, 1)).order_by("pk")
        self.assertEqual([s.pk[1:] for s in after], [(1, 2), (2, 1), (2, 2)])
        self.assertEqual(
            [s.pk[1:] for s in Seat.objects.filter(show="hamlet")], [(2, 1), (2, 2), (1, 1), (1, 2)]
        )
        reverse = Seat.objects.filter(show="hamlet").order_by("row", "-number")
        self.assertIn('ORDER BY "row" ASC, "number" DESC', cql(reverse))
        self.assertEqual([s.pk[1:] for s in reverse], [(1, 2), (1, 1), (2, 2), (2, 1)])
        mixed = Seat.objects.filter(show="hamlet").order_by("row", "number")
        self.assertTrue(cql(mixed).endswith('ORDER BY "row" ASC'))  # and each row's numbers here
        self.assertEqual([s.pk[1:] for s in mixed], [(1, 1), (1, 2), (2, 1), (2, 2)])
        self.assertEqual(
            next(iter(Seat.objects.filter(show="hamlet", row=1).values_list("pk", flat=True))),
            ("hamlet", 1, 1),
        )
        self.assertEqual(Seat.objects.filter(show="hamlet", row__gte=2).count(), 2)
        self.assertEqual(Seat.objects.aggregate(Count("pk"))["pk__count"], 4)

    def test_the_list_of_partitions_is_the_servers(self):
        cities = Party.objects.values_list("city", flat=True).distinct()
        self.assertEqual(cql(cities), 'SELECT DISTINCT "city" FROM "party"')
        self.assertEqual(sorted(cities), ["Oslo", "Rome"])
        self.assertEqual(list(cities.order_by("-city")), ["Rome", "Oslo"])
        self.assertTrue(cql(cities.all()[:1]).endswith("LIMIT 1"))
        self.assertEqual(cities.count(), 2)
        self.assertNotIn("DISTINCT", cql(cities.filter(people=1)))
        self.assertEqual(sorted(cities.filter(people=1)), ["Oslo", "Rome"])

    def test_an_empty_partition_key_matches_nothing(self):
        self.assertEqual(list(Party.objects.filter(city="")), [])
        self.assertEqual(next(iter(Party.objects.filter(city__in=["", "Oslo"]))).city, "Oslo")

    def test_raw(self):
        found = Party.objects.raw("SELECT * FROM party WHERE city = %s", ["Oslo"])
        self.assertEqual([p.name for p in found], ["Oslo 3", "Oslo 2", "Oslo 1", "Oslo 0"])
        named = Party.objects.raw(
            "SELECT id, name FROM party WHERE city = %(city)s", {"city": "Rome"}
        )
        self.assertEqual(named[0].name, "Rome 3")
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM party WHERE city = %s LIMIT 1", ["Rome"])
            self.assertEqual(cursor.fetchall(), [("Rome 3",)])
