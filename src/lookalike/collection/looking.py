"""Looking at photos: the embedding, and everything else that is known of a photo from its pixels alone.

One run of the encoder gives embedding and class scores; open_nsfw is a second, small network; palette, composition,
styles and quality come from one reduced copy of the picture (lookalike.appearance).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.appearance import MEASURES as LOOKS, measure
from lookalike.collection.seen import N_LABELS, Seen
from lookalike.concepts import confidences
from lookalike.encoders import ImageEncoder, NsfwEncoder, load_nsfw

__all__ = ["Looker"]


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
        self._has_labels = encoder.card.labels == "imagenet-1k"
        self._nsfw: NsfwEncoder | None = load_nsfw() if nsfw else None

    def look(self, images: Sequence[Image.Image]) -> tuple[NDArray[np.float32], list[Seen]]:
        """Give embeddings float32 (n, dim), and what is seen in each, of upright RGB pictures.

        Raises
        ------
        EncoderError
        """
        encoding = self._encoder.encode(images, outputs=("logits",) if self._has_labels else ())
        nsfw = np.full(len(images), np.nan, np.float32) if self._nsfw is None else self._nsfw.scores(images)
        seen = []
        for i, image in enumerate(images):
            looks = measure(image)
            classes, probabilities = np.zeros(N_LABELS, np.uint16), np.zeros(N_LABELS, np.float16)
            if encoding.logits is not None:
                every = confidences(encoding.logits[i])
                order = np.argsort(-every, kind="stable")[:N_LABELS]
                classes, probabilities = order.astype(np.uint16), every[order].astype(np.float16)
            numbers = np.array([nsfw[i], *(looks.measures[name] for name in LOOKS)], np.float32)
            seen.append(Seen(classes, probabilities, looks.palette, looks.composition, numbers))
        return encoding.embeddings, seen
