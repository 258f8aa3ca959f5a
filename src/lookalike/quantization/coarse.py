"""Coarse quantizers: one codebook (an inverted file), or two, one for each half (an inverted multi-index).

Babenko & Lempitsky, "The inverted multi-index", CVPR 2012: two codebooks of ``n_coarse`` centroids name ``n_coarse``^2
cells at the price of 2 ``n_coarse`` distances. Everything here is written for ``n_parts`` codebooks over equal
parts of the projected vector, with ``n_parts`` 1 for ``ivf`` and 2 for ``multi_index``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.quantization.kmeans import assign_all, kmeans

__all__ = ["CoarseQuantizer"]


@dataclass(frozen=True, slots=True, eq=False)
class CoarseQuantizer:
    """Centroids of each part.

    Parameters
    ----------
    centroids : float32 (n_parts, n_coarse, part_dim)
        ``n_parts`` is 1 (``ivf``) or 2 (``multi_index``).
    """

    centroids: NDArray[np.float32]
    _squares: NDArray[np.float32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.centroids.ndim != 3 or self.centroids.shape[0] not in (1, 2) or 0 in self.centroids.shape:
            raise InvalidArgumentError(
                f"coarse centroids need shape (1 or 2, n_coarse, part_dim), not {self.centroids.shape}."
            )
        if not np.isfinite(self.centroids).all():
            raise InvalidArgumentError("coarse centroids need finite values.")
        object.__setattr__(self, "_squares", np.einsum("pkd,pkd->pk", self.centroids, self.centroids))

    @property
    def n_parts(self) -> int:
        """1 for ``ivf``, 2 for ``multi_index``."""
        return int(self.centroids.shape[0])

    @property
    def n_coarse(self) -> int:
        """Centroids per part."""
        return int(self.centroids.shape[1])

    @property
    def part_dim(self) -> int:
        """Dimensions per part."""
        return int(self.centroids.shape[2])

    @property
    def n_cells(self) -> int:
        """Cells named by the codebooks together."""
        return int(self.n_coarse**self.n_parts)

    @classmethod
    def fit(cls, projected: NDArray[np.float32], n_coarse: int, n_parts: int, rng: np.random.Generator) -> Self:
        """K-means of each part of the projected vectors: float32 (n, n_parts * part_dim)."""
        parts = np.split(projected, n_parts, axis=1)
        return cls(
            np.stack(
                [
                    kmeans(np.ascontiguousarray(part), n_coarse, rng=each)
                    for part, each in zip(parts, rng.spawn(n_parts), strict=True)
                ]
            )
        )

    def assign(self, projected: NDArray[np.float32]) -> NDArray[np.int32]:
        """Nearest centroid in each part: int32 (n, n_parts)."""
        parts = np.split(projected, self.n_parts, axis=1)
        return np.stack(
            [assign_all(np.ascontiguousarray(part), self.centroids[p])[0] for p, part in enumerate(parts)], axis=1
        )

    def scores(self, projected: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared distances of each part to all its centroids, less the part's own squared length.

        Returns
        -------
        float32 (n, n_parts, n_coarse)
        """
        n = len(projected)
        out = np.empty((n, self.n_parts, self.n_coarse), np.float32)
        parts = projected.reshape(n, self.n_parts, self.part_dim)
        for p, centroids in enumerate(self.centroids):
            # the expansion is exact enough here: projected vectors lie around the origin
            np.matmul(-2 * parts[:, p], centroids.T, out=out[:, p])
            out[:, p] += self._squares[p]
        return out

    def flat(self, cells: NDArray[np.int32]) -> NDArray[np.int64]:
        """One number per cell: (n, n_parts) to int64 (n,); ``first * n_coarse + second``, as in yahoo/lopq."""
        numbers = cells[:, 0].astype(np.int64)
        for p in range(1, self.n_parts):
            numbers = numbers * self.n_coarse + cells[:, p]
        return numbers

    def unflat(self, numbers: NDArray[np.int64]) -> NDArray[np.int32]:
        """Undo :meth:`flat`: int32 (n, n_parts)."""
        if self.n_parts == 1:
            return numbers.astype(np.int32)[:, None]
        return np.stack(np.divmod(numbers, self.n_coarse), axis=1).astype(np.int32)
