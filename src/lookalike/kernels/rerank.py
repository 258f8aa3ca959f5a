"""Exact distances and products of queries and chosen rows of stored vectors.

Rows lie all over memory, so each one is asked for while others are still compared. The sum runs in sixteen lanes, which
are added in pairs at the end: the same result on every machine.
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
from lookalike.kernels.keys import EMPTY, key_of, select_keys, split_keys

__all__ = ["compare_rows", "nearest_rows", "row_products"]

_AHEAD = 12
"""Rows that are asked for before they are needed."""
_LINE, _MOST_LINES = 64, 8
_FLOAT, _HALF, _I8, _I32, _WORD = ir.FloatType(), ir.HalfType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
_LANES = 16


def nearest_rows(
    queries: NDArray[np.float32],
    vectors: NDArray[np.floating],
    rows: NDArray[np.int64],
    k: int,
    to_zero: float | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Nearest by squared distance among some rows of each query.

    Parameters
    ----------
    queries : float32 (n_queries, d)
    vectors : float16 or float32 (n, d), C-contiguous
        At most 2^32 rows.
    rows : int64 (n_queries, depth)
        -1 for none.
    k : int
    to_zero : float, optional
        What the distance to a vector of zeros shall be. By default what it is.

    Returns
    -------
    distances : float32 (n_queries, k)
        Squared; never falling. Empty slots hold ``inf``.
    rows : int64 (n_queries, k)
        Equal distances come in the order of rows. Empty slots hold -1.
    """
    keys = np.empty((len(queries), k), np.uint64)
    # bits, since Numba knows no float16; their width tells which floats they are
    bits: NDArray[Any] = vectors.view(np.uint16 if vectors.dtype == np.float16 else np.uint32)
    _nearest(np.ascontiguousarray(queries), bits, rows, np.float32(-1 if to_zero is None else to_zero), keys)
    return split_keys(keys)


