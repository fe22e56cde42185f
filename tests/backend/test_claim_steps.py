"""Unique values when a write ends in the middle, or others come between two of its statements: as a cluster writes, where each
statement stands for itself."""

import contextlib
import datetime
import itertools
import os
import time
from unittest import mock

from bookings.models import Badge, Locker, Member
from claimed import left_over, problems
from django.db import DatabaseError, IntegrityError, connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import TransactionTestCase, tag
from places import as_cluster
from settings import CLUSTER
from steps import crashed_before, interrupted_at

from django_cassandra_backend import claim_check, claims, sequences
from django_cassandra_backend.cursor import Cursor
from django_cassandra_backend.exceptions import ClaimPending
from django_cassandra_backend.uniques import uniques_of

TRIES = 4  # of a write that waits for a claim
#: All pairs of writes take some minutes; they run when a long run is asked for, as in test_claim_races.py.
IS_LONG = int(os.environ.get("BACKEND_TEST_ROUNDS", "0")) >= 100
#: On a node, where each step takes its time, one of so many steps and pairs is tried; a file has shown them all.
STRIDE = 10 if CLUSTER and not IS_LONG else 1


def member(n, name="a", **values):
    return Member.objects.create(
        username=f"{name}{n}", email=f"{name}{n}@x.org", club=f"{name}{n}", number=n, **values
    )


def names_of(n, letters) -> list[tuple]:
    """(model, values of a new row that wants one of the values that a write has to do with)"""
    found = [(Member, {"username": f"{letter}{n}"}) for letter in letters]
    mail = {"username": f"by mail {n}", "email": f"{letters[0]}{n}@x.org"}
    return [*found, (Member, mail)]


class Crashing(TransactionTestCase):
    """A write ends before its first, its second … statement. Whoever wants its values afterwards gets them, unless a row holds
    them: at once, or when the grace is over."""

    models = (Member,)
    is_twin = False  # may a row stand under two keys?

    def setUp(self):
        stack = contextlib.ExitStack()
        stack.enter_context(as_cluster(write_attempts=TRIES))
        self.addCleanup(stack.close)

    def crash_everywhere(self, prepare, write, wanted):
        """prepare(n) makes the rows of the n-th run; write(made) is what ends early; wanted(n) as names_of()."""
        numbers = itertools.count(1)
        for first, side in ((1, "first"), (2, "last")):
            for step in itertools.count(first, STRIDE):
                n = next(numbers)
                made, before = prepare(n), left_over(*self.models)
                try:
                    ended, together = crashed_before(step, lambda made=made: write(made), side)
                    self.look_around(wanted(n))
                except AssertionError as error:
                    self.fail(f"after a crash before statement {step} ({side} of many): {error}")
                self.assertLess(step, 200)
                if not ended:
                    self.assertEqual(left_over(*self.models), before)
                    break
            if not together:  # it makes no difference which of them arrive
                break
        self.repair()

    def repair(self):
        """`manage.py cql check-claims --repair` has nothing to set right but claims that were left over."""
        with mock.patch.object(claims, "GRACE", -1.0):
            for model in self.models:
                for one in uniques_of(model, connection):
                    check = claim_check.ClaimCheck(connection, one, repair=True)
                    check.run()
                    self.assertEqual(check.missing, [])
                    if not self.is_twin:
                        self.assertEqual(check.duplicates, [])
        self.assertEqual(left_over(*self.models), [])

    def look_around(self, wanted):
        self.check()
        self.ask_for(*wanted[0], may_wait=True)
        with mock.patch.object(claims, "GRACE", -1.0):
            for model, values in wanted:
                self.ask_for(model, values, may_wait=False)

    def check(self):
        found = problems(*self.models)
        if self.is_twin:
            found = [text for text in found if "is held by" not in text]
        self.assertEqual(found, [])

    def ask_for(self, model, values, *, may_wait):
        """Make a row that wants a value. It is refused exactly when a row holds that."""
        *_, (name, value) = values.items()
        with connection.lift_scan_budget():
            is_held = model.objects.filter(**{name: value}).exists()
        self.assertEqual(is_held, value in model.objects.values_list(name, flat=True))
        more = {Locker: {"hall": "z", "number": 1}, Badge: {"city": "z"}}.get(model, {})
        try:
            row = model.objects.create(**more, **values)
        except IntegrityError:
            self.assertTrue(is_held, f"{value!r} is refused, and no row holds it")
        except ClaimPending:
            self.assertTrue(may_wait, f"{value!r} is not to be had after the grace")
            self.assertFalse(is_held)
        else:
            self.assertFalse(is_held, f"{value!r} is held twice")
            row.delete()
        self.check()


