"""Exact distances from one query to chosen rows of stored vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.half import widened

__all__ = ["rerank_distances"]


def rerank_distances(
    query: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Squared distance from one query to each of some rows.

    Parameters
    ----------
    query : float32 (d,)
    vectors : float16 or float32 (n, d), C-contiguous
    rows : int64 (n_rows,)

    Returns
    -------
    float32 (n_rows,)
    """
    if vectors.dtype == np.float16:
        return _from_half(query, vectors.view(np.uint16), rows)
    return _from_single(query, vectors, rows)


@compiled
def _from_half(query: NDArray[np.float32], bits: NDArray[np.uint16], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    distances = np.empty(len(rows), np.float32)
    for i in range(len(rows)):
        row = bits[rows[i]]
        total = np.float32(0)
        for j in range(len(query)):
            difference = widened(row[j]) - query[j]
            total += difference * difference
        distances[i] = total
    return distances


@compiled
def _from_single(
    query: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    distances = np.empty(len(rows), np.float32)
    for i in range(len(rows)):
        row = vectors[rows[i]]
        total = np.float32(0)
        for j in range(len(query)):
            difference = row[j] - query[j]
            total += difference * difference
        distances[i] = total
    return distances
