"""Scan of lists: the codes nearest to each query, by its tables.

Asymmetric distances (Jegou, Douze & Schmid, PAMI 2011, section III-A). 4-bit codes in blocks of 32 are summed 32 at
once with tables rounded to bytes (:mod:`lookalike.kernels.nibbles`). Either the nearest by these sums are the answer,
which is enough where all of them are compared exactly afterwards; or an eighth more than wanted are summed in float,
and the nearest of them come back. The result is the same at every level of instructions. All other layouts are summed
in float throughout.

Keys (:mod:`lookalike.kernels.keys`) order equal distances by row, so the result does not depend on the order of the
scan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import EMPTY, key_of, select_keys, split_keys
from lookalike.kernels.nibbles import N_COUNTS, scan_nibbles
from lookalike.kernels.simd import chosen_level

__all__ = ["scan_lists"]


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
    """Nearest rows of some lists, for each of some queries.

    Parameters
    ----------
    tables : float32 (n_slots, m / n_parts, 16 or 256)
    slots : int64 (n_queries, n_probe, n_parts)
        For each query, list and part, which tables belong to it.
    lists : int64 (n_queries, n_probe)
        The lists that each query visits; -1 for none.
    biases : float32 (n_queries, n_probe)
        What is added to all distances of a list.
    level_scales : float32 (n_queries, n_probe)
        What ``levels`` are multiplied by in a list.
    levels : float32 (n_levels, 16), or (0, any)
        Tables of the codes beyond the m of ``tables``, the same for all queries.
    offsets : int64 (n_lists + 1,)
        List i is rows ``offsets[i]`` to ``offsets[i + 1]``; there are less than 2^32 rows.
    first_blocks : int64 (n_lists,)
        Where each list begins in ``blocks``.
    blocks : uint8 (n_blocks, n_bytes, lanes)
        See :func:`lookalike.kernels.block_codes`.
    admitted : bool (n,) or (0,)
        Which rows may be found; empty admits all.
    depth : int
        At most so many come back for each query.
    rescore : bool
        Whether distances are wanted, and the order of rows by them. Otherwise 4-bit codes in blocks of 32 are chosen by
        rounded tables, and come in no order.

    Returns
    -------
    distances : float32 (n_queries, depth)
        Never falling; equal ones in the order of rows. Empty slots hold ``inf``.
    rows : int64 (n_queries, depth)
        Empty slots hold -1.
    """
    keys = np.empty((len(lists), depth), np.uint64)
    n_slots, _, k = tables.shape
    _scan(
        np.ascontiguousarray(tables).reshape(n_slots, -1),
        k,
        slots,
        lists,
        biases,
        level_scales,
        levels,
        offsets,
        first_blocks,
        blocks,
        admitted,
        keys,
        rescore,
        chosen_level(),
    )
    if rescore:
        keys.sort(axis=1)
    return split_keys(keys)


@compiled
def _scan(
    tables: NDArray[np.float32],
    k: int,
    slots: NDArray[np.int64],
    lists: NDArray[np.int64],
    biases: NDArray[np.float32],
    level_scales: NDArray[np.float32],
    levels: NDArray[np.float32],
    offsets: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    admitted: NDArray[np.bool_],
    out: NDArray[np.uint64],
    rescore: bool,  # noqa: FBT001  Numba knows no keyword-only arguments
    level: int,
) -> None:
    n_bytes, lanes = blocks.shape[1:]
    depth = out.shape[1]
    if level == 2 and n_bytes % 2 == 1:
        level = 1
    wanted = depth + depth // 8 + 8 if rescore else depth
    keys = np.empty(4 * wanted + 1024, np.uint64)
    counts, scratch = np.empty(N_COUNTS, np.int32), np.empty(50 * n_bytes + 32, np.float32)
    for q in range(len(lists)):
        if k == 16 and lanes == 32 and slots.shape[2] == 1:
            n_found = scan_nibbles(
                tables, slots[q, :, 0], lists[q], biases[q], level_scales[q], levels, offsets, first_blocks, blocks,
                admitted, keys, counts, scratch, wanted, rescore, level,
            )  # fmt: skip
        else:
            n_found = _scan_any(
                tables, k, slots[q], lists[q], biases[q], level_scales[q], levels, offsets, first_blocks, blocks,
                admitted, keys, depth,
            )  # fmt: skip
        if n_found > depth:
            select_keys(keys, n_found, depth)
            n_found = depth
        for s in range(n_found):
            out[q, s] = keys[s]
        for s in range(n_found, depth):
            out[q, s] = EMPTY


@compiled
def _scan_any(
    tables: NDArray[np.float32],
    k: int,
    slots: NDArray[np.int64],
    lists: NDArray[np.int64],
    biases: NDArray[np.float32],
    level_scales: NDArray[np.float32],
    levels: NDArray[np.float32],
    offsets: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    admitted: NDArray[np.bool_],
    keys: NDArray[np.uint64],
    depth: int,
) -> int:
    """Sum every code of one query's lists, in any layout, and give the number of keys."""
    lanes = blocks.shape[2]
    n_tables = tables.shape[1] // k
    n_found = 0
    worst = EMPTY
    for i in range(len(lists)):
        if lists[i] < 0:
            continue
        start = offsets[lists[i]]
        for row in range(start, offsets[lists[i] + 1]):
            if len(admitted) > 0 and not admitted[row]:
                continue
            block, lane = first_blocks[lists[i]] + (row - start) // lanes, (row - start) % lanes
            total = biases[i]
            for j in range(n_tables * slots.shape[1] + len(levels)):
                code = np.int64(blocks[block, j, lane]) if k == 256 else np.int64(blocks[block, j // 2, lane])
                if k == 16:
                    code = code >> 4 if j % 2 else code & 15
                part = j // n_tables
                if part < slots.shape[1]:
                    total += tables[slots[i, part], (j % n_tables) * k + code]
                else:
                    total += level_scales[i] * levels[j - n_tables * slots.shape[1], code]
            key = key_of(total, row)
            if key < worst:
                keys[n_found] = key
                n_found += 1
            if n_found == len(keys):
                worst = select_keys(keys, n_found, depth)
                n_found = depth
    return n_found
