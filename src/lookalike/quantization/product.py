"""Product quantization: one small codebook per sub-vector, a code of ``bits`` bits for each.

Jegou, Douze & Schmid, "Product quantization for nearest neighbor search", PAMI 2011. Codebooks are shared by all cells;
they hold 16 centroids (4 bits, two codes in a byte) or 256 (8 bits).

With an *error code*, one 4-bit code more says how far the vector lies from its own reconstruction. Of two vectors with
equal reconstructions, the one that was coded well is likelier to be a true neighbour of a query nearby; adding half of
the squared error to the estimated distance ranks better than spending the 4 bits on a finer reconstruction
(docs/explanation/engine.md). The scan needs no change: the code's table is the same 16 numbers for every query.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, eq=False)
class ProductQuantizer:
    """Codebooks of all sub-vectors.

    Parameters
    ----------
    codebooks : float32 (n_subquantizers, 16 or 256, sub_dim)
    error_levels : float32 (16,) or (0,)
        What each error code adds to a squared distance; empty where codes have none.
    """

    codebooks: NDArray[np.float32]
    error_levels: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.codebooks.ndim != 3 or self.codebooks.shape[1] not in (16, 256) or 0 in self.codebooks.shape:
            raise InvalidArgumentError(
                f"codebooks need shape (n_subquantizers, 16 or 256, sub_dim), not {self.codebooks.shape}."
            )
        if self.error_levels.shape not in ((0,), (16,)) or (len(self.error_levels) and self.codebooks.shape[1] != 16):
            raise InvalidArgumentError("error levels need shape (0,), or (16,) beside 4-bit codebooks.")
        if not (np.isfinite(self.codebooks).all() and np.isfinite(self.error_levels).all()):
            raise InvalidArgumentError("codebooks and error levels need finite values.")
        if (self.error_levels < 0).any():
            raise InvalidArgumentError("error levels need values of at least 0.")

    @property
    def n_subquantizers(self) -> int:
        """How many sub-vectors."""
        return int(self.codebooks.shape[0])

    @property
    def sub_dim(self) -> int:
        """Dimensions of a sub-vector."""
        return int(self.codebooks.shape[2])

    @property
    def dim(self) -> int:
        """Dimensions of all sub-vectors together."""
        return self.n_subquantizers * self.sub_dim

    @property
    def bits(self) -> int:
        """Bits per sub-quantizer: 4 or 8."""
        return 4 if self.codebooks.shape[1] == 16 else 8

    @property
    def n_codes(self) -> int:
        """Codes of one vector: one for each sub-quantizer, and the error code where there is one."""
        return self.n_subquantizers + (1 if len(self.error_levels) else 0)

    def transposed(self) -> NDArray[np.float32]:
        """Codebooks as kernels want them: float32 (n_subquantizers, sub_dim, n_centroids)."""
        return np.ascontiguousarray(self.codebooks.transpose(0, 2, 1))

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
        error_code: bool,
        n_rounds: int = 20,
    ) -> Self:
        """K-means of each sub-vector of rotated residuals: float32 (n, n_subquantizers * sub_dim)."""
        parts = np.split(local, n_subquantizers, axis=1)
        rngs = rng.spawn(n_subquantizers)

        def one(j: slice) -> NDArray[np.float32]:
            return kmeans(np.ascontiguousarray(parts[j.start]), 2**bits, rng=rngs[j.start], n_rounds=n_rounds)

        plain = cls(np.stack(map_blocks(one, n_subquantizers, 1)), np.empty(0, np.float32))
        if not error_code:
            return plain
        half_errors = plain._half_errors(local, plain._nearest(local))
        return cls(plain.codebooks, np.sort(kmeans(half_errors[:, None], 16, rng=rng)[:, 0]))

    def encode(self, local: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Packed codes of rotated residuals: float32 (n, dim) to uint8 (n, n_bytes)."""
        codes = self._nearest(local)
        if len(self.error_levels):
            levels = kernels.assign(self._half_errors(local, codes)[:, None], self.error_levels[:, None])[0]
            codes = np.concatenate([codes, levels[:, None].astype(np.uint8)], axis=1)
        return kernels.pack_codes(codes, self.bits)

    def decode(self, packed: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Centroids named by packed codes: uint8 (n, n_bytes) to float32 (n, dim)."""
        return self._rebuilt(kernels.unpack_codes(packed, self.n_codes, self.bits))

    def errors(self, packed: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Give what the error codes add to squared distances: uint8 (n, n_bytes) to float32 (n,)."""
        return self.error_levels[kernels.unpack_codes(packed, self.n_codes, self.bits)[:, -1]]

    def _nearest(self, local: NDArray[np.float32]) -> NDArray[np.uint8]:
        codebooks = self.transposed()
        parts = map_blocks(
            lambda rows: kernels.encode_subvectors(np.ascontiguousarray(local[rows]), codebooks), len(local), _BLOCK
        )
        return np.concatenate([np.empty((0, self.n_subquantizers), np.uint8), *parts])

    def _rebuilt(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.concatenate([self.codebooks[j][codes[:, j]] for j in range(self.n_subquantizers)], axis=1)

    def _half_errors(self, local: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Half of the squared distance of each vector to its reconstruction: float32 (n,)."""

        def block(rows: slice) -> NDArray[np.float32]:
            error = local[rows] - self._rebuilt(codes[rows])
            half: NDArray[np.float32] = np.einsum("nd,nd->n", error, error) * np.float32(_ERROR_WEIGHT)
            return half

        return np.concatenate([np.empty(0, np.float32), *map_blocks(block, len(local), _BLOCK)])
