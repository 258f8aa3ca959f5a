"""float16 in compiled kernels: Numba knows no such arrays, so their bits come as uint16 and are widened here."""

# ruff: noqa: ANN401 - the types of Numba and llvmlite are not published
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["widened"]


@intrinsic  # type: ignore[untyped-decorator]
def widened(typing_context: Any, bits: Any) -> Any:
    """Give the float32 of a float16 whose bits are a uint16; one instruction for eight of them on x86 (F16C)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate
