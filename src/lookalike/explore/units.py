"""How the network sees: what a unit stands for, and which units a photo excites.

A unit is a channel of the network's last feature map, and with it a coordinate of the embedding. Nobody named the
units; the photos that excite one most, and the places in them, tell what it looks for (Zeiler and Fergus, 2014). Where
the embedding is the square root of pooled activations scaled to unit length, a coordinate squared is the unit's share
of all that the network found in the photo, which is what photos are ranked by here: not the activation itself, whose
sum over units was not stored. The difference is small (docs/explanation/why.md).

Cost: ranking reads every stored embedding once, block by block, some 15 microseconds each; memory is that of one block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.explore.boxes import Box
from lookalike.quantization.arguments import check_count

__all__ = ["CellBox", "UnitPhoto", "UnitView", "check_unit", "strongest_cells", "strongest_photos", "strongest_units"]


@dataclass(frozen=True, slots=True)
class UnitPhoto:
    """A photo that excites a unit: its id, and its embedding's coordinate before centring."""

    id: int
    value: float


@dataclass(frozen=True, slots=True)
class CellBox:
    """A cell of a photo.

    Attributes
    ----------
    row, column : int
        Of the feature map.
    box : tuple of float
        Left, top, right, bottom as shares of the photo. The unit sees beyond it: this is where, not all of what.
    activation : float
        As the network gives it.
    """

    row: int
    column: int
    box: Box
    activation: float


@dataclass(frozen=True, slots=True)
class UnitView:
    """A unit that a photo excites.

    Attributes
    ----------
    unit : int
    value : float
        The photo's coordinate before centring.
    typical : float
        The same of the collection's mean.
    cells : tuple of CellBox
        Where in the photo it is strongest, strongest first; empty for an encoder that has no feature map.
    """

    unit: int
    value: float
    typical: float
    cells: tuple[CellBox, ...] = ()


def strongest_photos(
    blocks: Iterable[tuple[NDArray[np.integer], NDArray[np.float32]]], unit: int, k: int
) -> list[UnitPhoto]:
    """Find the photos whose embeddings are largest in one coordinate.

    Parameters
    ----------
    blocks : iterable of (ids (n,), embeddings float32 (n, dim))
        As the encoder gives them; each is let go before the next is taken.
    unit : int
        From 0 to dim - 1.
    k : int

    Returns
    -------
    list of UnitPhoto
        Up to `k`, strongest first; of equal ones the smaller id first.

    Raises
    ------
    InvalidArgumentError
        No such unit, or a `k` below 1.
    """
    check_count(k, "k")
    best_ids, best = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for ids, embeddings in blocks:
        check_unit(unit, embeddings.shape[1])
        best_ids = np.concatenate([best_ids, np.asarray(ids, np.int64)])
        best = np.concatenate([best, embeddings[:, unit]])
        kept = np.lexsort((best_ids, -best))[:k]
        best_ids, best = best_ids[kept], best[kept]
    return [UnitPhoto(int(photo_id), float(value)) for photo_id, value in zip(best_ids, best, strict=True)]


def strongest_units(embedding: ArrayLike, mean: ArrayLike, k: int) -> list[UnitView]:
    """Find the units that a photo excites most beyond what is usual in its collection.

    Without taking off the mean, the same few busy units would lead for every photo.

    Parameters
    ----------
    embedding : float32 (dim,)
        As the encoder gives it.
    mean : float32 (dim,)
        Of the collection.
    k : int

    Returns
    -------
    list of UnitView
        Up to `k` whose coordinate is above the mean's, the largest difference first; without cells.

    Raises
    ------
    InvalidArgumentError
        Shapes that do not fit, numbers that are not finite, or a `k` below 1.
    """
    check_count(k, "k")
    values, typical = np.asarray(embedding, np.float32), np.asarray(mean, np.float32)
    if values.ndim != 1 or values.shape != typical.shape or not np.isfinite(values + typical).all():
        raise InvalidArgumentError(
            f"`embedding` has shape {values.shape} and `mean` {typical.shape}; expected finite numbers (dim,) in both."
        )
    excess = values - typical
    order = np.argsort(-excess, kind="stable")[:k]
    return [UnitView(int(unit), float(values[unit]), float(typical[unit])) for unit in order if excess[unit] > 0]


def strongest_cells(feature_map: ArrayLike, unit: int, n: int, *, box: Box = (0, 0, 1, 1)) -> tuple[CellBox, ...]:
    """Find the cells of a photo in which a unit is strongest.

    Parameters
    ----------
    feature_map : float32 (channels, height, width)
    unit : int
    n : int
        Cells wanted; only those in which the unit is active are given.
    box : tuple of float
        What the network saw of the photo, as shares of it (`seen_box`).

    Returns
    -------
    tuple of CellBox
        Strongest first.

    Raises
    ------
    InvalidArgumentError
        No such unit, a map of a wrong shape, or an `n` below 1.
    """
    check_count(n, "n")
    cells = np.asarray(feature_map, np.float32)
    if cells.ndim != 3 or 0 in cells.shape or not np.isfinite(cells).all():
        raise InvalidArgumentError(
            f"`feature_map` has shape {cells.shape}; expected finite numbers (channels, height, width)."
        )
    check_unit(unit, len(cells))
    height, width = cells.shape[1:]
    left, top, right, bottom = box
    across, down = (right - left) / width, (bottom - top) / height
    found = []
    for cell in np.argsort(-cells[unit], axis=None, kind="stable")[:n]:
        row, column = divmod(int(cell), width)
        activation = float(cells[unit, row, column])
        if activation > 0:
            place = (
                left + column * across,
                top + row * down,
                left + (column + 1) * across,
                top + (row + 1) * down,
            )
            found.append(CellBox(row, column, place, activation))
    return tuple(found)


def check_unit(unit: object, dim: int) -> None:
    """Refuse a unit that is not from 0 to dim - 1.

    Raises
    ------
    InvalidArgumentError
    """
    if not isinstance(unit, int | np.integer) or isinstance(unit, bool) or not 0 <= unit < dim:
        raise InvalidArgumentError(f"`unit` is {unit!r}, but this network's units are the integers 0 to {dim - 1:,}.")
