"""Composite keys in every method of a queryset, and slices by tuples: what is sent, and what comes back."""

import asyncio
import datetime
import pickle
import zoneinfo

import django
from bookings.models import Entry, Party, Seat, Ticket
from django.core.exceptions import FieldDoesNotExist
from django.db import NotSupportedError, connection
from django.db.models import Avg, Count, F, FloatField, Max, Min, Q, StdDev, Sum, Variance
from django.db.models.functions import Cast, Coalesce, Trunc, TruncDay
from django.test import TestCase

from django_cassandra_backend.exceptions import ScanBudgetExceeded

UTC = datetime.timezone.utc


def where(queryset) -> str:
    """The conditions that are sent, with their values."""
    return str(queryset.query).partition(" WHERE ")[2]


class SeatTests(TestCase):
    """PRIMARY KEY ((show), row DESC, number ASC): 2 shows of 3 rows of 3 seats."""

    @classmethod
    def setUpTestData(cls):
        Seat.objects.bulk_create(
            Seat(show=show, row=row, number=number, guest=f"{show}{row}{number}")
            for show in ("hamlet", "macbeth")
            for row in (1, 2, 3)
            for number in (1, 2, 3)
        )

    def setUp(self):
        self.hamlet = Seat.objects.filter(show="hamlet")

    def places(self, queryset):
        return [seat.pk[1:] for seat in queryset]

    # --- every method ---

    def test_get_and_refresh(self):
        with self.assertNumQueries(1):
            seat = Seat.objects.get(pk=("hamlet", 2, 1))
        self.assertEqual(seat.guest, "hamlet21")
        Seat.objects.filter(pk=seat.pk).update(guest="x")
        with self.assertNumQueries(1):
            seat.refresh_from_db(fields=["guest"])
        self.assertEqual(seat.guest, "x")
        with self.assertRaises(Seat.DoesNotExist):
            Seat.objects.get(pk=("hamlet", 9, 9))
        with self.assertRaises(Seat.MultipleObjectsReturned):
            self.hamlet.get(row=1)

    def test_in_bulk_and_pk_in_read_whole_keys(self):
        keys = [("hamlet", 1, 1), ("macbeth", 3, 2), ("othello", 1, 1)]
        with self.assertNumQueries(1) as captured:
            found = Seat.objects.in_bulk(keys)
        self.assertEqual(set(found), set(keys[:2]))
        self.assertEqual(captured[0]["sql"].count("SELECT"), 3)
        self.assertEqual(Seat.objects.filter(pk__in=keys).count(), 2)
        # Beside a partition the keys are still what is read.
        self.assertIn('"number" = 1', where(self.hamlet.filter(pk__in=keys)))
        self.assertEqual(self.places(self.hamlet.filter(pk__in=keys)), [(1, 1)])
        self.assertEqual(Seat.objects.exclude(pk__in=keys).count(), 16)
        self.assertEqual(self.hamlet.exclude(pk=("hamlet", 1, 1)).count(), 8)

    def test_values_and_deferred_columns(self):
        one = self.hamlet.filter(row=1, number=2)
        self.assertEqual(list(one.values("pk")), [{"pk": ("hamlet", 1, 2)}])
        self.assertEqual(list(one.values_list("pk", "guest")), [(("hamlet", 1, 2), "hamlet12")])
        self.assertEqual(one.values_list("pk", flat=True)[0], ("hamlet", 1, 2))
        for queryset in (one.only("taken"), one.defer("guest"), one.only("pk")):
            with self.assertNumQueries(1) as captured:
                seat = queryset.get()
            self.assertNotIn("guest", captured[0]["sql"])
            with self.assertNumQueries(1):
                self.assertEqual(seat.guest, "hamlet12")

    def test_ends_and_directions(self):
        self.assertEqual(self.hamlet.first().pk, ("hamlet", 1, 1))
        self.assertEqual(self.hamlet.last().pk, ("hamlet", 3, 3))
        self.assertEqual(self.hamlet.earliest("row", "-number").pk[1:], (1, 3))
        self.assertEqual(self.hamlet.latest("pk").pk[1:], (3, 3))
        self.assertEqual(self.places(self.hamlet.order_by("-pk"))[:2], [(3, 3), (3, 2)])
        self.assertEqual(self.places(self.hamlet.order_by("pk").reverse())[0], (3, 3))
        self.assertEqual(self.places(Seat.objects.order_by("pk"))[9], (1, 1))

    def test_a_sort_within_rows_that_come_sorted(self):
        """The server sorts by row; each row's seats are sorted here, so that nothing is read to its end."""
        connection.settings_dict["OPTIONS"]["scan_budget"] = 2
        self.addCleanup(connection.settings_dict["OPTIONS"].pop, "scan_budget")
        found = self.hamlet.order_by("pk")
        self.assertTrue(where(found).endswith('ORDER BY "row" ASC'))
        self.assertEqual(self.places(found[:4]), [(1, 1), (1, 2), (1, 3), (2, 1)])
        self.assertEqual(len(self.places(found)), 9)
        with self.assertRaises(ScanBudgetExceeded):
            list(self.hamlet.order_by("number"))

    def test_an_order_that_the_key_completes(self):
        found = self.hamlet.order_by("-row", "number", "guest")[:2]
        self.assertTrue(where(found).endswith("LIMIT 2"))
        self.assertEqual(self.places(found), [(3, 1), (3, 2)])

    def test_counts(self):
        with self.assertNumQueries(1) as captured:
            self.assertEqual(self.hamlet.filter(row=2).count(), 3)
        self.assertTrue(captured[0]["sql"].startswith("SELECT COUNT(*)"))
        self.assertTrue(self.hamlet.filter(row=2).exists())
        self.assertTrue(self.hamlet.contains(Seat(show="hamlet", row=1, number=1)))
        self.assertFalse(self.hamlet.contains(Seat(show="macbeth", row=1, number=1)))
        self.assertEqual(self.hamlet.values("row").distinct().count(), 3)
        self.assertEqual(sorted(Seat.objects.values_list("row", flat=True).distinct()), [1, 2, 3])

    def test_none_or_and(self):
        self.assertEqual(list(self.hamlet.none()), [])
        one = self.hamlet.filter(row=1, number=1)
        two = Seat.objects.filter(pk=("macbeth", 1, 1))
        self.assertEqual({s.show for s in one | two}, {"hamlet", "macbeth"})
        self.assertEqual(list(one & two), [])
        self.assertEqual(list(one & self.hamlet), list(one))

    def test_raw(self):
        seats = Seat.objects.raw(
            "SELECT show, row, number FROM bookings_seat WHERE show = %s AND row = %s",
            ["hamlet", 2],
        )
        if django.VERSION < (6, 0):  # raw() has no composite keys before
            with self.assertRaisesMessage(FieldDoesNotExist, "include the primary key"):
                list(seats)
            return
        self.assertEqual(self.places(seats), [(2, 1), (2, 2), (2, 3)])
        with self.assertNumQueries(1):
            self.assertEqual(next(iter(list(seats))).guest, "hamlet21")  # left out above

    def test_pickle(self):
        found = pickle.loads(pickle.dumps(self.hamlet.filter(row=1)))
        self.assertEqual(self.places(found), [(1, 1), (1, 2), (1, 3)])
        again = self.hamlet.all()
        again.query = pickle.loads(pickle.dumps(self.hamlet.filter(row=3).query))
        self.assertEqual(self.places(again), [(3, 1), (3, 2), (3, 3)])

    def test_iterator(self):
        rows = self.hamlet.iterator(chunk_size=2)
        self.assertEqual(next(rows).pk[1:], (3, 1))
        self.assertEqual(len(list(rows)), 8)

    def test_other_database(self):
        self.assertEqual(Seat.objects.using("other").none().count(), 0)

    # --- slices by tuples ---

    def test_tuple_slices_are_sent(self):
        cases = {
            "gt": ('("row", "number") > (2, 2)', [(3, 1), (3, 2), (3, 3), (2, 3)]),
            "gte": ('("row", "number") >= (2, 2)', [(3, 1), (3, 2), (3, 3), (2, 2), (2, 3)]),
            "lt": ('("row", "number") < (2, 2)', [(2, 1), (1, 1), (1, 2), (1, 3)]),
            "lte": ('("row", "number") <= (2, 2)', [(2, 1), (2, 2), (1, 1), (1, 2), (1, 3)]),
        }
        for lookup, (sent, expected) in cases.items():
            with self.subTest(lookup):
                found = self.hamlet.filter(**{f"pk__{lookup}": ("hamlet", 2, 2)})
                self.assertIn(f"\"show\" = 'hamlet' AND {sent}", where(found))
                self.assertTrue(where(found[:2]).endswith("LIMIT 2"))
                self.assertEqual(self.places(found[:2]), expected[:2])
                self.assertEqual(self.places(found), expected)

    def test_range(self):
        found = self.hamlet.filter(pk__range=(("hamlet", 1, 3), ("hamlet", 2, 1)))
        self.assertIn('("row", "number") >= (1, 3) AND ("row", "number") <= (2, 1)', where(found))
        self.assertEqual(self.places(found), [(2, 1), (1, 3)])
        for wrong in (("hamlet", 1, 3), [("hamlet", 1), ("hamlet", 2, 1)], 3):
            with self.assertRaises(ValueError):
                self.hamlet.filter(pk__range=wrong)

    def test_what_the_partition_decides(self):
        macbeth = Seat.objects.filter(show="macbeth")
        self.assertEqual(where(macbeth.filter(pk__gt=("hamlet", 2, 2))), "\"show\" = 'macbeth'")
        with self.assertNumQueries(0):
            self.assertEqual(list(self.hamlet.filter(pk__gt=("macbeth", 1, 1))), [])
        both = Seat.objects.filter(show__in=["hamlet", "macbeth"], pk__gte=("hamlet", 3, 3))
        self.assertEqual(len(both), 10)
        self.assertIn("; SELECT", str(both.query))

    def test_a_tuple_is_no_value(self):
        with self.assertRaisesMessage(ValueError, "cannot be used as a lookup value"):
            list(self.hamlet.filter(guest__gt=F("pk")))

    def test_the_tightest_ends_are_sent(self):
        found = self.hamlet.filter(row__gte=2, row__gt=1, row__lte=9, pk__lt=("hamlet", 3, 1))
        self.assertIn('("row") >= (2) AND ("row", "number") < (3, 1)', where(found))
        self.assertEqual(self.places(found), [(2, 1), (2, 2), (2, 3)])
        fixed = self.hamlet.filter(row=2, pk__gt=("hamlet", 2, 1))
        self.assertIn('"row" = 2 AND "number" > 1', where(fixed))
        self.assertEqual(self.places(fixed), [(2, 2), (2, 3)])

    def test_keyset_pages_go_through_all_rows(self):
        for order, lookup in (("pk", "gt"), ("-pk", "lt")):
            seen, last = [], None
            while True:
                page = (
                    self.hamlet if last is None else self.hamlet.filter(**{f"pk__{lookup}": last})
                )
                page = list(page.order_by(order)[:2])
                if not page:
                    break
                seen += page
                last = page[-1].pk
            self.assertEqual(seen, list(self.hamlet.order_by(order)))

    def test_tuples_across_partitions_are_tested_here(self):
        found = Seat.objects.filter(pk__gt=("hamlet", 3, 2))
        self.assertEqual(where(found), "")
        self.assertEqual(len(found), 10)

    # --- OR ---

    def test_or_of_one_column_is_in(self):
        found = self.hamlet.filter(Q(row=1) | Q(row__in=[2, 3]), number=1)
        self.assertIn('"row" = 1 AND "number" = 1', str(found.query))
        self.assertIn('"row" = 3 AND "number" = 1', str(found.query))
        self.assertEqual(self.places(found.order_by("row")), [(1, 1), (2, 1), (3, 1)])

    def test_branches_of_an_or(self):
        found = Seat.objects.filter(
            Q(show="hamlet", row=1)
            | Q(show="hamlet", row__lte=2, number=1)
            | Q(show="macbeth", row=3)
        )
        self.assertNotIn("SCAN", found.explain().upper().replace("SCAN BUDGET", ""))
        self.assertEqual(
            sorted(self.places(found)),
            [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3)],
        )
        self.assertEqual(found.count(), 7)
        self.assertEqual(
            self.places(found.order_by("-row", "number"))[:3], [(3, 1), (3, 2), (3, 3)]
        )
        self.assertEqual(found.update(guest="x"), 7)
        self.assertEqual(Seat.objects.filter(guest="x").count(), 7)

    def test_a_branch_without_a_key_scans(self):
        found = Seat.objects.filter(Q(show="hamlet", row=1) | Q(guest="macbeth11"))
        self.assertEqual(where(found), "")
        self.assertEqual(found.count(), 4)

    # --- aggregates ---

    def test_the_server_counts_and_compares_in_partitions(self):
        with self.assertNumQueries(1) as captured:
            got = Seat.objects.filter(show__in=["hamlet", "macbeth"]).aggregate(
                Min("row"), Max("guest"), Count("guest"), all=Count("*")
            )
        self.assertEqual(captured[0]["sql"].count("MAX"), 2)
        expected = {"row__min": 1, "guest__max": "macbeth33", "guest__count": 18, "all": 18}
        self.assertEqual(got, expected)
        nothing = Seat.objects.filter(show="othello").aggregate(Min("row"), Count("pk"))
        self.assertEqual(nothing, {"row__min": None, "pk__count": 0})

    def test_aggregates_over_slices_and_distinct_rows(self):
        got = self.hamlet.order_by("-row", "number")[:4].aggregate(
            Sum("row"), Avg("number"), n=Count("pk", filter=Q(number__gt=1))
        )
        self.assertEqual(got, {"row__sum": 11, "number__avg": 1.75, "n": 2})
        got = self.hamlet.values("row").distinct().aggregate(Sum("row"))
        self.assertEqual(got, {"row__sum": 6})
        doubled = self.hamlet.annotate(double=F("row") * 2)[:3].aggregate(Max("double"))
        self.assertEqual(doubled, {"double__max": 6})

    def test_expressions_of_aggregates(self):
        got = self.hamlet.aggregate(
            twice=Sum("row") * 2,
            share=Sum("row", default=0) + Count("pk", filter=Q(row=9)) * 10,
            low=Coalesce(Min("row", filter=Q(row__gt=9)), Max("number", filter=Q(row=9)), 7),
        )
        self.assertEqual(got, {"twice": 36, "share": 18, "low": 7})
        again = self.hamlet.aggregate(n=Sum("row"), more=F("n") + 1)
        self.assertEqual(again, {"n": 18, "more": 19})
        mean = self.hamlet.aggregate(x=Cast(Sum("row"), FloatField()) / Count("pk"))
        self.assertEqual(mean, {"x": 18 / self.hamlet.count()})

    # --- async ---

    def test_async_methods(self):
        async def ask():
            key = ("hamlet", 2, 1)
            self.assertEqual((await Seat.objects.aget(pk=key)).pk, key)
            self.assertEqual(await self.hamlet.acount(), 9)
            self.assertTrue(await self.hamlet.aexists())
            self.assertEqual((await self.hamlet.afirst()).pk[1:], (1, 1))
            self.assertEqual(set(await Seat.objects.ain_bulk([key])), {key})
            self.assertEqual((await self.hamlet.aaggregate(Sum("row")))["row__sum"], 18)
            self.assertEqual(len([seat async for seat in self.hamlet]), 9)
            self.assertEqual(len([s async for s in self.hamlet.aiterator(chunk_size=2)]), 9)
            self.assertIn("CQL", await self.hamlet.aexplain())

        asyncio.run(ask())


