"""Every field class of Django: stored, found, changed, empty, at its edges, and through its form."""

import datetime
import decimal
import inspect
import uuid

from django.db import connection, models
from django.forms import modelform_factory
from django.test import TransactionTestCase
from django.test.utils import isolate_apps

UTC = datetime.timezone.utc
#: Classes of django.db.models that are no column of their own, with the test that has them.
ELSEWHERE = {
    "CompositePrimaryKey": "test_schema, test_keysets",
    "CommaSeparatedIntegerField": "removed, but for migrations",
    "Field": "the base of all",
    "ForeignObject": "the base of ForeignKey",
    "GeneratedField": "test_schema.test_generated_columns_are_refused",
    "IPAddressField": "removed, but for migrations",
    "ManyToManyField": "test_schema: its table wants uniqueness off the key",
    "NullBooleanField": "removed, but for migrations",
    "OrderWrt": "below",
}
TEXT = ["", "a", "Ærøskøbing %s ' \" \\ \x00", "x" * 200]
BIG = (-(2**63), 2**63 - 1)
#: Class: (arguments, values that are stored as they are). The first value is also changed to the last.
CASES = {
    "BigIntegerField": ({}, [0, *BIG]),
    "BinaryField": ({"editable": True}, [b"", b"\x00\xff" * 9]),
    "BooleanField": ({}, [False, True]),
    "CharField": ({"max_length": 200}, TEXT),
    "DateField": (
        {},
        [datetime.date(1, 1, 1), datetime.date(1970, 1, 1), datetime.date(9999, 12, 31)],
    ),
    "DateTimeField": (
        {},
        [
            datetime.datetime(1, 1, 2, tzinfo=UTC),
            datetime.datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
            datetime.datetime(9999, 12, 30, 23, 59, 59, 999000, tzinfo=UTC),
        ],
    ),
    "DecimalField": (
        {"max_digits": 30, "decimal_places": 10},
        [decimal.Decimal(v) for v in ("0", "-0.0000000001", "99999999999999999999.9999999999")],
    ),
    "DurationField": (
        {},
        [
            datetime.timedelta(0),
            datetime.timedelta(microseconds=-1),
            datetime.timedelta(days=100_000_000, microseconds=1),
        ],
    ),
    "EmailField": ({}, ["", "a@example.org"]),
    "FileField": ({}, ["", "a/b.txt"]),
    "FilePathField": ({"path": "."}, ["", "./a.txt"]),
    "FloatField": ({}, [0.0, -1.5e300, 5e-324, 0.1]),
    "GenericIPAddressField": ({}, ["0.0.0.0", "255.255.255.255", "2001:db8::1"]),
    "ImageField": ({}, ["", "a.png"]),
    "IntegerField": ({}, [0, -(2**31), 2**31 - 1]),
    "JSONField": ({}, [[], {}, 0, "", False, {"a": [None, 1.5, "ø", {"b": True}]}]),
    "PositiveBigIntegerField": ({}, [0, 2**63 - 1]),
    "PositiveIntegerField": ({}, [0, 2**31 - 1]),
    "PositiveSmallIntegerField": ({}, [0, 32767]),
    "SlugField": ({"max_length": 200}, ["", "a-b_c"]),
    "SmallIntegerField": ({}, [0, -32768, 32767]),
    "TextField": ({}, [*TEXT, "long " * 50_000]),
    "TimeField": ({}, [datetime.time(0), datetime.time(23, 59, 59, 999999)]),
    "URLField": ({}, ["", "https://example.org/?a=1"]),
    "UUIDField": ({}, [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.uuid1()]),
}
#: Comparisons are refused, by name: see test_refusals.
NOT_COMPARED = {"JSONField"}
#: Django saves None of these as an empty string.
EMPTY_IS_NULL = {"FileField", "ImageField"}
#: A form has no way to send these values, or strips them.
NOT_IN_FORMS = {"BinaryField", "FilePathField", "ImageField", "FileField"}


def field_classes() -> dict:
    """The public field classes of django.db.models."""
    return {
        name: value
        for name, value in vars(models).items()
        if inspect.isclass(value) and issubclass(value, models.Field)
    }


