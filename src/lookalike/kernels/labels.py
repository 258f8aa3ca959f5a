"""Sums of the vectors of each label, in the order of the rows: what means of cells and clusters are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.compile import compiled

__all__ = ["label_sums"]


@compiled
def label_sums(
    vectors: NDArray[np.float32], labels: NDArray[np.int32], n_labels: int, first: int, last: int
) -> NDArray[np.float64]:
    """Sum the vectors of each label, in some of their dimensions.

    Parameters
    ----------
    vectors : float32 (n, d)
    labels : int32 (n,)
        From 0 to ``n_labels`` - 1.
    n_labels : int
    first, last : int
        Dimensions from ``first`` on, before ``last``; 64 at a time or more are quickest.

    Returns
    -------
    float64 (n_labels, last - first)
    """
    sums = np.zeros((n_labels, last - first))
    for i in range(len(vectors)):
        for t in range(last - first):
            sums[labels[i], t] += vectors[i, first + t]
    return sums
