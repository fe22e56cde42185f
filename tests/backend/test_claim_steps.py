"""Unique values when a write ends in the middle, or others come between two of its statements: as a cluster writes, where each
statement stands for itself."""

import contextlib
import itertools
from unittest import mock

from bookings.models import Badge, Locker, Member
from claimed import left_over, problems
from django.db import IntegrityError, connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import TransactionTestCase
from places import as_cluster
from steps import crashed_before, interrupted_at

from django_cassandra_backend import claims, sequences
from django_cassandra_backend.exceptions import ClaimPending, WriteContention

TRIES = 4  # of a write that waits for a claim


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
        for side in ("first", "last"):
            for step in itertools.count(1):
                n = next(numbers)
                made, before = prepare(n), left_over(*self.models)
                try:
                    ended = crashed_before(step, lambda made=made: write(made), side)
                    self.look_around(wanted(n))
                except AssertionError as error:
                    self.fail(f"after a crash before statement {step} ({side} of many): {error}")
                self.assertLess(step, 200)
                if not ended:
                    self.assertEqual(left_over(*self.models), before)
                    break

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

        self.crash_everywhere(prepare, write, lambda n: [(Locker, {"holder": f"a{n}"}), (Locker, {"holder": f"z{n}"})])


class InterleavingTests(TransactionTestCase):
    """Another write comes as a whole before the first, the second … statement of a write. Both are told the truth, and the rows are
    what they would be if one had come after the other, or if one that was told so had not come at all."""

    def setUp(self):
        stack = contextlib.ExitStack()
        stack.enter_context(as_cluster(write_attempts=TRIES))
        self.addCleanup(stack.close)

    def told(self, write) -> str:
        """What a write is told, as far as it counts."""
        try:
            return str(write())
        except (IntegrityError, ClaimPending, WriteContention) as error:
            return type(error).__name__

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
        told = []
        if step is None:
            return self.told(lambda: first(n, *rows)), self.told(lambda: second(n, *rows)), self.rows(n)
        answer, ran = interrupted_at(
            step,
            lambda: self.told(lambda: first(n, *rows)),
            lambda: told.append(self.told(lambda: second(n, *rows))),
        )
        return (answer, told[0], self.rows(n)) if ran else None

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

    def test_all_pairs(self):
        numbers = itertools.count(1)
        for (name, first), (other, second) in itertools.product(self.WRITES.items(), repeat=2):
            if name in self.COMPOUND:
                continue
            n = next(numbers)
            forth = self.run_pair(n, first, second)
            n = next(numbers)
            told, before, rows = self.run_pair(n, second, first)
            orders = [forth, (before, told, rows)]
            alone = [self.run_pair(next(numbers), *pair) for pair in ((first, idle), (idle, second))]
            for step in itertools.count(1):
                n = next(numbers)
                try:
                    found = self.run_pair(n, first, second, step)
                    if found is None:
                        break
                    self.assert_in_order(found, orders, alone)
                    self.assertEqual(problems(Member), [])
                except AssertionError as error:
                    print(f"{other!r} before statement {step} of {name!r}: {error}")

    def assert_in_order(self, found, orders, alone):
        if found in orders:
            return
        refused = ("ClaimPending", "WriteContention")
        told, before, rows = found
        if told in refused:
            self.assertEqual((before, rows), alone[1][1:])
        elif before in refused:
            self.assertEqual((told, rows), (alone[0][0], alone[0][2]))
        else:
            self.assertIn(found, orders)


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
