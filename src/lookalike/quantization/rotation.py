"""Local rotations: each cell's own principal axes, balanced over sub-vectors (LOPQ's idea).

Kalantidis & Avrithis, "Locally optimized product quantization for approximate nearest neighbor search", CVPR 2014,
section 3: in every cell, centre the residuals, take the principal axes of their covariance, permute them by eigenvalue
allocation. Codebooks are then shared by all cells, in the rotated frames.

yahoo/lopq leaves a cell with fewer vectors than dimensions unrotated. Here the covariance of each cell is shrunk
towards the pooled one, ``(n_c S_c + 64 S) / (n_c + 64)``, so a small cell gets the global rotation and a large one its
own, with no threshold between; 64 pseudo-counts were near the best from 200 to 1,700 vectors per cell.

Where a rotation for every cell would outweigh the codes, cells whose covariances resemble each other share one
(``grouped``: k-means on the covariances' shapes). Frames may keep fewer axes than the projection has: coding spends
nothing on axes below the water level (:func:`lookalike.quantization.allocation.water_filling`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import map_blocks
from lookalike.quantization.additive import NormTerms
from lookalike.quantization.allocation import eigenvalue_allocation
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.kmeans import kmeans, sum_all
from lookalike.quantization.projection import covariance, principal_axes, reordered

__all__ = ["N_BLOCK", "ROTATIONS", "LocalFrames"]

ROTATIONS = ("local", "grouped", "global", "none")
_PSEUDO_COUNT = 64.0
N_BLOCK = 65536
_SHAPE_AXES = 32
"""Leading pooled axes in which the covariances of cells are compared when they are grouped."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalFrames:
    """Origin and axes of each cell's residuals.

    Parameters
    ----------
    offsets : float32 (n_parts, n_coarse, part_dim)
        Centroid plus mean residual.
    rotations : int8 or float32 (n_parts, n_rotations, n_axes, part_dim)
        Rows are axes, each divided by its scale. ``n_rotations`` is 0 where residuals are not rotated; then
        ``n_axes`` is ``part_dim``.
    rotation_scales : float32 (n_parts, n_rotations, n_axes)
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
        n_rotations, n_axes = self.rotations.shape[1:3]
        if (
            self.rotations.shape != (n_parts, n_rotations, n_axes, d)
            or not (1 <= n_axes <= d if n_rotations else n_axes == d)
            or self.rotation_scales.shape != (n_parts, n_rotations, n_axes)
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

    @property
    def n_axes(self) -> int:
        """Dimensions of a part in its local frame."""
        return int(self.rotations.shape[2])

    @classmethod
    def fit(
        cls,
        projected: NDArray[np.float32],
        coarse: CoarseQuantizer,
        kind: str,
        n_buckets: int,
        *,
        n_axes: int | None = None,
        n_rotations: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> Self:
        """Learn frames from projected vectors.

        Parameters
        ----------
        projected : float32 (n, dim)
        coarse : CoarseQuantizer
        kind : {"local", "grouped", "global", "none"}
        n_buckets : int
            Sub-vectors per part over which the axes are balanced.
        n_axes : int, optional
            Axes kept per part, a multiple of ``n_buckets``; by default all. ``none`` keeps all.
        n_rotations : int, optional
            For ``grouped``: how many rotations the cells of a part share.
        rng : numpy.random.Generator, optional
            For ``grouped``: seeds the grouping.
        """
        cells = coarse.assign(projected)
        d = coarse.part_dim
        means, stacks, owners = [], [], []
        for p, part in enumerate(np.split(projected, coarse.n_parts, axis=1)):
            residuals = _Residuals(part, coarse.centroids[p], cells[:, p])
            means.append(residuals.means)
            n_groups = 0
            owner = np.zeros(coarse.n_coarse, np.int32)
            if kind == "local":
                n_groups, owner = coarse.n_coarse, np.arange(coarse.n_coarse, dtype=np.int32)
            elif kind == "grouped":
                assert n_rotations is not None
                assert rng is not None
                n_groups = min(n_rotations, coarse.n_coarse)
                owner = residuals.grouped(n_groups, rng)
            elif kind == "global":
                n_groups = 1
            owners.append(owner)
            stacks.append(residuals.axes(owner, n_groups, n_axes or d, n_buckets))
        narrow, scales = _narrowed(np.stack(stacks))
        return cls(coarse.centroids + np.stack(means), narrow, scales, np.stack(owners))

    def with_rotations(self, rotations: NDArray[np.float32]) -> Self:
        """Give the same frames with other rotations, rounded to 8 bits: float32 (n_parts, n_rotations, n_axes, d)."""
        narrow, scales = _narrowed(rotations)
        return replace(self, rotations=narrow, rotation_scales=scales)

    def with_axes(self, order: NDArray[np.int64]) -> Self:
        """Give every rotation the same axes in another order, without those not named; -1 fills with a zero axis."""
        kept = order >= 0
        return replace(
            self,
            rotations=np.where(kept[:, None], self.rotations[:, :, order], self.rotations.dtype.type(0)),
            rotation_scales=np.where(kept, self.rotation_scales[:, :, order], np.float32(1)),
        )

    def in_space(self, order: NDArray[np.int64]) -> Self:
        """Give the same frames in a space whose axes have another order (one part only); -1 is a new axis of zeros."""
        turns = self.rotations
        if turns.shape[1]:
            turns = np.ascontiguousarray(np.where(order >= 0, turns[..., order], turns.dtype.type(0)))
        else:
            turns = np.empty((1, 0, len(order), len(order)), turns.dtype)
        scales = self.rotation_scales if self.rotations.shape[1] else np.empty((1, 0, len(order)), np.float32)
        return replace(self, offsets=reordered(self.offsets, order), rotations=turns, rotation_scales=scales)

    def rotation(self, part: int, cell: int) -> NDArray[np.float32]:
        """Axes of one cell as rows: float32 (n_axes, part_dim)."""
        d = self.offsets.shape[2]
        if not self.rotations.shape[1]:
            return np.eye(d, dtype=np.float32)
        number = self.rotation_of_cell[part, cell]
        axes: NDArray[np.float32] = self.rotations[part, number] * self.rotation_scales[part, number][:, None]
        return axes

    def to_local(self, projected: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Rotated residuals of vectors in their cells: (n, dim), (n, n_parts) to float32 (n, n_parts * n_axes)."""
        return self._each_part(kernels.rotate, projected, cells, self.offsets.shape[2], self.n_axes)

    def from_local(self, local: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Undo :meth:`to_local`."""
        return self._each_part(kernels.rotate_back, local, cells, self.n_axes, self.offsets.shape[2])

    def norm_terms(
        self,
        projected: NDArray[np.float32],
        cells: NDArray[np.int32],
        local: NDArray[np.float32],
        lost: NDArray[np.float32],
    ) -> NormTerms:
        """Give what additive codes must know of vectors beside their local residuals (one part only).

        Parameters
        ----------
        projected : float32 (n, dim)
        cells : int32 (n, 1)
        local : float32 (n, n_axes)
        lost : float32 (n,)
            Squared length of what the projection left out of each.
        """
        if not self.rotations.shape[1]:
            return NormTerms(lost, self.offsets[0])
        dropped = np.empty(len(local), np.float32)

        def block(rows: slice) -> None:
            residuals = projected[rows] - self.offsets[0][cells[rows, 0]]
            dropped[rows] = np.einsum("nd,nd->n", residuals, residuals)
            dropped[rows] -= np.einsum("nd,nd->n", local[rows], local[rows])

        map_blocks(block, len(local), N_BLOCK)
        return NormTerms(lost + np.maximum(dropped, 0), None)

    def _each_part(
        self,
        kernel: Callable[..., NDArray[np.float32]],
        vectors: NDArray[np.float32],
        cells: NDArray[np.int32],
        width_in: int,
        width_out: int,
    ) -> NDArray[np.float32]:
        n_parts = len(self.offsets)
        out = np.empty((len(vectors), n_parts * width_out), np.float32)

        def block(rows: slice) -> None:
            for p in range(n_parts):
                out[rows, p * width_out : (p + 1) * width_out] = kernel(
                    vectors[rows, p * width_in : (p + 1) * width_in],
                    cells[rows, p],
                    self.offsets[p],
                    self.rotations[p],
                    self.rotation_scales[p],
                    self.rotation_of_cell[p],
                )

        map_blocks(block, len(vectors), N_BLOCK)
        return out


def _less(
    vectors: NDArray[np.float32],
    points: NDArray[np.float32],
    cells: NDArray[np.int32],
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Take from each vector the point of its cell, on all threads."""
    left = np.empty_like(vectors) if out is None else out
    map_blocks(lambda rows: np.subtract(vectors[rows], points[cells[rows]], out=left[rows]), len(vectors), N_BLOCK)
    return left


class _Residuals:
    """Residuals of one part, gathered by cell, while frames are learned."""

    def __init__(self, vectors: NDArray[np.float32], centroids: NDArray[np.float32], cells: NDArray[np.int32]) -> None:
        self._counts = np.bincount(cells, minlength=len(centroids))
        residuals = _less(vectors, centroids, cells)
        sums = sum_all(residuals, cells, len(centroids))
        self.means = (sums / np.maximum(self._counts, 1)[:, None]).astype(np.float32)
        self._order = np.argsort(cells, kind="stable")
        self._ends = np.cumsum(self._counts)
        self._centred = _less(residuals, self.means, cells, out=residuals)
        _, self._pooled = covariance(self._centred)

    def _scatter(self, cell: int) -> NDArray[np.float64]:
        """Covariance of a cell times its count, drawn towards the pooled one."""
        x = self._centred[self._order[self._ends[cell] - self._counts[cell] : self._ends[cell]]]
        scatter: NDArray[np.float64] = (x.T @ x).astype(np.float64) + _PSEUDO_COUNT * self._pooled
        return scatter

    def grouped(self, n_groups: int, rng: np.random.Generator) -> NDArray[np.int32]:
        """Group of each cell, by the shapes of covariances: int32 (n_coarse,)."""
        leading = principal_axes(self._pooled)[1][:_SHAPE_AXES]
        shapes = np.empty((len(self._counts), len(leading) ** 2), np.float32)

        def one_cell(cell: slice) -> None:
            shape = leading @ self._scatter(cell.start) @ leading.T
            shapes[cell.start] = (shape / np.maximum(np.trace(shape), 1e-30)).reshape(-1)

        map_blocks(one_cell, len(shapes), 1)
        return kernels.assign(shapes, kmeans(shapes, n_groups, rng=rng))[0]

    def axes(self, owner: NDArray[np.int32], n_groups: int, n_axes: int, n_buckets: int) -> NDArray[np.float32]:
        """Leading axes of each group of cells, balanced over buckets: float32 (n_groups, n_axes, d)."""
        d = len(self._pooled)
        if not n_groups:
            return np.empty((0, d, d), np.float32)
        out = np.empty((n_groups, n_axes, d), np.float32)

        def one_group(group: slice) -> None:
            members = np.flatnonzero(owner == group.start)
            scatter = self._pooled
            if n_groups > 1 and len(members):
                scatter = np.zeros((d, d))
                for cell in members:
                    scatter += self._scatter(int(cell))
                scatter /= int(self._counts[members].sum()) + _PSEUDO_COUNT * len(members)
            variances, axes = principal_axes(scatter)
            out[group.start] = axes[eigenvalue_allocation(variances[:n_axes], n_buckets)]

        map_blocks(one_group, n_groups, 1)
        return out


def _narrowed(rotations: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round axes to 8 bits, with a scale for each: a quarter of the bytes, and no recall lost."""
    scales = np.abs(rotations).max(axis=-1, initial=0.0) / np.float32(127)
    scales = np.where(scales > 0, scales, np.float32(1)).astype(np.float32)
    return np.rint(rotations / scales[..., None]).astype(np.int8), scales
