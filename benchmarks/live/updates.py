"""Compaction in memory (Accordion), side by side: none, basic and eager, under uniform and under skewed updates.

As in Bortnikov et al., "Accordion", VLDB 2018, section 6: the skewed keys follow Zipf's law with exponent .99. Each run
starts from a copy of one index, trained and at rest, and replaces vectors of it in calls of 100.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.datasets import DataSet
from benchmarks.report import Cell, Report
from lookalike import LiveIndex

__all__ = ["measure_updates"]

_BATCH = 100
_EXPONENT = 0.99
_FLUSH_AT = 16_384
_COLUMNS = [
    "updates",
    "compaction",
    "flushes",
    "merges",
    "MB flushed",
    "MB merged",
    "write amplification",
    "updates/s",
    "stalled, s",
    "p99 ms a call",
    "until idle, s",
]


def measure_updates(report: Report, data: DataSet, work: Path, *, quick: bool) -> None:
    """Measure the six."""
    n_vectors = min(len(data.base), 100_000)
    n_updates, flush_at = (20_000, 1024) if quick else (200_000, _FLUSH_AT)
    base = work / "base"
    with LiveIndex.open(base, dim=data.dim, metric=data.metric, flush_at=flush_at) as index:
        index.add(data.base[:n_vectors])
        index.wait()
        index.train()
        index.compact()
    rows: list[list[Cell]] = []
    for name in ("uniform", "Zipf"):
        for compaction in ("none", "basic", "eager"):
            print(f"live: {name} updates, {compaction}", flush=True)
            path = work / "copy"
            shutil.copytree(base, path)
            with LiveIndex.open(path, compaction=compaction, flush_at=flush_at) as index:
                rows.append([name, compaction, *_update(index, data, _keys(name, n_vectors, n_updates))])
            shutil.rmtree(path)
    report.table(
        f"{n_updates:,} updates of {n_vectors:,} vectors (dimension {data.dim}) in calls of {_BATCH}, "
        f"flush at {flush_at:,}",
        _COLUMNS,
        rows,
    )
    report.notes.append(
        "Write amplification: bytes written for log, flushes and merges over bytes of the vectors given, from a "
        "trained index at rest until the background had nothing left to do. Every call is one transaction, on disk "
        "when it returns; *until idle* is what the background still did after the last."
    )


def _keys(name: str, n_vectors: int, n_updates: int) -> list[NDArray[np.int64]]:
    """Ids of each call, all different within it."""
    rng = np.random.default_rng(0)
    if name == "uniform":
        return [rng.choice(n_vectors, _BATCH, replace=False) for _ in range(n_updates // _BATCH)]
    popularity = 1 / np.arange(1, n_vectors + 1) ** _EXPONENT
    bounds = np.cumsum(popularity / popularity.sum())
    ids = rng.permutation(n_vectors)
    calls = []
    for _ in range(n_updates // _BATCH):
        drawn = np.empty(0, np.int64)
        while len(drawn) < _BATCH:
            drawn = np.unique(np.concatenate([drawn, np.searchsorted(bounds, rng.random(_BATCH))]))
        calls.append(ids[rng.permutation(drawn)[:_BATCH]])
    return calls


def _update(index: LiveIndex, data: DataSet, calls: list[NDArray[np.int64]]) -> list[Cell]:
    rng = np.random.default_rng(1)
    before = index.stats()
    took = []
    started = time.perf_counter()
    for ids in calls:
        vectors = data.base[rng.integers(0, len(data.base), len(ids))]
        begun = time.perf_counter()
        index.add(vectors, ids)
        took.append(time.perf_counter() - begun)
    seconds = time.perf_counter() - started
    index.wait()
    idle, after = time.perf_counter() - started - seconds, index.stats()
    written = {name: n - before.written_bytes[name] for name, n in after.written_bytes.items()}
    given = after.given_bytes - before.given_bytes
    return [
        after.n_flushes - before.n_flushes,
        after.n_merges - before.n_merges,
        written["flush"] / 1e6,
        written["merge"] / 1e6,
        sum(written.values()) / given,
        round(given / (4 * data.dim) / seconds),
        after.stall_seconds - before.stall_seconds,
        1e3 * float(np.percentile(took, 99)),
        idle,
    ]
