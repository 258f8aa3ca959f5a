"""Exact search: the judge of every other search, and the search itself while a collection is small.

One matrix product per block of vectors gives approximate squared distances; whatever could still be among the k
nearest, given the bound on the rounding of such products (Higham, "Accuracy and stability of numerical algorithms",
section 3.1), is compared again by differences. O(n d) a query, with at most 64 MiB beside the arrays given.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import kernels
from lookalike.index.identities import Ids, admitted, as_ids, empty_ids
from lookalike.index.results import MOST, SearchResult, SearchStats, check_slots
from lookalike.index.segment import Segment
from lookalike.kernels.threads import map_blocks, one_blas_thread
from lookalike.quantization.arguments import as_vectors, check_choice, check_count, normalised

__all__ = ["cosine_distances", "exact_search", "stored_truth"]

_BLOCK_VALUES = 1 << 22
_QUERIES = 64
_STORED_ROWS = 65_536
"""Stored vectors that a thread unpacks at a time."""


def exact_search(
    vectors: ArrayLike,
    queries: ArrayLike,
    k: int = 10,
    *,
    ids: ArrayLike | None = None,
    metric: str = "l2",
    filter: ArrayLike | None = None,
) -> SearchResult:
    """Compare queries with all vectors.

    Parameters
    ----------
    vectors : array-like (n, dim)
        float32, C-contiguous arrays are used where they are; others are converted first.
    queries : array-like (n_queries, dim) or (dim,)
    k : int
        Hits per query. Beyond n, slots stay empty.
    ids : array-like (n,), optional
        Whole numbers from 0 or text; by default the row numbers.
    metric : {"l2", "cosine"}
    filter : bool array-like or array-like of ids, optional
        A mask ``mask[id]``, or the ids admitted.

    Returns
    -------
    SearchResult
        Equal distances come in the order of the rows.
    """
    started = time.perf_counter()
    check_choice(metric, "metric", ("l2", "cosine"))
    k = check_count(k, "k", most=MOST)
    x = as_vectors(vectors, "vectors")
    q = as_vectors(queries, "queries", dim=x.shape[1])
    check_slots(k, len(q), len(x))
    names = np.arange(len(x), dtype=np.int64) if ids is None else as_ids(ids, n=len(x))
    rows = np.arange(len(x)) if filter is None else np.flatnonzero(admitted(filter, names))
    out_ids, out = empty_ids((len(q), k), names), np.full((len(q), k), np.inf, np.float32)
    with one_blas_thread():
        q = normalised(q) if metric == "cosine" else q
        for start in range(0, len(q), _QUERIES):
            for i, (near, distances) in enumerate(_nearest(x, rows, q[start : start + _QUERIES], k, metric), start):
                out_ids[i, : len(near)] = names[near]
                if metric == "l2":
                    out[i, : len(near)] = np.sqrt(distances)
                else:
                    out[i, : len(near)] = cosine_distances(distances, np.logical_not(q[i].any(keepdims=True)))
    stats = SearchStats(0, 0, len(rows) * len(q), time.perf_counter() - started)
    return SearchResult(out_ids, out, stats)


def stored_truth(
    segments: Sequence[Segment], queries: NDArray[np.float32], k: int, metric: str
) -> tuple[Ids, NDArray[np.float32]]:
    """Exact search over what an index stores, a block of vectors at a time.

    Parameters
    ----------
    segments : sequence of Segment, with embeddings
    queries : float32 (n_queries, dim_in)
    k : int
    metric : {"l2", "cosine"}

    Returns
    -------
    ids : int64 or str (n_queries, k)
    distances : float32 (n_queries, k)
    """
    found: list[tuple[Ids, NDArray[np.float32]]] = []
    for segment in segments:

        def block(rows: slice, segment: Segment = segment) -> tuple[Ids, NDArray[np.float32]]:
            keep = np.arange(rows.start, rows.stop)
            if segment.alive is not None:
                keep = keep[segment.alive[rows]]
            hits = exact_search(segment.vectors(keep), queries, k, ids=segment.ids[keep], metric=metric)
            return hits.ids, hits.distances

        found += map_blocks(block, len(segment), _STORED_ROWS)
    ids, distances = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(distances, order, axis=1)


def cosine_distances(squared: NDArray[np.float32], zero: NDArray[np.bool_]) -> NDArray[np.float32]:
    """1 - cosine from squared distances of unit vectors; 1 where the query is zero, with any shapes that agree."""
    return np.where(zero, np.float32(1), np.minimum(squared / 2, np.float32(2)))


def _as_compared(vectors: NDArray[np.float32], metric: str) -> NDArray[np.float32]:
    return normalised(vectors) if metric == "cosine" else vectors


def _nearest(
    x: NDArray[np.float32], rows: NDArray[np.int64], q: NDArray[np.float32], k: int, metric: str
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Rows and squared distances of the k nearest of each query."""
    d = x.shape[1]
    q_norms = np.einsum("qd,qd->q", q, q)
    # rounding of a product of d terms and of the sums around it, in units of |q||x| and of |q|^2 + |x|^2
    bound = np.float32((d + 8) * np.finfo(np.float32).eps)
    best_rows = [np.empty(0, np.int64)] * len(q)
    best = [np.empty(0, np.float32)] * len(q)
    block = max(256, _BLOCK_VALUES // max(d, len(q)))
    for start in range(0, len(rows), block):
        here = rows[start : start + block]
        part = x[here[0] : here[-1] + 1] if here[-1] - here[0] + 1 == len(here) else x[here]
        part = _as_compared(part, metric)
        norms = np.einsum("nd,nd->n", part, part)
        sums = q_norms[:, None] + norms
        rough = sums - 2 * (q @ part.T)  # (nq, d) x (d, b)
        slack = 2 * bound * sums
        # a zero vector has cosine 0 to everything, and so a squared distance of 2
        zero = np.flatnonzero(norms == 0) if metric == "cosine" else np.empty(0, np.intp)
        rough[:, zero] = 2
        for i in range(len(q)):
            low = rough[i] - slack[i]
            high = rough[i] + slack[i]
            limit = np.partition(high, k - 1)[k - 1] if len(high) > k else np.inf
            if len(best[i]) >= k:
                limit = min(limit, best[i][-1] * np.float32(1 + 1e-5))
            possible = np.flatnonzero(low <= limit)
            distances = kernels.exact_distances(q[i], part[possible])
            if len(zero):
                distances[np.isin(possible, zero)] = 2
            distances = np.concatenate([best[i], distances])
            merged = np.concatenate([best_rows[i], here[possible]])
            order = kernels.top_k(distances, k)
            best_rows[i], best[i] = merged[order], distances[order]
    return list(zip(best_rows, best, strict=True))
