"""The colours of a photo: at most six with their shares, and how well they answer asked ones.

**Palette.** The pixels of a small version are sorted into cells of OKLab .05 wide, and weighted k-means runs over the
cells' means (a few hundred points instead of thousands). It starts at the fullest cell; each next centre is the cell
with the largest product of weight and squared distance to the centres so far (Gonzalez 1985, weighted). Nothing is
drawn by chance. Centres closer than `NEAR` become one. A palette is float32 (6, 4): L, a, b, share, in falling order
of shares, which sum to 1; unused rows are 0.

**Score.** Photo colours i with shares s, asked colours j with shares w, and for their distance d a likeness
k = 1 / (1 + (d / `REACH`)^2)^2. Each photo colour is dealt out to the asked ones, so that it cannot answer two:

    f[j]  = sum over i of s[i] a[i,j]
    score = sum over j of sqrt(w[j] min(w[j], f[j])) / sum over j of w[j]

in two ways, of which the better counts: a[i,j] = k[i,j] / max(1, sum over j of k[i,j]), by likeness; and a[i,j] =
k[i,j] for the nearest j only, which gives a photo 1 for its own palette. For one asked colour min(w, f) bounds from
above what the best transport would be worth (the earth mover's distance turned into a likeness): the cap is on the
worth, not on what is moved. For several it approximates that, without sorting or iteration, in products and minima
of whole arrays. The square root makes a little of every asked colour better than much of one. `REACH` and the form
were chosen by the mean earth mover's distance of the ten best (docs/explanation/appearance.md).

**Vector.** The shares are spread over `N_PLACES` fixed places of OKLab by a Gaussian, the sums' square roots taken:
unit length, and the dot product of two is the Bhattacharyya coefficient of the histograms.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.appearance.oklab import unclipped_linear
from lookalike.errors import InvalidArgumentError

__all__ = ["N_COLOURS", "palette_of", "palette_scores", "palette_vector", "palette_vectors"]

N_COLOURS: Final = 6
NEAR: Final = 0.045
REACH: Final = 0.15
_CELL: Final = 0.05
_N_ROUNDS: Final = 6
_LEAST_SHARE: Final = 0.004
_BLOCK: Final = 4096
_SPREAD: Final = 0.075  # of the vector's Gaussian


def palette_of(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the palette of pixels.

    Parameters
    ----------
    lab : ndarray of float32 (n, 3)
        OKLab, at least one; a few thousand are enough.

    Returns
    -------
    ndarray of float32 (6, 4)
        L, a, b and share, falling shares that sum to 1; unused rows are 0.
    """
    points, weights = _cells(lab)
    centres = _first_centres(points, weights)
    weighted = np.column_stack([points * weights[:, None], weights])
    for _ in range(_N_ROUNDS):
        nearest = (np.einsum("ij,ij->i", centres, centres)[:, None] - 2 * centres @ points.T).argmin(0)
        before = centres
        centres, shares = _means(weighted, nearest, len(centres))
        if len(centres) == len(before) and np.array_equal(centres, before):
            break
    centres, shares = _merged(centres, shares)
    order = np.argsort(-shares, kind="stable")
    palette = np.zeros((N_COLOURS, 4), dtype=np.float32)
    palette[: len(order), :3] = centres[order]
    palette[: len(order), 3] = shares[order] / shares.sum()
    return palette


