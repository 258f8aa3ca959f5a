"""Codes as they are stored: 8 bits each, or two of 4 bits in one byte.

The even sub-quantizer is in the low half of its byte, the odd one in the high half; with an odd number of 4-bit
sub-quantizers the last high half is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack_codes", "unpack_codes"]


def pack_codes(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Pack one code per byte into ``bits`` bits each.

    Parameters
    ----------
    codes : uint8 (n, n_subquantizers)
    bits : 4 or 8

    Returns
    -------
    uint8 (n, ceil(n_subquantizers * bits / 8)), C-contiguous
    """
    if bits == 8:
        return np.ascontiguousarray(codes).copy()
    n, m = codes.shape
    packed = np.zeros((n, (m + 1) // 2), np.uint8)
    packed |= codes[:, 0::2]
    packed[:, : m // 2] |= codes[:, 1::2] << np.uint8(4)
    return packed


def unpack_codes(packed: NDArray[np.uint8], n_subquantizers: int, bits: int) -> NDArray[np.uint8]:
    """Undo :func:`pack_codes`.

    Parameters
    ----------
    packed : uint8 (n, ceil(n_subquantizers * bits / 8))
    n_subquantizers : int
    bits : 4 or 8

    Returns
    -------
    uint8 (n, n_subquantizers), C-contiguous
    """
    if bits == 8:
        return np.ascontiguousarray(packed).copy()
    codes = np.empty((len(packed), n_subquantizers), np.uint8)
    codes[:, 0::2] = packed & np.uint8(15)
    codes[:, 1::2] = packed[:, : n_subquantizers // 2] >> np.uint8(4)
    return codes
