"""The same frames for product codes: axes dealt out anew, without training them again.

Sums of codewords have their axes in one group or few; product codes need them in as many sub-vectors as there are
codes, balanced (:mod:`lookalike.quantization.allocation`). Both want the same axes, so those of frames that were
trained for the one serve the other: axes are put in order by the variances of residuals along them, the least of them
left out, or axes of zeros added, until they divide. No distance changes but by what is left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.quantization.allocation import eigenvalue_allocation
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.projection import Projection, reordered
from lookalike.quantization.rotation import LocalFrames

__all__ = ["arranged"]

_LEAST_KEPT, _LEAST_KEPT_TURNED = 0.95, 0.8
"""Share of axes below which zeros are added rather than axes left out. Rotations hold a fifth more than are worth bits;
of a single one all are kept, so that rounds of OPQ can turn it."""


def arranged(
    projection: Projection,
    coarse: CoarseQuantizer,
    frames: LocalFrames,
    projected: NDArray[np.float32],
    n_subquantizers: int,
) -> tuple[Projection, CoarseQuantizer, LocalFrames, NDArray[np.float32]]:
    """Bring one part's axes into balanced sub-vectors.

    Parameters
    ----------
    projection : Projection
    coarse : CoarseQuantizer
        With one part.
    frames : LocalFrames
    projected : float32 (n, dim)
        Training vectors, from which variances are taken.
    n_subquantizers : int

    Returns
    -------
    projection, coarse, frames
    projected : float32 (n, dim)
        The same vectors by the projection that is returned.
    """
    local = frames.to_local(projected, coarse.assign(projected))
    variances = np.einsum("nd,nd->d", local, local, dtype=np.float64) / len(local)
    n_rotations = frames.rotations.shape[1]
    n_axes, dim = local.shape[1], projected.shape[1]
    width = n_axes // n_subquantizers * n_subquantizers
    if width < {0: _LEAST_KEPT, 1: 1}.get(n_rotations, _LEAST_KEPT_TURNED) * n_axes:
        width += n_subquantizers
    falling = np.argsort(-variances, kind="stable")
    axes, spread = np.full(width, -1), np.zeros(width)
    kept = min(width, n_axes)
    axes[:kept], spread[:kept] = falling[:kept], variances[falling[:kept]]
    order = axes[eigenvalue_allocation(spread, n_subquantizers)]
    space = np.concatenate([np.arange(dim), np.full(max(0, width - dim), -1)]) if n_rotations else order
    frames = frames.in_space(space)
    return (
        projection.with_axes(space),
        CoarseQuantizer(reordered(coarse.centroids, space)),
        frames.with_axes(order) if n_rotations else frames,
        reordered(projected, space),
    )
