"""Time to train and to encode: ours against FAISS's OPQ, IVF and PQ of the same cells and code bytes."""

from __future__ import annotations

import faiss
import numpy as np

from benchmarks.engine.datasets import DataSet
from benchmarks.engine.ours import build_ours
from benchmarks.engine.threads import clock, threads
from benchmarks.report import Cell

__all__ = ["COLUMNS", "measure_training"]

COLUMNS = [
    "data",
    "code bytes",
    "threads",
    "FAISS OPQ,IVF,PQ train s",
    "our train s",
    "train, ours / FAISS",
    "FAISS encode vectors/s",
    "our encode vectors/s",
    "encode, ours / FAISS",
    "repeats",
]


def measure_training(data: DataSet, n_bytes: int, *, n_threads: int, repeats: int) -> list[Cell]:
    """Train and fill both, in turn; medians."""
    times: dict[str, list[float]] = {key: [] for key in ("their training", "their encoding", "training", "encoding")}
    for _ in range(repeats):
        with threads(n_threads):
            for key, seconds in zip(("their training", "their encoding"), faiss_seconds(data, n_bytes), strict=True):
                times[key].append(seconds)
            _, trained, added = build_ours(data, n_bytes, rerank=None)
            times["training"].append(trained)
            times["encoding"].append(added)
    theirs, their_encoding, own, own_encoding = (float(np.median(seconds)) for seconds in times.values())
    n = len(data.base)
    return [
        data.title,
        n_bytes,
        n_threads,
        theirs,
        own,
        own / theirs,
        round(n / their_encoding),
        round(n / own_encoding),
        their_encoding / own_encoding,
        repeats,
    ]


def faiss_seconds(data: DataSet, n_bytes: int) -> tuple[float, float]:
    """Seconds that FAISS takes to train and to encode."""
    width = min(-(-data.dim // n_bytes) * n_bytes, 128)
    index = faiss.index_factory(data.dim, f"OPQ{n_bytes}_{width},IVF{data.n_coarse},PQ{n_bytes}x8")
    started = clock()
    index.train(data.base)
    trained = clock()
    index.add(data.base)
    return trained - started, clock() - trained
