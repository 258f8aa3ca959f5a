"""From probabilities of classes to labels, narrow and broad.

A broader term's probability is the sum over the classes it stands for, so "dog" may be certain where no breed is. That
is what makes labels useful on photos unlike ImageNet's: the sum stays calibrated while the narrow guess fades.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.concepts.calibration import checked_logits, confidences
from lookalike.concepts.vocabulary import Vocabulary, imagenet
from lookalike.errors import InvalidArgumentError

__all__ = ["TAG_THRESHOLD", "broader", "likeliest", "tags"]


TAG_THRESHOLD = 0.5  # measured precision of what passes: docs/explanation/words-and-labels.md


def broader(probabilities: NDArray[np.floating], vocabulary: Vocabulary | None = None) -> NDArray[np.float32]:
    """Probability of every term: of each class its own, of each broader term the sum over its classes.

    Parameters
    ----------
    probabilities
        Float (n, n_classes), rows that sum to one or (the rest left out) less.
    vocabulary
        `imagenet` if None.

    Returns
    -------
    float32 (n, n_terms)
        In the order of `Vocabulary.names`; a term is never less likely than a narrower one.

    Raises
    ------
    InvalidArgumentError
        If the shape is another.
    """
    words = vocabulary or imagenet()
    values = np.asarray(probabilities)
    if values.ndim != 2 or values.shape[1] != words.n_classes:
        raise InvalidArgumentError(f"`probabilities` has shape {values.shape}, expected (n, {words.n_classes}).")
    # In float64, so that rounding cannot put a narrow term above a broad one.
    sums = words.sums(values.astype(np.float64))
    return np.clip(sums, 0, 1).astype(np.float32)


def likeliest(
    probabilities: NDArray[np.floating], *, n_labels: int = 16
) -> tuple[NDArray[np.uint16], NDArray[np.float16]]:
    """Classes that are worth keeping: the likeliest ones, in the form that a collection stores.

    Parameters
    ----------
    probabilities
        Float (n, n_classes).
    n_labels
        How many; 16 hold all that `photo_vectors` uses.

    Returns
    -------
    classes : uint16 (n, n_labels)
        Most likely first; of equal ones the lower number.
    probabilities : float16 (n, n_labels)

    Raises
    ------
    InvalidArgumentError
        If there are not so many classes.
    """
    values = np.asarray(probabilities)
    if values.ndim != 2 or not 1 <= n_labels <= values.shape[1]:
        raise InvalidArgumentError(
            f"`n_labels` is {n_labels} and `probabilities` has shape {values.shape}; expected (n, {n_labels} or more)."
        )
    order = np.argsort(-values, axis=1, kind="stable")[:, :n_labels]
    return order.astype(np.uint16), np.take_along_axis(values, order, axis=1).astype(np.float16)


def tags(
    logits: NDArray[np.floating],
    *,
    threshold: float = TAG_THRESHOLD,
    encoder: str = "efficientnet-lite2",
    vocabulary: Vocabulary | None = None,
) -> list[tuple[str, float]]:
    """Labels of one photo: the most specific one that is sure enough, and everything above it.

    Above one half no two labels can exclude each other, so that what passes is one class or term with its broader
    terms. A lower threshold may give several.

    Parameters
    ----------
    logits
        Float (n_classes,), as the encoder gives them.
    threshold
        Smallest calibrated probability, above 0 and at most 1.
    encoder
        Name on the encoder's card; chooses the temperature.
    vocabulary
        `imagenet` if None.

    Returns
    -------
    list of (label, score)
        Narrow before broad, then likely before unlikely. Empty if nothing is sure enough.

    Raises
    ------
    InvalidArgumentError
        If `logits` is not one row of finite numbers, or `threshold` is out of range.
    """
    words = vocabulary or imagenet()
    if not 0 < threshold <= 1:
        raise InvalidArgumentError(f"`threshold` is {threshold}, expected a number above 0 and at most 1.")
    row = checked_logits(np.asarray(logits)[None] if np.ndim(logits) == 1 else np.asarray(logits))
    if row.shape != (1, words.n_classes):
        raise InvalidArgumentError(f"`logits` has shape {np.shape(logits)}, expected ({words.n_classes},).")
    scores = broader(confidences(row, encoder=encoder), words)[0]
    passing = np.flatnonzero(scores >= threshold)
    breadth = words.breadths
    order = sorted(passing.tolist(), key=lambda term: (int(breadth[term]), -float(scores[term]), term))
    return [(words.names[term], float(scores[term])) for term in order]
