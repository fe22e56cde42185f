"""Check constraints: a row that violates one is not written, whichever statement would write it."""

import datetime
import decimal
import gc
import random
import weakref
from unittest import mock

from bookings.models import Gauge, Hall, Offer, Shift, Tier
from django.apps.registry import Apps
from django.db import IntegrityError, NotSupportedError, connection, models, transaction
from django.db.models import Case, CheckConstraint, F, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Length, Now
from django.test import TestCase, TransactionTestCase
from django.test.utils import isolate_apps
from django.utils import timezone
from test_races import WRITERS, compete
from test_together import ClusterTestCase, Network, lost
from test_writes import sent

from django_cassandra_backend import check_constraints, checks, writes

NOON = datetime.datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=datetime.timezone.utc)


class RefusalTestCase(TestCase):
    def refuses(self, name: str, *told: str):
        """IntegrityError of the constraint with this name; nothing is written."""
        return self.assertRaisesRegex(
            IntegrityError, f'CHECK constraint "{name}" .* is violated: .*' + ".*".join(told)
        )


class InsertTests(RefusalTestCase):
    def test_a_condition_on_two_columns(self):
        with self.refuses("offer_in_stock", "reserved = 4", "stock = 3"):
            Offer.objects.create(stock=3, reserved=4)
        self.assertFalse(Offer.objects.exists())
        Offer.objects.create(stock=3, reserved=3)
        self.assertEqual(Offer.objects.count(), 1)

    def test_unknown_is_met(self):
        Offer.objects.create(price=None, discounted=5, reserved=None)
        self.assertEqual(Offer.objects.count(), 1)

    def test_values_in_the_form_of_the_database(self):
        with self.refuses("offer_is_cheaper", "discounted = 2.00", "price = 2.00"):
            Offer.objects.create(price=decimal.Decimal("2.001"), discounted=2)
        millisecond = datetime.timedelta(microseconds=500)
        with self.refuses("offer_ends"):  # cut to milliseconds they are the same
            Offer.objects.create(begins=NOON, ends=NOON + millisecond)
        Offer.objects.create(price="2.01", discounted=2, begins=NOON, ends=NOON + 2 * millisecond)
        with self.refuses("offer_has_a_name", "name = ''"):
            Offer.objects.create(name="")

    def test_numbers_that_are_not_negative(self):
        with self.refuses("bookings_offer_stock_check", "stock = -1"):
            Offer.objects.create(stock=-1, reserved=-1)
        with self.refuses("bookings_shift_people_check", "people = -2"):
            Shift.objects.create(city="Oslo", day=1, people=-2, absent=-3)
        with self.refuses("bookings_tier_number_check", "number = -1"):
            Tier.objects.create(hall="a", number=-1)
        with self.refuses("bookings_tier_seats_check", "seats = -1"):
            Tier.objects.create(hall="a", number=0, seats=-1, taken=-1)

    def test_expressions(self):
        with self.refuses("offer_in_stock"):
            Offer.objects.create(stock=3, reserved=Value(2) * 2)

    def test_none_of_many_is_written(self):
        rows = [Offer(stock=5, reserved=i) for i in range(7)]
        with mock.patch("django_cassandra_backend.inserts.CHAIN_ROWS", 2):
            with self.refuses("offer_in_stock", "reserved = 6"):
                Offer.objects.bulk_create(rows)
            with self.refuses("offer_in_stock", "reserved = 6"):
                Offer.objects.bulk_create(rows, ignore_conflicts=True)
        self.assertFalse(Offer.objects.exists())

    def test_get_or_create(self):
        with self.refuses("offer_in_stock"):
            Offer.objects.get_or_create(name="x", defaults={"stock": 1, "reserved": 2})

    def test_the_id(self):
        """It is known only when it has been given."""
        check = check_constraints.Check("low_id", "bookings_offer", ["id"], lambda ids: ids[0] < 3)
        Offer.objects.create(pk=1)
        with mock.patch.object(check_constraints, "of", return_value=(check,)):
            Offer.objects.create()
            with self.refuses("low_id", "id = 3"):
                Offer.objects.create()
            with self.refuses("low_id", "id = 9"):
                Offer.objects.create(pk=9)
        self.assertEqual(set(Offer.objects.values_list("pk", flat=True)), {1, 2})

    def test_the_ids_of_many(self):
        check = check_constraints.Check("low_id", "bookings_offer", ["id"], lambda ids: ids[0] < 11)
        Offer.objects.create(pk=8)
        with (
            mock.patch.object(check_constraints, "of", return_value=(check,)),
            mock.patch("django_cassandra_backend.inserts.CHAIN_ROWS", 1),
            self.refuses("low_id", "id = 11"),
        ):
            Offer.objects.bulk_create([Offer() for _ in range(3)])
        self.assertEqual(Offer.objects.count(), 1)


