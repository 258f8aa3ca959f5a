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

__all__ = ["EMPTY", "join_keys", "key_of", "keys_distances", "select_keys", "split_keys"]

_SIGN = np.uint32(0x80000000)
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)


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
    return np.where(rows < 0, EMPTY, keys)


def split_keys(keys: NDArray[np.uint64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Distances and rows of keys (n_queries, n); ``inf`` and -1 of empty slots."""
    distances, rows = np.empty(keys.shape, np.float32), np.empty(keys.shape, np.int64)
    _split(keys, distances, rows)
    return distances, rows


@compiled
def _split(keys: NDArray[np.uint64], distances: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
    for i in range(len(keys)):
        for s in range(keys.shape[1]):
            key = keys[i, s]
            empty = key == EMPTY
            distances[i, s] = np.inf if empty else keys_distances(key)
            rows[i, s] = -1 if empty else np.int64(key & np.uint64(0xFFFFFFFF))


@compiled
def select_keys(keys: NDArray[np.uint64], n: int, wanted: int) -> np.uint64:
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
