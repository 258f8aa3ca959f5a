"""Tables of queries: their residuals in the frames of the cells they visit, and distances of those to centroids.

Costs O(d^2 + k d) a query and cell: the rotation outweighs the table, and both outweigh the scan of a short list. So
tables are built once per query and cell (or half-cell of a multi-index) and shared by all lists and segments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["local_queries", "subvector_tables"]


@compiled
def local_queries(
    queries: NDArray[np.float32],
    cells: NDArray[np.int64],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R (q - offset)`` of each query in the frame of each cell that it visits.

    Parameters
    ----------
    queries : float32 (n, d)
        One part of the projected queries.
    cells : int64 (n, n_probe)
    offsets : float32 (n_coarse, d)
    rotations : float32 or int8 (n_rotations, n_axes, d)
        Rows are axes, each divided by its scale; none stands for the identity.
    scales : float32 (n_rotations, n_axes)
    rotation_of_cell : int32 (n_coarse,)

    Returns
    -------
    float32 (n * n_probe, n_axes)
    """
    n, d = queries.shape
    n_probe = cells.shape[1]
    n_axes = rotations.shape[1] if len(rotations) > 0 else d
    out = np.empty((n * n_probe, n_axes), np.float32)
    residual = np.empty(d, np.float32)
    for q in range(n):
        for s in range(n_probe):
            cell = cells[q, s]
            row = out[q * n_probe + s]
            for j in range(d):
                residual[j] = queries[q, j] - offsets[cell, j]
            if len(rotations) == 0:
                for j in range(d):
                    row[j] = residual[j]
                continue
            rotation = rotations[rotation_of_cell[cell]]
            scale = scales[rotation_of_cell[cell]]
            for i in range(0, n_axes - 3, 4):  # four rows at once share what is read of the residual
                a, b, c, e = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                first, second, third, fourth = rotation[i], rotation[i + 1], rotation[i + 2], rotation[i + 3]
                for j in range(d):
                    value = residual[j]
                    a += np.float32(first[j]) * value
                    b += np.float32(second[j]) * value
                    c += np.float32(third[j]) * value
                    e += np.float32(fourth[j]) * value
                row[i], row[i + 1] = a * scale[i], b * scale[i + 1]
                row[i + 2], row[i + 3] = c * scale[i + 2], e * scale[i + 3]
            for i in range(n_axes - n_axes % 4, n_axes):
                total = np.float32(0)
                for j in range(d):
                    total += np.float32(rotation[i, j]) * residual[j]
                row[i] = total * scale[i]
    return out


@compiled
def subvector_tables(local: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances of sub-vectors to the centroids of their codebooks.

    Parameters
    ----------
    local : float32 (n, m * sub_dim)
    codebooks : float32 (m, sub_dim, n_centroids)
        Centroids along the last axis, so that they are compared side by side.

    Returns
    -------
    float32 (n, m, n_centroids)
    """
    m, sub_dim, k = codebooks.shape
    tables = np.empty((len(local), m, k), np.float32)
    for i in range(len(local)):
        for q in range(m):
            for c in range(k):
                tables[i, q, c] = 0
            for t in range(sub_dim):
                value = local[i, q * sub_dim + t]
                for c in range(k):
                    difference = value - codebooks[q, t, c]
                    tables[i, q, c] += difference * difference
    return tables