class UpdateConflictsTests(RefusalTestCase):
    def upsert(self, rows, *fields):
        return Offer.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=fields
        )

    def setUp(self):
        Offer.objects.create(pk=1, stock=5, reserved=4)
        Offer.objects.create(pk=2, stock=5, reserved=0)

    def stored(self) -> list:
        return sorted(Offer.objects.values_list("pk", "stock", "reserved"))

    def test_a_new_row(self):
        with self.refuses("offer_in_stock", "reserved = 9"):
            self.upsert([Offer(pk=2, stock=9), Offer(pk=3, stock=1, reserved=9)], "stock")
        self.assertEqual(self.stored(), [(1, 5, 4), (2, 5, 0)])

    def test_a_row_that_is_there(self):
        """What it holds is compared with what is changed, before any row is written."""
        rows = [Offer(pk=2, stock=3), Offer(pk=3, stock=3), Offer(pk=1, stock=3)]
        with self.refuses("offer_in_stock", "reserved = 4", "stock = 3"):
            self.upsert(rows, "stock")
        self.assertEqual(self.stored(), [(1, 5, 4), (2, 5, 0)])
        self.upsert([*rows[:2], Offer(pk=1, stock=4)], "stock")
        self.assertEqual(self.stored(), [(1, 4, 4), (2, 3, 0), (3, 3, 0)])

    def test_all_columns_of_the_condition(self):
        """Nothing of the row that is there has to be read."""
        rows = [Offer(pk=1, stock=1, reserved=1), Offer(pk=4)]
        cql = sent(lambda: self.upsert(rows, "stock", "reserved"))
        self.assertEqual([text for text in cql if text.startswith("SELECT")], [])
        self.assertEqual(self.stored()[0], (1, 1, 1))

    def test_beside_a_physical_key(self):
        rome = Shift.objects.create(city="Rome", day=1, people=5, absent=3)
        moved = Shift(pk=rome.pk, city="Oslo", day=1, people=9, absent=0)

        def upsert(*fields):
            other = Shift(city="Bonn", day=2)
            Shift.objects.bulk_create(
                [other, moved], update_conflicts=True, unique_fields=["id"], update_fields=fields
            )

        with self.refuses("shift_is_small", "city = 'Rome'", "people = 9"):
            upsert("people")
        moved.people = 2
        with self.refuses("shift_is_there", "absent = 3", "people = 2"):
            upsert("people")
        self.assertEqual(Shift.objects.count(), 1)
        moved.people = 9
        upsert("people", "city")
        self.assertEqual(Shift.objects.get(pk=rome.pk).city, "Oslo")
        self.assertEqual(Shift.objects.count(), 2)


