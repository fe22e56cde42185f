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


class NotOnCqlRoad(NotSupportedError):
    """CQL, and a filter over its rows, cannot answer the query; the relational road may.

    `reason` is what is said where there is no query."""

    def __init__(self, construct: str, instead: str = ""):
        super().__init__(f"{construct} cannot be answered by CQL alone. {instead}".rstrip())
        self.reason = f"{construct} cannot be evaluated here."


def not_supported(construct: str, instead: str = "") -> NotOnCqlRoad:
    """The error for what one CQL statement, or a filter over its rows, cannot answer."""
    return NotOnCqlRoad(construct, instead)


def not_answerable(construct: str, instead: str = "") -> NotSupportedError:
    """The error for what no road can answer."""
    return NotSupportedError(f"{construct} is not supported. {instead}".rstrip())
