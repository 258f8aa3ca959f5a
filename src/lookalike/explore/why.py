"""Why two photos are alike: the cells of each that make the cosine between them.

The embedding is the mean of the network's last feature map over its cells, square-rooted, scaled to unit length, the
collection's mean taken off, scaled again. Write ``F[c, i]`` for the map (channel c, cell i of N), ``p[c]`` for the
mean over cells, ``r = sqrt(p)``, ``m`` for the collection's mean, ``t`` for the other photo's compared embedding. Then

    cosine = sum over i of  ( sum over c of (F[c, i] / (N r[c] |r|) - m[c] / N) t[c] ) / | r/|r| - m |

because each channel's ``r[c]`` is the sum over cells of ``F[c, i] / (N r[c])``: every cell has its share of a channel,
and bears its share of the mean. So the cells' contributions sum to the cosine, up to rounding. This is class activation
mapping (Zhou and others, 2016) with the other photo as the class, made exact for the square root. What it leaves out:
a cell has seen most of the picture through the network's large field of view, so a cell is where something was found,
not the only pixels that it was found in (docs/explanation/why.md has the measured effect of hiding pixels).

An encoder whose embedding is not the mean of a feature map is asked instead what hiding each part of the photo takes
from the cosine: 49 runs of the network, and no sum to check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from lookalike.collection.probe import compared
from lookalike.encoders import ImageEncoder
from lookalike.encoders.card import Transform
from lookalike.encoders.encoder import Encoding
from lookalike.encoders.preprocessing import crop_box
from lookalike.errors import InvalidArgumentError
from lookalike.explore.boxes import Box, seen_box

__all__ = ["Explanation", "cell_contributions", "explain_images", "hiding_effects", "shared_classes"]

_POOLED_TOLERANCE = 1e-3
"""How far a pooled map may be from the embedding, in any coordinate, to be called its origin. Ours: 3e-8."""
_GRID = 7


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why two photos are alike.

    Attributes
    ----------
    cosine : float
        Of the compared embeddings: what is explained.
    heat_a, heat_b : float32 (height, width)
        What each cell of the photo gives to the cosine; negative where it speaks against. With method "shares" each
        map sums to the cosine; with "hiding" a cell holds what the cosine loses when the cell is hidden.
    box_a, box_b : tuple of float
        What the network saw of each photo, and the maps lie over: left, top, right, bottom as shares of the photo.
    method : {"shares", "hiding"}
    classes : tuple of (str, float, float)
        Names that both photos may be of, with the probability for each, the surest common one first.
    tags : tuple of str
        That both photos carry, in the order of the first.
    palettes : tuple of two arrays float (n, 4), or None
        OKLab L, a, b and share of the colours of each, as they were given.
    """

    cosine: float
    heat_a: NDArray[np.float32]
    heat_b: NDArray[np.float32]
    box_a: Box
    box_b: Box
    method: Literal["shares", "hiding"]
    classes: tuple[tuple[str, float, float], ...] = ()
    tags: tuple[str, ...] = ()
    palettes: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None


def explain_images(
    encoder: ImageEncoder,
    a: Image.Image,
    b: Image.Image,
    *,
    mean: ArrayLike,
    classes: tuple[Mapping[str, float], Mapping[str, float]] | None = None,
    tags: tuple[Iterable[str], Iterable[str]] = ((), ()),
    palettes: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
) -> Explanation:
    """Explain the similarity of two pictures.

    Parameters
    ----------
    encoder : ImageEncoder
    a, b : PIL.Image.Image
        RGB, upright.
    mean : float32 (dim,)
        What is taken off embeddings before they are compared; zeros for none.
    classes : two mappings from name to probability, optional
    tags : two iterables of str
    palettes : two arrays, optional
        Handed through.

    Raises
    ------
    InvalidArgumentError
        A picture that is not RGB, or a mean of a wrong shape.
    """
    centre = _mean(mean, encoder.card.dim)
    encoding = _with_maps(encoder, [a, b])
    vectors = compared(encoding.embeddings, centre)
    maps = encoding.feature_maps
    method: Literal["shares", "hiding"] = "hiding"
    if maps is not None and _is_pooled(maps, encoding.embeddings, encoder.card.transform):
        method = "shares"
        heat_a = cell_contributions(maps[0], vectors[1], mean=centre, transform=encoder.card.transform)
        heat_b = cell_contributions(maps[1], vectors[0], mean=centre, transform=encoder.card.transform)
    else:
        heat_a = hiding_effects(encoder, a, vectors[1], mean=centre)
        heat_b = hiding_effects(encoder, b, vectors[0], mean=centre)
    of_first, of_second = list(tags[0]), set(tags[1])
    return Explanation(
        cosine=float(vectors[0] @ vectors[1]),
        heat_a=heat_a,
        heat_b=heat_b,
        box_a=seen_box(*a.size, encoder.card),
        box_b=seen_box(*b.size, encoder.card),
        method=method,
        classes=() if classes is None else shared_classes(*classes),
        tags=tuple(dict.fromkeys(tag for tag in of_first if tag in of_second)),
        palettes=palettes,
    )


