"""Keys that order by distance and then by row, and the nearest cells of queries by partial selection.

A key is 64 bits: the distance, its bits turned so that their order as a whole number is that of the distances, and the
row. One comparison then settles ties too.
"""

# ruff: noqa: ANN401 - the types of Numba and llvmlite are not published
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["join_keys", "key_of", "keys_distances", "nearest_cells", "split_keys"]

_SIGN = np.uint32(0x80000000)
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of(typing_context: Any, value: Any) -> Any:
    """Give the bits of a float32 as a uint32."""
    return types.uint32(types.float32), lambda _, builder, __, arguments: builder.bitcast(arguments[0], ir.IntType(32))


@intrinsic  # type: ignore[untyped-decorator]
def _float_of(typing_context: Any, bits: Any) -> Any:
    """Give the float32 whose bits are a uint32."""
    return types.float32(types.uint32), lambda _, builder, __, arguments: builder.bitcast(arguments[0], ir.FloatType())


@compiled
def key_of(distance: np.float32, row: int | np.int64) -> np.uint64:
    """Join a distance and a row below 2^32 into one key."""
    bits = _bits_of(np.float32(distance))
    turned = ~bits if bits & np.uint32(0x80000000) else bits | np.uint32(0x80000000)
    return (np.uint64(turned) << np.uint64(32)) | np.uint64(row)


@compiled
def keys_distances(key: np.uint64) -> np.float32:
    """Give the distance of one key."""
    turned = np.uint32(key >> np.uint64(32))
    bits = turned & np.uint32(0x7FFFFFFF) if turned & np.uint32(0x80000000) else ~turned
    value: np.float32 = _float_of(np.uint32(bits))
    return value


def join_keys(distances: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Keys of arrays of one shape: uint64. A row of -1 gives the key of an empty slot, behind all others."""
    bits = np.ascontiguousarray(distances, np.float32).view(np.uint32)
    turned = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    keys = (turned.astype(np.uint64) << np.uint64(32)) | rows.astype(np.uint32)
    return np.where(rows < 0, _EMPTY, keys)


def split_keys(keys: NDArray[np.uint64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Distances and rows of keys; ``inf`` and -1 of empty slots."""
    turned = (keys >> np.uint64(32)).astype(np.uint32)
    distances = np.where(turned & _SIGN, turned & ~_SIGN, ~turned).view(np.float32)
    empty = keys == _EMPTY
    distances[empty] = np.inf
    rows = (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    rows[empty] = -1
    return distances, rows


def nearest_cells(distances: NDArray[np.float32], n_wanted: int) -> NDArray[np.int64]:
    """Positions of the smallest distances of each row, nearest first; equal ones in the order of position.

    Parameters
    ----------
    distances : float32 (n, n_cells)
    n_wanted : int
        From 1 to n_cells.

    Returns
    -------
    int64 (n, n_wanted)
    """
    keys = np.empty((len(distances), n_wanted), np.uint64)
    _smallest(distances, keys)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)


@compiled
def _smallest(distances: NDArray[np.float32], out: NDArray[np.uint64]) -> None:
    """Keep the smallest keys of each row in a heap."""
    n, n_cells = distances.shape
    size = out.shape[1]
    for i in range(n):
        heap = out[i]
        limit = np.float32(np.inf)
        for t in range(n_cells):
            value = distances[i, t]
            if t >= size and value >= limit:  # equal ones further on come behind
                continue
            key = key_of(value, t)
            if t < size:
                place = t
                while place > 0 and heap[(place - 1) // 2] < key:
                    heap[place] = heap[(place - 1) // 2]
                    place = (place - 1) // 2
            else:
                place = 0
                while True:
                    child = 2 * place + 1
                    if child >= size:
                        break
                    if child + 1 < size and heap[child + 1] > heap[child]:
                        child += 1
                    if heap[child] <= key:
                        break
                    heap[place] = heap[child]
                    place = child
            heap[place] = key
            if t >= size - 1:
                limit = keys_distances(heap[0])
