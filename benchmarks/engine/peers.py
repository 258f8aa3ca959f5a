"""FAISS's indexes of compact codes, each built as its authors would: one configuration a row of the table.

All assign a vector to one list and code its residual where FAISS offers that (`fsr`: fast scan of residuals). Lists'
centroids are trained once for each data set and shared, rotated as the index rotates; only where an index reduces
dimensions does it train its own. Additive quantizers learn from 65,536 vectors, everything else from all (of which
FAISS takes what it wants). PQ of 4 bits learns from 65,536 too rather than from FAISS's default of 4,096.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.datasets import DataSet
from benchmarks.engine.threads import clock

__all__ = ["Built", "Configuration", "build", "coarse_centroids", "configurations", "model_bytes"]

ADDITIVE_SAMPLE = 65_536
_NARROW = 128

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Configuration:
    """A FAISS index by its factory string.

    Parameters
    ----------
    name : str
        For tables.
    factory : str
    n_bytes : int
        Of a code, whatever FAISS keeps in it.
    n_train : int or None
        Learns from so many vectors; None for all.
    probes : int
        Visits so many times the usual cells: the multi-index has more and smaller ones.
    """

    name: str
    factory: str
    n_bytes: int
    n_train: int | None = None
    probes: int = 1

    @property
    def slow(self) -> bool:
        """Whether training takes minutes even on little data: OPQ, and additive quantizers."""
        return any(kind in self.factory for kind in ("OPQ", "RQ", "LSQ"))


@dataclass(frozen=True, slots=True)
class Built:
    """A trained and filled index and what that took."""

    index: Any
    train_seconds: float
    encode_seconds: float


def configurations(dim: int, n_coarse: int, n_bytes: int) -> list[Configuration]:
    """List what FAISS offers for codes of `n_bytes` (8 or 16), cheap ones first, and some of other sizes."""
    lists = f"IVF{n_coarse}"
    m8, m4 = n_bytes, 2 * n_bytes
    rows = [
        ("IVF+PQ{m}x8", f"{_padded(dim, m8)}{lists},PQ{m8}x8", m8),
        ("IVF+PQ{m}x4 fast scan", f"{_padded(dim, m4)}{lists},PQ{m4}x4fsr", m4),
    ]
    for width in _widths(dim):
        to = f" to {width}" if width < dim else ""
        rows += [
            (f"OPQ{to}, IVF+PQ{{m}}x8", f"OPQ{m8}_{_up(width, m8)},{lists},PQ{m8}x8", m8),
            (f"OPQ{to}, IVF+PQ{{m}}x4 fast scan", f"OPQ{m4}_{_up(width, m4)},{lists},PQ{m4}x4fsr", m4),
        ]
    found = [Configuration(name.format(m=m), factory, n_bytes) for name, factory, m in rows]
    a8, a4 = n_bytes - 1, 2 * n_bytes - 2
    for kind in ("RQ", "LSQ"):
        low = kind.lower()
        found += [
            Configuration(
                f"IVF+{kind}{a4}x4+norm fast scan", f"{lists},{kind}{a4}x4fsr_N{low}2x4", n_bytes, ADDITIVE_SAMPLE
            ),
            Configuration(f"IVF+{kind}{a8}x8+norm", f"{lists},{kind}{a8}x8_Nqint8", n_bytes, ADDITIVE_SAMPLE),
        ]
    if n_bytes == 16:
        found += [
            Configuration("PCA to 64, rotation, IVF+RaBitQ", f"PCAR64,{lists},RaBitQ", 16),
            Configuration("rotation, IVF+RaBitQ", f"RR{dim},{lists},RaBitQ", (dim + 7) // 8 + 8),
        ]
    half = int(np.log2(n_coarse)) // 2 + 2
    found.append(
        Configuration(
            f"multi-index 2x{half}, PQ{m8}x8", f"{_padded(dim, m8)}IMI2x{half},PQ{m8}x8", m8, None, 4**half // n_coarse
        )
    )
    return found


def _up(dim: int, multiple: int) -> int:
    return -(-dim // multiple) * multiple


def _padded(dim: int, multiple: int) -> str:
    return "" if dim % multiple == 0 else f"PAD{_up(dim, multiple)},"


def _widths(dim: int) -> list[int]:
    """Dimensions to rotate into: all of them up to 256, and 128."""
    return [dim] if dim <= _NARROW else [_NARROW, dim] if dim <= 256 else [_NARROW]


def coarse_centroids(
    base: Vectors, n_coarse: int, *, n_iterations: int = 25, n_per_centroid: int = 256
) -> tuple[Vectors, float]:
    """Train FAISS's own coarse quantizer; return float32 (n_coarse, dim) and seconds."""
    started = clock()
    kmeans = faiss.Kmeans(
        base.shape[1], n_coarse, niter=n_iterations, max_points_per_centroid=n_per_centroid, seed=1234
    )
    kmeans.train(base)
    return np.asarray(kmeans.centroids, np.float32), clock() - started


def build(data: DataSet, configuration: Configuration, centroids: Vectors, coarse_seconds: float) -> Built:
    """Train and fill an index; the time of the shared centroids is counted in."""
    index = _made(data.dim, configuration.factory)
    x = data.base
    if configuration.n_train is not None and configuration.n_train < len(x):
        x = x[np.sort(np.random.default_rng(0).choice(len(x), configuration.n_train, replace=False))]
    started = clock()
    shared = centroids
    if isinstance(index, faiss.IndexPreTransform):
        y = x
        chain: Any = index.chain
        for position in range(chain.size()):
            transform = faiss.downcast_VectorTransform(chain.at(position))
            if not transform.is_trained:
                transform.train(y)
            y = transform.apply_py(y)
            shared = transform.apply_py(shared) if transform.d_out >= transform.d_in else shared[:0]
    ivf = faiss.extract_index_ivf(index)
    if isinstance(faiss.downcast_index(ivf.quantizer), faiss.IndexFlat) and len(shared):
        ivf.quantizer.add(shared)
    else:
        coarse_seconds = 0.0
    if isinstance(ivf, faiss.IndexIVFPQFastScan):
        ivf.pq.cp.max_points_per_centroid = ADDITIVE_SAMPLE // ivf.pq.ksub
    index.train(x)
    trained = clock()
    index.add(data.base)
    return Built(index, trained - started + coarse_seconds, clock() - trained)


def _made(dim: int, factory: str) -> Any:  # noqa: ANN401  SWIG's classes are not typed
    """Make an empty index; FAISS's factory, and `PADn` for zeros up to n dimensions, which that has not."""
    if not factory.startswith("PAD"):
        return faiss.index_factory(dim, factory)
    padding, _, rest = factory.partition(",")
    wide = int(padding.removeprefix("PAD"))
    remap: Any = faiss.RemapDimensionsTransform  # whose type stub knows one of its two constructors
    return faiss.IndexPreTransform(remap(dim, wide, False), faiss.index_factory(wide, rest))


def model_bytes(index: Any) -> int:  # noqa: ANN401  SWIG's classes are not typed
    """Bytes of everything that does not grow with the vectors: the file of an emptied copy."""
    empty = faiss.clone_index(index)
    empty.reset()
    return int(faiss.serialize_index(empty).nbytes)
