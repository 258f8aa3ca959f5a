"""The inner step of the 4-bit scan as vector instructions: 32 codes at once against one query's small tables.

Andre, Kermarrec & Le Scouarnec, "Cache locality is not enough: high-performance nearest neighbor search with product
quantization fast scan", VLDB 2015: tables of 16 bytes live in a register, and one byte shuffle looks up 16 (NEON), 32
(AVX2) or 64 (AVX-512) entries. Numba has no vectors, so the step is written as LLVM instructions by an intrinsic.

The levels differ in nothing but that shuffle and in how many bytes of each code they take a round: LLVM itself cuts the
32 lanes of the rest into the registers that a machine has.

Sums saturate in 8 bits within a byte's two tables, and would wrap in 16 bits beyond 257 bytes. Every level gives the
same sums and the same mask, bit for bit; the portable one is plain Python.

``LOOKALIKE_SIMD`` forces a level: ``portable``, ``avx2``, ``avx512`` or ``neon``; by default the host's best.
"""

# ruff: noqa: ANN401 - the types of Numba and llvmlite are not published
from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic

__all__ = [
    "LEVELS",
    "block_mask_avx2",
    "block_mask_avx512",
    "block_mask_neon",
    "chosen_level",
    "emit_block_mask",
    "lowest_bit",
]

LEVELS = ("portable", "avx2", "avx512", "neon")
"""The scan knows them by their places. Of those that a machine supports, which are of one maker, the last is best."""

_I8, _I16, _I32, _I64 = (ir.IntType(n) for n in (8, 16, 32, 64))


def _features() -> set[str]:
    """Tell what Numba compiles for: the host's features, less those that ``NUMBA_CPU_NAME`` and its kin take away."""
    given = codegen.get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    return {each[1:] for each in given.split(",") if each.startswith("+")}


def _supported() -> tuple[str, ...]:
    # NEON is part of 64-bit Arm, where LLVM cannot list the features of every host
    if llvm.get_process_triple().split("-")[0] in ("aarch64", "arm64"):
        return ("portable", "neon")
    features = _features()
    needed = {"avx2": {"avx2"}, "avx512": {"avx2", "avx512bw", "avx512vl"}}
    return ("portable", *(level for level in LEVELS if level in needed and needed[level] <= features))


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


