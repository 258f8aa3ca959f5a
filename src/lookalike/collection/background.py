"""A sample of a collection's embeddings: what the scores of photos that have nothing to do with a query look like.

Memory: 4 bytes for each dimension of 2,048 photos, 10 MB at 1,280 dimensions. Drawn anew when the photos have grown by
half, or when their mean was renewed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.collection.ranking import Logistic, spread_calibration
from lookalike.collection.vectors import VectorView

if TYPE_CHECKING:
    from lookalike.index.live.snapshot import Snapshot

__all__ = ["Background"]

N_SAMPLE = 2048
N_SPREAD = 512
"""Of these, how many are compared with each other for the spread of cosines."""
_GROWTH = 1.5


class Background:
    """The sample of one collection.

    Parameters
    ----------
    vectors : VectorView
    """

    def __init__(self, vectors: VectorView) -> None:
        self._vectors = vectors
        self._lock = threading.Lock()
        self._drawn_from = 0
        self._mean: NDArray[np.float32] | None = None
        self._ids = np.empty(0, np.int64)
        self._embeddings = np.empty((0, 0), np.float32)
        self._calibration: Logistic | None = None

    def sample(self, state: Snapshot) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids int64 (m,) and compared embeddings float32 (m, dim) of photos by chance, the same ones for a while."""
        with self._lock:
            self._renew(state)
            return self._ids, self._embeddings

    def calibration(self, state: Snapshot) -> Logistic:
        """Give the calibration of photos' cosines by their spread in the sample."""
        with self._lock:
            self._renew(state)
            if self._calibration is None:
                some = np.random.default_rng(0).permutation(len(self._ids))[:N_SPREAD]
                self._calibration = spread_calibration(self._embeddings[some])
            return self._calibration

    def _renew(self, state: Snapshot) -> None:
        grown = not self._drawn_from <= state.n_vectors <= _GROWTH * self._drawn_from
        if grown or self._mean is not state.space.mean or not self._drawn_from:
            ids = state.ids()
            rng = np.random.default_rng(len(ids))
            self._ids = np.sort(rng.choice(ids, min(len(ids), N_SAMPLE), replace=False))
            self._embeddings = self._vectors.compared(state, self._ids)
            self._mean, self._drawn_from = state.space.mean, state.n_vectors
            self._calibration = None