@tag("long")
class CrashTests(Crashing):
    def test_create(self):
        self.crash_everywhere(lambda n: n, member, lambda n: names_of(n, "a"))

    def test_create_under_another_id(self):
        """The id that was reserved is taken by a row that the counter has not heard of."""

        def prepare(n):
            other = member(n, "z")
            with connection.cursor() as cursor:
                table = Member._meta.db_table
                cursor.execute(
                    f'UPDATE "{sequences.TABLE}" SET next = %s WHERE name = %s IF EXISTS',
                    [other.pk, table],
                )
                sequences.forget(cursor.cursor, table)
            return n

        self.crash_everywhere(prepare, member, lambda n: names_of(n, "az"))

    def test_bulk_create(self):
        def write(n):
            Member.objects.bulk_create(
                Member(username=f"{letter}{n}", email=f"{letter}{n}@x.org") for letter in "abc"
            )

        self.crash_everywhere(lambda n: n, write, lambda n: names_of(n, "abc"))

    def test_bulk_create_that_is_refused(self):
        """The last row has a key that is taken."""

        def write(made):
            rows = [Member(username=f"{letter}{made.number}") for letter in "abc"]
            rows[-1].pk = made.pk
            with contextlib.suppress(IntegrityError):
                Member.objects.bulk_create(rows)

        self.crash_everywhere(lambda n: member(n, "z"), write, lambda n: names_of(n, "abcz"))

    def test_bulk_create_that_skips(self):
        def write(made):
            rows = [Member(username=f"{letter}{made.number}") for letter in "azba"]
            Member.objects.bulk_create(rows, ignore_conflicts=True)

        self.crash_everywhere(lambda n: member(n, "z"), write, lambda n: names_of(n, "abz"))

    def test_bulk_create_that_updates(self):
        def write(made):
            rows = [
                Member(pk=made.pk, username=f"b{made.number}"),
                Member(pk=10**6 + made.pk, username=f"a{made.number}"),
            ]
            Member.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["pk"], update_fields=["username"]
            )

        self.crash_everywhere(member, write, lambda n: names_of(n, "ab"))

    def test_save(self):
        def write(made):
            made.username, made.email = f"b{made.number}", f"b{made.number}@x.org"
            made.save()

        self.crash_everywhere(member, write, lambda n: names_of(n, "ab"))

    def test_a_change_that_is_refused(self):
        def write(made):
            with contextlib.suppress(IntegrityError):
                Member.objects.filter(pk=made.pk).update(
                    username=f"b{made.number}", email=f"z{made.number}@x.org"
                )

        def prepare(n):
            member(n, "z")
            return member(n)

        self.crash_everywhere(prepare, write, lambda n: names_of(n, "abz"))

    def test_update_of_many(self):
        def prepare(n):
            return [member(n, letter).pk for letter in "abc"]

        def write(made):
            Member.objects.filter(pk__in=made).update(
                username=Concat(Value("x"), "username"), email=None
            )

        self.crash_everywhere(
            prepare, write, lambda n: names_of(n, ["a", "b", "c", "xa", "xb", "xc"])
        )

    def test_delete(self):
        self.crash_everywhere(member, lambda made: made.delete(), lambda n: names_of(n, "a"))

    def test_delete_of_many(self):
        def prepare(n):
            return [member(n, letter).pk for letter in "abc"]

        def write(made):
            Member.objects.filter(pk__in=made).delete()

        self.crash_everywhere(prepare, write, lambda n: names_of(n, "abc"))


