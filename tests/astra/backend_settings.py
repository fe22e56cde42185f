"""The settings of the backend's tests; and with ASTRA_TEST_DATABASE, JSON, for what the database has beside ENGINE."""

import json
import os

from settings import *  # noqa: F403
from settings import DATABASES

given = json.loads(os.environ.get("ASTRA_TEST_DATABASE", "{}"))
options = DATABASES["default"]["OPTIONS"] | given.pop("OPTIONS", {})
DATABASES["default"] |= given | {"OPTIONS": options}
