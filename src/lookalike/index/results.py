"""What a search gives back, with its own evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.index.identities import Ids, empty_ids

__all__ = ["MOST", "SearchResult", "SearchStats", "check_slots", "padded"]

MOST = 2**31 - 1
"""The largest k, depth or number of cells that can be asked for."""
_MOST_EMPTY_SLOTS = 1 << 28
"""Slots of an answer of which some must stay empty: 3 GiB."""


@dataclass(frozen=True, slots=True)
class SearchStats:
    """The work of one search call, summed over its queries.

    Parameters
    ----------
    n_cells : int
        Cells visited.
    n_codes : int
        Codes scored.
    n_reranked : int
        Vectors compared exactly.
    seconds : float
    """

    n_cells: int
    n_codes: int
    n_reranked: int
    seconds: float

    def __add__(self, other: SearchStats) -> SearchStats:
        """Give the work of two calls together."""
        return SearchStats(
            self.n_cells + other.n_cells,
            self.n_codes + other.n_codes,
            self.n_reranked + other.n_reranked,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """Hits of each query, nearest first.

    Parameters
    ----------
    ids : int64 or str (n_queries, k)
        Empty slots hold -1, or "" among str ids.
    distances : float32 (n_queries, k)
        Euclidean distance for l2; 1 - cosine for cosine. Empty slots hold ``inf``.
    stats : SearchStats
    """

    ids: Ids
    distances: NDArray[np.float32]
    stats: SearchStats


def check_slots(k: int, n_queries: int, n_vectors: int) -> None:
    """Raise where more hits are asked for than there are vectors, and empty slots alone would fill the memory."""
    if k > n_vectors and k * n_queries > _MOST_EMPTY_SLOTS:
        raise InvalidArgumentError(
            f"`k` is {k} for {n_queries} queries, but there are only {n_vectors} vectors to be found. "
            f"Give `k={max(1, n_vectors)}`."
        )


def padded(ids: Ids, distances: NDArray[np.float32], k: int) -> tuple[Ids, NDArray[np.float32]]:
    """Fill hits (n_queries, at most k) to (n_queries, k) with empty slots."""
    n, width = distances.shape
    if width == k:
        return ids, distances
    all_ids, all_distances = empty_ids((n, k), ids), np.full((n, k), np.inf, np.float32)
    all_ids[:, :width], all_distances[:, :width] = ids, distances
    return all_ids, all_distances
