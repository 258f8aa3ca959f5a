"""How much of the truth a search finds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["overlap", "recall_at"]

Rows = NDArray[np.integer]


def recall_at(found: Rows, truth: Rows, n: int) -> float:
    """Share of the queries whose nearest vector is among the first `n` found ("recall@n")."""
    return float((found[:, :n] == truth[:, :1]).any(axis=1).mean())


def overlap(found: Rows, truth: Rows, n: int = 10) -> float:
    """Share of the `n` nearest vectors that are among the first `n` found ("recall10@10")."""
    both = (found[:, :n, None] == truth[:, None, :n]).any(axis=2)
    return float(both.mean())
