"""What `LOPQIndex.build` and `search` find when nothing is turned, re-ranked, and the depth that it took."""

from __future__ import annotations

import numpy as np

from benchmarks.engine.datasets import DataSet
from benchmarks.engine.recall import overlap
from benchmarks.engine.threads import clock, threads
from benchmarks.report import Cell
from lookalike import LOPQIndex

__all__ = ["COLUMNS", "GOAL", "measure_defaults"]

GOAL = 0.99
N_QUERIES = 2_000
K = 10
REPEATS = 3
DEPTHS = (16, 32, 64, 128, 256, 512, 768)

COLUMNS = [
    "vectors",
    "code bytes",
    "cells",
    "cells visited",
    "compared exactly",
    "recall10@10",
    f"depth that reaches {GOAL}",
    "ms/query",
    "build s",
]


def measure_defaults(data: DataSet, n_bytes: int) -> list[Cell]:
    """Build by default with codes of `n_bytes` on two threads, search by default on one.

    Visited cells and vectors compared exactly are those of a query, as the search itself tells them. The depth that
    reaches the goal is the smallest of `DEPTHS` at the same cells.
    """
    with threads(2):
        started = clock()
        index = LOPQIndex.build(data.base, bytes_per_vector=n_bytes, metric=data.metric)
        building = clock() - started
    queries, truth = data.queries[:N_QUERIES], data.truth[:N_QUERIES]
    with threads(1):
        index.search(queries[:10], K)
        seconds = []
        for _ in range(REPEATS):
            started = clock()
            found = index.search(queries, K)
            seconds.append(clock() - started)
        by_depth = {depth: index.search(queries, K, rerank=depth) for depth in DEPTHS}
    recalls = {depth: overlap(np.asarray(each.ids, np.int64), truth) for depth, each in by_depth.items()}
    n = len(queries)
    return [
        f"{data.title}, {data.metric}",
        n_bytes,
        index.model.coarse.n_cells,
        round(found.stats.n_cells / n),
        round(found.stats.n_reranked / n),
        f"{overlap(np.asarray(found.ids, np.int64), truth):.4f}",
        next((depth for depth in DEPTHS if recalls[depth] >= GOAL), "none"),
        sorted(seconds)[REPEATS // 2] / n * 1000,
        round(building),
    ]
