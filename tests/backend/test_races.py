"""Writers that compete: no update is lost, and exactly one compare-and-set wins."""

import threading

from bookings.models import Author, Party, Price
from django.db import IntegrityError, connection
from django.db.models import F
from django.test import TransactionTestCase, tag

from django_cassandra_backend.exceptions import OutcomeUnknown

WRITERS = 8


def compete(function) -> list:
    """What each of several threads got from function(), all of them starting together."""
    gate = threading.Barrier(WRITERS)
    results: list = [None] * WRITERS

    def run(i):
        try:
            gate.wait()
            results[i] = function(i)
        except Exception as error:
            results[i] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class RaceTests(TransactionTestCase):
    def test_f_loses_no_update(self):
        author = Author.objects.create(name="x", born=0)

        def add(i):
            return sum(
                Author.objects.filter(pk=author.pk).update(born=F("born") + 1) for _ in range(5)
            )

        self.assertEqual(compete(add), [5] * WRITERS)
        self.assertEqual(Author.objects.get().born, 5 * WRITERS)

    def test_one_compare_and_set_wins(self):
        party = Party.objects.create(city="Oslo", people=3)
        won = compete(lambda i: Party.objects.filter(pk=party.pk, people=3).update(people=4))
        self.assertEqual(sorted(won), [0] * (WRITERS - 1) + [1])
        self.assertEqual(Party.objects.get().people, 4)

    def test_one_claim_on_null_wins(self):
        author = Author.objects.create(name="x")
        won = compete(
            lambda i: Author.objects.filter(pk=author.pk, email=None).update(email=f"{i}@x.org")
        )
        self.assertEqual(sum(won), 1)
        self.assertEqual(Author.objects.get().email, f"{won.index(1)}@x.org")

    def test_ids_are_unique(self):
        made = compete(lambda i: [Author.objects.create(name=str(i)).pk for _ in range(4)])
        ids = [pk for part in made for pk in part]
        self.assertEqual(len(set(ids)), 4 * WRITERS)
        self.assertEqual(Author.objects.count(), 4 * WRITERS)

    def test_one_insert_of_a_key_wins(self):
        results = compete(lambda i: Price.objects.create(amount=1, note=str(i)))
        losers = [result for result in results if isinstance(result, IntegrityError)]
        self.assertEqual(len(losers), WRITERS - 1)

    def test_get_or_create_makes_one(self):
        results = compete(lambda i: Price.objects.get_or_create(amount=1))
        self.assertEqual(
            sorted(created for _, created in results), [False] * (WRITERS - 1) + [True]
        )

    def test_a_row_that_moves_is_followed(self):
        party = Party.objects.create(city="Oslo", people=0)

        def change(i):
            mine = Party.objects.filter(pk=party.pk)
            return mine.update(city=f"city {i}") if i % 2 else mine.update(people=F("people") + 1)

        results = compete(change)
        self.assertEqual(results, [1] * WRITERS)
        stored = Party.objects.get(pk=party.pk)
        self.assertEqual(stored.people, WRITERS // 2)
        self.assertEqual(Party.objects.count(), 1)


@tag("astra")
class ContentionTests(TransactionTestCase):
    """The same where replicas have to agree. Who loses may not be told whether he has lost; then he gets no wrong answer, but
    OutcomeUnknown."""

    def outcomes(self, results):
        """(those that are known, how many are not)"""
        known = [result for result in results if not isinstance(result, OutcomeUnknown)]
        return known, len(results) - len(known)

    def test_no_update_is_lost_or_made_twice(self):
        author = Author.objects.create(name="x", born=0)

        def add(i):
            return Author.objects.filter(pk=author.pk).update(born=F("born") + 1)

        known, unknown = self.outcomes([r for _ in range(3) for r in compete(add)])
        self.assertEqual(set(known), {1})
        born = Author.objects.get().born
        self.assertGreaterEqual(born, len(known))
        self.assertLessEqual(born, len(known) + unknown)

    def test_at_most_one_compare_and_set_wins(self):
        party = Party.objects.create(city="Oslo", people=3)
        known, unknown = self.outcomes(
            compete(lambda i: Party.objects.filter(pk=party.pk, people=3).update(people=4 + i))
        )
        self.assertLessEqual(set(known), {0, 1})
        self.assertTrue(sum(known) == 1 or (sum(known) == 0 and unknown))
        self.assertNotEqual(Party.objects.get().people, 3)

    def test_at_most_one_insert_of_a_key_wins(self):
        known, unknown = self.outcomes(
            compete(lambda i: Price.objects.create(amount=1, note=str(i)))
        )
        winners = [result for result in known if isinstance(result, Price)]
        losers = [result for result in known if isinstance(result, IntegrityError)]
        self.assertEqual(len(winners) + len(losers), len(known))
        self.assertTrue(len(winners) == 1 or (not winners and unknown))
        stored = Price.objects.get()
        if winners:
            self.assertEqual(stored.note, winners[0].note)
