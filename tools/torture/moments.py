"""Moments at which a process can be stopped: each sync, rename, deletion, begin and commit, told apart by what goes on.

What goes on follows from the functions on the stack. A process that meets the moment it was told to wait for says so
through a pipe; then it stands still, or goes on, until it is killed. At the other moments it can be made to tarry, so
that its threads meet in orders in which they seldom would.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["PHASES", "Moment", "watch"]

_PHASE_OF = {
    ("flush", "_flush"): "flush",
    ("merge", "_merge"): "merge",
    ("training", "train"): "train",
    ("training", "_recode"): "recode",
    ("training", "_exchange"): "exchange",
    ("training", "renew_mean"): "mean",
    ("recall", "look"): "look",
    ("live_index", "add"): "add",
    ("live_index", "remove"): "remove",
    ("opened", "close"): "close",
    ("backup", "copy_index"): "backup",
    ("live_index", "open"): "open",
}
PHASES = tuple(dict.fromkeys(_PHASE_OF.values()))


class Moment:
    """The n-th stop in a phase.

    Parameters
    ----------
    phase : str or None
        One of `PHASES`; None never stops.
    number : int
        From 1: stops of this phase are counted in the order in which they are met.
    stands : bool
        Whether to stand still there.
    tarries_seconds : float
        Mean time to sleep at one stop in four.
    told : int
        File descriptor that gets a byte.
    """

    def __init__(self, phase: str | None, number: int, *, stands: bool, tarries_seconds: float, told: int) -> None:
        self.phase = phase
        self._left = number
        self._stands = stands
        self._tarries_seconds = tarries_seconds
        self._random = random.Random(number)
        self._told = told
        self._counting = threading.Lock()

    def stop(self) -> None:
        """Count this stop if it belongs to the phase."""
        if self._tarries_seconds and self._random.random() < 0.25:
            time.sleep(self._random.expovariate(1 / self._tarries_seconds))
        if self.phase is None or _phase() != self.phase:
            return
        with self._counting:
            self._left -= 1
            met = self._left == 0
        if met:
            os.write(self._told, b"!")
            while self._stands:
                time.sleep(1)


def watch(moment: Moment) -> None:
    """Put stops before and after whatever reaches the disk, for the rest of this process."""

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def stopping(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            moment.stop()
            result = function(*arguments, **options)
            moment.stop()
            return result

        return stopping

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:  # noqa: ANN401
            if not sql.startswith(("BEGIN", "COMMIT", "PRAGMA wal_checkpoint")):
                return super().execute(sql, *arguments)
            moment.stop()
            cursor = super().execute(sql, *arguments)
            moment.stop()
            return cursor

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **o: connect(*a, factory=Connection, **o)  # type: ignore[assignment]
    os.fsync = around(os.fsync)
    shutil.rmtree = around(shutil.rmtree)  # type: ignore[assignment]
    Path.rename = around(Path.rename)  # type: ignore[method-assign]
    Path.replace = around(Path.replace)  # type: ignore[method-assign]
    Path.unlink = around(Path.unlink)  # type: ignore[method-assign]


def _phase() -> str | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        phase = _PHASE_OF.get((Path(code.co_filename).stem, code.co_name))
        if phase is not None:
            return phase
        frame = frame.f_back
    return None
