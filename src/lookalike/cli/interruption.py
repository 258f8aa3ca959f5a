"""Ctrl-C: the first time an orderly stop, the second time at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["INTERRUPTED", "Interruption", "stopped_by_interrupt"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""


class Interruption:
    """What Ctrl-C does to the work under way.

    Attributes
    ----------
    stop : threading.Event
        Set by the first Ctrl-C while `is_watched`.
    is_watched : bool
        Whether the work looks at `stop` now. While it does not (counting files, building a network: nothing is
        written then), Ctrl-C is the usual KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.is_watched = False

    def handle(self, _signal: int, _frame: FrameType | None) -> None:
        """Answer one Ctrl-C. Prints nothing through Rich, whose locks the interrupted code may hold."""
        if self.stop.is_set():
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), b"\x1b[?25h\n")  # a progress bar hides the cursor
            os._exit(INTERRUPTED)
        if not self.is_watched:
            raise KeyboardInterrupt
        self.stop.set()


@contextlib.contextmanager
def stopped_by_interrupt() -> Iterator[Interruption]:
    """Take over Ctrl-C while inside."""
    interruption = Interruption()
    before = signal.signal(signal.SIGINT, interruption.handle)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
