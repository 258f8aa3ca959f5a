"""Codes alone: what a ranking by compact codes finds, without any re-ranking, at equal cells, probes and code bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.engine import peers
from benchmarks.engine.datasets import DataSet, kept_path
from benchmarks.engine.kept import keep, kept
from benchmarks.engine.ours import build_ours, build_yahoo, model_bytes
from benchmarks.engine.recall import overlap, recall_at
from benchmarks.engine.threads import clock, threads
from benchmarks.report import Cell

__all__ = ["CLOSE_COLUMNS", "COLUMNS", "Row", "cells_of", "close_calls", "measure_codes", "measure_peer"]

N_QUERIES = 2_000
N_TIMED = 500
K = 100

COLUMNS = [
    "index",
    "code bytes",
    "model bytes/vector",
    "recall@1",
    "@10",
    "@100",
    "recall10@10",
    "ms/query",
    "train s",
    "encode s",
    "threads",
]

CLOSE_COLUMNS = ["index", "recall@1", "@10", "@100", "recall10@10"]
CLOSE = 0.02
"""Of recall@1: so near to ours, 2,000 queries do not tell which is better (their standard error is .011)."""

Rows = NDArray[np.integer]
Search = Callable[[NDArray[np.float32], int], Rows]


@dataclass(slots=True)
class Row:
    """One index: its figures, how to ask it (None: only they are kept), and milliseconds a query in each repeat."""

    figures: dict[str, Any]
    search: Search | None
    milliseconds: list[float] = field(default_factory=list)


def measure_codes(data: DataSet, n_bytes: int, *, n_threads: int, quick: bool, reuse: bool) -> list[Row]:
    """Build ours, yahoo/lopq's algorithm and all peers for codes of `n_bytes`, and search them.

    Building uses `n_threads`, searching one. With `reuse`, figures of peers that were measured before are read and all
    others left out, since some train for hours; where an index is at hand too, its searches are timed anew.
    """
    centroids = _once(lambda: peers.coarse_centroids(data.base, data.n_coarse))
    rows = [
        _measure_ours(data, n_bytes, n_threads=n_threads),
        _measure_yahoo(data, n_bytes, n_threads=n_threads),
    ]
    for configuration in peers.configurations(data.dim, data.n_coarse, n_bytes):
        if quick and configuration.slow:
            continue
        if reuse and configuration.factory not in kept(data):
            print(f"{data.name}: {configuration.factory}: never measured, left out", flush=True)
            continue
        try:
            rows.append(measure_peer(data, configuration, centroids, n_threads=n_threads, reuse=reuse))
        except RuntimeError as error:  # how FAISS says that it cannot
            print(f"{data.name}: {configuration.factory}: {str(error).splitlines()[0][-100:]}", flush=True)
    queries = data.queries[: N_TIMED // 5 if quick else N_TIMED]
    with threads(1):
        for _ in range(1 if quick else 3):
            for row in rows:
                if row.search is None:
                    continue
                started = clock()
                row.search(queries, K)
                row.milliseconds.append(1000 * (clock() - started) / len(queries))
    return rows


def cells_of(row: Row) -> list[Cell]:
    """Bring a row into the form of a table with `COLUMNS`."""
    f = row.figures
    low, high = min(row.milliseconds), max(row.milliseconds)
    return [
        f["name"] + (" (kept figures)" if f["reused"] else ""),
        f["code_bytes"],
        f"{f['model_bytes_per_vector']:.1f}",
        *(f[key] for key in ("recall@1", "recall@10", "recall@100", "recall10@10")),
        f"{np.median(row.milliseconds):.3f}" + (f" ({low:.3f}-{high:.3f})" if row.search else ""),
        f"{f['train_seconds']:.0f}",
        f"{f['encode_seconds']:.1f}",
        f["threads"],
    ]


def close_calls(data: DataSet, rows: list[Row]) -> list[list[Cell]]:
    """Measure ours over all queries, beside the peers of as many bytes that came near it or above it; none: no rows.

    Peers' figures are kept beside the others; a peer whose index is not at hand and that has none is left out.
    """
    ours, _, *peers_rows = rows
    n_bytes, least = ours.figures["code_bytes"], ours.figures["recall@1"] - CLOSE
    near = [row for row in peers_rows if row.figures["code_bytes"] == n_bytes and row.figures["recall@1"] >= least]
    for row in [ours, *near]:
        if "all_queries" not in row.figures and row.search is not None:
            with threads(1):
                found = row.search(data.queries, K)
            row.figures["all_queries"] = {name: round(share, 4) for name, share in _accuracy(found, data).items()}
            if "factory" in row.figures:
                kept_figures = kept(data)[row.figures["factory"]]
                keep(data, row.figures["factory"], {**kept_figures, "all_queries": row.figures["all_queries"]})
    told = [row.figures for row in near if "all_queries" in row.figures]
    return [[f["name"], *f["all_queries"].values()] for f in [ours.figures, *told]] if told else []


# ---------------------------------------------------------------------- ours


def _measure_ours(data: DataSet, n_bytes: int, *, n_threads: int) -> Row:
    with threads(n_threads):
        index, trained, added = build_ours(data, n_bytes, rerank=None)
    return _row_of_ours("**Lookalike**, defaults", data, index, trained, added, n_threads)


def _measure_yahoo(data: DataSet, n_bytes: int, *, n_threads: int) -> Row:
    with threads(n_threads):
        index, trained, added = build_yahoo(data, n_bytes)
    return _row_of_ours(f"yahoo/lopq's algorithm, {n_bytes}x8", data, index, trained, added, n_threads)


def _row_of_ours(name: str, data: DataSet, index: Any, trained: float, added: float, n_threads: int) -> Row:  # noqa: ANN401
    def search(queries: NDArray[np.float32], k: int) -> Rows:
        found: Rows = index.search(queries, k, n_probe=data.n_probe, rerank=False).ids
        return found

    with threads(1):
        found = search(data.queries[:N_QUERIES], K)
    return Row(
        {
            "name": name,
            **_accuracy(found, data),
            "code_bytes": index.model.n_bytes,
            "model_bytes_per_vector": model_bytes(index.model) / len(data.base),
            "train_seconds": trained,
            "encode_seconds": added,
            "threads": n_threads,
            "reused": False,
        },
        search,
    )


# ---------------------------------------------------------------------- peers


def measure_peer(
    data: DataSet,
    configuration: peers.Configuration,
    centroids: Callable[[], tuple[NDArray[np.float32], float]],
    *,
    n_threads: int,
    reuse: bool,
) -> Row:
    """Build and search one FAISS index; its figures are kept in the repository, the index in build/bench/peers."""
    path = kept_path(data, f"{configuration.factory.replace(',', '+')}.faiss")
    named = {"name": configuration.name, "factory": configuration.factory}
    if reuse and (figures := kept(data).get(configuration.factory)):
        search = _searching(faiss.read_index(str(path)), data, configuration) if path.exists() else None
        return Row({**figures, **named, "reused": True}, search, [] if search else [figures["ms/query"]])
    coarse, seconds = centroids()
    with threads(n_threads):
        built = peers.build(data, configuration, coarse, seconds)
    search = _searching(built.index, data, configuration)
    with threads(1):
        started = clock()
        found = search(data.queries[:N_QUERIES], K)
        took = 1000 * (clock() - started) / len(found)
    figures = {
        **{name: round(share, 4) for name, share in _accuracy(found, data).items()},
        "code_bytes": int(faiss.extract_index_ivf(built.index).code_size),
        "model_bytes_per_vector": round(peers.model_bytes(built.index) / len(data.base), 1),
        "train_seconds": round(built.train_seconds, 1),
        "encode_seconds": round(built.encode_seconds, 1),
        "ms/query": round(took, 3),
        "threads": n_threads,
        "faiss": faiss.__version__,
    }
    faiss.write_index(built.index, str(path))
    keep(data, configuration.factory, figures)
    return Row({**figures, **named, "reused": False}, search)


def _searching(index: Any, data: DataSet, configuration: peers.Configuration) -> Search:  # noqa: ANN401
    faiss.extract_index_ivf(index).nprobe = data.n_probe * configuration.probes

    def search(queries: NDArray[np.float32], k: int) -> Rows:
        found: Rows = index.search(queries, k)[1]
        return found

    return search


def _accuracy(found: Rows, data: DataSet) -> dict[str, float]:
    truth = data.truth[: len(found)]
    return {
        "recall@1": recall_at(found, truth, 1),
        "recall@10": recall_at(found, truth, 10),
        "recall@100": recall_at(found, truth, 100),
        "recall10@10": overlap(found, truth),
    }


def _once(
    make: Callable[[], tuple[NDArray[np.float32], float]],
) -> Callable[[], tuple[NDArray[np.float32], float]]:
    made: list[tuple[NDArray[np.float32], float]] = []

    def get() -> tuple[NDArray[np.float32], float]:
        if not made:
            made.append(make())
        return made[0]

    return get
