"""Teach your own: from 5 examples or more to a probe, with random photos of the collection as what it is not.

Random photos hold the thing too, now and then, so this is learning from positive and unlabelled examples:

1. **Direction.** Ridge regression to +1 (examples) and -1 (random photos), each side with half of the weight, solved
   through the Gram matrix of the few hundred rows. One eigendecomposition gives every strength of the penalty, and for
   each the scores of all rows *without themselves* in closed form (Cook's leverage, with the unpenalised intercept).
   The strength with the smallest left-out squared error is taken. L2 logistic regression ranks no better here, and
   costs an iteration for each strength and fold (docs/explanation/why.md has the figures).
2. **Probability.** Platt's line on left-out scores, where each random photo counts as the thing with the probability
   that the line gives it, until that settles: expectation maximisation with a logistic model (Ward and others,
   *Presence-only data and the EM algorithm*, 2009). The share found is the prior.
3. **Threshold.** The one with the best expected F1: precision from these probabilities, recall from the examples'
   left-out scores.

Cost: O(n^3) for n rows of examples and random photos; about 0.1 s for 350.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.collection.probe import Probe, compared, sigmoid
from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread

__all__ = ["MIN_BACKGROUND", "MIN_EXAMPLES", "fit_probe"]

MIN_EXAMPLES = 5
MIN_BACKGROUND = 20
_PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
_N_ROUNDS = 20
_MAX_PRIOR = 0.5

Floats = NDArray[np.float64]


def fit_probe(
    name: str,
    examples: ArrayLike,
    background: ArrayLike,
    *,
    negatives: ArrayLike | None = None,
    mean: ArrayLike,
    encoder: str,
) -> Probe:
    """Learn what a few photos have in common that random ones have not.

    Parameters
    ----------
    name : str
    examples : float32 (n, dim)
        Embeddings of photos that are it, as the encoder gives them; at least 5.
    background : float32 (m, dim)
        Of photos drawn at random, at least 20; a few hundred are enough.
    negatives : float32 (k, dim), optional
        Of photos that are certainly not it. Each weighs as much as an example, all together no more than the random
        photos.
    mean : float32 (dim,)
        What is taken off before comparing (`Collection.mean`).
    encoder : str
        Fingerprint of the encoder's card.

    Raises
    ------
    InvalidArgumentError
        Too few of them, wrong shapes, or numbers that are not finite.
    """
    centre = np.asarray(mean, np.float32)
    if centre.ndim != 1 or not np.isfinite(centre).all():
        raise InvalidArgumentError(f"`mean` has shape {centre.shape}; expected finite numbers (dim,).")
    shown = _rows(examples, "examples", centre, MIN_EXAMPLES)
    random = _rows(background, "background", centre, MIN_BACKGROUND)
    refused = _rows(np.zeros((0, len(centre))) if negatives is None else negatives, "negatives", centre, 0)
    n, k = len(shown), len(refused)
    rows = np.concatenate([shown, refused, random])
    targets = np.repeat([1.0, -1.0], [n, k + len(random)])
    refused_weight = min(k * 0.5 / n, 0.25)
    weights = np.repeat(
        [0.5 / n, refused_weight / max(k, 1), (0.5 - refused_weight) / len(random)], [n, k, len(random)]
    )
    with one_blas_thread():
        fits = _ridge(rows, targets, weights)
    fit = min(fits, key=lambda each: float(weights @ (each.left_out - targets) ** 2))
    of_shown, of_random = fit.left_out[:n], fit.left_out[n + k :]
    slope, intercept, prior = _calibrated(of_shown, of_random)
    shown_odds, random_odds = slope * of_shown + intercept, slope * of_random + intercept
    threshold, precision, recall = _best_threshold(shown_odds, random_odds)
    return Probe(
        name=name,
        weights=(slope * fit.direction).astype(np.float32),
        bias=float(slope * fit.intercept + intercept),
        mean=centre,
        threshold=threshold,
        average_precision=_expected_average_precision(sigmoid(shown_odds), sigmoid(random_odds)),
        precision=precision,
        recall=recall,
        prior=prior,
        n_examples=n,
        n_negatives=k,
        n_background=len(random),
        encoder=encoder,
    )


def _rows(values: ArrayLike, name: str, mean: NDArray[np.float32], least: int) -> Floats:
    try:
        rows = np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"`{name}` is no array of numbers: {error}.") from error
    if rows.ndim != 2 or rows.shape[1] != len(mean):
        raise InvalidArgumentError(f"`{name}` has shape {rows.shape}; expected (n, {len(mean)}).")
    if len(rows) < least:
        raise InvalidArgumentError(
            f"`{name}` is of too few photos: {len(rows)}, but it takes at least {least}. Give more."
        )
    if not np.isfinite(rows).all():
        raise InvalidArgumentError(f"`{name}` holds NaN or infinity; expected finite numbers.")
    return compared(rows, mean).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """A direction (dim,), its intercept, and each row's score when the fit is made without it (n,)."""

    direction: Floats
    intercept: float
    left_out: Floats


