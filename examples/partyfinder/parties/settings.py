"""
Settings of partyfinder. The database is a file beside this project, a cluster, or Astra DB; DATABASES alone says so.

Environment: PARTYFINDER_DB (the file), or PARTYFINDER_CASSANDRA (nodes of a cluster, comma separated) with
PARTYFINDER_KEYSPACE, PARTYFINDER_USER and PARTYFINDER_PASSWORD, or ASTRA_DB_SECURE_BUNDLE_PATH, ASTRA_DB_KEYSPACE and
ASTRA_DB_APPLICATION_TOKEN; PARTYFINDER_DEBUG (1 or 0), DJANGO_SECRET_KEY,
PARTYFINDER_HOSTS (that the site answers to, comma separated).
"""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

# Nothing that must outlive a restart is signed here, so a development key may be made up each time.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
DEBUG = os.environ.get("PARTYFINDER_DEBUG", "1") == "1"
ALLOWED_HOSTS = os.environ.get("PARTYFINDER_HOSTS", "localhost,127.0.0.1,[::1]").split(",")

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "partyfinder.apps.PartyfinderConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "parties.urls"
WSGI_APPLICATION = "parties.wsgi.application"
ASGI_APPLICATION = "parties.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.debug",
                "django.template.context_processors.request",
            ],
        },
    },
]

place = {"NAME": os.environ.get("PARTYFINDER_KEYSPACE", "partyfinder")}
if "PARTYFINDER_CASSANDRA" in os.environ:
    place |= {
        "HOST": os.environ["PARTYFINDER_CASSANDRA"],
        "USER": os.environ.get("PARTYFINDER_USER", ""),
        "PASSWORD": os.environ.get("PARTYFINDER_PASSWORD", ""),
        "OPTIONS": {"create_keyspace": True},
    }
elif os.environ.get("ASTRA_DB_SECURE_BUNDLE_PATH"):
    place = {}  # the backend reads the variables that the Astra CLI writes
else:
    place["OPTIONS"] = {"local": os.environ.get("PARTYFINDER_DB", BASE_DIR / "partyfinder.cql")}

DATABASES = {"default": {"ENGINE": "django_cassandra_backend", **place}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"

# Read once, and true of every site on Cassandra: nothing is rolled back, and timestamps have milliseconds.
SILENCED_SYSTEM_CHECKS = ["cassandra.I001", "cassandra.I002"]
