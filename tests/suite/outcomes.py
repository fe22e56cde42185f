"""A test runner that writes down how each test ended: SUITE_OUTCOMES names a file of JSON lines."""

import json
import os
import pathlib
import unittest

from django.db import connections
from django.test import TransactionTestCase
from django.test.runner import DiscoverRunner

PASSED, FAILED, ERROR, SKIPPED, EXPECTED = (
    "passed",
    "failed",
    "error",
    "skipped",
    "expected failure",
)


class Result(unittest.TextTestResult):
    """Of a test with subtests the worst counts."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        pathlib.Path(os.environ["SUITE_OUTCOMES"]).write_text("", encoding="utf-8")
        self._outcome = None

    def startTest(self, test):
        super().startTest(test)
        self._outcome = None

    def stopTest(self, test):
        super().stopTest(test)
        self._write(test, *(self._outcome or (PASSED, "")))

    def _note(self, outcome: str, detail: str = "") -> None:
        if self._outcome is None or self._outcome[0] in (PASSED, SKIPPED):
            self._outcome = outcome, detail

    def addError(self, test, error):
        super().addError(test, error)
        if isinstance(test, unittest.TestCase):
            self._note(ERROR, _line(error))
        else:  # setUpClass(): none of the class's tests has run
            self._write(test, ERROR, _line(error))

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._note(FAILED, _line(error))

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            is_failure = issubclass(error[0], test.failureException)
            self._note(FAILED if is_failure else ERROR, _line(error))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if isinstance(test, unittest.TestCase):
            self._note(SKIPPED, reason)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self._note(EXPECTED, _line(error))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._note(FAILED, "unexpected success")

    def _write(self, test, outcome: str, detail: str) -> None:
        line = {
            "test": test.id(),
            "database": isinstance(test, TransactionTestCase)
            or not isinstance(test, unittest.TestCase),
            "outcome": outcome,
            "detail": detail,
        }
        with open(os.environ["SUITE_OUTCOMES"], "a", encoding="utf-8") as file:
            print(json.dumps(line), file=file)


def _line(error) -> str:
    """What went wrong, in a line."""
    kind, value, _ = error
    return f"{kind.__name__}: {value}".replace("\n", " ")[:500]


class Runner(DiscoverRunner):
    """SUITE_LEDGER=0 runs the tests that features_ledger.py says do not pass, too."""

    def setup_databases(self, **kwargs):
        if os.environ.get("SUITE_LEDGER") == "0":
            for connection in connections.all():
                connection.features.django_test_skips = {}
        return super().setup_databases(**kwargs)

    def get_resultclass(self):
        return Result
