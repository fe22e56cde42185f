"""Where the tests run, and which of them are about one place alone. See settings.py."""

import contextlib
import unittest

from django.db import connection
from settings import AS_CLUSTER, CLUSTER


def transaction_of_file(reason: str):
    """The test is about several statements in one transaction, which a file has and a cluster has not."""
    return unittest.skipIf(CLUSTER or AS_CLUSTER, f"about a transaction of the file: {reason}")


def file_only(reason: str):
    """The test is about the embedded engine: its file, its processes, its way to count."""
    return unittest.skipIf(CLUSTER, f"about the embedded engine: {reason}")


@contextlib.contextmanager
def as_cluster(**options):
    """The default database is written as a cluster is; `options` of a cluster go with it."""
    settings_dict = connection.settings_dict
    before = settings_dict["OPTIONS"]
    place = {} if CLUSTER else {"as_cluster": True}
    settings_dict["OPTIONS"] = {**before, **place, **options}
    try:
        yield
    finally:
        settings_dict["OPTIONS"] = before
