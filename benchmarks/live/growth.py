"""An index that grows to its full size while it is used: rates of adding, latencies of searches, opening.

Latencies are of single queries in one process, one after the other, while nothing else is done, while everything is
merged into one segment, and while vectors are added as fast as they are taken; the same in a second process that only
reads. Where there are fewer cores than busy threads, latencies hold the waiting for one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.datasets import DataSet
from benchmarks.engine.recall import overlap
from benchmarks.report import Cell, Report
from lookalike import LiveIndex

__all__ = ["measure_growth"]

_K = 10
_LARGEST_BATCH = 10_000
_OPENINGS = 5
_LATENCIES = ["state", "searches", "p50 ms", "p90 ms", "p99 ms", "worst ms", "p50 / idle", "p99 / idle"]

_OPEN = """
import sys, time
import numpy as np
from lookalike import LiveIndex, LOPQIndex, LOPQModel
query = np.load(sys.argv[2])[:1]
LiveIndex.open(sys.argv[1] + ".small", writable=False).search(query)  # libraries loaded, kernels compiled
started = time.perf_counter()
index = LiveIndex.open(sys.argv[1], writable=sys.argv[3] == "writer")
opened = time.perf_counter()
index.search(query)
print(opened - started, time.perf_counter() - started)
"""
_READ = """
import sys, time
import numpy as np
from lookalike import LiveIndex
queries = np.load(sys.argv[2])
index = LiveIndex.open(sys.argv[1], writable=False)
for query in queries[:50]:
    index.search(query)
print("ready", flush=True)
sys.stdin.readline()
took, end = [], time.perf_counter() + float(sys.argv[4])
while time.perf_counter() < end:
    started = time.perf_counter()
    index.search(queries[len(took) % len(queries)])
    took.append(time.perf_counter() - started)
