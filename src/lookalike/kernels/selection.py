"""Which rows are nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["top_k"]


def top_k(distances: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the ``k`` smallest distances, nearest first; equal ones in order of position.

    A partial selection, then a stable sort of what can be among the first: O(n + k log k).

    Parameters
    ----------
    distances : float32 (n,), no NaN
    k : int

    Returns
    -------
    int64 (min(k, n),)
    """
    if k >= len(distances):
        return np.argsort(distances, kind="stable")
    if k <= 0:
        return np.empty(0, np.int64)
    limit = np.partition(distances, k - 1)[k - 1]
    near = np.flatnonzero(distances <= limit)
    return near[np.argsort(distances[near], kind="stable")[:k]]
