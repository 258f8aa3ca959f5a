"""One small grey version of a photo and the maps of it that quality, styles and composition share.

The version has at most 192 x 192 pixels by area, whatever its shape, so that what is measured in pixels means the
same share of any photo; smaller photos stay as they are, and measure what they hold. Maps are averaged over 16 x 16
cells, each a sixteenth of a side (product of two thin matrices: cells may split pixels, so any size from 1 x 1 on
works).

Differences are taken of the rows laid end to end, which takes a quarter of the time of as many short rows. What mixes
the end of a row with the beginning of the next lies in the last columns, and pooling leaves these out.
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
_LEAST_CHANGE: Final = 6
_FINER: Final = 6
_N_FINE: Final = _FINER * N_CELLS
_STRIP: Final = _N_FINE // 4
_CELL_PX: Final = 8
_N_STRIPS: Final = 4


@lru_cache(maxsize=512)
def _pooling(n_cells: int, n_pixels: int, n_last: int = 0) -> NDArray[np.float32]:
    """Return which share of each cell each pixel is, the last `n_last` of none: float32 (n_cells, n_pixels)."""
    n_used = n_pixels - n_last
    starts = np.arange(n_cells)[:, None] * n_used / n_cells
    pixels = np.arange(n_pixels)[None, :]
    overlap = np.minimum(starts + n_used / n_cells, pixels + 1) - np.maximum(starts, pixels)
    shares: NDArray[np.float32] = (np.maximum(overlap, 0) * (n_cells / n_used)).astype(np.float32)
    return shares


def pooled(values: NDArray[np.float32], n_cells: int = N_CELLS, *, n_last: int = 0) -> NDArray[np.float32]:
    """Return the means of a map over cells: float32 (h, w) to float32 (n_cells, n_cells).

    Parameters
    ----------
    values : ndarray of float32 (h, w)
    n_cells : int
        Along each side.
    n_last : int
        Rows below and columns at the right that are left out.
    """
    height, width = values.shape
    rows = _pooling(n_cells, height, n_last) @ values
    return np.asarray(rows @ _pooling(n_cells, width, n_last).T, dtype=np.float32)


def _finely_pooled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `pooled` of many cells, by products of the strips that belong together: half the time."""
    height, width = values.shape
    rows = np.empty((_N_FINE, width), dtype=np.float32)
    cells = np.empty((_N_FINE, _N_FINE), dtype=np.float32)
    for strip, pixels, shares in _strips(height):
        np.matmul(shares, values[pixels], out=rows[strip])
    for strip, pixels, shares in _strips(width):
        np.matmul(rows[:, pixels], shares.T, out=cells[:, strip])
    return cells


@lru_cache(maxsize=256)
def _strips(n_pixels: int) -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return for each strip of fine cells which they are, which pixels they touch, and the shares of these."""
    shares = _pooling(_N_FINE, n_pixels)
    strips = []
    for first in range(0, _N_FINE, _STRIP):
        strip = slice(first, first + _STRIP)
        touched = np.flatnonzero(shares[strip].any(0))
        pixels = slice(int(touched[0]), int(touched[-1]) + 1)
        strips.append((strip, pixels, np.ascontiguousarray(shares[strip, pixels])))
    return strips


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
    grain : float
        Noise before the photo was shrunk, in grey levels (`_grain`).
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
    grain: float

    @classmethod
    def of(cls, image: Image.Image) -> Lightness:
        """Measure a photo of any size, mode RGB or L."""
        whole = image.convert("L")
        small = _shrunk(whole)
        histogram = small.histogram()
        grey = np.asarray(small, dtype=np.int16)
        missing = [max(0, 8 - side) for side in grey.shape]
        if any(missing):
            grey = np.pad(grey, [(0, missing[0]), (0, missing[1])], mode="edge")
        height, width = grey.shape
        flat = np.ascontiguousarray(grey).ravel()
        across, down = _differences(flat, 1), _differences(flat, width)
        residue = np.abs(_differences(_differences(_differences(across, 1), width), width))
        np.abs(across, out=across)
        np.abs(down, out=down)
        rise, steepest = np.zeros_like(flat), np.zeros_like(flat)
        for step, steps in ((1, across), (width, down)):
            change = np.abs(_differences(flat, _SPAN * step))
            change *= change > _LEAST_CHANGE
            rise += change
            largest = np.maximum(steps[: flat.size - step], steps[step:])
            largest = np.maximum(largest[: largest.size - 2 * step], largest[2 * step :])
            n = largest.size
            steepest[:n] += np.minimum(largest, change[:n])
        across += down
        values = grey.astype(np.float32)
        fine = _finely_pooled(values)
        mean = fine.reshape(N_CELLS, _FINER, N_CELLS, _FINER).mean((1, 3))

        def over_cells(differences: NDArray[np.int16], n_last: int) -> NDArray[np.float32]:
            return pooled(differences.reshape(height, width).astype(np.float32), n_last=n_last)

        return cls(
            values,
            fine,
            mean,
            np.sqrt(np.maximum(pooled(values * values) - mean * mean, 0)),
            over_cells(across, 1),
            over_cells(residue, 2),
            over_cells(rise, _SPAN),
            over_cells(steepest, _SPAN),
            (sum(histogram[:4]) + sum(histogram[252:])) / (small.width * small.height),
            _grain(whole),
        )


def _grain(grey: Image.Image) -> float:
    """Return Immerkaer's estimate of noise on the pixels as they are: on the tenth of the cells with least of it.

    Cells are 8 x 8, of four strips across the picture; none that is nearly black or white. Texture and edges leave
    some cells alone, noise none. Pictures below 16 pixels have 0.
    """
    width, height = grey.size
    if min(width, height) < _CELL_PX + 8:
        return 0.0
    n_used = (width - 2) // _CELL_PX * _CELL_PX
    tops = np.linspace(0, height - _CELL_PX - 2, _N_STRIPS).astype(int).tolist()
    strips = [np.asarray(grey.crop((0, top, n_used + 2, top + _CELL_PX + 2))) for top in tops]
    values = np.stack(strips).astype(np.int16)
    across = _differences(_differences(values.ravel(), 1), 1).reshape(values.shape)
    residue = np.abs(across[:, 2:] - 2 * across[:, 1:-1] + across[:, :-2])[:, :, :n_used]

    def over_cells(pixels: NDArray[np.int16]) -> NDArray[np.float64]:
        columns = pixels.sum(1, dtype=np.int16).reshape(_N_STRIPS, -1, _CELL_PX)
        means: NDArray[np.float64] = columns.sum(2, dtype=np.int32) / _CELL_PX**2
        return means

    mean = over_cells(values[:, 1:-1, 1:-1])
    found = np.sort(over_cells(residue)[(mean > 12) & (mean < 243)])
    return (np.pi / 2) ** 0.5 / 6 * float(found[: max(1, len(found) // 10)].mean()) if len(found) else 0.0


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


def _differences(flat: NDArray[np.int16], step: int) -> NDArray[np.int16]:
    """Return each value less that `step` places before it, of the same length: what has no partner is 0."""
    differences = np.empty_like(flat)
    np.subtract(flat[step:], flat[:-step], out=differences[:-step])
    differences[-step:] = 0
    return differences
