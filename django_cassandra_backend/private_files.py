"""Files with secrets: written whole or not at all, and for their owner's eyes alone."""

import contextlib
import os
import tempfile

MODE = 0o600


def write(path: str, data: bytes, *, replace: bool) -> None:
    """Put `data` where `path` says, under mode 600. FileExistsError when something is there and `replace` is False."""
    folder = os.path.dirname(os.path.abspath(path))
    descriptor, made = tempfile.mkstemp(prefix=".astra-", dir=folder)  # of mode 600
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(made, path)
        else:
            os.link(made, path)  # which never replaces, whoever makes a file there meanwhile
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(made)
