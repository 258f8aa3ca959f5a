"""Figures of ranked lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_precision(relevant: NDArray[np.bool_], n_relevant: int) -> float:
    """Mean of the precisions at each relevant hit; relevant photos that are not in the list count as 0.

    Parameters
    ----------
    relevant : bool (n,)
        Of the hits, best first.
    n_relevant : int
        In the whole set.
    """
    ranks = np.flatnonzero(relevant) + 1
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / max(n_relevant, 1))


def recall(relevant: NDArray[np.bool_], n_relevant: int, at: int = 10) -> float:
    """Share of the relevant photos that are among the first `at` hits, of those that can be there."""
    return float(relevant[:at].sum() / max(min(at, n_relevant), 1))


def fit_logistic(
    scores: NDArray[np.floating], truths: NDArray[np.bool_], weights: NDArray[np.floating]
) -> tuple[float, float]:
    """Offset and slope of the likeliest `Logistic`, by Newton's method (Platt 1999)."""
    x = np.stack([np.ones(len(scores)), scores.astype(np.float64)], axis=1)
    w = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (weights * (truths - p)) - 1e-6 * w
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w += step
        if np.abs(step).max() < 1e-8:
            break
    return float(w[0]), float(w[1])
