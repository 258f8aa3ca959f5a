"""Scan of lists: the codes nearest to each query, by its tables.

Asymmetric distances (Jegou, Douze & Schmid, PAMI 2011, section III-A). Of 4-bit codes in blocks of 32, 32 are summed at
once by vector instructions (:mod:`lookalike.kernels.simd`), with tables rounded to bytes. The unit is the same for all
lists of a query, and such that the two tables of a byte just do not saturate in the first list; what separates a list
from the first one is rounded to whole units too. So a sum is at most (m + 1) / 2 units off, unless a byte saturates. An
eighth more codes than wanted are taken by these sums, then summed in float, and the nearest of them come back. The
result is the same at every level of instructions. All other layouts are summed in float throughout.

Found codes go into a reservoir of twice the wanted number; when it is full, the half that is worse is dropped by one
partial selection, O(1) for each code that came in, and the limit falls.

Keys (:mod:`lookalike.kernels.keys`) order equal distances by row, so the result does not depend on the order of the
scan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import key_of, split_keys
from lookalike.kernels.rows import entries_sum, round_row, row_greatest, row_least
from lookalike.kernels.simd import block_mask_avx2, block_mask_avx512, block_mask_neon, chosen_level, lowest_bit

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
        chosen_level(),
    )
    keys.sort(axis=1)
    return split_keys(keys)


_LARGEST = 65_535


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
    level: int,
) -> None:
    n_bytes, lanes = blocks.shape[1:]
    depth = out.shape[1]
    if level == 2 and n_bytes % 2 == 1:
        level = 1
    more = depth + depth // 8 + 8
    keys = np.empty(2 * more + 32, np.uint64)
    for q in range(len(lists)):
        if k == 16 and lanes == 32 and slots.shape[2] == 1:
            n_found = _scan_nibbles(
                tables, slots[q], lists[q], biases[q], level_scales[q], levels, offsets, first_blocks, blocks, admitted,
                keys, more, level,
            )  # fmt: skip
        else:
            n_found = _scan_any(
                tables, k, slots[q], lists[q], biases[q], level_scales[q], levels, offsets, first_blocks, blocks,
                admitted, keys, depth,
            )  # fmt: skip
        if n_found > depth:
            _select(keys, n_found, depth)
            n_found = depth
        for s in range(n_found):
            out[q, s] = keys[s]
        for s in range(n_found, depth):
            out[q, s] = np.uint64(0xFFFFFFFFFFFFFFFF)


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
    worst = np.uint64(0xFFFFFFFFFFFFFFFF)
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
                worst = _select(keys, n_found, depth)
                n_found = depth
    return n_found


@compiled
def _scan_nibbles(
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
    keys: NDArray[np.uint64],
    depth: int,
    level: int,
) -> int:
    """Scan one query's lists of 4-bit codes in blocks of 32, and give the number of keys."""
    n_bytes = blocks.shape[1]
    width = tables.shape[1]
    n_tables = width // 16
    m = n_tables + len(levels)
    n_whole = n_tables // 2
    # addresses, since a view of a block for every 32 codes would cost more than their sums
    tables_at, blocks_at = tables.ctypes.data, blocks.ctypes.data
    # the tables of the bytes that hold levels: other numbers in every list
    tails = np.zeros((len(lists), n_bytes - n_whole, 32), np.float32)
    for i in range(len(lists)):
        for t in range(2 * n_whole, m):
            for c in range(16):
                entry = tables[slots[i, 0], 16 * t + c] if t < n_tables else level_scales[i] * levels[t - n_tables, c]
                tails[i, t // 2 - n_whole, 16 * (t % 2) + c] = entry
    tails_at, tail_values = tails.ctypes.data, tails.shape[1] * 32

    low, high = np.zeros((n_bytes, 2, 16), np.uint8), np.zeros((n_bytes, 2, 16), np.uint8)
    sums = np.empty(32, np.uint16)
    low_at, high_at, sums_at = low.ctypes.data, high.ctypes.data, sums.ctypes.data
    minima = np.empty(2 * n_bytes, np.float32)
    n_found = 0
    worst = np.uint64(0xFFFFFFFFFFFFFFFF)
    limit = np.int64(0x3FFFFFFF)
    base, unit, own_least, previous = np.float32(0), np.float32(0), np.float32(0), np.int64(-1)
    for i in range(len(lists)):
        if lists[i] < 0:
            continue
        start, end = offsets[lists[i]], offsets[lists[i] + 1]
        own_at, tail_at = tables_at + 4 * slots[i, 0] * width, tails_at + 4 * i * tail_values
        same = slots[i, 0] == previous
        if not same:
            own_least = _minima(own_at, 0, 2 * n_whole, minima)
        least = biases[i] + own_least + _minima(tail_at, 2 * n_whole, 2 * n_bytes, minima)
        if unit == 0:
            base, unit = least, np.float32(255) / max(_widest(own_at, tail_at, n_whole, minima), np.float32(1e-30))
        ahead = _ahead(least, base, unit)
        if not same:
            for j in range(n_whole):
                round_row(own_at + 128 * j, minima[2 * j], unit, low_at + 32 * j)
                round_row(own_at + 128 * j + 64, minima[2 * j + 1], unit, high_at + 32 * j)
        previous = slots[i, 0]
        if ahead > limit:  # even the least possible distance in this list is too large
            continue
        for j in range(n_whole, n_bytes):
            at = tail_at + 128 * (j - n_whole)
            round_row(at, minima[2 * j], unit, low_at + 32 * j)
            round_row(at + 64, minima[2 * j + 1], unit, high_at + 32 * j)
        for b in range((end - start + 31) // 32):
            bound = np.int64(limit - ahead)
            if bound > 65_535:
                bound = np.int64(65_535)
            if bound < 0:
                break
            number = first_blocks[lists[i]] + b
            code_at = blocks_at + number * n_bytes * 32
            if level == 2:
                mask = block_mask_avx512(code_at, low_at, high_at, sums_at, np.int64(n_bytes), bound)
            elif level == 1:
                mask = block_mask_avx2(code_at, low_at, high_at, sums_at, np.int64(n_bytes), bound)
            elif level == 3:
                mask = block_mask_neon(code_at, low_at, high_at, sums_at, np.int64(n_bytes), bound)
            else:
                mask = _block_mask(blocks, number, low, high, sums, bound)
            valid = end - start - 32 * b
            if valid < 32:
                mask &= (np.uint32(1) << np.uint32(valid)) - np.uint32(1)
            while mask != 0:
                lane = lowest_bit(mask)
                mask &= mask - np.uint32(1)
                row = start + 32 * b + lane
                if len(admitted) > 0 and not admitted[row]:
                    continue
                key = (np.uint64(ahead + np.int64(sums[lane]) + 0x40000000) << np.uint64(32)) | np.uint64(row)
                if key < worst:
                    keys[n_found] = key
                    n_found += 1
            if n_found >= 2 * depth:
                worst = _select(keys, n_found, depth)
                n_found = depth
                limit = np.int64(worst >> np.uint64(32)) - 0x40000000
    if n_found > depth:
        _select(keys, n_found, depth)
        n_found = depth
    for s in range(n_found):
        row = np.int64(keys[s] & np.uint64(0xFFFFFFFF))
        i = 0
        while lists[i] < 0 or row < offsets[lists[i]] or row >= offsets[lists[i] + 1]:
            i += 1
        place = row - offsets[lists[i]]
        code_at = blocks_at + (first_blocks[lists[i]] + place // 32) * n_bytes * 32 + place % 32
        total = entries_sum(tables_at + 4 * slots[i, 0] * width, code_at, n_whole)
        total += entries_sum(tails_at + 4 * i * tail_values, code_at + 32 * n_whole, n_bytes - n_whole)
        keys[s] = key_of(biases[i] + total, row)
    # mentioned so late because Numba frees an array after its last mention, whatever address into it is still in use
    return n_found + 0 * (len(tails) + len(low) + len(high) + len(sums))


@compiled
def _block_mask(
    blocks: NDArray[np.uint8],
    number: int | np.int64,
    low: NDArray[np.uint8],
    high: NDArray[np.uint8],
    sums: NDArray[np.uint16],
    bound: int | np.int64,
) -> np.uint32:
    """Do what the vector instructions do, one code after the other."""
    mask = np.uint32(0)
    for lane in range(32):
        total = 0
        for j in range(blocks.shape[1]):
            code = blocks[number, j, lane]
            pair = np.int64(low[j, 0, code & 15]) + np.int64(high[j, 0, code >> 4])
            total += int(pair) if pair < 255 else 255
        sums[lane] = total & 0xFFFF
        if (total & 0xFFFF) <= bound:
            mask |= np.uint32(1) << np.uint32(lane)
    return mask


@compiled
def _ahead(least: np.floating, base: np.floating, unit: np.floating) -> np.int64:
    """Give in whole units how far the least distance of a list lies beyond that of the first; at most 2^29."""
    steps: np.float64 = (np.float64(least) - np.float64(base)) * np.float64(unit)
    return np.int64(np.rint(np.float64(max(min(steps, 536870912.0), -536870912.0))))


@compiled
def _widest(own_at: int, tail_at: int, n_whole: int, minima: NDArray[np.float32]) -> np.float32:
    """Give the largest sum of entries that one byte of a code can name, less the smallest such sum."""
    widest = np.float32(0)
    for j in range(len(minima) // 2):
        at = own_at + 128 * j if j < n_whole else tail_at + 128 * (j - n_whole)
        widest = max(widest, row_greatest(at) - minima[2 * j] + row_greatest(at + 64) - minima[2 * j + 1])
    return widest


@compiled
def _minima(at: int, first: int, end: int, out: NDArray[np.float32]) -> np.float32:
    """Fill ``out[first:end]`` with the smallest entries of the tables at an address, and give their sum."""
    total = np.float32(0)
    for j in range(first, end):
        out[j] = row_least(at + 64 * (j - first))
        total += out[j]
    return total


@compiled
def _select(keys: NDArray[np.uint64], n: int, wanted: int) -> np.uint64:
    """Bring the ``wanted`` smallest of ``keys[:n]`` to the front, in no order, and give the largest of them.

    Hoare's selection; keys are all different.
    """
    first, last, place = 0, n - 1, wanted - 1
    while first < last:
        middle = (first + last) // 2
        a, b, c = keys[first], keys[middle], keys[last]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = first, last
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if place <= j:
            last = j
        elif place >= i:
            first = i
        else:
            break
    return np.uint64(keys[place])
