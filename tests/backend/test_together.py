"""Writes as a cluster gets them: side by side, in conditional batches, one by one; and answers that are lost.

The database is the tests' own, which then is written without transactions over several statements."""

import contextlib
import os
import uuid
from unittest import mock

from bookings.models import Author, Party, Price, Reading, Seat
from django.db import IntegrityError, OperationalError, connection
from django.db.models import F
from django.test import TransactionTestCase, tag
from places import as_cluster
from test_writes import sent

import libcql
from django_cassandra_backend import duplicates, sequences, timestamps, together
from django_cassandra_backend.cursor import Cursor
from django_cassandra_backend.exceptions import OutcomeUnknown, WriteContention
from django_cassandra_backend.inserts import InsertPlan
from django_cassandra_backend.writes import RowsPlan


def seats(count: int, show="hamlet", **values) -> list[Seat]:
    return [Seat(show=show, row=0, number=i, **values) for i in range(count)]


class Network:
    """Stands between the cursor and its database. Each of `plan` is what becomes of one statement whose text has `what`
    in it: None, or (was it run?, an exception instead of its answer)."""

    def __init__(self, what: str, *plan):
        self.what, self.plan, self.batches, self.many, self.stamps = what, list(plan), 0, 0, []

    def _lose(self, cql: str, run):
        step = self.plan.pop(0) if self.what in cql and self.plan else None
        if step is None:
            return run()
        ran, error = step
        if ran:
            run()
        raise error

    def send(self, cursor, cql, values=None, **options):
        self.stamps.append((cql, options.get("timestamp")))
        return self._lose(cql, lambda: self.real["send"](cursor, cql, values, **options))

    def send_batch(self, cursor, statements, **options):
        self.batches += 1
        self.stamps.append((statements[0][0], options.get("timestamp")))
        return self._lose(
            statements[0][0], lambda: self.real["send_batch"](cursor, statements, **options)
        )

    def send_many(self, cursor, cql, rows, **options):
        self.many += 1
        self.stamps.append((cql, options.get("timestamp")))
        answers = []
        for row in rows:
            try:
                answers += self._lose(
                    cql, lambda row=row: self.real["send_many"](cursor, cql, [row], **options)
                )
            except libcql.Error as error:
                answers.append(error)
        return answers

    @contextlib.contextmanager
    def __call__(self):
        names = ("send", "send_batch", "send_many")
        self.real = {name: getattr(Cursor, name) for name in names}
        with contextlib.ExitStack() as stack:
            for name in names:
                ours = getattr(self, name)

                def method(cursor, *args, ours=ours, **options):
                    return ours(cursor, *args, **options)

                stack.enter_context(mock.patch.object(Cursor, name, method))
            yield self


def lost(code="CAS_UNKNOWN", kind=libcql.CasWriteUnknown) -> libcql.Error:
    error = kind("no answer came")
    error.code = code
    return error


class ClusterTestCase(TransactionTestCase):
    reset_sequences = True

    def setUp(self):
        self.enterContext(as_cluster())


