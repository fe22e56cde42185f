"""Writing in lwt mode: row counts, conditions that travel with the write, ids."""

import uuid
from unittest import mock

from bookings.models import Author, Book, Defaults, Party, Price, Seat
from django.db import IntegrityError, connection
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now, Upper
from django.test import TestCase, TransactionTestCase, tag
from django.test.utils import CaptureQueriesContext
from places import transaction_of_file

from django_cassandra_backend.writes import UpdatePlan


def sent(function) -> list[str]:
    """The CQL that a function sends, statement by statement."""
    with CaptureQueriesContext(connection) as captured:
        function()
    return [cql for query in captured for cql in query["sql"].split("; ")]


@tag("astra")
class SaveTests(TestCase):
    def test_create_and_save(self):
        author = Author.objects.create(name="Ada", born=1815)
        author.born = 1816
        author.save()
        self.assertEqual(Author.objects.get(pk=author.pk).born, 1816)
        author.born = None
        author.save(update_fields=["born"])
        self.assertIsNone(Author.objects.get(pk=author.pk).born)

    def test_save_updates_only_what_exists(self):
        author = Author.objects.create(name="Ada")
        Author.objects.filter(pk=author.pk).delete()
        with self.assertRaises(Author.NotUpdated if hasattr(Author, "NotUpdated") else Exception):
            author.save(force_update=True)
        author.save()
        self.assertEqual(Author.objects.get().pk, author.pk)

    def test_insert_of_a_taken_key(self):
        author = Author.objects.create(pk=77, name="Ada")
        with self.assertRaisesMessage(IntegrityError, "duplicate key: id = 77"):
            Author(pk=77, name="Bo").save(force_insert=True)
        self.assertEqual(Author.objects.get(pk=author.pk).name, "Ada")

    def test_insert_is_conditional_and_leaves_none_unset(self):
        insert = sent(lambda: Author.objects.create(name="Ada"))[-1]
        self.assertTrue(insert.endswith("IF NOT EXISTS"), insert)
        self.assertIn("unset", insert)

    def test_delete(self):
        author = Author.objects.create(name="Ada")
        Book.objects.create(author=author, title="Engine")
        mine = Book.objects.create(
            author=Author.objects.create(name="Bo"), translator=author, title="Snow"
        )
        count, by_model = author.delete()
        self.assertEqual((count, by_model), (2, {"bookings.Book": 1, "bookings.Author": 1}))
        mine.refresh_from_db()
        self.assertIsNone(mine.translator_id)

    def test_queryset_delete_counts_rows(self):
        for i in range(5):
            Author.objects.create(name=str(i), born=i)
        self.assertEqual(Author.objects.filter(born__gt=2).delete()[0], 2)
        self.assertEqual(Author.objects.filter(pk=10**9).delete()[0], 0)
        self.assertEqual(Author.objects.all().delete()[0], 3)
        self.assertEqual(Author.objects.count(), 0)

    def test_get_or_create_and_update_or_create(self):
        author, created = Author.objects.get_or_create(name="Ada", defaults={"born": 1})
        self.assertTrue(created)
        again, created = Author.objects.get_or_create(name="Ada", defaults={"born": 2})
        self.assertEqual((again, created, again.born), (author, False, 1))
        updated, created = Author.objects.update_or_create(name="Ada", defaults={"born": 3})
        self.assertEqual((updated.pk, created), (author.pk, False))
        self.assertEqual(Author.objects.get(pk=author.pk).born, 3)
        new, created = Author.objects.update_or_create(pk=500, defaults={"name": "Bo"})
        self.assertEqual((new.pk, created), (500, True))

    def test_database_defaults_are_returned(self):
        row = Defaults.objects.create()
        self.assertEqual(row.kind, "plain")
        stored = Defaults.objects.get(pk=row.pk)
        self.assertEqual(stored.made, row.made)
        self.assertEqual(Defaults.objects.create(kind="own").kind, "own")

    def test_expressions_in_an_insert(self):
        row = Defaults.objects.create(made=Now(), kind="x")
        self.assertIsNotNone(Defaults.objects.get(pk=row.pk).made)

    def test_decimal_keys_are_quantized(self):
        Price.objects.create(amount="1.0")
        with self.assertRaises(IntegrityError):
            Price.objects.create(amount="1.000")
        self.assertEqual(str(Price.objects.get(pk="1").amount), "1.00")
        self.assertEqual(str(Price.objects.create(amount="-0.0").amount), "-0.0")
        self.assertEqual(Price.objects.get(pk=0).amount, 0)

    def test_a_field_without_null(self):
        with self.assertRaisesMessage(IntegrityError, "'name' of 'bookings_author' cannot be null"):
            Author.objects.create(name=None)
        author = Author.objects.create(name="x")
        for value in (None, F("email")):
            with self.assertRaises(IntegrityError):
                Author.objects.filter(pk=author.pk).update(name=value)
        self.assertEqual(Author.objects.get().name, "x")

    def test_a_key_without_a_value(self):
        with self.assertRaisesMessage(IntegrityError, "cannot be an empty string"):
            Party.objects.create(city="")
        with self.assertRaisesMessage(IntegrityError, "cannot be null"):
            Party.objects.create(city="Oslo", date=None)


