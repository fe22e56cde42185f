"""atomic(): a block without rollback, whose hooks and savepoints behave."""

from bookings.models import Author, Price
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test import TransactionTestCase


class AtomicTests(TransactionTestCase):
    def test_nothing_is_rolled_back(self):
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            Author.objects.create(name="stays")
            raise ZeroDivisionError
        self.assertEqual(Author.objects.get().name, "stays")

    def test_no_statement_marks_a_block(self):
        with self.assertNumQueries(1), transaction.atomic(), transaction.atomic():
            Author.objects.count()

    def test_hooks_run_at_the_outermost_exit(self):
        ran = []
        with transaction.atomic():
            with transaction.atomic():
                transaction.on_commit(lambda: ran.append("inner"))
            self.assertEqual(ran, [])
        self.assertEqual(ran, ["inner"])

    def test_hooks_are_dropped_after_an_error(self):
        ran = []
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(lambda: ran.append("never"))
            raise ZeroDivisionError
        with transaction.atomic():
            transaction.on_commit(lambda: ran.append("later"))
        self.assertEqual(ran, ["later"])

    def test_an_inner_block_contains_an_error(self):
        Price.objects.create(amount=1)
        with transaction.atomic():
            with self.assertRaises(IntegrityError), transaction.atomic():
                Price.objects.create(amount=1)
            self.assertEqual(Price.objects.count(), 1)

    def test_get_or_create_inside_a_block(self):
        with transaction.atomic():
            price, created = Price.objects.get_or_create(amount=1)
            again, created_again = Price.objects.get_or_create(amount=1, defaults={"note": "x"})
        self.assertEqual((created, created_again, price), (True, False, again))

    def test_an_error_without_an_inner_block_stops_the_block(self):
        Price.objects.create(amount=1)
        with transaction.atomic():
            with self.assertRaises(IntegrityError):
                Price.objects.create(amount=1)
            with self.assertRaises(TransactionManagementError):
                Price.objects.count()
            transaction.set_rollback(False)

    def test_manual_calls(self):
        sid = connection.savepoint()
        connection.savepoint_rollback(sid)
        transaction.set_autocommit(False)
        try:
            Author.objects.create(name="x")
            transaction.rollback()
        finally:
            transaction.set_autocommit(True)
        self.assertEqual(Author.objects.count(), 1)
        self.assertFalse(connection.in_atomic_block)

    def test_durable_blocks(self):
        with transaction.atomic(durable=True):
            Author.objects.create(name="x")
        with (
            self.assertRaises(RuntimeError),
            transaction.atomic(),
            transaction.atomic(durable=True),
        ):
            pass
