"""Words beside photos: how well a text says what is in each photo, though nobody wrote it there.

A text and the names of the encoder's classes stand in one space of a sentence encoder; a photo stands where the names
of its likeliest classes do (ConSE, lookalike.concepts.conse). Only products with 1,000 class vectors are needed for a
text: a photo's score is then a sum of ten of them. Cost: some milliseconds for the text and ten for 100,000 photos.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.collection.columns import Columns
from lookalike.collection.ranking import Logistic
from lookalike.concepts import blended_vectors, imagenet
from lookalike.encoders import TextEncoder, cached_vectors, load_text_encoder

__all__ = ["WordSpace"]

_N_LABELS = 10
_BLOCK = 8192


class WordSpace:
    """A text encoder and the places of the encoder's classes in its space.

    Parameters
    ----------
    encoder : TextEncoder
    class_vectors : float32 (n_classes, dim)
        Unit length.
    """

    calibration = Logistic(-6.0, 8.3)
    """From cosines in the space of texts to the probability that a photo is of what a text names
    (docs/explanation/ranking.md)."""

    def __init__(self, encoder: TextEncoder, class_vectors: NDArray[np.float32]) -> None:
        self._encoder = encoder
        self._class_vectors = class_vectors
        self._products = class_vectors @ class_vectors.T
        self._lock = threading.Lock()
        self._lengths_of: Columns | None = None
        self._lengths = np.empty(0, np.float32)

    @classmethod
    def of_imagenet(cls, *, progress: Callable[[str], None] | None = None) -> Self:
        """Place ImageNet's classes by their names, synonyms and broader terms in the packaged encoder's space."""
        groups = imagenet().phrases()
        encoder = load_text_encoder()
        every = cached_vectors(encoder, [text for group in groups for text in group], progress=progress)
        return cls(encoder, blended_vectors(groups, every))

    def scores(self, text: str, columns: Columns) -> NDArray[np.float32]:
        """Probability that a text says what is in each photo: float32 (n,); 0 where no classes are known."""
        product = self._class_vectors @ self._encoder.encode([text])[0]
        sums = np.einsum("nk,nk->n", columns.probabilities[:, :_N_LABELS], product[columns.classes[:, :_N_LABELS]])
        lengths = self._lengths_in(columns)
        probabilities = self.calibration((sums / np.maximum(lengths, 1e-6)).astype(np.float32))
        return np.where(lengths > 0, probabilities, np.float32(0))

    def _lengths_in(self, columns: Columns) -> NDArray[np.float32]:
        """Lengths of the photos' sums of class vectors: float32 (n,); kept for the columns last asked about."""
        with self._lock:
            if self._lengths_of is not columns:
                lengths = np.empty(len(columns), np.float32)
                for start in range(0, len(columns), _BLOCK):
                    rows = slice(start, start + _BLOCK)
                    classes, weights = columns.classes[rows, :_N_LABELS], columns.probabilities[rows, :_N_LABELS]
                    pairs = self._products[classes[:, :, None], classes[:, None, :]]  # (n, k, k)
                    lengths[rows] = np.sqrt(np.maximum(np.einsum("nk,nkl,nl->n", weights, pairs, weights), 0))
                self._lengths, self._lengths_of = lengths, columns
            return self._lengths
