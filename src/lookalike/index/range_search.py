"""Range search: all vectors within a distance, by searches for more and more hits.

A search gives the k nearest; when the last of them lies beyond the radius, all that lies within was among them. So the
queries whose last hit still lies within are searched again for twice as many, at a price of at most twice the last
search. Results are ragged, laid out as in FAISS: one array of ids and one of distances, and where each query's begin.

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

__all__ = ["RangeResult", "check_radius", "rounded", "within"]

_FIRST = 64
_MOST_SLOTS = 1 << 22
"""Slots of candidates that are held at once, ten for each hit asked for: some 100 MiB."""


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
        Of all searches together.
    """

    offsets: NDArray[np.int64]
    ids: Ids
    distances: NDArray[np.float32]
    stats: SearchStats


def check_radius(value: object) -> np.float32:
    """Give ``value`` as a float32, or raise unless it is a number from 0."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not value >= 0:  # type: ignore[operator]  # NaN too
        raise InvalidArgumentError(f"`radius` is {value!r}, but a distance from 0 on is needed.")
    return np.float32(min(float(value), float(np.finfo(np.float32).max)))  # type: ignore[arg-type]


def rounded(vectors: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Round vectors as an index with this scale stores them; coordinates that float16 cannot hold stay as they are."""
    scaled = vectors * np.float32(scale)
    fits = np.abs(scaled) <= np.finfo(np.float16).max
    narrow = np.where(fits, scaled, 0).astype(np.float16).astype(np.float32)
    return np.where(fits, narrow / np.float32(scale), vectors)


def within(
    search: Callable[[NDArray[np.int64], int], SearchResult], radius: np.float32, *, n_queries: int, n_vectors: int
) -> RangeResult:
    """Search for more and more hits until the last lies beyond the radius.

    Parameters
    ----------
    search : callable
        From rows of queries, and how many hits are wanted, to those hits.
    radius : float32
    n_queries, n_vectors : int
    """
    open_rows = np.arange(n_queries)
    k = min(_FIRST, max(1, n_vectors))
    pieces: list[tuple[int, Ids, NDArray[np.float32]]] = []
    n_cells = n_codes = n_reranked = 0
    seconds = 0.0
    like: Ids | None = None
    while len(open_rows):
        still_open = []
        step = max(1, _MOST_SLOTS // (10 * k))
        for start in range(0, len(open_rows), step):
            rows = open_rows[start : start + step]
            found = search(rows, k)
            like = found.ids
            n_cells += found.stats.n_cells
            n_codes += found.stats.n_codes
            n_reranked += found.stats.n_reranked
            seconds += found.stats.seconds
            counts = np.count_nonzero(found.distances <= radius, axis=1)  # empty slots are at `inf`
            more = (counts == k) & (k < n_vectors)
            still_open.append(rows[more])
            pieces += [
                (int(row), found.ids[i, : counts[i]].copy(), found.distances[i, : counts[i]].copy())
                for i, row in enumerate(rows)
                if not more[i]
            ]
        open_rows = np.concatenate(still_open)
        k = min(2 * k, n_vectors)
    pieces.sort(key=lambda piece: piece[0])
    offsets = np.cumsum([0, *(len(ids) for _, ids, _ in pieces)], dtype=np.int64)
    none = empty_ids((0, 1), like)[:, 0]
    return RangeResult(
        offsets,
        np.concatenate([none, *(ids for _, ids, _ in pieces)]),
        np.concatenate([np.empty(0, np.float32), *(distances for _, _, distances in pieces)]),
        SearchStats(n_cells, n_codes, n_reranked, seconds),
    )