class PartyTests(TestCase):
    """PRIMARY KEY ((city), date DESC, id): wide rows with a plain pk."""

    @classmethod
    def setUpTestData(cls):
        cls.days = [datetime.datetime(2026, month, 1, 22, 30, tzinfo=UTC) for month in (1, 2, 12)]
        cls.parties = [
            Party.objects.create(city=city, name=f"{city} {i}", date=day, people=i)
            for city in ("Oslo", "Rome")
            for i, day in enumerate(cls.days)
        ]

    def test_methods_by_pk(self):
        party = self.parties[0]
        self.assertEqual(Party.objects.get(pk=party.pk), party)
        self.assertEqual(set(Party.objects.in_bulk([party.pk])), {party.pk})
        self.assertTrue(Party.objects.contains(party))
        self.assertEqual(Party.objects.only("name").get(pk=party.pk).city, "Oslo")
        self.assertEqual(Party.objects.exclude(pk=party.pk).count(), 5)
        ordered = sorted(self.parties, key=lambda party: party.pk)
        self.assertEqual(list(Party.objects.order_by("pk")), ordered)
        self.assertEqual(Party.objects.last(), ordered[-1])

    def test_keyset_pages_by_the_clustering_columns(self):
        last = Party.objects.filter(city="Oslo").order_by("-date")[0]
        after = Party.objects.filter(city="Oslo", date__lt=last.date).order_by("-date")[:1]
        self.assertTrue(
            where(after).endswith("AND \"date\" < '2026-12-01T22:30:00.000+00:00' LIMIT 1")
        )
        self.assertEqual([party.people for party in after], [1])

    def test_or_with_the_pk(self):
        found = Party.objects.filter(Q(pk=self.parties[0].pk) | Q(city="Rome"))
        self.assertEqual(found.count(), 4)

    def test_dates_and_datetimes(self):
        oslo = Party.objects.filter(city="Oslo")
        months = oslo.datetimes("date", "month")
        self.assertEqual(
            [(d.month, d.day, d.hour) for d in months], [(1, 1, 0), (2, 1, 0), (12, 1, 0)]
        )
        self.assertEqual(len(oslo.datetimes("date", "year")), 1)
        hours = oslo.datetimes("date", "hour", order="DESC", tzinfo=UTC)
        self.assertEqual(
            [(d.month, d.hour, d.minute) for d in hours], [(12, 22, 0), (2, 22, 0), (1, 22, 0)]
        )


