"""Scan of 4-bit codes in blocks of 32: sums of table bytes, and a limit that falls as nearer codes are found.

A query has one unit, such that the two tables of a byte just do not saturate in the first list; what separates a list
from the first one is rounded to whole units too. So a distance becomes a whole number, its *place*, at most (m + 1) / 2
units off for m codes. Where the tables of a list are wider (those of a query and its own rotation may be many times, as
its residual is), they are rounded to a multiple of the unit that fits them, and so far are places off there.

Places are counted as codes are found. The limit is the least place, up to the width of a count, within which as many
were found as are wanted, so it falls with every near code, at O(1) for each that lies within it; what lies beyond need
not be looked at: the vector instructions compare 32 sums with it at once (:mod:`lookalike.kernels.simd`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import key_of, select_keys
from lookalike.kernels.rows import entries_sum, round_row, row_greatest, row_least, scale_row
from lookalike.kernels.simd import block_mask_avx2, block_mask_avx512, block_mask_neon, lowest_bit

__all__ = ["N_COUNTS", "scan_nibbles"]

N_COUNTS = 4096
_ZERO = 0x40000000
"""Places are kept as unsigned numbers, so much larger."""
_FARTHEST = 0x3FFFFFFF


@compiled
def scan_nibbles(
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
    counts: NDArray[np.int32],
    scratch: NDArray[np.float32],
    wanted: int,
    rescore: bool,  # noqa: FBT001  Numba knows no keyword-only arguments
    level: int,
) -> int:
    """Scan one query's lists, and give the number of keys: those of its ``wanted`` nearest codes, in no order.

    Parameters
    ----------
    tables : float32 (n_slots, n_tables * 16)
    slots : int64 (n_probe,)
    keys : uint64 (more than wanted + 32,)
        Where found codes go.
    counts : int32 (N_COUNTS,)
    scratch : float32 (at least 50 * n_bytes + 32,)
        Both of no meaning before and after.
    rescore : bool
        Whether keys hold distances, summed in float, or places.
    level : int
        Of instructions; see :func:`lookalike.kernels.simd.chosen_level`.
    """
    n_bytes = blocks.shape[1]
    width = tables.shape[1]
    n_whole = width // 32  # bytes that hold no levels
    # addresses, since a view of a block for every 32 codes would cost more than their sums
    tables_at, blocks_at, levels_at = tables.ctypes.data, blocks.ctypes.data, levels.ctypes.data
    first = np.int64((64 - scratch.ctypes.data % 64) % 64 // 4)  # tables that lie across lines of the cache are slow
    scratch = scratch[first:]
    low_at = scratch.ctypes.data  # each table's 16 bytes twice, byte by byte of the codes
    high_at = low_at + 32 * n_bytes
    tail_at = high_at + 32 * n_bytes  # the tables of the bytes that hold levels: other numbers in every list
    sums_at = tail_at + 128 * (n_bytes - n_whole)
    n_floats = 16 * n_bytes + 32 * (n_bytes - n_whole)
    sums = scratch[n_floats : n_floats + 16].view(np.uint16)
    minima = scratch[n_floats + 16 : n_floats + 16 + 2 * n_bytes]

    shift = 0
    while (512 * n_bytes) >> shift > N_COUNTS:
        shift += 1
    counts[:] = 0
    last = np.int64(N_COUNTS - 1)
    n_found, n_within = 0, 0
    limit = np.int64(_FARTHEST)
    base, unit, own_least, previous = np.float32(0), np.float32(0), np.float32(0), np.int64(-1)
    own_widest, rounded = np.float32(0), np.float32(0)
    for i in range(len(lists)):
        if lists[i] < 0:
            continue
        start, end = offsets[lists[i]], offsets[lists[i] + 1]
        own_at = tables_at + 4 * slots[i] * width
        if slots[i] != previous:
            own_least = _minima(own_at, 0, 2 * n_whole, minima)
            own_widest = _widest(own_at, n_whole, minima)
            previous, rounded = slots[i], np.float32(0)
        _fill_tail(own_at, width // 16, levels_at, len(levels), level_scales[i], tail_at, n_bytes)
        least = biases[i] + own_least + _minima(tail_at, 2 * n_whole, 2 * n_bytes, minima)
        widest = max(own_widest, _widest(tail_at, n_bytes - n_whole, minima[2 * n_whole :]), np.float32(1e-30))
        if unit == 0:
            base, unit = least, np.float32(255) / widest
        ahead = _ahead(least, base, unit)
        if ahead > limit:  # even the least possible distance in this list is too large
            continue
        step = max(np.float64(unit) * np.float64(widest) / 255, 1.0)  # in units
        if step < 1.0 + 1e-6:
            step = 1.0
        fitting = np.float32(unit / step)
        if fitting != rounded:
            for j in range(n_whole):
                round_row(own_at + 128 * j, minima[2 * j], fitting, low_at + 32 * j)
                round_row(own_at + 128 * j + 64, minima[2 * j + 1], fitting, high_at + 32 * j)
            rounded = fitting
        for j in range(n_whole, n_bytes):
            at = tail_at + 128 * (j - n_whole)
            round_row(at, minima[2 * j], fitting, low_at + 32 * j)
            round_row(at + 64, minima[2 * j + 1], fitting, high_at + 32 * j)
        bound = _bound(limit - ahead, step)
        for b in range((end - start + 31) // 32):
            number = first_blocks[lists[i]] + b
            code_at = blocks_at + number * n_bytes * 32
            if level == 2:
                mask = block_mask_avx512(code_at, low_at, high_at, sums_at, np.int64(n_bytes), bound)
            elif level == 1:
                mask = block_mask_avx2(code_at, low_at, high_at, sums_at, np.int64(n_bytes), bound)
            elif level == 3:
                mask = block_mask_neon(code_at, low_at, high_at, sums_at, np.int64(n_bytes), bound)
            else:
                mask = _block_mask(blocks, number, scratch.view(np.uint8), sums, bound)
            if mask == 0:
                continue
            valid = end - start - 32 * b
            if valid < 32:
                mask &= (np.uint32(1) << np.uint32(valid)) - np.uint32(1)
            while mask != 0:
                lane = lowest_bit(mask)
                mask &= mask - np.uint32(1)
                row = start + 32 * b + lane
                if len(admitted) > 0 and not admitted[row]:
                    continue
                place = ahead + _units(sums[lane], step)
                keys[n_found] = (np.uint64(place + _ZERO) << np.uint64(32)) | np.uint64(row)
                n_found += 1
                counts[np.uintp(min(max(place, np.int64(0)) >> shift, np.int64(N_COUNTS - 1)))] += 1
                n_within += 1
            while last > 0 and n_within - counts[np.uintp(last)] >= wanted:
                n_within -= counts[np.uintp(last)]
                last -= 1
                limit = ((last + 1) << shift) - 1
                bound = _bound(limit - ahead, step)
            if n_found + 32 > len(keys):
                n_found = _kept(keys, n_found, limit)
                if n_found + 32 > len(keys):  # many at one place
                    select_keys(keys, n_found, wanted)
                    n_found = wanted
            if bound < 0:
                break
    n_found = _kept(keys, n_found, limit)
    if n_found > wanted:
        select_keys(keys, n_found, wanted)
        n_found = wanted
    if rescore:
        for s in range(n_found):
            row = np.int64(keys[s] & np.uint64(0xFFFFFFFF))
            i = 0
            while lists[i] < 0 or row < offsets[lists[i]] or row >= offsets[lists[i] + 1]:
                i += 1
            in_list = row - offsets[lists[i]]
            code_at = blocks_at + (first_blocks[lists[i]] + in_list // 32) * n_bytes * 32 + in_list % 32
            own_at = tables_at + 4 * slots[i] * width
            _fill_tail(own_at, width // 16, levels_at, len(levels), level_scales[i], tail_at, n_bytes)
            total = entries_sum(own_at, code_at, n_whole)
            total += entries_sum(tail_at, code_at + 32 * n_whole, n_bytes - n_whole)
            keys[s] = key_of(biases[i] + total, row)
    # mentioned so late because Numba frees an array after its last mention, whatever address into it is still in use
    return n_found + 0 * (len(scratch) + len(tables) + len(levels))


@compiled
def _fill_tail(
    own_at: int, n_tables: int, levels_at: int, n_levels: int, scale: np.floating, tail_at: int, n_bytes: int
) -> None:
    """Write the tables of the codes after the last pair: the odd one of a query's own, then levels times a scale."""
    at = tail_at
    if n_tables % 2 == 1:
        scale_row(own_at + 64 * (n_tables - 1), np.float32(1), at)
        at += 64
    for t in range(n_levels):
        scale_row(levels_at + 64 * t, scale, at)
        at += 64
    if (n_tables + n_levels) % 2 == 1:
        scale_row(own_at, np.float32(0), at)


