"""Codes of sub-vectors: the nearest centroid of each codebook, O(n k d) for n vectors of d dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["encode_subvectors"]


def encode_subvectors(
    local: NDArray[np.float32], first: NDArray[np.int64], codebooks: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Nearest centroid of each sub-vector; the first of equals wins.

    Parameters
    ----------
    local : float32 (n, m * sub_dim)
    first : int64 (n,)
        Which codebook each row's first sub-vector uses; its others use those that follow.
    codebooks : float32 (n_codebooks, sub_dim, n_centroids)
        Centroids along the last axis, so that they are compared side by side.

    Returns
    -------
    uint8 (n, m)
    """
    # cell by cell: codebooks are read from memory once for all the vectors that need them
    return _encode_subvectors(local, first, np.argsort(first, kind="stable"), codebooks)


@compiled
def _encode_subvectors(
    local: NDArray[np.float32],
    first: NDArray[np.int64],
    order: NDArray[np.int64],
    codebooks: NDArray[np.float32],
) -> NDArray[np.uint8]:
    _, sub_dim, k = codebooks.shape
    m = local.shape[1] // sub_dim
    codes = np.empty((len(local), m), np.uint8)
    distances = np.empty(k, np.float32)
    for i in order:
        for q in range(m):
            codebook = codebooks[first[i] + q]
            for c in range(k):
                distances[c] = 0
            for t in range(sub_dim):
                value = local[i, q * sub_dim + t]
                for c in range(k):
                    difference = value - codebook[t, c]
                    distances[c] += difference * difference
            best = 0
            for c in range(1, k):
                if distances[c] < distances[best]:
                    best = c
            codes[i, q] = best
    return codes