class ManyRowsTests(ClusterTestCase):
    def test_rows_of_one_partition_go_in_batches(self):
        with Network("")() as network:
            Seat.objects.bulk_create(seats(70))
        self.assertEqual((network.batches, network.many), (3, 0))
        self.assertEqual(Seat.objects.count(), 70)
        with Network("")() as network:
            self.assertEqual(Seat.objects.filter(show="hamlet").update(guest="x"), 70)
        self.assertEqual((network.batches, network.many), (3, 0))

    def test_a_batch_has_a_limited_size(self):
        with Network("")() as network:
            Seat.objects.bulk_create(seats(8, guest="x" * 1000))
        self.assertEqual(network.batches, 3)
        with Network("")() as network:
            Seat.objects.bulk_create(seats(2, "lear", guest="x" * 9000))
        self.assertEqual((network.batches, network.many), (0, 2))

    def test_rows_of_many_partitions_go_side_by_side(self):
        with Network('INSERT INTO "bookings_price"')() as network:
            Price.objects.bulk_create([Price(amount=i) for i in range(50)])
        self.assertEqual((network.batches, network.many), (0, 1))
        self.assertEqual(Price.objects.count(), 50)

    def test_a_refused_batch_is_counted_row_by_row(self):
        rows = Seat.objects.bulk_create(seats(5))
        rows[2].delete()
        rows[2].pk = ("hamlet", 0, 2)
        for seat in rows:
            seat.guest = "x"
        with Network("")() as network:
            self.assertEqual(Seat.objects.bulk_update(rows, ["guest"]), 4)
        self.assertEqual((network.batches, network.many), (1, 5))
        self.assertEqual(Seat.objects.count(), 4)

    def test_a_taken_key_takes_back_the_rows_before_it(self):
        Seat.objects.create(show="hamlet", row=0, number=3, guest="first")
        with self.assertRaisesMessage(IntegrityError, "number = 3 exists already"):
            Seat.objects.bulk_create(seats(6, guest="x"))
        self.assertEqual([seat.guest for seat in Seat.objects.all()], ["first"])

    def test_what_others_have_changed_is_not_taken_back(self):
        Price.objects.create(amount=1)

        def change(plan, cursor, rows, reason):
            Price.objects.filter(amount=0).update(note="mine now")
            return take_back(plan, cursor, rows, reason)

        take_back = InsertPlan._take_back
        with (
            mock.patch.object(InsertPlan, "_take_back", change),
            self.assertRaisesMessage(IntegrityError, "1 of the rows that were inserted"),
        ):
            Price.objects.bulk_create([Price(amount=i) for i in range(3)])
        self.assertEqual({p.amount: p.note for p in Price.objects.all()}, {0: "mine now", 1: ""})

    def test_one_key_twice_keeps_its_order(self):
        rows = [Price(amount=1, note=str(i)) for i in range(3)]
        Price.objects.bulk_create(rows, ignore_conflicts=True)
        self.assertEqual(Price.objects.get().note, "0")
        options = {"update_fields": ["note"], "unique_fields": ["amount"]}
        Price.objects.bulk_create(rows, update_conflicts=True, **options)
        self.assertEqual(Price.objects.get().note, "2")
        readings = [Reading(sensor="a", at=1, value=i) for i in range(4)]
        Reading.objects.bulk_create(readings)
        self.assertEqual(Reading.objects.get().value, 3)
        twice = [*seats(1, guest="a"), *seats(1, guest="b")]
        Seat.objects.bulk_create(twice, ignore_conflicts=True)
        self.assertEqual(Seat.objects.get().guest, "a")

    def test_an_error_in_the_middle_tells_what_was_written(self):
        error = libcql.Overloaded("too busy")
        error.code = "OVERLOADED"
        plan = [None, None, (False, error), (True, lost("CONNECTION", libcql.OperationalError))]
        text = "too busy (of 6 rows 4 were written, 1 were not, and of 1 it is not known)"
        with (
            Network('INSERT INTO "bookings_price"', *plan)(),
            self.assertRaisesMessage(OperationalError, text),
        ):
            Price.objects.bulk_create([Price(amount=i) for i in range(6)])

    def test_nothing_more_is_sent_after_an_error(self):
        error = libcql.Unavailable("too few replicas")
        error.code = "UNAVAILABLE"
        with (
            Network('INSERT INTO "bookings_seat"', None, (False, error))() as network,
            self.assertRaisesMessage(OperationalError, "of 90 rows 30 were written, 60 were not"),
        ):
            Seat.objects.bulk_create(seats(90))
        self.assertEqual(network.batches, 2)


