"""Exact distances from queries to chosen rows of stored vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.half import widened

__all__ = ["rerank_distances"]


def rerank_distances(
    queries: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Squared distance from each query to each of its rows.

    Parameters
    ----------
    queries : float32 (n_queries, d)
    vectors : float16 or float32 (n, d), C-contiguous
    rows : int64 (n_queries, depth)
        -1 for none.

    Returns
    -------
    float32 (n_queries, depth)
        ``inf`` where there is no row.
    """
    if vectors.dtype == np.float16:
        return _from_half(queries, vectors.view(np.uint16), rows)
    return _from_single(queries, vectors, rows)


@compiled
def _from_half(queries: NDArray[np.float32], bits: NDArray[np.uint16], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    distances = np.empty(rows.shape, np.float32)
    for q in range(len(queries)):
        query = queries[q]
        for i in range(rows.shape[1]):
            if rows[q, i] < 0:
                distances[q, i] = np.inf
                continue
            row = bits[rows[q, i]]
            total = np.float32(0)
            for j in range(len(query)):
                difference = widened(row[j]) - query[j]
                total += difference * difference
            distances[q, i] = total
    return distances


@compiled
def _from_single(
    queries: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    distances = np.empty(rows.shape, np.float32)
    for q in range(len(queries)):
        query = queries[q]
        for i in range(rows.shape[1]):
            if rows[q, i] < 0:
                distances[q, i] = np.inf
                continue
            row = vectors[rows[q, i]]
            total = np.float32(0)
            for j in range(len(query)):
                difference = row[j] - query[j]
                total += difference * difference
            distances[q, i] = total
    return distances
