#!/usr/bin/env python3
"""Django's command-line utility for administrative tasks."""

import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "parties.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError(
            "Django is not installed in this environment. From the top of the checkout, "
            "`make demo` makes one and starts the site."
        ) from exc
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