class UpdateTests(RefusalTestCase):
    def setUp(self):
        self.offer = Offer.objects.create(stock=5, reserved=4)
        self.mine = Offer.objects.filter(pk=self.offer.pk)

    def test_save(self):
        self.offer.reserved = 6
        with self.refuses("offer_in_stock", "reserved = 6", "stock = 5"):
            self.offer.save()
        with self.refuses("offer_in_stock", "reserved = 6", "stock = 5"):
            self.offer.save(update_fields=["reserved"])
        self.assertEqual(self.mine.get().reserved, 4)
        self.offer.stock = 6
        cql = sent(self.offer.save)
        self.assertEqual([text.split()[0] for text in cql], ["UPDATE"])  # it knows the whole row
        self.assertEqual(self.mine.get().reserved, 6)

    def test_constants_need_no_read(self):
        cql = sent(lambda: self.mine.update(stock=7, reserved=7))
        self.assertEqual(len(cql), 1)
        self.assertTrue(cql[0].endswith("IF EXISTS"), cql)
        with self.refuses("offer_in_stock"):
            self.mine.update(stock=7, reserved=8)
        with self.refuses("offer_has_a_name"):
            self.mine.update(name="")
        self.assertEqual(self.mine.get().reserved, 7)

    def test_other_columns_need_no_read(self):
        self.assertEqual(len(sent(lambda: self.mine.update(name="x"))), 1)

    def test_what_is_compared_is_read_and_travels_with_the_write(self):
        read, write = sent(lambda: self.mine.update(stock=4))
        self.assertTrue(read.startswith("SELECT"), read)
        self.assertTrue(write.endswith('IF "reserved" = 4'), write)
        with self.refuses("offer_in_stock", "reserved = 4", "stock = 3"):
            self.mine.update(stock=3)
        self.assertEqual(self.mine.get().stock, 4)

    def test_expressions(self):
        self.assertEqual(self.mine.update(reserved=F("reserved") + 1), 1)
        with self.refuses("offer_in_stock", "reserved = 6", "stock = 5"):
            self.mine.update(reserved=F("reserved") + 1)
        with self.refuses("bookings_offer_stock_check", "stock = -5"):
            self.mine.update(stock=F("stock") - 10, reserved=None)
        self.assertEqual(self.mine.update(stock=F("reserved"), reserved=F("stock")), 1)
        self.assertEqual(self.mine.values_list("stock", "reserved").get(), (5, 5))

    def test_null_beside_what_is_assigned(self):
        """Nothing but nulls is read, and what is written is refused when one is none any more."""
        self.assertEqual(self.mine.update(price=3), 1)
        self.assertEqual(self.mine.update(discounted=2), 1)
        with self.refuses("offer_is_cheaper", "discounted = 2.00", "price = 2.00"):
            self.mine.update(price=2)
        self.assertEqual(self.mine.update(price=None), 1)
        self.assertEqual(self.mine.update(discounted=9), 1)

    def test_no_row_no_violation(self):
        self.assertEqual(Offer.objects.filter(pk=10**6).update(stock=-1), 0)
        self.assertEqual(self.mine.filter(name="other").update(stock=-1), 0)
        self.assertEqual(Offer.objects.filter(name="other").update(reserved=99), 0)
        with self.refuses("bookings_offer_stock_check"):
            self.mine.filter(name="offer").update(stock=-1, reserved=-1)

    def test_none_of_many_is_written(self):
        for stock in range(1, 6):
            Offer.objects.create(stock=stock)
        before = sorted(Offer.objects.values_list("pk", "stock"))
        with mock.patch.object(writes, "CHAIN_ROWS", 2):
            with self.refuses("(bookings_offer_stock_check|offer_in_stock)"):
                Offer.objects.update(stock=F("stock") - 2)
            with self.refuses("offer_in_stock", "reserved = 4", "stock = 3"):
                Offer.objects.update(stock=3)
        self.assertEqual(sorted(Offer.objects.values_list("pk", "stock")), before)
        with mock.patch.object(writes, "CHAIN_ROWS", 2):
            self.assertEqual(Offer.objects.update(stock=F("stock") + 2), 6)

    def test_bulk_update(self):
        other = Offer.objects.create(stock=1)
        self.offer.stock, other.stock = 9, -1
        with self.refuses("bookings_offer_stock_check", "stock = -1"):
            Offer.objects.bulk_update([self.offer, other], ["stock"])
        self.assertEqual(self.mine.get().stock, 5)
        other.stock = 3
        self.assertEqual(Offer.objects.bulk_update([self.offer, other], ["stock"]), 2)
        self.offer.name, other.name = "x", ""
        with self.refuses("offer_has_a_name"):  # nothing is read for it
            Offer.objects.bulk_update([self.offer, other], ["name"])
        self.assertEqual(self.mine.get().name, "offer")
        self.offer.reserved = 10
        with self.refuses("offer_in_stock", "reserved = 10", "stock = 9"):
            Offer.objects.bulk_update([other, self.offer], ["reserved"])

    def test_a_case(self):
        choice = Case(When(reserved__gt=2, then=Value(-1)), default=F("stock"))
        with self.refuses("bookings_offer_stock_check"):
            self.mine.update(stock=choice, reserved=None)

    def test_update_or_create(self):
        with self.refuses("offer_in_stock"):
            Offer.objects.update_or_create(pk=self.offer.pk, defaults={"reserved": 6})


