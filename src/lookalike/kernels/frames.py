"""Residuals into the local frame of their cell, and back (Kalantidis & Avrithis, CVPR 2014, section 3).

``y = R (x - offset)``, where ``offset`` is centroid + mean residual of the cell and R has the cell's principal axes as
rows. Vectors are gathered by rotation, so the work is one matrix product per rotation in use: O(n d^2).
An empty stack of rotations stands for the identity.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["rotate", "rotate_back"]


def rotate(
    vectors: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R (x - offset)`` with the offset of each vector's cell and the rotation which that cell uses.

    Parameters
    ----------
    vectors : float32 (n, d)
    cells : int32 (n,)
    offsets : float32 (n_coarse, d)
    rotations : float32 or int8 (n_rotations, n_axes, d)
        Rows are axes, each divided by its scale. ``n_rotations`` 0 stands for the identity.
    scales : float32 (n_rotations, n_axes)
    rotation_of_cell : int32 (n_coarse,)

    Returns
    -------
    float32 (n, n_axes)
    """
    residuals = vectors - offsets[cells]
    if not len(rotations):
        return residuals
    out = np.empty((len(residuals), rotations.shape[1]), np.float32)
    for rotation, rows in _by_rotation(rotation_of_cell[cells]):
        out[rows] = (residuals[rows] @ rotations[rotation].astype(np.float32).T) * scales[rotation]
    return out


def rotate_back(
    rotated: NDArray[np.float32],
    cells: NDArray[np.int32],
    offsets: NDArray[np.float32],
    rotations: NDArray[np.float32] | NDArray[np.int8],
    scales: NDArray[np.float32],
    rotation_of_cell: NDArray[np.int32],
) -> NDArray[np.float32]:
    """``R^T y + offset``: undoes :func:`rotate` on the axes that R has, which are orthonormal. Shapes as there."""
    if not len(rotations):
        return rotated + offsets[cells]
    out = np.empty((len(rotated), offsets.shape[1]), np.float32)
    for rotation, rows in _by_rotation(rotation_of_cell[cells]):
        out[rows] = (rotated[rows] * scales[rotation]) @ rotations[rotation].astype(np.float32)
    out += offsets[cells]
    return out


def _by_rotation(labels: NDArray[np.int32]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    order = np.argsort(labels, kind="stable")
    used, starts = np.unique(labels[order], return_index=True)
    for rotation, rows in zip(used, np.split(order, starts[1:]), strict=True):
        yield int(rotation), rows
