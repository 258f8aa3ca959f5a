"""Rows of 16 floats as vectors: the tables of 4-bit codes, their extremes and their rounding to bytes.

Written as LLVM instructions on vectors of 16, which LLVM cuts into the registers that a machine has: the same results
everywhere, a few instructions a row where a loop over entries takes a hundred.
"""

# ruff: noqa: ANN401 - the types of Numba and llvmlite are not published
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["entries_sum", "lanes_below", "round_row", "row_greatest", "row_least", "scale_row"]

_I8, _I32, _FLOAT = ir.IntType(8), ir.IntType(32), ir.FloatType()
_ROW = ir.VectorType(_FLOAT, 16)


def _row(builder: Any, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, _ROW.as_pointer()), align=4)


def _splat(builder: Any, value: Any) -> Any:
    vector = builder.insert_element(ir.Constant(_ROW, ir.Undefined), value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(_I32, 16), [0] * 16))


def _extreme(order: str) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row = _row(builder, arguments[0])
        for distance in (8, 4, 2, 1):
            places = ir.Constant(ir.VectorType(_I32, 16), [i ^ distance for i in range(16)])
            other = builder.shuffle_vector(row, row, places)
            row = builder.select(builder.fcmp_ordered(order, row, other), row, other)
        return builder.extract_element(row, ir.Constant(_I32, 0))

    return types.float32(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def row_least(typing_context: Any, address: Any) -> Any:
    """Give the smallest of the 16 float32 at an address."""
    return _extreme("<")


@intrinsic  # type: ignore[untyped-decorator]
def row_greatest(typing_context: Any, address: Any) -> Any:
    """Give the largest of the 16 float32 at an address."""
    return _extreme(">")


@intrinsic  # type: ignore[untyped-decorator]
def lanes_below(typing_context: Any, address: Any, base: Any, limit: Any) -> Any:
    """Tell which of the 16 float32 at an address, plus ``base``, are below ``limit``: uint32, bit i for lane i."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, base, limit = arguments
        raised = builder.fadd(_row(builder, address), _splat(builder, base))
        below = builder.fcmp_ordered("<", raised, _splat(builder, limit))
        return builder.zext(builder.bitcast(below, ir.IntType(16)), _I32)

    return types.uint32(types.intp, types.float32, types.float32), generate


@intrinsic  # type: ignore[untyped-decorator]
def scale_row(typing_context: Any, address: Any, scale: Any, out: Any) -> Any:
    """Write the 16 float32 at an address, times ``scale``, to the address ``out``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, scale, out = arguments
        scaled = builder.fmul(_row(builder, address), _splat(builder, scale))
        builder.store(scaled, builder.inttoptr(out, _ROW.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.intp, types.float32, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def round_row(typing_context: Any, address: Any, least: Any, per_unit: Any, out: Any) -> Any:
    """Write ``min(255, (row - least) * per_unit)``, rounded, as 16 bytes, twice, to the address ``out``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, least, per_unit, out = arguments
        units = builder.fmul(builder.fsub(_row(builder, address), _splat(builder, least)), _splat(builder, per_unit))
        units = builder.fadd(units, ir.Constant(_ROW, [0.5] * 16))
        most = ir.Constant(_ROW, [255.0] * 16)
        units = builder.select(builder.fcmp_ordered("<", units, most), units, most)
        whole = builder.trunc(builder.fptosi(units, ir.VectorType(_I32, 16)), ir.VectorType(_I8, 16))
        twice = builder.shuffle_vector(whole, whole, ir.Constant(ir.VectorType(_I32, 32), [i % 16 for i in range(32)]))
        builder.store(twice, builder.inttoptr(out, ir.VectorType(_I8, 32).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.intp, types.float32, types.float32, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def entries_sum(typing_context: Any, tables: Any, codes: Any, n_bytes: Any) -> Any:
    """Give the sum of the table entries that the halves of ``n_bytes`` bytes of a code name.

    Parameters
    ----------
    tables : address of float32 (n_bytes, 2, 16)
        For each byte the table of its low half and that of its high half.
    codes : address of uint8
        The first byte; the next ones lie 32 further each, as in a block.
    n_bytes : int
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        tables = builder.inttoptr(arguments[0], _FLOAT.as_pointer())
        codes, n_bytes = builder.inttoptr(arguments[1], _I8.as_pointer()), arguments[2]
        before, loop, after = builder.block, builder.append_basic_block("sum"), builder.append_basic_block("summed")
        zero, nothing = ir.Constant(word, 0), ir.Constant(_FLOAT, 0.0)
        builder.cbranch(builder.icmp_signed("<", zero, n_bytes), loop, after)
        builder.position_at_end(loop)
        j, low, high = builder.phi(word), builder.phi(_FLOAT), builder.phi(_FLOAT)  # two chains of additions
        code = builder.zext(builder.load(builder.gep(codes, [builder.shl(j, ir.Constant(word, 5))])), word)
        row = builder.gep(tables, [builder.shl(j, ir.Constant(word, 5))])
        first = builder.load(builder.gep(row, [builder.and_(code, ir.Constant(word, 15))]))
        second_place = builder.add(builder.lshr(code, ir.Constant(word, 4)), ir.Constant(word, 16))
        second = builder.load(builder.gep(row, [second_place]))
        next_low, next_high = builder.fadd(low, first), builder.fadd(high, second)
        both = builder.fadd(next_low, next_high)
        next_j = builder.add(j, ir.Constant(word, 1))
        for phi, start, following in ((j, zero, next_j), (low, nothing, next_low), (high, nothing, next_high)):
            phi.add_incoming(start, before)
            phi.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", next_j, n_bytes), loop, after)
        builder.position_at_end(after)
        total = builder.phi(_FLOAT)
        total.add_incoming(nothing, before)
        total.add_incoming(both, loop)
        return total

    return types.float32(types.intp, types.intp, types.intp), generate
