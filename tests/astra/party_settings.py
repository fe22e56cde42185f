"""Partyfinder's test settings, with `manage.py astra`; and with ASTRA_TEST_DATABASE, JSON, for what its database has beside
ENGINE."""

import json
import os

from parties.test_settings import *  # noqa: F403
from parties.test_settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = ["django_cassandra_backend", *INSTALLED_APPS]
DATABASES["default"] |= json.loads(os.environ.get("ASTRA_TEST_DATABASE", "{}"))
