"""The inner step of the 4-bit scan as vector instructions: 32 codes at once against one query's small tables.

Andre, Kermarrec & Le Scouarnec, "Cache locality is not enough: high-performance nearest neighbor search with product
quantization fast scan", VLDB 2015: tables of 16 bytes live in a register, and one byte shuffle looks up 32 (AVX2) or 64
(AVX-512) entries. Numba has no vectors, so the step is written as LLVM instructions by an intrinsic.

Sums saturate, first in 8 bits within a byte's two tables, then in 16 bits: a saturated sum is too small, never too
large, so a code is never lost by it. Every level gives the same mask, bit for bit; the portable one is plain Python.

``LOOKALIKE_SIMD`` forces a level: ``portable``, ``avx2`` or ``avx512``; by default the host's best.
"""

# ruff: noqa: ANN401 - the types of Numba and llvmlite are not published
from __future__ import annotations

import os
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LEVELS", "block_mask_avx2", "block_mask_avx512", "chosen_level", "lowest_bit"]

LEVELS = ("portable", "avx2", "avx512")

_I8, _I16, _I32, _I64 = (ir.IntType(n) for n in (8, 16, 32, 64))


def _features() -> dict[str, bool]:
    return dict(llvm.get_host_cpu_features())


def _supported() -> tuple[str, ...]:
    features = _features()
    needed = {"portable": (), "avx2": ("avx2",), "avx512": ("avx2", "avx512bw", "avx512vl")}
    return tuple(level for level in LEVELS if all(features.get(each) for each in needed[level]))


SUPPORTED = _supported()
"""Levels that this machine can run."""


def chosen_level() -> int:
    """Give the index in ``LEVELS`` of the level to run: forced by ``LOOKALIKE_SIMD``, else the best there is.

    A forced level that the machine lacks, or that does not exist, falls back to ``portable``.
    """
    forced = os.environ.get("LOOKALIKE_SIMD", "")
    if forced:
        return LEVELS.index(forced) if forced in SUPPORTED else 0
    return LEVELS.index(SUPPORTED[-1])


def _emit(builder: Any, module: Any, arguments: Any, n_wide: int) -> Any:
    """Build the loop over ``n_wide`` bytes of each code per round; gives the 32-bit mask of codes within the bound."""
    codes, low_tables, high_tables, n_bytes, bound = arguments
    lanes = 32 * n_wide
    bytes_, words = ir.VectorType(_I8, lanes), ir.VectorType(_I16, lanes // 2)
    shuffle_name = "llvm.x86.avx2.pshuf.b" if n_wide == 1 else "llvm.x86.avx512.pshuf.b.512"
    shuffle = cgutils.get_or_insert_function(module, ir.FunctionType(bytes_, [bytes_, bytes_]), shuffle_name)
    add_sat = cgutils.get_or_insert_function(
        module, ir.FunctionType(bytes_, [bytes_, bytes_]), f"llvm.uadd.sat.v{lanes}i8"
    )
    fifteen = ir.Constant(bytes_, [15] * lanes)
    four, eight = ir.Constant(words, [4] * (lanes // 2)), ir.Constant(words, [8] * (lanes // 2))
    zero = ir.Constant(words, None)

    before = builder.block
    loop = builder.append_basic_block("scan.bytes")
    after = builder.append_basic_block("scan.end")
    builder.branch(loop)
    builder.position_at_end(loop)
    j = builder.phi(_I64)
    even, odd = builder.phi(words), builder.phi(words)

    def load(base: Any) -> Any:
        address = builder.gep(base, [builder.mul(j, ir.Constant(_I64, 32))])
        return builder.load(builder.bitcast(address, bytes_.as_pointer()), align=1)

    both = load(codes)
    low = builder.and_(both, fifteen)
    shifted = builder.bitcast(builder.lshr(builder.bitcast(both, words), four), bytes_)
    high = builder.and_(shifted, fifteen)
    first = builder.call(shuffle, [load(low_tables), low])
    second = builder.call(shuffle, [load(high_tables), high])
    sums = builder.bitcast(builder.call(add_sat, [first, second]), words)
    # `even` takes whole words, that is even bytes plus 256 times the odd ones; the odd ones are taken off at the end
    even_next, odd_next = builder.add(even, sums), builder.add(odd, builder.lshr(sums, eight))
    j_next = builder.add(j, ir.Constant(_I64, n_wide))
    for phi, start, following in ((j, ir.Constant(_I64, 0), j_next), (even, zero, even_next), (odd, zero, odd_next)):
        phi.add_incoming(start, before)
        phi.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", j_next, n_bytes), loop, after)
    builder.position_at_end(after)
    even_only = builder.sub(even_next, builder.shl(odd_next, eight))
    half = ir.VectorType(_I16, 16)
    if n_wide == 2:
        pick = [ir.Constant(ir.VectorType(_I32, 16), list(range(start, start + 16))) for start in (0, 16)]
        even_only, odd_next = (
            builder.add(builder.shuffle_vector(v, v, pick[0]), builder.shuffle_vector(v, v, pick[1]))
            for v in (even_only, odd_next)
        )
    order = [i // 2 + 16 * (i % 2) for i in range(32)]
    every = builder.shuffle_vector(even_only, odd_next, ir.Constant(ir.VectorType(_I32, 32), order))
    limits = ir.Constant(ir.VectorType(_I16, 32), ir.Undefined)
    limits = builder.insert_element(limits, builder.trunc(bound, _I16), ir.Constant(_I32, 0))
    limits = builder.shuffle_vector(limits, limits, ir.Constant(ir.VectorType(_I32, 32), [0] * 32))
    assert every.type == ir.VectorType(_I16, 32)
    assert even_only.type == half
    return builder.bitcast(builder.icmp_unsigned("<=", every, limits), _I32)


def _block_mask(level: str, n_wide: int) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if level not in SUPPORTED:
            return ir.Constant(_I32, 0)  # never run: `chosen_level` gives supported ones only
        pointers = [builder.inttoptr(each, _I8.as_pointer()) for each in arguments[:3]]
        return _emit(builder, builder.module, [*pointers, *arguments[3:]], n_wide)

    return types.uint32(types.intp, types.intp, types.intp, types.intp, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def block_mask_avx2(
    typing_context: Any, codes: Any, low_tables: Any, high_tables: Any, n_bytes: Any, bound: Any
) -> Any:
    """Tell which of the 32 codes of a block have a sum of table bytes of at most ``bound``: uint32, bit i for lane i.

    Parameters
    ----------
    codes : address of uint8 (n_bytes, 32)
    low_tables, high_tables : address of uint8 (n_bytes, 2, 16)
        The table of the low and of the high half of each byte, twice, as the two 128-bit lanes want it.
    n_bytes : int
        At least 1; even for AVX-512.
    bound : int
        From 0 to 65535.
    """
    return _block_mask("avx2", 1)


@intrinsic  # type: ignore[untyped-decorator]
def block_mask_avx512(
    typing_context: Any, codes: Any, low_tables: Any, high_tables: Any, n_bytes: Any, bound: Any
) -> Any:
    """Do as :func:`block_mask_avx2` does, two bytes of each code at a time; ``n_bytes`` must be even."""
    return _block_mask("avx512", 2)


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing_context: Any, mask: Any) -> Any:
    """Give the number of the lowest bit that is set in a uint32 other than 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.zext(found, _I64)

    return types.int64(types.uint32), generate
