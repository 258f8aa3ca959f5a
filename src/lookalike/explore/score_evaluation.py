"""How well a score tells photos that are something from photos that are not, as people marked them.

The area under the ROC curve is the probability that a photo that is it scores higher than one that is not, ties
counting a half (Hanley and McNeil 1982); its standard error is theirs. A threshold's table tells what a filter at it
would do: precision, recall, and the share of what is not it that passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError

__all__ = ["STEPS", "ScoreEvaluation", "Threshold", "evaluate_scores"]

STEPS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Thresholds of a table, or the quantiles of scores to take as such."""
_ENOUGH = 10
"""Photos marked each way from which on an error of the area is told."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a filter at a threshold does.

    Attributes
    ----------
    threshold : float
    precision : float
        Share of what passes that is it; NaN where nothing passes.
    recall : float
        Share of what is it that passes.
    false_positive_rate : float
        Share of what is not it that passes.
    """

    threshold: float
    precision: float
    recall: float
    false_positive_rate: float


@dataclass(frozen=True, slots=True)
class ScoreEvaluation:
    """What was measured.

    Attributes
    ----------
    n_yes, n_no : int
        Photos marked as being it, and as not being it.
    area : float
        Under the ROC curve.
    standard_error : float
        Of the area; NaN where fewer than 10 photos were marked one way, or all pairs are in order: then the formula
        says 0, however few they are.
    average_precision : float
        Of ranking the marked photos by the score.
    thresholds : tuple of Threshold
        Rising.
    best : float
        The threshold, among the scores, of the best F1.
    """

    n_yes: int
    n_no: int
    area: float
    standard_error: float
    average_precision: float
    thresholds: tuple[Threshold, ...]
    best: float


def evaluate_scores(yes: ArrayLike, no: ArrayLike, thresholds: ArrayLike | None = None) -> ScoreEvaluation:
    """Compare scores with what people said.

    Parameters
    ----------
    yes, no : array-like (n,), (m,)
        Scores, mostly 0 to 1, of photos that are it, and of photos that are not.
    thresholds : array-like, optional
        Of the table; by default .1 to .9, and a few nearer to 0 and 1.

    Raises
    ------
    InvalidArgumentError
        One of them is empty, or holds what is no number.

    Examples
    --------
    >>> found = evaluate_scores([0.9, 0.8, 0.4], [0.5, 0.1])
    >>> round(found.area, 3), found.best
    (0.833, 0.4)
    """
    shown, refused = (np.asarray(each, np.float64) for each in (yes, no))
    for name, values in (("yes", shown), ("no", refused)):
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise InvalidArgumentError(f"`{name}` must be one score or more, all finite.")
    steps = np.array(STEPS) if thresholds is None else np.asarray(thresholds, np.float64)
    n, m = len(shown), len(refused)
    ordered = np.sort(refused)
    below = np.searchsorted(ordered, shown, side="left")
    upto = np.searchsorted(ordered, shown, side="right")
    area = float((below + upto).sum() / (2 * n * m))
    table = tuple(_threshold(float(step), shown, refused) for step in steps)
    tried = [_threshold(float(each), shown, refused) for each in np.unique(shown)]
    best = max(tried, key=lambda at: 2 * at.precision * at.recall / (at.precision + at.recall))
    precisions = [_threshold(float(each), shown, refused).precision for each in shown]
    return ScoreEvaluation(n, m, area, _error(area, n, m), float(np.mean(precisions)), table, best.threshold)


def _threshold(at: float, shown: NDArray[np.float64], refused: NDArray[np.float64]) -> Threshold:
    right, wrong = int((shown >= at).sum()), int((refused >= at).sum())
    precision = right / (right + wrong) if right + wrong else math.nan
    return Threshold(at, precision, right / len(shown), wrong / len(refused))


def _error(area: float, n: int, m: int) -> float:
    if min(n, m) < _ENOUGH or area in (0, 1):
        return math.nan
    both_shown, both_refused = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area) + (n - 1) * (both_shown - area**2) + (m - 1) * (both_refused - area**2)
    return math.sqrt(max(variance, 0) / (n * m))
