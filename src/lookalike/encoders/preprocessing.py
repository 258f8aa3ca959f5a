"""From a picture of any size to the square of bytes that a network sees.

Resizing and cropping commute, so the middle square is cut out of the source and scaled in one step: the pixels that
the crop would throw away are never computed (`box=` of Pillow's resize, which takes fractions of a pixel). Large
pictures are first averaged down by whole factors (`reducing_gap`), which takes a 12-megapixel one from 29 to 9 ms. None
of this, nor the filter, moves retrieval by more than .003 mAP (docs/explanation/encoders.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.encoders.card import EncoderCard

__all__ = ["crop_box", "normalised", "pixels"]


_FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_REDUCING_GAP = 1.0


def crop_box(width: int, height: int, card: EncoderCard) -> tuple[float, float, float, float]:
    """Part of a picture that the network sees, in px of that picture.

    Returns
    -------
    tuple of float
        Left, top, right, bottom, as Pillow counts them.
    """
    if card.fit == "squash":
        across, down = width * card.crop, height * card.crop
    else:
        across = down = min(width, height) * card.crop
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def pixels(images: Sequence[Image.Image], card: EncoderCard) -> NDArray[np.uint8]:
    """Scaled and cropped pictures.

    Parameters
    ----------
    images
        RGB, of any size.
    card
        Names size, crop, fit and interpolation.

    Returns
    -------
    uint8 (n, input_size, input_size, 3), C-contiguous
    """
    size = card.input_size
    resample = _FILTERS[card.interpolation]
    batch = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for row, image in zip(batch, images, strict=True):
        scaled = image.resize((size, size), resample, box=crop_box(*image.size, card), reducing_gap=_REDUCING_GAP)
        row[...] = np.frombuffer(scaled.tobytes(), np.uint8).reshape(row.shape)
    return batch


def normalised(batch: NDArray[np.uint8], card: EncoderCard) -> NDArray[np.float32]:
    """Pixels as a network wants them that does not normalise for itself.

    Parameters
    ----------
    batch
        uint8 (n, size, size, 3).
    card
        Names mean and std.

    Returns
    -------
    float32 (n, 3, size, size), C-contiguous
    """
    scale = 1 / np.array(card.std, dtype=np.float32)
    shift = -np.array(card.mean, dtype=np.float32) * scale
    out = np.empty((len(batch), 3, *batch.shape[1:3]), dtype=np.float32)
    for channel in range(3):
        np.multiply(batch[..., channel], scale[channel], out=out[:, channel])
    out += shift[:, None, None]
    return out
