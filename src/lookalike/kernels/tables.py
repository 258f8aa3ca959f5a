"""Tables of one query: its residual in the frame of every visited cell, and the distances of that to all centroids.

Costs O(d^2 + k d) a cell: the rotation outweighs the table, and both outweigh the scan of a short list. So tables are
built once per query and cell (or half-cell of a multi-index) and shared by all lists and segments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["query_tables"]


@compiled
def query_tables(
    query: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
    codebooks: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Squared distances of a query's sub-vectors, in the frame of each cell, to the centroids of their codebooks.

    Parameters
    ----------
    query : float32 (d,)
        One part of the projected query.
    cells : int32 (n_slots,)
    offsets : float32 (n_coarse, d)
    rotations : float32 or int8 (n_rotations, d, d)
        Rows are axes, each divided by its scale; none stands for the identity.
    scales : float32 (n_rotations, d)
    rotation_of_cell : int32 (n_coarse,)
    codebooks : float32 (m, sub_dim, n_centroids)
        Centroids along the last axis, so that they are compared side by side.

    Returns
    -------
    float32 (n_slots, m, n_centroids)
    """
    m, sub_dim, k = codebooks.shape
    d = len(query)
    tables = np.empty((len(cells), m, k), np.float32)
    residual = np.empty(d, np.float32)
    local = np.empty(d, np.float32)
    for s in range(len(cells)):
        cell = cells[s]
        for i in range(d):
            residual[i] = query[i] - offsets[cell, i]
        if len(rotations) == 0:
            for i in range(d):
                local[i] = residual[i]
        else:
            rotation = rotation_of_cell[cell]
            for i in range(d):
                total = np.float32(0)
                for j in range(d):
                    total += np.float32(rotations[rotation, i, j]) * residual[j]
                local[i] = total * scales[rotation, i]
        for q in range(m):
            for c in range(k):
                tables[s, q, c] = 0
            for t in range(sub_dim):
                value = local[q * sub_dim + t]
                for c in range(k):
                    difference = value - codebooks[q, t, c]
                    tables[s, q, c] += difference * difference
    return tables
