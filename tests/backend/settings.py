"""Settings of the backend's tests: two databases of ours, and SQLite to compare with.

They are in memory while tests run, or where the environment says:

BACKEND_TEST_FILE        beside a file of this name, with --keepdb
BACKEND_TEST_AS_CLUSTER  "1": written as a cluster is, without transactions over several statements
BACKEND_TEST_KEYSPACE    the project's keyspace, by default "backend": runs that share a cluster need one each
CQL_TEST_HOST            on a cluster: "127.0.0.1:9142". CQL_TEST_USER and CQL_TEST_PASSWORD are for one that asks
BACKEND_TEST_ASTRA       "1": on Astra DB, or what stands for it, where the variables of the Astra CLI say
"""

import os

HOST = os.environ.get("CQL_TEST_HOST")
ASTRA = os.environ.get("BACKEND_TEST_ASTRA") == "1"
CLUSTER = bool(HOST) or ASTRA
KEYSPACE = os.environ.get("BACKEND_TEST_KEYSPACE", "backend")
AS_CLUSTER = os.environ.get("BACKEND_TEST_AS_CLUSTER") == "1"

SECRET_KEY = "tests"
USE_TZ = True
TIME_ZONE = "Europe/Oslo"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_cassandra_backend", "bookings"]


def database(name: str, **options) -> dict:
    settings = {"ENGINE": "django_cassandra_backend", "NAME": name}
    if CLUSTER:
        # One id after the other, as on a file: test_blocks.py is about ranges.
        place = {"id_block": 1}
        if ASTRA and name == KEYSPACE:
            del settings["NAME"]  # ASTRA_DB_KEYSPACE
        elif HOST:
            settings |= {
                "HOST": HOST,
                "USER": os.environ.get("CQL_TEST_USER", ""),
                "PASSWORD": os.environ.get("CQL_TEST_PASSWORD", ""),
            }
    else:
        place = {"local": os.environ.get("BACKEND_TEST_FILE", ":memory:")}
        if AS_CLUSTER:
            place["as_cluster"] = True
    return {**settings, "OPTIONS": {**place, **options}}


DATABASES = {
    "default": database(KEYSPACE, plain_models=["bookings.Reading", "bookings.Gauge"]),
    "other": database(f"{KEYSPACE}_other"),
    "reference": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
}
# SQLite, the reference, has no comments on tables, and no constraints with nulls that are alike.
SILENCED_SYSTEM_CHECKS = ["models.W046", "models.W047"]
