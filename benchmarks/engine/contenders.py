"""Everything that takes part in the race of speed against recall, behind one form.

The same total memory: a compact code, an id of 8 bytes, and the vector in float16 to re-rank by (or to scan, in the
lists of `IVF, SQfp16`). Graphs and ScaNN are there for context: they keep more, or keep it elsewhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.engine import peers
from benchmarks.engine.datasets import DataSet, kept_path
from benchmarks.engine.ours import build_ours, index_bytes
from benchmarks.engine.threads import clock, n_threads

__all__ = ["Contender", "Setting", "all_contenders"]

Rows = NDArray[np.integer]
Vectors = NDArray[np.float32]
Setting = tuple[int, int]
"""Cells visited (or the width of a graph's beam), and depth of re-ranking (0: none)."""

PROBES = (1, 2, 3, 4, 6, 8, 11, 13, 16, 19, 22, 27, 32, 38, 45, 54, 64, 76, 90, 108, 128)
DEPTHS = (10, 20, 30, 40, 60, 80, 120, 160, 240, 320)
BEAMS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256)


GRAPH = "HNSW32,SQfp16"
USEARCH_FILE = "usearch-f16.usearch"


@dataclass(frozen=True, slots=True)
class Contender:
    """A filled index and how to ask it.

    Parameters
    ----------
    name : str
    group : {"ours", "FAISS", "context"}
        FAISS: of the same total memory or less, no graph.
    bytes_per_vector : float
        All in.
    build_seconds : float
    probes, depths : tuple of int
        Settings to try; all pairs.
    search : callable
        ``search(queries, k, (n_probe, depth))`` gives rows (n_queries, k), with the threads of `threads`.
    """

    name: str
    group: Literal["ours", "FAISS", "context"]
    bytes_per_vector: float
    build_seconds: float
    probes: tuple[int, ...]
    depths: tuple[int, ...]
    search: Callable[[Vectors, int, Setting], Rows]


def all_contenders(data: DataSet, *, quick: bool, reuse: bool) -> Iterator[Contender]:
    """Build one after the other, with the threads of `threads`; on `reuse`, peers that were built before are read."""
    yield from _ours(data)
    yield from _faiss_lists(data, quick=quick, reuse=reuse)
    yield from _faiss_graph(data, reuse=reuse)
    yield from _usearch(data, reuse=reuse)
    yield from _scann(data)


# ---------------------------------------------------------------------- ours


def _ours(data: DataSet) -> Iterator[Contender]:
    """Yield defaults of an index that keeps vectors, and codes with rotations."""
    for n_bytes, rotation in ((16, "none"), (8, "none"), (16, "auto")):
        index, trained, added = build_ours(data, n_bytes, rerank="float16", rotation=rotation)

        def search(queries: Vectors, k: int, setting: Setting, index: Any = index) -> Rows:  # noqa: ANN401
            found: Rows = index.search(queries, k, n_probe=setting[0], rerank=setting[1]).ids
            return found

        size = index_bytes(index) / len(data.base)
        name = f"Lookalike, {n_bytes} bytes{', rotations' if rotation != 'none' else ''} + float16"
        yield Contender(name, "ours", size, trained + added, PROBES, DEPTHS, search)


# ---------------------------------------------------------------------- FAISS


