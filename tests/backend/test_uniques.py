"""What is unique beside the primary key: claims keep it. Each test runs on a file, and on a cluster."""

import datetime
import io
import uuid
from unittest import mock

from bookings.models import Badge, Landmark, Locker, Member, Tag
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.forms import modelform_factory
from django.test import TransactionTestCase

from django_cassandra_backend import claims
from django_cassandra_backend.cursor import Cursor
from django_cassandra_backend.exceptions import ClaimPending
from django_cassandra_backend.uniques import uniques_of


def claimed(model, name) -> set:
    """The owners that a constraint's claims name."""
    (unique,) = [u for u in uniques_of(model, connection) if u.name == name]
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT owner_0 FROM "{unique.table}"')
        return sorted(row[0] for row in cursor.fetchall())


USERNAME = "bookings_member_username_uniq"


class ClaimTestCase(TransactionTestCase):
    def make(self, username, **values):
        return Member.objects.create(username=username, **values)

    def unique(self, name):
        return next(u for u in uniques_of(Member, connection) if u.name == name)

    def claim(self, username, seconds_ago, owner):
        """A claim whose row was never written, or has gone."""
        unique = self.unique(USERNAME)
        row = {"id": owner, "username": username}
        claim = claims.Claim(unique, unique.of(row), row, connection.ops.quote_name)
        text, values = claim.begin()
        values[-1] -= datetime.timedelta(seconds=seconds_ago)
        with connection.cursor() as cursor:
            cursor.cursor.send(text, values)
        return claim