class LostAnswerTests(ClusterTestCase):
    """Conditional writes that were run, or not, and whose answer did not come."""

    def test_an_insert_whose_key_nobody_else_has(self):
        for ran in (True, False):
            for error in (lost(), lost("TIMEOUT", libcql.OperationalError)):
                with Network('INSERT INTO "party"', (ran, error))():
                    party = Party.objects.create(city="Oslo")
                self.assertEqual(Party.objects.get(pk=party.pk).city, "Oslo")
        self.assertEqual(Party.objects.count(), 4)

    def test_an_id_from_the_counter(self):
        with Network('INSERT INTO "bookings_author"', (True, lost()), (False, lost()))():
            first, second = Author.objects.create(name="x"), Author.objects.create(name="y")
        self.assertEqual((first.pk, second.pk), (1, 2))
        self.assertEqual(Author.objects.count(), 2)

    def test_an_insert_that_somebody_else_could_have_made(self):
        with (
            Network('INSERT INTO "bookings_price"', (True, lost()))(),
            self.assertRaises(OutcomeUnknown),
        ):
            Price.objects.create(amount=1)
        self.assertEqual(Price.objects.count(), 1)

    def test_a_taken_key_after_a_lost_answer_is_no_integrity_error(self):
        Price.objects.create(amount=1, note="somebody else's")
        with (
            Network('INSERT INTO "bookings_price"', (False, lost()))(),
            self.assertRaises(OutcomeUnknown),
        ):
            Price.objects.create(amount=1)

    def test_an_insert_that_was_not_made_is_made(self):
        with Network('INSERT INTO "bookings_price"', (False, lost()), (False, lost()))():
            Price.objects.create(amount=1)
        with (
            Network('INSERT INTO "bookings_price"', *[(False, lost())] * 3)(),
            self.assertRaisesMessage(OperationalError, "no answer came"),
        ):
            Price.objects.create(amount=2)
        self.assertEqual(Price.objects.count(), 1)

    def test_a_compare_and_set(self):
        seat = Seat.objects.create(show="hamlet", row=1, number=1)
        free = Seat.objects.filter(pk=seat.pk, taken=False)
        with Network("UPDATE", (False, lost()))():
            self.assertEqual(free.update(taken=True), 1)
        Seat.objects.update(taken=False)
        with Network("UPDATE", (True, lost()))(), self.assertRaises(OutcomeUnknown):
            free.update(taken=True)
        self.assertTrue(Seat.objects.get().taken)

    def test_a_value_that_was_made_from_the_row(self):
        """Sent again, it would be made from what the first one has left: the row does not tell the two apart."""
        author = Author.objects.create(name="x", born=5)
        for ran in (True, False):
            before = Author.objects.get().born
            with Network("UPDATE", (ran, lost()))(), self.assertRaises(OutcomeUnknown):
                Author.objects.filter(pk=author.pk).update(born=F("born") + 1)
            self.assertEqual(Author.objects.get().born, before + ran)

    def test_a_row_that_cannot_be_read_at_once(self):
        """Among many writers the look at the row meets what the write met."""
        seat = Seat.objects.create(show="hamlet", row=1, number=1)
        with Network("UPDATE", (False, lost()))(), Network("SELECT", *[(False, lost())] * 2)():
            self.assertEqual(Seat.objects.filter(pk=seat.pk, taken=False).update(taken=True), 1)

    def test_what_does_not_depend_on_the_row_is_sent_again(self):
        author = Author.objects.create(name="x")
        for ran in (True, False):
            with Network("UPDATE", (ran, lost()))():
                author.name = f"ran {ran}"
                author.save()
            self.assertEqual(Author.objects.get().name, f"ran {ran}")

    def test_a_delete(self):
        author = Author.objects.create(name="x")
        with Network("DELETE", (False, lost()))():
            self.assertEqual(Author.objects.filter(pk=author.pk)._raw_delete("default"), 1)
        author = Author.objects.create(name="x")
        with Network("DELETE", (True, lost()))(), self.assertRaises(OutcomeUnknown):
            Author.objects.filter(pk=author.pk)._raw_delete("default")

    def test_a_batch(self):
        for ran, show in ((True, "hamlet"), (False, "lear")):
            Seat.objects.bulk_create(seats(5, show))
            with Network("UPDATE", (ran, lost()))():
                self.assertEqual(Seat.objects.filter(show=show).update(guest="x"), 5)
            self.assertEqual(Seat.objects.filter(show=show, guest="x").count(), 5)

    def test_the_counter(self):
        Author.objects.create(name="x")
        for ran in (True, False):
            with Network('UPDATE "django_sequences"', (ran, lost()))():
                Author.objects.create(name="y")
        ids = sorted(Author.objects.values_list("pk", flat=True))
        self.assertEqual(len(set(ids)), 3)

    def test_an_error_that_comes_before_a_write_is_passed_on(self):
        error = libcql.Unavailable("too few replicas")
        error.code = "UNAVAILABLE"
        with (
            Network("INSERT", (False, error))() as network,
            self.assertRaisesMessage(OperationalError, "too few replicas"),
        ):
            Price.objects.create(amount=1)
        self.assertEqual(len(network.stamps), 1)