@tag("long")
class MoveCrashTests(Crashing):
    """Rows whose key changes: a crash may leave one under both of its keys, and its value is claimed for one of them."""

    models = (Locker, Badge)
    is_twin = True

    def test_a_move(self):
        self.crash_everywhere(
            lambda n: Locker.objects.create(hall=f"h{n}", number=1, holder=f"a{n}"),
            lambda made: Locker.objects.filter(pk=made.pk).update(number=2),
            lambda n: [(Locker, {"holder": f"a{n}"})],
        )

    def test_a_move_with_another_value(self):
        self.crash_everywhere(
            lambda n: Locker.objects.create(hall=f"h{n}", number=1, holder=f"a{n}"),
            lambda made: Locker.objects.filter(pk=made.pk).update(
                number=2, holder=Concat(Value("b"), "holder")
            ),
            lambda n: [(Locker, {"holder": f"a{n}"}), (Locker, {"holder": f"ba{n}"})],
        )

    def test_a_move_beside_a_physical_key(self):
        def write(made):
            made.city, made.code = "Rome", f"b{made.code}"
            made.save()

        self.crash_everywhere(
            lambda n: Badge.objects.create(city="Oslo", code=f"a{n}"),
            write,
            lambda n: [(Badge, {"code": f"a{n}"}), (Badge, {"code": f"ba{n}"})],
        )

    def test_a_move_to_a_key_that_is_taken(self):
        def prepare(n):
            Locker.objects.create(hall=f"h{n}", number=2, holder=f"z{n}")
            return Locker.objects.create(hall=f"h{n}", number=1, holder=f"a{n}")

        def write(made):
            with contextlib.suppress(IntegrityError):
                Locker.objects.filter(pk=made.pk).update(number=2)

        self.crash_everywhere(
            prepare, write, lambda n: [(Locker, {"holder": f"a{n}"}), (Locker, {"holder": f"z{n}"})]
        )


