"""The one exception of this package."""


class NodeError(Exception):
    """A failure to tell the user in one message, without a traceback."""