def _cells(lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the means (n, 3) and weights (n,) of the cells that have pixels."""
    place = ((lab + np.float32(0.5)) * np.float32(1 / _CELL)).astype(np.int32)  # each below 32
    cell = (place[:, 0] << 10) + (place[:, 1] << 5) + place[:, 2]
    counts = np.bincount(cell)
    used = np.flatnonzero(counts > 0)  # of truth values, in a quarter of the time that it takes of numbers
    number = np.empty(len(counts), dtype=np.intp)
    number[used] = np.arange(len(used))
    weights = counts[used].astype(np.float32)
    group = number[cell]
    sums = np.stack([np.bincount(group, lab[:, i], minlength=len(used)) for i in range(3)], axis=1)
    return (sums / weights[:, None]).astype(np.float32), weights / np.float32(len(lab))


def _first_centres(points: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    chosen = [int(weights.argmax())]
    distances = np.full(len(points), np.inf, dtype=np.float32)
    for _ in range(min(N_COLOURS, len(points)) - 1):
        difference = points - points[chosen[-1]]
        np.minimum(distances, np.einsum("ij,ij->i", difference, difference), out=distances)
        chosen.append(int((weights * distances).argmax()))
    return points[chosen]


def _means(
    weighted: NDArray[np.float32], group: NDArray[np.intp], n: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return means and shares of groups, from points times weight and weight (n, 4); empty groups are left out."""
    sums = (group == np.arange(n)[:, None]).astype(np.float32) @ weighted
    sums = sums[sums[:, 3] > 0]
    return sums[:, :3] / sums[:, 3:], sums[:, 3]


def _merged(
    centres: NDArray[np.float32], shares: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Make one of the nearest two as long as they are near; then leave out specks."""
    centres, shares = centres.copy(), shares.copy()
    while len(shares) > 1:
        difference = centres[:, None] - centres
        distances = np.einsum("ijk,ijk->ij", difference, difference)
        np.fill_diagonal(distances, np.inf)
        i, j = divmod(int(distances.argmin()), len(shares))
        if distances[i, j] >= NEAR * NEAR:
            break
        together = shares[i] + shares[j]
        centres[i] = (shares[i] * centres[i] + shares[j] * centres[j]) / together
        shares[i] = together
        centres, shares = np.delete(centres, j, 0), np.delete(shares, j)
    kept = shares >= min(_LEAST_SHARE, float(shares.max()))
    return centres[kept], shares[kept]


def _checked(asked: ArrayLike) -> NDArray[np.float32]:
    colours = np.asarray(asked, dtype=np.float32)
    if colours.ndim != 2 or colours.shape[1] != 4 or not np.isfinite(colours).all() or (colours[:, 3] < 0).any():
        raise InvalidArgumentError(
            f"`asked` has shape {colours.shape}; expected (m, 4), finite: L, a, b and a share of at least 0 for each."
        )
    colours = colours[colours[:, 3] > 0]
    if not len(colours):
        raise InvalidArgumentError("`asked` holds no colour with a share above 0. Give at least one.")
    return colours


def _met(dealt: NDArray[np.float32], shares: NDArray[np.float32], wanted: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much of what is wanted (m,) each photo has, of `dealt` parts (m, b * 6) of its shares: (b,)."""
    filled = (dealt * shares).reshape(-1, N_COLOURS) @ np.ones(N_COLOURS, dtype=np.float32)
    met = np.minimum(filled.reshape(len(wanted), -1), wanted[:, None])
    met *= wanted[:, None]
    return np.asarray(np.sqrt(met, out=met).sum(0))


def palette_scores(palettes: NDArray[np.floating], asked: ArrayLike) -> NDArray[np.float32]:
    """Return how well each photo's palette answers the asked colours.

    Parameters
    ----------
    palettes : ndarray of float32 or float16 (n, 6, 4)
        Of `palette_of`. float32 is the quicker.
    asked : array_like of float (m, 4)
        L, a, b and share. Shares that sum to less than 1 leave the rest of the photo open; larger sums are scaled to 1.

    Returns
    -------
    ndarray of float32 (n,)
        0 to 1, larger is better; the module's formula.

    Raises
    ------
    InvalidArgumentError
        If the shapes do not fit or no share is above 0.
    """
    colours = _checked(asked)
    if palettes.ndim != 3 or palettes.shape[1:] != (N_COLOURS, 4):
        raise InvalidArgumentError(f"`palettes` has shape {palettes.shape}; expected (n, {N_COLOURS}, 4).")
    centres, shares = _merged(colours[:, :3], colours[:, 3])  # asking twice for a colour is asking once for the sum
    colours = np.column_stack([centres, shares])
    wanted = shares / np.float32(max(1.0, float(shares.sum())))
    n, m = len(palettes), len(colours)
    # squared distance / REACH^2 by one product: |c|^2 - 2 c.q + |q|^2; the share's column of `factors` is 0
    factors = np.zeros((4, m), dtype=np.float32)
    factors[:3] = -2 * colours[:, :3].T / REACH**2
    lengths = np.einsum("ij,ij->i", colours[:, :3], colours[:, :3]) / np.float32(REACH**2)
    scores = np.empty(n, dtype=np.float32)
    for start in range(0, n, _BLOCK):
        block = np.asarray(palettes[start : start + _BLOCK], dtype=np.float32).reshape(-1, 4)
        columns = np.ascontiguousarray(block.T)  # (4, b * 6): L, a, b, share, each in one piece
        own = columns[0] * columns[0]
        own += columns[1] * columns[1]
        own += columns[2] * columns[2]
        own *= np.float32(1 / REACH**2)
        likeness = factors.T @ columns  # (m, b * 6)
        likeness += own
        likeness += lengths[:, None]
        np.maximum(likeness, 0, out=likeness)  # rounding
        likeness += 1
        likeness *= likeness
        np.reciprocal(likeness, out=likeness)
        met = _met(likeness / np.maximum(likeness.sum(0), 1) if m > 1 else likeness, columns[3], wanted)
        if m > 1:
            likeness *= likeness == likeness.max(0)
            np.maximum(met, _met(likeness, columns[3], wanted), out=met)
        scores[start : start + _BLOCK] = met
    scores *= np.float32(1 / wanted.sum())
    return np.clip(scores, 0, 1, out=scores)


def _places() -> NDArray[np.float32]:
    """Return the points of a face-centred grid of OKLab that a screen can show, or nearly: float32 (d, 3)."""
    steps = np.stack(
        np.meshgrid(np.arange(-12, 13), np.arange(-12, 13), np.arange(-12, 13), indexing="ij"), -1
    ).reshape(-1, 3)
    points = steps[steps.sum(1) % 2 == 0] * np.array([0.115, 0.075, 0.075]) + np.array([0.52, 0.0, 0.0])
    points = points[(points[:, 0] > 0.02) & (points[:, 0] < 1.02)]
    linear = unclipped_linear(points)
    shown: NDArray[np.float32] = points[((linear > -0.03) & (linear < 1.1)).all(1)].astype(np.float32)
    return shown


_PLACES: Final = _places()
N_PLACES: Final = len(_PLACES)


def palette_vectors(palettes: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return palettes as vectors whose dot product says how alike they are.

    Parameters
    ----------
    palettes : ndarray of float (n, m, 4)
        L, a, b and share; a photo's palette, or asked colours.

    Returns
    -------
    ndarray of float32 (n, d)
        Square roots of a smooth histogram over the d places of OKLab, of unit length.
    """
    colours = np.asarray(palettes, dtype=np.float32)
    if colours.ndim != 3 or colours.shape[2] != 4:
        raise InvalidArgumentError(f"`palettes` has shape {colours.shape}; expected (n, m, 4).")
    flat = colours.reshape(-1, 4)
    distances = (flat[:, :3] ** 2).sum(1)[:, None] - 2 * flat[:, :3] @ _PLACES.T + (_PLACES**2).sum(1)
    distances -= distances.min(1, keepdims=True)  # so that a colour outside the grid still has a place
    spread = np.exp(-distances / np.float32(2 * _SPREAD**2))
    spread *= (flat[:, 3] / spread.sum(1))[:, None]
    histograms = spread.reshape(*colours.shape[:2], N_PLACES).sum(1)
    vectors: NDArray[np.float32] = np.sqrt(histograms / np.maximum(histograms.sum(1, keepdims=True), np.float32(1e-12)))
    return vectors


def palette_vector(palette: ArrayLike) -> NDArray[np.float32]:
    """Return one palette as a vector, as `palette_vectors` does: float32 (d,), of unit length.

    Parameters
    ----------
    palette : array_like of float (m, 4)
        L, a, b and share.
    """
    vector: NDArray[np.float32] = palette_vectors(_checked(palette)[None])[0]
    return vector
