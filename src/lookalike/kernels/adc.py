"""Asymmetric distance computation: tables of a query, and sums of table entries over codes.

Jegou, Douze & Schmid, "Product quantization for nearest neighbor search", PAMI 2011, section III-B. Building tables
for ``s`` cells costs O(s k d), scanning n codes O(n bytes).

Two 4-bit tables are first added into one of 256 entries, so that a byte of code costs one look-up, not two and the
unpacking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["adc_scan", "adc_tables"]


def adc_tables(rotated: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distance of each sub-vector of each rotated query residual to each centroid of its codebook.

    Parameters
    ----------
    rotated : float32 (n_slots, n_subquantizers * sub_dim)
        The query in the local frame of each cell to be visited.
    codebooks : float32 (n_subquantizers, n_centroids, sub_dim)

    Returns
    -------
    float32 (n_slots, n_subquantizers, n_centroids)
    """
    m, _, d = codebooks.shape
    difference = rotated.reshape(-1, m, 1, d) - codebooks  # (s, m, k, d)
    tables: NDArray[np.float32] = np.einsum("smkd,smkd->smk", difference, difference)
    return tables


def adc_scan(tables: NDArray[np.float32], codes: NDArray[np.uint8], slots: NDArray[np.int64]) -> NDArray[np.float32]:
    """Asymmetric distance of each packed code: the sum over sub-quantizers of the table of the code's slot.

    Parameters
    ----------
    tables : float32 (n_slots, n_subquantizers, 16 or 256)
    codes : uint8 (n, n_bytes), C-contiguous
        Packed as :func:`lookalike.kernels.pack_codes` does.
    slots : int64 (n,)
        Which tables belong to each code.

    Returns
    -------
    float32 (n,)
    """
    n_slots, m, k = tables.shape
    if k == 16:
        if m % 2:
            tables = np.concatenate([tables, np.zeros((n_slots, 1, k), np.float32)], axis=1)
        low, high = tables[:, 0::2, None, :], tables[:, 1::2, :, None]
        tables = (low + high).reshape(n_slots, -1, 256)  # entry high * 16 + low, as the byte is
    n_bytes = tables.shape[1]
    flat = tables.reshape(-1)
    distances = np.zeros(len(codes), np.float32)
    base = slots * (n_bytes * 256)
    for j in range(n_bytes):
        distances += flat[base + codes[:, j]]
        base += 256
    return distances