@tag("long")
class InterleavingTests(TransactionTestCase):
    """Another write comes as a whole before the first, the second … statement of a write. Both are told the truth, and the rows are
    what they would be if one had come after the other, or if one that was told so had not come at all."""

    def setUp(self):
        stack = contextlib.ExitStack()
        stack.enter_context(as_cluster(write_attempts=TRIES))
        self.addCleanup(stack.close)

    def rows(self, n) -> list[tuple]:
        """The rows of a run, without what tells runs apart."""
        found = Member.objects.filter(club=f"{n}").values_list("username", "note")
        with connection.lift_scan_budget():
            return sorted((name.removesuffix(f" {n}"), note) for name, note in found)

    def run_pair(self, n, first, second, step=None) -> tuple:
        """(what the first was told, what the second was told, the rows). step: of the first, before which the second comes; None:
        it comes after the first."""
        club = f"{n}"
        rows = [
            Member.objects.create(username=f"{name} {n}", club=club, number=i)
            for i, name in enumerate(["a", "z"])
        ]
        answers = []
        if step is None:
            return told(lambda: first(n, *rows)), told(lambda: second(n, *rows)), self.rows(n)
        answer, ran = interrupted_at(
            step,
            lambda: told(lambda: first(n, *rows)),
            lambda: answers.append(told(lambda: second(n, *rows))),
        )
        return (answer, answers[0], self.rows(n)) if ran else None

    WRITES = {
        "rename a to b": lambda n, a, z: rename(n, a, "b"),
        "rename a to c": lambda n, a, z: rename(n, a, "c"),
        "rename a to b and back": lambda n, a, z: (rename(n, a, "b"), rename(n, a, "a")),
        "rename z to b": lambda n, a, z: rename(n, z, "b"),
        "rename z to a": lambda n, a, z: rename(n, z, "a"),
        "save a as b": lambda n, a, z: save(n, a, "b"),
        "note on a": lambda n, a, z: Member.objects.filter(pk=a.pk).update(note="x"),
        "delete a": lambda n, a, z: Member.objects.filter(pk=a.pk).delete()[0],
        "create a": lambda n, a, z: create(n, "a"),
        "create b": lambda n, a, z: create(n, "b"),
        "create b under the key of a": lambda n, a, z: create(n, "b", pk=a.pk),
        "delete a and create it again": lambda n, a, z: (
            Member.objects.filter(pk=a.pk).delete()[0],
            create(n, "a", pk=a.pk),
        ),
        "create b or skip it": lambda n, a, z: skip(n, "b"),
    }
    #: Of several writes: others may come between them, and then the pair has more than two orders.
    COMPOUND = {"rename a to b and back", "delete a and create it again"}
    #: Those that run by default.
    PAIRS = (
        ("rename a to b", "rename a to b"),
        ("rename a to b", "rename a to c"),
        ("rename a to b", "rename a to b and back"),
        ("rename a to b", "rename z to b"),
        ("rename a to b", "rename z to a"),
        ("rename a to b", "create a"),
        ("rename a to b", "create b or skip it"),
        ("rename a to b", "delete a and create it again"),
        ("save a as b", "create b"),
        ("delete a", "rename a to b"),
        ("delete a", "delete a and create it again"),
        ("create b under the key of a", "rename a to b"),
        ("create b", "create b"),
        ("create b or skip it", "rename z to b"),
    )

    def test_pairs(self):
        pairs = itertools.product(self.WRITES, repeat=2) if IS_LONG else self.PAIRS[::STRIDE]
        for name, other in pairs:
            if name not in self.COMPOUND:
                with self.subTest(write=name, other=other):
                    self.interleave(name, other)
                self.empty()

    def interleave(self, name, other):
        numbers = itertools.count(1)
        first, second = self.WRITES[name], self.WRITES[other]
        came_first, came_last, rows = self.run_pair(next(numbers), second, first)
        orders = [self.run_pair(next(numbers), first, second), (came_last, came_first, rows)]
        alone = [self.run_pair(next(numbers), *pair) for pair in ((first, idle), (idle, second))]
        for step in itertools.count(1):
            found = self.run_pair(next(numbers), first, second, step)
            if found is None:
                break
            with self.subTest(step=step):
                self.assertEqual(problems(Member), [])
                waited = {"ClaimPending", "WriteContention"} & set(found[:2])
                if other not in self.COMPOUND:
                    self.assert_in_order(found, orders, alone)
                    self.assertEqual(left_over(Member), [])
                elif not waited:  # if it waited in vain, a part of it was done
                    self.assertIn(found, orders)

    def assert_in_order(self, found, orders, alone):
        refused = ("ClaimPending", "WriteContention")
        first, second, rows = found
        if first in refused:
            self.assertEqual((second, rows), alone[1][1:])
        elif second in refused:
            self.assertEqual((first, rows), (alone[0][0], alone[0][2]))
        else:
            self.assertIn(found, orders)

    def empty(self):
        tables = [Member._meta.db_table, *(one.table for one in uniques_of(Member, connection))]
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f'TRUNCATE "{table}"')


class MoveInterleavingTests(TransactionTestCase):
    """Another write comes between two statements of a move. A row may be found under two keys meanwhile; not in the end."""

    WRITES = {
        "another move": lambda n: Locker.objects.filter(pk=(f"{n}", 1)).update(number=3),
        "the same move": lambda n: Locker.objects.filter(pk=(f"{n}", 1)).update(number=2),
        "another value": lambda n: Locker.objects.filter(pk=(f"{n}", 1)).update(holder=f"b{n}"),
        "delete": lambda n: Locker.objects.filter(pk=(f"{n}", 1)).delete(),
        "delete at the new key": lambda n: Locker.objects.filter(pk=(f"{n}", 2)).delete(),
        "create": lambda n: Locker.objects.create(hall=f"{n}", number=7, holder=f"a{n}"),
    }

    def test_moves(self):
        numbers = itertools.count(1)
        for values in ({"number": 2}, {"number": 2, "holder": Concat(Value("c"), "holder")}):
            for name, other in self.WRITES.items():
                with self.subTest(name, values=list(values)), as_cluster(write_attempts=TRIES):
                    self.interleave(numbers, values, other)

    def interleave(self, numbers, values, other):
        for step in itertools.count(1):
            n = next(numbers)
            Locker.objects.create(hall=f"{n}", number=1, holder=f"a{n}")
            mine = Locker.objects.filter(pk=(f"{n}", 1))
            _, ran = interrupted_at(
                step,
                lambda mine=mine: told(lambda: mine.update(**values)),
                lambda n=n: told(lambda: other(n)),
            )
            if not ran:
                break
            with self.subTest(step=step):
                self.assertEqual(problems(Locker), [])


