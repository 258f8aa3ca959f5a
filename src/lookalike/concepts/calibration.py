"""Confidence that means what it says: temperature scaling, and the table that shows whether it does.

One number divides the logits before the softmax (C. Guo et al.: On Calibration of Modern Neural Networks, ICML 2017,
section 4.2). It is fitted by the likelihood of labelled photos, cannot change which class is first, and has nothing to
overfit with. Cost: one softmax.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError

__all__ = [
    "TEMPERATURES",
    "Reliability",
    "checked_logits",
    "confidences",
    "expected_calibration_error",
    "fit_temperature",
    "reliability",
]


# Fitted on captioned photos of things (.78, .87) and on CIFAR-10 (.88, 1.02) and taken between; how, and the figures:
# docs/explanation/words-and-labels.md.
TEMPERATURES = {"efficientnet-lite2": 0.8, "efficientnet-lite0": 0.95}
_SEARCHED = (0.05, 20.0)


def checked_logits(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits as float64 (n, n_classes), refused if they are something else.

    Raises
    ------
    InvalidArgumentError
        If the shape is another, or a value is not finite.
    """
    values = np.asarray(logits, np.float64)
    if values.ndim != 2 or values.shape[1] == 0:
        raise InvalidArgumentError(f"`logits` has shape {values.shape}, expected (n, n_classes).")
    if not np.isfinite(values).all():
        raise InvalidArgumentError("`logits` holds values that are not finite; the network or its input is damaged.")
    return values


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def confidences(
    logits: NDArray[np.floating], *, encoder: str = "efficientnet-lite2", temperature: float | None = None
) -> NDArray[np.float32]:
    """Calibrated probabilities of the classes.

    Parameters
    ----------
    logits
        Float (n, n_classes).
    encoder
        Name on the encoder's card; one without a fitted temperature gets 1, the plain softmax.
    temperature
        Used instead of the encoder's; above 1 softens, below 1 sharpens.

    Returns
    -------
    float32 (n, n_classes)
        Rows sum to one; their order is that of the logits.

    Raises
    ------
    InvalidArgumentError
        If the logits are not finite or of another shape, or the temperature is not positive.
    """
    values = checked_logits(logits)
    divisor = TEMPERATURES.get(encoder, 1.0) if temperature is None else temperature
    if not (np.isfinite(divisor) and divisor > 0):
        raise InvalidArgumentError(f"`temperature` is {divisor}, expected a positive number.")
    return _softmax(values / divisor).astype(np.float32)


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Temperature under which labelled photos are most likely.

    A photo's label may be broader than a class ("a bird"): its probability is the sum over the classes that would be
    right. The search is by golden section over the logarithm; the likelihood has one maximum in practice.

    Parameters
    ----------
    logits
        Float (n, n_classes).
    truth
        bool (n, n_classes): the classes that are right for each photo, at least one.

    Returns
    -------
    float
        Between 0.05 and 20.

    Raises
    ------
    InvalidArgumentError
        If shapes differ, there are no photos, or a photo has no right class.
    """
    values = checked_logits(logits)
    right = np.asarray(truth, np.bool_)
    if right.shape != values.shape or len(values) == 0 or not right.any(axis=1).all():
        raise InvalidArgumentError(
            f"`truth` has shape {right.shape} for logits of shape {values.shape}; expected equal shapes, one photo or "
            "more, and a right class for each."
        )

    def loss(log_temperature: float) -> float:
        probabilities = _softmax(values / np.exp(log_temperature))
        likelihood = np.where(right, probabilities, 0).sum(axis=1)
        return float(-np.log(np.maximum(likelihood, 1e-300)).mean())

    low, high = np.log(_SEARCHED)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(40):  # narrows the interval to 1e-8 of itself
        left, right_end = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) < loss(right_end):
            high = right_end
        else:
            low = left
    return float(np.exp((low + high) / 2))


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often what was said with some confidence is right, by bins of confidence.

    Attributes
    ----------
    edges
        float64 (n_bins + 1,), from 0 to 1; a bin holds its lower edge, the last one both.
    counts
        int64 (n_bins,).
    confidence, accuracy
        float64 (n_bins,): mean confidence and part that is right; NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(confidences: NDArray[np.floating], correct: NDArray[np.bool_], n_bins: int = 10) -> Reliability:
    """Table of confidence against truth (Guo et al., section 2).

    Parameters
    ----------
    confidences
        Float (n,), 0 to 1.
    correct
        bool (n,).
    n_bins
        Of equal width.

    Raises
    ------
    InvalidArgumentError
        If lengths differ, a confidence is outside 0 to 1, or `n_bins` is below 1.
    """
    said, right = np.asarray(confidences, np.float64), np.asarray(correct, np.bool_)
    if said.ndim != 1 or said.shape != right.shape:
        raise InvalidArgumentError(f"`confidences` has shape {said.shape} and `correct` {right.shape}; expected (n,).")
    if n_bins < 1 or not bool(((said >= 0) & (said <= 1)).all()):
        raise InvalidArgumentError("`n_bins` must be 1 or more and every confidence from 0 to 1.")
    bins = np.minimum((said * n_bins).astype(np.int64), n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bins, said, minlength=n_bins) / counts
        accuracy = np.bincount(bins, right, minlength=n_bins) / counts
    return Reliability(np.linspace(0, 1, n_bins + 1), counts, confidence, accuracy)


def expected_calibration_error(table: Reliability) -> float:
    """Mean distance of confidence and accuracy over the bins, weighted by what they hold; 0 if nothing is held."""
    held = table.counts > 0
    if not held.any():
        return 0.0
    gaps = np.abs(table.confidence[held] - table.accuracy[held])
    return float(np.average(gaps, weights=table.counts[held]))
