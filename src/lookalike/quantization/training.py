"""Training of what lies behind the coarse quantizer: frames and codebooks, by a recipe.

Recipes share the projection and the coarse quantizer, so that several can be tried and compared at the price of their
codebooks (:mod:`lookalike.quantization.choice`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.additive import AdditiveQuantizer, n_groups_for, n_norm_codes_for
from lookalike.quantization.allocation import water_filling
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.product import ProductQuantizer
from lookalike.quantization.projection import covariance, principal_axes
from lookalike.quantization.rotation import LocalFrames

__all__ = ["CODEBOOK_SAMPLE", "Parts", "Recipe", "active_axes", "buckets", "sample", "train"]

Parts = tuple[CoarseQuantizer, LocalFrames, ProductQuantizer | AdditiveQuantizer]

CODEBOOK_SAMPLE = 65_536
"""What belongs to a cell learns from every training vector, since each lies in one cell; codebooks that all cells share
need no more than these."""
_OPQ_ROUNDS = 8
_AXES_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """How frames and codebooks are made.

    Parameters
    ----------
    rotation : {"local", "grouped", "global", "none"}
    codebooks : {"shared", "local", "additive"}
    n_codes : int
        Codes of a vector: sub-quantizers, or codebooks and norm codes of an additive quantizer.
    bits : {4, 8}
    error_code : bool
        One code more, for the error (shared and local codebooks).
    n_axes : int or None
        Axes of a part's frame; None keeps all.
    n_rotations : int or None
        For ``grouped``.
    """

    rotation: str
    codebooks: str
    n_codes: int
    bits: int = 4
    error_code: bool = False
    n_axes: int | None = None
    n_rotations: int | None = None

    @property
    def n_codebooks(self) -> int:
        """Codebooks beside those of norms and errors."""
        return self.n_codes - (n_norm_codes_for(self.n_codes) if self.codebooks == "additive" else 0)


def buckets(codebooks: str, n_codes: int) -> int:
    """Sub-vectors over which axes are balanced."""
    if codebooks == "additive":
        return n_groups_for(n_codes - n_norm_codes_for(n_codes))
    return n_codes


def sample(vectors: NDArray[np.float32], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Row numbers of at most ``n`` vectors, in order."""
    if len(vectors) <= n:
        return np.arange(len(vectors))
    return np.sort(rng.choice(len(vectors), n, replace=False))


def active_axes(projected: NDArray[np.float32], coarse: CoarseQuantizer, n_bits: int) -> int:
    """Axes of a part's residuals worth keeping in local frames for codes of so many bits: water-filling, a fifth more.

    Variances are those of all residuals together: local axes leave less to the last ones. Parts share the bits equally,
    and the one that needs most axes decides.
    """
    cells = coarse.assign(projected)
    wanted = 0
    for p, part in enumerate(np.split(projected, coarse.n_parts, axis=1)):
        spectrum, _ = principal_axes(covariance(part - coarse.centroids[p][cells[:, p]])[1])
        wanted = max(wanted, water_filling(spectrum, n_bits / coarse.n_parts))
    return int(np.ceil(_AXES_MARGIN * wanted))


def train(
    recipe: Recipe,
    projected: NDArray[np.float32],
    lost: NDArray[np.float32],
    coarse: CoarseQuantizer,
    rng: np.random.Generator,
    given: LocalFrames | None = None,
    *,
    turn: bool = True,
) -> Parts:
    """Learn frames and codebooks from projected vectors.

    Parameters
    ----------
    recipe : Recipe
    projected : float32 (n, dim)
    lost : float32 (n,)
        Squared length of what the projection left out of each.
    coarse : CoarseQuantizer
    rng : numpy.random.Generator
    given : LocalFrames, optional
        Frames to begin with.
    turn : bool
        Whether rounds of OPQ turn a rotation that all cells share.

    Returns
    -------
    coarse : CoarseQuantizer
        The one given; for additive codebooks its centroids are moved to the means of their cells, which are the origins
        of residuals too.
    frames : LocalFrames
    product : ProductQuantizer or AdditiveQuantizer
    """
    rng_frames, rng_sample, rng_codebooks = rng.spawn(3)
    frames = given or LocalFrames.fit(
        projected,
        coarse,
        recipe.rotation,
        buckets(recipe.codebooks, recipe.n_codes) // coarse.n_parts,
        n_axes=recipe.n_axes,
        n_rotations=recipe.n_rotations,
        rng=rng_frames,
    )
    rows = sample(projected, CODEBOOK_SAMPLE, rng_sample)
    if recipe.codebooks == "additive":
        coarse = CoarseQuantizer(frames.offsets)
        y, missing = projected[rows], lost[rows]
        cells = coarse.assign(y)
        local = frames.to_local(y, cells)
        additive = AdditiveQuantizer.fit(
            local,
            cells[:, 0],
            frames.norm_terms(y, cells, local, missing),
            n_coarse=coarse.n_coarse,
            n_codebooks=recipe.n_codebooks,
            n_norm_codes=n_norm_codes_for(recipe.n_codes),
            n_groups=buckets("additive", recipe.n_codes),
            spread=frames.rotations.shape[1] > 0,
            rng=rng_codebooks,
        )
        return coarse, frames, additive
    y = projected[rows]
    cells = coarse.assign(y)
    if recipe.rotation == "global" and turn:
        frames = _opq(frames, y, cells, recipe, rng_sample)
    local = frames.to_local(y, cells)
    product = ProductQuantizer.fit(local, recipe.n_codes, recipe.bits, rng_codebooks)
    if recipe.codebooks == "local":
        if len(rows) < len(projected):
            cells = coarse.assign(projected)
            local = frames.to_local(projected, cells)
        product = product.with_local_codebooks(local, cells, coarse.n_coarse)
    if recipe.error_code:
        product = product.with_error_levels(local, cells, rng_codebooks)
    return coarse, frames, product


def _opq(
    frames: LocalFrames,
    projected: NDArray[np.float32],
    cells: NDArray[np.int32],
    recipe: Recipe,
    rng: np.random.Generator,
) -> LocalFrames:
    """Turn the rotation that all cells share by rounds of coding and fitting (Ge et al., CVPR 2013, section 3.1).

    Each round codes the rotated residuals and takes the rotation that brings the residuals nearest to what the codes
    stand for (orthogonal Procrustes). Frames with fewer axes than the projection are left as they are.
    """
    n_parts, d = len(frames.offsets), frames.offsets.shape[2]
    if frames.n_axes < d:
        return frames
    for _ in range(_OPQ_ROUNDS):
        local = frames.to_local(projected, cells)
        product = ProductQuantizer.fit(local, recipe.n_codes, recipe.bits, rng, n_rounds=4)
        rebuilt = product.decode(product.encode(local, cells), cells)
        rotations = []
        for p in range(n_parts):
            columns = slice(p * d, (p + 1) * d)
            residuals = projected[:, columns] - frames.offsets[p][cells[:, p]]
            with one_blas_thread():
                left, _, right = np.linalg.svd(rebuilt[:, columns].T.astype(np.float64) @ residuals)
                rotations.append((left @ right).astype(np.float32)[None])
        frames = frames.with_rotations(np.stack(rotations))
    return frames