def _faiss_lists(data: DataSet, *, quick: bool, reuse: bool) -> Iterator[Contender]:
    refine = faiss.IndexScalarQuantizer(data.dim, faiss.ScalarQuantizer.QT_fp16)
    refine.train(data.base)
    refine.add(data.base)
    few, many = data.n_coarse, 4 * data.n_coarse
    m = data.dim // 4
    half = next(n for n in range(data.dim // 8, data.dim + 1) if data.dim % n == 0)
    codes = [
        f"IVF{few},PQ{m}x4fs",
        f"IVF{few},PQ{m}x4fsr",
        f"IVF{few},PQ{2 * m}x4fs",
        f"OPQ{m},IVF{few},PQ{m}x4fs",
        f"OPQ{m},IVF{few},PQ{m}x4fsr",
        f"OPQ{half},IVF{few},PQ{half}x4fs",
        f"IVF{2 * few},PQ{2 * m}x4fs",
        f"IVF{many},PQ{m}x4fs",
        f"IVF{many},PQ{m}x4fsr",
        f"IVF{many},PQ{2 * m}x4fs",
        f"OPQ{m},IVF{many},PQ{m}x4fs",
    ]
    for factory in codes[:3:2] if quick else codes:
        base, seconds = _filled(data, factory, reuse=reuse)
        yield _refined(data, factory, base, refine, seconds)
    for factory in (f"IVF{few},SQfp16", f"IVF{few},SQ8", f"IVF{many},SQfp16", f"IVF{many},SQ8")[: 2 if quick else 4]:
        index, seconds = _filled(data, factory, reuse=reuse)
        size = faiss.serialize_index(index).nbytes / len(data.base)
        yield Contender(f"FAISS {factory}", "FAISS", size, seconds, PROBES, (0,), _searching(index))


def _filled_path(data: DataSet, factory: str) -> Path:
    return kept_path(data, f"{factory.replace(',', '+')}.speed.faiss")


def _filled(data: DataSet, factory: str, *, reuse: bool) -> tuple[Any, float]:
    """Build a FAISS index; return it and the seconds that took."""
    path = _filled_path(data, factory)
    if reuse and path.exists():
        return faiss.read_index(str(path)), float(path.with_suffix(".seconds").read_text())
    if "IVF" in factory:
        n_lists = int(factory.partition("IVF")[2].partition(",")[0])
        built = peers.build(data, peers.Configuration(factory, factory, 0), *_lists(data, n_lists))
        index, seconds = built.index, built.train_seconds + built.encode_seconds
    else:
        started = clock()
        index = faiss.index_factory(data.dim, factory)
        index.train(data.base)
        index.add(data.base)
        seconds = clock() - started
    faiss.write_index(index, str(path))
    path.with_suffix(".seconds").write_text(str(seconds))
    return index, seconds


@cache
def _lists(data: DataSet, n_lists: int) -> tuple[Vectors, float]:
    """Train `n_lists` centroids once for all indexes: 10 iterations over 64 vectors each."""
    return peers.coarse_centroids(data.base, n_lists, n_iterations=10, n_per_centroid=64)


def _refined(data: DataSet, factory: str, base: Any, refine: Any, seconds: float) -> Contender:  # noqa: ANN401
    index = faiss.IndexRefine(base, refine)
    size = (faiss.serialize_index(base).nbytes + faiss.serialize_index(refine).nbytes) / len(data.base)
    return Contender(f"FAISS {factory} + fp16", "FAISS", size, seconds, PROBES, DEPTHS, _searching(base, index))


def _searching(base: Any, refined: Any = None) -> Callable[[Vectors, int, Setting], Rows]:  # noqa: ANN401
    ivf = faiss.extract_index_ivf(base)

    def search(queries: Vectors, k: int, setting: Setting) -> Rows:
        ivf.nprobe = setting[0]
        if refined is not None:
            refined.k_factor = max(1.0, setting[1] / k)
        found: Rows = (base if refined is None else refined).search(queries, k)[1]
        return found

    return search


def _faiss_graph(data: DataSet, *, reuse: bool) -> Iterator[Contender]:
    index, seconds = _filled(data, GRAPH, reuse=reuse)

    def search(queries: Vectors, k: int, setting: Setting) -> Rows:
        index.hnsw.efSearch = setting[0]
        found: Rows = index.search(queries, k)[1]
        return found

    size = faiss.serialize_index(index).nbytes / len(data.base)
    yield Contender(f"FAISS {GRAPH}", "context", size, seconds, BEAMS, (0,), search)


# ---------------------------------------------------------------------- others


def _usearch(data: DataSet, *, reuse: bool) -> Iterator[Contender]:
    try:
        from usearch.index import Index
    except ImportError:
        return
    index = Index(ndim=data.dim, metric="l2sq", dtype="f16")
    path = kept_path(data, USEARCH_FILE)
    if reuse and path.exists():
        index.load(str(path))
        seconds = float(path.with_suffix(".seconds").read_text())
    else:
        started = clock()
        index.add(np.arange(len(data.base)), data.base, threads=n_threads())
        seconds = clock() - started
        index.save(str(path))
        path.with_suffix(".seconds").write_text(str(seconds))

    def search(queries: Vectors, k: int, setting: Setting) -> Rows:
        index.expansion_search = setting[0]
        found: Rows = index.search(queries, k, threads=n_threads()).keys.astype(np.int64).reshape(len(queries), -1)
        return found

    size = path.stat().st_size / len(data.base)
    yield Contender("usearch f16", "context", size, seconds, BEAMS, (0,), search)


def _scann(data: DataSet) -> Iterator[Contender]:
    try:
        import scann
    except ImportError:
        return
    started = clock()
    leaves = 2 * data.n_coarse
    searcher = (
        scann.scann_ops_pybind.builder(data.base, 10, "squared_l2")
        .tree(num_leaves=leaves, num_leaves_to_search=32, training_sample_size=min(len(data.base), 250_000))
        .score_ah(2, anisotropic_quantization_threshold=0.2)
        .reorder(100)
        .build()
    )
    seconds = clock() - started
    with tempfile.TemporaryDirectory() as folder:
        searcher.serialize(folder)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*")) / len(data.base)

    def search(queries: Vectors, k: int, setting: Setting) -> Rows:
        ask = searcher.search_batched if n_threads() == 1 else searcher.search_batched_parallel
        found: Rows = ask(
            queries, final_num_neighbors=k, leaves_to_search=setting[0], pre_reorder_num_neighbors=max(setting[1], k)
        )[0]
        return found.astype(np.int64)

    yield Contender("ScaNN tree, AH, float32 reorder", "context", size, seconds, PROBES, DEPTHS, search)
