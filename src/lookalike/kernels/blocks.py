"""Codes in blocks: the same byte of 32 codes side by side, as the vector scan reads them.

Each list begins a new block; the lanes beyond its end hold 0 and are never looked at. With one lane a block is a
code as it is, which suits the many short lists of a multi-index.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["block_codes", "unblock_codes"]


def block_codes(codes: NDArray[np.uint8], offsets: NDArray[np.int64], lanes: int) -> NDArray[np.uint8]:
    """Lay out the codes of lists in blocks.

    Parameters
    ----------
    codes : uint8 (n, n_bytes)
        Rows ``offsets[i]`` to ``offsets[i + 1]`` are list i.
    offsets : int64 (n_lists + 1,)
    lanes : int
        Codes per block.

    Returns
    -------
    uint8 (n_blocks, n_bytes, lanes), C-contiguous
    """
    block, lane, n_blocks = _places(offsets, lanes)
    blocks = np.zeros((n_blocks, codes.shape[1], lanes), np.uint8)
    blocks[block, :, lane] = codes
    return blocks


def unblock_codes(blocks: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Undo :func:`block_codes`: uint8 (n, n_bytes), C-contiguous."""
    block, lane, _ = _places(offsets, blocks.shape[2])
    return np.ascontiguousarray(blocks[block, :, lane])


def _places(offsets: NDArray[np.int64], lanes: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Block and lane of each row, and the number of blocks."""
    lengths = np.diff(offsets)
    n_blocks = -(-lengths // lanes)
    first = np.cumsum(n_blocks) - n_blocks
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return np.repeat(first, lengths) + within // lanes, within % lanes, int(n_blocks.sum())
