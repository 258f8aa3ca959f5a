"""How well an encoder finds photos of the same kind, and whether another one does it as well.

The measure is mean average precision: each photo asks for the others, ranked by cosine after the mean is subtracted,
as a collection does; average precision is the mean, over the photos with its label, of the precision at their ranks.

Two encoders are compared query by query. On a hundred photos chance alone moves the mean by nearly .01, so the
difference comes with its standard error; a difference below two of them says nothing.

Cost: O(n^2) in the number of photos; meant for hundreds to a few thousands.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoders.encoder import ImageEncoder
from lookalike.errors import InvalidArgumentError

__all__ = ["RetrievalComparison", "average_precisions", "compare_retrieval"]


@dataclass(frozen=True, slots=True)
class RetrievalComparison:
    """Mean average precision of two encoders on the same photos.

    Attributes
    ----------
    first, second
        Of the encoders in the order given, 0 to 1.
    standard_error
        Of `loss`, from the paired differences of the queries.
    """

    first: float
    second: float
    standard_error: float

    @property
    def loss(self) -> float:
        """What the second encoder loses against the first; negative if it gains."""
        return self.first - self.second


def average_precisions(embeddings: NDArray[np.float32], labels: Sequence[Hashable]) -> NDArray[np.float64]:
    """Average precision of each photo as a query for the others.

    Parameters
    ----------
    embeddings
        float32 (n, dim), unit length.
    labels
        n of them; photos with equal labels should find each other.

    Returns
    -------
    float64 (m,)
        Of the m photos whose label occurs at least twice, in order.

    Raises
    ------
    InvalidArgumentError
        If the lengths differ, or no label occurs twice.
    """
    if len(embeddings) != len(labels):
        raise InvalidArgumentError(f"{len(embeddings)} embeddings but {len(labels)} `labels`, expected one for each.")
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    kinds = np.array([numbers[label] for label in labels], dtype=np.int64)
    centred = embeddings.astype(np.float64)
    if len(centred):
        centred -= centred.mean(axis=0)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    scores = centred @ centred.T
    precisions = []
    for query, row in enumerate(scores):
        order = np.argsort(-row, kind="stable")
        relevant = kinds[order[order != query]] == kinds[query]
        if relevant.any():
            precision = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
            precisions.append(float(precision[relevant].mean()))
    if not precisions:
        raise InvalidArgumentError("no label occurs twice in `labels`; give several photos of each kind.")
    return np.array(precisions)


def compare_retrieval(
    first: ImageEncoder, second: ImageEncoder, photos: Sequence[Image.Image], labels: Sequence[Hashable]
) -> RetrievalComparison:
    """Compare two encoders by what they retrieve.

    Parameters
    ----------
    first, second
        For instance an encoder in fp32 and the same in int8.
    photos
        RGB, upright.
    labels
        One for each photo; those with equal labels should find each other.

    Raises
    ------
    InvalidArgumentError
        As `average_precisions`.
    """
    a = average_precisions(first.encode(photos).embeddings, labels)
    b = average_precisions(second.encode(photos).embeddings, labels)
    error = float(np.std(a - b, ddof=1) / np.sqrt(len(a))) if len(a) > 1 else float("inf")
    return RetrievalComparison(float(a.mean()), float(b.mean()), error)
