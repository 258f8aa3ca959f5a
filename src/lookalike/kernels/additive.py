"""Additive codes: which sum of codewords, one of each codebook, comes nearest to a vector.

Babenko & Lempitsky, "Additive quantization for extreme vector compression", CVPR 2014: beam search over the codebooks
in order, then iterated conditional modes as in Martinez et al., "LSQ++", ECCV 2018, section 3. With 16 codewords a
codebook everything that a step needs is a row of a small table, so a candidate costs a few additions and never a vector
of ``d`` dimensions: ``|x - sum c|^2 = |x|^2 + sum_j (|c_j|^2 - 2 <x, c_j>) + sum_{j != l} <c_j, c_l>``.

O(m^2 beam) vector instructions of 16 floats a vector, after one matrix product for the scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled
from lookalike.kernels.keys import key_of, keys_distances
from lookalike.kernels.rows import lanes_below
from lookalike.kernels.simd import lowest_bit

__all__ = ["codeword_sums", "encode_additive"]

_SWEEPS = 4


def encode_additive(scores: NDArray[np.float32], cross: NDArray[np.float32], beam: int) -> NDArray[np.uint8]:
    """Codes whose sum of codewords is near each vector.

    Parameters
    ----------
    scores : float32 (n, m * 16), m at most 16
        ``|c|^2 - 2 <x, c>`` of each vector x and codeword c, codebook after codebook.
    cross : float32 (m * 16, m * 16)
        ``2 <c, c'>`` of all pairs of codewords.
    beam : int
        Partial sums kept after each codebook.

    Returns
    -------
    uint8 (n, m)
        The best sum of the last beam, each of its codewords then exchanged while that brings it nearer, in at most four
        sweeps. Exact where ``beam`` holds all sums.
    """
    return _encode(scores, cross, beam)


@compiled
def _encode(scores: NDArray[np.float32], cross: NDArray[np.float32], beam: int) -> NDArray[np.uint8]:
    n, width = scores.shape
    m = width // 16
    codes = np.empty((n, m), np.uint8)
    # reach[b] holds, for every codeword to come, what adding it to partial sum b would cost
    reach, next_reach = np.empty((beam, width), np.float32), np.empty((beam, width), np.float32)
    chain, next_chain = np.empty(beam, np.uint64), np.empty(beam, np.uint64)  # four bits for each word taken
    cost, best = np.empty(beam, np.float32), np.empty(beam, np.uint64)
    for i in range(n):
        n_kept = 1
        cost[0], chain[0] = 0, 0
        for t in range(width):
            reach[0, t] = scores[i, t]
        for j in range(m):
            n_next = 0
            for b in range(n_kept):
                n_next = _enter(cost[b], reach, b, j, n_next, best)
            for s in range(n_next):
                cost[s] = keys_distances(best[s])
                # unsigned: Numba makes vector instructions of a loop only where no index can be negative
                here, parent = np.uintp(s), np.uintp((best[s] & np.uint64(0xFFFFFFFF)) >> np.uint64(4))
                word = best[s] & np.uint64(15)
                next_chain[here] = chain[parent] | (word << np.uint64(4 * j))
                row = np.uintp(16 * j) + np.uintp(word)
                for t in range(np.uintp(16 * (j + 1)), np.uintp(width)):
                    next_reach[here, t] = reach[parent, t] + cross[row, t]
            n_kept = n_next
            reach, next_reach = next_reach, reach
            chain, next_chain = next_chain, chain
        for j in range(m):
            codes[i, j] = (chain[0] >> np.uint64(4 * j)) & np.uint64(15)
        _exchange(scores[i], cross, codes[i], reach[0])
    return codes


@compiled
def _enter(
    base: np.float32, reach: NDArray[np.float32], parent: int, j: int, size: int, best: NDArray[np.uint64]
) -> int:
    """Enter the 16 ways to lengthen one partial sum into the sorted keys of the best, and give their new number.

    A key orders by cost, and names the partial sum and the word.
    """
    last = len(best) - 1
    limit = keys_distances(best[last]) if size > last else np.float32(np.inf)
    mask = lanes_below(reach.ctypes.data + 4 * (parent * reach.shape[1] + 16 * j), base, limit)
    while mask != 0:
        c = lowest_bit(mask)
        mask &= mask - np.uint32(1)
        value = base + reach[parent, 16 * j + c]
        if value >= limit:
            continue
        key = key_of(value, 16 * parent + c)
        place = min(size, last)
        size = min(size + 1, len(best))
        while place > 0 and best[place - 1] > key:
            best[place] = best[place - 1]
            place -= 1
        best[place] = key
        if size > last:
            limit = keys_distances(best[last])
    return size


@compiled
def _exchange(
    scores: NDArray[np.float32], cross: NDArray[np.float32], codes: NDArray[np.uint8], total: NDArray[np.float32]
) -> None:
    """Exchange one codeword at a time while the sum comes nearer; ``total`` is working space."""
    width = len(scores)
    m = width // 16
    for t in range(width):
        total[t] = scores[t]
    for j in range(m):
        row = cross[16 * j + codes[j]]
        for t in range(width):
            total[t] += row[t]
    for _ in range(_SWEEPS):
        changed = False
        for j in range(m):
            old = 16 * j + codes[j]
            row = cross[old]
            best, least = old, total[old] - row[old]
            for t in range(16 * j, 16 * j + 16):
                value = total[t] - row[t]
                if value < least:
                    best, least = t, value
            # what rounding alone could gain would go round in circles
            if best != old and least < total[old] - row[old] - np.float32(1e-5) * abs(row[old]):
                new = cross[best]
                for t in range(width):
                    total[t] += new[t] - row[t]
                codes[j] = best - 16 * j
                changed = True
        if not changed:
            return


@compiled
def codeword_sums(
    codes: NDArray[np.uint8], weights: NDArray[np.float32], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Give the sums of the normal equations for codebooks: how often codewords meet, and which vectors use each.

    Parameters
    ----------
    codes : uint8 (n, m)
        From 0 to 15.
    weights : float32 (n,)
    vectors : float32 (n, d)

    Returns
    -------
    meetings : float64 (m * 16, m * 16)
        Sum of the weights of the vectors that use both codewords.
    sums : float32 (m * 16, d)
        Weighted sum of the vectors that use a codeword.
    """
    n, m = codes.shape
    d = vectors.shape[1]
    meetings = np.zeros((16 * m, 16 * m))
    sums = np.zeros((16 * m, d), np.float32)
    for i in range(n):
        weight = weights[i]
        for j in range(m):
            row = 16 * j + codes[i, j]
            for other in range(m):
                meetings[row, 16 * other + codes[i, other]] += weight
            for t in range(d):
                sums[row, t] += weight * vectors[i, t]
    return meetings, sums