class TicketTests(TestCase):
    """A relation of several columns to a composite key."""

    @classmethod
    def setUpTestData(cls):
        cls.seats = [Seat.objects.create(show="x", row=1, number=n) for n in (1, 2, 3)]
        for seat in cls.seats:
            Ticket.objects.create(show="x", row=1, number=seat.number, holder=f"n{seat.number}")

    def holders(self, queryset):
        return sorted(ticket.holder for ticket in queryset)

    def test_filters_by_instances_and_tuples(self):
        one, two, _ = self.seats
        found = Ticket.objects.filter(seat=one)
        self.assertEqual(where(found), '"show" = \'x\' AND "row" = 1 AND "number" = 1')
        self.assertEqual(self.holders(found), ["n1"])
        self.assertEqual(self.holders(Ticket.objects.filter(seat=("x", 1, 2))), ["n2"])
        both = Ticket.objects.filter(seat__in=[one, two])
        self.assertEqual(str(both.query).count("WHERE"), 2)
        self.assertEqual(self.holders(both), ["n1", "n2"])
        self.assertEqual(self.holders(Ticket.objects.exclude(seat=one)), ["n2", "n3"])

    def test_following_prefetching_cascading(self):
        one = self.seats[0]
        self.assertEqual(self.holders(one.tickets.all()), ["n1"])
        self.assertEqual(Ticket.objects.get(holder="n1", show="x").seat, one)
        with self.assertNumQueries(2):
            seats = Seat.objects.filter(show="x").prefetch_related("tickets")
            self.assertEqual(
                [self.holders(seat.tickets.all()) for seat in seats], [["n1"], ["n2"], ["n3"]]
            )
        self.assertEqual(Seat.objects.filter(show="x", number__lt=3).delete()[0], 4)
        self.assertEqual(self.holders(Ticket.objects.all()), ["n3"])


