"""Errors of this backend that a project may want to catch by name."""

from django.db import NotSupportedError, OperationalError


class ScanBudgetExceeded(OperationalError):
    """A query read more rows that it did not return than OPTIONS["scan_budget"] allows."""


class WriteContention(OperationalError):
    """A conditional write lost to other writers too often. Nothing of it was written."""


class ClaimPending(OperationalError):
    """A unique value is claimed by another writer whose row is not there yet, or never comes. Nothing was written."""


class OutcomeUnknown(OperationalError):
    """A conditional write may or may not have been applied: its answer was lost, and its row does not tell."""


def not_supported(construct: str, instead: str = "") -> NotSupportedError:
    """The error for a query that one CQL statement, or a filter over its rows, cannot answer.

    Its `reason` is what is said where there is no query."""
    text = f"{construct} cannot be answered by CQL alone, and the relational road is not built yet."
    error = NotSupportedError(f"{text} {instead}".rstrip())
    error.reason = f"{construct} cannot be evaluated here."
    return error