class LateTests(TransactionTestCase):
    """Writers that are held up for longer than the grace, and those who take their claims over."""

    def setUp(self):
        stack = contextlib.ExitStack()
        stack.enter_context(as_cluster(write_attempts=TRIES))
        self.addCleanup(stack.close)

    def test_a_row_that_comes_while_its_claim_is_taken_over(self):
        """One of the two has the value, whatever the other has looked at before."""
        unique = next(u for u in uniques_of(Member, connection) if u.columns == ("username",))
        for n in itertools.count(1):
            row, ago = {"id": 10**6 + n, "username": f"a{n}"}, claims.GRACE + 1
            claim = claims.Claim(unique, unique.of(row), row, connection.ops.quote_name)
            text, values = claim.begin()
            claim.made = tuple(clock - ago for clock in claim.made)
            values[-1] -= datetime.timedelta(seconds=ago)
            kept = []

            def finish(cursor, row=row, claim=claim, kept=kept):
                text = 'INSERT INTO "bookings_member" (id, username, club) VALUES (?, ?, ?) IF NOT EXISTS'
                cursor.send(text, [*row.values(), ""])
                kept.append(claims.lost(cursor, [claim]) == [])

            with connection.cursor() as wrapper:
                cursor = wrapper.cursor
                cursor.send(text, values)
                name = row["username"]
                answer, ran = interrupted_at(
                    n,
                    lambda name=name: told(lambda: Member.objects.create(username=name)),
                    lambda cursor=cursor, finish=finish: finish(cursor),
                )
            if not ran:
                break
            self.assertEqual(kept, [answer == "IntegrityError"], f"before statement {n}")

    def interrupt_and_hold_up(self, write, other):
        """Before each of its statements in turn a writer is held up for so long that another one takes its claims over."""
        for n in itertools.count(1):
            stack = contextlib.ExitStack()
            taken = []

            def hold_up(n=n, stack=stack, taken=taken):
                with mock.patch.object(claims, "GRACE", -1.0):
                    taken.append(told(lambda: other(n)))
                stack.enter_context(mock.patch.object(claims, "LATE", -1.0))

            made = member(n)
            with stack:
                answer, ran = interrupted_at(
                    n, lambda made=made: told(lambda: write(made)), hold_up
                )
            if not ran:
                break
            with self.subTest(step=n, told=answer, other=taken):
                self.assertEqual(problems(Member), [])
                self.assertNotEqual(answer in ("1", "None"), taken == ["None"])

    def test_a_late_create(self):
        def write(made):
            Member.objects.create(username=f"b{made.number}")

        self.interrupt_and_hold_up(
            write, lambda n: told_nothing(Member.objects.create(username=f"b{n}"))
        )

    def test_a_late_change(self):
        def write(made):
            return Member.objects.filter(pk=made.pk).update(username=f"b{made.number}")

        self.interrupt_and_hold_up(
            write, lambda n: told_nothing(Member.objects.create(username=f"b{n}"))
        )

    def test_a_machine_that_sleeps(self):
        """One of the clocks stands still then; and the other may be set back."""
        unique = uniques_of(Locker, connection)[0]
        row = {"hall": "x", "number": 1, "holder": "a"}
        claim = claims.Claim(unique, unique.of(row), row, connection.ops.quote_name)
        claim.begin()
        self.assertFalse(claim.is_late)
        for clock in ("time", "monotonic"):
            now = getattr(time, clock)()
            with mock.patch.object(time, clock, lambda now=now: now + claims.LATE + 1):
                self.assertTrue(claim.is_late)
        with mock.patch.object(time, "time", lambda: 0.0):
            self.assertFalse(claim.is_late)

    def test_a_row_that_moves_is_not_taken_for_missing(self):
        """A look-up through an index passes by a row on the move, at its new place too early and at its old one too late."""
        Badge.objects.create(city="Oslo", code="x")
        real, passed = Cursor.send, []

        class Nothing:
            warnings = ()

            def all(self):
                return []

        def send(cursor, cql, *args, **options):
            if (
                not passed
                and cql.startswith("SELECT")
                and 'FROM "bookings_badge" WHERE "id" = ?' in cql
            ):
                passed.append(cql)
                return Nothing()
            return real(cursor, cql, *args, **options)

        with (
            mock.patch.object(claims, "GRACE", -1.0),
            mock.patch.object(Cursor, "send", send),
            self.assertRaises(IntegrityError),
        ):
            Badge.objects.create(city="Rome", code="x")
        self.assertEqual(len(passed), 1)


