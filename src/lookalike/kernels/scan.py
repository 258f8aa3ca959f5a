"""Scan of lists: the codes nearest to a query, by its tables.

Asymmetric distances (Jegou, Douze & Schmid, PAMI 2011, section III-B), the best ``depth`` kept in a heap. With 4-bit
codes in blocks of 32 a vector scan goes first (:mod:`lookalike.kernels.simd`): the tables are rounded *down* to bytes,
so their sum is a lower bound of the distance, and only codes whose bound is within the heap's worst are summed in
float. What comes out is exactly what summing every code in float would give, at every level of instructions.

The bytes' unit is (worst - least) / (32 m), least being the sum of the tables' minima: rounding then hides 1/64 of what
is between the least possible distance and the worst wanted one, and an entry saturates only at 8 times its fair share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.simd import block_mask_avx2, block_mask_avx512, block_mask_neon, chosen_level, lowest_bit

__all__ = ["scan_lists"]


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
    """Nearest rows of some lists.

    Parameters
    ----------
    tables : float32 (n_slots, m / n_parts, 16 or 256)
    slots : int64 (n_lists, n_parts)
        For each list and part, which tables belong to it.
    starts, ends : int64 (n_lists,)
        List i is rows ``starts[i]`` to ``ends[i]``.
    first_blocks : int64 (n_lists,)
        Where each list begins in ``blocks``.
    blocks : uint8 (n_blocks, n_bytes, lanes)
        See :func:`lookalike.kernels.block_codes`.
    admitted : bool (n,) or (0,)
        Which rows may be found; empty admits all.
    depth : int
        At most so many come back.

    Returns
    -------
    distances : float32 (n_found,)
        Never falling; equal ones in the order in which they were met.
    rows : int64 (n_found,)
    """
    distances, rows, met = _scan(tables, slots, starts, ends, first_blocks, blocks, admitted, depth, chosen_level())
    order = np.lexsort((met, distances))
    return distances[order], rows[order]


@compiled
def _scan(
    tables: NDArray[np.float32],
    slots: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first_blocks: NDArray[np.int64],
    blocks: NDArray[np.uint8],
    admitted: NDArray[np.bool_],
    depth: int,
    level: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    n_lists, n_parts = slots.shape
    m_part, k = tables.shape[1:]
    m = m_part * n_parts
    n_bytes, lanes = blocks.shape[1:]
    total = 0
    for i in range(n_lists):
        total += ends[i] - starts[i]
    size = min(depth, total)
    distances = np.empty(size, np.float32)
    rows = np.empty(size, np.int64)
    met = np.empty(size, np.int64)
    n_found = 0
    n_met = 0
    table = np.zeros((m + 1, k), np.float32)
    low = np.zeros((n_bytes, 2, 16), np.uint8)
    high = np.zeros((n_bytes, 2, 16), np.uint8)
    if level == 2 and n_bytes % 2 == 1:
        level = 1
    if k != 16 or lanes != 32:
        level = 0
    for i in range(n_lists):
        length = ends[i] - starts[i]
        if length == 0:
            continue
        for p in range(n_parts):
            for j in range(m_part):
                for c in range(k):
                    table[p * m_part + j, c] = tables[slots[i, p], j, c]
        worst = np.float32(np.inf)
        bound = -1
        for b in range((length + lanes - 1) // lanes):
            valid = min(lanes, length - b * lanes)
            block = blocks[first_blocks[i] + b]
            mask = np.uint32(0xFFFFFFFF)
            if valid < 32:
                mask = (np.uint32(1) << np.uint32(valid)) - np.uint32(1)
            if n_found == size and level > 0:
                if bound < 0 or distances[0] < np.float32(0.98) * worst:
                    worst = distances[0]
                    bound = _round_down(table, m, worst, low, high)
                    if bound < 0:  # even the least possible distance in this list is too large
                        break
                if level == 2:
                    mask &= block_mask_avx512(
                        block.ctypes.data, low.ctypes.data, high.ctypes.data, np.int64(n_bytes), np.int64(bound)
                    )
                elif level == 3:
                    mask &= block_mask_neon(
                        block.ctypes.data, low.ctypes.data, high.ctypes.data, np.int64(n_bytes), np.int64(bound)
                    )
                else:
                    mask &= block_mask_avx2(
                        block.ctypes.data, low.ctypes.data, high.ctypes.data, np.int64(n_bytes), np.int64(bound)
                    )
            while mask != 0:
                lane = lowest_bit(mask)
                mask &= mask - np.uint32(1)
                row = starts[i] + b * lanes + lane
                if len(admitted) > 0 and not admitted[row]:
                    continue
                distance = _code_distance(table, block, lane, k)
                if n_found < size:
                    distances[n_found], rows[n_found], met[n_found] = distance, row, n_met
                    n_found += 1
                    _sift_up(distances, rows, met, n_found - 1)
                elif distance < distances[0]:
                    distances[0], rows[0], met[0] = distance, row, n_met
                    _sift_down(distances, rows, met, size)
                n_met += 1
    return distances[:n_found], rows[:n_found], met[:n_found]


@compiled
def _round_down(
    table: NDArray[np.float32], m: int, worst: np.float32, low: NDArray[np.uint8], high: NDArray[np.uint8]
) -> int:
    """Fill the bytes of a list's tables and give the bound that a code within ``worst`` keeps, or -1 if none can."""
    least = np.float32(0)
    for j in range(m):
        least += _smallest(table, j)
    # float sums of the same terms differ by rounding; a code is let through rather than lost
    room = worst * np.float32(1.00001) - least * np.float32(0.99999)
    if room < 0:
        return -1
    bound = 32 * m
    per_unit = np.float32(bound) / room * np.float32(0.99999) if room > 0 else np.float32(0)
    for j in range(m):
        smallest = _smallest(table, j)
        out = low if j % 2 == 0 else high
        for c in range(16):
            value = np.uint8(min(np.float32(255), (table[j, c] - smallest) * per_unit))
            out[j // 2, 0, c] = value
            out[j // 2, 1, c] = value
    return bound


@compiled
def _smallest(table: NDArray[np.float32], j: int) -> np.float32:
    smallest = np.float32(table[j, 0])
    for c in range(1, 16):
        smallest = min(smallest, np.float32(table[j, c]))
    return smallest


@compiled
def _code_distance(table: NDArray[np.float32], block: NDArray[np.uint8], lane: int, k: int) -> np.float32:
    n_bytes = len(block)
    total = np.float32(0)
    if k == 16:
        for j in range(n_bytes):
            code = block[j, lane]
            total += table[2 * j, code & 15] + table[2 * j + 1, code >> 4]
    else:
        for j in range(n_bytes):
            total += table[j, block[j, lane]]
    return total


@compiled
def _after(distances: NDArray[np.float32], met: NDArray[np.int64], a: int, b: int) -> bool:
    if distances[a] == distances[b]:
        return bool(met[a] > met[b])
    return bool(distances[a] > distances[b])


@compiled
def _sift_up(distances: NDArray[np.float32], rows: NDArray[np.int64], met: NDArray[np.int64], place: int) -> None:
    while place > 0:
        parent = (place - 1) // 2
        if not _after(distances, met, place, parent):
            return
        _swap(distances, rows, met, place, parent)
        place = parent


@compiled
def _sift_down(distances: NDArray[np.float32], rows: NDArray[np.int64], met: NDArray[np.int64], size: int) -> None:
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            return
        if child + 1 < size and _after(distances, met, child + 1, child):
            child += 1
        if not _after(distances, met, child, place):
            return
        _swap(distances, rows, met, place, child)
        place = child


@compiled
def _swap(distances: NDArray[np.float32], rows: NDArray[np.int64], met: NDArray[np.int64], a: int, b: int) -> None:
    distances[a], distances[b] = distances[b], distances[a]
    rows[a], rows[b] = rows[b], rows[a]
    met[a], met[b] = met[b], met[a]
