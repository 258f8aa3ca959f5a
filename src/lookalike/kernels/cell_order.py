"""Cells by growing distance to a query; of a multi-index without looking at all of them.

Of one codebook all distances are there. The least of every sixteen bound what can be among the first, so that most of
them are looked at by sixteens only.

Of two: Babenko & Lempitsky, "The inverted multi-index", CVPR 2012, algorithm 1. A heap holds the frontier of the
staircase of visited pairs; a pair enters once both its neighbours below have left, so the heap stays under
``n_coarse`` entries and T cells cost O(T log T) after two sorts of ``n_coarse`` distances.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import key_of, select_keys
from lookalike.kernels.rows import row_least

__all__ = ["multisequence", "nearest_cells", "order_cells"]


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


def nearest_cells(distances: NDArray[np.float32], n_wanted: int) -> NDArray[np.int64]:
    """Positions of the smallest distances of each row, nearest first; equal ones in the order of position.

    Parameters
    ----------
    distances : float32 (n, n_cells)
    n_wanted : int
        From 1 to n_cells.

    Returns
    -------
    int64 (n, n_wanted)
    """
    out = np.empty((len(distances), n_wanted), np.int64)
    _nearest_cells(np.ascontiguousarray(distances), out)
    return out


@compiled
def _nearest_cells(distances: NDArray[np.float32], out: NDArray[np.int64]) -> None:
    n_cells = distances.shape[1]
    least, keys = np.empty(n_cells // 16, np.float32), np.empty(n_cells, np.uint64)
    for i in range(len(distances)):
        order_cells(distances[i], out[i], least, keys)


@compiled
def order_cells(
    distances: NDArray[np.float32], out: NDArray[np.int64], least: NDArray[np.float32], keys: NDArray[np.uint64]
) -> None:
    """Fill ``out`` with the positions of the smallest of ``distances``, as :func:`nearest_cells` does for each row.

    ``least`` (n_cells // 16,) and ``keys`` (n_cells,) are of no meaning before and after.
    """
    n_cells, n_wanted = len(distances), len(out)
    n_rows = n_cells // 16
    row_at = distances.ctypes.data
    limit = np.float32(np.inf)
    if n_wanted <= n_rows:
        for r in range(n_rows):
            least[r] = row_least(row_at + 64 * r)
            keys[r] = key_of(least[r], r)
        # as many rows as are wanted have something up to here
        limit = least[select_keys(keys, n_rows, n_wanted) & np.uint64(0xFFFFFFFF)]
    n_found = 0
    for r in range(n_rows + 1):
        if r < n_rows and n_wanted <= n_rows and least[r] > limit:
            continue
        for t in range(16 * r, min(16 * r + 16, n_cells)):
            if distances[t] <= limit:
                keys[n_found] = key_of(distances[t], t)
                n_found += 1
    if n_found > n_wanted:
        select_keys(keys, n_found, n_wanted)
    nearest = keys[:n_wanted]
    nearest.sort()
    for s in range(n_wanted):
        out[s] = np.int64(nearest[s] & np.uint64(0xFFFFFFFF))