@compiled
def _block_mask(
    blocks: NDArray[np.uint8],
    number: int | np.int64,
    tables: NDArray[np.uint8],
    sums: NDArray[np.uint16],
    bound: int | np.int64,
) -> np.uint32:
    """Do what the vector instructions do, one code after the other."""
    mask = np.uint32(0)
    n_bytes = blocks.shape[1]
    for lane in range(32):
        total = 0
        for j in range(n_bytes):
            code = np.int64(blocks[number, j, lane])
            pair = np.int64(tables[32 * j + (code & 15)]) + np.int64(tables[32 * (n_bytes + j) + (code >> 4)])
            total += int(pair) if pair < 255 else 255
        sums[lane] = total & 0xFFFF
        if (total & 0xFFFF) <= bound:
            mask |= np.uint32(1) << np.uint32(lane)
    return mask


@compiled
def _kept(keys: NDArray[np.uint64], n: int, limit: int | np.int64) -> int:
    """Bring the keys of places up to a limit to the front, and give their number."""
    beyond = np.uint64(limit + _ZERO + 1) << np.uint64(32)
    n_kept = 0
    for s in range(n):
        key = keys[s]
        keys[n_kept] = key
        n_kept += key < beyond
    return n_kept


@compiled
def _ahead(least: np.floating, base: np.floating, unit: np.floating) -> np.int64:
    """Give in whole units how far the least distance of a list lies beyond that of the first; at most 2^29."""
    steps: np.float64 = (np.float64(least) - np.float64(base)) * np.float64(unit)
    return np.int64(np.rint(np.float64(max(min(steps, 536870912.0), -536870912.0))))


@compiled
def _bound(room: int | np.int64, step: float) -> np.int64:
    """Give the largest sum that lies within so many units."""
    return min(np.int64(room) if step == 1.0 else np.int64(room / step), np.int64(65_535))


@compiled
def _units(total: np.integer, step: float) -> np.int64:
    """Give a sum in units; at most 2^29 - 1."""
    return np.int64(total) if step == 1.0 else np.int64(np.rint(min(np.float64(total) * step, 536870911.0)))


@compiled
def _widest(at: int, n_pairs: int, minima: NDArray[np.float32]) -> np.float32:
    """Give the largest sum of entries of a pair of tables at an address, less the smallest such sum."""
    widest = np.float32(0)
    for j in range(n_pairs):
        here = at + 128 * j
        widest = max(widest, row_greatest(here) - minima[2 * j] + row_greatest(here + 64) - minima[2 * j + 1])
    return widest


@compiled
def _minima(at: int, first: int, end: int, out: NDArray[np.float32]) -> np.float32:
    """Fill ``out[first:end]`` with the smallest entries of the tables at an address, and give their sum."""
    total = np.float32(0)
    for j in range(first, end):
        out[j] = row_least(at + 64 * (j - first))
        total += out[j]
    return total
