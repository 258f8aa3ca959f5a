"""The linear map from embeddings to the joint space of tags and photos.

The map makes photos of one tag alike, as linear discriminant analysis does (Fisher 1936; Rao 1948): directions in which
photos of the same tag differ much are made short, directions in which they agree are kept. It has a closed form, so the
same photos and tags give the same map. With compared embeddings c_i, tags T_i, tag means m_t over n_t photos, and the
weight g_t = n_t^(-1/2) of a tag, so that frequent tags do not decide alone:

    S_w = (sum_i sum_{t in T_i} g_t c_i c_i' - sum_t g_t n_t m_t m_t') / (sum_t g_t (n_t - 1))     spread within tags
    S   = .7 S_w + .3 tr(S_w) / min(dim, n) I                                                     shrunk
    A   = L^(-T),  L L' = S                                                                        A A' = S^(-1)
    P   = A V,  V = the d leading eigenvectors of A' S_t A                                         S_t: of all photos

Photos without tags count in S_t only. Statistics are sums over photos, so folds of a cross-validation are differences,
and photos are read in blocks. Cost: n dim^2 for the spreads (of 50,000 photos at most) and dim^3 for the map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.quantization.arguments import normalised
from lookalike.tags.tag_table import TagTable

__all__ = [
    "BLOCK",
    "Rows",
    "TagMap",
    "TagSpread",
    "add_tag_sums",
    "compared_blocks",
    "mean_embedding",
    "row_basis",
    "tag_weights",
]

BLOCK = 4096
"""Photos read at a time."""
_SHRINKAGE = 0.3
"""Share of the identity in the spread within tags: of .1, .3 and .6 never the worst (docs/explanation/tags.md)."""
_FREQUENCY = 0.5
"""A tag counts n_t to the power of minus this in the spread within tags."""
_ROUNDS = 4
"""Rounds of the subspace iteration that finds the leading axes."""
_SPARE = 32
"""Axes iterated beyond those that are kept."""

_SUMS = ("n", "n_tagged", "sum", "total", "within", "weight", "tag_sums", "tag_counts")


class Rows(Protocol):
    """What embeddings may be: an array, a memory map, or anything whose slices are arrays (n, dim)."""

    @property
    def shape(self) -> Any:  # noqa: ANN401  as NumPy has it
        """Numbers of rows and dimensions."""

    def __getitem__(self, rows: slice, /) -> Any: ...  # noqa: ANN401  an array-like (n, dim)


@dataclass(frozen=True, slots=True, eq=False)
class TagMap:
    """A learned map.

    Parameters
    ----------
    mean : float32 (dim,)
        What is taken off an embedding before its length is made one: the collection's mean.
    axes : float32 (dim, d)
        From compared embeddings to the joint space.
    origin : float32 (d,)
        What is taken off there: the image of the mean of compared embeddings.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    origin: NDArray[np.float32]

    def compared(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings as they are compared: float32 (n, dim), of unit length."""
        return normalised(embeddings - self.mean)

    def places(self, compared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Places of compared embeddings in the joint space, of any length: float32 (n, d)."""
        placed: NDArray[np.float32] = compared @ self.axes - self.origin
        return placed


class TagSpread:
    """The sums from which a map is made: of all photos that were added.

    Parameters
    ----------
    dim : int
    weights : float64 (n_tags,)
        Of the tags.
    basis : float32 (dim, r) or None
        Orthonormal axes in which all photos lie, where these are fewer than ``dim``: the sums are kept in them. The
        same map comes out, sooner.
    """

    def __init__(self, dim: int, weights: NDArray[np.float64], basis: NDArray[np.float32] | None = None) -> None:
        dim = dim if basis is None else basis.shape[1]
        self.weights = weights
        self.basis = basis
        self.n = 0
        self.n_tagged = 0
        self.sum = np.zeros(dim)
        self.total = np.zeros((dim, dim))
        self.within = np.zeros((dim, dim))
        self.weight = 0.0
        self.tag_sums = np.zeros((len(weights), dim), np.float32)
        self.tag_counts = np.zeros(len(weights), np.int64)

    def add(self, compared: NDArray[np.float32], tags: TagTable) -> None:
        """Add a block of compared embeddings (n, dim) with their tags."""
        if self.basis is not None:
            compared = compared @ self.basis
        self.n += len(compared)
        self.sum += compared.sum(axis=0, dtype=np.float64)
        self.total += compared.T @ compared
        weight = np.bincount(tags.photos(), self.weights[tags.tags], minlength=len(tags))
        tagged = np.flatnonzero(weight)
        if not len(tagged):
            return
        self.n_tagged += len(tagged)
        self.weight += float(weight.sum())
        x = compared[tagged]
        self.within += (x * weight[tagged, None].astype(np.float32)).T @ x
        add_tag_sums(self.tag_sums, compared, tags)
        self.tag_counts += tags.per_tag()

    def without(self, other: TagSpread) -> TagSpread:
        """Return the sums of all photos but those of another."""
        rest = TagSpread(len(self.sum), self.weights)
        rest.basis = self.basis
        for name in _SUMS:
            setattr(rest, name, getattr(self, name) - getattr(other, name))
        return rest

    def absorb(self, other: TagSpread) -> None:
        """Add the sums of other photos."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def map(self, mean: NDArray[np.float32], n_dims: int, seed: int) -> TagMap:
        """Make the map of these photos into at most ``n_dims`` dimensions."""
        dim = len(self.sum)
        n = max(self.n, 1)
        centre = self.sum / n
        spread = self.total / n - np.outer(centre, centre)
        counts = np.maximum(self.tag_counts, 1)
        between = self.tag_sums * np.sqrt(self.weights / counts).astype(np.float32)[:, None]
        freedom = self.weight - float(self.weights[self.tag_counts > 0].sum())
        within = (self.within - between.T @ between) / freedom if freedom > 1e-9 else np.zeros((dim, dim))
        size = float(np.trace(within)) / min(dim, max(self.n_tagged, 1))
        # no tag with two photos, or all of its photos alike: nothing to learn from, and nothing changes
        shrunk = (1 - _SHRINKAGE) * within + _SHRINKAGE * size * np.eye(dim) if size > 1e-9 else np.eye(dim)
        whitening = np.linalg.inv(np.linalg.cholesky(shrunk)).T  # (dim, dim)
        axes = whitening @ _leading(whitening.T @ spread @ whitening, min(n_dims, dim, n), seed)
        origin = (centre @ axes).astype(np.float32)
        axes = axes if self.basis is None else self.basis @ axes
        return TagMap(mean, axes.astype(np.float32), origin)


def row_basis(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Orthonormal axes (dim, r) of the space that the rows of ``x`` (n, dim) span, n < dim; at least one."""
    values, vectors = np.linalg.eigh((x @ x.T).astype(np.float64))
    kept = values > max(float(values[-1]) * 1e-6, 1e-12)
    if not kept.any():
        return np.eye(x.shape[1], 1, dtype=np.float32)
    basis: NDArray[np.float32] = (x.T @ (vectors[:, kept] / np.sqrt(values[kept]))).astype(np.float32)
    return basis


def add_tag_sums(out: NDArray[np.float32], x: NDArray[np.float32], tags: TagTable, sign: float = 1.0) -> None:
    """Add to each tag's row of ``out`` (n_tags, d) the rows of ``x`` (n, d) that carry it, times ``sign``."""
    order = np.argsort(tags.tags, kind="stable")
    if not len(order):
        return
    numbers = tags.tags[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    photos = tags.photos()[order]
    for start in range(0, len(starts), 512):  # bounded memory, however many tags
        part = starts[start : start + 512]
        end = starts[start + 512] if start + 512 < len(starts) else len(order)
        out[numbers[part]] += np.float32(sign) * np.add.reduceat(x[photos[part[0] : end]], part - part[0], axis=0)


def tag_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of tags by how many photos carry them: float64 (n_tags,)."""
    weights: NDArray[np.float64] = np.maximum(counts, 1).astype(np.float64) ** -_FREQUENCY
    return weights


def mean_embedding(embeddings: Rows) -> NDArray[np.float32]:
    """Mean of embeddings, read in blocks: float32 (dim,)."""
    n, dim = embeddings.shape
    total = np.zeros(dim)
    for start in range(0, n, BLOCK):
        total += np.asarray(embeddings[start : start + BLOCK], np.float32).sum(axis=0, dtype=np.float64)
    mean: NDArray[np.float32] = (total / max(n, 1)).astype(np.float32)
    return mean


def compared_blocks(
    embeddings: Rows, mean: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Give the rows of each block, and these photos' embeddings as they are compared.

    Raises
    ------
    InvalidArgumentError
        Some are not finite.
    """
    n = embeddings.shape[0]
    for start in range(0, n, BLOCK):
        block = np.asarray(embeddings[start : start + BLOCK], np.float32)
        if not np.isfinite(block).all():
            raise InvalidArgumentError("`embeddings` holds values that are not finite; remove those rows.")
        yield np.arange(start, start + len(block), dtype=np.int64), normalised(block - mean)


def _leading(matrix: NDArray[np.float64], d: int, seed: int) -> NDArray[np.float64]:
    """Leading eigenvectors (dim, d) of a symmetric matrix, by subspace iteration; exact where d is near dim."""
    dim = len(matrix)
    if 3 * (d + _SPARE) > dim:
        exact: NDArray[np.float64] = np.linalg.eigh(matrix)[1][:, : -d - 1 : -1]
        return exact
    block = np.random.default_rng(seed).standard_normal((dim, d + _SPARE))
    for _ in range(_ROUNDS):
        block = np.linalg.qr(matrix @ block)[0]
    small = np.linalg.eigh(block.T @ matrix @ block)[1][:, : -d - 1 : -1]
    axes: NDArray[np.float64] = block @ small
    return axes
