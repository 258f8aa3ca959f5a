"""What is done when: flushes, merges, training and re-coding, in threads or inside of the calls that make them due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from lookalike.errors import LiveIndexError, LookalikeError
from lookalike.index.live import merge, recall, training
from lookalike.index.live.background import Background
from lookalike.index.live.flush import flush
from lookalike.index.live.settings import Opening
from lookalike.index.live.store import Store

__all__ = ["Upkeep"]

_log = logging.getLogger(__name__)
_STALL_STEP_SECONDS = 0.05
_UNTRAINED_BYTES = 1 << 28
"""What memory may hold before there is a model."""


class Upkeep:
    """Keeps a store in shape.

    Parameters
    ----------
    store : Store
    opening : Opening

    Attributes
    ----------
    n_stalls : int
        Calls that had to wait until memory was flushed.
    stall_seconds : float
    """

    def __init__(self, store: Store, opening: Opening) -> None:
        self._store = store
        self._opening = opening
        self.n_stalls = 0
        self.stall_seconds = 0.0
        self._n_changed = 0
        self._failure: Exception | None = None
        self._background: Background | None = None
        if opening.background:
            self._background = Background([self._flush_step, self._upkeep_step], store.stopping)
            self._background.wake()
        else:
            self._run()

    @property
    def failure(self) -> Exception | None:
        """What went wrong in the background and was not raised yet."""
        return self._failure if self._background is None else self._background.failure

    def make_room(self) -> None:
        """Wait while memory holds twice what it should and something is being done about it."""
        limit = 2 * self._opening.flush_at
        if self._background is None or self._store.follower.n_rows < limit:
            return
        snapshot = self._store.follower.current()
        if snapshot.model is None:  # while the first one is trained nothing can be flushed
            if snapshot.n_vectors < self._opening.train_from:
                return
            limit = max(limit, _UNTRAINED_BYTES // (4 * snapshot.dim))
            if self._store.follower.n_rows < limit:
                return
        started = time.perf_counter()
        self._background.wake()
        while self._store.follower.n_rows >= limit and self._background.failure is None:
            if self._background.wait(_STALL_STEP_SECONDS):
                break
        self.n_stalls += 1
        self.stall_seconds += time.perf_counter() - started

    def changed(self, n: int) -> None:
        """Do, or have done, what a change of ``n`` vectors made due."""
        if self._background is None:
            self._run()
            return
        self._n_changed += n  # of threads that add at once one may be forgotten, until the next change
        due = self._store.follower.n_rows >= self._opening.flush_at
        if due or self._n_changed > self._opening.flush_at // 4 or self._young():
            self._n_changed = 0
            self._background.wake()

    def wait(self) -> None:
        """Wait until nothing is due any more, and raise what failed."""
        if self._background is not None:
            self._background.wake()
            self._background.wait()
        self._raise_failure()

    def flush(self) -> None:
        """Write memory as a segment, where there is a model; else take the mean of what is there."""
        self._raise_failure()
        if not flush(self._store):
            training.renew_mean(self._store, growth=0.0)
        self.changed(self._opening.flush_at)

    def compact(self) -> None:
        """Bring everything into one segment without dead rows."""
        self._raise_failure()
        with self._store.upkeep:
            while training.recode_step(self._store):
                pass
            flush(self._store)
            merge.merge(self._store, self._opening.flush_at, everything=True)

    def train(self, progress: Callable[[int, int], None] | None) -> None:
        """Train a model and code everything with it; see :meth:`LiveIndex.train`."""
        self._raise_failure()
        with self._store.upkeep:
            training.train(self._store)
            while (counts := training.n_recoded(self._store)) is not None:
                if progress is not None:
                    progress(*counts)
                training.recode_step(self._store)
        self.changed(self._opening.flush_at)

    def stop(self) -> None:
        """Stop what runs in the background, and flush."""
        if self._background is not None:
            self._background.stop()
        try:
            if not flush(self._store):
                training.renew_mean(self._store, growth=0.0)
        except LookalikeError as error:  # memory is in the database, and is read from there when it is opened again
            _log.warning("memory was not flushed at closing: %s", error)

    def _run(self) -> None:
        if self._failure is not None:  # until it was told
            return
        try:
            while self._flush_step() or self._upkeep_step():
                pass
        except LookalikeError as error:  # what was asked for is done; the next `flush` tells
            _log.warning("upkeep of the live index failed: %s", error)
            self._failure = error

    def _flush_step(self) -> bool:
        if self._store.follower.n_rows >= self._opening.flush_at and flush(self._store):
            return True
        return training.renew_mean(self._store)

    def _upkeep_step(self) -> bool:
        store = self._store
        if training.recode_step(store):
            return True
        with store.upkeep:
            if training.is_due(store, self._opening.train_from):
                training.train(store)
                return True
        return merge.merge(store, self._opening.flush_at) or recall.look(store, self._opening.flush_at)

    def _young(self) -> bool:
        """Whether there is no model yet, so that any change may make a mean or a model due."""
        return self._store.follower.current().model is None

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if self._background is not None:
            failure = self._background.take_failure()
        if failure is not None:
            raise LiveIndexError(f"upkeep in the background failed: {failure}") from failure
