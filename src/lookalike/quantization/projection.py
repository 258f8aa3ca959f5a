"""Mean, principal axes and the balanced permutation: the step before everything else.

Principal component analysis to ``dim`` dimensions, the axes then permuted so that sub-vectors (and the halves of a
multi-index) carry balanced variance (:mod:`lookalike.quantization.allocation`). O(n d^2) for the covariance, O(d^3)
for its axes.

Where ``dim`` exceeds the vectors' own dimension (so that it divides into sub-vectors), the axes in excess are
zero: such coordinates are always 0 and cost no distance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import map_blocks, one_blas_thread
from lookalike.quantization.allocation import eigenvalue_allocation

__all__ = ["Projection", "covariance", "principal_axes", "reordered"]

_BLOCK = 8192
"""Rows per matrix product. Fixed, so that sums are the same for any number of threads."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """An affine map ``(x - mean) @ basis`` with orthonormal (or zero) columns.

    Parameters
    ----------
    mean : float32 (dim_in,)
    basis : float32 (dim_in, dim)
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.basis.ndim != 2 or len(self.mean) != len(self.basis) or 0 in self.basis.shape:
            raise InvalidArgumentError(
                f"a projection needs a mean (dim_in,) and a basis (dim_in, dim), not {self.mean.shape} and "
                f"{self.basis.shape}."
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.basis).all()):
            raise InvalidArgumentError("a projection needs finite values.")

    @property
    def dim_in(self) -> int:
        """Dimension of the vectors that come in."""
        return int(self.basis.shape[0])

    @property
    def dim(self) -> int:
        """Dimension of what goes out."""
        return int(self.basis.shape[1])

    @classmethod
    def identity(cls, dim: int) -> Self:
        """Build the map that changes nothing."""
        return cls(np.zeros(dim, np.float32), np.eye(dim, dtype=np.float32))

    @classmethod
    def fit(cls, vectors: NDArray[np.float32], dim: int, *, n_parts: int, n_subquantizers: int) -> Self:
        """Principal axes of ``vectors``, balanced over the parts, and within a part over its sub-vectors.

        Parameters
        ----------
        vectors : float32 (n, dim_in), n >= 1
        dim : int
            A multiple of ``n_subquantizers``; beyond ``dim_in`` it is filled with zeros.
        n_parts : int
            2 for a multi-index, 1 otherwise.
        n_subquantizers : int
            A multiple of ``n_parts``.
        """
        mean, scatter = covariance(vectors)
        variances, axes = principal_axes(scatter)
        dim_in = len(mean)
        kept = min(dim, dim_in)
        basis = np.zeros((dim_in, dim), np.float64)
        basis[:, :kept] = axes[:kept].T
        spread = np.zeros(dim)
        spread[:kept] = variances[:kept]
        parts = eigenvalue_allocation(spread, n_parts).reshape(n_parts, -1)
        order = [part[eigenvalue_allocation(spread[part], n_subquantizers // n_parts)] for part in parts]
        return cls(mean.astype(np.float32), np.ascontiguousarray(basis[:, np.concatenate(order)], np.float32))

    def with_axes(self, order: NDArray[np.int64]) -> Self:
        """Give the same axes in another order, without those not named; -1 fills with a zero axis."""
        return replace(self, basis=reordered(self.basis, order))

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(x - mean) @ basis``: float32 (n, dim_in) to float32 (n, dim)."""
        projected = np.empty((len(vectors), self.dim), np.float32)

        def block(rows: slice) -> None:
            np.matmul(vectors[rows] - self.mean, self.basis, out=projected[rows], dtype=np.float32)

        map_blocks(block, len(vectors), _BLOCK)
        return projected

    def lost(self, vectors: NDArray[np.float32], projected: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squared length of what projecting left out of each vector: float32 (n,)."""

        def block(rows: slice) -> NDArray[np.float32]:
            centred = vectors[rows] - self.mean
            kept = np.einsum("nd,nd->n", projected[rows], projected[rows])
            whole: NDArray[np.float32] = np.einsum("nd,nd->n", centred, centred)
            short: NDArray[np.float32] = np.maximum(whole - kept, 0)
            return short

        return np.concatenate([np.empty(0, np.float32), *map_blocks(block, len(vectors), _BLOCK)])

    def unproject(self, projected: NDArray[np.float32]) -> NDArray[np.float32]:
        """``y @ basis.T + mean``: the nearest vector that projects to ``y``, float32 (n, dim_in)."""
        with one_blas_thread():
            return projected @ self.basis.T + self.mean


def reordered(array: NDArray[np.float32], order: NDArray[np.int64]) -> NDArray[np.float32]:
    """Entries of the last axis in another order; zeros where that is -1."""
    return np.ascontiguousarray(np.where(order >= 0, array[..., order], np.float32(0)))


def covariance(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,) and covariance (d, d) of the rows, both float64, divided by n.

    Products are float32 within a block of rows centred on the mean, and summed in float64 over blocks.
    """
    n, d = vectors.shape
    sums = map_blocks(lambda rows: vectors[rows].sum(axis=0, dtype=np.float64), n, _BLOCK)
    mean: NDArray[np.float64] = np.sum(sums, axis=0) / n
    centre = mean.astype(np.float32)

    total = np.zeros((d, d))
    for start in range(0, n, _BLOCK * 16):  # bounded: at most 16 products of d x d at a time
        total += _scatter(vectors[start : start + _BLOCK * 16] - centre)
    shift = mean - centre
    return mean, total / n - np.outer(shift, shift)


def _scatter(centred: NDArray[np.float32]) -> NDArray[np.float64]:
    products = map_blocks(lambda rows: centred[rows].T @ centred[rows], len(centred), _BLOCK)
    total: NDArray[np.float64] = np.sum(products, axis=0, dtype=np.float64)
    return total


def principal_axes(scatter: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues by falling size (d,) and the axes as rows (d, d) of a symmetric matrix.

    Each axis is signed so that its largest coordinate is positive: LAPACK leaves the sign open.
    """
    with one_blas_thread():
        values, vectors = np.linalg.eigh((scatter + scatter.T) / 2)
    values, axes = values[::-1], vectors.T[::-1]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return np.maximum(values, 0), axes * np.where(largest < 0, -1.0, 1.0)