def cell_contributions(
    feature_map: ArrayLike, other: ArrayLike, *, mean: ArrayLike, transform: Transform = "sqrt"
) -> NDArray[np.float32]:
    """Split the cosine of a photo with another one over the photo's cells; see the module for the formula.

    Parameters
    ----------
    feature_map : float32 (channels, height, width)
        Of the photo, before pooling.
    other : float32 (channels,)
        Compared embedding of the other photo: centred, of unit length.
    mean : float32 (channels,)
        What is taken off an embedding before comparing.
    transform : {"sqrt", "none"}
        What is done to the pooled map before it is scaled to unit length.

    Returns
    -------
    float32 (height, width)
        Their sum is the cosine. Zeros for a photo that is the mean itself.

    Raises
    ------
    InvalidArgumentError
        Shapes that do not fit each other, numbers that are not finite, or a map of zeros.
    """
    cells = np.asarray(feature_map, np.float64)
    if cells.ndim != 3 or 0 in cells.shape or not np.isfinite(cells).all():
        raise InvalidArgumentError(
            f"`feature_map` has shape {cells.shape}; expected finite numbers (channels, height, width)."
        )
    n_channels, height, width = cells.shape
    target, centre = np.asarray(other, np.float64), np.asarray(mean, np.float64)
    for name, vector in (("other", target), ("mean", centre)):
        if vector.shape != (n_channels,) or not np.isfinite(vector).all():
            raise InvalidArgumentError(
                f"`{name}` has shape {vector.shape}; the map has {n_channels} channels, so ({n_channels},) is expected."
            )
    n_cells = height * width
    cells = cells.reshape(n_channels, n_cells)
    pooled = cells.mean(axis=1)
    pooled_root = np.sqrt(np.maximum(pooled, 0)) if transform == "sqrt" else pooled
    length = float(np.linalg.norm(pooled_root))
    if length == 0:
        raise InvalidArgumentError("`feature_map` is zero in the mean over its cells; no photo has such a map.")
    distance = float(np.linalg.norm(pooled_root / length - centre))
    if distance == 0:
        return np.zeros((height, width), np.float32)
    if transform == "sqrt":
        scale = np.divide(1.0, n_cells * pooled_root * length, out=np.zeros(n_channels), where=pooled_root > 0)
    else:
        scale = np.full(n_channels, 1 / (n_cells * length))
    shares = (target * scale) @ cells - float(target @ centre) / n_cells  # (n_cells,)
    contributions: NDArray[np.float32] = (shares / distance).reshape(height, width).astype(np.float32)
    return contributions


def hiding_effects(
    encoder: ImageEncoder, image: Image.Image, other: NDArray[np.float32], *, mean: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Measure what the cosine with another photo loses when a part of a photo is hidden, for any encoder.

    What the network sees is cut into 7 x 7 parts; each is hidden in turn by a strongly blurred copy.

    Parameters
    ----------
    encoder : ImageEncoder
    image : PIL.Image.Image
        RGB, upright.
    other : float32 (dim,)
        Compared embedding of the other photo.
    mean : float32 (dim,)

    Returns
    -------
    float32 (7, 7)
        Cosine of the whole less cosine without the part. They do not sum to the cosine.
    """
    card = encoder.card
    side = card.min_side
    shrunk = image if min(image.size) <= side else image.resize(_reduced(image.size, side), Image.Resampling.BILINEAR)
    coarse = (max(1, shrunk.width * 6 // max(shrunk.size)), max(1, shrunk.height * 6 // max(shrunk.size)))
    blurred = shrunk.resize(coarse, Image.Resampling.BOX).resize(shrunk.size, Image.Resampling.BICUBIC)
    left, top, right, bottom = crop_box(*shrunk.size, card)
    xs, ys = np.linspace(left, right, _GRID + 1).round(), np.linspace(top, bottom, _GRID + 1).round()
    pictures = []
    for row in range(_GRID):
        for column in range(_GRID):
            part = (int(xs[column]), int(ys[row]), int(xs[column + 1]), int(ys[row + 1]))
            picture = shrunk.copy()
            if part[0] < part[2] and part[1] < part[3]:
                picture.paste(blurred.crop(part), part[:2])
            pictures.append(picture)
    cosines = compared(encoder.encode([shrunk, *pictures]).embeddings, mean) @ other
    effects: NDArray[np.float32] = (cosines[0] - cosines[1:]).reshape(_GRID, _GRID).astype(np.float32)
    return effects


def shared_classes(
    a: Mapping[str, float], b: Mapping[str, float], *, at_least: float = 0.02, k: int = 5
) -> tuple[tuple[str, float, float], ...]:
    """Names that both photos may be of: (name, probability for a, probability for b).

    Ordered by the smaller of the two, which must reach `at_least`; at most `k` of them.
    """
    both = [(name, float(p), float(b[name])) for name, p in a.items() if name in b]
    kept = [each for each in both if min(each[1:]) >= at_least]
    return tuple(sorted(kept, key=lambda each: (-min(each[1:]), each[0]))[:k])


def _mean(mean: ArrayLike, dim: int) -> NDArray[np.float32]:
    centre = np.asarray(mean, np.float32)
    if centre.shape != (dim,) or not np.isfinite(centre).all():
        raise InvalidArgumentError(f"`mean` has shape {centre.shape}; expected finite numbers ({dim},).")
    return centre


def _with_maps(encoder: ImageEncoder, images: list[Image.Image]) -> Encoding:
    try:
        return encoder.encode(images, outputs=("feature_map",))
    except InvalidArgumentError:  # an encoder without maps, or a picture that is refused again below
        return encoder.encode(images)


def _is_pooled(maps: NDArray[np.float32], embeddings: NDArray[np.float32], transform: Transform) -> bool:
    """Whether the embeddings are the means of the maps, transformed."""
    if maps.ndim != 4 or maps.shape[1] != embeddings.shape[1]:
        return False
    pooled = maps.mean(axis=(2, 3))
    if transform == "sqrt":
        pooled = np.sqrt(np.maximum(pooled, 0))
    lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
    if not (lengths > 0).all():
        return False
    return bool(np.abs(pooled / lengths - embeddings).max() <= _POOLED_TOLERANCE)


def _reduced(size: tuple[int, int], side: int) -> tuple[int, int]:
    factor = side / min(size)
    return max(side, round(size[0] * factor)), max(side, round(size[1] * factor))