class EntryTests(TestCase):
    """PRIMARY KEY ((blog), day DESC, number), with indexes on number, state and score."""

    @classmethod
    def setUpTestData(cls):
        cls.days = [datetime.date(2026, 1, day) for day in (1, 2, 3)]
        Entry.objects.bulk_create(
            Entry(blog=blog, day=day, number=number, state=state, score=number)
            for blog in ("x", "y")
            for day in cls.days
            for number, state in enumerate(["new", "old", "new"])
        )

    def setUp(self):
        self.x = Entry.objects.filter(blog="x")

    def test_an_index_beside_the_partition(self):
        found = self.x.filter(state="old").order_by("-day", "number")[:2]
        self.assertEqual(where(found), "\"blog\" = 'x' AND \"state\" = 'old' LIMIT 2")
        self.assertEqual([e.pk for e in found], [("x", d, 1) for d in reversed(self.days[1:])])
        bounded = self.x.filter(state="new", day__gt=self.days[0], score__gte=1)
        self.assertEqual(
            where(bounded),
            '"blog" = \'x\' AND "state" = \'new\' AND "day" > \'2026-01-01\' AND "score" >= 1',
        )
        self.assertEqual([e.number for e in bounded], [2, 2])

    def test_the_reverse_order_beside_an_index_is_sorted_here(self):
        found = self.x.filter(state="old").order_by("day")
        self.assertNotIn("ORDER BY", where(found))
        self.assertEqual([e.day for e in found], self.days)

    def test_the_whole_key_needs_no_index(self):
        found = self.x.filter(day=self.days[0], number=1, state="old")
        self.assertNotIn("state", where(found))
        self.assertEqual(found.count(), 1)

    def test_an_indexed_clustering_column(self):
        self.assertEqual(where(self.x.filter(number=1)), '"blog" = \'x\' AND "number" = 1')
        self.assertEqual(self.x.filter(number=1).count(), 3)
        sliced = self.x.filter(number=1, day__gt=self.days[0])
        self.assertNotIn("number", where(sliced))  # CQL has no place for it behind a range
        self.assertEqual(sliced.count(), 2)

    def test_indexes_are_intersected(self):
        found = Entry.objects.filter(state="new", score__gt=0)
        self.assertEqual(where(found), '"state" = \'new\' AND "score" > 0')
        self.assertEqual(found.count(), 6)
        several = Entry.objects.filter(state__in=["new", "old"], score=1)
        self.assertEqual(str(several.query).count('"score" = 1'), 2)
        self.assertEqual(several.count(), 6)

    def test_partitions_and_an_index(self):
        found = Entry.objects.filter(blog__in=["x", "y"], state="old").order_by("-day", "number")
        self.assertEqual(str(found.query).count("SELECT"), 2)
        self.assertEqual([e.day for e in found], sorted(2 * self.days, reverse=True))

    def test_spreads(self):
        got = self.x.aggregate(
            StdDev("score"), Variance("score"), s=StdDev("score", sample=True), n=Count("score")
        )
        self.assertAlmostEqual(got["score__variance"], 2 / 3, places=15)
        self.assertAlmostEqual(got["score__stddev"], (2 / 3) ** 0.5, places=15)
        self.assertAlmostEqual(got["s"], 0.75**0.5, places=15)
        none = self.x.filter(state="old", day=self.days[0])
        self.assertIsNone(none.aggregate(v=Variance("score", sample=True))["v"])
        self.assertEqual(self.x.none().aggregate(v=Variance("score", default=7))["v"], 7)
        with self.assertRaisesMessage(NotSupportedError, "StdDev() of CharField"):
            self.x.aggregate(StdDev("state"))

    def test_dates(self):
        self.assertEqual(list(self.x.dates("day", "day", order="DESC")), self.days[::-1])
        self.assertEqual(list(self.x.dates("day", "week")), [datetime.date(2025, 12, 29)])
        self.assertEqual(list(self.x.none().dates("day", "month")), [])
        quarter = self.x.annotate(q=Trunc("day", "quarter")).values_list("q", flat=True)
        self.assertEqual(set(quarter), {datetime.date(2026, 1, 1)})
        with self.assertRaises(ValueError):
            list(self.x.annotate(h=Trunc("day", "hour")))

    def test_moments_in_zones(self):
        at = datetime.datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
        Party.objects.create(city="Bonn", name="x", date=at)
        for zone, day in (("Etc/GMT+10", 30), ("Etc/GMT-10", 1), ("Asia/Tokyo", 1)):
            tz = zoneinfo.ZoneInfo(zone)
            for found in (tz, datetime.timezone(at.astimezone(tz).utcoffset())):
                query = Party.objects.filter(city="Bonn").annotate(
                    day=TruncDay("date", tzinfo=found)
                )
                begin = query.get().day
                self.assertEqual(
                    (begin.day, begin.hour, begin.utcoffset()), (day, 0, found.utcoffset(at))
                )


class ManyRowsTests(TestCase):
    def test_a_long_list_of_keys_is_read_key_by_key(self):
        Seat.objects.create(show="x", row=1, number=1)
        keys = [("x", row, 1) for row in range(11_000)]
        with self.assertNumQueries(1) as captured:
            self.assertEqual(len(Seat.objects.filter(pk__in=keys)), 1)
        self.assertTrue(captured[0]["sql"].endswith("(11000 statements)"))

    def test_pages_of_an_iterator(self):
        """Nothing but the page in hand is kept, and abandoned rows leave no cursor behind."""
        Seat.objects.bulk_create(
            Seat(show="x", row=r, number=n) for r in range(60) for n in range(100)
        )
        rows = Seat.objects.iterator(chunk_size=10)
        self.assertEqual(next(rows).pk, ("x", 59, 0))
        rows.close()
        self.assertEqual(sum(1 for _ in Seat.objects.iterator(chunk_size=7)), 6000)
        self.assertEqual(len(Seat.objects.values_list("pk")), 6000)
