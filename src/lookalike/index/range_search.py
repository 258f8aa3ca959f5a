"""Range search: all vectors within a distance, by comparing more and more candidates exactly.

Candidates come in the order that their codes give, and codes err: how deep a vector within the radius may rank is not
known. So a query is compared with its first candidates, then with twice as many, and so on, until a step finds no more
than the one before; all steps together cost less than twice the last. Codes alone need no such rule: once the last
candidate's distance lies beyond the radius, so do all that follow.

Results are ragged, laid out as in FAISS: one array of ids and one of distances, and where each query's begin.

Re-ranking compares a query with vectors as they are stored. Rounded to float16, an equal vector would lie some
thousandths away; so the query is rounded in the same way, and radius 0 finds what the index cannot tell from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.index.identities import Ids, empty_ids
from lookalike.index.results import SearchResult, SearchStats
from lookalike.quantization.arguments import shown

__all__ = ["FIRST", "RangeResult", "check_radius", "rounded", "within"]

FIRST = 512
"""Candidates of the first step, unless a caller says so."""
_MOST_SLOTS = 1 << 22
"""Slots of candidates that are held at once: some 100 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class RangeResult:
    """Vectors within a distance of each query.

    Parameters
    ----------
    offsets : int64 (n_queries + 1,)
        What belongs to query i is ``offsets[i]`` to ``offsets[i + 1]`` of the other two.
    ids : int64 or str (n_hits,)
    distances : float32 (n_hits,)
        Nearest first within a query.
    stats : SearchStats
        Of all steps together.
    """

    offsets: NDArray[np.int64]
    ids: Ids
    distances: NDArray[np.float32]
    stats: SearchStats


def check_radius(value: object) -> np.float32:
    """Give ``value`` as a float32, or raise unless it is a number from 0."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not value >= 0:  # type: ignore[operator]  # NaN too
        raise InvalidArgumentError(f"`radius` is {shown(value)}, but a distance from 0 on is needed.")
    largest = float(np.finfo(np.float32).max)
    return np.float32(value if value < largest else largest)  # type: ignore[operator, arg-type]


def rounded(vectors: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Round vectors as an index with this scale stores them; coordinates that float16 cannot hold stay as they are."""
    scaled = vectors * np.float32(scale)
    fits = np.abs(scaled) <= np.finfo(np.float16).max
    narrow = np.where(fits, scaled, 0).astype(np.float16).astype(np.float32)
    return np.where(fits, narrow / np.float32(scale), vectors)


def within(
    search: Callable[[NDArray[np.int64], int], SearchResult],
    radius: np.float32,
    *,
    first: int,
    ranked_exactly: bool,
    n_queries: int,
    n_vectors: int,
) -> RangeResult:
    """Search deeper and deeper until a step brings nothing more.

    Parameters
    ----------
    search : callable
        From rows of queries and a depth to the hits among so many candidates, all of them, nearest first.
    radius : float32
    first : int
        The first depth.
    ranked_exactly : bool
        Whether candidates are compared exactly. Otherwise their distances are those that ordered them, and the last one
        tells whether more may lie within.
    n_queries, n_vectors : int
    """
    open_rows = np.arange(n_queries)
    depth = max(1, min(first, n_vectors))
    n_found = np.zeros(n_queries, np.int64)
    pieces: list[tuple[Ids, NDArray[np.float32]] | None] = [None] * n_queries
    stats = SearchStats(0, 0, 0, 0.0)
    like: Ids | None = None
    while len(open_rows):
        still_open = [open_rows[:0]]
        step = max(1, _MOST_SLOTS // depth)
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            found = search(rows, depth)
            like = found.ids
            stats = stats + found.stats
            counts = np.count_nonzero(found.distances <= radius, axis=1)  # empty slots are at `inf`
            for i in np.flatnonzero(counts > n_found[rows]):
                pieces[rows[i]] = found.ids[i, : counts[i]].copy(), found.distances[i, : counts[i]].copy()
            more = counts > n_found[rows] if ranked_exactly else counts == depth
            more &= np.isfinite(found.distances[:, -1]) & (depth < n_vectors)
            n_found[rows] = np.maximum(n_found[rows], counts)
            still_open.append(rows[more])
        open_rows = np.concatenate(still_open)
        depth = min(2 * depth, n_vectors)
    none = empty_ids((0, 1), like)[:, 0]
    hits = [piece for piece in pieces if piece is not None]
    return RangeResult(
        np.concatenate([[0], np.cumsum(n_found)]).astype(np.int64),
        np.concatenate([none, *(ids for ids, _ in hits)]),
        np.concatenate([np.empty(0, np.float32), *(distances for _, distances in hits)]),
        stats,
    )
