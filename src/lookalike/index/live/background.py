"""Upkeep in threads of its own: flushes in one; merges, training and re-coding in another.

A failure (a full disk, say) is kept until somebody asks, and what failed is tried again after a while; vectors are in
the database all the time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

__all__ = ["Background"]

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 10.0

Step = Callable[[], bool]
"""Does the next thing that is due and tells whether there was any."""


class Background:
    """Threads that work when they are woken, each until its steps have nothing left to do.

    Parameters
    ----------
    steps : sequence of callable
        One for each thread.
    stopping : threading.Event
        Set when the threads shall end.
    """

    def __init__(self, steps: Sequence[Step], stopping: threading.Event) -> None:
        self._steps = steps
        self._stopping = stopping
        self._changed = threading.Condition()
        self._asked = [0] * len(steps)
        self._done = [0] * len(steps)
        self._failures: dict[int, Exception] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"lookalike-upkeep-{number}", daemon=True)
            for number in range(len(steps))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def failure(self) -> Exception | None:
        """What went wrong last, until it is taken."""
        with self._changed:
            return next(iter(self._failures.values()), None)

    def wake(self) -> None:
        """Look whether anything is due."""
        with self._changed:
            self._asked = [asked + 1 for asked in self._asked]
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way, something failed, or the threads shall end; tells whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopping.is_set() or self._asked == self._done, seconds)

    def take_failure(self) -> Exception | None:
        """Give the failure and forget it, so that the work is tried again at once."""
        with self._changed:
            failure = next(iter(self._failures.values()), None)
            self._failures.clear()
            self._changed.notify_all()
            return failure

    def stop(self) -> None:
        """End the threads, after the step that each is at."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        while not self._stopping.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._stopping.is_set() or self._asked[number] > self._done[number])
                asked = self._asked[number]
            try:
                while not self._stopping.is_set() and self._steps[number]():
                    self._wake_others(number)
            except Exception as error:  # told by the next call that asks; the thread goes on
                _log.warning("upkeep of the live index failed and will be tried again: %s", error)
                self._rest(number, error)
                continue
            with self._changed:
                self._failures.pop(number, None)
                self._done[number] = asked
                self._changed.notify_all()

    def _wake_others(self, number: int) -> None:
        """Let the other threads look: what one did may make something due for another (a first model, a flush)."""
        with self._changed:
            self._asked = [asked + (other != number) for other, asked in enumerate(self._asked)]
            self._changed.notify_all()

    def _rest(self, number: int, error: Exception) -> None:
        with self._changed:
            self._failures[number] = error
            self._done[number] = self._asked[number]
            self._changed.notify_all()
            end = time.monotonic() + _PATIENCE_SECONDS
            self._changed.wait_for(
                lambda: self._stopping.is_set() or number not in self._failures, max(0.0, end - time.monotonic())
            )
            self._asked[number] += 1
