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
    "codeword_sums",
    "encode_additive",
    "encode_subvectors",
    "exact_distances",
    "join_keys",
    "label_sums",
    "local_queries",
    "multisequence",
    "nearest_cells",
    "nearest_rows",
    "pack_codes",
    "rotate",
    "rotate_back",
    "row_products",
    "scan_lists",
    "search_whole",
    "split_keys",
    "subvector_tables",
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
    out = np.zeros((len(vectors), rotations.shape[1] if len(rotations) else vectors.shape[1]), np.float32)
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
    out = np.zeros((len(rotated), offsets.shape[1]), np.float32)
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


def local_queries(
    queries: NDArray[np.float32],
    cells: NDArray[np.int64],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R (q - offset)`` of each query in the frame of each cell that it visits."""
    return rotate(
        np.repeat(queries, cells.shape[1], axis=0),
        cells.reshape(-1).astype(np.int32),
        offsets,
        rotations,
        scales,
        rotation_of_cell,
    )


def subvector_tables(
    local: NDArray[np.float32], first: NDArray[np.int64], codebooks: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Squared distances of sub-vectors to the centroids of their codebooks."""
    _, d, k = codebooks.shape
    m = local.shape[1] // d
    out = np.zeros((len(local), m, k), np.float32)
    for i, x in enumerate(local.astype(np.float64)):
        for j in range(m):
            codebook = codebooks[first[i] + j].astype(np.float64)
            for c in range(k):
                out[i, j, c] = ((x[j * d : (j + 1) * d] - codebook[:, c]) ** 2).sum()
    return out


def encode_additive(scores: NDArray[np.float32], cross: NDArray[np.float32], beam: int) -> NDArray[np.uint8]:
    """Codes whose sum of codewords is near each vector: a beam over the codebooks in order, then exchanges."""
    n, m = len(scores), scores.shape[1] // 16
    out = np.zeros((n, m), np.uint8)

    def cost(i: int, chain: list[int]) -> float:
        places = [16 * j + c for j, c in enumerate(chain)]
        pairs = sum(float(cross[a, b]) for number, a in enumerate(places) for b in places[:number])
        return sum(float(scores[i, place]) for place in places) + pairs

    for i in range(n):
        chains: list[list[int]] = [[]]
        for _ in range(m):
            longer = [[*chain, c] for chain in chains for c in range(16)]
            chains = sorted(longer, key=lambda chain: cost(i, chain))[:beam]
        best = chains[0]
        for _ in range(4):
            for j in range(m):
                best = min([best, *([*best[:j], c, *best[j + 1 :]] for c in range(16))], key=lambda c: cost(i, c))
        out[i] = best
    return out


def codeword_sums(
    codes: NDArray[np.uint8], weights: NDArray[np.float32], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Give the sums of the normal equations for codebooks: one-hot codes A give ``A^T W A`` and ``A^T W X``."""
    n, m = codes.shape
    hot = np.zeros((n, 16 * m))
    for i in range(n):
        for j in range(m):
            hot[i, 16 * j + int(codes[i, j])] = 1
    weighted = hot * weights[:, None].astype(np.float64)
    return weighted.T @ hot, (weighted.T @ vectors).astype(np.float32)


def label_sums(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], n_labels: int, first: int, last: int
) -> NDArray[np.float64]:
    """Sum the vectors of each label, in some of their dimensions."""
    sums = np.zeros((n_labels, last - first))
    for x, label in zip(vectors, labels, strict=True):
        sums[label] += x[first:last]
    return sums


def encode_subvectors(
    local: NDArray[np.float32], first: NDArray[np.int64], codebooks: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Nearest centroid of each sub-vector; the first of equals wins."""
    d = codebooks.shape[1]
    m = local.shape[1] // d
    out = np.zeros((len(local), m), np.uint8)
    for i in range(len(local)):
        for j in range(m):
            part = local[i, j * d : (j + 1) * d].astype(np.float64)
            codebook = codebooks[first[i] + j].astype(np.float64)
            out[i, j] = ((part[:, None] - codebook) ** 2).sum(axis=0).argmin()
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
    lists: NDArray[np.int64],
    biases: NDArray[np.float32],
    level_scales: NDArray[np.float32],
    levels: NDArray[np.float32],
    offsets: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    admitted: NDArray[np.bool_],
    depth: int,
    *,
    rescore: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Nearest rows of some lists, with or without ``rescore``: every code summed, then sorted by distance and row."""
    k = tables.shape[2]
    lanes = blocks.shape[2]
    distances, rows = np.full((len(lists), depth), np.inf, np.float32), np.full((len(lists), depth), -1, np.int64)
    for q, visited in enumerate(lists):
        found: list[tuple[float, int]] = []
        for i, here in enumerate(visited):
            if here < 0:
                continue
            table = np.concatenate([*(tables[slot] for slot in slots[q, i]), *(level_scales[q, i] * levels)[:, None]])
            m = len(table)
            for row in range(offsets[here], offsets[here + 1]):
                if len(admitted) and not admitted[row]:
                    continue
                place = row - offsets[here]
                packed = blocks[first_blocks[here] + place // lanes, :, place % lanes]
                code = unpack_codes(packed[None], m, 4 if k == 16 else 8)[0]
                found.append((float(biases[q, i]) + sum(float(table[j, code[j]]) for j in range(m)), int(row)))
        for place, (distance, row) in enumerate(sorted(found)[:depth]):
            distances[q, place], rows[q, place] = distance, row
    return distances, rows


def nearest_rows(
    queries: NDArray[np.float32],
    vectors: NDArray[np.floating],
    rows: NDArray[np.int64],
    k: int,
    to_zero: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Nearest by squared distance among some rows of each query; to vectors of zeros it is ``to_zero``."""
    distances, found = np.full((len(queries), k), np.inf, np.float32), np.full((len(queries), k), -1, np.int64)
    for q, query in enumerate(queries):
        pairs = []
        for row in rows[q][rows[q] >= 0]:
            zero = to_zero is not None and not vectors[row].any()
            pairs.append((to_zero if zero else exact_distances(query, vectors[row : row + 1])[0], row))
        for place, (distance, row) in enumerate(sorted(pairs)[:k]):
            distances[q, place], found[q, place] = distance, row
    return distances, found


def search_whole(
    queries: NDArray[np.float32],
    near: NDArray[np.float32],
    tables: NDArray[np.float32],
    norm_means: NDArray[np.float32],
    norm_scales: NDArray[np.float32],
    levels: NDArray[np.float32],
    offsets: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    vectors: NDArray[np.floating],
    n_probe: int,
    depth: int,
    k: int,
    to_zero: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Order all cells, sum the codes of the nearest, and compare the nearest by these exactly."""
    lists = nearest_cells(near, n_probe)
    slots = np.repeat(np.arange(len(lists)), n_probe).reshape(*lists.shape, 1)
    biases = np.take_along_axis(near, lists, axis=1) + norm_means[lists]
    none = np.empty(0, np.bool_)
    _, rows = scan_lists(
        tables, slots, lists, biases, norm_scales[lists], levels, offsets, first_blocks, blocks, none, depth
    )
    return *nearest_rows(queries, vectors, rows, k, to_zero), np.diff(offsets)[lists].sum(axis=1)


def row_products(
    query: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Inner products of one query with some rows."""
    return np.array([vectors[row].astype(np.float64) @ query.astype(np.float64) for row in rows], np.float32)


def join_keys(distances: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Keys that order by distance, then by row; behind all others where the row is -1."""
    out = np.zeros(distances.shape, np.uint64)
    for place, distance in np.ndenumerate(distances):
        bits = int(np.float32(distance).view(np.uint32))
        turned = 2**32 - 1 - bits if bits >= 2**31 else bits + 2**31
        out[place] = turned * 2**32 + int(rows[place]) if rows[place] >= 0 else 2**64 - 1
    return out


def split_keys(keys: NDArray[np.uint64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Undo :func:`join_keys`; ``inf`` and -1 of empty slots."""
    distances, rows = np.full(keys.shape, np.inf, np.float32), np.full(keys.shape, -1, np.int64)
    for place, key in np.ndenumerate(keys):
        if int(key) == 2**64 - 1:
            continue
        turned, rows[place] = divmod(int(key), 2**32)
        bits = turned - 2**31 if turned >= 2**31 else 2**32 - 1 - turned
        distances[place] = np.uint32(bits).view(np.float32)
    return distances, rows


def nearest_cells(distances: NDArray[np.float32], n_wanted: int) -> NDArray[np.int64]:
    """Positions of the smallest distances of each row, nearest first; equal ones in the order of position."""
    return np.stack([top_k(row, n_wanted) for row in distances])


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
