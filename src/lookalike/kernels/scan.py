"""Scan of lists: the codes nearest to each query, by its tables.

Asymmetric distances (Jegou, Douze & Schmid, PAMI 2011, section III-B). With 4-bit codes in blocks of 32 a vector scan
goes first (:mod:`lookalike.kernels.simd`): the tables are rounded *down* to bytes, so their sum is a lower bound of the
distance, and only codes whose bound is within the worst wanted one are summed in float. What comes out is exactly what
summing every code in float would give, at every level of instructions.

The bytes' unit is (worst - least) / (32 m) when a list is begun, least being the sum of the tables' minima: rounding
then hides at most 1/32 of what is between the least possible distance and the worst wanted one, and an entry saturates
only at 8 times its fair share.

Found codes go into a reservoir of twice the wanted number; when it is full, the half that is worse is dropped by one
partial selection, O(1) for each code that came in. Reservoirs hold keys (:mod:`lookalike.kernels.keys`), so equal
distances are ordered by row and the result does not depend on the order of the scan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import key_of, keys_distances, split_keys
from lookalike.kernels.rows import round_row_down, row_least
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
    n_queries, n_probe, n_parts = slots.shape
    width = tables.shape[1]
    m = n_parts * width // k + len(levels)
    n_bytes, lanes = blocks.shape[1:]
    depth = out.shape[1]
    # one row of k for each code, and for the last high half of an odd number of 4-bit codes, which is 0
    table = np.zeros((2 * n_bytes if k == 16 else m) * k, np.float32)
    low = np.zeros((n_bytes, 2, 16), np.uint8)
    high = np.zeros((n_bytes, 2, 16), np.uint8)
    facts = np.empty(3, np.float32)
    if level == 2 and n_bytes % 2 == 1:
        level = 1
    if k != 16 or lanes != 32:
        level = 0
    # addresses, since a view of a block for every 32 codes would cost more than their sums
    first_code, low_at, high_at = blocks.ctypes.data, low.ctypes.data, high.ctypes.data
    keys = np.empty(2 * depth + 32, np.uint64)
    for q in range(n_queries):
        n_found = 0
        worst = np.float32(np.inf)
        worst_key = np.uint64(0xFFFFFFFFFFFFFFFF)
        for i in range(n_probe):
            here = lists[q, i]
            if here < 0:
                continue
            start = offsets[here]
            length = offsets[here + 1] - start
            bias = biases[q, i]
            _gather(tables, slots[q, i], levels, level_scales[q, i], table)
            rounded = False
            bound = 0
            for b in range((length + lanes - 1) // lanes):
                valid = min(lanes, length - b * lanes)
                number = first_blocks[here] + b
                mask = np.uint32(0xFFFFFFFF)
                if valid < 32:
                    mask = (np.uint32(1) << np.uint32(valid)) - np.uint32(1)
                if level > 0 and worst < np.inf:
                    if not rounded:
                        rounded = True
                        _round_down(table, m, bias, worst, low, high, facts)
                        bound = int(_bound(worst, facts))
                    if bound < 0:  # even the least possible distance in this list is too large
                        break
                    at = first_code + number * n_bytes * 32
                    if level == 2:
                        mask &= block_mask_avx512(at, low_at, high_at, np.int64(n_bytes), np.int64(bound))
                    elif level == 1:
                        mask &= block_mask_avx2(at, low_at, high_at, np.int64(n_bytes), np.int64(bound))
                    else:
                        mask &= block_mask_neon(at, low_at, high_at, np.int64(n_bytes), np.int64(bound))
                while mask != 0:
                    lane = lowest_bit(mask)
                    mask &= mask - np.uint32(1)
                    row = start + b * lanes + lane
                    if len(admitted) > 0 and not admitted[row]:
                        continue
                    key = key_of(bias + _code_distance(table, blocks, number, lane, k), row)
                    if key < worst_key:
                        keys[n_found] = key
                        n_found += 1
                if n_found >= 2 * depth:
                    worst_key = _select(keys, n_found, depth)
                    n_found = depth
                    worst = keys_distances(worst_key)
                    if rounded:
                        bound = int(_bound(worst, facts))
        if n_found > depth:
            _select(keys, n_found, depth)
            n_found = depth
        for s in range(n_found):
            out[q, s] = keys[s]
        for s in range(n_found, depth):
            out[q, s] = np.uint64(0xFFFFFFFFFFFFFFFF)


@compiled
def _gather(
    tables: NDArray[np.float32],
    slots: NDArray[np.int64],
    levels: NDArray[np.float32],
    scale: np.float32,
    table: NDArray[np.float32],
) -> None:
    """Bring the tables of one list together: those of its parts, then the levels."""
    # unsigned: Numba makes vector instructions of a loop only where no index can be negative
    width = np.uintp(tables.shape[1])
    for p in range(len(slots)):
        slot, at = np.uintp(slots[p]), np.uintp(p) * width
        for c in range(width):
            table[at + c] = tables[slot, c]
    at = np.uintp(len(slots)) * width
    for j in range(len(levels)):
        for c in range(np.uintp(levels.shape[1])):
            table[at + c] = scale * levels[j, c]
        at += np.uintp(levels.shape[1])


@compiled
def _round_down(
    table: NDArray[np.float32],
    m: int,
    bias: np.float32,
    worst: np.float32,
    low: NDArray[np.uint8],
    high: NDArray[np.uint8],
    facts: NDArray[np.float32],
) -> None:
    """Fill the bytes of a list's tables; ``facts`` get the least possible distance, units per distance, and slack."""
    table_at, low_at, high_at = table.ctypes.data, low.ctypes.data, high.ctypes.data
    least, largest = np.float32(bias), abs(np.float32(bias))
    for j in range(m):
        least += row_least(table_at + 64 * j)
    for c in range(np.uintp(16 * m)):
        largest += abs(table[c])
    # float sums of the same terms differ by rounding; a code is let through rather than lost
    slack = np.float32(1e-6) * largest
    room = worst - least + slack
    per_unit = np.float32(min(32 * m, 65000)) / room if room > 0 else np.float32(0)
    per_unit = min(per_unit, np.float32(1e30))
    facts[0], facts[1], facts[2] = least, per_unit, slack
    for j in range(m):
        out = (low_at if j % 2 == 0 else high_at) + 32 * (j // 2)
        round_row_down(table_at + 64 * j, row_least(table_at + 64 * j), per_unit, out)


@compiled
def _bound(worst: np.float32, facts: NDArray[np.float32]) -> np.int64:
    """Sum of table bytes that a code within ``worst`` keeps, or -1 if none can."""
    room = worst - facts[0] + facts[2]
    if room < 0:
        return np.int64(-1)
    return np.int64(min(np.float32(65535), room * facts[1] * np.float32(1.00001) + np.float32(1)))


@compiled
def _code_distance(table: NDArray[np.float32], blocks: NDArray[np.uint8], number: int, lane: int, k: int) -> np.float32:
    block, at = np.uintp(number), np.uintp(lane)
    total, other = np.float32(0), np.float32(0)  # two chains of additions, each waiting for itself only
    if k == 16:
        for j in range(np.uintp(blocks.shape[1])):
            code = np.uintp(blocks[block, j, at])
            row = np.uintp(32) * j
            total += table[row + (code & np.uintp(15))]
            other += table[row + np.uintp(16) + (code >> np.uintp(4))]
    else:
        for j in range(np.uintp(blocks.shape[1])):
            total += table[np.uintp(256) * j + np.uintp(blocks[block, j, at])]
    return total + other


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
