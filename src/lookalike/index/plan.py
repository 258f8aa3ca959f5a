"""How far a search goes: cells to visit, codes to score, hits to re-rank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["SearchPlan"]


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Limits of one search.

    Parameters
    ----------
    k : int
        Hits wanted.
    n_probe : int or None
        Visit so many cells that hold something admitted. None: see ``default_probe``.
    n_candidates : int or None
        Visit cells until their lists hold so many admitted codes (yahoo/lopq's quota). With both, whichever
        comes first.
    rerank : int
        How many of the nearest by code are compared exactly; 0 ranks by codes alone.
    default_probe : int
        With neither limit: visit so many cells, and go on until they hold ``enough`` admitted codes.
    n_enough : int or None
        What is enough; None: ``max(k, rerank)``.
    """

    k: int
    n_probe: int | None
    n_candidates: int | None
    rerank: int
    default_probe: int
    n_enough: int | None = None

    @property
    def enough(self) -> int:
        """Admitted codes that a walk with neither limit needs."""
        return max(self.k, self.rerank) if self.n_enough is None else self.n_enough

    def within(self, n_admitted: int) -> Self:
        """Limit everything to the number of vectors that can be found, which finds the same."""
        most = max(1, n_admitted)
        return replace(
            self,
            k=min(self.k, most),
            n_candidates=None if self.n_candidates is None else min(self.n_candidates, most),
            rerank=min(self.rerank, most),
            n_enough=None if self.n_enough is None else min(self.n_enough, most),
        )

    def likely_visits(self, n_occupied: int) -> int:
        """Visits to prepare for, before anything is known of the cells: from 1 to ``n_occupied``."""
        if self.n_probe is not None:
            return max(1, min(n_occupied, self.n_probe))
        if self.n_candidates is not None:
            return max(1, min(n_occupied, 64))
        return max(1, min(n_occupied, self.default_probe))

    def are_enough(self, cumulative: NDArray[np.int64], n_visits: int) -> bool:
        """Tell whether these first cells of each walk are all that can be wanted: int64 (n_queries, n_visits)."""
        if self.n_probe is not None and n_visits >= self.n_probe:
            return True
        wanted = self.n_candidates if self.n_candidates is not None else self.enough
        enough = bool((cumulative[:, -1] >= wanted).all())
        return enough and (self.n_candidates is not None or self.n_probe is not None or n_visits >= self.default_probe)

    def n_visits(self, cumulative: NDArray[np.int64]) -> int:
        """How many cells of an ordered walk are visited.

        Parameters
        ----------
        cumulative : int64 (n,)
            Admitted codes in the first 1, 2, ... cells of the walk.
        """
        if self.n_probe is None and self.n_candidates is None:
            enough = int(np.searchsorted(cumulative, self.enough)) + 1
            return min(len(cumulative), max(enough, self.default_probe))
        visits = len(cumulative)
        if self.n_probe is not None:
            visits = min(visits, self.n_probe)
        if self.n_candidates is not None:
            visits = min(visits, int(np.searchsorted(cumulative, self.n_candidates)) + 1)
        return visits
