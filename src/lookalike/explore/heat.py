"""A heat map over a photo: cells to pixels through the encoder's crop, numbers to colours.

Cells lie evenly over what the network saw. (Measured, by hiding strips of photos: the strip that moves a column of
cells most lies where an even grid puts the column, but for the outermost, which look inwards.) Between the centres of
cells the value goes from one to the next on a half wave of a cosine, so it is a cell's own at its centre and never
beyond its neighbours. Outside of what the network saw there is no colour.

What speaks for the likeness runs from violet over red and orange to yellow; lightness rises evenly, so that the order
is seen in grey and by those who see no red. What speaks against it is blue. Colours are mixed in OKLab (Ottosson,
2020).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from lookalike.appearance import srgb_of
from lookalike.errors import InvalidArgumentError
from lookalike.explore.boxes import Box

__all__ = ["heat_over", "heat_overlay"]

# Lightness, chroma and hue in degrees (OKLab's polar form), at even steps.
_FOR = ((0.32, 0.12, 300.0), (0.48, 0.19, 350.0), (0.64, 0.19, 33.0), (0.80, 0.15, 70.0), (0.94, 0.12, 102.0))
_AGAINST = ((0.45, 0.10, 255.0), (0.62, 0.13, 245.0))
_OPACITY_FOR, _OPACITY_AGAINST = 0.72, 0.45
_N_STEPS = 256
_MAX_PIXELS = 25_000_000
"""Drawing takes about 30 bytes for each; heat has no detail that a smaller picture would not show."""


def heat_overlay(
    heat: ArrayLike, size: tuple[int, int], *, box: Box = (0, 0, 1, 1), top: float | None = None
) -> Image.Image:
    """Draw a heat map as a picture to be laid over a photo.

    Parameters
    ----------
    heat : float (height, width)
        Of the cells.
    size : tuple of int
        Width and height of the photo, px.
    box : tuple of float
        Where the cells lie: left, top, right, bottom as shares of the photo.
    top : float, optional
        Value of the strongest colour; default: the largest of the map in absolute value. Give one to compare maps.

    Returns
    -------
    PIL.Image.Image
        RGBA of `size`; wholly transparent where the value is zero and outside of `box`.

    Raises
    ------
    InvalidArgumentError
        A map that is empty or not finite, a size or box that is none.
    """
    cells = np.asarray(heat, np.float64)
    if cells.ndim != 2 or 0 in cells.shape or not np.isfinite(cells).all():
        raise InvalidArgumentError(f"`heat` has shape {cells.shape}; expected finite numbers (height, width).")
    width, height = size
    if not (width > 0 and height > 0 and width * height <= _MAX_PIXELS):
        raise InvalidArgumentError(f"`size` is {size}; expected up to {_MAX_PIXELS:,} pixels.")
    if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
        raise InvalidArgumentError(f"`box` is {box}; expected left < right and top < bottom, from 0 to 1.")
    strongest = float(np.abs(cells).max()) if top is None else float(top)
    if not (np.isfinite(strongest) and strongest >= 0):
        raise InvalidArgumentError(f"`top` is {top}; expected a number above 0.")
    across = _pixel_weights(cells.shape[1], width, box[0], box[2])
    down = _pixel_weights(cells.shape[0], height, box[1], box[3])
    values = down @ cells @ across.T  # (height, width)
    values /= strongest or 1.0
    steps = np.minimum(np.abs(values) * (_N_STEPS - 1) + 0.5, _N_STEPS - 1).astype(np.uint8)
    pixels = np.where((values > 0)[..., None], _colours()[0][steps], _colours()[1][steps])
    return Image.fromarray(pixels, "RGBA")


def heat_over(photo: Image.Image, heat: ArrayLike, *, box: Box = (0, 0, 1, 1), top: float | None = None) -> Image.Image:
    """Lay a heat map over a photo; the photo turns grey beneath it, so that colour is heat. See `heat_overlay`."""
    grey = photo.convert("L").convert("RGB")
    base = Image.blend(photo.convert("RGB"), grey, 0.8).convert("RGBA")
    return Image.alpha_composite(base, heat_overlay(heat, photo.size, box=box, top=top)).convert("RGB")


def _pixel_weights(n_cells: int, n_pixels: int, low: float, high: float) -> NDArray[np.float64]:
    """Weight of each cell at each pixel along one side, (n_pixels, n_cells); rows sum to 1, outside of the box to 0."""
    share = (np.arange(n_pixels) + 0.5) / n_pixels
    inside = (share >= low) & (share <= high)
    place = np.clip((share - low) / (high - low) * n_cells - 0.5, 0, n_cells - 1)
    first = np.minimum(place.astype(np.int64), max(n_cells - 2, 0))
    second = np.minimum(first + 1, n_cells - 1)
    part = (1 - np.cos(np.pi * (place - first))) / 2
    weights = np.zeros((n_pixels, n_cells))
    rows = np.arange(n_pixels)
    np.add.at(weights, (rows, first), 1 - part)
    np.add.at(weights, (rows, second), part)
    weights[~inside] = 0
    return weights


@cache
def _colours() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two tables uint8 (256, 4): colours of what speaks for, and against."""
    return _table(_FOR, _OPACITY_FOR), _table(_AGAINST, _OPACITY_AGAINST)


def _table(points: tuple[tuple[float, float, float], ...], opacity: float) -> NDArray[np.uint8]:
    lightness, chroma, hue = np.array(points).T
    corners = np.stack([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=1)
    strength = np.linspace(0, 1, _N_STEPS)
    at = np.linspace(0, 1, len(points))
    oklab = np.stack([np.interp(strength, at, corners[:, axis]) for axis in range(3)], axis=1)
    alpha = opacity * np.minimum(1, strength * 2.5) ** 1.5
    return np.concatenate([srgb_of(oklab), np.round(alpha * 255)[:, None].astype(np.uint8)], axis=1)