class SkippedTests(TransactionTestCase):
    """bulk_create(ignore_conflicts=True), on a file as on a cluster: a row that is skipped is in nobody's way."""

    def check(self, rows, expected):
        for options in ({}, {"write_attempts": TRIES}):
            with (
                self.subTest(options=options),
                as_cluster() if options else contextlib.nullcontext(),
            ):
                Member.objects.all().delete()
                Member.objects.create(username="z", seat=9)
                Member.objects.bulk_create([Member(**row) for row in rows], ignore_conflicts=True)
                found = Member.objects.exclude(username="z").values_list("username", "seat")
                self.assertEqual(sorted(found), expected)
                self.assertEqual(problems(Member), [])
                self.assertEqual(left_over(Member), [])

    def test_behind_a_row_that_is_skipped(self):
        self.check(
            [
                {"username": "a", "seat": 9},
                {"username": "a", "seat": 1},
                {"username": "b", "seat": 1},
            ],
            [("a", 1)],
        )
        self.check(
            [
                {"username": "a", "seat": 1},
                {"username": "a", "seat": 2},
                {"username": "b", "seat": 2},
            ],
            [("a", 1), ("b", 2)],
        )

    def test_an_id_that_is_taken(self):
        """The counter has not heard of a row; the others are inserted all the same."""
        with as_cluster():
            made = member(0, "y")
            with connection.cursor() as cursor:
                cursor.execute(
                    f'UPDATE "{sequences.TABLE}" SET next = %s WHERE name = %s IF EXISTS',
                    [made.pk, Member._meta.db_table],
                )
                sequences.forget(cursor.cursor, Member._meta.db_table)
            Member.objects.bulk_create(
                [Member(username=name) for name in "ab"], ignore_conflicts=True
            )
        self.assertEqual(set(Member.objects.values_list("username", flat=True)), {"y0", "a", "b"})
        self.assertEqual(problems(Member), [])


def told(write) -> str:
    """What a write is told, as far as it counts."""
    try:
        return str(write())
    except DatabaseError as error:
        return type(error).__name__


def told_nothing(row) -> None:
    """A row that was made says nothing but that."""


def idle(n, a, z):
    """No write."""


def rename(n, row, name):
    return Member.objects.filter(pk=row.pk).update(username=f"{name} {n}")


def save(n, row, name):
    row.username = f"{name} {n}"
    row.save(force_update=True)


def create(n, name, **key):
    Member.objects.create(username=f"{name} {n}", club=f"{n}", **key)


def skip(n, name):
    Member.objects.bulk_create([Member(username=f"{name} {n}", club=f"{n}")], ignore_conflicts=True)