def row_products(
    query: NDArray[np.float32], vectors: NDArray[np.floating], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Inner products of one query with some rows.

    Parameters
    ----------
    query : float32 (d,)
    vectors : float16 or float32 (n, d), C-contiguous
    rows : int64 (m,)

    Returns
    -------
    float32 (m,)
    """
    out = np.empty(len(rows), np.float32)
    bits: NDArray[Any] = vectors.view(np.uint16 if vectors.dtype == np.float16 else np.uint32)
    _products(np.ascontiguousarray(query), bits, rows, out)
    return out


@compiled
def _products(
    query: NDArray[np.float32],
    bits: NDArray[np.uint16] | NDArray[np.uint32],
    rows: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    n_bytes = bits.itemsize * bits.shape[1]
    n_lines = min((n_bytes + _LINE - 1) // _LINE, _MOST_LINES)
    query_at, vectors_at = query.ctypes.data, bits.ctypes.data
    for i in range(len(rows)):
        if i + _AHEAD < len(rows):
            for line in range(n_lines):
                prefetch(vectors_at + n_bytes * rows[i + _AHEAD] + _LINE * line)
        if bits.itemsize == 2:
            out[i] = product_half(query_at, vectors_at + n_bytes * rows[i], len(query))
        else:
            out[i] = product_single(query_at, vectors_at + n_bytes * rows[i], len(query))


@compiled
def _nearest(
    queries: NDArray[np.float32],
    bits: NDArray[np.uint16] | NDArray[np.uint32],
    rows: NDArray[np.int64],
    to_zero: np.float32,
    out: NDArray[np.uint64],
) -> None:
    keys = np.empty(max(rows.shape[1], 1), np.uint64)
    for q in range(len(queries)):
        compare_rows(queries[q], bits, rows[q], to_zero, keys, out[q])


@compiled
def compare_rows(
    query: NDArray[np.float32],
    bits: NDArray[np.uint16] | NDArray[np.uint32],
    rows: NDArray[np.int64],
    to_zero: np.float32,
    keys: NDArray[np.uint64],
    out: NDArray[np.uint64],
) -> None:
    """Fill ``out`` (k,) with the keys of the rows (depth,) nearest to one query (d,).

    Parameters
    ----------
    bits : uint16 or uint32 (n, d)
        Of the vectors.
    to_zero : float
        What the distance to a vector of zeros shall be; below 0: what it is.
    keys : uint64 (depth,)
        Of no meaning before and after.
    """
    d, depth, k = len(query), len(rows), len(out)
    n_bytes = bits.itemsize * d
    n_lines = min((n_bytes + _LINE - 1) // _LINE, _MOST_LINES)
    sign = bits.dtype.type(1) << bits.dtype.type(8 * bits.itemsize - 1)
    vectors_at, query_at = bits.ctypes.data, query.ctypes.data
    for i in range(min(_AHEAD, depth)):
        for line in range(n_lines):
            prefetch(vectors_at + n_bytes * max(rows[i], 0) + _LINE * line)
    n = 0
    for i in range(depth):
        if i + _AHEAD < depth:
            for line in range(n_lines):
                prefetch(vectors_at + n_bytes * max(rows[i + _AHEAD], 0) + _LINE * line)
        row = rows[i]
        if row < 0:
            continue
        if bits.itemsize == 2:
            distance = squared_half(query_at, vectors_at + n_bytes * row, d)
        else:
            distance = squared_single(query_at, vectors_at + n_bytes * row, d)
        if to_zero >= 0 and bits[row, 0] & ~sign == 0:
            j = 1
            while j < d and bits[row, j] & ~sign == 0:
                j += 1
            distance = to_zero if j == d else distance
        keys[n] = key_of(distance, row)
        n += 1
    if n > k:
        select_keys(keys, n, k)
        n = k
    nearest = keys[:n]
    nearest.sort()
    for i in range(n):
        out[i] = nearest[i]
    for i in range(n, k):
        out[i] = EMPTY


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the line of the cache that an address lies in."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = builder.inttoptr(arguments[0], _I8.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [at.type, _I32, _I32, _I32])
        function = builder.module.globals.get("llvm.prefetch.p0i8") or ir.Function(
            builder.module, kind, "llvm.prefetch.p0i8"
        )
        builder.call(function, [at, _I32(0), _I32(3), _I32(1)])  # to be read, kept close, data
        return context.get_dummy_value()

    return types.void(types.intp), generate


def _summed(stored: Any, *, differences: bool) -> Any:
    """Build the sum, sixteen at a time, over ``d`` float32 and ``d`` stored numbers.

    Summed are their squared differences, or their products.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide = ir.VectorType(_FLOAT, _LANES)
        query = builder.inttoptr(arguments[0], _FLOAT.as_pointer())
        vector, d = builder.inttoptr(arguments[1], stored.as_pointer()), arguments[2]

        def factors(place: Any, kind: Any, width: Any) -> tuple[Any, Any]:
            own = builder.load(builder.bitcast(builder.gep(query, [place]), kind.as_pointer()), align=4)
            other = builder.load(
                builder.bitcast(builder.gep(vector, [place]), width.as_pointer()), align=2 if stored is _HALF else 4
            )
            if stored is _HALF:
                other = builder.fpext(other, kind)
            if not differences:
                return own, other
            difference = builder.fsub(other, own)
            return difference, difference

        before = builder.block
        head, body, between = (builder.append_basic_block(f"summed.{name}") for name in ("head", "body", "between"))
        tail_head, tail_body, after = (builder.append_basic_block(f"summed.{name}") for name in ("rest", "one", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        j, lanes = builder.phi(_WORD), builder.phi(wide)
        j_next = builder.add(j, _WORD(_LANES))
        builder.cbranch(builder.icmp_signed("<=", j_next, d), body, between)
        builder.position_at_end(body)
        step = builder.fmul(*factors(j, wide, ir.VectorType(stored, _LANES)), flags=("contract",))
        lanes_next = builder.fadd(lanes, step, flags=("contract",))
        builder.branch(head)
        j.add_incoming(_WORD(0), before)
        j.add_incoming(j_next, body)
        lanes.add_incoming(ir.Constant(wide, None), before)
        lanes.add_incoming(lanes_next, body)
        builder.position_at_end(between)
        pairs = lanes
        for distance in (8, 4, 2, 1):
            places = ir.Constant(ir.VectorType(_I32, _LANES), [i ^ distance for i in range(_LANES)])
            pairs = builder.fadd(pairs, builder.shuffle_vector(pairs, pairs, places))
        whole = builder.extract_element(pairs, _I32(0))
        builder.branch(tail_head)
        builder.position_at_end(tail_head)
        t, total = builder.phi(_WORD), builder.phi(_FLOAT)
        builder.cbranch(builder.icmp_signed("<", t, d), tail_body, after)
        builder.position_at_end(tail_body)
        rest = builder.fmul(*factors(t, _FLOAT, stored), flags=("contract",))
        total_next = builder.fadd(total, rest, flags=("contract",))
        t_next = builder.add(t, _WORD(1))
        builder.branch(tail_head)
        t.add_incoming(j, between)
        t.add_incoming(t_next, tail_body)
        total.add_incoming(whole, between)
        total.add_incoming(total_next, tail_body)
        builder.position_at_end(after)
        return total

    return types.float32(types.intp, types.intp, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def squared_half(typing_context: Any, query: Any, vector: Any, d: Any) -> Any:
    """Give the squared distance of ``d`` float32 at an address and ``d`` float16 at another."""
    return _summed(_HALF, differences=True)


@intrinsic  # type: ignore[untyped-decorator]
def squared_single(typing_context: Any, query: Any, vector: Any, d: Any) -> Any:
    """Give the squared distance of ``d`` float32 at an address and ``d`` float32 at another."""
    return _summed(_FLOAT, differences=True)


@intrinsic  # type: ignore[untyped-decorator]
def product_half(typing_context: Any, query: Any, vector: Any, d: Any) -> Any:
    """Give the inner product of ``d`` float32 at an address and ``d`` float16 at another."""
    return _summed(_HALF, differences=False)


@intrinsic  # type: ignore[untyped-decorator]
def product_single(typing_context: Any, query: Any, vector: Any, d: Any) -> Any:
    """Give the inner product of ``d`` float32 at an address and ``d`` float32 at another."""
    return _summed(_FLOAT, differences=False)
