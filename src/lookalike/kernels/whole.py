"""A whole search in one call: cells in order, their codes scanned, the nearest of these compared exactly.

For 4-bit additive codes in one frame, of which one table serves all cells of a query, and vectors that are stored. What
Python costs between the steps is half the time of a single query otherwise, and what it reads and writes between them
leaves the processor's cache. The steps are those of :mod:`.cell_order`, :mod:`.nibbles` and :mod:`.rerank`, with the
same results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.cell_order import order_cells
from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import select_keys, split_keys
from lookalike.kernels.nibbles import N_COUNTS, scan_nibbles
from lookalike.kernels.rerank import compare_rows
from lookalike.kernels.simd import chosen_level

__all__ = ["search_whole"]

_NO_MASK = np.empty(0, np.bool_)


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
    """Nearest rows of each query.

    Parameters
    ----------
    queries : float32 (n_queries, d)
        As they are compared with ``vectors``.
    near : float32 (n_queries, n_lists)
        Squared distances to the centroids of all lists, less a constant of each query.
    tables : float32 (n_queries, m, 16)
    norm_means, norm_scales : float32 (n_lists,)
        What is added to all distances of a list, and what ``levels`` are multiplied by in it.
    levels : float32 (n_levels, 16)
    offsets, first_blocks, blocks
        As in :func:`lookalike.kernels.scan_lists`, in blocks of 32.
    vectors : float16 or float32 (n, d), C-contiguous
    n_probe : int
        Lists to visit, from 1 to n_lists.
    depth : int
        Rows that are compared exactly, of each query.
    k : int
        Hits, at most ``depth``.
    to_zero : float, optional
        As in :func:`lookalike.kernels.nearest_rows`.

    Returns
    -------
    distances : float32 (n_queries, k)
        Squared; never falling. Empty slots hold ``inf``.
    rows : int64 (n_queries, k)
        Empty slots hold -1.
    n_codes : int64 (n_queries,)
        Codes of the lists that were visited.
    """
    keys, n_codes = np.empty((len(queries), k), np.uint64), np.empty(len(queries), np.int64)
    bits: NDArray[Any] = vectors.view(np.uint16 if vectors.dtype == np.float16 else np.uint32)
    _search(
        queries,
        near,
        tables.reshape(len(tables), -1),
        norm_means,
        norm_scales,
        levels,
        offsets,
        first_blocks,
        blocks,
        _NO_MASK,
        bits,
        n_probe,
        depth,
        np.float32(-1 if to_zero is None else to_zero),
        chosen_level(),
        keys,
        n_codes,
    )
    return *split_keys(keys), n_codes


@compiled
def _search(
    queries: NDArray[np.float32],
    near: NDArray[np.float32],
    tables: NDArray[np.float32],
    norm_means: NDArray[np.float32],
    norm_scales: NDArray[np.float32],
    levels: NDArray[np.float32],
    offsets: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    no_mask: NDArray[np.bool_],
    bits: NDArray[np.uint16] | NDArray[np.uint32],
    n_probe: int,
    depth: int,
    to_zero: np.float32,
    level: int,
    out: NDArray[np.uint64],
    n_codes: NDArray[np.int64],
) -> None:
    n_lists, n_bytes = near.shape[1], blocks.shape[1]
    if level == 2 and n_bytes % 2 == 1:
        level = 1
    least, cell_keys = np.empty(n_lists // 16, np.float32), np.empty(n_lists, np.uint64)
    keys = np.empty(4 * depth + 1024, np.uint64)
    counts, scratch = np.empty(N_COUNTS, np.int32), np.empty(50 * n_bytes + 32, np.float32)
    lists, slots, rows = np.empty(n_probe, np.int64), np.empty(n_probe, np.int64), np.empty(depth, np.int64)
    biases, level_scales = np.empty(n_probe, np.float32), np.empty(n_probe, np.float32)
    for q in range(len(queries)):
        order_cells(near[q], lists, least, cell_keys)
        slots[:] = q
        n_codes[q] = 0
        for i in range(n_probe):
            biases[i] = near[q, lists[i]] + norm_means[lists[i]]
            level_scales[i] = norm_scales[lists[i]]
            n_codes[q] += offsets[lists[i] + 1] - offsets[lists[i]]
        n_found = scan_nibbles(
            tables, slots, lists, biases, level_scales, levels, offsets, first_blocks, blocks,
            no_mask, keys, counts, scratch, depth, False, level,
        )  # fmt: skip
        if n_found > depth:
            select_keys(keys, n_found, depth)
            n_found = depth
        for i in range(depth):
            rows[i] = np.int64(keys[i] & np.uint64(0xFFFFFFFF)) if i < n_found else -1
        compare_rows(queries[q], bits, rows, to_zero, keys, out[q])
