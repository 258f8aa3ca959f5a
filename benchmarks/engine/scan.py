"""The 4-bit scan alone: nanoseconds per code for one query over one list of a million codes, k = 10.

Both scan the same codes with tables of the same codebooks. FAISS builds a query's table within its search (some
microseconds of a few hundred); ours gets it ready-made, and rounding it to bytes is part of the scan for both.
"""

from __future__ import annotations

import faiss
import numpy as np

from benchmarks.engine.ours import scan
from benchmarks.engine.threads import clock, threads
from benchmarks.report import Cell

__all__ = ["COLUMNS", "measure_scan"]

COLUMNS = ["code bytes", "FAISS ns/code", "its spread", "ours ns/code", "our spread", "ours / FAISS", "same rows"]


def measure_scan(*, quick: bool) -> list[list[Cell]]:
    """Measure codes of 8 and 16 bytes on one thread, interleaved."""
    n, repeats = (200_000, 3) if quick else (1_000_000, 11)
    rows: list[list[Cell]] = []
    for n_bytes in (8, 16):
        m = 2 * n_bytes
        rng = np.random.default_rng(0)
        x = rng.standard_normal((n, 4 * m), np.float32)
        queries = rng.standard_normal((30, 4 * m), np.float32)
        with threads(1):
            fast = faiss.IndexPQFastScan(x.shape[1], m, 4)
            fast.train(x[:65_536])
            fast.add(x)
            pq = fast.pq
            ours = scan(pq.compute_codes(x))
            centroids = faiss.vector_to_array(pq.centroids).reshape(m, 16, 4)
            tables = ((queries.reshape(-1, m, 1, 4) - centroids) ** 2).sum(axis=3).astype(np.float32)
            theirs_found = [fast.search(query[None], 10)[1][0] for query in queries]
            ours_found = [ours(table, 10) for table in tables]
            times: dict[str, list[float]] = {"theirs": [], "ours": []}
            for _ in range(repeats):
                started = clock()
                for query in queries:
                    fast.search(query[None], 10)
                between = clock()
                for table in tables:
                    ours(table, 10)
                times["theirs"].append((between - started) / len(queries) / n * 1e9)
                times["ours"].append((clock() - between) / len(queries) / n * 1e9)
        same = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(theirs_found, ours_found, strict=True)])
        theirs, own = (float(np.median(times[who])) for who in ("theirs", "ours"))
        rows.append([n_bytes, theirs, _spread(times["theirs"]), own, _spread(times["ours"]), own / theirs, float(same)])
    return rows


def _spread(values: list[float]) -> str:
    return f"{min(values):.2f}-{max(values):.2f}"
