"""Local rotations: each cell's own principal axes, balanced over sub-vectors (LOPQ's idea).

Kalantidis & Avrithis, "Locally optimized product quantization for approximate nearest neighbor search", CVPR 2014,
section 3: in every cell, centre the residuals, take the principal axes of their covariance, permute them by eigenvalue
allocation. Codebooks are then shared by all cells, in the rotated frames.

yahoo/lopq leaves a cell with fewer vectors than dimensions unrotated. Here the covariance of each cell is shrunk
towards the pooled one, ``(n_c S_c + 64 S) / (n_c + 64)``, so a small cell gets the global rotation and a large one its
own, with no threshold between; 64 pseudo-counts were near the best from 200 to 1,700 vectors per cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import map_blocks
from lookalike.quantization.allocation import eigenvalue_allocation
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.projection import covariance, principal_axes

__all__ = ["ROTATIONS", "LocalFrames"]

ROTATIONS = ("local", "global", "none")
_PSEUDO_COUNT = 64.0
_BLOCK = 65536


@dataclass(frozen=True, slots=True, eq=False)
class LocalFrames:
    """Origin and axes of each cell's residuals.

    Parameters
    ----------
    offsets : float32 (n_parts, n_coarse, part_dim)
        Centroid plus mean residual.
    rotations : int8 or float32 (n_parts, n_rotations, part_dim, part_dim)
        Rows are axes, each divided by its scale. ``n_rotations`` is 0 where residuals are not rotated.
    rotation_scales : float32 (n_parts, n_rotations, part_dim)
    rotation_of_cell : int32 (n_parts, n_coarse)
        Which rotation each cell uses; zeros when there is none.
    """

    offsets: NDArray[np.float32]
    rotations: NDArray[np.int8] | NDArray[np.float32]
    rotation_scales: NDArray[np.float32]
    rotation_of_cell: NDArray[np.int32]

    def __post_init__(self) -> None:
        if self.offsets.ndim != 3 or self.rotations.ndim != 4:
            raise InvalidArgumentError("local frames need offsets of 3 axes and rotations of 4.")
        n_parts, n_coarse, d = self.offsets.shape
        n_rotations = self.rotations.shape[1]
        if (
            self.rotations.shape != (n_parts, n_rotations, d, d)
            or self.rotation_scales.shape != (n_parts, n_rotations, d)
            or self.rotation_of_cell.shape != (n_parts, n_coarse)
        ):
            raise InvalidArgumentError(
                f"offsets {self.offsets.shape}, rotations {self.rotations.shape}, scales {self.rotation_scales.shape} "
                f"and rotation_of_cell {self.rotation_of_cell.shape} do not belong together."
            )
        if not all(np.isfinite(each).all() for each in (self.offsets, self.rotations, self.rotation_scales)):
            raise InvalidArgumentError("local frames need finite values.")
        if self.rotation_of_cell.min() < 0 or self.rotation_of_cell.max() >= max(1, n_rotations):
            raise InvalidArgumentError(f"rotation_of_cell names rotations outside of 0 to {n_rotations - 1}.")

    @classmethod
    def fit(cls, projected: NDArray[np.float32], coarse: CoarseQuantizer, kind: str, n_subquantizers: int) -> Self:
        """Learn frames from projected vectors (n, dim).

        Parameters
        ----------
        projected : float32 (n, dim)
        coarse : CoarseQuantizer
        kind : {"local", "global", "none"}
        n_subquantizers : int
            Over all parts.
        """
        cells = coarse.assign(projected)
        means, rotations = [], []
        for p, part in enumerate(np.split(projected, coarse.n_parts, axis=1)):
            residuals = part - coarse.centroids[p][cells[:, p]]
            mean, rotation = _fit_part(residuals, cells[:, p], coarse.n_coarse, kind, n_subquantizers // coarse.n_parts)
            means.append(mean)
            rotations.append(rotation)
        n_rotations = len(rotations[0])
        of_cell = np.arange(coarse.n_coarse) if n_rotations == coarse.n_coarse else np.zeros(coarse.n_coarse)
        narrow, scales = _narrowed(np.stack(rotations))
        return cls(
            coarse.centroids + np.stack(means),
            narrow,
            scales,
            np.tile(of_cell.astype(np.int32), (coarse.n_parts, 1)),
        )

    def rotation(self, part: int, cell: int) -> NDArray[np.float32]:
        """Axes of one cell as rows: float32 (part_dim, part_dim)."""
        d = self.offsets.shape[2]
        if not self.rotations.shape[1]:
            return np.eye(d, dtype=np.float32)
        number = self.rotation_of_cell[part, cell]
        axes: NDArray[np.float32] = self.rotations[part, number] * self.rotation_scales[part, number][:, None]
        return axes

    def to_local(self, projected: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rotated residuals of vectors in their cells: (n, dim), (n, n_parts) to float32 (n, dim)."""
        return self._each_part(kernels.rotate, projected, cells)

    def from_local(self, local: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Undo :meth:`to_local`."""
        return self._each_part(kernels.rotate_back, local, cells)

    def _each_part(
        self, kernel: Callable[..., NDArray[np.float32]], vectors: NDArray[np.float32], cells: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        out = np.empty_like(vectors)
        d = self.offsets.shape[2]

        def block(rows: slice) -> None:
            for p in range(len(self.offsets)):
                columns = slice(p * d, (p + 1) * d)
                out[rows, columns] = kernel(
                    vectors[rows, columns],
                    cells[rows, p],
                    self.offsets[p],
                    self.rotations[p],
                    self.rotation_scales[p],
                    self.rotation_of_cell[p],
                )

        map_blocks(block, len(vectors), _BLOCK)
        return out


def _fit_part(
    residuals: NDArray[np.float32], cells: NDArray[np.int32], n_coarse: int, kind: str, n_buckets: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean residuals (n_coarse, d) and rotations (n_rotations, d, d) of one part."""
    d = residuals.shape[1]
    counts = np.bincount(cells, minlength=n_coarse)
    sums = np.stack([np.bincount(cells, weights=column, minlength=n_coarse) for column in residuals.T], axis=1)
    means = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    if kind == "none":
        return means, np.empty((0, d, d), np.float32)
    centred = residuals - means[cells]
    _, pooled = covariance(centred)
    if kind == "global":
        return means, _balanced_axes(pooled, n_buckets)[None]
    order = np.argsort(cells, kind="stable")
    ends = np.cumsum(counts)
    rotations = np.empty((n_coarse, d, d), np.float32)

    def one_cell(cell: slice) -> None:
        c = cell.start
        x = centred[order[ends[c] - counts[c] : ends[c]]]
        own = (x.T @ x).astype(np.float64)
        rotations[c] = _balanced_axes((own + _PSEUDO_COUNT * pooled) / (counts[c] + _PSEUDO_COUNT), n_buckets)

    map_blocks(one_cell, n_coarse, 1)
    return means, rotations


def _narrowed(rotations: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round axes to 8 bits, with a scale for each: a quarter of the bytes, and no recall lost."""
    scales = np.abs(rotations).max(axis=-1, initial=0.0) / np.float32(127)
    scales = np.where(scales > 0, scales, np.float32(1)).astype(np.float32)
    return np.rint(rotations / scales[..., None]).astype(np.int8), scales


def _balanced_axes(scatter: NDArray[np.float64], n_buckets: int) -> NDArray[np.float32]:
    variances, axes = principal_axes(scatter)
    return axes[eigenvalue_allocation(variances, n_buckets)].astype(np.float32)
