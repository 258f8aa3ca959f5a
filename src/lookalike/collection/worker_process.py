"""The parent's side of a worker: start it, ask it, and do without it when it crashes or takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from lookalike.errors import CollectionError

__all__ = ["WorkerProcess"]

START_SECONDS = 120.0
_LAST_SECONDS = 2.0
_SIGKILL = 9

GROUP = 8
"""Files per line, and what a crash makes be read again: for eight photos after one another each step of reading finds
its code and weights in the processor's caches, which takes 2 to 4 % less time than for two."""


class WorkerProcess:
    """One process that reads photos (lookalike.collection.worker), started anew whenever it dies.

    Parameters
    ----------
    settings : dict
        What the worker is told first: collection, encoder, precision, limits.
    max_seconds : float
        A photo that takes longer costs its worker the life.
    """

    def __init__(self, settings: dict[str, Any], *, max_seconds: float) -> None:
        self._settings = settings
        self._max_seconds = max_seconds
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._watch = _Watch(self._stopped, every_seconds=min(max_seconds, 1.0))
        # Decoders print what they think of damaged files, and cannot be told not to.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by `close`

    def read(self, paths: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the worker's answer for each of `paths` (fewer than fill a pipe: at most 8), in order.

        A crash or a time-out is an answer too: ``{"reason": ...}``. Ends early once stopped.

        Raises
        ------
        CollectionError
            The worker cannot even start.
        """
        groups = [paths[start : start + GROUP] for start in range(0, len(paths), GROUP)]
        while groups and not self._stopped.is_set():
            process = self._process or self._start()
            self._send(process, *groups)
            while groups:
                line, timed_out = self._receive(process, self._max_seconds * min(len(groups[0]), 2))
                if self._stopped.is_set():
                    return
                group = groups.pop(0)
                if line.endswith("\n") and not timed_out:  # half a line is what a killed worker leaves
                    yield from json.loads(line)
                    continue
                if not timed_out:  # killed while it ends by itself, it could not say how
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_LAST_SECONDS)
                status = self._bury()
                if len(group) > 1:  # which of them it was, if any, shows when each is read alone
                    groups[:0] = [[path] for path in group]
                elif timed_out:
                    yield {"reason": f"It took longer than {self._max_seconds:.0f} seconds to read."}
                else:  # perhaps killed from outside, when memory ran out
                    yield {"reason": f"Reading it crashed the decoder (exit status {status}).", "again": True}
                break

    def stop(self) -> None:
        """Kill the process, from any thread; a `read` under way in another one returns."""
        self._stopped.set()
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """Stop, and let go of what the process held. No `read` may be under way."""
        self.stop()
        if self._process is not None:
            self._bury()
        self._stderr.close()

    def _start(self) -> subprocess.Popen[str]:
        # -P: the current directory, which may hold a numpy.py, is not for importing. A session of its own: Ctrl-C at
        # the terminal is for the parent to answer. One thread per worker: the workers themselves fill the cores.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "lookalike.collection.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            start_new_session=True,
        )
        self._process = process
        self._send(process, self._settings)
        ready, timed_out = self._receive(process, START_SECONDS)
        if not ready and not self._stopped.is_set():
            status = self._bury()
            if status == -_SIGKILL and not timed_out:
                raise CollectionError(
                    "A worker process was killed while it started, as systems do where memory runs out. End what takes "
                    "memory, and add again; what was added is kept."
                )
            why = f"was not ready after {START_SECONDS:.0f} seconds" if timed_out else f"ended with status {status}"
            self._stderr.seek(0)
            said = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            raise CollectionError(f"A worker process {why}. It said: {said[-1] if said else 'nothing'}")
        return process

    @staticmethod
    def _send(process: subprocess.Popen[str], *messages: object) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it died: the answer that does not come says so
            process.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
            process.stdin.flush()

    def _receive(self, process: subprocess.Popen[str], limit_seconds: float) -> tuple[str, bool]:
        assert process.stdout is not None
        self._watch.begin(process, limit_seconds)
        line = process.stdout.readline()
        return line, self._watch.end()

    def _bury(self) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        process.kill()
        with contextlib.suppress(OSError):  # what was not yet written to it is lost with it
            process.communicate()
        return process.returncode


class _Watch:
    """Kills a process that is not done in time: one thread that looks now and then.

    A timer for each photo would be a thread for each photo: .1 ms of a core that the workers want.
    """

    def __init__(self, stopped: threading.Event, *, every_seconds: float) -> None:
        self._stopped = stopped
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._deadline = 0.0
        self._late = False
        self._thread: threading.Thread | None = None

    def begin(self, process: subprocess.Popen[str], limit_seconds: float) -> None:
        """Give `process` so long from now on."""
        with self._lock:
            self._process, self._deadline, self._late = process, time.monotonic() + limit_seconds, False
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="lookalike-watch", daemon=True)
            self._thread.start()

    def end(self) -> bool:
        """Return whether it was too late and was killed."""
        with self._lock:
            self._process = None
            return self._late

    def _look(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            with self._lock:
                if self._process is not None and time.monotonic() > self._deadline:
                    self._late = True
                    self._process.kill()
