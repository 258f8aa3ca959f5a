"""Additive quantization: a vector is coded as a sum of codewords, one of each codebook, and a code of its norm.

Babenko & Lempitsky, "Additive quantization for extreme vector compression", CVPR 2014, trained as in Martinez et al.,
"LSQ++", ECCV 2018: encode, solve for all codebooks at once, and again. More than 15 codebooks lie in
groups, each over a sub-vector of its own (a product of additive quantizers): a search for the best of many sums costs
the square of their number and loses more than longer codewords win. One codebook a group is product quantization.

Distances. ``|q - o - y|^2 = |q - o|^2 - 2 <q - o, y> + |y|^2`` for a query q, a cell's origin o and a sum y: the first
term belongs to the cell, the second is a table of 16 inner products for each codebook, the third is a number of the
vector's own. That number takes the last one or two 4-bit codes, as so many standard deviations of its cell, and carries
two things besides: ``2 <o, y>`` where residuals are not rotated, so that one table serves all cells; and .4 of the
squared error ``|x - y|^2``, since of two vectors with equal sums the one that was coded well is likelier to be a true
neighbour of a query nearby (docs/explanation/engine.md).

Spreads. In local frames cells differ in how far they reach along each axis. A cell's codewords are the shared ones,
stretched by its *spreads*, the fourth root of the ratio of variances (half of the way, which measures better than all
of it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import map_blocks
from lookalike.quantization.kmeans import assign_all, kmeans

__all__ = [
    "N_ROUNDS",
    "N_SEED_ROUNDS",
    "SEED_SAMPLE",
    "AdditiveQuantizer",
    "NormTerms",
    "n_groups_for",
    "n_norm_codes_for",
]

_BLOCK = 4096
_ERROR_WEIGHT = 0.4
_LARGEST_GROUP, _GROUP = 15, 10
_BEAM = 16
N_ROUNDS = 10
SEED_SAMPLE, N_SEED_ROUNDS = 16_384, 8
_SPREAD_PSEUDO_COUNT = 32.0


def n_groups_for(n_codebooks: int) -> int:
    """Give one group up to 15 codebooks, beyond that the fewest of at most 10."""
    return 1 if n_codebooks <= _LARGEST_GROUP else -(-n_codebooks // _GROUP)


def n_norm_codes_for(n_codes: int) -> int:
    """Of so many 4-bit codes, those spent on the norm: 1, and 2 from 24 (12 bytes) on."""
    return 1 if n_codes < 24 else 2


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveQuantizer:
    """Codebooks, spreads and norm levels.

    Parameters
    ----------
    codebooks : float32 (n_codebooks, 16, group_dim)
        Codebooks of one group follow each other; the first groups have one more where they do not divide.
    spreads : float16 (n_coarse, n_groups * group_dim), or (0, n_groups * group_dim)
        What each cell multiplies codewords by; none where residuals are not rotated.
    norm_means, norm_scales : float32 (n_coarse,)
        Mean and standard deviation of each cell's norm terms.
    norm_levels : float32 (1 or 2, 16)
        What each norm code stands for, in standard deviations; two codes add.
    n_groups : int
    """

    codebooks: NDArray[np.float32]
    spreads: NDArray[np.float16]
    norm_means: NDArray[np.float32]
    norm_scales: NDArray[np.float32]
    norm_levels: NDArray[np.float32]
    n_groups: int
    _words: tuple[NDArray[np.float32], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = self.codebooks.shape
        if len(shape) != 3 or shape[1] != 16 or 0 in shape:
            raise InvalidArgumentError(f"additive codebooks need shape (n_codebooks, 16, group_dim), not {shape}.")
        if not 1 <= self.n_groups <= shape[0]:
            raise InvalidArgumentError(f"{self.n_groups} groups cannot share {shape[0]} codebooks.")
        cells = len(self.norm_means)
        if (
            self.norm_means.ndim != 1
            or self.norm_scales.shape != (cells,)
            or self.spreads.shape not in ((0, self.dim), (cells, self.dim))
            or self.norm_levels.shape not in ((1, 16), (2, 16))
        ):
            raise InvalidArgumentError(
                f"spreads {self.spreads.shape}, norm means {self.norm_means.shape}, scales {self.norm_scales.shape} "
                f"and levels {self.norm_levels.shape} do not belong to additive codebooks of shape {shape}."
            )
        arrays = (self.codebooks, self.spreads, self.norm_means, self.norm_scales, self.norm_levels)
        if not all(np.isfinite(each).all() for each in arrays):
            raise InvalidArgumentError("additive codebooks, spreads and norm levels need finite values.")
        object.__setattr__(self, "_words", tuple(self._scaled_words()))

    @property
    def dim(self) -> int:
        """Dimensions of the local frame."""
        return self.n_groups * int(self.codebooks.shape[2])

    @property
    def bits(self) -> int:
        """Bits per code."""
        return 4

    @property
    def n_codes(self) -> int:
        """Codes of one vector, the norm's among them."""
        return len(self.codebooks) + len(self.norm_levels)

    @property
    def n_bytes(self) -> int:
        """Bytes of one packed code."""
        return (self.n_codes + 1) // 2

    def _scaled_words(self) -> Iterator[NDArray[np.float32]]:
        """Of each group all codewords times -2: float32 (group_dim, 16 * n_codebooks of the group)."""
        for share in self.groups():
            yield np.ascontiguousarray(np.float32(-2) * self.codebooks[share].reshape(-1, self.codebooks.shape[2]).T)

    def tables(self, local: NDArray[np.float32]) -> NDArray[np.float32]:
        """Tables of queries: ``-2 <q, c>`` for each codeword.

        Parameters
        ----------
        local : float32 (n, dim)
            Queries in the stretched frames of cells, or as they are where there are no frames.

        Returns
        -------
        float32 (n, n_codebooks, 16)
        """
        d = self.codebooks.shape[2]
        tables = np.empty((len(local), len(self.codebooks), 16), np.float32)
        flat, start = tables.reshape(len(local), -1), 0
        for g, words in enumerate(self._words):
            end = start + words.shape[1]
            np.matmul(local[:, g * d : (g + 1) * d], words, out=flat[:, start:end])
            start = end
        return tables

    def groups(self) -> list[slice]:
        """Which codebooks belong to each group."""
        return _shares(len(self.codebooks), self.n_groups)

    @classmethod
    def fit(
        cls,
        local: NDArray[np.float32],
        cells: NDArray[np.int32],
        terms: NormTerms,
        *,
        n_coarse: int,
        n_codebooks: int,
        n_norm_codes: int,
        n_groups: int,
        spread: bool,
        rng: np.random.Generator,
    ) -> Self:
        """Learn from residuals in their local frames.

        Parameters
        ----------
        local : float32 (n, n_groups * group_dim)
        cells : int32 (n,)
        terms : NormTerms
            What the norm codes carry beside ``|y|^2``.
        n_coarse, n_codebooks, n_norm_codes, n_groups : int
        spread : bool
            Whether cells have spreads.
        rng : numpy.random.Generator
        """
        spreads = _spreads(local, cells, n_coarse) if spread else np.empty((0, local.shape[1]), np.float16)
        stretch = spreads[cells].astype(np.float32) if spread else np.ones((1, 1), np.float32)
        parts = [
            _fit_group(part, weight, len(range(*share.indices(n_codebooks))), each)
            for part, weight, share, each in zip(
                np.split(local / stretch, n_groups, axis=1),
                np.split(stretch**2, n_groups, axis=1) if spread else [stretch] * n_groups,
                _shares(n_codebooks, n_groups),
                rng.spawn(n_groups),
                strict=True,
            )
        ]
        blank = np.zeros(n_coarse, np.float32)
        plain = cls(
            np.concatenate(parts), spreads, blank, blank + 1, np.zeros((n_norm_codes, 16), np.float32), n_groups
        )
        norms = plain._norm_terms(local, cells, plain._nearest(local, cells), terms)
        counts = np.bincount(cells, minlength=n_coarse)
        means = np.bincount(cells, norms, n_coarse) / np.maximum(counts, 1)
        off = norms - means[cells]
        pooled = float(np.mean(off**2))
        variances = (np.bincount(cells, off**2, n_coarse) + 4 * pooled) / (counts + 4)
        means[counts == 0] = norms.mean()
        scales = np.sqrt(np.maximum(variances, np.finfo(np.float32).tiny))
        levels = _levels((off / scales[cells]).astype(np.float32), n_norm_codes, rng)
        return cls(plain.codebooks, spreads, means.astype(np.float32), scales.astype(np.float32), levels, n_groups)

    def encode(self, local: NDArray[np.float32], cells: NDArray[np.int32], terms: NormTerms) -> NDArray[np.uint8]:
        """Packed codes of residuals in their local frames: float32 (n, dim) to uint8 (n, n_bytes)."""
        codes = self._nearest(local, cells)
        norms = self._norm_terms(local, cells, codes, terms)
        wanted = ((norms - self.norm_means[cells]) / self.norm_scales[cells]).astype(np.float32)
        if len(self.norm_levels) == 1:
            norm_codes = assign_all(wanted[:, None], self.norm_levels[0][:, None])[0][:, None]
        else:  # 256 equal steps
            step = self.norm_levels[1, 1]
            steps = np.rint((wanted - self.norm_levels[0, 0]) / (step if step > 0 else 1))
            norm_codes = np.stack(np.divmod(np.clip(steps, 0, 255).astype(np.int32), 16), axis=1)
        return kernels.pack_codes(np.concatenate([codes, norm_codes.astype(np.uint8)], axis=1), 4)

    def decode(self, packed: NDArray[np.uint8], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Give sums of codewords: uint8 (n, n_bytes), int32 (n,) to float32 (n, dim)."""
        return self._rebuilt(kernels.unpack_codes(packed, self.n_codes, 4)[:, : len(self.codebooks)], cells)

    def norms(self, packed: NDArray[np.uint8], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Give what the norm codes add to squared distances: uint8 (n, n_bytes), int32 (n,) to float32 (n,)."""
        codes = kernels.unpack_codes(packed, self.n_codes, 4)[:, len(self.codebooks) :]
        steps = np.zeros(len(codes), np.float32)
        for j, levels in enumerate(self.norm_levels):
            steps += levels[codes[:, j]]
        return self.norm_means[cells] + self.norm_scales[cells] * steps

    def _nearest(self, local: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.uint8]:
        codes = np.empty((len(local), len(self.codebooks)), np.uint8)
        d = self.codebooks.shape[2]
        # one task for each run of at most a block of vectors that share their codewords
        if len(self.spreads):
            order = np.argsort(cells, kind="stable")
            bounds = np.flatnonzero(np.diff(cells[order], prepend=-1))
            runs = [
                order[start : min(start + _BLOCK, end)]
                for first, end in zip(bounds, [*bounds[1:], len(order)], strict=True)
                for start in range(first, end, _BLOCK)
            ]
        else:
            runs = [np.arange(start, min(start + _BLOCK, len(local))) for start in range(0, len(local), _BLOCK)]

        def one(run: slice) -> None:
            rows = runs[run.start]
            for g, share in enumerate(self.groups()):
                columns = slice(g * d, (g + 1) * d)
                words = self.codebooks[share]
                if len(self.spreads):
                    words = words * self.spreads[cells[rows[0]], columns].astype(np.float32)
                codes[rows, share] = _sums_near(local[rows, columns], words)

        map_blocks(one, len(runs), 1)
        return codes

    def _rebuilt(self, codes: NDArray[np.uint8], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        d = self.codebooks.shape[2]
        out = np.zeros((len(codes), self.dim), np.float32)
        for g, share in enumerate(self.groups()):
            for j in range(*share.indices(len(self.codebooks))):
                out[:, g * d : (g + 1) * d] += self.codebooks[j][codes[:, j]]
        if len(self.spreads):
            out *= self.spreads[cells].astype(np.float32)
        return out

    def _norm_terms(
        self, local: NDArray[np.float32], cells: NDArray[np.int32], codes: NDArray[np.uint8], terms: NormTerms
    ) -> NDArray[np.float64]:
        """Give what norm codes are to stand for: float64 (n,)."""

        def block(rows: slice) -> NDArray[np.float64]:
            y = self._rebuilt(codes[rows], cells[rows])
            error = local[rows] - y
            out: NDArray[np.float64] = np.einsum("nd,nd->n", y, y, dtype=np.float64)
            out += _ERROR_WEIGHT * (np.einsum("nd,nd->n", error, error, dtype=np.float64) + terms.lost[rows])
            if terms.origins is not None:
                out += 2 * np.einsum("nd,nd->n", terms.origins[cells[rows]], y, dtype=np.float64)
            return out

        return np.concatenate([np.empty(0), *map_blocks(block, len(local), _BLOCK)])


@dataclass(frozen=True, slots=True, eq=False)
class NormTerms:
    """What norm codes carry beside the norm of the sum.

    Parameters
    ----------
    lost : float32 (n,)
        Squared length of what projection and frames left out of each vector.
    origins : float32 (n_coarse, dim) or None
        The cells' origins, where one table serves all cells.
    """

    lost: NDArray[np.float32]
    origins: NDArray[np.float32] | None


def _shares(n: int, n_groups: int) -> list[slice]:
    """``n`` codebooks over groups; the first ones take one more where they do not divide."""
    ends = np.cumsum([n // n_groups + (g < n % n_groups) for g in range(n_groups)])
    return [slice(int(start), int(end)) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _sums_near(vectors: NDArray[np.float32], codebooks: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes of vectors (n, d) by codebooks (m, 16, d): uint8 (n, m)."""
    words = codebooks.reshape(-1, codebooks.shape[2])
    scores = np.einsum("kd,kd->k", words, words) - 2 * (vectors @ words.T)
    return kernels.encode_additive(scores, 2 * (words @ words.T), _BEAM)


def _fit_group(
    vectors: NDArray[np.float32], stretch: NDArray[np.float32], m: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Codebooks (m, 16, d) of one group: residual quantization, then rounds of encoding and solving.

    ``stretch`` is the squared spread of each coordinate, (n, d) or (1, 1); a vector counts by their mean, as that is
    what its error is multiplied by.
    """
    n, d = vectors.shape
    weights = np.broadcast_to(stretch.mean(axis=1), n).astype(np.float32)
    rest = vectors[np.sort(rng.choice(n, min(n, SEED_SAMPLE), replace=False))].copy()
    codebooks = np.empty((m, 16, d), np.float32)
    for j in range(m):
        codebooks[j] = kmeans(rest, 16, rng=rng, n_rounds=N_SEED_ROUNDS)
        rest -= codebooks[j][kernels.assign(rest, codebooks[j])[0]]
    for _ in range(N_ROUNDS):
        sums = map_blocks(
            lambda rows: kernels.codeword_sums(_sums_near(vectors[rows], codebooks), weights[rows], vectors[rows]),  # noqa: B023
            n,
            _BLOCK,
        )
        meetings = np.sum([each[0] for each in sums], axis=0)
        targets = np.sum([each[1] for each in sums], axis=0, dtype=np.float64)
        # one pseudo-count towards the codewords as they are: codebooks may be moved against each other freely
        ridge = float(max(weights.mean(), np.float32(1e-30)))
        words = codebooks.reshape(-1, d)
        solved = np.linalg.solve(meetings + ridge * np.eye(len(meetings)), targets + ridge * words)
        codebooks = solved.astype(np.float32).reshape(m, 16, d)
    return codebooks


def _spreads(local: NDArray[np.float32], cells: NDArray[np.int32], n_coarse: int) -> NDArray[np.float16]:
    """Fourth root of each cell's variances over the pooled ones: float16 (n_coarse, d)."""
    counts = np.bincount(cells, minlength=n_coarse)[:, None]
    squares = np.stack([np.bincount(cells, column.astype(np.float64) ** 2, n_coarse) for column in local.T], axis=1)
    pooled = np.maximum(squares.sum(axis=0) / max(1, len(local)), np.finfo(np.float32).tiny)
    variances = (squares + _SPREAD_PSEUDO_COUNT * pooled) / (counts + _SPREAD_PSEUDO_COUNT)
    spreads: NDArray[np.float16] = ((variances / pooled) ** 0.25).astype(np.float16)
    return spreads


def _levels(values: NDArray[np.float32], n_codes: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Levels of one norm code by k-means, of two by 256 equal steps over nearly all values: (n_codes, 16)."""
    if n_codes == 1:
        return np.sort(kmeans(values[:, None], 16, rng=rng)[:, 0])[None]
    low, high = np.quantile(values, [0.0005, 0.9995])
    step = (high - low) / 255
    counts = np.arange(16)
    return np.stack([low + 16 * step * counts, step * counts]).astype(np.float32)
