"""What a search gives back, with its own evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SearchResult", "SearchStats"]


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

    ids: NDArray[np.int64] | NDArray[np.str_]
    distances: NDArray[np.float32]
    stats: SearchStats