class MoveTests(ClusterTestCase):
    def setUp(self):
        super().setUp()
        self.party = Party.objects.create(city="Oslo", name="May", people=3)

    def move(self):
        return Party.objects.filter(pk=self.party.pk).update(city="Rome")

    def stored(self):
        return list(Party.objects.values_list("city", "people"))

    def test_insert_then_delete(self):
        cql = sent(lambda: self.assertEqual(self.move(), 1))
        self.assertEqual([text.split()[0] for text in cql][-2:], ["INSERT", "DELETE"])
        self.assertEqual(self.stored(), [("Rome", 3)])

    def test_lost_answers(self):
        for what in ("INSERT", "DELETE"):
            for ran in (True, False):
                Party.objects.filter(pk=self.party.pk).update(city="Oslo")
                with self.subTest(what, ran=ran), Network(what, (ran, lost()))():
                    self.assertEqual(self.move(), 1)
                self.assertEqual(self.stored(), [("Rome", 3)])

    def test_a_change_in_between_is_not_lost(self):
        real = Cursor.send

        def change(cursor, cql, values=None, **options):
            if cql.startswith("DELETE") and not done:
                done.append(True)
                real(
                    cursor,
                    'UPDATE "party" SET people = 9 WHERE city = ? AND date = ? AND id = ? IF EXISTS',
                    values[:3],
                )
            return real(cursor, cql, values, **options)

        done = []
        with mock.patch.object(Cursor, "send", change):
            self.assertEqual(self.move(), 1)
        self.assertEqual(self.stored(), [("Rome", 9)])

    def second(self, people=7):
        """The row once more: on the move, or left behind."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO party (city, date, id, name, people) VALUES ('Rome', %s, %s, 'May', %s) IF NOT EXISTS",
                [self.party.date, self.party.pk, people],
            )

    def test_a_writer_waits_while_a_row_is_on_the_move(self):
        self.second()
        pauses = []

        def pause(number):
            pauses.append(number)
            if number == 2:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "DELETE FROM party WHERE city = 'Oslo' AND date = %s AND id = %s IF EXISTS",
                        [self.party.date, self.party.pk],
                    )

        with mock.patch.object(duplicates, "pause", pause):
            self.assertEqual(Party.objects.filter(pk=self.party.pk).update(people=8), 1)
        self.assertEqual((pauses, self.stored()), ([0, 1, 2], [("Rome", 8)]))

    def test_what_a_crash_left_is_removed(self):
        self.second()
        with mock.patch.object(duplicates, "MOVE_TIME", -1):
            self.assertEqual(Party.objects.filter(pk=self.party.pk).update(people=8), 1)
        self.assertEqual(self.stored(), [("Rome", 8)])

    def test_a_row_whose_twin_has_just_left_is_not_taken_for_a_rest(self):
        """The newer one is taken back between the look and the question how old it is."""
        self.second()
        real, asked = duplicates.Newest.is_old, []

        def late(newest, cursor, row):
            if not asked:
                cursor.send(
                    "DELETE FROM party WHERE city = 'Rome' AND date = ? AND id = ? IF EXISTS",
                    [self.party.date, self.party.pk],
                )
            asked.append(real(newest, cursor, row))
            return asked[-1]

        with mock.patch.object(duplicates.Newest, "is_old", late):
            self.assertEqual(Party.objects.filter(pk=self.party.pk).update(people=8), 1)
        self.assertEqual((asked, self.stored()), ([False], [("Oslo", 8)]))

    def test_it_does_not_wait_for_ever(self):
        self.second()
        with (
            mock.patch.object(duplicates, "_PATIENCE", 0.05),
            self.assertRaisesMessage(WriteContention, "on the move all the time"),
        ):
            Party.objects.filter(pk=self.party.pk).update(people=8)

    def test_a_look_up_that_passes_by_a_moving_row_is_made_again(self):
        real, asked = Cursor.send, []

        def send(cursor, cql, values=None, **options):
            result = real(cursor, cql, values, **options)
            if cql.startswith("SELECT") and cql.endswith('WHERE "id" = ?'):
                asked.append(cql)
                if len(asked) == 1:
                    result.all()  # nothing is left of it
            return result

        with mock.patch.object(Cursor, "send", send):
            self.assertEqual(Party.objects.get(pk=self.party.pk).people, 3)
            self.assertEqual(len(asked), 2)
            asked.clear()
            self.assertEqual(self.move(), 1)
            self.assertFalse(Party.objects.filter(pk=uuid.uuid4()).update(people=1))

    def test_a_taken_key(self):
        Seat.objects.bulk_create(seats(2))
        with self.assertRaisesMessage(IntegrityError, "number = 1 exists already"):
            Seat.objects.filter(pk=("hamlet", 0, 0)).update(number=1)
        self.assertEqual(Seat.objects.count(), 2)

    def test_plainly(self):
        Reading.objects.create(sensor="a", at=1, value=5)
        with Network("")() as network:
            Reading.objects.filter(sensor="a", at=1).update(sensor="b")
        self.assertEqual(network.batches, 1)
        self.assertEqual(Reading.objects.get().pk, ("b", 1))


class BareRowTests(ClusterTestCase):
    """Rows that have nothing but their key."""

    def bare(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bookings_seat (show, row, number) VALUES ('hamlet', 1, 1) IF NOT EXISTS"
            )

    def test_one_claim_wins(self):
        self.bare()
        free = Seat.objects.filter(show="hamlet", row=1, number=1, guest=None)
        self.assertEqual(free.update(guest="me"), 1)
        self.assertEqual(free.update(guest="you"), 0)
        self.assertEqual(Seat.objects.get().guest, "me")

    def test_one_that_has_gone_is_not_made(self):
        self.bare()
        real = RowsPlan._write_bare

        def late(plan, cursor, point, values, read):
            cursor.send(
                "DELETE FROM bookings_seat WHERE show = ? AND row = ? AND number = ? IF EXISTS",
                ["hamlet", 1, 1],
            )
            return real(plan, cursor, point, values, read)

        with mock.patch.object(RowsPlan, "_write_bare", late):
            self.assertEqual(Seat.objects.filter(show="hamlet", guest=None).update(guest="me"), 0)
        self.assertEqual(Seat.objects.count(), 0)


@tag("astra")
class BlockTests(TransactionTestCase):
    """Ids that a process reserves at once."""

    reset_sequences = True

    def setUp(self):
        self.enterContext(as_cluster(id_block=5))

    def create(self, **values) -> int:
        return Author.objects.create(name="x", **values).pk

    def test_one_statement_for_a_block(self):
        cql = sent(lambda: self.assertEqual([self.create() for _ in range(6)], [1, 2, 3, 4, 5, 6]))
        counted = [text for text in cql if text.startswith(("INSERT", "UPDATE"))]
        self.assertEqual(len([text for text in counted if "django_sequences" in text]), 2)

    def test_many_rows_reserve_their_own_range(self):
        self.assertEqual(self.create(), 1)
        made = Author.objects.bulk_create([Author(name="y") for _ in range(3)])
        self.assertEqual([author.pk for author in made], [6, 7, 8])
        self.assertEqual(self.create(), 2)

    def test_ids_go_on_behind_one_that_was_chosen(self):
        self.create()
        self.create(pk=100)
        self.assertEqual(self.create(), 101)
        self.create(pk=3)
        self.assertEqual(self.create(), 102)

    def test_a_chosen_id_in_the_block_is_not_given_again(self):
        self.create()
        self.create(pk=3)
        self.assertEqual(self.create(), 6)

    def test_a_reset_forgets_the_block(self):
        self.create()
        connection.ops.execute_sql_flush(
            connection.ops.sql_flush(None, ["bookings_author"], reset_sequences=True)
        )
        self.assertEqual(self.create(), 1)

    def test_a_child_takes_none_of_its_parents_ids(self):
        self.create()
        pid = os.fork()
        if pid == 0:
            os._exit(bool(sequences._blocks))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        self.assertEqual(self.create(), 2)


class TimestampTests(ClusterTestCase):
    def test_they_only_grow(self):
        given = [timestamps.next_timestamp() for _ in range(1000)]
        self.assertEqual(given, sorted(set(given)))
        with mock.patch("time.time_ns", lambda: 5_000):  # a clock that is set back
            self.assertGreater(timestamps.next_timestamp(), given[-1])

    def test_plain_writes_carry_one_and_conditional_ones_none(self):
        with Network("")() as network:
            Reading.objects.create(sensor="a", at=1, value=1)
            Reading.objects.bulk_create([Reading(sensor="a", at=i, value=1) for i in range(2, 5)])
            Reading.objects.filter(sensor="a", at=1).update(value=2)
            Reading.objects.filter(sensor="a").delete()
            Seat.objects.bulk_create(seats(5))
            Seat.objects.filter(show="hamlet").update(guest="x")
            Author.objects.create(name="x")
        for cql, stamp in network.stamps:
            plain = "bookings_reading" in cql and not cql.startswith("SELECT")
            self.assertEqual(stamp is not None, plain, cql)
        self.assertEqual(Reading.objects.count(), 0)

    def test_on_a_file_the_engine_gives_them(self):
        with as_cluster(as_cluster=False) if connection.settings.is_file else as_cluster():
            if not connection.settings.chains:
                self.skipTest("about the file")
            with Network("")() as network:
                Reading.objects.create(sensor="a", at=1, value=1)
            Reading.objects.filter(sensor="a", at=1).update(value=2)
        self.assertFalse([cql for cql, stamp in network.stamps if stamp is not None])


class FlushTests(ClusterTestCase):
    def flushed(self, *tables) -> list[str]:
        plans = connection.ops.sql_flush(None, list(tables), reset_sequences=True)
        return sent(lambda: connection.ops.execute_sql_flush(plans))

    def test_a_few_rows_are_deleted(self):
        Author.objects.create(name="x")
        Reading.objects.create(sensor="a", at=1)
        Seat.objects.bulk_create(seats(3))
        cql = self.flushed("bookings_author", "bookings_reading", "bookings_seat", "party")
        self.assertEqual([text for text in cql if text.startswith("TRUNCATE")], [])
        conditional = {text.split('"')[1]: " IF EXISTS" in text for text in cql if text[0] == "D"}
        self.assertEqual(
            conditional,
            {
                "bookings_author": True,
                "bookings_reading": False,
                "bookings_seat": True,
                "django_sequences": True,
            },
        )
        self.assertEqual(
            [model.objects.count() for model in (Author, Reading, Seat, Party)], [0, 0, 0, 0]
        )
        self.assertEqual(Author.objects.create(name="y").pk, 1)
        Reading.objects.create(sensor="a", at=1)
        self.assertEqual(Reading.objects.count(), 1)

    def test_many_rows_are_truncated(self):
        with mock.patch("django_cassandra_backend.maintenance.FLUSH_ROWS", 2):
            Seat.objects.bulk_create(seats(3))
            cql = self.flushed("bookings_seat")
        self.assertIn('TRUNCATE "bookings_seat"', cql)
        self.assertEqual(Seat.objects.count(), 0)

    def test_a_row_that_outlives_its_deletion(self):
        """It was written by a clock ahead of ours."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bookings_reading (sensor, at) VALUES ('a', 1) USING TIMESTAMP 99999999999999999"
            )
        self.assertIn('TRUNCATE "bookings_reading"', self.flushed("bookings_reading"))
        self.assertEqual(Reading.objects.count(), 0)

    def test_tables_without_a_model_and_counters(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE loose (k int PRIMARY KEY)")
            cursor.execute("INSERT INTO loose (k) VALUES (1)")
        self.assertIn('TRUNCATE "loose"', self.flushed("loose"))
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE loose")


class SizeTests(ClusterTestCase):
    def test_chunks(self):
        with mock.patch.object(together, "BATCH_ROWS", 4), Network("")() as network:
            Seat.objects.bulk_create(seats(10))
        self.assertEqual(network.batches, 3)

    def test_ids_stay_unique_over_collections_in_keys(self):
        points = [([1, {2}], uuid.UUID(int=1)), ([1, {2}], uuid.UUID(int=1)), ([2], None)]
        keys = [together._hashable(point) for point in points]
        self.assertEqual((keys[0] == keys[1], keys[0] == keys[2]), (True, False))
