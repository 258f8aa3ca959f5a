"""Eigenvalue allocation: which principal axis goes to which sub-vector.

Ge, He, Ke & Sun, "Optimized product quantization", CVPR 2013, section 3.2.4 ("parametric solution"). Axes are taken by
falling variance; each goes to the sub-vector, among those not yet full, whose product of variances is smallest. Equal
products mean equal shares of the rate-distortion bound, so every codebook has as much to do as every other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["eigenvalue_allocation", "water_filling"]


def eigenvalue_allocation(eigenvalues: NDArray[np.floating], n_buckets: int) -> NDArray[np.int64]:
    """Permutation of the axes that balances the product of variances over ``n_buckets`` equal buckets.

    Products are compared by their logarithms, after the smallest positive variance is scaled to 1 as in yahoo/lopq:
    below 1, adding an axis would lessen a product and one bucket would swallow the rest. Zero variances (and
    negative ones, which are rounding) count as the smallest positive one.

    Parameters
    ----------
    eigenvalues : float (d,)
        Variances along the axes, in any order; ``d`` is a multiple of ``n_buckets``.
    n_buckets : int

    Returns
    -------
    int64 (d,)
        Indices of axes: the first ``d / n_buckets`` make the first bucket, and so on.

    Examples
    --------
    >>> eigenvalue_allocation(np.array([16.0, 8.0, 4.0, 2.0]), 2)
    array([0, 3, 1, 2])
    """
    d = len(eigenvalues)
    size = d // n_buckets
    values = np.asarray(eigenvalues, np.float64)
    positive = values[values > 0]
    logs = np.log2(np.maximum(values, positive.min()) / positive.min()) if len(positive) else np.zeros(d)
    buckets: list[list[int]] = [[] for _ in range(n_buckets)]
    products = np.zeros(n_buckets)
    for axis in np.argsort(-values, kind="stable"):
        chosen = min((b for b in range(n_buckets) if len(buckets[b]) < size), key=lambda b: products[b])
        buckets[chosen].append(int(axis))
        products[chosen] += logs[axis]
    return np.array(buckets, np.int64).reshape(-1)


def water_filling(eigenvalues: NDArray[np.floating], n_bits: float) -> int:
    """How many axes are worth any bits, when ``n_bits`` are spent where they lower the squared error most.

    Cover & Thomas, "Elements of information theory", section 10.3.3: axes whose variance is above a common level get
    half the binary logarithm of their ratio to it, all others get nothing. Axes below the level need no place in a
    rotation, and sub-quantizers need no dimensions for them.

    Parameters
    ----------
    eigenvalues : float (d,)
        Variances along the axes, in any order.
    n_bits : float
        Bits of a whole code.

    Returns
    -------
    int
        From 1 to d.

    Examples
    --------
    >>> water_filling(np.array([16.0, 16.0, 1.0, 1.0]), 4)
    2
    """
    values = np.sort(np.asarray(eigenvalues, np.float64))[::-1]
    values = values[values > 0]
    if not len(values):
        return 1
    logs = np.log2(values)
    counts = np.arange(1, len(values) + 1)
    levels = (np.cumsum(logs) - 2 * n_bits) / counts  # the level, as a logarithm, when so many axes share the bits
    return int(counts[logs > levels].max(initial=1))
