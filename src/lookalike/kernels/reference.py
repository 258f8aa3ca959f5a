"""The slow, obvious definition of every kernel: one loop per index, float64, no tricks.

A kernel is right when it equals its namesake here: exactly where the result is made of integers, within rounding
where it is made of floats. Nothing in the product calls this module.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "assign",
    "block_codes",
    "encode_subvectors",
    "exact_distances",
    "multisequence",
    "pack_codes",
    "query_tables",
    "rerank_distances",
    "rotate",
    "rotate_back",
    "scan_lists",
    "top_k",
    "unblock_codes",
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
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R (x - offset)`` with the offset of each vector's cell and the rotation which that cell uses."""
    out = np.zeros(vectors.shape, np.float32)
    for i, x in enumerate(vectors.astype(np.float64)):
        residual = x - offsets[cells[i]].astype(np.float64)
        if len(rotations):
            rotation = rotation_of_cell[cells[i]]
            residual = (rotations[rotation].astype(np.float64) @ residual) * scales[rotation]
        out[i] = residual
    return out


def rotate_back(
    rotated: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R^T y + offset``: undoes :func:`rotate`, since R is orthogonal."""
    out = np.zeros(rotated.shape, np.float32)
    for i, y in enumerate(rotated.astype(np.float64)):
        residual = y
        if len(rotations):
            rotation = rotation_of_cell[cells[i]]
            residual = rotations[rotation].astype(np.float64).T @ (y * scales[rotation])
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


def query_tables(
    query: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
    codebooks: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Squared distances of a query's sub-vectors, in the frame of each cell, to the centroids of their codebooks."""
    m, d, k = codebooks.shape
    out = np.zeros((len(cells), m, k), np.float32)
    for i, cell in enumerate(cells):
        local = rotate(query[None], np.array([cell]), offsets, rotations, scales, rotation_of_cell)[0].astype(
            np.float64
        )
        for j in range(m):
            for c in range(k):
                out[i, j, c] = ((local[j * d : (j + 1) * d] - codebooks[j, :, c].astype(np.float64)) ** 2).sum()
    return out


def encode_subvectors(local: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Nearest centroid of each sub-vector; the first of equals wins."""
    m, d, _ = codebooks.shape
    out = np.zeros((len(local), m), np.uint8)
    for i in range(len(local)):
        for j in range(m):
            part = local[i, j * d : (j + 1) * d].astype(np.float64)
            out[i, j] = ((part[:, None] - codebooks[j].astype(np.float64)) ** 2).sum(axis=0).argmin()
    return out


def block_codes(codes: NDArray[np.uint8], offsets: NDArray[np.int64], lanes: int) -> NDArray[np.uint8]:
    """Lay out the codes of lists in blocks of ``lanes``, each list from a new block, filled with 0."""
    blocks = []
    for start, end in pairwise(offsets):
        for row in range(start, end, lanes):
            block = np.zeros((codes.shape[1], lanes), np.uint8)
            for lane in range(min(lanes, end - row)):
                block[:, lane] = codes[row + lane]
            blocks.append(block)
    return np.array(blocks, np.uint8).reshape(-1, codes.shape[1], lanes)


def unblock_codes(blocks: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Undo :func:`block_codes`."""
    lanes = blocks.shape[2]
    codes: list[NDArray[np.uint8]] = []
    first = 0
    for start, end in pairwise(offsets):
        codes += [blocks[first + row // lanes, :, row % lanes] for row in range(end - start)]
        first += -(-(end - start) // lanes)
    return np.array(codes, np.uint8).reshape(-1, blocks.shape[1])


def scan_lists(
    tables: NDArray[np.float32],
    slots: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    admitted: NDArray[np.bool_],
    depth: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Nearest rows of some lists: every code summed, then sorted by distance, equal ones in the order met."""
    m, k = slots.shape[1] * tables.shape[1], tables.shape[2]
    lanes = blocks.shape[2]
    found: list[tuple[float, int, int]] = []
    for i in range(len(slots)):
        table = np.concatenate([tables[slot] for slot in slots[i]])
        for row in range(starts[i], ends[i]):
            if len(admitted) and not admitted[row]:
                continue
            place = row - starts[i]
            packed = blocks[first_blocks[i] + place // lanes, :, place % lanes]
            code = unpack_codes(packed[None], m, 4 if k == 16 else 8)[0]
            found.append((sum(float(table[j, code[j]]) for j in range(m)), len(found), int(row)))
    nearest = sorted(found)[:depth]
    return np.array([f[0] for f in nearest], np.float32), np.array([f[2] for f in nearest], np.int64)


def rerank_distances(
    query: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Squared distance from one query to each of some rows."""
    return exact_distances(query, vectors[rows])


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
