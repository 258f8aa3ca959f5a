"""One small grey version of a photo and the maps of it that quality, styles and composition share.

The version has at most 192 x 192 pixels by area, whatever its shape, so that what is measured in pixels means the
same share of any photo; smaller photos stay as they are, and measure what they hold. Maps are averaged over 16 x 16
cells, each a sixteenth of a side (product of two thin matrices: cells may split pixels, so any size from 1 x 1 on
works).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["N_CELLS", "SIDE_PX", "Lightness", "pooled"]

SIDE_PX: Final = 192
N_CELLS: Final = 16
_SPAN: Final = 4
_FINER: Final = 6


@lru_cache(maxsize=256)
def _pooling(n_cells: int, n_pixels: int) -> NDArray[np.float32]:
    """Return which share of each cell each pixel is: float32 (n_cells, n_pixels), rows summing to 1."""
    starts = np.arange(n_cells)[:, None] * n_pixels / n_cells
    pixels = np.arange(n_pixels)[None, :]
    overlap = np.minimum(starts + n_pixels / n_cells, pixels + 1) - np.maximum(starts, pixels)
    shares: NDArray[np.float32] = (np.maximum(overlap, 0) * (n_cells / n_pixels)).astype(np.float32)
    return shares


def pooled(values: NDArray[np.float32], n_cells: int = N_CELLS) -> NDArray[np.float32]:
    """Return the means of a map over cells: float32 (h, w) to float32 (n_cells, n_cells)."""
    height, width = values.shape
    return np.asarray(_pooling(n_cells, height) @ values @ _pooling(n_cells, width).T, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Lightness:
    """The grey version of a photo and its maps.

    Attributes
    ----------
    grey : ndarray of float32 (h, w)
        Rec. 601 luma, 0 to 255, at least 8 by 8: a smaller photo is repeated at its edges.
    fine : ndarray of float32 (96, 96)
        Mean grey of cells a sixth as wide as the others.
    mean : ndarray of float32 (16, 16)
        Of the grey of each cell.
    deviation : ndarray of float32 (16, 16)
        Standard deviation of the grey within each cell.
    detail : ndarray of float32 (16, 16)
        Mean magnitude of the differences to the right and lower neighbour.
    residue : ndarray of float32 (16, 16)
        Mean magnitude of Immerkaer's mask, which lets pass neither ramps nor straight edges.
    rise, steepest : ndarray of float32 (16, 16)
        Over four pixels, across and down: mean change, and mean of the largest step between neighbours within them.
        Only changes above 6 are counted.
    clipped : float
        Share of pixels that are 3 and below or 252 and above.
    """

    grey: NDArray[np.float32]
    fine: NDArray[np.float32]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    detail: NDArray[np.float32]
    residue: NDArray[np.float32]
    rise: NDArray[np.float32]
    steepest: NDArray[np.float32]
    clipped: float

    @classmethod
    def of(cls, image: Image.Image) -> Lightness:
        """Measure a photo of any size, mode RGB or L."""
        small = _shrunk(image.convert("L"))
        histogram = small.histogram()
        grey = np.asarray(small, dtype=np.int16)
        missing = [max(0, 8 - side) for side in grey.shape]
        if any(missing):
            grey = np.pad(grey, [(0, missing[0]), (0, missing[1])], mode="edge")
        across, down = grey[:, 1:] - grey[:, :-1], grey[1:] - grey[:-1]
        bend = across[:, 1:] - across[:, :-1]
        bend = bend[1:] - bend[:-1]
        residue = np.abs(bend[1:] - bend[:-1])
        np.abs(across, out=across)
        np.abs(down, out=down)
        inner = np.s_[:-_SPAN, :-_SPAN]
        rise, steepest = np.zeros_like(grey[inner]), np.zeros_like(grey[inner])
        for moved, steps, axis in ((np.s_[:, _SPAN:], across, 1), (np.s_[_SPAN:, :], down, 0)):
            change = np.abs(grey[moved] - grey[_back(axis)])[: rise.shape[0], : rise.shape[1]]
            change *= change > 6
            rise += change
            steepest += np.minimum(_largest(steps, axis)[: rise.shape[0], : rise.shape[1]], change)
        values = grey.astype(np.float32)
        fine = pooled(values, _FINER * N_CELLS)
        mean = fine.reshape(N_CELLS, _FINER, N_CELLS, _FINER).mean((1, 3))
        return cls(
            values,
            fine,
            mean,
            np.sqrt(np.maximum(pooled(values * values) - mean * mean, 0)),
            pooled((across[:-1] + down[:, :-1]).astype(np.float32)),
            pooled(residue.astype(np.float32)),
            pooled(rise.astype(np.float32)),
            pooled(steepest.astype(np.float32)),
            (sum(histogram[:4]) + sum(histogram[252:])) / (small.width * small.height),
        )


def _shrunk(grey: Image.Image) -> Image.Image:
    scale = (grey.width * grey.height) ** 0.5 / SIDE_PX
    if scale > 2:  # first by a whole factor, which is quick
        grey = grey.reduce((min(int(scale), grey.width), min(int(scale), grey.height)))
        scale = (grey.width * grey.height) ** 0.5 / SIDE_PX
    if scale <= 1:
        return grey
    return grey.resize(
        (max(1, round(grey.width / scale)), max(1, round(grey.height / scale))), Image.Resampling.BILINEAR
    )


def _back(axis: int) -> tuple[slice, slice]:
    return np.s_[:, :-_SPAN] if axis else np.s_[:-_SPAN, :]


def _largest(steps: NDArray[np.int16], axis: int) -> NDArray[np.int16]:
    """Return the largest of each four steps in a row."""
    if axis:
        two = np.maximum(steps[:, :-1], steps[:, 1:])
        return np.maximum(two[:, :-2], two[:, 2:])
    two = np.maximum(steps[:-1], steps[1:])
    return np.maximum(two[:-2], two[2:])
