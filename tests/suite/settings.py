"""Settings of a run of Django's own tests: two embedded databases, in memory or as the environment says.

SUITE_ENGINE  "sqlite3": Django's SQLite backend, to compare with
CQL_TEST_HOST a Cassandra node, "127.0.0.1:9142"; SUITE_KEYSPACE is then what keyspaces of this run begin with"""

import os

SECRET_KEY = "django_tests_secret_key"  # other keys fail two tests
USE_TZ = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
TEST_RUNNER = "outcomes.Runner"
KEYSPACE = os.environ.get("SUITE_KEYSPACE", "suite")


def database(name: str) -> dict:
    if os.environ.get("SUITE_ENGINE") == "sqlite3":
        return {"ENGINE": "django.db.backends.sqlite3"}
    if host := os.environ.get("CQL_TEST_HOST"):
        return {
            "ENGINE": "django_cassandra_backend",
            "NAME": f"{KEYSPACE}_{name}",
            "HOST": host,
            "OPTIONS": {"id_block": 1},
        }
    return {
        "ENGINE": "django_cassandra_backend",
        "NAME": name,
        "OPTIONS": {"local": ":memory:"},
    }


DATABASES = {"default": database("default"), "other": database("other")}
