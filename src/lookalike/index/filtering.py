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
second. With 110,000 vectors of 256 dimensions and default settings that is at about a twelfth; with a rotation for each
cell, whose tables cost more, at about three quarters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.index.identities import Ids, admitted
from lookalike.index.plan import SearchPlan
from lookalike.index.segment import Segment
from lookalike.index.walk import Found, ids_of_rows, merged
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
        if not self.filtered:
            return plan
        share = len(self) / max(1, sum(segment.n_alive for segment in self.segments))
        if not 0 < share < 1:
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

    def nearest(self, compared: NDArray[np.float32], k: int, *, cosine: bool) -> Found:
        """Compare with everything admitted and give the k nearest.

        Equal distances come in the order of segments and rows.

        Parameters
        ----------
        compared : float32 (n_queries, dim_in)
        k : int
            At most as many as are admitted, or 1.
        cosine : bool
            As in :meth:`Segment.nearest`.
        """
        parts = []
        for number, (segment, mask) in enumerate(zip(self.segments, self.masks, strict=True)):
            rows = np.arange(len(segment)) if mask is None else np.flatnonzero(mask)
            parts += [(number, rows[start : start + _ROWS]) for start in range(0, len(rows), _ROWS)]
        owners = np.array([number for number, _ in parts], np.int64)

        def block(queries: slice) -> tuple[Ids, NDArray[np.float32]]:
            q = compared[queries]
            none = np.full((len(q), k), np.inf, np.float32), np.full((len(q), k), -1, np.int64)
            found = [
                self.segments[number].nearest(q, np.tile(rows, (len(q), 1)), min(k, len(rows)), cosine=cosine)
                for number, rows in parts
            ]
            which, rows, squared = merged(found or [none], k)
            numbers = np.where(rows >= 0, owners[which], -1) if len(owners) else which
            return ids_of_rows(self.segments, numbers, rows), squared

        blocks = [*map_blocks(block, len(compared), _QUERIES), block(slice(0, 0))]
        return Found(
            np.concatenate([ids for ids, _ in blocks]),
            np.concatenate([squared for _, squared in blocks]),
            n_reranked=sum(len(rows) for _, rows in parts) * len(compared),
        )

    def _codes_per_visit(self) -> float:
        """Codes of the list that an unfiltered visit meets: large lists are met more often, in proportion."""
        cells = np.concatenate([segment.cells for segment in self.segments])
        counts = np.concatenate([segment.lengths for segment in self.segments])
        lists = np.bincount(np.unique(cells, return_inverse=True)[1], weights=counts)
        return float(np.square(lists).sum() / lists.sum())
