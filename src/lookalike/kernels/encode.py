"""Codes of sub-vectors: the nearest centroid of each codebook, O(n k d) for n vectors of d dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["encode_subvectors"]


@compiled
def encode_subvectors(local: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Nearest centroid of each sub-vector; the first of equals wins.

    Parameters
    ----------
    local : float32 (n, m * sub_dim)
    codebooks : float32 (m, sub_dim, n_centroids)
        Centroids along the last axis, so that they are compared side by side.

    Returns
    -------
    uint8 (n, m)
    """
    m, sub_dim, k = codebooks.shape
    codes = np.empty((len(local), m), np.uint8)
    distances = np.empty(k, np.float32)
    for i in range(len(local)):
        for q in range(m):
            for c in range(k):
                distances[c] = 0
            for t in range(sub_dim):
                value = local[i, q * sub_dim + t]
                for c in range(k):
                    difference = value - codebooks[q, t, c]
                    distances[c] += difference * difference
            best = 0
            for c in range(1, k):
                if distances[c] < distances[best]:
                    best = c
            codes[i, q] = best
    return codes