np.save(sys.argv[3], took)
"""


def measure_growth(report: Report, data: DataSet, work: Path, *, quick: bool) -> None:
    """Add everything, then measure at full size."""
    path, queries = work / "growth", data.queries[: 200 if quick else 2000]
    np.save(work / "queries.npy", queries)
    with LiveIndex.open(path, dim=data.dim, metric=data.metric) as index:
        _grow(report, index, data)
        recall = overlap(np.asarray(index.search(queries, _K).ids), data.truth[: len(queries)], _K)
        _add_in_batches(report, index, data, quick=quick)
        print("live: searching", flush=True)
        rows: list[list[Cell]] = []
        _search_beside(rows, index, queries, data, path, work, seconds=3 if quick else 20)
        report.table(f"Latency of one search at {len(index):,} vectors", _LATENCIES, rows)
        report.notes.append(f"Default search found {recall:.4f} of the ten nearest.")
    _open(report, data, path, work)


def _grow(report: Report, index: LiveIndex, data: DataSet) -> None:
    print(f"live: growing to {len(data.base):,}", flush=True)
    rows: list[list[Cell]] = []
    started, marks = time.perf_counter(), {len(data.base) // 10, len(data.base) // 2, len(data.base)}
    for start in range(0, len(data.base), _LARGEST_BATCH):
        index.add(data.base[start : start + _LARGEST_BATCH])
        if len(index) in marks:
            seconds, stats = time.perf_counter() - started, index.stats()
            rows.append([len(index), seconds, round(len(index) / seconds), stats.stall_seconds, stats.n_trainings])
    report.table(
        f"Growing in batches of {_LARGEST_BATCH:,}: flushes, merges, training and re-coding go on beside it",
        ["vectors", "seconds until the last call returned", "vectors/s", "of it stalled, s", "trainings"],
        rows,
    )
    added = time.perf_counter()
    index.wait()
    waited, stats = time.perf_counter() - added, index.stats(recall_sample=500)
    facts: list[list[Cell]] = [["seconds until the background had nothing left to do", waited]]
    facts += [[f"seconds of {name}", seconds] for name, seconds in stats.seconds.items()]
    facts += [[f"MB written for {name}", n / 1e6] for name, n in stats.written_bytes.items()]
    facts += [["write amplification", stats.write_amplification]]
    facts += [["flushes", stats.n_flushes], ["merges", stats.n_merges], ["segments", stats.n_segments]]
    facts += [[f"MB on disk: {name}", n / 1e6] for name, n in stats.disk_bytes.items()]
    facts += [["recall10@10 of 500 of its vectors, default search against exact", stats.recall or 0.0]]
    report.table("What that took", ["what", "value"], facts)


def _add_in_batches(report: Report, index: LiveIndex, data: DataSet, *, quick: bool) -> None:
    """Replace vectors that are there by themselves, so that the index stays what it is."""
    print("live: batches", flush=True)
    rng = np.random.default_rng(0)
    rows: list[list[Cell]] = []
    for size, n_calls in ((1, 1000), (100, 300), (10_000, 20)):
        size = min(size, len(data.base))
        n_calls = max(5, n_calls // 10) if quick else n_calls
        took = []
        started = time.perf_counter()
        for _ in range(n_calls):
            ids = rng.choice(len(data.base), size, replace=False)
            begun = time.perf_counter()
            index.add(data.base[ids], ids)
            took.append(time.perf_counter() - begun)
        seconds = time.perf_counter() - started
        p50, p99 = np.percentile(took, (50, 99))
        rows.append([size, n_calls, round(size * n_calls / seconds), 1e3 * p50, 1e3 * p99, 1e3 * max(took)])
        index.wait()
    report.table(
        f"Replacing at {len(index):,} vectors: a call returns when its vectors are on disk and found",
        ["vectors a call", "calls", "vectors/s", "p50 ms a call", "p99 ms a call", "worst ms"],
        rows,
    )


def _search_beside(
    rows: list[list[Cell]],
    index: LiveIndex,
    queries: NDArray[np.float32],
    data: DataSet,
    path: Path,
    work: Path,
    *,
    seconds: float,
) -> None:
    """Search while different things go on, in this process and in another; each begins with nothing in memory."""
    rng = np.random.default_rng(1)
    stopped = threading.Event()

    def merging() -> None:
        """Make segments and merge them all, again and again."""
        while not stopped.is_set():
            ids = rng.choice(len(data.base), min(2000, len(data.base)), replace=False)
            index.add(data.base[ids], ids)
            index.compact()

    def adding() -> None:
        while not stopped.is_set():
            ids = rng.choice(len(data.base), 100, replace=False)
            index.add(data.base[ids], ids)

    idle: dict[str, NDArray[np.float64]] = {}
    for name, work_beside in (("idle", None), ("all segments are merged", merging), ("adding, 100 a call", adding)):
        for where in ("writer's process", "a reader's process"):
            index.flush()
            index.wait()
            stopped.clear()
            thread = None
            if work_beside is not None:
                thread = threading.Thread(target=work_beside)
                thread.start()
            took = (
                _latencies(index, queries, seconds)
                if where == "writer's process"
                else _reader_latencies(path, work, seconds)
            )
            stopped.set()
            if thread is not None:
                thread.join()
            index.wait()
            points = np.percentile(took, (50, 90, 99, 100)) * 1e3
            idle.setdefault(where, points)
            ratios = points / idle[where]
            rows.append([f"{name}, {where}", len(took), *points.tolist(), float(ratios[0]), float(ratios[2])])


def _latencies(index: LiveIndex, queries: NDArray[np.float32], seconds: float) -> list[float]:
    took: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        index.search(queries[len(took) % len(queries)], _K)
        took.append(time.perf_counter() - started)
    return took


def _reader_latencies(path: Path, work: Path, seconds: float) -> list[float]:
    target = work / "latencies.npy"
    command = [sys.executable, "-c", _READ, str(path), str(work / "queries.npy"), str(target), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        reader.stdin.write("go\n")
        reader.stdin.flush()
        assert reader.wait() == 0
    took: list[float] = np.load(target).tolist()
    return took


def _open(report: Report, data: DataSet, path: Path, work: Path) -> None:
    print("live: opening", flush=True)
    with LiveIndex.open(path.with_name(path.name + ".small"), dim=data.dim, metric=data.metric) as small:
        small.add(data.base[:3000])
        small.train()

    def opened(how: str) -> list[float]:
        command = [sys.executable, "-c", _OPEN, str(path), str(work / "queries.npy"), how]
        return [
            float(word) for word in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        ]

    def row(name: str, measure: Callable[[], list[float]]) -> list[Cell]:
        took = np.array([measure() for _ in range(_OPENINGS)])
        return [name, *np.median(took, axis=0).tolist(), float(took[:, 1].max())]

    rows = [
        row("reader, all in segments", lambda: opened("reader")),
        row("writer, all in segments", lambda: opened("writer")),
    ]
    with LiveIndex.open(path) as index:
        ids = np.arange(min(16_000, len(data.base)))
        index.add(data.base[ids], ids)
        rows.append(row(f"reader, {len(ids):,} vectors in no segment yet", lambda: opened("reader")))
    report.table(
        f"Opening at {len(data.base):,} vectors, median of {_OPENINGS} new processes with libraries loaded",
        ["who", "seconds to open", "and to the first answer", "slowest of them"],
        rows,
    )
    report.notes.append("Goal: open in under 2 seconds. Files were in the system's cache.")
