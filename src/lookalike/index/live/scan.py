"""Exact search over vectors that are held as they are compared, some of them dead or not admitted.

As :mod:`lookalike.index.exact`: one matrix product gives distances up to rounding, whatever could still be among the k
nearest is compared again by differences. Here lengths are known beforehand, and dead rows are skipped without copying
the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.kernels.threads import map_blocks

__all__ = ["nearest_rows"]

_QUERIES = 16


def nearest_rows(
    vectors: NDArray[np.float32],
    norms: NDArray[np.float32],
    admitted: NDArray[np.bool_] | None,
    queries: NDArray[np.float32],
    k: int,
    *,
    cosine: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Nearest rows of each query.

    Parameters
    ----------
    vectors : float32 (n, dim)
    norms : float32 (n,)
        Squared lengths of the vectors.
    admitted : bool (n,) or None
        Rows that may be hits; None admits all.
    queries : float32 (n_queries, dim)
    k : int
    cosine : bool
        Vectors are of unit length or zero; a zero vector has cosine 0, a squared distance of 2, to everything.

    Returns
    -------
    rows : int64 (n_queries, k)
        -1 in empty slots.
    squared : float32 (n_queries, k)
        Squared distances, rising; ``inf`` in empty slots.
    """
    rows = np.full((len(queries), k), -1, np.int64)
    squared = np.full((len(queries), k), np.inf, np.float32)
    bound = 2 * np.float32((vectors.shape[1] + 8) * np.finfo(np.float32).eps)
    zero = np.flatnonzero(norms == 0) if cosine else np.empty(0, np.intp)
    barred = np.empty(0, np.intp) if admitted is None else np.flatnonzero(~admitted)

    def block(part: slice) -> None:
        q = queries[part]
        sums = np.einsum("qd,qd->q", q, q)[:, None] + norms
        rough = sums - 2 * (q @ vectors.T)  # (nq, d) x (d, n)
        rough[:, zero] = 2
        slack = bound * sums
        rough[:, barred] = np.inf
        for i, query in enumerate(q):
            possible = np.flatnonzero(_could_be_near(rough[i], slack[i], k))
            distances = kernels.exact_distances(query, vectors[possible])
            if len(zero):
                distances[np.isin(possible, zero)] = 2
            best = kernels.top_k(distances, k)
            rows[part.start + i, : len(best)] = possible[best]
            squared[part.start + i, : len(best)] = distances[best]

    if len(vectors):
        map_blocks(block, len(queries), _QUERIES)
    return rows, squared


def _could_be_near(rough: NDArray[np.float32], slack: NDArray[np.float32], k: int) -> NDArray[np.bool_]:
    """Tell which rows may be among the k nearest, given the rounding of their distances."""
    if len(rough) <= k:
        return np.isfinite(rough)
    limit = np.partition(rough + slack, k - 1)[k - 1]
    possible: NDArray[np.bool_] = (rough - slack <= limit) & np.isfinite(rough)
    return possible