@isolate_apps("bookings")
class EveryClassTests(TransactionTestCase):
    available_apps = ["bookings"]

    def model(self, name: str, kwargs: dict, **fields):
        field = getattr(models, name)(**{"null": True, "blank": True, **kwargs})
        body = {"value": field, "__module__": "bookings.models", **fields}
        return self.made(type(f"One{name}", (models.Model,), body))

    def made(self, model):
        with connection.schema_editor() as editor:
            editor.create_model(model)
        self.addCleanup(self.drop, model)
        return model

    def drop(self, model):
        with connection.schema_editor() as editor:
            editor.delete_model(model)

    def test_none_is_left_out(self):
        relations = {"ForeignKey", "OneToOneField"}
        keys = {"AutoField", "BigAutoField", "SmallAutoField"}
        known = {name for name, case in CASES.items() if case} | set(ELSEWHERE) | relations | keys
        self.assertEqual(set(field_classes()) - known, set())

    def test_every_class(self):
        for name in field_classes():
            if CASES.get(name):
                with self.subTest(name):
                    self.check_class(name, *CASES[name])

    def check_class(self, name: str, kwargs: dict, values: list):
        model = self.model(name, kwargs)
        rows = [model.objects.create(value=value) for value in values]
        empty = model.objects.create(value=None)
        for row, value in zip(rows, values, strict=True):
            self.assertEqual(model.objects.get(pk=row.pk).value, value)
            if name not in NOT_COMPARED:
                self.assertIn(row, model.objects.filter(value=value))
                self.assertIn(row, model.objects.filter(value__in=[value]))
                if value or name not in EMPTY_IS_NULL:
                    self.assertNotIn(empty, model.objects.filter(value=value))
        stored = model.objects.get(pk=empty.pk).value
        self.assertFalse(stored)
        first, last = values[0], values[-1]
        changed = model.objects.filter(pk=rows[0].pk)
        if name not in NOT_COMPARED:
            self.assertEqual(changed.filter(value=last).update(value=first), int(first == last))
            self.assertEqual(changed.filter(value=first).update(value=last), 1)
        rows[0].value = last
        rows[0].save()
        self.assertEqual(changed.get().value, last)
        changed.update(value=None)
        self.assertFalse(changed.get().value)
        self.assertEqual(
            set(model.objects.values_list("pk", flat=True)), {r.pk for r in (*rows, empty)}
        )
        if name not in NOT_IN_FORMS:
            self.check_form(model, rows[1:])

    def check_form(self, model, rows):
        """What a form shows of an instance, sent back, is the same instance."""
        form_class = modelform_factory(model, fields=["value"])
        for row in rows:
            row = model.objects.get(pk=row.pk)
            shown = form_class(instance=row)["value"].value()
            widget = form_class.base_fields["value"].widget
            sent = widget.format_value(shown) if not isinstance(shown, bool) else str(shown)
            form = form_class({"value": sent}, instance=row)
            if "\x00" in str(shown):
                self.assertIn("Null characters are not allowed.", str(form.errors))
                continue
            self.assertEqual(form.errors, {}, shown)
            before = row.value
            form.save()
            now = model.objects.get(pk=row.pk).value
            if isinstance(before, str):
                before, now = before.strip(), (now or "").strip()
            if isinstance(before, (datetime.datetime, datetime.time)):
                before, now = before.replace(microsecond=0), now.replace(microsecond=0)
            self.assertEqual(now or None, before or None)

    def test_automatic_keys(self):
        for name in ("AutoField", "BigAutoField", "SmallAutoField"):
            with self.subTest(name):
                key = getattr(models, name)(primary_key=True)
                model = self.made(
                    type(
                        f"Keyed{name}",
                        (models.Model,),
                        {"id": key, "__module__": "bookings.models"},
                    )
                )
                self.assertEqual([model.objects.create().pk for _ in range(3)], [1, 2, 3])
                self.assertEqual(model.objects.get(pk=2).pk, 2)

    def test_relations(self):
        class Target(models.Model):
            name = models.CharField(max_length=10, primary_key=True)

            class Meta:
                app_label = "bookings"

        class Pointing(models.Model):
            one = models.ForeignKey(Target, models.SET_NULL, null=True)

            class Meta:
                app_label = "bookings"

        class Extending(models.Model):
            whole = models.OneToOneField(Target, models.CASCADE, primary_key=True)
            note = models.TextField()

            class Meta:
                app_label = "bookings"

        for model in (Target, Pointing, Extending):
            self.made(model)
        a, b = (Target.objects.create(name=name) for name in "ab")
        row = Pointing.objects.create(one=a)
        self.assertEqual(Pointing.objects.get(one=a).one_id, "a")
        Extending.objects.create(whole=a, note="x")
        self.assertEqual(Extending.objects.get(pk="a").note, "x")
        self.assertEqual(a.extending.note, "x")
        form = modelform_factory(Pointing, fields=["one"])({"one": "b"}, instance=row)
        self.assertTrue(form.is_valid(), form.errors)
        form.save()
        self.assertEqual(Pointing.objects.get(pk=row.pk).one_id, "b")
        b.delete()
        self.assertIsNone(Pointing.objects.get(pk=row.pk).one_id)

    def test_order_with_respect_to(self):
        class Question(models.Model):
            class Meta:
                app_label = "bookings"

        class Answer(models.Model):
            question = models.ForeignKey(Question, models.CASCADE)

            class Meta:
                app_label = "bookings"
                order_with_respect_to = "question"

        self.made(Question)
        self.made(Answer)
        question = Question.objects.create()
        rows = [Answer.objects.create(question=question) for _ in range(3)]
        wanted = [rows[2].pk, rows[0].pk, rows[1].pk]
        question.set_answer_order(wanted)
        self.assertEqual(list(question.get_answer_order()), wanted)
