"""Settings for the tests: one more small app, whose model has a composite key."""

from .settings import *  # noqa: F403
from .settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "partyfinder.tests.guestbook"]