@tag("astra")
class SequenceTests(TransactionTestCase):
    reset_sequences = True

    def test_ids_are_small_and_returned(self):
        self.assertEqual([Author.objects.create(name=n).pk for n in "abc"], [1, 2, 3])

    def test_a_chosen_id_moves_the_counter(self):
        Author.objects.create(pk=41, name="a")
        self.assertEqual(Author.objects.create(name="b").pk, 42)

    def test_a_taken_id_is_passed_over(self):
        with connection.cursor() as cursor:
            for taken in (1, 2):
                cursor.execute(
                    "INSERT INTO bookings_author (id, name) VALUES (%s, 'raw') IF NOT EXISTS",
                    [taken],
                )
        self.assertEqual(Author.objects.create(name="a").pk, 3)

    def test_a_lone_insert_and_its_id_are_two_statements(self):
        Author.objects.create(name="a")
        counter, insert = sent(lambda: Author.objects.create(name="b"))
        self.assertIn("IF next = 2", counter)
        self.assertTrue(insert.startswith('INSERT INTO "bookings_author"'), insert)

    @transaction_of_file("the counter's statement and the row's")
    def test_a_refused_insert_leaves_the_counter(self):
        Author.objects.create(pk=30, name="a")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bookings_author (id, name) VALUES (99, 'raw')")
        for taken in (30, 99):
            with self.assertRaises(IntegrityError):
                Author.objects.create(pk=taken, name="b")
        self.assertEqual(Author.objects.create(name="c").pk, 31)

    @transaction_of_file("the counter's statement and the row's are counted")
    def test_another_process_has_moved_the_counter(self):
        Author.objects.create(name="a")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE django_sequences SET next = 10 WHERE name = 'bookings_author' IF EXISTS"
            )
        self.assertEqual(len(sent(lambda: Author.objects.create(name="b"))), 4)
        self.assertEqual(Author.objects.latest("pk").pk, 10)

    def test_negative_ids_and_the_greatest_have_no_counter(self):
        for pk in (-5, 0, 2**63 - 1):
            self.assertEqual(Author.objects.create(pk=pk, name="a").pk, pk)
        self.assertEqual(Author.objects.create(name="b").pk, 1)

    def test_sequence_reset(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bookings_author (id, name) VALUES (90, 'raw') IF NOT EXISTS"
            )
            for statement in connection.ops.sequence_reset_sql(None, [Author]):
                cursor.execute(statement)
        self.assertEqual(Author.objects.create(name="a").pk, 91)


