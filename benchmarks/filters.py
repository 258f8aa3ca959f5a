"""Recall and time of filtered search, at four selectivities, of filters by chance and of filters that go with the data.

A filter goes with the data when what it admits lies together: photos of one place, of one camera, of one year. Then
queries may stand far from all of it, which is harder than a filter by chance of the same width. Measured are four such:
a half-space across a direction drawn by chance, one across the first principal axis, the vectors nearest to one of
them, and whole cells of the index. Truth is exact search among what is admitted, over vectors as they were before they
were stored.

Everything runs on one thread. Time for each query is that of all queries in one call, and of calls with one query
each; both hold the application of the filter, given as a mask.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.datasets import DATASETS, DataSet, NotAtHandError, load
from benchmarks.engine.threads import threads
from benchmarks.report import Cell, Report
from lookalike.index import LOPQIndex, SearchResult, exact_search

N_QUERIES, N_SINGLE, K = 1000, 50, 10
SHARES = (0.5, 0.05, 0.005, 0.0005)
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "n_probe=4": {"n_probe": 4},
    "n_probe=16": {"n_probe": 16},
    "n_probe=16, rerank=40": {"n_probe": 16, "rerank": 40},
}
COLUMNS = ["filter", "admitted", "recall10@10", "required", "kept", "way", "ms/query", "ms/query, alone"]

Mask = NDArray[np.bool_]


def run(*, quick: bool) -> Report:
    """Measure each set that is at hand."""
    report = Report("Filtered search: recall and time", "filters")
    for name in ("fashion",) if quick else ("deep", "fashion"):
        try:
            data = load(name, quick=quick)
        except NotAtHandError as reason:
            report.notes.append(f"{DATASETS[name][0]} was skipped: {reason}.")
        else:
            with threads(1):
                _measure(report, data, n_queries=100 if quick else N_QUERIES)
    report.notes += [
        "*Required* is the recall of the same settings without a filter; *kept* says whether it was reached.",
        "*Way*: `exact` compared every admitted vector, `scan` scored codes in the kernel; the search chooses by cost.",
        "*ms/query* with all queries in one call, *alone* with one query a call, which pays for the filter's mask; "
        "both on one thread.",
    ]
    return report


def _measure(report: Report, data: DataSet, *, n_queries: int) -> None:
    queries = data.queries[:n_queries]
    print(f"filters: {data.title}, {len(queries):,} queries", flush=True)
    index = LOPQIndex.build(data.base, metric=data.metric)
    cells = index.model.encode(data.base)[0].ravel()
    filters = [
        (name, share, mask, exact_search(data.base, queries, K, metric=data.metric, filter=mask).ids)
        for share in SHARES
        for name, mask in _filters(data.base, cells, share)
    ]
    for title, arguments in SETTINGS.items():
        hits, batch, single = _timed(index, queries, None, arguments)
        required = _recall(hits.ids, data.truth[: len(queries), :K])
        rows: list[list[Cell]] = [["none", len(data.base), f"{required:.4f}", "", "", _way(hits), batch, single]]
        for name, share, mask, truth in filters:
            hits, batch, single = _timed(index, queries, mask, arguments)
            recall = _recall(hits.ids, truth)
            rows.append(
                [
                    f"{100 * share:g} %, {name}",
                    int(mask.sum()),
                    f"{recall:.4f}",
                    f"{required:.4f}",
                    "yes" if recall >= required else "NO",
                    _way(hits),
                    batch,
                    single,
                ]
            )
        report.table(f"{data.title}, {data.metric}, {index.model.coarse.n_cells} cells: {title}", COLUMNS, rows)


def _filters(base: NDArray[np.float32], cells: NDArray[np.int32], share: float) -> Iterator[tuple[str, Mask]]:
    rng = np.random.default_rng(0)
    n_admitted = round(share * len(base))
    centred = base[:: max(1, len(base) // 20_000)] - base.mean(axis=0)
    first_axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    turn = rng.permutation(int(cells.max()) + 1)[cells]
    values = {
        "by chance": rng.random(len(base)),
        "a half-space": base @ rng.normal(size=base.shape[1]),
        "the first axis": base @ first_axis,
        "near one vector": ((base - base[rng.integers(len(base))]) ** 2).sum(axis=1),
        "whole cells": turn + rng.random(len(base)),
    }
    for name, value in values.items():
        mask = np.zeros(len(base), np.bool_)
        mask[np.argsort(value, kind="stable")[:n_admitted]] = True
        yield name, mask


def _timed(
    index: LOPQIndex, queries: NDArray[np.float32], mask: Mask | None, arguments: dict[str, Any]
) -> tuple[SearchResult, float, float]:
    """Hits, and milliseconds for each query: all in one call (median of 3), and one a call (median)."""
    spent = []
    for _ in range(3):
        started = time.process_time()
        hits = index.search(queries, K, filter=mask, **arguments)
        spent.append((time.process_time() - started) / len(queries))
    alone = []
    for query in queries[:N_SINGLE]:
        started = time.process_time()
        index.search(query, K, filter=mask, **arguments)
        alone.append(time.process_time() - started)
    return hits, 1e3 * float(np.median(spent)), 1e3 * float(np.median(alone))


def _recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    pairs = zip(found, truth, strict=True)
    return float(np.mean([len(set(row) & set(want[want >= 0])) / np.count_nonzero(want >= 0) for row, want in pairs]))


def _way(hits: SearchResult) -> str:
    return "scan" if hits.stats.n_codes else "exact"
