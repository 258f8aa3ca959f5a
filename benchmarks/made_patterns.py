"""Patterns made from pictures: a piece of a picture, repeated as tiles, seen a little askew and in uneven light.

Nearly all labelled photos of patterns are of one folder, and what is learned from them alone is what cloth looks like.
Pieces of the demo's public-domain pictures repeat whatever is in them. They are for fitting; figures are of photos.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

__all__ = ["made_pattern"]

_SIDE = 640
"""Of what is tiled, without a margin that a turn by 25 degrees cuts into."""
_SEEN = 480
_MARGIN = 130
_LEAST_CONTRAST = 22
"""Standard deviation of grey levels of a piece that is worth repeating."""


def made_pattern(picture: Image.Image, generator: np.random.Generator) -> Image.Image | None:
    """Return a pattern of 480 x 480 pixels; None where no piece of `picture` has enough contrast."""
    piece = _piece(picture, generator)
    if piece is None:
        return None
    whole = _SIDE + 2 * _MARGIN
    width = int(_SIDE / generator.uniform(3, 10))
    tile = np.asarray(piece.resize((width, int(width * generator.uniform(0.7, 1.4))), Image.Resampling.BICUBIC))
    match int(generator.integers(3)):
        case 1:  # mirrored
            tile = np.concatenate([tile, tile[:, ::-1]], axis=1)
            tile = np.concatenate([tile, tile[::-1]], axis=0)
        case 2:  # every other row moved by a half, as bricks
            tile = np.concatenate([tile, np.roll(tile, width // 2, axis=1)], axis=0)
    repeats = (-(-whole // tile.shape[0]), -(-whole // tile.shape[1]), 1)
    image = Image.fromarray(np.ascontiguousarray(np.tile(tile, repeats)[:whole, :whole]))
    if generator.random() < 0.5:
        image = image.rotate(float(generator.uniform(-25, 25)), Image.Resampling.BICUBIC)
    image = image.crop((_MARGIN, _MARGIN, _MARGIN + _SIDE, _MARGIN + _SIDE))
    return _lit(_askew(image, generator), generator)


def _piece(picture: Image.Image, generator: np.random.Generator) -> Image.Image | None:
    for _ in range(20):
        side = int(min(picture.size) * generator.uniform(0.12, 0.45))
        left, top = (int(generator.integers(0, length - side)) for length in picture.size)
        piece = picture.crop((left, top, left + side, top + side))
        if np.asarray(piece.convert("L"), dtype=np.float64).std() > _LEAST_CONTRAST:
            return piece
    return None


def _askew(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    in_ = generator.uniform(0, 70, 8) * (generator.random() < 0.5)
    far = _SIDE - in_
    corners = (in_[0], in_[1], in_[2], far[3], far[4], far[5], far[6], in_[7])
    return image.transform((_SEEN, _SEEN), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


def _lit(image: Image.Image, generator: np.random.Generator) -> Image.Image:
    first, last = generator.uniform(0.7, 1.2, 2)
    light = np.linspace(first, last, _SEEN)
    pixels = np.asarray(image, dtype=np.float64)
    pixels = pixels * (light[None, :, None] if generator.random() < 0.5 else light[:, None, None])
    pixels = pixels + generator.normal(0, generator.uniform(0, 6), pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
