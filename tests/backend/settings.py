"""Settings of the backend's tests: two databases of ours, and SQLite to compare with, all in memory while tests run."""

import os

SECRET_KEY = "tests"
USE_TZ = True
TIME_ZONE = "Europe/Oslo"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_cassandra_backend", "bookings"]


def database(name: str, **options) -> dict:
    return {
        "ENGINE": "django_cassandra_backend",
        "NAME": name,
        "OPTIONS": {"local": os.environ.get("BACKEND_TEST_FILE", ":memory:"), **options},
    }


DATABASES = {
    "default": database("backend", plain_models=["bookings.Reading"]),
    "other": database("backend_other"),
    "reference": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
}
SILENCED_SYSTEM_CHECKS = ["models.W046"]  # SQLite, the reference, has no comments on tables
