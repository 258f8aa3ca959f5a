"""The LOPQ model: what is learned, and how vectors become cells and codes and back.

Kalantidis & Avrithis, "Locally optimized product quantization for approximate nearest neighbor search", CVPR 2014, in
the form that yahoo/lopq gave it. In order: mean, principal axes and balanced permutation; coarse quantizer (one
codebook, or one for each half); residual; mean and rotation of the cell; product quantization with codebooks shared by
all cells. Distances from codes are those to the reconstruction, in the projected space:
``|P(q) - (offset_c + R_c^T b)|^2 = |R_c (P(q) - offset_c) - b|^2``, one table of b's parts per visited cell.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.arguments import as_vectors, check_choice, check_count, normalised
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.lopq_file import LopqParameters, read_lopq, write_lopq
from lookalike.quantization.model_file import read_tensors, write_tensors
from lookalike.quantization.product import ProductQuantizer
from lookalike.quantization.projection import Projection
from lookalike.quantization.rotation import ROTATIONS, LocalFrames

__all__ = ["LOPQModel"]

COARSE = ("ivf", "multi_index")
METRICS = ("l2", "cosine")
_LARGEST_DIM = 128
_MOST_TRAINING_VECTORS = 500_000
_COARSE_SAMPLE_PER_CENTROID = 256
_CODEBOOK_SAMPLE = 65_536
"""Rotations learn from every training vector, since each belongs to one cell; centroids need no more than these."""


@dataclass(frozen=True, slots=True, eq=False)
class LOPQModel:
    """A trained model. Make one with :meth:`fit`, :meth:`load` or :meth:`from_lopq`.

    Parameters
    ----------
    metric : {"l2", "cosine"}
        ``cosine`` brings vectors to unit length first; on those, squared distance is 2 - 2 cosine.
    projection : Projection
    coarse : CoarseQuantizer
    frames : LocalFrames
    product : ProductQuantizer
    """

    metric: str
    projection: Projection
    coarse: CoarseQuantizer
    frames: LocalFrames
    product: ProductQuantizer

    def __post_init__(self) -> None:
        check_choice(self.metric, "metric", METRICS)
        n_parts, part_dim, m = self.coarse.n_parts, self.coarse.part_dim, self.product.n_subquantizers
        if self.frames.offsets.shape != self.coarse.centroids.shape:
            raise InvalidArgumentError(
                f"frames of shape {self.frames.offsets.shape} do not belong to coarse centroids of shape "
                f"{self.coarse.centroids.shape}."
            )
        if not self.projection.dim == n_parts * part_dim == m * self.product.sub_dim:
            raise InvalidArgumentError(
                f"dimensions differ: projection {self.projection.dim}, coarse {n_parts} x {part_dim}, product {m} x "
                f"{self.product.sub_dim}."
            )
        if n_parts == 2 and (m % 2 or m // 2 * self.product.bits % 8):
            raise InvalidArgumentError(_halves_message(m, self.product.bits))
        if n_parts == 2 and len(self.product.error_levels):
            raise InvalidArgumentError("error codes go with a single coarse codebook only.")

    # ------------------------------------------------------------------ training

    @classmethod
    def fit(
        cls,
        vectors: ArrayLike,
        *,
        coarse: str = "ivf",
        n_coarse: int | None = None,
        dim: int | None = None,
        n_subquantizers: int = 32,
        bits: int = 4,
        rotation: str = "local",
        codebooks: str = "shared",
        error_code: bool = False,
        metric: str = "l2",
        seed: int = 0,
    ) -> Self:
        """Learn a model from vectors like those that will be searched; the same seed gives the same bytes.

        Parameters
        ----------
        vectors : array-like (n, dim_in)
            Training vectors; float16, float32, float64 or integers. Of more than 500,000 a random sample is used.
        coarse : {"ivf", "multi_index"}
            One coarse codebook, or two (``n_coarse``^2 cells; pays from about 1e8 vectors).
        n_coarse : int, optional
            Centroids per coarse codebook; by default a power of two near the square root of n (of n / 16 cells in
            all for a multi-index).
        dim : int, optional
            Dimensions kept by PCA, a multiple of ``n_subquantizers``; by default all, up to 128. Beyond the
            vectors' own dimension it is filled with zeros.
        n_subquantizers : int
            Parts of a vector that are coded on their own. A code takes ``n_subquantizers * bits / 8`` bytes.
        bits : {4, 8}
            16 or 256 centroids per part.
        rotation : {"local", "global", "none"}
            Each cell's own axes (LOPQ), one set of axes for all, or those of the PCA.
        codebooks : {"shared"}
            One set for all cells.
        error_code : bool
            Spend 4 bits more on how far each vector lies from its reconstruction, and add half of that to distances
            from codes: ranks better than a sub-quantizer more. Only with ``ivf`` and 4 bits.
        metric : {"l2", "cosine"}
        seed : int

        Returns
        -------
        LOPQModel

        Raises
        ------
        InvalidArgumentError
            Arguments that are wrong in themselves or do not go together.
        """
        check_choice(coarse, "coarse", COARSE)
        check_choice(rotation, "rotation", ROTATIONS)
        check_choice(codebooks, "codebooks", ("shared",))
        check_choice(metric, "metric", METRICS)
        m = check_count(n_subquantizers, "n_subquantizers")
        if bits not in (4, 8):
            raise InvalidArgumentError(f"`bits` is {bits!r}, but 4 or 8 is needed.")
        n_parts = 2 if coarse == "multi_index" else 1
        if n_parts == 2 and (m % 2 or m // 2 * bits % 8):
            raise InvalidArgumentError(_halves_message(m, bits))
        if error_code and (n_parts == 2 or bits == 8):
            raise InvalidArgumentError('`error_code` needs coarse="ivf" and bits=4. Leave it out, or change those.')
        x = as_vectors(vectors, "vectors")
        if not len(x):
            raise InvalidArgumentError("`vectors` is empty, but a model needs at least one vector to learn from.")
        k = _default_n_coarse(len(x), n_parts) if n_coarse is None else check_count(n_coarse, "n_coarse")
        if k > len(x):
            raise InvalidArgumentError(
                f"`n_coarse` is {k}, but there are only {len(x)} training vectors. Give at most that, or leave it out."
            )
        kept = _default_dim(x.shape[1], m) if dim is None else check_count(dim, "dim")
        if kept % m:
            raise InvalidArgumentError(
                f"`dim` is {kept}, but a multiple of n_subquantizers ({m}) is needed, for example {-(-kept // m) * m}."
            )
        rng_sample, rng_coarse, rng_product = np.random.default_rng(check_count(seed, "seed", least=0)).spawn(3)
        x = _sample(x, _MOST_TRAINING_VECTORS, rng_sample)
        if metric == "cosine":
            x = normalised(x)
        with one_blas_thread():
            projection = Projection.fit(x, kept, n_parts=n_parts, n_subquantizers=m)
            y = projection.project(x)
            coarse_sample = _sample(y, _COARSE_SAMPLE_PER_CENTROID * k, rng_sample)
            quantizer = CoarseQuantizer.fit(coarse_sample, k, n_parts, rng_coarse)
            frames = LocalFrames.fit(y, quantizer, rotation, m)
            y = _sample(y, _CODEBOOK_SAMPLE, rng_sample)
            local = frames.to_local(y, quantizer.assign(y))
            product = ProductQuantizer.fit(local, m, int(bits), rng_product, error_code=error_code)
            return cls(metric, projection, quantizer, frames, product)

    # ------------------------------------------------------------------ use

    @property
    def dim_in(self) -> int:
        """Dimension of the vectors it codes."""
        return self.projection.dim_in

    @property
    def dim(self) -> int:
        """Dimensions after projection."""
        return self.projection.dim

    @property
    def n_bytes(self) -> int:
        """Bytes of one code."""
        return self.product.n_bytes

    def project(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Bring vectors into the space where distances are estimated.

        Parameters
        ----------
        vectors : array-like (n, dim_in)

        Returns
        -------
        float32 (n, dim)
            After unit length (for cosine), mean, axes and permutation.
        """
        x = as_vectors(vectors, "vectors", dim=self.dim_in)
        return self.projection.project(normalised(x) if self.metric == "cosine" else x)

    def encode(self, vectors: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Cells and codes of vectors.

        Parameters
        ----------
        vectors : array-like (n, dim_in)

        Returns
        -------
        cells : int32 (n,) for ``ivf``, (n, 2) for ``multi_index``
        codes : uint8 (n, n_bytes), C-contiguous
            4-bit codes lie two in a byte, the even sub-quantizer in the low half.
        """
        projected = self.project(vectors)
        cells = self.coarse.assign(projected)
        codes = self.product.encode(self.frames.to_local(projected, cells))
        return (cells[:, 0] if self.coarse.n_parts == 1 else cells), codes

    def decode(self, cells: ArrayLike, codes: ArrayLike) -> NDArray[np.float32]:
        """Vectors that cells and codes stand for.

        Parameters
        ----------
        cells : int (n,) or (n, 2)
        codes : uint8 (n, n_bytes)

        Returns
        -------
        float32 (n, dim_in)
            For cosine, close to unit length.
        """
        cell_array, code_array = np.asarray(cells), np.asarray(codes)
        n = len(code_array)
        expected = (n,) if self.coarse.n_parts == 1 else (n, 2)
        if code_array.dtype != np.uint8 or code_array.shape != (n, self.n_bytes):
            raise InvalidArgumentError(
                f"`codes` is {code_array.dtype} {code_array.shape}, but uint8 (n, {self.n_bytes}) is needed."
            )
        if cell_array.dtype.kind not in "iu" or cell_array.shape != expected:
            raise InvalidArgumentError(
                f"`cells` is {cell_array.dtype} {cell_array.shape}, but whole numbers of shape {expected} are needed."
            )
        if n and (int(cell_array.min()) < 0 or int(cell_array.max()) >= self.coarse.n_coarse):
            raise InvalidArgumentError(f"`cells` goes beyond 0 to {self.coarse.n_coarse - 1}: not of this model.")
        parts = cell_array.reshape(n, -1).astype(np.int32)
        return self.projection.unproject(self.frames.from_local(self.product.decode(code_array), parts))

    def distortion(self, vectors: ArrayLike) -> float:
        """Mean squared distance between vectors and their reconstructions, in the vectors' own space."""
        x = as_vectors(vectors, "vectors", dim=self.dim_in)
        if not len(x):
            raise InvalidArgumentError("`vectors` is empty, but a mean needs at least one vector.")
        x = normalised(x) if self.metric == "cosine" else x
        error = x - self.decode(*self.encode(x))
        return float(np.einsum("nd,nd->n", error, error, dtype=np.float64).mean())

    # ------------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file (docs/formats/model.md), complete or not at all."""
        write_tensors(
            path,
            {"metric": self.metric},
            {
                "projection.mean": self.projection.mean,
                "projection.basis": self.projection.basis,
                "coarse.centroids": self.coarse.centroids,
                "frames.offsets": self.frames.offsets,
                "frames.rotations": self.frames.rotations,
                "frames.rotation_scales": self.frames.rotation_scales,
                "frames.rotation_of_cell": self.frames.rotation_of_cell,
                "product.codebooks": self.product.codebooks,
                "product.error_levels": self.product.error_levels,
            },
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FormatError
            The file is damaged, not a model, or was written by a newer version.
        """
        header, tensors = read_tensors(path)
        try:
            rotations = tensors["frames.rotations"]
            return cls(
                header["metric"],
                Projection(tensors["projection.mean"], tensors["projection.basis"]),
                CoarseQuantizer(tensors["coarse.centroids"]),
                LocalFrames(
                    tensors["frames.offsets"],
                    rotations,
                    tensors.get("frames.rotation_scales", np.ones(rotations.shape[:3], np.float32)),
                    tensors["frames.rotation_of_cell"],
                ),
                ProductQuantizer(
                    tensors["product.codebooks"], tensors.get("product.error_levels", np.empty(0, np.float32))
                ),
            )
        except (InvalidArgumentError, KeyError, TypeError) as error:
            raise FormatError(f"{path} is not a valid model: {error}. Take it from a backup, or train anew.") from error

    @classmethod
    def from_lopq(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model of yahoo/lopq from its protobuf file; cells, codes and distances are the same.

        Such a file has no projection: vectors are those that were given to yahoo/lopq, after PCA and permutation.

        Raises
        ------
        FormatError
            The file is damaged, incomplete, or its shapes do not belong together.
        """
        parameters = read_lopq(path)
        n_coarse = parameters.centroids.shape[1]
        try:
            return cls(
                "l2",
                Projection.identity(2 * parameters.centroids.shape[2]),
                CoarseQuantizer(parameters.centroids),
                LocalFrames(
                    parameters.centroids + parameters.residual_means,
                    parameters.rotations,
                    np.ones(parameters.rotations.shape[:3], np.float32),
                    np.tile(np.arange(n_coarse, dtype=np.int32), (2, 1)),
                ),
                ProductQuantizer(_widened(parameters.codebooks), np.empty(0, np.float32)),
            )
        except InvalidArgumentError as error:
            raise FormatError(f"{path} is not a valid yahoo/lopq model: {error}") from error

    def to_lopq(self, path: str | os.PathLike[str]) -> None:
        """Write the protobuf file of yahoo/lopq (``multi_index`` only).

        The format has no projection: give yahoo/lopq what :meth:`project` returns.
        """
        if self.coarse.n_parts != 2:
            raise InvalidArgumentError(
                "yahoo/lopq's format knows two coarse codebooks only, but this model has one. "
                'Train with coarse="multi_index".'
            )
        cells = range(self.coarse.n_coarse)
        rotations = np.stack([[self.frames.rotation(p, cell) for cell in cells] for p in range(2)])
        residual_means = self.frames.offsets - self.coarse.centroids
        write_lopq(path, LopqParameters(self.coarse.centroids, rotations, residual_means, self.product.codebooks))


def _sample(vectors: NDArray[np.float32], n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    if len(vectors) <= n:
        return vectors
    return vectors[np.sort(rng.choice(len(vectors), n, replace=False))]


def _widened(codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill codebooks of any size up to 256 to 16 or 256 with their first centroid: the first of equals wins."""
    m, k, _ = codebooks.shape
    if k > 256:
        raise InvalidArgumentError(f"codebooks have {k} centroids, but codes of at most 8 bits (256) are kept here.")
    size = 16 if k <= 16 and m % 4 == 0 else 256
    return np.concatenate([codebooks, np.repeat(codebooks[:, :1], size - k, axis=1)], axis=1)


def _default_n_coarse(n: int, n_parts: int) -> int:
    """Pick a power of two: about sqrt(n) cells, or n / 16 of a multi-index; never under 16 vectors per centroid."""
    wanted = np.sqrt(n) if n_parts == 1 else np.sqrt(n / 16)
    return int(max(1, min(2 ** round(np.log2(max(wanted, 1))), n // 16)))


def _default_dim(dim_in: int, n_subquantizers: int) -> int:
    """Take all dimensions up to a limit, filled to a multiple; cut to one where that drops under 1 in 20."""
    wanted = min(dim_in, max(_LARGEST_DIM, n_subquantizers))
    below = wanted // n_subquantizers * n_subquantizers
    return below if below > 0.95 * wanted else -(-wanted // n_subquantizers) * n_subquantizers


def _halves_message(n_subquantizers: int, bits: int) -> str:
    return (
        f"`n_subquantizers` is {n_subquantizers} with {bits} bits, but a multi-index needs whole bytes in each half: "
        f"a multiple of {2 if bits == 8 else 4}."
    )
