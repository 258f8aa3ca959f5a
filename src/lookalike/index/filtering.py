"""Searches that admit some vectors only: how far they must go, and when to compare with all that are admitted.

A walk over the nearest cells finds less under a filter than without one: of what it visits only a part counts, and the
hits that remain lie farther away, where cells and codes tell less apart; most of all where the filter goes with the
data, so that queries stand far from all that is admitted. So where a share s is admitted, a walk goes on until its
lists hold 1/sqrt(s) times the codes that it would score without a filter, and compares 1/s times as many exactly. With
these two, recall was never below that of the same settings unfiltered, for filters by chance, by half-spaces along any
axis, by cells and by nearness (docs/benchmarks/filters.md).

The narrower a filter, the more cells a walk needs, each of which costs its rotation and tables, and the less it costs
to compare with all that is admitted, which misses nothing. The switch is where the two cost the same, counted in
multiplications: the loops of :mod:`lookalike.kernels.tables` and :mod:`lookalike.kernels.rerank` do about as many in a
second. With float16 vectors, default settings and 110,000 vectors, that is at about one half.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import kernels
from lookalike.index.identities import admitted
from lookalike.index.plan import SearchPlan
from lookalike.index.segment import Segment
from lookalike.index.walk import Found
from lookalike.kernels.threads import map_blocks
from lookalike.quantization import LOPQModel

__all__ = ["Admission"]

_ROWS, _QUERIES = 1024, 64
"""Rows and queries compared at a time: rows stay in the processor's cache while the queries pass."""


@dataclass(frozen=True, slots=True, eq=False)
class Admission:
    """The rows that may be hits of a call.

    Parameters
    ----------
    segments : sequence of Segment
    masks : sequence of (bool (n,) or None)
        For each segment; None admits all.
    filtered : bool
        Whether a filter was given; else all that is alive is admitted.
    """

    segments: Sequence[Segment]
    masks: Sequence[NDArray[np.bool_] | None]
    filtered: bool

    @classmethod
    def of(cls, segments: Sequence[Segment], filter: ArrayLike | None) -> Self:
        """Apply a filter, as :func:`lookalike.index.identities.admitted` takes it, to what is alive."""
        if filter is None:
            return cls(segments, [segment.alive for segment in segments], False)
        masks = [admitted(filter, segment.ids) for segment in segments]
        for mask, segment in zip(masks, segments, strict=True):
            if segment.alive is not None:
                mask &= segment.alive
        return cls(segments, masks, True)

    def __len__(self) -> int:
        return sum(
            len(segment) if mask is None else int(np.count_nonzero(mask))
            for segment, mask in zip(self.segments, self.masks, strict=True)
        )

    def widened(self, plan: SearchPlan) -> SearchPlan:
        """Widen a plan so that it finds as much of the admitted as it does of all.

        ``n_candidates`` counts admitted codes, and is what the caller wants it to be.
        """
        n_alive = sum(segment.n_alive for segment in self.segments)
        share = len(self) / max(1, n_alive)
        if not (self.filtered and 0 < share < 1):
            return plan
        plan = replace(plan, rerank=math.ceil(plan.rerank / share))
        if plan.n_candidates is not None:
            return replace(plan, n_probe=None if plan.n_probe is None else math.ceil(plan.n_probe / share))
        n_probe = plan.default_probe if plan.n_probe is None else plan.n_probe
        n_codes = math.ceil(n_probe * self._codes_per_visit() / math.sqrt(share))
        if plan.n_probe is None:
            n_codes = max(n_codes, plan.enough)
        return replace(plan, n_probe=None, default_probe=n_probe, n_enough=n_codes)

    def are_few(self, model: LOPQModel, plan: SearchPlan) -> bool:
        """Tell whether comparing with all that is admitted costs no more than a plan that was widened for it.

        A plan that ranks by codes alone is left to them, as is an index that keeps nothing else.
        """
        if not (self.filtered and plan.rerank):
            return False
        n_admitted = len(self)
        if not n_admitted:
            return True
        n_cells = len(np.unique(np.concatenate([segment.cells for segment in self.segments])))
        n_codes = min(n_admitted, plan.enough if plan.n_candidates is None else plan.n_candidates)
        n_visits = math.ceil(n_cells * n_codes / n_admitted)
        if plan.n_candidates is None:
            n_visits = max(n_visits, min(n_cells, plan.default_probe if plan.n_probe is None else plan.n_probe))
        walked = n_visits * model.cost + n_codes * model.n_bytes + min(plan.rerank, n_codes) * model.dim_in
        return n_admitted * model.dim_in <= walked

    def nearest(self, compared: NDArray[np.float32], k: int, *, cosine: bool) -> list[Found]:
        """Compare with everything admitted and give the k nearest, a block of queries in each answer.

        Equal distances come in the order of segments and rows.

        Parameters
        ----------
        compared : float32 (n_queries, dim_in)
        k : int
        cosine : bool
            As in :meth:`Segment.squared_distances`.
        """
        places = [
            np.arange(len(segment)) if mask is None else np.flatnonzero(mask)
            for segment, mask in zip(self.segments, self.masks, strict=True)
        ]
        rows = np.concatenate([np.empty(0, np.int64), *places])
        owners = np.repeat(np.arange(len(places)), [len(each) for each in places])

        def block(queries: slice) -> Found:
            q = compared[queries]
            kept = [np.empty((len(q), 0), np.uint64)]
            first = 0
            for segment, own in zip(self.segments, places, strict=True):
                for start in range(0, len(own), _ROWS):
                    part = own[start : start + _ROWS]
                    distances = segment.squared_distances(q, np.tile(part, (len(q), 1)), cosine=cosine)
                    order = np.tile(np.arange(first, first + len(part)), (len(q), 1))
                    kept.append(_least(kernels.join_keys(distances, order), k))
                    first += len(part)
            keys = _least(np.concatenate(kept, axis=1), k)
            keys.sort(axis=1)
            squared, best = kernels.split_keys(keys)
            return Found(owners[best], rows[best], squared, n_reranked=len(rows) * len(q))

        return map_blocks(block, len(compared), _QUERIES)

    def _codes_per_visit(self) -> float:
        """Codes of the list that an unfiltered visit meets: large lists are met more often, in proportion."""
        cells = np.concatenate([segment.cells for segment in self.segments])
        counts = np.concatenate([np.diff(segment.offsets) for segment in self.segments])
        lists = np.bincount(np.unique(cells, return_inverse=True)[1], weights=counts)
        return float(np.square(lists).sum() / lists.sum())


def _least(keys: NDArray[np.uint64], k: int) -> NDArray[np.uint64]:
    return np.partition(keys, k - 1, axis=1)[:, :k] if keys.shape[1] > k else keys