class ClaimTests(ClaimTestCase):
    def test_a_value_is_taken_once(self):
        self.make("ann")
        with self.assertRaisesMessage(IntegrityError, f"'{USERNAME}': username = 'ann'"):
            self.make("ann")
        self.assertEqual(Member.objects.count(), 1)
        self.assertEqual(len(claimed(Member, USERNAME)), 1)

    def test_a_refused_row_claims_nothing(self):
        self.make("ann", seat=1)
        with self.assertRaisesMessage(IntegrityError, "member_active_seat"):
            self.make("bob", seat=1)
        self.make("bob", seat=2)

    def test_a_taken_key_frees_what_was_claimed(self):
        ann = self.make("ann")
        with self.assertRaisesMessage(IntegrityError, f"id = {ann.pk}"):
            Member.objects.create(pk=ann.pk, username="bob")
        self.make("bob")

    def test_nulls_are_distinct_unless_they_are_not(self):
        self.make("ann", email=None, number=None)
        self.make("bob", email=None, number=None)
        Locker.objects.create(hall="a", number=1)
        with self.assertRaisesMessage(IntegrityError, "locker_holder_once"):
            Locker.objects.create(hall="a", number=2)

    def test_several_columns(self):
        self.make("ann", club="x", number=1)
        self.make("bob", club="x", number=2)
        with self.assertRaisesMessage(IntegrityError, "club = 'x', number = 2"):
            self.make("cat", club="x", number=2)

    def test_an_expression(self):
        self.make("ann", email="A@x.org")
        with self.assertRaisesMessage(IntegrityError, "member_email_once"):
            self.make("bob", email="a@X.org")

    def test_a_condition(self):
        self.make("ann", seat=1)
        bob = self.make("bob", seat=1, is_active=False)
        with self.assertRaisesMessage(IntegrityError, "member_active_seat"):
            Member.objects.filter(pk=bob.pk).update(is_active=True)
        Member.objects.filter(username="ann").update(is_active=False)
        self.assertEqual(Member.objects.filter(pk=bob.pk).update(is_active=True), 1)

    # --- changes ---

    def test_a_change_claims_the_new_and_frees_the_old(self):
        ann = self.make("ann")
        ann.username = "eve"
        ann.save()
        self.make("ann")
        with self.assertRaises(IntegrityError):
            self.make("eve")
        self.assertEqual(Member.objects.get(pk=ann.pk).username, "eve")

    def test_a_refused_change_leaves_the_row(self):
        self.make("ann")
        bob = self.make("bob")
        bob.username, bob.note = "ann", "new"
        with self.assertRaises(IntegrityError):
            bob.save()
        stored = Member.objects.get(pk=bob.pk)
        self.assertEqual((stored.username, stored.note), ("bob", ""))
        self.make("cat")

    def test_to_null_and_back(self):
        ann = self.make("ann", email="a@x.org")
        Member.objects.filter(pk=ann.pk).update(email=None)
        bob = self.make("bob", email="a@x.org")
        with self.assertRaises(IntegrityError):
            Member.objects.filter(pk=ann.pk).update(email="A@x.org")
        bob.delete()
        self.assertEqual(Member.objects.filter(pk=ann.pk).update(email="A@x.org"), 1)

    def test_an_update_of_many(self):
        for name in ("a", "b", "c"):
            self.make(name)
        self.assertEqual(Member.objects.update(username=Concat("username", Value("2"))), 3)
        self.assertEqual(set(Member.objects.values_list("username", flat=True)), {"a2", "b2", "c2"})
        self.make("a")
        with self.assertRaises(IntegrityError):
            self.make("a2")

    def test_an_update_that_makes_all_alike_changes_none(self):
        for name in ("a", "b"):
            self.make(name)
        with self.assertRaises(IntegrityError):
            Member.objects.update(username="same")
        self.assertEqual(set(Member.objects.values_list("username", flat=True)), {"a", "b"})

    def test_an_update_of_other_columns_asks_for_no_claim(self):
        self.make("ann", number=1)
        self.assertEqual(Member.objects.filter(number__gte=0).update(note="x"), 0 + 1)

    def test_computed_values(self):
        self.make("ann", number=1)
        self.make("bob", number=5)
        with self.assertRaises(IntegrityError):
            Member.objects.filter(username="ann").update(number=F("number") + 4)
        self.assertEqual(Member.objects.filter(username="ann").update(number=F("number") + 3), 1)

    def test_bulk_update(self):
        rows = [self.make(name) for name in "abc"]
        for row in rows:
            row.username += "!"
        self.assertEqual(Member.objects.bulk_update(rows, ["username"]), 3)
        with self.assertRaises(IntegrityError):
            self.make("a!")
        self.make("a")

    def test_a_key_that_changes_takes_its_claims_along(self):
        Locker.objects.create(hall="a", number=1, holder="ann")
        Locker.objects.filter(pk=("a", 1)).update(number=2)
        with self.assertRaises(IntegrityError):
            Locker.objects.create(hall="b", number=1, holder="ann")
        self.assertEqual(Locker.objects.get(holder="ann").pk, ("a", 2))

    def test_beside_a_physical_key(self):
        badge = Badge.objects.create(city="Oslo", code="x")
        with self.assertRaises(IntegrityError):
            Badge.objects.create(city="Rome", code="x")
        badge.city = "Rome"
        badge.save()
        with self.assertRaises(IntegrityError):
            Badge.objects.create(city="Oslo", code="x")
        badge.code = "y"
        badge.save()
        Badge.objects.create(city="Oslo", code="x")
        badge.delete()
        Badge.objects.create(city="Oslo", code="y")

    def test_a_primary_key_beside_a_physical_key(self):
        Landmark.objects.create(name="tower", city="Paris")
        with self.assertRaisesMessage(IntegrityError, "name = 'tower'"):
            Landmark.objects.create(name="tower", city="Oslo")
        Landmark(name="tower", city="Oslo", height=3).save()
        self.assertEqual(Landmark.objects.get().height, 3)
        Landmark.objects.bulk_create(
            [Landmark(name="tower", city="Rome"), Landmark(name="arch", city="Rome")],
            ignore_conflicts=True,
        )
        self.assertEqual(Landmark.objects.count(), 2)
        Landmark.objects.get(pk="tower").delete()
        Landmark.objects.create(name="tower", city="Rome")

    def test_one_to_one(self):
        ann = self.make("ann")
        badge = Badge.objects.create(city="Oslo", code="x", member=ann)
        with self.assertRaises(IntegrityError):
            Badge.objects.create(city="Oslo", code="y", member=ann)
        self.assertEqual(Member.objects.get(pk=ann.pk).badge, badge)
        Badge.objects.create(city="Oslo", code="y")
        Badge.objects.create(city="Oslo", code="z")

    # --- deletes ---

    def test_a_delete_frees(self):
        for name in ("a", "b"):
            self.make(name, email=f"{name}@x.org")
        Member.objects.get(username="a").delete()
        self.make("a", email="A@x.org")
        self.assertEqual(Member.objects.all().delete()[0], 2)
        self.assertEqual(claimed(Member, USERNAME), [])
        self.assertEqual(claimed(Member, "member_email_once"), [])

    # --- many at once ---

    def test_bulk_create(self):
        made = Member.objects.bulk_create(Member(username=f"m{i}") for i in range(1200))
        self.assertEqual(claimed(Member, USERNAME), sorted(row.pk for row in made))
        with self.assertRaises(IntegrityError):
            self.make("m1199")

    def test_bulk_create_makes_all_or_none(self):
        self.make("b")
        for rows in (["a", "b", "c"], ["a", "c", "a"]):
            with self.assertRaises(IntegrityError):
                Member.objects.bulk_create(Member(username=name) for name in rows)
            self.assertEqual(Member.objects.count(), 1)
        self.make("a")
        self.make("c")

    def test_bulk_create_skips_what_is_taken(self):
        self.make("b", seat=1)
        rows = [
            Member(username="a"),
            Member(username="b"),
            Member(username="a"),
            Member(username="c", seat=1),
            Member(username="d", seat=2),
        ]
        Member.objects.bulk_create(rows, ignore_conflicts=True)
        names = sorted(Member.objects.values_list("username", flat=True))
        self.assertEqual(names, ["a", "b", "d"])
        self.make("c")

    def test_bulk_create_updates_what_is_there(self):
        ann, bob = self.make("ann", note="old"), self.make("bob")
        rows = [
            Member(pk=ann.pk, username="eve", note="new"),
            Member(pk=bob.pk + 100, username="ann", note="new"),
        ]
        Member.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["pk"], update_fields=["username", "note"]
        )
        found = dict(Member.objects.values_list("username", "note"))
        self.assertEqual(found, {"eve": "new", "bob": "", "ann": "new"})
        with self.assertRaises(IntegrityError):
            Member.objects.bulk_create(
                [Member(pk=ann.pk, username="bob")],
                update_conflicts=True,
                unique_fields=["pk"],
                update_fields=["username"],
            )

    def test_get_or_create_and_update_or_create(self):
        for _ in range(2):
            ann, _ = Member.objects.get_or_create(username="ann", defaults={"note": "x"})
        ann, created = Member.objects.update_or_create(username="ann", defaults={"note": "y"})
        self.assertEqual((created, ann.note, Member.objects.count()), (False, "y", 1))

    # --- reads and forms ---

    def test_forms_say_it_first(self):
        self.make("ann", email="a@x.org", seat=3, club="x", number=1)
        form = modelform_factory(Member, fields=["username", "club", "number", "seat"])(
            {"username": "ann", "club": "x", "number": "1", "seat": "4"}
        )
        self.assertEqual(set(form.errors), {"username", "__all__"})
        with self.assertRaisesMessage(ValidationError, "member_email_once"):
            Member(username="bob", email="A@X.org").full_clean(exclude=["club", "note"])
        Member.objects.get().full_clean(exclude=["note"])

    def test_a_value_finds_its_row_by_two_reads(self):
        ann = self.make("ann", club="x", number=1)
        for found in ({"username": "ann"}, {"club": "x", "number": 1}):
            with connection.cursor() as wrapper:
                plan, _ = Member.objects.filter(**found).query.get_compiler("default").as_sql()
                plan.run(cursor := wrapper.cursor)
                self.assertEqual([row[0] for row in cursor.fetchall()], [ann.pk])
        text = Member.objects.filter(username="ann").explain()
        self.assertIn("claims of unique values", text)
        self.assertEqual(Member.objects.filter(username__in=["ann", "bob"]).get(), ann)
        self.assertFalse(Member.objects.filter(username="bob").exists())
        self.assertEqual(Member.objects.filter(username="ann", note="y").count(), 0)

    # --- what a crash leaves ---

    def test_an_old_claim_without_a_row_is_taken_over(self):
        self.claim("ann", claims.GRACE + 1, 10**6)
        self.assertFalse(Member.objects.filter(username="ann").exists())
        ann = self.make("ann")
        self.assertEqual(claimed(Member, USERNAME), [ann.pk])
        bob = self.make("bob")
        self.claim("eve", claims.GRACE + 1, 10**6)
        self.assertEqual(Member.objects.filter(pk=bob.pk).update(username="eve"), 1)
        self.assertEqual(claimed(Member, USERNAME), [ann.pk, bob.pk])

    def test_a_young_claim_without_a_row_is_waited_for(self):
        attempts, self.settings_before = 8, connection.settings_dict["OPTIONS"]
        connection.settings_dict["OPTIONS"] = self.settings_before | {"write_attempts": attempts}
        self.addCleanup(connection.settings_dict.__setitem__, "OPTIONS", self.settings_before)
        self.claim("ann", 1, 10**6)
        bob = self.make("bob")
        for write in (
            lambda: self.make("ann"),
            lambda: Member.objects.bulk_create([Member(username="x"), Member(username="ann")]),
            lambda: Member.objects.filter(pk=bob.pk).update(username="ann"),
        ):
            with self.assertRaisesMessage(ClaimPending, "username = 'ann' is claimed"):
                write()
        self.assertEqual([row.username for row in Member.objects.all()], ["bob"])
        self.make("x")

    def test_an_old_claim_of_a_row_that_stands_is_kept(self):
        ann = self.make("ann")
        with connection.cursor() as cursor:
            table = self.unique(USERNAME).table
            (value,) = cursor.execute(f'SELECT value FROM "{table}"').one().values()
            cursor.execute(
                f'UPDATE "{table}" SET claimed = %s WHERE value = %s IF EXISTS',
                [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), value],
            )
        with self.assertRaises(IntegrityError):
            self.make("ann")
        self.assertEqual(claimed(Member, USERNAME), [ann.pk])