def _ridge(rows: Floats, targets: Floats, weights: Floats) -> list[_Fit]:
    """Weighted ridge regression with a free intercept, for each penalty. `weights` sum to one."""
    centre, level = weights @ rows, float(weights @ targets)
    root = np.sqrt(weights)
    scaled, wanted = (rows - centre) * root[:, None], (targets - level) * root
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    values = np.maximum(values, 0)
    along = vectors.T @ wanted
    fits = []
    for penalty in _PENALTIES:
        kept = values / (values + penalty)
        residuals = wanted - vectors @ (kept * along)
        leverage = np.minimum(vectors**2 @ kept + weights, 1 - 1e-6)
        direction = scaled.T @ (vectors @ (along / (values + penalty)))
        left_out = targets - residuals / (1 - leverage) / root
        fits.append(_Fit(direction, level - float(centre @ direction), left_out))
    return fits


def _calibrated(shown: Floats, random: Floats) -> tuple[float, float, float]:
    """Slope and intercept of the log-odds over scores, and the share of random photos that are it."""
    middle = float(np.median(random))
    spread = max(1.4826 * float(np.median(np.abs(random - middle))), 1e-6)
    # A first guess: two normal curves of one width, which make a logistic curve.
    prior = 0.05
    for _ in range(_N_ROUNDS):
        gap = max(float(shown.mean()) - middle, 1e-6)
        log_odds = gap / spread**2 * (random - (shown.mean() + middle) / 2) + np.log(prior / (1 - prior))
        is_one = sigmoid(log_odds)
        prior = float(np.clip(is_one.mean(), 0.5 / len(random), _MAX_PRIOR))
    n, m = len(shown), len(random)
    scores = np.concatenate([shown, random])
    # Platt's targets: never quite 0 or 1, so that the slope stays finite where all is separated.
    targets = np.repeat([(n + 1) / (n + 2), 1 / (m + 2)], [n, m])
    slope, intercept = 0.0, 0.0
    for _ in range(_N_ROUNDS):
        slope, intercept = _logistic(
            scores, targets, np.concatenate([np.full(n, prior * m / n), np.maximum(1 - is_one, 1e-9)])
        )
        is_one = sigmoid(slope * random + intercept)
        prior = float(np.clip(is_one.mean(), 0.5 / m, _MAX_PRIOR))
    return slope, intercept, prior


def _logistic(scores: Floats, targets: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted logistic regression on one number, by Newton's steps; a slope that never falls."""
    middle, spread = float(scores.mean()), max(float(scores.std()), 1e-9)
    columns = np.stack([(scores - middle) / spread, np.ones(len(scores))], axis=1)
    rate = float(weights @ targets / weights.sum())
    line = np.array([1.0, np.log(rate / (1 - rate))])
    for _ in range(50):
        p = sigmoid(columns @ line)
        gradient = columns.T @ (weights * (p - targets))
        curvature = (columns * (weights * p * (1 - p))[:, None]).T @ columns + 1e-6 * weights.sum() * np.eye(2)
        step = np.clip(np.linalg.solve(curvature, gradient), -3, 3)
        line -= step
        if np.abs(step).max() < 1e-7:
            break
    slope = max(float(line[0]), 1e-3) / spread
    return slope, float(line[1]) - slope * middle


def _best_threshold(shown: Floats, random: Floats) -> tuple[float, float, float]:
    """Threshold among scores (log-odds), and precision and recall expected at it.

    Recall is read from a normal curve through the examples' scores, not counted: the best of a few counts is too good.
    """
    order = np.sort(random)[::-1]
    sums = np.concatenate([[0.0], np.cumsum(sigmoid(order))])
    middle, spread = float(shown.mean()), max(float(shown.std(ddof=1)), 1e-6)
    candidates = np.unique(np.concatenate([shown, random]))
    n_passing = np.searchsorted(-order, -candidates, side="right")
    precisions = np.where(n_passing > 0, sums[n_passing] / np.maximum(n_passing, 1), sigmoid(candidates))
    recalls = np.array([0.5 * math.erfc((each - middle) / (spread * math.sqrt(2))) for each in candidates])
    best = int(np.argmax(2 * precisions * recalls / np.maximum(precisions + recalls, 1e-12)))
    # Just below the photo that set it, so that rounding to float32 does not shut that one out.
    threshold = float(np.clip(sigmoid(candidates[best]) - 1e-6, 0, 1))
    return threshold, float(precisions[best]), float(recalls[best])


def _expected_average_precision(shown: Floats, random: Floats) -> float:
    """Mean, over the examples, of the precision expected among random photos that score as high or higher."""
    order = np.sort(random)[::-1]
    sums = np.concatenate([[0.0], np.cumsum(order)])
    n_above = np.searchsorted(-order, -shown, side="right")
    return float(np.where(n_above > 0, sums[n_above] / np.maximum(n_above, 1), shown).mean())
