"""A line on the terminal that tells how far a long command is. Nothing where there is no terminal."""

import time

WIDTH = 30
EVERY_S = 0.1


class Progress:
    """Call it with what is being done and how much of that, 0.0 to 1.0; leave the block to wipe the line.

    `stream` is a command's stderr (django.core.management.base.OutputWrapper)."""

    def __init__(self, stream):
        self._stream = stream
        self._shown = stream.isatty()
        self._next = 0.0
        self._last = ""

    def __call__(self, doing: str, done: float) -> None:
        now = time.monotonic()
        if not self._shown or (now < self._next and done < 1.0):
            return
        self._next = now + EVERY_S
        full = round(min(max(done, 0.0), 1.0) * WIDTH)
        self._write(f"{doing:<8} [{'#' * full}{'.' * (WIDTH - full)}] {done:4.0%}")

    def _write(self, text: str) -> None:
        line = "\r" + text.ljust(len(self._last)) + "\r"
        self._stream.write(line, style_func=str, ending="")
        self._stream.flush()
        self._last = text

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        if self._last:
            self._write("")