class KeyTests(RefusalTestCase):
    def test_a_row_beside_a_physical_key(self):
        shift = Shift.objects.create(city="Oslo", day=1, people=9)
        shift.absent = 10
        with self.refuses("shift_is_there", "absent = 10", "people = 9"):
            shift.save()
        shift.absent = 9
        self.assertEqual(len(sent(shift.save)), 1)
        with self.refuses("shift_is_there", "absent = 9", "people = 8"):
            Shift.objects.filter(pk=shift.pk).update(people=8)
        self.assertEqual(Shift.objects.filter(pk=shift.pk).update(absent=0), 1)

    def test_a_row_that_moves(self):
        shift = Shift.objects.create(city="Oslo", day=1, people=9)
        mine = Shift.objects.filter(pk=shift.pk)
        with self.refuses("shift_is_small", "city = 'Rome'", "people = 9"):
            mine.update(city="Rome")
        shift.city = "Rome"
        with self.refuses("shift_is_small"):
            shift.save()
        self.assertEqual(mine.get().city, "Oslo")
        self.assertEqual(mine.update(city="Rome", people=5), 1)
        self.assertEqual(mine.get().city, "Rome")
        with self.refuses("shift_is_small", "city = 'Rome'", "people = 6"):
            mine.update(people=6)

    def test_a_new_instance_with_a_key(self):
        with self.refuses("shift_is_small"):
            Shift(city="Rome", day=1, people=6).save()

    def test_a_composite_key(self):
        tier = Tier.objects.create(hall="a", number=5, seats=5)
        with self.refuses("tier_is_wide", "number = 5", "seats = 4"):
            Tier.objects.filter(pk=("a", 5)).update(seats=4, taken=0)
        tier.seats = 4
        with self.refuses("tier_is_wide"):
            tier.save()
        tier.seats = 7
        self.assertEqual(len(sent(tier.save)), 1)  # the key and what is assigned say all
        with self.refuses("tier_is_wide", "number = 8", "seats = 7"):
            Tier.objects.filter(pk=("a", 5)).update(number=8)
        self.assertEqual(Tier.objects.filter(pk=("a", 5)).update(number=7), 1)
        with self.refuses("bookings_tier_number_check", "number = -1"):
            Tier.objects.filter(hall="a").update(number=F("number") - 8)

    def test_a_row_of_which_a_column_is_not_loaded(self):
        pk = Shift.objects.create(city="Oslo", day=1, people=9).pk
        shift = Shift.objects.defer("people").get(pk=pk)
        shift.absent = 10
        with self.refuses("shift_is_there", "absent = 10", "people = 9"):
            shift.save()
        shift.absent = 9
        shift.save()
        self.assertEqual(Shift.objects.get(pk=pk).absent, 9)

    def test_a_row_in_the_last_of_many_chunks(self):
        Tier.objects.bulk_create([Tier(hall="a", number=i) for i in range(6)])
        with (
            mock.patch.object(writes, "CHAIN_ROWS", 2),
            self.refuses("tier_is_wide", "number = 5", "seats = 4"),
        ):
            Tier.objects.filter(hall="a").update(seats=4)
        self.assertEqual(set(Tier.objects.values_list("seats", flat=True)), {10})

    def test_many_keys(self):
        Tier.objects.bulk_create([Tier(hall="a", number=i) for i in range(4)])
        rows = list(Tier.objects.all())
        for tier in rows:
            tier.seats = 2
        with self.refuses("tier_is_wide", "number = 3", "seats = 2"):
            Tier.objects.bulk_update(rows, ["seats", "taken"])
        self.assertEqual(set(Tier.objects.values_list("seats", flat=True)), {10})

    def test_a_static_column(self):
        Hall.objects.create(name="a", number=1, capacity=100)
        with self.refuses("hall_capacity", "capacity = 101"):
            Hall.objects.create(name="a", number=2, capacity=101)
        hall = Hall.objects.create(name="a", number=2)
        self.assertEqual(Hall.objects.get(pk=("a", 2)).capacity, 100)
        hall.capacity = 101
        with self.refuses("hall_capacity", "capacity = 101", "name = 'a'"):
            hall.save()
        with self.refuses("bookings_hall_capacity_check"):
            Hall.objects.filter(name="a").update(capacity=-1)
        self.assertEqual(Hall.objects.filter(pk=("a", 2)).update(capacity=99), 1)
        Hall.objects.create(name="arena", number=1, capacity=10**6)

    def test_an_empty_collection_is_null(self):
        """As it is once it is stored: so the condition on it is met."""
        Hall.objects.create(name="a", number=1, tags=set())
        Hall.objects.create(name="a", number=2, tags={"open", "new"})
        with self.refuses("hall_is_open", "tags = {'new'}"):
            Hall.objects.filter(pk=("a", 2)).update(tags={"new"})
        self.assertEqual(Hall.objects.filter(pk=("a", 2)).update(tags=set()), 1)


