"""Looking at photos: the embedding, and everything else that is known of a photo from its pixels alone.

One run of the encoder gives embedding and class scores; open_nsfw is a second, small network; palette, composition,
styles and quality come from one reduced copy of the picture (lookalike.appearance), two of the styles from the
embedding too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.appearance import measure_all
from lookalike.collection.seen import LABELS, N_LABELS, Seen
from lookalike.concepts import confidences, imagenet, likeliest, tags
from lookalike.encoders import ImageEncoder, NsfwClassifier, load_nsfw
from lookalike.errors import EncoderError, InvalidArgumentError

__all__ = ["Look", "Looker", "check_labels"]


def check_labels(encoder: ImageEncoder) -> None:
    """Refuse an encoder whose card promises labels that its logits cannot give.

    Raises
    ------
    EncoderError
    """
    if encoder.card.labels != LABELS:
        return
    n_classes = imagenet().n_classes
    try:
        logits = encoder.encode([], outputs=("logits",)).logits
        shape = None if logits is None else ("n", *logits.shape[1:])
    except InvalidArgumentError:  # it has none
        shape = None
    if shape != ("n", n_classes):
        gives = "names no logits" if shape is None else f"names logits of shape ({', '.join(map(str, shape))})"
        raise EncoderError(
            f"encoder {encoder.card.name}: the card's labels are {LABELS!r}, logits of shape (n, {n_classes}), but it "
            f"{gives}. Name the output that holds them as `logits` in [model], or leave `labels` away."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What looking at a photo gave.

    Attributes
    ----------
    embedding : float32 (dim,)
        Unit length.
    seen : Seen
    labels : list of (label, score)
        What the network is sure enough of, narrow before broad.
    """

    embedding: NDArray[np.float32]
    seen: Seen
    labels: list[tuple[str, float]]


class Looker:
    """Looks at photos with a collection's encoder.

    Parameters
    ----------
    encoder : ImageEncoder
    nsfw : bool
        Whether to judge them by open_nsfw; without, the measure is NaN.
    """

    def __init__(self, encoder: ImageEncoder, *, nsfw: bool) -> None:
        self._encoder = encoder
        self._fingerprint = encoder.card.fingerprint
        self._has_labels = encoder.card.labels == LABELS
        self._nsfw: NsfwClassifier | None = load_nsfw() if nsfw else None

    def look(
        self,
        images: Sequence[Image.Image],
        sizes: Sequence[tuple[int, int]],
        jpeg_steps: Sequence[float] | None = None,
    ) -> list[Look]:
        """Look at upright RGB pictures.

        Parameters
        ----------
        images : sequence of Image
        sizes : sequence of (int, int)
            Width and height of the photos themselves: decoders may have shrunk the pictures.
        jpeg_steps : sequence of float, optional
            How coarsely each was stored (`DecodedPhoto.jpeg_step`).

        Raises
        ------
        EncoderError
        """
        encoding = self._encoder.encode(images, outputs=("logits",) if self._has_labels else ())
        nsfw = np.full(len(images), np.nan, np.float32) if self._nsfw is None else self._nsfw.score(images)
        classes = np.zeros((len(images), N_LABELS), np.uint16)
        probabilities: NDArray[np.float16] = np.zeros((len(images), N_LABELS), np.float16)
        labels: list[list[tuple[str, float]]] = [[] for _ in images]
        if encoding.logits is not None:
            name = self._encoder.card.name
            classes, probabilities = likeliest(confidences(encoding.logits, encoder=name), n_labels=N_LABELS)
            labels = [tags(row, encoder=name) for row in encoding.logits]
        looks = []
        appearances = measure_all(
            images, sizes=sizes, embeddings=encoding.embeddings, encoder=self._fingerprint, jpeg_steps=jpeg_steps
        )
        for i, appearance in enumerate(appearances):
            seen = Seen(
                classes[i],
                probabilities[i],
                appearance.palette.astype(np.float16),
                appearance.composition,
                np.concatenate([nsfw[i : i + 1], appearance.measures]),
            )
            looks.append(Look(encoding.embeddings[i], seen, labels[i]))
        return looks
