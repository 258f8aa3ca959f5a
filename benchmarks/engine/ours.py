"""The engine under measurement, behind one door: what changes in its interface changes here."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.datasets import DataSet
from benchmarks.engine.threads import clock
from lookalike import LOPQIndex, LOPQModel, kernels
from lookalike.index.encoding import default_codebooks

__all__ = ["build_ours", "build_yahoo", "index_bytes", "model_bytes", "scan"]

LANES = 32

Vectors = NDArray[np.float32]


def build_ours(
    data: DataSet, n_bytes: int, *, rerank: str | None, rotation: str = "auto"
) -> tuple[LOPQIndex, float, float]:
    """Train as `LOPQIndex.build` does and add everything; return the index, seconds of training and of adding."""
    started = clock()
    model = LOPQModel.fit(
        data.base,
        n_coarse=data.n_coarse,
        n_subquantizers=2 * n_bytes,
        rotation=rotation,
        codebooks=default_codebooks(rerank, n_bytes, rotation),
        metric=data.metric,
    )
    trained = clock()
    index = LOPQIndex.from_model(model, rerank=rerank)
    index.add(data.base)
    return index, trained - started, clock() - trained


def build_yahoo(data: DataSet, n_bytes: int) -> tuple[LOPQIndex, float, float]:
    """Build yahoo/lopq's algorithm: two coarse codebooks, a rotation per half-cell, 8 bits; as many cells as usual."""
    started = clock()
    model = LOPQModel.fit(
        data.base,
        coarse="multi_index",
        n_coarse=round(data.n_coarse**0.5),
        n_subquantizers=n_bytes,
        bits=8,
        rotation="local",
        codebooks="shared",
        metric=data.metric,
    )
    trained = clock()
    index = LOPQIndex.from_model(model, rerank=None)
    index.add(data.base)
    return index, trained - started, clock() - trained


def model_bytes(model: LOPQModel) -> int:
    """Bytes of what the model has learned."""
    counted = getattr(model, "n_model_bytes", None)
    if counted is not None:
        return int(counted)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        return path.stat().st_size


def index_bytes(index: LOPQIndex) -> int:
    """Bytes of everything that the index keeps, as it is saved."""
    folder = Path(tempfile.mkdtemp())
    try:
        index.save(folder / "index")
        return sum(file.stat().st_size for file in (folder / "index").rglob("*") if file.is_file())
    finally:
        shutil.rmtree(folder)


class scan:  # noqa: N801  reads as a function where it is used
    """The 4-bit scan alone: all codes in one list, tables ready; call it with a query's tables.

    Parameters
    ----------
    codes : uint8 (n, n_bytes)
        Two to a byte, the even sub-quantizer in the low half.
    """

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        self._n = len(codes)
        self._blocks = kernels.block_codes(codes, np.array([0, len(codes)], np.int64), LANES)

    def __call__(self, table: Vectors, k: int) -> NDArray[np.int64]:
        """Rows of the `k` smallest sums over `table` float32 (m, 16)."""
        nothing = np.zeros((1, 1), np.float32)
        _, rows = kernels.scan_lists(
            table[None],
            np.zeros((1, 1, 1), np.int64),
            np.zeros((1, 1), np.int64),
            nothing,
            nothing,
            np.empty((0, 16), np.float32),
            np.array([0, self._n], np.int64),
            np.zeros(1, np.int64),
            self._blocks,
            np.empty(0, np.bool_),
            k,
        )
        found: NDArray[np.int64] = rows[0]
        return found
