"""sRGB to OKLab and back: a space in which equal steps look about equal.

Björn Ottosson, "A perceptual color space for image processing" (2020), with the matrices published there. L runs from
0 (black) to 1 (white); a (green to red) and b (blue to yellow) lie within about -.32 and +.32 for what a screen can
show. A distance of .02 is about what an eye tells apart side by side; black and white are 1 apart.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["oklab_distances", "oklab_of", "srgb_of", "unclipped_linear"]

_TO_LMS: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LAB: Final = np.linalg.inv(_TO_LAB)
_FROM_LMS: Final = np.linalg.inv(_TO_LMS)
_TO_LMS_32: Final = np.ascontiguousarray(_TO_LMS.T, dtype=np.float32)
_TO_LAB_32: Final = np.ascontiguousarray(_TO_LAB.T, dtype=np.float32)


def _decoded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


_LINEAR: Final = _decoded(np.arange(256) / 255).astype(np.float32)


def oklab_of(rgb: ArrayLike) -> NDArray[np.float32]:
    """Return colours in OKLab.

    Parameters
    ----------
    rgb : array_like of uint8 (..., 3)
        sRGB, 0 to 255. Floating point values are rounded.

    Returns
    -------
    ndarray of float32 (..., 3)
        L, a, b.
    """
    pixels = np.asarray(rgb)
    if pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    lms = np.cbrt(_LINEAR[pixels] @ _TO_LMS_32)
    return np.asarray(lms @ _TO_LAB_32, dtype=np.float32)


def srgb_of(lab: ArrayLike) -> NDArray[np.uint8]:
    """Return colours as a screen shows them; what lies outside sRGB is clipped, channel by channel.

    Parameters
    ----------
    lab : array_like of float (..., 3)
        L, a, b.

    Returns
    -------
    ndarray of uint8 (..., 3)
    """
    linear = unclipped_linear(lab)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
    rgb: NDArray[np.uint8] = np.rint(np.clip(encoded, 0, 1) * 255).astype(np.uint8)
    return rgb


def unclipped_linear(lab: ArrayLike) -> NDArray[np.float64]:
    """Return linear RGB, below 0 or above 1 for what a screen cannot show: float64 (..., 3)."""
    lms = np.asarray(lab, dtype=np.float64) @ _FROM_LAB.T
    return np.asarray(lms**3 @ _FROM_LMS.T)


def oklab_distances(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Return how far apart colours look, Euclidean in OKLab.

    Parameters
    ----------
    first, second : array_like of float (..., 3)
        Shapes that broadcast.

    Returns
    -------
    ndarray of float32 (...)
    """
    difference = np.asarray(first, dtype=np.float32) - np.asarray(second, dtype=np.float32)
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", difference, difference)), dtype=np.float32)
