"""Tables of queries: their residuals in the frames of the cells they visit, and distances of those to centroids.

Costs O(d^2 + k d) a query and cell: the rotation outweighs the table, and both outweigh the scan of a short list. So
tables are built once per query and cell (or half-cell of a multi-index) and shared by all lists and segments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["local_queries", "subvector_tables"]


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
    # cell by cell: a rotation is read from memory once for all the queries that need it
    order = np.argsort(cells, axis=None, kind="stable")
    return _local_queries(queries, cells, order, offsets, rotations, scales, rotation_of_cell)


@compiled
def _local_queries(
    queries: NDArray[np.float32],
    cells: NDArray[np.int64],
    order: NDArray[np.int64],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    n, d = queries.shape
    n_probe = cells.shape[1]
    n_axes = rotations.shape[1] if len(rotations) > 0 else d
    out = np.empty((n * n_probe, n_axes), np.float32)
    residual = np.empty(d, np.float32)
    for place in order:
        q, cell = place // n_probe, cells[place // n_probe, place % n_probe]
        row = out[place]
        for j in range(d):
            residual[j] = queries[q, j] - offsets[cell, j]
        if len(rotations) == 0:
            for j in range(d):
                row[j] = residual[j]
            continue
        rotation, scale = rotations[rotation_of_cell[cell]], scales[rotation_of_cell[cell]]
        for i in range(n_axes):
            total = np.float32(0)
            for j in range(d):
                total += np.float32(rotation[i, j]) * residual[j]
            row[i] = total * scale[i]
    return out


def subvector_tables(
    local: NDArray[np.float32], first: NDArray[np.int64], codebooks: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Squared distances of sub-vectors to the centroids of their codebooks.

    Parameters
    ----------
    local : float32 (n, m * sub_dim)
    first : int64 (n,)
        Which codebook each row's first sub-vector uses; its others use those that follow.
    codebooks : float32 (n_codebooks, sub_dim, n_centroids)
        Centroids along the last axis, so that they are compared side by side.

    Returns
    -------
    float32 (n, m, n_centroids)
    """
    return _subvector_tables(local, first, np.argsort(first, kind="stable"), codebooks)


@compiled
def _subvector_tables(
    local: NDArray[np.float32],
    first: NDArray[np.int64],
    order: NDArray[np.int64],
    codebooks: NDArray[np.float32],
) -> NDArray[np.float32]:
    _, sub_dim, k = codebooks.shape
    m = local.shape[1] // sub_dim
    tables = np.empty((len(local), m, k), np.float32)
    for i in order:
        for q in range(m):
            codebook, table = codebooks[first[i] + q], tables[i, q]
            for c in range(k):
                table[c] = 0
            for t in range(sub_dim):
                value = local[i, q * sub_dim + t]
                for c in range(k):
                    difference = value - codebook[t, c]
                    table[c] += difference * difference
    return tables