class PlainTests(RefusalTestCase):
    def setUp(self):
        self.gauge = Gauge.objects.create(name="a", at=1, low=2, high=5)
        self.mine = Gauge.objects.filter(pk=("a", 1))

    def test_insert(self):
        with self.refuses("gauge_range", "high = 1", "low = 2"):
            Gauge.objects.bulk_create([Gauge(name="b", at=0), Gauge(name="b", at=1, low=2, high=1)])
        self.assertEqual(Gauge.objects.count(), 1)

    def test_a_whole_row(self):
        self.gauge.low = 6
        with self.refuses("gauge_range", "high = 5", "low = 6"):
            self.gauge.save()
        self.gauge.high = 6
        self.gauge.save()
        self.assertEqual(self.mine.get().low, 6)

    def test_what_would_have_to_be_read(self):
        for part in (self.mine, Gauge.objects.filter(name="a")):
            with self.assertRaisesMessage(NotSupportedError, "compares low with high, and the"):
                part.update(low=1)
        with self.assertRaisesMessage(NotSupportedError, '"gauge_range" of table'):
            self.gauge.save(update_fields=["high"])
        self.assertEqual(self.mine.update(low=1, high=2), 1)

    def test_the_key_is_known(self):
        with self.refuses("gauge_at", "at = 1", "high = 0"):
            self.mine.update(low=0, high=0)
        with self.refuses("gauge_range"):
            Gauge.objects.filter(name="a").update(low=8, high=F("at"))
        self.assertEqual(Gauge.objects.filter(name="a").update(low=0, high=F("at")), 1)

    def test_none_of_many_is_written(self):
        Gauge.objects.create(name="a", at=4, high=5)
        with self.refuses("gauge_at", "at = 4", "high = 3"):
            Gauge.objects.filter(name="a").update(low=0, high=3)
        self.assertEqual(self.mine.get().high, 5)

    def test_a_row_that_moves(self):
        with self.assertRaisesMessage(NotSupportedError, "compares at with high"):
            self.mine.update(at=9)
        with self.refuses("gauge_at", "at = 9"):
            self.mine.update(at=9, low=0, high=8)
        self.assertEqual(self.mine.update(at=9, low=0, high=9), 1)

    def test_no_row_moves_if_one_may_not(self):
        Gauge.objects.create(name="a", at=2, high=5)
        with self.refuses("gauge_at", "at = 7", "high = 6"):
            Gauge.objects.filter(name="a").update(at=F("at") + 5, low=0, high=6)
        self.assertEqual(sorted(Gauge.objects.values_list("at", flat=True)), [1, 2])

    def test_update_conflicts(self):
        def upsert(*fields):
            rows = [Gauge(name="a", at=1, low=0, high=1), Gauge(name="a", at=2, high=2)]
            Gauge.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["name", "at"], update_fields=fields
            )

        with self.assertRaisesMessage(NotSupportedError, "compares high with low"):
            upsert("high")
        upsert("low", "high")
        self.assertEqual(self.mine.get().high, 1)