@tag("astra")
class UpdateTests(TestCase):
    def setUp(self):
        self.ada = Author.objects.create(name="Ada", born=10)
        self.bo = Author.objects.create(name="Bo")

    def born(self, author):
        return Author.objects.get(pk=author.pk).born

    def test_compare_and_set(self):
        mine = Author.objects.filter(pk=self.ada.pk, born=10)
        self.assertEqual(mine.update(born=11), 1)
        self.assertEqual(mine.update(born=12), 0)
        self.assertEqual(self.born(self.ada), 11)

    def test_the_condition_is_in_the_statement(self):
        (cql,) = sent(
            lambda: Author.objects.filter(
                pk=self.ada.pk, born__gte=10, name__in=["Ada", "x"]
            ).update(born=1)
        )
        self.assertTrue(cql.endswith("""IF "born" >= 10 AND "name" IN ('Ada', 'x')"""), cql)

    def test_a_missing_row_is_not_made(self):
        for condition in (
            {},
            {"born": None},
            {"email": None, "name": "x"},
            {"born__isnull": False},
        ):
            with self.subTest(condition):
                self.assertEqual(Author.objects.filter(pk=10**9, **condition).update(name="y"), 0)
        self.assertEqual(Author.objects.filter(pk=10**9).exclude(born=3).update(name="y"), 0)
        self.assertEqual(Author.objects.count(), 2)

    def test_conditions_on_null(self):
        self.assertEqual(Author.objects.filter(pk=self.bo.pk, born=None).update(born=5), 1)
        self.assertEqual(Author.objects.filter(pk=self.bo.pk, born=None).update(born=6), 0)
        self.assertEqual(
            Author.objects.filter(pk=self.bo.pk, email=None, name="Bo").update(born=7), 1
        )
        self.assertEqual(self.born(self.bo), 7)

    def test_conditions_that_cql_cannot_say(self):
        mine = Author.objects.filter(pk=self.ada.pk)
        self.assertEqual(mine.exclude(born=11).update(born=11), 1)
        self.assertEqual(mine.exclude(born=11).update(born=12), 0)
        self.assertEqual(mine.filter(name__icontains="AD").update(born=13), 1)
        self.assertEqual(self.born(self.ada), 13)

    def test_f_expressions(self):
        self.assertEqual(Author.objects.filter(pk=self.ada.pk).update(born=F("born") + 5), 1)
        self.assertEqual(self.born(self.ada), 15)
        self.assertEqual(Author.objects.filter(pk=self.bo.pk).update(born=F("born") + 5), 1)
        self.assertIsNone(self.born(self.bo))
        self.assertEqual(
            Author.objects.filter(pk=self.ada.pk).update(name=Upper("name"), born=F("pk")), 1
        )
        self.ada.refresh_from_db()
        self.assertEqual((self.ada.name, self.ada.born), ("ADA", self.ada.pk))
        self.ada.born = F("born") * 2
        self.ada.save()
        self.assertEqual(self.born(self.ada), self.ada.pk * 2)

    def test_f_is_guarded_by_the_value_that_was_read(self):
        cql = sent(lambda: Author.objects.filter(pk=self.ada.pk).update(born=F("born") + 1))
        self.assertTrue(cql[-1].endswith('IF "born" = 10'), cql)

    def test_many_rows(self):
        self.assertEqual(Author.objects.update(born=3), 2)
        self.assertEqual(Author.objects.filter(name="Ada").update(born=4), 1)
        self.assertEqual(Author.objects.filter(born__gt=0).update(born=F("born") + 1), 2)
        self.assertEqual((self.born(self.ada), self.born(self.bo)), (5, 4))
        when = Case(When(name="Ada", then=Value(1)), default=Value(2))
        self.assertEqual(Author.objects.update(born=when), 2)
        self.assertEqual((self.born(self.ada), self.born(self.bo)), (1, 2))

    def test_a_foreign_key(self):
        book = Book.objects.create(author=self.ada, title="x")
        self.assertEqual(
            Book.objects.filter(author=self.ada).update(author=self.bo, translator=None), 1
        )
        book.refresh_from_db()
        self.assertEqual(book.author_id, self.bo.pk)

    def test_the_primary_key_itself(self):
        self.assertEqual(Author.objects.filter(pk=self.ada.pk).update(id=4321), 1)
        self.assertEqual(Author.objects.get(pk=4321).name, "Ada")
        self.assertEqual(Author.objects.count(), 2)

    def test_a_row_with_nothing_but_its_key(self):
        seat = Seat.objects.create(show="x", row=1, number=1)
        mine = Seat.objects.filter(pk=seat.pk, guest=None)

        def bare():
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE bookings_seat SET taken = null, guest = null "
                    "WHERE show = 'x' AND row = 1 AND number = 1 IF EXISTS"
                )

        bare()
        self.assertEqual(mine.update(guest="me"), 1)
        self.assertEqual(mine.update(guest="you"), 0)
        self.assertEqual(Seat.objects.get(pk=seat.pk).guest, "me")
        bare()
        self.assertEqual(Seat.objects.filter(pk=seat.pk).update(guest=Upper("guest")), 1)
        self.assertEqual(mine.delete()[0], 1)
        self.assertEqual(mine.update(guest="me"), 0)
        self.assertEqual(Seat.objects.count(), 0)

    def test_expressions_of_the_key_alone_need_no_read(self):
        (cql,) = sent(lambda: Author.objects.filter(pk=self.ada.pk).update(born=F("pk") + 1))
        self.assertTrue(cql.startswith("UPDATE") and cql.endswith("IF EXISTS"), cql)
        self.assertEqual(self.born(self.ada), self.ada.pk + 1)

    def test_who_lost_writes_with_the_values_that_refused_him(self):
        """A race costs a statement, not a read."""
        real = UpdatePlan._matching

        def overtaken(plan, cursor):
            rows = real(plan, cursor)
            cursor.send(
                "UPDATE bookings_author SET born = 50 WHERE id = ? IF EXISTS", [self.ada.pk]
            )
            return rows

        with mock.patch.object(UpdatePlan, "_matching", overtaken):
            cql = sent(lambda: Author.objects.filter(pk=self.ada.pk).update(born=F("born") + 1))
        self.assertEqual(len([text for text in cql if text.startswith("SELECT")]), 1)
        self.assertEqual(self.born(self.ada), 51)
        with mock.patch.object(UpdatePlan, "_matching", overtaken):
            mine = Author.objects.filter(pk=self.ada.pk, born__lt=52)
            self.assertEqual(mine.update(born=F("born") + 5), 1)
            self.assertEqual(mine.update(born=F("born") + 5), 0)


