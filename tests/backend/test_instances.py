"""What Django's instance methods and their asynchronous sisters send, and what they leave."""

import asyncio
import datetime
import threading

from bookings.models import Author, Book, Party, Price, Seat
from django.db import DatabaseError, IntegrityError, connection
from django.db.models import F, TextField, Value
from django.db.models.functions import (
    Coalesce,
    Concat,
    Left,
    Length,
    Lower,
    LTrim,
    Replace,
    Reverse,
    Right,
    RTrim,
    Substr,
    Trim,
)
from django.test import TestCase, TransactionTestCase
from test_writes import sent

NOON = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.timezone.utc)


class SaveTests(TestCase):
    def test_a_new_instance_with_a_chosen_key_is_inserted_at_once(self):
        """Its key has a default, so nobody asks whether the row is there."""
        (insert,) = sent(lambda: Party(city="Oslo").save())
        self.assertTrue(insert.startswith("INSERT") and insert.endswith("IF NOT EXISTS"), insert)

    def test_an_instance_with_a_key_is_updated_or_inserted(self):
        update, insert = sent(lambda: Price(amount=1, note="a").save())
        self.assertTrue(update.endswith("IF EXISTS"), update)
        self.assertTrue(insert.endswith("IF NOT EXISTS"), insert)
        (update,) = sent(lambda: Price(amount=1, note="b").save())
        self.assertEqual(Price.objects.get().note, "b")

    def test_force(self):
        price = Price(amount=1)
        with self.assertRaises(DatabaseError):
            price.save(force_update=True)
        price.save(force_insert=True)
        self.assertEqual(len(sent(lambda: price.save(force_update=True))), 1)
        with self.assertRaises(IntegrityError):
            price.save(force_insert=True)

    def test_update_fields(self):
        author = Author.objects.create(name="Ada", born=1)
        Author.objects.filter(pk=author.pk).update(name="Bo")
        author.born = 2
        (update,) = sent(lambda: author.save(update_fields=["born"]))
        self.assertNotIn('"name"', update)
        author.refresh_from_db()
        self.assertEqual((author.name, author.born), ("Bo", 2))
        self.assertEqual(sent(lambda: author.save(update_fields=[])), [])
        author.delete()
        with self.assertRaises(DatabaseError):
            Author(pk=10**9, name="x").save(update_fields=["name"])

    def test_refresh(self):
        author = Author.objects.create(name="Ada", born=1)
        Author.objects.filter(pk=author.pk).update(name="Bo", born=2)
        author.refresh_from_db(fields=["born"])
        self.assertEqual((author.name, author.born), ("Ada", 2))
        author.refresh_from_db(from_queryset=Author.objects.filter(born=2))
        self.assertEqual(author.name, "Bo")
        seat = Seat.objects.create(show="x", row=1, number=1)
        Seat.objects.update(guest="me")
        seat.refresh_from_db()
        self.assertEqual(seat.guest, "me")

    def test_an_expression_is_saved_and_read_again(self):
        author = Author.objects.create(name="Ada", born=1)
        author.born = F("born") + 1
        author.save()
        author.refresh_from_db()
        self.assertEqual(author.born, 2)

    def test_composite_keys(self):
        seat = Seat(show="x", row=1, number=1, guest="me")
        seat.save()
        self.assertEqual(len(sent(seat.save)), 1)
        seat.delete()
        self.assertEqual(seat.pk, (None, None, None))
        self.assertEqual(Seat.objects.count(), 0)

    def test_functions_in_an_update(self):
        Author.objects.create(name="Ada", born=None)
        done = Author.objects.update(
            email=Concat(Lower("name"), Value("@x.org")), born=Coalesce("born", Length("name"))
        )
        self.assertEqual(done, 1)
        author = Author.objects.get()
        self.assertEqual((author.email, author.born), ("ada@x.org", 3))