class RaceTests(TransactionTestCase):
    """Two columns and one condition: who writes one of them holds the other."""

    def test_the_condition_holds_among_writers(self):
        offer = Offer.objects.create(stock=WRITERS, reserved=0)
        mine = Offer.objects.filter(pk=offer.pk)

        def take(i):
            column, step = ("stock", -1) if i % 2 else ("reserved", 1)
            done = 0
            for _ in range(WRITERS):
                try:
                    done += mine.update(**{column: F(column) + step})
                except IntegrityError as error:
                    self.assertIn("CHECK constraint", str(error))
            return done

        results = compete(take)
        stored = mine.get()
        self.assertEqual(stored.stock, stored.reserved)  # as far as both go, and no further
        self.assertEqual(sum(results), stored.reserved + WRITERS - stored.stock)
        self.assertEqual(sum(results), WRITERS)

    def test_one_of_two_constants_wins(self):
        """Each meets the condition by itself; both together do not."""
        offer = Offer.objects.create(stock=5, reserved=0)
        mine = Offer.objects.filter(pk=offer.pk)
        results = compete(lambda i: mine.update(**({"stock": 2} if i % 2 else {"reserved": 3})))
        refused = {i % 2 for i, result in enumerate(results) if result != 1}
        self.assertEqual(len(refused), 1)
        self.assertIn(mine.values_list("stock", "reserved").get(), [(2, 0), (5, 3)])
        for result in results:
            self.assertTrue(result == 1 or isinstance(result, IntegrityError), result)


class LostAnswerTests(ClusterTestCase):
    """The row is asked whether it was written. It need not meet a check with what was to be written then."""

    def setUp(self):
        super().setUp()
        self.mine = Offer.objects.filter(pk=Offer.objects.create(stock=5, reserved=4).pk)

    def test_a_write_that_is_known_by_its_value(self):
        for stock, ran in ((7, True), (8, False)):
            with Network("UPDATE", (ran, lost()))():
                self.assertEqual(self.mine.update(stock=stock), 1)
            self.assertEqual(self.mine.get().stock, stock)

    def test_a_row_that_changed_meanwhile(self):
        """What was not written is refused then by what the row has become."""

        class Another(Network):
            def send(self, cursor, cql, values=None, **options):
                if "UPDATE" in cql and self.plan:
                    text = 'UPDATE "bookings_offer" SET "reserved" = 5 WHERE "id" = ? IF EXISTS'
                    self.real["send"](cursor, text, [values[-2]])
                return super().send(cursor, cql, values, **options)

        with (
            Another("UPDATE", (False, lost()))(),
            self.assertRaisesMessage(IntegrityError, "reserved = 5, stock = 4"),
        ):
            self.mine.update(stock=4)
        self.assertEqual(self.mine.values_list("stock", "reserved").get(), (5, 5))


