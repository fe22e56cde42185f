"""Conditions at their edges: values beyond a column, expressions among values, unknown, no table at all."""

import datetime
from decimal import Decimal

from bookings.models import Author, Book, Everything, Party, Seat
from django.core.exceptions import ValidationError
from django.db import NotSupportedError
from django.db.models import (
    BooleanField,
    CheckConstraint,
    Count,
    ExpressionWrapper,
    F,
    Q,
    UniqueConstraint,
    Value,
)
from django.db.models.functions import Coalesce, ExtractYear
from django.db.models.lookups import GreaterThan
from django.test import TestCase

UTC = datetime.timezone.utc


class BeyondTests(TestCase):
    """A value that the column cannot hold: nothing equals it, and all rows are on one side of it."""

    def setUp(self):
        self.row = Everything.objects.create(integer=1, decimal=Decimal("1.5"))
        Everything.objects.create()

    def test_nothing_is_read_when_no_row_can_match(self):
        for condition in (
            {"integer": 2**31},
            {"integer__gt": 2**31},
            {"integer__lte": -(2**40)},
            {"decimal__gte": Decimal(10**8)},
            {"decimal": Decimal("1.50001")},
        ):
            with self.subTest(condition), self.assertNumQueries(0):
                self.assertEqual(list(Everything.objects.filter(**condition)), [])

    def test_all_rows_with_a_value_are_on_the_other_side(self):
        for condition in (
            {"integer__lt": 2**31},
            {"integer__gte": -(2**40)},
            {"decimal__lte": Decimal(10**8)},
            {"decimal__gt": Decimal("1.49999")},
        ):
            with self.subTest(condition):
                self.assertEqual(list(Everything.objects.filter(**condition)), [self.row])

    def test_the_opposite(self):
        self.assertEqual(Everything.objects.exclude(integer=2**31).count(), 2)
        self.assertEqual(Everything.objects.exclude(integer__lt=2**31).count(), 1)


class ExpressionTests(TestCase):
    """Expressions on the right, alone and among values."""

    def setUp(self):
        self.row = Everything.objects.create(
            integer=5,
            small=7,
            date=datetime.date(2026, 1, 2),
            moment=datetime.datetime(2026, 1, 2, 12, tzinfo=UTC),
            file="a/picture.png",
        )

    def found(self, **condition) -> bool:
        return Everything.objects.filter(**condition).exists()

    def test_in_and_range(self):
        self.assertTrue(self.found(integer__in=[1, F("small") - 2]))
        self.assertFalse(self.found(integer__in=[1, F("small")]))
        self.assertTrue(self.found(integer__range=(F("small") - 3, 6)))
        self.assertFalse(self.found(integer__range=(F("small"), 10)))

    def test_a_date_beside_a_moment_is_its_midnight(self):
        self.assertTrue(self.found(moment__gt=F("date")))
        self.assertTrue(self.found(date__lt=F("moment")))
        self.assertFalse(self.found(date=F("moment")))
        Everything.objects.update(moment=datetime.datetime(2026, 1, 2, tzinfo=UTC))
        self.assertTrue(self.found(date=F("moment")))

    def test_arguments_that_mean_nothing_are_errors(self):
        with self.assertRaisesMessage(ValueError, "must be True or False"):
            self.found(integer__isnull="no")
        rows = Everything.objects.annotate(year=ExtractYear("date", tzinfo=UTC))
        with self.assertRaisesMessage(ValueError, "tzinfo can only be used with DateTimeField"):
            list(rows)

    def test_null_on_the_right(self):
        self.assertFalse(self.found(integer=Value(None)))

    def test_values_of_different_kinds_are_refused(self):
        with self.assertRaisesMessage(NotSupportedError, "number with text"):
            self.found(integer__lt=F("char"))

    def test_the_name_of_a_file_is_text(self):
        self.assertTrue(self.found(file__endswith=".png"))
        self.assertFalse(self.found(file__contains="video"))

    def test_a_tuple_with_an_expression(self):
        seat = Seat.objects.create(show="hamlet", row=2, number=3)
        Seat.objects.create(show="hamlet", row=2, number=4)
        self.assertEqual(Seat.objects.get(pk=("hamlet", 2, Value(1) + Value(2))), seat)
        self.assertEqual(list(Seat.objects.filter(pk__in=[("hamlet", 2, F("row") + 1)])), [seat])

    def test_a_condition_as_a_value(self):
        high = ExpressionWrapper(Q(integer__gt=3), output_field=BooleanField())
        rows = Everything.objects.annotate(high=high, low=GreaterThan(F("small"), 8))
        self.assertEqual(rows.values_list("high", "low").get(), (True, False))


class XorTests(TestCase):
    def test_unknown_counts_as_false(self):
        Author.objects.create(name="Ada", born=None)
        self.assertTrue(Author.objects.filter(Q(name="Ada") ^ Q(born=1815)).exists())
        self.assertTrue(Author.objects.filter(~(Q(name="Bo") ^ Q(born=1815))).exists())


class CheckTests(TestCase):
    """Q.check() is a query without a table; check constraints are validated with it."""

    def test_a_condition_on_values(self):
        dearer = Q(price__gt=F("cost"))
        self.assertTrue(dearer.check({"price": 3, "cost": 2}))
        self.assertFalse(dearer.check({"price": 1, "cost": 2}))

    def test_a_check_constraint(self):
        constraint = CheckConstraint(condition=Q(people__gte=1), name="people_come")
        constraint.validate(Party, Party(city="Oslo", name="x", people=1))
        with self.assertRaises(ValidationError):
            constraint.validate(Party, Party(city="Oslo", name="x", people=0))

    def test_a_unique_constraint_with_a_condition(self):
        constraint = UniqueConstraint(fields=["name"], condition=Q(people__gte=1), name="one_name")
        party = Party(city="Oslo", name="x", people=1)
        constraint.validate(Party, party)
        party.save()
        constraint.validate(Party, party)
        constraint.validate(Party, Party(city="Oslo", name="x", people=0))
        constraint.validate(Party, Party(city="Oslo", name="y", people=1))
        with self.assertRaises(ValidationError):
            constraint.validate(Party, Party(city="Rome", name="x", people=2))


class NoRowsTests(TestCase):
    def test_aggregates_of_nothing(self):
        nothing = Book.objects.none()
        self.assertEqual(nothing.aggregate(n=Count("pages"))["n"], 0)
        self.assertEqual(nothing.aggregate(n=Coalesce(Count("pages"), 7))["n"], 0)

    def test_explain_refuses_what_it_does_not_know(self):
        with self.assertRaisesMessage(ValueError, "XML is not a recognized format"):
            Book.objects.explain(format="xml")
        with self.assertRaisesMessage(ValueError, "Unknown options: loud"):
            Book.objects.explain(loud=True)
