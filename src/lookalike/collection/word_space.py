"""Words beside photos: how well a text says what is in each photo, though nobody wrote it there.

A text and the names of the encoder's classes stand in one space of a sentence encoder, from whose vectors the mean of
the classes is taken; a photo stands where the names of its 16 likeliest classes do (ConSE, lookalike.concepts.conse),
weighted by the square roots of their probabilities. Against plain probabilities of ten and no mean, mean average
precision rose from .296 to .329 over five sets (docs/explanation/ranking.md). Only products with 1,000 class vectors
are needed for a text: a photo's score is then a sum of 16 of them. Cost: some milliseconds for the text and as many for
100,000 photos. Memory: 64 bytes for each photo.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.collection.columns import Columns
from lookalike.collection.ranking import Logistic
from lookalike.collection.seen import N_LABELS
from lookalike.concepts import blended_vectors, imagenet
from lookalike.encoders import TextEncoder, cached_vectors, load_text_encoder

__all__ = ["WordSpace"]

_BLOCK = 8192


class WordSpace:
    """A text encoder and the places of the encoder's classes in its space.

    Parameters
    ----------
    encoder : TextEncoder
    class_vectors : float32 (n_classes, dim)
        Unit length.
    """

    calibration = Logistic(-3.65, 7.6)
    """From cosines in the space of texts to the probability that a photo is of what a text names
    (docs/explanation/ranking.md)."""

    def __init__(self, encoder: TextEncoder, class_vectors: NDArray[np.float32]) -> None:
        self._encoder = encoder
        self._mean = class_vectors.mean(0)
        self._class_vectors = self._centred(class_vectors)
        self._products = self._class_vectors @ self._class_vectors.T
        self._lock = threading.Lock()
        self._columns: Columns | None = None
        self._weights = np.empty((0, N_LABELS), np.float32)

    @classmethod
    def of_imagenet(cls, *, progress: Callable[[str], None] | None = None) -> Self:
        """Place ImageNet's classes by their names, synonyms and broader terms in the packaged encoder's space."""
        groups = imagenet().phrases()
        encoder = load_text_encoder()
        every = cached_vectors(encoder, [text for group in groups for text in group], progress=progress)
        return cls(encoder, blended_vectors(groups, every))

    def scores(self, text: str, columns: Columns) -> NDArray[np.float32]:
        """Probability that a text says what is in each photo: float32 (n,); 0 where no classes are known."""
        vector = self._encoder.encode([text])
        if not vector.any():  # no word is known
            return np.zeros(len(columns), np.float32)
        product = self._class_vectors @ self._centred(vector)[0]
        weights = self._weights_in(columns)
        # `take`: half the time of `product[columns.classes]`
        cosines = np.einsum("nk,nk->n", weights, np.take(product, columns.classes))
        return np.where(weights[:, 0] > 0, self.calibration(cosines), np.float32(0))

    def _centred(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = vectors - self._mean
        unit: NDArray[np.float32] = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
        return unit

    def _weights_in(self, columns: Columns) -> NDArray[np.float32]:
        """Weights of the photos' classes, such that sums of class vectors have unit length: float32 (n, 16).

        Kept for the columns last asked about; of newer ones, which go on where these end, only the rest is computed.
        """
        with self._lock:
            before = self._columns
            if before is not columns:
                n = 0 if before is None or not before.begin(columns) else len(before)
                parts = [self._weights[:n]]
                for start in range(n, len(columns), _BLOCK):
                    rows = slice(start, start + _BLOCK)
                    classes, weights = columns.classes[rows], np.sqrt(columns.probabilities[rows])
                    pairs = self._products[classes[:, :, None], classes[:, None, :]]  # (n, k, k)
                    squares = np.einsum("nk,nkl,nl->n", weights, pairs, weights, optimize=True)
                    parts.append(weights / np.sqrt(np.maximum(squares, 1e-12))[:, None])
                self._weights, self._columns = np.concatenate(parts), columns
            return self._weights
