"""Product quantization: one small codebook per sub-vector, a code of ``bits`` bits for each.

Jegou, Douze & Schmid, "Product quantization for nearest neighbor search", PAMI 2011. Codebooks are shared by all cells;
they hold 16 centroids (4 bits, two codes in a byte) or 256 (8 bits).
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


@dataclass(frozen=True, slots=True, eq=False)
class ProductQuantizer:
    """Codebooks of all sub-vectors.

    Parameters
    ----------
    codebooks : float32 (n_subquantizers, 16 or 256, sub_dim)
    """

    codebooks: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.codebooks.ndim != 3 or self.codebooks.shape[1] not in (16, 256) or 0 in self.codebooks.shape:
            raise InvalidArgumentError(
                f"codebooks need shape (n_subquantizers, 16 or 256, sub_dim), not {self.codebooks.shape}."
            )
        if not np.isfinite(self.codebooks).all():
            raise InvalidArgumentError("codebooks need finite values.")

    @property
    def n_subquantizers(self) -> int:
        """How many sub-vectors."""
        return int(self.codebooks.shape[0])

    @property
    def sub_dim(self) -> int:
        """Dimensions of a sub-vector."""
        return int(self.codebooks.shape[2])

    @property
    def bits(self) -> int:
        """Bits per sub-quantizer: 4 or 8."""
        return 4 if self.codebooks.shape[1] == 16 else 8

    def transposed(self) -> NDArray[np.float32]:
        """Codebooks as kernels want them: float32 (n_subquantizers, sub_dim, n_centroids)."""
        return np.ascontiguousarray(self.codebooks.transpose(0, 2, 1))

    @property
    def n_bytes(self) -> int:
        """Bytes of one packed code."""
        return (self.n_subquantizers * self.bits + 7) // 8

    @classmethod
    def fit(cls, local: NDArray[np.float32], n_subquantizers: int, bits: int, rng: np.random.Generator) -> Self:
        """K-means of each sub-vector of rotated residuals: float32 (n, n_subquantizers * sub_dim)."""
        parts = np.split(local, n_subquantizers, axis=1)
        rngs = rng.spawn(n_subquantizers)

        def one(j: slice) -> NDArray[np.float32]:
            return kmeans(np.ascontiguousarray(parts[j.start]), 2**bits, rng=rngs[j.start])

        return cls(np.stack(map_blocks(one, n_subquantizers, 1)))

    def encode(self, local: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Packed codes of rotated residuals: float32 (n, dim) to uint8 (n, n_bytes)."""
        codebooks = self.transposed()
        parts = map_blocks(
            lambda rows: kernels.encode_subvectors(np.ascontiguousarray(local[rows]), codebooks), len(local), _BLOCK
        )
        return kernels.pack_codes(np.concatenate([np.empty((0, self.n_subquantizers), np.uint8), *parts]), self.bits)

    def decode(self, packed: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Centroids named by packed codes: uint8 (n, n_bytes) to float32 (n, dim)."""
        codes = kernels.unpack_codes(packed, self.n_subquantizers, self.bits)
        return np.concatenate([self.codebooks[j][codes[:, j]] for j in range(self.n_subquantizers)], axis=1)
