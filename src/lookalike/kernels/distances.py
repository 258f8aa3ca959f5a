"""Squared Euclidean distances: to the nearest of many centroids, and from one query to many vectors.

``assign`` uses ``|x|^2 - 2 x.c + |c|^2``, one matrix product per block: O(n k d) at the speed of GEMM. Both sides are
first moved by the centroids' mean, because the expansion loses digits when vectors lie far from the origin.
``exact_distances`` takes differences, so that equal vectors have distance 0 and no digit is lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["assign", "exact_distances"]

_BLOCK_VALUES = 1 << 22
"""Entries of the distance matrix held at once by :func:`assign` (16 MiB). Fixed, so that results are."""


def assign(
    vectors: NDArray[np.float32], centroids: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest centroid of each vector and the squared distance to it; the first of equals wins.

    Parameters
    ----------
    vectors : float32 (n, d)
    centroids : float32 (k, d), k >= 1

    Returns
    -------
    labels : int32 (n,)
    distances : float32 (n,)
        Squared.
    """
    n = len(vectors)
    labels = np.empty(n, np.int32)
    nearest = np.empty(n, np.float32)
    shift = centroids.mean(axis=0, dtype=np.float64).astype(np.float32)
    moved = centroids - shift
    half_norms = 0.5 * np.einsum("kd,kd->k", moved, moved)
    scaled = np.ascontiguousarray(moved.T)  # (d, k)
    block = max(256, _BLOCK_VALUES // max(1, len(centroids)))
    for start in range(0, n, block):
        x = vectors[start : start + block] - shift
        scores = x @ scaled  # (b, d) x (d, k)
        scores -= half_norms
        best = scores.argmax(axis=1)
        labels[start : start + block] = best
        difference = x - moved[best]
        nearest[start : start + block] = np.einsum("nd,nd->n", difference, difference)
    return labels, nearest


def exact_distances(query: NDArray[np.float32], vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Squared distance from one query to each vector.

    Parameters
    ----------
    query : float32 (d,)
    vectors : float16 or float32 (n, d)

    Returns
    -------
    float32 (n,)
    """
    difference = vectors.astype(np.float32) - query
    distances: NDArray[np.float32] = np.einsum("nd,nd->n", difference, difference)
    return distances
