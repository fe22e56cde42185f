"""Many rows at once: bulk_create and bulk_update in all their forms, and what they cost."""

import datetime
from unittest import mock

from bookings.models import Author, Party, Price, Reading, Seat
from django.db import IntegrityError, connection
from django.db.models import Case, F, Value, When
from django.db.models.functions import Upper
from django.test import TestCase, TransactionTestCase, tag
from places import transaction_of_file
from test_writes import sent

from django_cassandra_backend import inserts, writes
from django_cassandra_backend.cursor import Cursor

NOON = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.timezone.utc)


def chains():
    """Counts the transactions that hold more than one statement."""
    return mock.patch.object(Cursor, "send_chain", autospec=True, side_effect=Cursor.send_chain)


def reads(cql: list[str]) -> list[str]:
    return [text for text in cql if text.startswith("SELECT")]


def seats(count: int, **values) -> list[Seat]:
    return [Seat(show="hamlet", row=i // 10, number=i % 10, **values) for i in range(count)]


@tag("astra")
class BulkCreateTests(TestCase):
    def test_ids_are_given_back(self):
        made = Author.objects.bulk_create([Author(name=str(i)) for i in range(5)])
        first = made[0].pk
        self.assertEqual([author.pk for author in made], list(range(first, first + 5)))
        self.assertEqual(Author.objects.count(), 5)
        chosen = first + 900  # a keyspace that is kept has given out 900 in an earlier run
        mixed = Author.objects.bulk_create([Author(pk=chosen, name="x"), Author(name="y")])
        self.assertEqual([author.pk for author in mixed], [chosen, chosen + 1])

    @transaction_of_file("all rows are in one")
    def test_one_range_and_one_transaction(self):
        Author.objects.create(name="x")
        rows = [Author(name=str(i)) for i in range(20)]
        cql = sent(lambda: Author.objects.bulk_create(rows))
        self.assertEqual(len([text for text in cql if "django_sequences" in text]), 1)
        self.assertEqual(len(cql), 21)
        with chains() as chain:
            Author.objects.bulk_create([Author(name="y") for _ in range(20)])
        self.assertEqual(chain.call_count, 1)

    def test_batches(self):
        with mock.patch.object(inserts, "CHAIN_ROWS", 4):
            made = Author.objects.bulk_create([Author(name="x") for _ in range(10)], batch_size=7)
        self.assertEqual(len({author.pk for author in made}), 10)
        self.assertEqual(Author.objects.count(), 10)

    def test_composite_keys(self):
        Seat.objects.bulk_create(seats(15))
        self.assertEqual(Seat.objects.count(), 15)
        self.assertEqual(Seat.objects.get(pk=("hamlet", 1, 3)).pk, ("hamlet", 1, 3))

    def test_a_taken_key_refuses_all_of_them(self):
        Seat.objects.bulk_create(seats(3))
        new = [Seat(show="lear", row=1, number=1), *seats(1), Seat(show="lear", row=1, number=2)]
        with self.assertRaisesMessage(IntegrityError, "show = 'hamlet', row = 0, number = 0"):
            Seat.objects.bulk_create(new)
        self.assertEqual(Seat.objects.count(), 3)

    def test_a_null_refuses_all_of_them(self):
        with self.assertRaisesMessage(IntegrityError, "'name' of 'bookings_author' cannot be null"):
            Author.objects.bulk_create([Author(name="x"), Author(name=None)])
        self.assertEqual(Author.objects.count(), 0)

    def test_an_id_that_is_taken_behind_the_counter(self):
        after = Author.objects.create(name="x").pk + 1
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bookings_author (id, name) VALUES (%s, 'raw')", [after + 1])
        made = Author.objects.bulk_create([Author(name="y") for _ in range(3)])
        self.assertEqual([author.pk for author in made], [after, after + 3, after + 2])
        self.assertEqual(Author.objects.get(pk=after + 1).name, "raw")


@tag("astra")
class ConflictTests(TestCase):
    def test_ignored(self):
        Price.objects.create(amount=1, note="first")
        Price.objects.bulk_create(
            [Price(amount=1, note="second"), Price(amount=2)], ignore_conflicts=True
        )
        self.assertEqual({p.amount: p.note for p in Price.objects.all()}, {1: "first", 2: ""})

    def test_updated(self):
        Price.objects.create(amount=1, note="first")
        rows = [Price(amount=1, note="second"), Price(amount=2, note="new")]
        Price.objects.bulk_create(
            rows, update_conflicts=True, update_fields=["note"], unique_fields=["amount"]
        )
        self.assertEqual({p.amount: p.note for p in Price.objects.all()}, {1: "second", 2: "new"})

    @transaction_of_file("a refused batch is sent again row by row")
    def test_only_the_named_fields_are_updated(self):
        Seat.objects.bulk_create(seats(3, taken=True, guest="ann"))
        cql = sent(
            lambda: Seat.objects.bulk_create(
                seats(4, taken=False, guest="bo"),
                update_conflicts=True,
                update_fields=["guest"],
                unique_fields=["show", "row", "number"],
            )
        )
        self.assertEqual(len(cql), 4 + 3)
        stored = Seat.objects.order_by("number").values_list("taken", "guest")
        self.assertEqual(list(stored), [(True, "bo")] * 3 + [(False, "bo")])

    def test_a_value_becomes_null(self):
        Seat.objects.bulk_create(seats(1, guest="ann"))
        Seat.objects.bulk_create(
            seats(1),
            update_conflicts=True,
            update_fields=["guest"],
            unique_fields=["show", "row", "number"],
        )
        self.assertIsNone(Seat.objects.get().guest)

    def test_ids_among_conflicts(self):
        ada = Author.objects.create(name="Ada")
        rows = [Author(pk=ada.pk, name="Bo"), Author(name="Cy")]
        Author.objects.bulk_create(
            rows, update_conflicts=True, update_fields=["name"], unique_fields=["pk"]
        )
        self.assertEqual(set(Author.objects.values_list("name", flat=True)), {"Bo", "Cy"})
        self.assertEqual(rows[1].pk, ada.pk + 1)
        Author.objects.bulk_create([Author(pk=ada.pk, name="Di")], ignore_conflicts=True)
        self.assertEqual(Author.objects.get(pk=ada.pk).name, "Bo")

    def test_beside_a_physical_key_the_row_is_found_by_its_pk(self):
        party = Party.objects.create(city="Oslo", name="May", date=NOON)
        elsewhere = Party(pk=party.pk, city="Rome", name="June", date=NOON, people=9)
        Party.objects.bulk_create([elsewhere, Party(city="Bonn", date=NOON)], ignore_conflicts=True)
        self.assertEqual(Party.objects.count(), 2)
        self.assertEqual(Party.objects.get(pk=party.pk).city, "Oslo")
        Party.objects.bulk_create(
            [elsewhere, Party(city="Bergen", date=NOON)],
            update_conflicts=True,
            update_fields=["city", "name"],
            unique_fields=["id"],
        )
        stored = Party.objects.get(pk=party.pk)
        self.assertEqual((stored.city, stored.name, stored.people), ("Rome", "June", 0))
        self.assertEqual(Party.objects.count(), 3)

    def test_a_row_that_goes_between_insert_and_update(self):
        Price.objects.create(amount=1)
        real = inserts.InsertPlan._missed

        def too_late(plan, cursor, rows):
            if rows:
                cursor.send("DELETE FROM bookings_price WHERE amount = 1.00 IF EXISTS")
            return real(plan, cursor, rows)

        with mock.patch.object(inserts.InsertPlan, "_missed", too_late):
            Price.objects.bulk_create(
                [Price(amount=1, note="new")],
                update_conflicts=True,
                update_fields=["note"],
                unique_fields=["amount"],
            )
        self.assertEqual(Price.objects.get().note, "new")

    def test_plainly(self):
        def readings(value):
            return [Reading(sensor="a", at=at, value=value) for at in range(3)]

        Reading.objects.bulk_create(readings(1)[:2])
        Reading.objects.bulk_create(readings(2), ignore_conflicts=True)
        by_time = Reading.objects.order_by("at").values_list("value", flat=True)
        self.assertEqual(list(by_time.all()), [1, 1, 2])
        cql = sent(
            lambda: Reading.objects.bulk_create(
                readings(5),
                update_conflicts=True,
                update_fields=["value"],
                unique_fields=["sensor", "at"],
            )
        )
        self.assertEqual([text for text in cql if " IF " in text], [])
        self.assertEqual(list(by_time.all()), [5, 5, 5])


class BulkUpdateTests(TestCase):
    def setUp(self):
        self.authors = Author.objects.bulk_create([Author(name=f"a{i}", born=i) for i in range(6)])

    def born(self):
        return list(Author.objects.order_by("pk").values_list("born", flat=True))

    def test_nothing_is_read(self):
        for author in self.authors:
            author.born += 100
        cql = sent(lambda: self.assertEqual(Author.objects.bulk_update(self.authors, ["born"]), 6))
        self.assertEqual((len(cql), reads(cql)), (6, []))
        self.assertEqual(self.born(), [100, 101, 102, 103, 104, 105])

    def test_batches_and_rows_that_are_gone(self):
        self.authors[2].delete()
        self.authors[2].pk = 10**6
        for author in self.authors:
            author.name, author.born = "x", None
        done = Author.objects.bulk_update(self.authors, ["name", "born"], batch_size=4)
        self.assertEqual(done, 5)
        self.assertEqual(list(Author.objects.values_list("name", "born")), [("x", None)] * 5)

    def test_expressions(self):
        for author in self.authors:
            author.born = F("born") * 2
            author.name = Upper("name")
        cql = sent(lambda: Author.objects.bulk_update(self.authors, ["born", "name"]))
        self.assertEqual(self.born(), [0, 2, 4, 6, 8, 10])
        self.assertEqual(len(cql), 12)
        self.assertEqual(len(reads(cql)), 6)

    def test_composite_keys(self):
        rows = Seat.objects.bulk_create(seats(12))
        for seat in rows:
            seat.guest = f"guest {seat.row} {seat.number}"
        cql = sent(lambda: self.assertEqual(Seat.objects.bulk_update(rows, ["guest"]), 12))
        self.assertEqual((len(cql), reads(cql)), (12, []))
        for seat in Seat.objects.all():
            self.assertEqual(seat.guest, f"guest {seat.row} {seat.number}")

    def test_beside_a_physical_key(self):
        parties = Party.objects.bulk_create(
            [Party(city="Oslo", name=str(i), date=NOON) for i in range(3)]
        )
        for party in parties:
            party.people = int(party.name) + 1
        self.assertEqual(Party.objects.bulk_update(parties, ["people"]), 3)
        for party in parties:
            party.city = f"city {party.name}"
        self.assertEqual(Party.objects.bulk_update(parties, ["city"]), 3)
        stored = Party.objects.order_by("city").values_list("city", "people")
        self.assertEqual(list(stored), [("city 0", 1), ("city 1", 2), ("city 2", 3)])

    def test_the_cost_of_a_value_does_not_grow_with_the_rows(self):
        """Each row finds its value by its key; a list of conditions that is gone through would take a minute."""
        rows = Seat.objects.bulk_create(seats(4000))
        for seat in rows:
            seat.guest = str(seat.row)
        self.assertEqual(Seat.objects.bulk_update(rows, ["guest"]), 4000)
        self.assertEqual(Seat.objects.get(pk=("hamlet", 399, 9)).guest, "399")


class CaseTests(TestCase):
    """A Case that is a table of values by key, and ones that only look like one."""

    def setUp(self):
        self.pks = [a.pk for a in Author.objects.bulk_create([Author(name=n) for n in "abcd"])]

    def check(self, case, expected):
        Author.objects.update(born=case)
        stored = Author.objects.order_by("name").values_list("born", flat=True)
        self.assertEqual(list(stored), expected)

    def test_the_first_of_two_conditions_on_one_key(self):
        a, b, c, _ = self.pks
        when = [When(pk=a, then=1), When(pk=b, then=2), When(pk=a, then=3), When(pk=c, then=4)]
        self.check(Case(*when, default=Value(9)), [1, 2, 4, 9])
        self.check(Case(*when), [1, 2, 4, None])

    def test_null_is_no_key(self):
        Author.objects.filter(name__in="ab").update(email="x")
        self.check(Case(When(email="x", then=1), When(email="y", then=2), default=3), [1, 1, 3, 3])

    def test_conditions_of_several_kinds(self):
        a, b, _, _ = self.pks
        when = [When(pk=a, then=1), When(name="b", then=2), When(pk__gt=b, name="c", then=3)]
        self.check(Case(*when, default=0), [1, 2, 3, 0])


@tag("astra")
class DeleteTests(TransactionTestCase):
    def test_rows_with_known_keys_go_together(self):
        rows = Author.objects.bulk_create([Author(name="x") for _ in range(10)])
        mine = Author.objects.filter(pk__in=[row.pk for row in rows[:8]])
        cql = sent(lambda: self.assertEqual(mine._raw_delete("default"), 8))
        self.assertEqual((len(cql), reads(cql)), (8, []))
        self.assertEqual(Author.objects.count(), 2)

    @transaction_of_file("all rows are in one")
    def test_rows_that_are_found_first_go_together(self):
        Seat.objects.bulk_create(seats(30))
        with chains() as chain:
            self.assertEqual(Seat.objects.filter(show="hamlet", row__lt=2).delete()[0], 20)
        self.assertEqual(chain.call_count, 1)
        self.assertEqual(Seat.objects.count(), 10)

    def test_chunks(self):
        Seat.objects.bulk_create(seats(30))
        with mock.patch.object(writes, "CHAIN_ROWS", 7):
            self.assertEqual(Seat.objects.filter(show="hamlet").update(guest="x"), 30)
            self.assertEqual(Seat.objects.filter(guest="x", row__gt=0).delete()[0], 20)
        self.assertEqual(Seat.objects.count(), 10)
