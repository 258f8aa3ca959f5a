"""The LOPQ model: what is learned, and how vectors become cells and codes and back.

Kalantidis & Avrithis, "Locally optimized product quantization for approximate nearest neighbor search", CVPR 2014, in
the form that yahoo/lopq gave it. In order: mean, principal axes and balanced permutation; coarse quantizer (one
codebook, or one for each half); residual; mean and rotation of the cell; product or additive quantization with
codebooks shared by all cells or each cell's own. Distances from codes are those to the reconstruction, in the
projected space:
``|P(q) - (offset_c + R_c^T b)|^2 = |R_c (P(q) - offset_c) - b|^2``, one table of b's parts per visited cell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.additive import AdditiveQuantizer
from lookalike.quantization.arguments import as_vectors, check_choice, normalised
from lookalike.quantization.coarse import CoarseQuantizer
from lookalike.quantization.fitting import FitSettings, Start, fit_parts, halves_message
from lookalike.quantization.lopq_file import LopqParameters, read_lopq, write_lopq
from lookalike.quantization.model_file import read_tensors, write_tensors
from lookalike.quantization.product import ProductQuantizer
from lookalike.quantization.projection import Projection
from lookalike.quantization.rotation import LocalFrames

__all__ = ["METRICS", "N_BLOCK", "LOPQModel"]

METRICS = ("l2", "cosine")
N_BLOCK = 131_072
"""Vectors coded at once: bounds the memory that coding takes beside them."""


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
    product : ProductQuantizer or AdditiveQuantizer
    report : tuple of dict
        What training tried, the chosen recipe first; see :meth:`fit`. Empty where nothing was compared.
    """

    metric: str
    projection: Projection
    coarse: CoarseQuantizer
    frames: LocalFrames
    product: ProductQuantizer | AdditiveQuantizer
    report: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.metric, "metric", METRICS)
        n_parts, part_dim, product = self.coarse.n_parts, self.coarse.part_dim, self.product
        if self.frames.offsets.shape != self.coarse.centroids.shape:
            raise InvalidArgumentError(
                f"frames of shape {self.frames.offsets.shape} do not belong to coarse centroids of shape "
                f"{self.coarse.centroids.shape}."
            )
        if self.projection.dim != n_parts * part_dim or n_parts * self.frames.n_axes != product.dim:
            raise InvalidArgumentError(
                f"dimensions differ: projection {self.projection.dim}, coarse {n_parts} x {part_dim}, frames "
                f"{n_parts} x {self.frames.n_axes}, codebooks {product.dim}."
            )
        if isinstance(product, AdditiveQuantizer):
            if n_parts == 2 or len(product.norm_means) != self.coarse.n_coarse:
                raise InvalidArgumentError("additive codebooks go with a single coarse codebook of as many cells.")
            if bool(len(product.spreads)) != bool(self.frames.rotations.shape[1]):
                raise InvalidArgumentError("cells have spreads where residuals are rotated, and only there.")
            return
        if product.is_local and len(product.codebooks) != self.coarse.n_coarse:
            raise InvalidArgumentError(
                f"there are codebooks of {len(product.codebooks)} cells, but {self.coarse.n_coarse} centroids."
            )
        if n_parts == 2 and (product.n_subquantizers % 2 or product.n_subquantizers // 2 * product.bits % 8):
            raise InvalidArgumentError(halves_message(product.n_subquantizers, product.bits))
        if n_parts == 2 and len(product.error_levels):
            raise InvalidArgumentError("error codes go with a single coarse codebook only.")

    # ------------------------------------------------------------------ training

    @classmethod
    def fit(
        cls,
        vectors: ArrayLike,
        *,
        start: LOPQModel | None = None,
        coarse: str | ArrayLike = "ivf",
        n_coarse: int | None = None,
        dim: int | None = None,
        n_subquantizers: int = 32,
        bits: int = 4,
        rotation: str = "auto",
        codebooks: str = "auto",
        n_rotations: int | None = None,
        allocation: str = "eigenvalue",
        error_code: bool = False,
        metric: str = "l2",
        seed: int = 0,
    ) -> Self:
        """Learn a model from vectors like those that will be searched; the same seed gives the same bytes.

        Parameters
        ----------
        vectors : array-like (n, dim_in)
            Training vectors; float16, float32, float64 or integers. Of more than a million a random sample is used.
        start : LOPQModel, optional
            A model to go on from: its projection, coarse centroids and frames (rotations and means of residuals) are
            kept bit for bit, and codebooks are trained. ``rotation`` other than ``auto`` trains frames anew too. Axes
            that are kept must suit the new codes: as many sub-vectors (of product codes) or groups (of additive ones)
            as in ``start``, or a divisor of that. The metric must be the same. Additive codebooks move centroids to
            the means of their cells, where those of a model with additive codebooks lie already, unless its frames
            are trained anew: then the means are those of these vectors.
        coarse : {"ivf", "multi_index"} or array-like (n_parts, n_coarse, dim / n_parts)
            One coarse codebook, or two (``n_coarse``^2 cells; pays from about 1e8 vectors); or centroids that were
            trained elsewhere, in the space that the projection of these vectors gives. Nothing in an array tells
            whether it lies there: the projection orders its axes by ``codebooks`` and ``n_subquantizers``, and
            centroids in another order make poor cells. Those of a model are better given by ``start``, with their
            projection.
        n_coarse : int, optional
            Centroids per coarse codebook; by default a power of two near the square root of n (of n / 16 cells in
            all for a multi-index).
        dim : int, optional
            Dimensions kept by PCA, a multiple of ``n_subquantizers`` for product codes; by default all, up to 128
            (product codes) or 256 (additive). Beyond the vectors' own dimension it is filled with zeros.
        n_subquantizers : int
            Codes of a vector: parts that are coded on their own or, with additive codebooks, codewords that are summed
            and one or two codes of the norm. A code takes ``n_subquantizers * bits / 8`` bytes.
        bits : {4, 8}
            16 or 256 centroids per part. Additive codebooks have 4.
        rotation : {"auto", "local", "grouped", "global", "none"}
            Each cell's own axes (LOPQ); axes that cells of similar shape share; one set of axes for all, turned by
            rounds of OPQ with shared codebooks; those of the PCA. ``auto`` takes what finds most neighbours of held-out
            vectors, of ``none`` and of ``local``, or ``grouped`` where local rotations would take more than 12.5 bytes
            a training vector. With ``start``, ``auto`` keeps the rotations of that model.
        codebooks : {"auto", "shared", "local", "additive"}
            Product quantization with one set of codebooks for all cells, or one for each cell (of a multi-index: for
            each half-cell), drawn to the shared ones where its vectors are few; or sums of codewords. For one coarse
            codebook, 4 bits and at least 4 codes, ``auto`` takes what finds most neighbours of held-out vectors, of
            ``additive`` and of ``shared`` in the same frames: what costs a query more must find .01 more of the ten
            nearest. Under 2,000 vectors (or two a cell), and where ``start`` or centroids are given, it is ``additive``
            untried. Else it is ``shared``.
        n_rotations : int, optional
            For ``grouped``: how many there are. By default as many as 2.4 bytes a training vector hold, or half of the
            projection's bytes where that is more.
        allocation : {"eigenvalue", "water_filling"}
            With product codes in rotated frames: code all axes, or only those that are worth bits.
        error_code : bool
            With product codes: spend 4 bits more on how far each vector lies from its reconstruction, and add half
            of that to distances from codes. Only with ``ivf`` and 4 bits. Additive codebooks always carry it in the
            norm.
        metric : {"l2", "cosine"}
        seed : int

        Returns
        -------
        LOPQModel
            Its ``report`` lists what was tried: rotation, codebooks, recall on held-out vectors (``recall_1``,
            ``recall_10``: the nearest first, the ten nearest among ten), ``distortion``, ``model_bytes``, ``cost``
            (products for each query and visited cell), which was ``chosen``, and the ``reason``.

        Raises
        ------
        InvalidArgumentError
            Arguments that are wrong in themselves or do not go together.
        """
        check_choice(metric, "metric", METRICS)
        if start is not None and not isinstance(start, LOPQModel):
            raise InvalidArgumentError(
                f"`start` is of type {type(start).__name__}, but a LOPQModel is needed. Load one with LOPQModel.load."
            )
        if start is not None and start.metric != metric:
            raise InvalidArgumentError(
                f"`start` is a model for {start.metric!r}, but `metric` is {metric!r}. Give `metric={start.metric!r}`."
            )
        settings = FitSettings.checked(
            start=None if start is None else start._as_start(),
            coarse=coarse,
            n_coarse=n_coarse,
            dim=dim,
            n_subquantizers=n_subquantizers,
            bits=bits,
            rotation=rotation,
            codebooks=codebooks,
            n_rotations=n_rotations,
            allocation=allocation,
            error_code=error_code,
            metric=metric,
            seed=seed,
        )
        x = as_vectors(vectors, "vectors", dim=None if start is None else start.dim_in, trained_on=metric)
        projection, parts, trials = fit_parts(settings, x, partial(cls, metric))
        return cls(metric, projection, *parts, tuple(trials))

    def _as_start(self) -> Start:
        product = self.product
        n = product.n_groups if isinstance(product, AdditiveQuantizer) else product.n_subquantizers
        return Start(self.projection, self.coarse, self.frames, n // self.coarse.n_parts)

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
        return self.projection.project(self.compared(vectors))

    def compared(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Vectors as the metric compares them by Euclidean distance: of unit length for cosine; float32 (n, dim_in)."""
        x = as_vectors(vectors, "vectors", dim=self.dim_in)
        return normalised(x) if self.metric == "cosine" else x

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
        x = self.compared(vectors)
        if not len(x):
            cells = np.empty((0, self.coarse.n_parts), np.int32)
            return (cells[:, 0] if self.coarse.n_parts == 1 else cells), np.empty((0, self.n_bytes), np.uint8)
        parts = [self._encode(x[start : start + N_BLOCK]) for start in range(0, len(x), N_BLOCK)]
        cells, codes = (np.concatenate(each) for each in zip(*parts, strict=True))
        return (cells[:, 0] if self.coarse.n_parts == 1 else cells), codes

    def _encode(self, x: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        with one_blas_thread():
            projected = self.projection.project(x)
            cells = self.coarse.assign(projected)
            local = self.frames.to_local(projected, cells)
            if not isinstance(self.product, AdditiveQuantizer):
                return cells, self.product.encode(local, cells)
            terms = self.frames.norm_terms(projected, cells, local, self.projection.lost(x, projected))
            return cells, self.product.encode(local, cells[:, 0], terms)

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
        parts, code_array = self._checked(cells, codes)
        return self.projection.unproject(self.frames.from_local(self._local(code_array, parts), parts))

    def _checked(self, cells: ArrayLike, codes: ArrayLike) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Cells as int32 (n, n_parts) and codes as uint8 (n, n_bytes), or say what is wrong with them."""
        cell_array, code_array = np.asarray(cells), np.asarray(codes)
        n = len(code_array) if code_array.ndim else 0
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
        return cell_array.reshape(n, self.coarse.n_parts).astype(np.int32), np.ascontiguousarray(code_array)

    def _local(self, codes: NDArray[np.uint8], cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Give what codes stand for in the local frames: float32 (n, n_parts * n_axes)."""
        if isinstance(self.product, AdditiveQuantizer):
            return self.product.decode(codes, cells[:, 0])
        return self.product.decode(codes, cells)

    def estimates(self, queries: ArrayLike, cells: ArrayLike, codes: ArrayLike) -> NDArray[np.float32]:
        """Squared distances as codes estimate them, by definition and in O(n dim) a query; an index uses tables.

        Parameters
        ----------
        queries : array-like (n_queries, dim_in)
        cells : int (n,) or (n, 2)
        codes : uint8 (n, n_bytes)

        Returns
        -------
        float32 (n_queries, n)
            May fall below 0 for a vector that its code stands for badly.
        """
        parts, code_array = self._checked(cells, codes)
        projected = self.project(queries)
        rebuilt = self.frames.from_local(self._local(code_array, parts), parts)
        more = np.zeros(len(rebuilt), np.float32)
        if isinstance(self.product, AdditiveQuantizer):
            origins = self.frames.offsets[0][parts[:, 0]]
            sums = rebuilt - origins
            more = self.product.norms(code_array, parts[:, 0]) - np.einsum("nd,nd->n", sums, sums)
            if not self.frames.rotations.shape[1]:
                more -= 2 * np.einsum("nd,nd->n", origins, sums)
        elif len(self.product.error_levels):
            more = self.product.errors(code_array)
        squares = np.einsum("nd,nd->n", rebuilt, rebuilt) + more
        with one_blas_thread():
            products = projected @ rebuilt.T
        out: NDArray[np.float32] = squares - 2 * products + np.einsum("qd,qd->q", projected, projected)[:, None]
        return out

    def distortion(self, vectors: ArrayLike) -> float:
        """Mean squared distance between vectors and their reconstructions, in the vectors' own space."""
        x = self.compared(vectors)
        if not len(x):
            raise InvalidArgumentError("`vectors` is empty, but a mean needs at least one vector.")
        error = x - self.decode(*self.encode(x))
        return float(np.einsum("nd,nd->n", error, error, dtype=np.float64).mean())

    @property
    def n_model_bytes(self) -> int:
        """Bytes of all that the model keeps: the price that is shared by all vectors."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    @property
    def cost(self) -> int:
        """Multiplications for each query and visited cell before codes are scanned: its rotation and its tables."""
        product, frames = self.product, self.frames
        rotated = frames.rotations.shape[1] > 0
        turning = self.dim * frames.n_axes if rotated else 0
        if isinstance(product, AdditiveQuantizer):
            return turning + (product.codebooks.size if rotated else 0)  # else one table serves all cells
        return turning + product.dim * product.n_centroids

    # ------------------------------------------------------------------ files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one safetensors file (docs/formats/model.md), complete or not at all."""
        header: dict[str, Any] = {"metric": self.metric}
        if isinstance(self.product, AdditiveQuantizer):
            header["n_groups"] = self.product.n_groups
        if self.report:
            header["report"] = self.report
        write_tensors(path, header, self._tensors())

    def _tensors(self) -> dict[str, NDArray[Any]]:
        """Everything learned, by its name in the file."""
        frames, product = self.frames, self.product
        tensors: dict[str, NDArray[Any]] = {
            "projection.mean": self.projection.mean,
            "projection.basis": self.projection.basis,
            "coarse.centroids": self.coarse.centroids,
            "frames.rotations": frames.rotations,
            "frames.rotation_scales": frames.rotation_scales,
            "frames.rotation_of_cell": frames.rotation_of_cell,
        }
        if not np.array_equal(frames.offsets, self.coarse.centroids):
            tensors["frames.offsets"] = frames.offsets
        if isinstance(product, AdditiveQuantizer):
            return tensors | {
                "additive.codebooks": product.codebooks,
                "additive.spreads": product.spreads,
                "additive.norm_means": product.norm_means,
                "additive.norm_scales": product.norm_scales,
                "additive.norm_levels": product.norm_levels,
            }
        return tensors | {"product.codebooks": product.codebooks, "product.error_levels": product.error_levels}

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
            rotations, centroids = tensors["frames.rotations"], tensors["coarse.centroids"]
            return cls(
                header["metric"],
                Projection(tensors["projection.mean"], tensors["projection.basis"]),
                CoarseQuantizer(centroids),
                LocalFrames(
                    tensors.get("frames.offsets", centroids),
                    rotations,
                    tensors.get("frames.rotation_scales", np.ones(rotations.shape[:3], np.float32)),
                    tensors["frames.rotation_of_cell"],
                ),
                _read_product(header, tensors),
                _read_report(header),
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
        """Write the protobuf file of yahoo/lopq (of a ``multi_index`` with shared codebooks and all axes only).

        The format has no projection: give yahoo/lopq what :meth:`project` returns.
        """
        if self.coarse.n_parts != 2:
            raise InvalidArgumentError(
                "yahoo/lopq's format knows two coarse codebooks only, but this model has one. "
                'Train with coarse="multi_index".'
            )
        if self.frames.n_axes < self.coarse.part_dim:
            raise InvalidArgumentError(
                f"yahoo/lopq's format knows square rotations only, but this model keeps {self.frames.n_axes} of "
                f'{self.coarse.part_dim} axes. Train with allocation="eigenvalue".'
            )
        cells = range(self.coarse.n_coarse)
        rotations = np.stack([[self.frames.rotation(p, cell) for cell in cells] for p in range(2)])
        residual_means = self.frames.offsets - self.coarse.centroids
        if isinstance(self.product, AdditiveQuantizer):  # never with two coarse codebooks
            raise AssertionError
        if self.product.is_local:
            raise InvalidArgumentError(
                "yahoo/lopq's format knows codebooks that all cells share only, but this model's cells have their own. "
                'Train with codebooks="shared".'
            )
        write_lopq(path, LopqParameters(self.coarse.centroids, rotations, residual_means, self.product.codebooks))


def _read_report(header: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    report = header.get("report", [])
    if not isinstance(report, list) or not all(isinstance(entry, dict) for entry in report):
        raise InvalidArgumentError("`report` is not a list of objects")
    return tuple(report)


def _read_product(
    header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> ProductQuantizer | AdditiveQuantizer:
    if "additive.codebooks" not in tensors:
        return ProductQuantizer(
            tensors["product.codebooks"], tensors.get("product.error_levels", np.empty(0, np.float32))
        )
    n_groups = header["n_groups"]
    if not isinstance(n_groups, int) or isinstance(n_groups, bool):
        raise InvalidArgumentError(f"`n_groups` is {n_groups!r}, but a whole number is needed")
    names = ("codebooks", "spreads", "norm_means", "norm_scales", "norm_levels")
    return AdditiveQuantizer(**{name: tensors[f"additive.{name}"] for name in names}, n_groups=n_groups)


def _widened(codebooks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill codebooks of any size up to 256 to 16 or 256 with their first centroid: the first of equals wins."""
    m, k, _ = codebooks.shape
    if k > 256:
        raise InvalidArgumentError(f"codebooks have {k} centroids, but codes of at most 8 bits (256) are kept here.")
    size = 16 if k <= 16 and m % 4 == 0 else 256
    return np.concatenate([codebooks, np.repeat(codebooks[:, :1], size - k, axis=1)], axis=1)