class ReferenceTests(TransactionTestCase):
    """The same writes here and on SQLite: refused alike, and with the same rows afterwards."""

    databases = ["default", "reference"]
    available_apps = ["bookings"]

    def outcome(self, alias: str, write):
        try:
            with transaction.atomic(using=alias):
                return write(Offer.objects.using(alias))
        except IntegrityError:
            return "refused"

    def writes(self, chance: random.Random):
        numbers = [None, *range(-2, 5)]
        pick = lambda: chance.choice(numbers)  # noqa: E731
        pk, stock = chance.randrange(1, 9), chance.randrange(-2, 5)
        values = {"stock": stock, "reserved": pick(), "price": pick(), "discounted": pick()}
        some = dict(chance.sample(sorted(values.items()), chance.randrange(1, 4)))
        step, column = chance.randrange(-3, 4), chance.choice(["stock", "reserved", "price"])
        yield lambda rows: rows.create(pk=pk, **values).pk
        yield lambda rows: rows.filter(pk=pk).update(**some)
        yield lambda rows: rows.filter(pk__gt=pk).update(**some)
        yield lambda rows: rows.filter(pk=pk).update(**{column: F(column) + step})
        yield lambda rows: rows.filter(stock__gte=2).update(reserved=F("stock") - step)
        yield lambda rows: rows.filter(pk=pk).delete()[0]
        yield lambda rows: len(
            rows.bulk_create(
                [Offer(pk=p, **values) for p in (pk, pk % 8 + 1)],
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=sorted(some),
            )
        )

    def test_random_writes(self):
        chance, seen = random.Random(6), set()
        for number in range(150):
            for write in self.writes(chance):
                with self.subTest(number=number):
                    found, wanted = (self.outcome(a, write) for a in ("default", "reference"))
                    self.assertEqual(found, wanted)
                    seen.add("refused" if found == "refused" else "done")
            stored, wanted = (
                sorted(Offer.objects.using(a).values_list("pk", "stock", "reserved", "price"))
                for a in ("default", "reference")
            )
            self.assertEqual(stored, wanted)
        self.assertEqual(seen, {"refused", "done"})


