"""Routers of the tests."""


class Reference:
    """All is read from SQLite."""

    def db_for_read(self, model, **hints):
        return "reference"
