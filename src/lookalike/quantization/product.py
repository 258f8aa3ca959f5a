"""Product quantization: one small codebook per sub-vector, a code of ``bits`` bits for each.

Jegou, Douze & Schmid, "Product quantization for nearest neighbor search", PAMI 2011. Codebooks hold 16 centroids (4
bits, two codes in a byte) or 256 (8 bits). All cells share them, or each cell has its own, as in Kalantidis & Avrithis,
"Locally optimized product quantization for approximate nearest neighbor search", CVPR 2014; in a multi-index, each
half-cell.

A cell's own codebooks begin as the shared ones and go on by k-means of the cell's vectors, in which every centroid
counts its shared place as two vectors more. So a cell without vectors has the shared codebooks, a small one stays near
them, and no round raises the error of the training vectors. O(n k d) a round, for all cells together.

With an *error code*, one 4-bit code more says how far the vector lies from its own reconstruction. Of two vectors with
equal reconstructions, the one that was coded well is likelier to be a true neighbour of a query nearby; adding half of
the squared error to the estimated distance ranks better than spending the 4 bits on a finer reconstruction
(docs/explanation/engine.md). The scan needs no change: the code's table is the same 16 numbers for every query.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.errors import InvalidArgumentError
from lookalike.kernels.threads import map_blocks
from lookalike.quantization.kmeans import kmeans

__all__ = ["ProductQuantizer"]

_BLOCK = 16384
_ERROR_WEIGHT = 0.5
_PSEUDO_COUNT = 2.0
_LOCAL_ROUNDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class ProductQuantizer:
    """Codebooks of all sub-vectors.

    Parameters
    ----------
    codebooks : float32 (n_subquantizers, 16 or 256, sub_dim) or (n_coarse, n_subquantizers, 16 or 256, sub_dim)
        Shared by all cells, or each cell's own. Of a multi-index the first half of the sub-quantizers belongs to the
        first half-cell, the second to the second. Kept with centroids along the last axis of memory.
    error_levels : float32 (16,) or (0,)
        What each error code adds to a squared distance; empty where codes have none.
    """

    codebooks: NDArray[np.float32]
    error_levels: NDArray[np.float32]

    def __post_init__(self) -> None:
        shape = self.codebooks.shape
        if len(shape) not in (3, 4) or shape[-2] not in (16, 256) or 0 in shape:
            raise InvalidArgumentError(
                "codebooks need shape (n_subquantizers, 16 or 256, sub_dim), or (n_coarse, ...) of these for each "
                f"cell's own, not {shape}."
            )
        if self.error_levels.shape not in ((0,), (16,)) or (len(self.error_levels) and self.bits != 4):
            raise InvalidArgumentError("error levels need shape (0,), or (16,) beside 4-bit codebooks.")
        if not (np.isfinite(self.codebooks).all() and np.isfinite(self.error_levels).all()):
            raise InvalidArgumentError("codebooks and error levels need finite values.")
        if (self.error_levels < 0).any():
            raise InvalidArgumentError("error levels need values of at least 0.")
        transposed = np.ascontiguousarray(self.codebooks.swapaxes(-1, -2))
        object.__setattr__(self, "codebooks", transposed.swapaxes(-1, -2))

    @property
    def is_local(self) -> bool:
        """Whether each cell has codebooks of its own."""
        return self.codebooks.ndim == 4

    @property
    def n_subquantizers(self) -> int:
        """How many sub-vectors."""
        return int(self.codebooks.shape[-3])

    @property
    def sub_dim(self) -> int:
        """Dimensions of a sub-vector."""
        return int(self.codebooks.shape[-1])

    @property
    def dim(self) -> int:
        """Dimensions of all sub-vectors together."""
        return self.n_subquantizers * self.sub_dim

    @property
    def bits(self) -> int:
        """Bits per sub-quantizer: 4 or 8."""
        return 4 if self.n_centroids == 16 else 8

    @property
    def n_centroids(self) -> int:
        """Centroids of a codebook: 16 or 256."""
        return int(self.codebooks.shape[-2])

    @property
    def n_codes(self) -> int:
        """Codes of one vector: one for each sub-quantizer, and the error code where there is one."""
        return self.n_subquantizers + (1 if len(self.error_levels) else 0)

    def transposed(self) -> NDArray[np.float32]:
        """All codebooks one after the other, as kernels want them: float32 (n_codebooks, sub_dim, n_centroids)."""
        return self.codebooks.swapaxes(-1, -2).reshape(-1, self.sub_dim, self.n_centroids)

    def first(self, cells: NDArray[np.integer], part: int, n_parts: int) -> NDArray[np.int64]:
        """Give the number of the codebook of a part's first sub-vector, in cells (n,) of that part: int64 (n,)."""
        m = self.n_subquantizers
        owners = cells.astype(np.int64) if self.is_local else np.zeros(len(cells), np.int64)
        return owners * m + part * (m // n_parts)

    @property
    def n_bytes(self) -> int:
        """Bytes of one packed code."""
        return (self.n_codes * self.bits + 7) // 8

    @classmethod
    def fit(
        cls,
        local: NDArray[np.float32],
        n_subquantizers: int,
        bits: int,
        rng: np.random.Generator,
        *,
        n_rounds: int = 20,
    ) -> Self:
        """K-means of each sub-vector of rotated residuals: float32 (n, n_subquantizers * sub_dim)."""
        parts = np.split(local, n_subquantizers, axis=1)
        rngs = rng.spawn(n_subquantizers)

        def one(j: slice) -> NDArray[np.float32]:
            return kmeans(np.ascontiguousarray(parts[j.start]), 2**bits, rng=rngs[j.start], n_rounds=n_rounds)

        return cls(np.stack(map_blocks(one, n_subquantizers, 1)), np.empty(0, np.float32))

    def with_local_codebooks(
        self, local: NDArray[np.float32], cells: NDArray[np.int32], n_coarse: int, *, n_rounds: int = _LOCAL_ROUNDS
    ) -> Self:
        """Give each cell codebooks of its own, learned from rotated residuals (n, dim) in cells (n, n_parts)."""
        own = replace(self, codebooks=np.tile(self.codebooks, (n_coarse, 1, 1, 1)))
        codes = np.empty((0, self.n_subquantizers), np.uint8)
        for _ in range(n_rounds):
            before, codes = codes, own._nearest(local, cells)
            if np.array_equal(before, codes):
                break
            own = replace(self, codebooks=self._local_means(local, cells, codes, n_coarse))
        return own

    def _local_means(
        self, local: NDArray[np.float32], cells: NDArray[np.int32], codes: NDArray[np.uint8], n_coarse: int
    ) -> NDArray[np.float32]:
        """Means of what each code of each cell stands for, drawn towards the shared centroids."""
        m, k, d = self.codebooks.shape
        shared = self.transposed()
        means = np.empty((n_coarse, m, d, k), np.float32)

        def one(j: slice) -> None:
            q = j.start
            labels = cells[:, q * cells.shape[1] // m].astype(np.int64) * k + codes[:, q]
            counts = np.bincount(labels, minlength=n_coarse * k).reshape(n_coarse, k) + _PSEUDO_COUNT
            for t in range(d):
                sums = np.bincount(labels, weights=local[:, q * d + t], minlength=n_coarse * k).reshape(n_coarse, k)
                means[:, q, t] = (sums + _PSEUDO_COUNT * shared[q, t]) / counts

        map_blocks(one, m, 1)
        return means.swapaxes(-1, -2)

    def with_error_levels(self, local: NDArray[np.float32], cells: NDArray[np.int32], rng: np.random.Generator) -> Self:
        """Add an error code, its levels learned from rotated residuals (n, dim) in cells (n, n_parts)."""
        half_errors = self._half_errors(local, self._nearest(local, cells), cells)
        return replace(self, error_levels=np.sort(kmeans(half_errors[:, None], 16, rng=rng)[:, 0]))

    def encode(self, local: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Packed codes of rotated residuals: float32 (n, dim), int32 (n, n_parts) to uint8 (n, n_bytes)."""
        codes = self._nearest(local, cells)
        if len(self.error_levels):
            half_errors = self._half_errors(local, codes, cells)
            levels = kernels.assign(half_errors[:, None], self.error_levels[:, None])[0]
            codes = np.concatenate([codes, levels[:, None].astype(np.uint8)], axis=1)
        return kernels.pack_codes(codes, self.bits)

    def decode(self, packed: NDArray[np.uint8], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Centroids named by packed codes: uint8 (n, n_bytes), int32 (n, n_parts) to float32 (n, dim)."""
        return self._rebuilt(kernels.unpack_codes(packed, self.n_codes, self.bits), cells)

    def errors(self, packed: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the error codes add to squared distances: uint8 (n, n_bytes) to float32 (n,)."""
        return self.error_levels[kernels.unpack_codes(packed, self.n_codes, self.bits)[:, -1]]

    def _nearest(self, local: NDArray[np.float32], cells: NDArray[np.int32]) -> NDArray[np.uint8]:
        codebooks = self.transposed()
        n_parts = cells.shape[1]
        codes = np.empty((len(local), self.n_subquantizers), np.uint8)

        def block(rows: slice) -> None:
            for p, (part, out) in enumerate(
                zip(np.split(local[rows], n_parts, axis=1), np.split(codes[rows], n_parts, axis=1), strict=True)
            ):
                first = self.first(cells[rows, p], p, n_parts)
                out[:] = kernels.encode_subvectors(np.ascontiguousarray(part), first, codebooks)

        map_blocks(block, len(local), _BLOCK)
        return codes

    def _rebuilt(self, codes: NDArray[np.uint8], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        n_parts = cells.shape[1]
        per_part = self.n_subquantizers // n_parts
        firsts = [self.first(cells[:, p], p, n_parts) for p in range(n_parts)]
        codebooks = self.codebooks.reshape(-1, self.n_centroids, self.sub_dim)
        return np.concatenate(
            [codebooks[firsts[j // per_part] + j % per_part, codes[:, j]] for j in range(self.n_subquantizers)], axis=1
        )

    def _half_errors(
        self, local: NDArray[np.float32], codes: NDArray[np.uint8], cells: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Half of the squared distance of each vector to its reconstruction: float32 (n,)."""

        def block(rows: slice) -> NDArray[np.float32]:
            error = local[rows] - self._rebuilt(codes[rows], cells[rows])
            half: NDArray[np.float32] = np.einsum("nd,nd->n", error, error) * np.float32(_ERROR_WEIGHT)
            return half

        return np.concatenate([np.empty(0, np.float32), *map_blocks(block, len(local), _BLOCK)])