@isolate_apps("bookings")
class ConditionTests(RefusalTestCase):
    """What a condition may be, and what of it is refused by name."""

    def model(self, *constraints, **fields):
        class Made(models.Model):
            class Meta:
                app_label = "bookings"
                apps = Apps()

        for name, field in fields.items():
            Made.add_to_class(name, field)
        Made._meta.constraints = list(constraints)
        return Made

    def test_conditions(self):
        model = self.model(
            CheckConstraint(condition=Q(n__gt=F("m") * 2) ^ Q(name__startswith="a"), name="odd"),
            CheckConstraint(condition=models.lookups.LessThan(Length("name"), 4), name="short"),
            CheckConstraint(condition=Q(n__in=[1, 3, 5]) | Q(n__isnull=True), name="known"),
            CheckConstraint(condition=Q(at__year__range=(2020, 2030)), name="our_time"),
            n=models.IntegerField(null=True),
            m=models.IntegerField(null=True),
            name=models.TextField(null=True),
            at=models.DateTimeField(null=True),
        )
        found = {check.name: check for check in check_constraints.of(model, connection)}
        self.assertEqual(list(found), ["odd", "short", "known", "our_time"])
        self.assertEqual(found["odd"].columns, ("m", "n", "name"))
        for name, values, answer in [
            ("odd", (1, 3, "b"), True),
            ("odd", (1, 3, "a"), False),
            ("odd", (None, 3, "b"), False),
            ("short", ("abc",), True),
            ("short", ("abcd",), False),
            ("short", (None,), None),
            ("known", (3,), True),
            ("known", (2,), False),
            ("known", (None,), True),
            ("our_time", (NOON,), True),
            ("our_time", (NOON.replace(year=2019),), False),
        ]:
            self.assertIs(found[name].test(values), answer, (name, values))

    def test_the_time_zone_is_that_of_the_settings(self):
        """The last hour of 2019 in UTC is 2020 in Oslo, whoever asks."""
        limit = CheckConstraint(condition=Q(at__year__gte=2020), name="since_2020")
        model = self.model(limit, at=models.DateTimeField())
        with timezone.override("America/New_York"):
            (check,) = check_constraints.of(model, connection)
        moment = datetime.datetime(2019, 12, 31, 23, 30, tzinfo=datetime.timezone.utc)
        self.assertTrue(check.test((moment,)))

    def test_now_is_the_time_of_the_write(self):
        model = self.model(
            CheckConstraint(condition=Q(at__lte=Now()), name="has_been"), at=models.DateTimeField()
        )
        (first,) = check_constraints.of(model, connection)
        later = timezone.now() + datetime.timedelta(seconds=0.05)
        self.assertFalse(first.test((later,)))
        while timezone.now() < later + datetime.timedelta(seconds=0.05):
            pass
        (second,) = check_constraints.of(model, connection)
        self.assertTrue(second.test((later,)))
        self.assertFalse(first.test((later,)))

    def test_they_are_made_once_and_keep_no_model_alive(self):
        """A migration makes hundreds of models."""

        def make():
            class Passing(models.Model):
                n = models.PositiveIntegerField()
                m = models.IntegerField()

                class Meta:
                    app_label = "bookings"
                    apps = Apps()
                    constraints = [
                        CheckConstraint(condition=Q(n__gt=F("m")) & ~Q(n=3), name="more")
                    ]

            found = check_constraints.of(Passing, connection)
            self.assertEqual(len(found), 2)
            self.assertIs(check_constraints.of(Passing, connection), found)
            return weakref.ref(Passing)

        passing = make()
        gc.collect()
        self.assertIsNone(passing())

    def problem(self, condition, text, **fields):
        model = self.model(CheckConstraint(condition=condition, name="wrong"), **fields)
        named = "The constraint 'wrong' of bookings.Made cannot be kept: "
        (error,) = checks.check_errors(model)
        self.assertEqual(error.id, "cassandra.E018")
        self.assertTrue(error.msg.startswith(named), error.msg)
        self.assertIn(text, error.msg)
        for write in (
            lambda: model.objects.create(),
            lambda: model.objects.filter(pk=1).update(n=1),
        ):
            with self.assertRaisesMessage(NotSupportedError, named):
                write()
        return model

    def test_conditions_that_cannot_be_evaluated(self):
        number = {"n": models.IntegerField(null=True)}
        raw = RawSQL("n > 1", (), output_field=models.BooleanField())
        for condition, text in [
            (Q(n__abs=2), "Unsupported lookup 'abs'"),
            (Q(other__id=2), "Joined field references are not permitted"),
            (Q(nothing=2), "Cannot resolve keyword 'nothing'"),
            (raw, "The expression RawSQL() cannot be evaluated here."),
            (Q(data__key=1), "cannot be evaluated here."),
        ]:
            with self.subTest(text=text):
                fields = {**number, "data": models.JSONField(null=True)}
                if "other" in str(condition):
                    fields["other"] = models.ForeignKey(Offer, models.CASCADE)
                self.problem(condition, text, **fields)

    def test_another_kind_of_constraint(self):
        class Never(models.BaseConstraint):
            pass

        model = self.model(Never(name="never"), n=models.IntegerField())
        (error,) = checks.check_errors(model)
        self.assertIn("there is no Never here", error.msg)

    def test_the_sql_of_a_field(self):
        class Short(models.IntegerField):
            def db_check(self, connection):
                return '"n" < 5'

        model = self.model(n=Short())
        (error,) = checks.check_errors(model)
        self.assertIn("it is SQL, '\"n\" < 5'", error.msg)
        with self.assertRaisesMessage(NotSupportedError, "it is SQL"):
            model.objects.create(n=1)

    def test_unique_constraints_are_others_business(self):
        unique = models.UniqueConstraint(fields=["id"], name="one_id")
        self.assertEqual(check_constraints.of(self.model(unique), connection), ())

    def test_a_foreign_key_has_no_range_of_its_own(self):
        """As on other databases: what it points at has one."""

        class Level(models.Model):
            number = models.PositiveIntegerField(primary_key=True)

            class Meta:
                app_label = "bookings"

        model = self.model(level=models.ForeignKey(Level, models.CASCADE))
        self.assertEqual(check_constraints.of(model, connection), ())
        self.assertEqual(len(check_constraints.of(Level, connection)), 1)
