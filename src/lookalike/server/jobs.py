"""Adding folders in the background while the server answers."""

from __future__ import annotations

import dataclasses
import logging
import os
import secrets
import threading
from collections.abc import Callable, Sequence

from lookalike.collection import AddProgress, Collection
from lookalike.errors import LookalikeError
from lookalike.server.messages import Job

__all__ = ["AddJob"]

logger = logging.getLogger(__name__)


class AddJob:
    """One `Collection.add`, in a thread of its own.

    Parameters
    ----------
    collection : Collection
    paths : sequence of path
        Folders and files.
    on_progress : callable, optional
        Called from the job's thread with every `AddProgress`, the last one being "done", "stopped" or "failed".
    """

    def __init__(
        self,
        collection: Collection,
        paths: Sequence[str | os.PathLike[str]],
        *,
        on_progress: Callable[[AddProgress], object] | None = None,
    ) -> None:
        self.id = secrets.token_hex(4)
        self.progress = AddProgress()
        self._collection = collection
        self._paths = paths
        self._on_progress = on_progress
        self._stop = threading.Event()
        # A daemon: should it not end in time, the process ends all the same. What was committed is safe.
        self._thread = threading.Thread(target=self._run, name=f"lookalike-add-{self.id}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, *, timeout_seconds: float = 10.0) -> bool:
        """Stop early, keeping what is done; returns whether it has ended within the time."""
        self._stop.set()
        return self.wait(timeout_seconds=timeout_seconds)

    def wait(self, *, timeout_seconds: float | None = None) -> bool:
        """Wait for the end; returns whether it has come."""
        if self._thread.ident is not None:
            self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def message(self) -> Job:
        """Return how far it is."""
        return Job.of(self.id, self.progress)

    def _run(self) -> None:
        try:
            self.progress = self._collection.add(*self._paths, progress=self._report, stop=self._stop)
        except LookalikeError as error:
            logger.warning("Adding photos failed: %s", error)
            self._fail(str(error))
        except Exception:
            logger.exception("Adding photos failed")
            self._fail("Adding photos failed; the server's log tells why. What was added before is kept.")

    def _report(self, progress: AddProgress) -> None:
        self.progress = progress
        if self._on_progress is not None:
            self._on_progress(progress)

    def _fail(self, reason: str) -> None:
        self._report(dataclasses.replace(self.progress, state="failed", eta_seconds=None, message=reason))