class TextFunctionTests(TestCase):
    """Each gives what Django gives on SQLite."""

    databases = {"default", "reference"}

    def test_all_of_them(self):
        functions = [
            Concat("name", Value("-"), "email", Value("!"), output_field=TextField()),
            *(Left("name", count) for count in (1, 3, 99)),
            *(Right("name", count) for count in (1, 3, 99)),
            *(Substr("name", *at) for at in ((1,), (3,), (2, 2), (9, 1), (2, 0))),
            *(kind("name") for kind in (Trim, LTrim, RTrim, Reverse, Length, Lower)),
            Replace("name", Value("ab"), Value("x")),
            Replace("name", Value("")),
            Left("email", 2),
        ]
        for name in ("  abc ab ", "", "x", "\u00e4\t "):
            for function in functions:
                with self.subTest(name=name, function=function):
                    made = [
                        Author.objects.using(alias).create(name=name)
                        for alias in ("default", "reference")
                    ]
                    got, expected = (
                        type(author)
                        .objects.using(author._state.db)
                        .annotate(x=function)
                        .values_list("x", flat=True)
                        .get(pk=author.pk)
                        for author in made
                    )
                    self.assertEqual(got, expected)

    def test_text_of_other_values(self):
        author = Author.objects.create(name="Ada", born=1815)
        for function, expected in (
            (Concat("name", "born", output_field=TextField()), "Ada1815"),
            (Lower("born"), "1815"),
            (Left("name", F("id") * 0 + 2), "18"),
        ):
            self.assertEqual(Author.objects.update(name=function), 1)
            author.refresh_from_db()
            self.assertEqual(author.name, expected)


class DeleteTests(TestCase):
    def test_a_cascade_reads_and_writes_each_table_once(self):
        authors = Author.objects.bulk_create([Author(name=str(i)) for i in range(3)])
        Book.objects.bulk_create([Book(author=a, title=str(i)) for a in authors for i in range(4)])
        cql = sent(lambda: Author.objects.filter(pk__in=[a.pk for a in authors[:2]]).delete())
        deleted = [text for text in cql if text.startswith("DELETE")]
        self.assertEqual(len(deleted), 2 + 8)
        self.assertEqual((Author.objects.count(), Book.objects.count()), (1, 4))

    def test_set_null(self):
        ada, bo = Author.objects.bulk_create([Author(name="Ada"), Author(name="Bo")])
        Book.objects.bulk_create([Book(author=ada, translator=bo, title=str(i)) for i in range(3)])
        bo.delete()
        self.assertEqual(set(Book.objects.values_list("translator", flat=True)), {None})

    def test_an_instance_beside_a_physical_key(self):
        party = Party.objects.create(city="Oslo", date=NOON)
        cql = sent(lambda: self.assertEqual(party.delete()[0], 1))
        self.assertEqual(len(cql), 2)  # the look-up, the delete


class LockTests(TransactionTestCase):
    def test_select_for_update_gives_the_rows_and_locks_nothing(self):
        author = Author.objects.create(name="Ada", born=1)
        held = Author.objects.select_for_update().get(pk=author.pk)
        self.assertEqual(held.born, 1)

        def write():
            Author.objects.filter(pk=author.pk).update(born=2)
            connection.close()

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(10)
        self.assertEqual(Author.objects.get().born, 2)


class AsyncTests(TransactionTestCase):
    def test_writes(self):
        async def write():
            author, created = await Author.objects.aget_or_create(name="Ada", defaults={"born": 1})
            again, created_again = await Author.objects.aget_or_create(name="Ada")
            await Author.objects.aupdate_or_create(pk=author.pk, defaults={"born": 2})
            await Author.objects.abulk_create([Author(name="Bo"), Author(name="Cy")])
            await Author.objects.filter(name="Bo").aupdate(born=F("pk"))
            cy = await Author.objects.aget(name="Cy")
            cy.born = 7
            await cy.asave()
            await Author.objects.abulk_update([cy], ["born"])
            await again.adelete()
            return created, created_again

        self.assertEqual(asyncio.run(write()), (True, False))
        stored = dict(Author.objects.values_list("name", "born"))
        self.assertEqual(stored["Cy"], 7)
        self.assertEqual(set(stored), {"Bo", "Cy"})
