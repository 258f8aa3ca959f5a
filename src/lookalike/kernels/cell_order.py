"""Cells of a multi-index by growing distance to a query, without looking at all of them.

Babenko & Lempitsky, "The inverted multi-index", CVPR 2012, algorithm 1. A heap holds the frontier of the
staircase of visited pairs; a pair enters once both its neighbours below have left, so the heap stays under
``n_coarse`` entries and T cells cost O(T log T) after two sorts of ``n_coarse`` distances.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["multisequence"]


def multisequence(
    first: NDArray[np.float32], second: NDArray[np.float32], n_cells: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give the ``n_cells`` pairs (i, j) of smallest ``first[i] + second[j]``, in order.

    Parameters
    ----------
    first, second : float32 (n_coarse,)
        Squared distances of the query's halves to the centroids of the two codebooks.
    n_cells : int
        How many are wanted; fewer come back only when there are no more.

    Returns
    -------
    cells : int32 (n, 2)
    distances : float32 (n,)
        Never falling. Equal ones come in the order of the first half's rank, then of the second's.
    """
    rank_1 = np.argsort(first, kind="stable")
    rank_2 = np.argsort(second, kind="stable")
    n_cells = min(n_cells, len(first) * len(second))
    steps, distances = _walk(first[rank_1], second[rank_2], n_cells)
    cells = np.stack([rank_1[steps[:, 0]], rank_2[steps[:, 1]]], axis=1).astype(np.int32)
    return cells, distances


@compiled
def _walk(
    near_1: NDArray[np.float32], near_2: NDArray[np.float32], n_cells: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    steps = np.empty((n_cells, 2), np.int64)
    distances = np.empty(n_cells, np.float32)
    # done[a] is how far row a has been visited; the staircase never rises: done[a] <= done[a - 1].
    done = np.zeros(len(near_1) + 1, np.int64)
    heap = [(near_1[0] + near_2[0], 0, 0)]
    for t in range(n_cells):
        distance, a, b = heapq.heappop(heap)
        distances[t] = distance
        steps[t, 0] = a
        steps[t, 1] = b
        done[a] = b + 1
        if b + 1 < len(near_2) and (a == 0 or done[a - 1] > b + 1):
            heapq.heappush(heap, (near_1[a] + near_2[b + 1], a, b + 1))
        if a + 1 < len(near_1) and done[a + 1] == b:
            heapq.heappush(heap, (near_1[a + 1] + near_2[b], a + 1, b))
    return steps, distances