class ValueTests(TransactionTestCase):
    def test_values_that_are_equal_have_one_form(self):
        import decimal

        from django.utils.safestring import mark_safe

        from django_cassandra_backend.uniques import value_of

        utc, other = datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=2))
        moment = datetime.datetime(2024, 1, 1, tzinfo=utc)
        for one, same in (
            (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
            (decimal.Decimal("-0.0"), decimal.Decimal(0)),
            (decimal.Decimal("100"), decimal.Decimal("1e2")),
            (0.0, -0.0),
            ("x", mark_safe("x")),
            (moment, moment.astimezone(other)),
            (b"x", memoryview(b"x")),
        ):
            self.assertEqual(value_of([one], True), value_of([same], True), (one, same))
        different = [
            1,
            "1",
            b"1",
            True,
            1.5,
            "",
            uuid.UUID(int=1),
            decimal.Decimal(1),
            None,
            256,
            -1,
        ]
        self.assertEqual(len({value_of([v], False) for v in different}), len(different))
        self.assertNotEqual(value_of(["a", "bc"], True), value_of(["ab", "c"], True))
        self.assertIsNone(value_of(["a", None], True))


class CheckTests(ClaimTestCase):
    """manage.py cql check-claims"""

    def check(self, **options) -> str:
        out = io.StringIO()
        call_command("cql", "check-claims", "bookings.Member", stdout=out, **options)
        return out.getvalue()

    def cql(self, text, *values):
        with connection.cursor() as cursor:
            cursor.execute(text.replace("CLAIMS", self.unique(USERNAME).table), list(values))

    def test_all_is_well(self):
        Member.objects.bulk_create(Member(username=f"m{i}") for i in range(450))
        self.assertIn(f"{USERNAME}: 450 values of rows and 450 claims looked at.", self.check())
        with self.assertRaisesMessage(CommandError, "No installed app"):
            call_command("cql", "check-claims", "nowhere.Member", stdout=io.StringIO())

    def test_a_row_without_a_claim(self):
        ann = self.make("ann")
        self.cql('TRUNCATE "CLAIMS"')
        with self.assertRaisesMessage(CommandError, "--repair"):
            self.check()
        text = self.check(repair=True)
        self.assertIn(f"held without a claim (repaired): username = 'ann': id = {ann.pk}", text)
        self.check()
        with self.assertRaises(IntegrityError):
            self.make("ann")

    def test_claims_without_a_row(self):
        self.claim("old", claims.GRACE + 1, 10**6)
        self.claim("new", 1, 10**6 + 1)
        with self.assertRaises(CommandError):
            self.check()
        text = self.check(repair=True)
        self.assertIn("claim without a row (repaired): id = 1000000", text)
        self.assertIn("2 claims looked at, 1 of them at work", text)
        self.assertEqual(claimed(Member, USERNAME), [10**6 + 1])
        self.check()

    def test_two_rows_with_one_value(self):
        ann, bob = self.make("ann"), self.make("bob")
        self.cql(
            'UPDATE "bookings_member" SET username = %s WHERE id = %s IF EXISTS', "ann", bob.pk
        )
        for repair in (False, True):
            with self.assertRaises(CommandError):
                self.check(repair=repair)
        out = io.StringIO()
        with self.assertRaises(CommandError):
            call_command("cql", "check-claims", stdout=out)
        self.assertIn(
            f"held by two rows: username = 'ann': id = {ann.pk}, id = {bob.pk}", out.getvalue()
        )
        Member.objects.filter(pk=bob.pk).update(username="cat")
        self.check(repair=True)
        self.check()


class CostTests(ClaimTestCase):
    """What a call sends, counted by statement."""

    def sent(self, call) -> list[str]:
        """The first words of the statements: reads by their tables, writes by their verbs."""
        found, send, many, reads, chain = (
            [],
            Cursor.send,
            Cursor.send_many,
            Cursor.send_reads,
            Cursor.send_chain,
        )

        def note(text):
            kind = text.split()[0].lower()
            table = "claims" if "_uniq" in text else "rows"
            if "django_sequences" not in text:
                found.append(f"{kind} {table}")

        def spy(original, texts):
            def run(cursor, *args, **kwargs):
                for text in texts(args):
                    note(text)
                return original(cursor, *args, **kwargs)

            return run

        with (
            mock.patch.object(Cursor, "send", spy(send, lambda a: [a[0]])),
            mock.patch.object(Cursor, "send_many", spy(many, lambda a: [a[0]] * len(a[1]))),
            mock.patch.object(
                Cursor,
                "send_reads",
                spy(reads, lambda a: [a[0]] * len(a[1]) if len(a[1]) > 1 else []),
            ),
            mock.patch.object(Cursor, "send_chain", spy(chain, lambda a: [t for t, _ in a[0]])),
        ):
            call()
        return found

    def test_costs(self):
        badge = Badge(city="Oslo", code="x")
        self.assertEqual(sorted(self.sent(badge.save)), ["insert claims", "insert rows"])
        tag = Tag(name="a")
        self.assertEqual(sorted(self.sent(tag.save)), ["insert claims", "insert rows"])
        self.assertEqual(self.sent(tag.save), ["update rows"])
        self.assertEqual(
            self.sent(lambda: Tag.objects.get(name="a")), ["select claims", "select rows"]
        )
        tag.name = "b"
        self.assertEqual(
            sorted(self.sent(tag.save)),
            sorted(
                [
                    "update rows",  # if the name is what it was: it is not
                    "select rows",
                    "select claims",
                    "insert claims",
                    "update rows",
                    "delete claims",
                ]
            ),
        )
        self.assertEqual(
            sorted(self.sent(tag.delete)),
            sorted(["select rows", "select claims", "delete rows", "delete claims"]),
        )