def emit_block_mask(level: str, builder: Any, arguments: Any) -> Any:
    """Build the sums of a block and their comparison with the bound: the instructions of ``block_mask_<level>``.

    ``arguments`` are values of LLVM: pointers to the codes, the two tables and the sums, then ``n_bytes`` and ``bound``
    as i64.
    """
    codes, low_tables, high_tables, sums_out, n_bytes, bound = arguments
    n_wide = 2 if level == "avx512" else 1  # bytes of each code a round
    lanes = 32 * n_wide
    bytes_, words = ir.VectorType(_I8, lanes), ir.VectorType(_I16, lanes // 2)
    lookup = {"avx2": _lookup_avx2, "avx512": _lookup_avx512, "neon": _lookup_neon}[level]
    add_sat = _instruction(builder, f"llvm.uadd.sat.v{lanes}i8", bytes_)
    four, fifteen = ir.Constant(bytes_, [4] * lanes), ir.Constant(bytes_, [15] * lanes)
    eight, zero = ir.Constant(words, [8] * (lanes // 2)), ir.Constant(words, None)

    before = builder.block
    loop = builder.append_basic_block("scan.bytes")
    after = builder.append_basic_block("scan.end")
    builder.branch(loop)
    builder.position_at_end(loop)
    j = builder.phi(_I64)
    even, odd = builder.phi(words), builder.phi(words)

    place = builder.mul(j, ir.Constant(_I64, 32))
    both = _load(builder, builder.gep(codes, [place]), lanes)
    first = lookup(builder, builder.gep(low_tables, [place]), builder.and_(both, fifteen))
    second = lookup(builder, builder.gep(high_tables, [place]), builder.lshr(both, four))
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
    if n_wide == 2:
        even_only, odd_next = (
            builder.add(_pick(builder, v, range(16)), _pick(builder, v, range(16, 32))) for v in (even_only, odd_next)
        )
    every = builder.shuffle_vector(even_only, odd_next, _places(i // 2 + 16 * (i % 2) for i in range(32)))
    builder.store(every, builder.bitcast(sums_out, every.type.as_pointer()), align=2)
    limits = ir.Constant(every.type, ir.Undefined)
    limits = builder.insert_element(limits, builder.trunc(bound, _I16), ir.Constant(_I32, 0))
    limits = _pick(builder, limits, [0] * 32)
    return builder.bitcast(builder.icmp_unsigned("<=", every, limits), _I32)


def _lookup_avx2(builder: Any, table: Any, indices: Any) -> Any:
    """Look up 32 indices; each 128-bit lane of a shuffle has a table of its own, so the two copies fill both."""
    shuffle = _instruction(builder, "llvm.x86.avx2.pshuf.b", indices.type)
    return builder.call(shuffle, [_load(builder, table, 32), indices])


def _lookup_avx512(builder: Any, table: Any, indices: Any) -> Any:
    """Look up 64 indices: 32 in the table of one byte and 32 in that of the next."""
    shuffle = _instruction(builder, "llvm.x86.avx512.pshuf.b.512", indices.type)
    return builder.call(shuffle, [_load(builder, table, 64), indices])


def _lookup_neon(builder: Any, table: Any, indices: Any) -> Any:
    """Look up 32 indices, 16 at a time, in the first copy of the table."""
    lookup = _instruction(builder, "llvm.aarch64.neon.tbl1.v16i8", ir.VectorType(_I8, 16))
    entries = _load(builder, table, 16)
    halves = [builder.call(lookup, [entries, _pick(builder, indices, range(start, start + 16))]) for start in (0, 16)]
    return builder.shuffle_vector(*halves, _places(range(32)))


def _instruction(builder: Any, name: str, vector: Any) -> Any:
    """Declare an instruction that makes one vector of two of its kind."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector, vector]), name)


def _load(builder: Any, address: Any, n: int) -> Any:
    return builder.load(builder.bitcast(address, ir.VectorType(_I8, n).as_pointer()), align=1)


def _places(places: Iterable[int]) -> Any:
    chosen = list(places)
    return ir.Constant(ir.VectorType(_I32, len(chosen)), chosen)


def _pick(builder: Any, vector: Any, places: Iterable[int]) -> Any:
    return builder.shuffle_vector(vector, vector, _places(places))


def _block_mask(level: str) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if level not in SUPPORTED:
            return ir.Constant(_I32, 0)  # never run: `chosen_level` gives supported ones only
        pointers = [builder.inttoptr(each, _I8.as_pointer()) for each in arguments[:4]]
        return emit_block_mask(level, builder, [*pointers, *arguments[4:]])

    return types.uint32(*(types.intp,) * 4, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def block_mask_avx2(
    typing_context: Any, codes: Any, low_tables: Any, high_tables: Any, sums: Any, n_bytes: Any, bound: Any
) -> Any:
    """Tell which of the 32 codes of a block have a sum of table bytes of at most ``bound``: uint32, bit i for lane i.

    Parameters
    ----------
    codes : address of uint8 (n_bytes, 32)
    low_tables, high_tables : address of uint8 (n_bytes, 2, 16)
        The table of the low and of the high half of each byte, twice, as the 128-bit lanes of AVX want it.
    sums : address of uint16 (32,)
        Where the sums are written to.
    n_bytes : int
        At least 1; even for AVX-512.
    bound : int
        From 0 to 65535.
    """
    return _block_mask("avx2")


@intrinsic  # type: ignore[untyped-decorator]
def block_mask_avx512(
    typing_context: Any, codes: Any, low_tables: Any, high_tables: Any, sums: Any, n_bytes: Any, bound: Any
) -> Any:
    """Do as :func:`block_mask_avx2` does, two bytes of each code at a time; ``n_bytes`` must be even."""
    return _block_mask("avx512")


@intrinsic  # type: ignore[untyped-decorator]
def block_mask_neon(
    typing_context: Any, codes: Any, low_tables: Any, high_tables: Any, sums: Any, n_bytes: Any, bound: Any
) -> Any:
    """Do as :func:`block_mask_avx2` does, on 64-bit Arm."""
    return _block_mask("neon")


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(typing_context: Any, mask: Any) -> Any:
    """Give the number of the lowest bit that is set in a uint32 other than 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.zext(found, _I64)

    return types.int64(types.uint32), generate