@tag("astra")
class PhysicalKeyTests(TestCase):
    """Rows that stand where their columns say."""

    def setUp(self):
        self.party = Party.objects.create(
            city="Oslo", name="May", people=3, date="2026-05-01T20:00:00Z"
        )
        self.party.refresh_from_db()

    def now(self):
        return Party.objects.get(pk=self.party.pk)

    def test_get_by_pk_uses_the_index(self):
        (cql,) = sent(lambda: Party.objects.get(pk=self.party.pk))
        self.assertIn(f'WHERE "id" = {self.party.pk}', cql)
        self.assertEqual(self.now().key, ("Oslo", self.party.date))

    def test_count_me_in(self):
        one = Party.objects.filter(pk=self.party.pk, people=3)
        self.assertEqual(one.update(people=4), 1)
        self.assertEqual(one.update(people=4), 0)
        self.assertEqual(self.now().people, 4)

    def test_a_full_save_needs_no_look_up(self):
        self.party.name = "June"
        (cql,) = sent(self.party.save)
        self.assertTrue(cql.startswith("UPDATE") and cql.endswith("IF EXISTS"), cql)
        self.assertEqual(self.now().name, "June")

    def test_saving_part_of_it_looks_the_key_up(self):
        self.party.name = "June"
        cql = sent(lambda: self.party.save(update_fields=["name"]))
        self.assertEqual(len(cql), 2)
        self.assertEqual(self.now().name, "June")

    def test_a_filter_with_the_whole_key_needs_no_look_up(self):
        whole = Party.objects.filter(pk=self.party.pk, city="Oslo", date=self.party.date, people=3)
        (cql,) = sent(lambda: whole.update(people=9))
        self.assertTrue(cql.endswith('IF "people" = 3'), cql)

    def test_a_changed_key_moves_the_row(self):
        for change in ({"city": "Rome"}, {"date": "2027-01-01T00:00:00Z"}):
            with self.subTest(change):
                for name, value in change.items():
                    setattr(self.party, name, value)
                self.party.save()
                self.assertEqual(Party.objects.filter(pk=self.party.pk).count(), 1)
        self.assertEqual((self.now().city, self.now().people), ("Rome", 3))
        self.assertEqual(Party.objects.filter(city="Oslo").count(), 0)
        self.assertEqual(
            Party.objects.filter(city="Rome").update(city="Bergen", people=F("people") + 1), 1
        )
        self.assertEqual((self.now().city, self.now().people), ("Bergen", 4))
        self.party.city = "Paris"
        self.party.save(update_fields=["city"])
        self.assertEqual((self.now().city, self.now().people), ("Paris", 4))

    def test_delete(self):
        self.assertEqual(self.party.delete()[0], 1)
        self.assertEqual(Party.objects.count(), 0)
        self.assertEqual(Party.objects.filter(city="Oslo").delete()[0], 0)

    def test_saving_a_row_that_is_gone_inserts_it(self):
        Party.objects.filter(pk=self.party.pk).delete()
        self.party.save()
        self.assertEqual(self.now().name, "May")

    def test_readers_take_the_newer_of_two_rows(self):
        # What a crash in the middle of a move leaves.
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO party (city, date, id, name, people) VALUES ('Rome', %s, %s, 'May', 30) IF NOT EXISTS",
                [self.party.date, self.party.pk],
            )
        self.assertEqual((self.now().city, self.now().people), ("Rome", 30))
        self.assertEqual(Party.objects.filter(pk=self.party.pk).count(), 1)

    def test_composite_key_changes(self):
        seat = Seat.objects.create(show="hamlet", row=1, number=1, guest="me")
        self.assertEqual(Seat.objects.filter(pk=seat.pk).update(row=5), 1)
        self.assertEqual(Seat.objects.get().pk, ("hamlet", 5, 1))
        Seat.objects.create(show="hamlet", row=6, number=1)
        with self.assertRaisesMessage(IntegrityError, "exists already"):
            Seat.objects.filter(pk=("hamlet", 5, 1)).update(row=6)
        self.assertEqual(Seat.objects.count(), 2)

    def test_unknown_ids(self):
        self.assertEqual(Party.objects.filter(pk=uuid.uuid4()).update(people=1), 0)
        self.assertEqual(Party.objects.filter(pk=uuid.uuid4()).delete()[0], 0)
