"""The slow, obvious definition of every kernel: one loop per index, float64, no tricks.

A kernel is right when it equals its namesake here: exactly where the result is made of integers, within rounding
where it is made of floats. Nothing in the product calls this module.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "adc_scan",
    "adc_tables",
    "assign",
    "exact_distances",
    "list_rows",
    "multisequence",
    "pack_codes",
    "rotate",
    "rotate_back",
    "top_k",
    "unpack_codes",
]


def assign(
    vectors: NDArray[np.float32], centroids: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Nearest centroid of each vector and the squared distance to it; the first of equals wins."""
    labels = np.zeros(len(vectors), np.int32)
    nearest = np.zeros(len(vectors), np.float32)
    for i, x in enumerate(vectors.astype(np.float64)):
        best = np.inf
        for j, c in enumerate(centroids.astype(np.float64)):
            distance = float(((x - c) ** 2).sum())
            if distance < best:
                best, labels[i] = distance, j
        nearest[i] = best
    return labels, nearest


def exact_distances(query: NDArray[np.float32], vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Squared distance from one query to each vector."""
    return np.array(
        [sum((float(q) - float(v)) ** 2 for q, v in zip(query, x, strict=True)) for x in vectors], np.float32
    )


def rotate(
    vectors: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R (x - offset)`` with the offset of each vector's cell and the rotation which that cell uses."""
    out = np.zeros(vectors.shape, np.float32)
    for i, x in enumerate(vectors.astype(np.float64)):
        residual = x - offsets[cells[i]].astype(np.float64)
        if len(rotations):
            residual = rotations[rotation_of_cell[cells[i]]].astype(np.float64) @ residual
        out[i] = residual
    return out


def rotate_back(
    rotated: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R^T y + offset``: undoes :func:`rotate`, since R is orthogonal."""
    out = np.zeros(rotated.shape, np.float32)
    for i, y in enumerate(rotated.astype(np.float64)):
        residual = rotations[rotation_of_cell[cells[i]]].astype(np.float64).T @ y if len(rotations) else y
        out[i] = residual + offsets[cells[i]].astype(np.float64)
    return out


def pack_codes(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Two 4-bit codes per byte, the even sub-quantizer in the low half; 8-bit codes as they are."""
    if bits == 8:
        return codes.copy()
    n, m = codes.shape
    out = np.zeros((n, (m + 1) // 2), np.uint8)
    for i in range(n):
        for j in range(m):
            out[i, j // 2] += int(codes[i, j]) * (16 if j % 2 else 1)
    return out


def unpack_codes(packed: NDArray[np.uint8], n_subquantizers: int, bits: int) -> NDArray[np.uint8]:
    """Undo :func:`pack_codes`."""
    if bits == 8:
        return packed.copy()
    out = np.zeros((len(packed), n_subquantizers), np.uint8)
    for i in range(len(packed)):
        for j in range(n_subquantizers):
            out[i, j] = packed[i, j // 2] // 16 if j % 2 else packed[i, j // 2] % 16
    return out


def adc_tables(rotated: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distance of each sub-vector of each rotated query residual to each centroid of its codebook."""
    m, k, d = codebooks.shape
    out = np.zeros((len(rotated), m, k), np.float32)
    for i in range(len(rotated)):
        for j in range(m):
            part = rotated[i, j * d : (j + 1) * d].astype(np.float64)
            for c in range(k):
                out[i, j, c] = ((part - codebooks[j, c].astype(np.float64)) ** 2).sum()
    return out


def adc_scan(tables: NDArray[np.float32], codes: NDArray[np.uint8], slots: NDArray[np.int64]) -> NDArray[np.float32]:
    """Asymmetric distance of each packed code: the sum over sub-quantizers of the table of the code's slot."""
    _, m, k = tables.shape
    unpacked = unpack_codes(codes, m, 4 if k == 16 else 8)
    out = np.zeros(len(codes), np.float32)
    for i, slot in enumerate(slots):
        out[i] = sum(float(tables[slot, j, unpacked[i, j]]) for j in range(m))
    return out


def multisequence(
    first: NDArray[np.float32], second: NDArray[np.float32], n_cells: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give the ``n_cells`` pairs (i, j) of smallest ``first[i] + second[j]``, in order.

    Equal sums come in the order of i's rank in ``first``, then of j's rank in ``second``.
    """
    rank_1 = np.argsort(first, kind="stable")
    rank_2 = np.argsort(second, kind="stable")
    pairs = sorted(
        (float(np.float32(first[i]) + np.float32(second[j])), a, b)
        for a, i in enumerate(rank_1)
        for b, j in enumerate(rank_2)
    )[:n_cells]
    cells = np.array([(rank_1[a], rank_2[b]) for _, a, b in pairs], np.int32).reshape(-1, 2)
    return cells, np.array([distance for distance, _, _ in pairs], np.float32)


def top_k(distances: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the ``k`` smallest distances, nearest first; equal ones in order of position."""
    order = sorted(range(len(distances)), key=lambda i: (float(distances[i]), i))
    return np.array(order[:k], np.int64)


def list_rows(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All rows of the lists ``[start, end)``, one after the other, and the number of the list each came from."""
    rows = [row for start, end in zip(starts, ends, strict=True) for row in range(start, end)]
    numbers = [i for i, (start, end) in enumerate(zip(starts, ends, strict=True)) for _ in range(start, end)]
    return np.array(rows, np.int64), np.array(numbers, np.int64)
