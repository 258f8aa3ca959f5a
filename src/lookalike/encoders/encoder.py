"""What an encoder is: a card that says what it does, a method that does it, and perhaps a text side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoders.card import EncoderCard
from lookalike.encoders.text import TextEncoder
from lookalike.errors import EncoderError, InvalidArgumentError

__all__ = ["Encoding", "ImageEncoder", "Output", "check_request", "finish_embeddings"]


Output = Literal["embedding", "logits", "feature_map"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """What an encoder says about n photos.

    Attributes
    ----------
    embeddings
        float32 (n, dim), rows of unit length.
    logits
        float32 (n, n_classes), before softmax; None if not asked for.
    feature_maps
        float32 (n, channels, height, width), the last ones before pooling; None if not asked for.
    """

    embeddings: NDArray[np.float32]
    logits: NDArray[np.float32] | None = None
    feature_maps: NDArray[np.float32] | None = None


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns pictures into embeddings. Any number of threads may call `encode` at once."""

    @property
    def card(self) -> EncoderCard:
        """What this encoder is; travels with every embedding that is stored."""
        ...

    def encode(self, images: Sequence[Image.Image], *, outputs: Sequence[Output] = ("embedding",)) -> Encoding:
        """Encode pictures.

        Parameters
        ----------
        images
            RGB, upright, of any size, not necessarily equal ones. The encoder resizes and crops for itself.
        outputs
            What is wanted besides the embedding, which is always given: ``"logits"``, ``"feature_map"``.

        Raises
        ------
        InvalidArgumentError
            If a picture is not RGB, or an output is unknown or not one of this encoder's.
        EncoderError
            If the network gives something that cannot be an embedding.
        """
        ...

    def text_encoder(self) -> TextEncoder | None:
        """Load the text side of a joint encoder, whose vectors stand in the space of the embeddings.

        Returns
        -------
        TextEncoder or None
            None where the encoder knows photos only. Every call loads it: keep it.

        Raises
        ------
        EncoderError
            If its files are damaged, altered or missing, or its vectors have not the embeddings' dimension.
        """
        ...


def check_request(
    images: Sequence[Image.Image], outputs: Sequence[str], *, available: Sequence[str] = get_args(Output)
) -> None:
    """Refuse a request that an encoder cannot answer, before any work is done.

    Raises
    ------
    InvalidArgumentError
        If something is no picture of Pillow or not RGB, or an output is not `available`.
    """
    if isinstance(images, Image.Image):
        raise InvalidArgumentError("`images` is one picture, expected a sequence of them. Give `[image]`.")
    for output in outputs:
        if output not in available:
            raise InvalidArgumentError(
                f"`outputs` holds {output!r}, but this encoder gives {', '.join(available)}. Ask for one of these."
            )
    for number, image in enumerate(images):
        if not isinstance(image, Image.Image):
            raise InvalidArgumentError(
                f"`images[{number}]` is of type {type(image).__name__}, expected a picture of Pillow. Open it with "
                "`lookalike.photos.read_photo`, or make one of an array with `PIL.Image.fromarray`."
            )
        if image.mode != "RGB":
            raise InvalidArgumentError(
                f"`images[{number}]` has mode {image.mode!r}, expected 'RGB'. Open it with "
                "`lookalike.photos.read_photo`, or call `image.convert('RGB')`."
            )


def finish_embeddings(raw: NDArray[np.float32], card: EncoderCard) -> NDArray[np.float32]:
    """Apply the card's transform to a network's own vectors and scale them to unit length.

    The square root is for pooled non-negative features: it keeps a few strong channels from drowning the rest, and on
    all the photo sets we measured it ranks better than the raw vector (docs/explanation/encoders.md).

    Parameters
    ----------
    raw
        float32 (n, dim), as the network gives them.
    card
        Names the transform, and the dimension that is expected.

    Returns
    -------
    float32 (n, dim), rows of unit length.

    Raises
    ------
    EncoderError
        If the shape is wrong, or a row is zero or not finite.
    """
    if raw.ndim != 2 or raw.shape[1] != card.dim:
        raise EncoderError(
            f"encoder {card.name} gives embeddings of shape {raw.shape}, but its card promises (n, {card.dim}). "
            "Correct `dim` in the card, or name another output as the embedding."
        )
    vectors = np.sqrt(np.maximum(raw, 0)) if card.transform == "sqrt" else raw.astype(np.float32, copy=False)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise EncoderError(
            f"encoder {card.name} gives a vector that is zero or not finite. Its weights or its card's mean, std or "
            "transform are wrong."
        )
    unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32, copy=False)
    return unit
