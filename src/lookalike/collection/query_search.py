"""One query, one plan, one ranked list.

A plan (query_planning.py) holds the ids that may be found, the parts that are scored for all of these, and the photos
and vectors of the query, which become one vector, whose nearest the index gives. The best of either are the candidates;
where parts are only subtracted, all photos are. Of each of them every part is known exactly, and they are ranked by all
parts together (ranking.py). Cost: at 100,000 photos five milliseconds for the index beside the plan
(docs/benchmarks/understanding.md), 60 to 110 where photos are only subtracted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog, Within
from lookalike.collection.background import Background
from lookalike.collection.columns import ColumnsView, at_rows
from lookalike.collection.hits import SearchEvidence
from lookalike.collection.likeness import Likeness
from lookalike.collection.query_plan import QueryPlan
from lookalike.collection.query_planning import QueryPlanner
from lookalike.collection.ranking import (
    SUBTRACTED,
    Logistic,
    Part,
    fused,
    n_beyond_chance,
    representatives,
    told_apart,
)
from lookalike.collection.vectors import VectorView
from lookalike.kernels.threads import one_blas_thread
from lookalike.query import Query

if TYPE_CHECKING:
    from lookalike.index.live.snapshot import Snapshot

__all__ = ["N_CANDIDATES", "QuerySearch", "Ranked"]

N_CANDIDATES = 1000
"""Candidates of the index, and as many of the parts that are scored for all, of a query of several parts."""
NEARLY_THE_SAME = 0.95
"""Cosine from which on a hit counts as another version of an earlier one."""
_TIES = 31
"""Equally near photos that may lie on the edge of the candidates."""
_TOP = 3
"""Best matches that stay above in any other order."""
_LOOKED_THROUGH = 256
"""Hits looked through for other versions, at the least."""
_DEEPER = 4
"""How many times as many are looked through where so many were not enough."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranked list, before paths are known.

    Attributes
    ----------
    hits : list of (photo_id, score, parts)
    others : dict of int to list of int
        Hits that were left out as other versions of one that is there.
    n_good : int or None
        How many of the best are worth looking at, counted from the first hit of all.
    has_more : bool
    evidence : SearchEvidence
    """

    hits: list[tuple[int, float, dict[str, float]]]
    others: dict[int, list[int]]
    n_good: int | None
    has_more: bool
    evidence: SearchEvidence


@dataclass(frozen=True, slots=True, eq=False)
class _Best:
    """The best photos for a query, best first by `order`; `is_whole`: no other would be a hit."""

    ids: NDArray[np.int64]
    parts: list[Part]
    scores: NDArray[np.float32]
    order: NDArray[np.int64]
    is_whole: bool
    evidence: SearchEvidence

    def hit(self, row: int) -> tuple[int, float, dict[str, float]]:
        """Give id, score, and the score of every part."""
        return (
            int(self.ids[row]),
            float(self.scores[row]),
            {part.name: float(part.scores[row]) for part in self.parts},
        )


class QuerySearch:
    """Answers queries about one collection.

    Parameters
    ----------
    planner : QueryPlanner
    catalog : Catalog
    vectors : VectorView
    columns : ColumnsView
    background : Background
    calibration : Logistic or None
        From cosines to probabilities, for the encoder of the collection; None where the photos' own spread tells it.
    """

    def __init__(
        self,
        planner: QueryPlanner,
        catalog: Catalog,
        vectors: VectorView,
        columns: ColumnsView,
        background: Background,
        calibration: Logistic | None,
    ) -> None:
        self._planner = planner
        self._catalog = catalog
        self._vectors = vectors
        self._columns = columns
        self._background = background
        self._calibration = calibration

    def search(
        self,
        query: Query,
        likenesses: Sequence[Likeness],
        *,
        k: int,
        offset: int = 0,
        exact: bool = False,
        within: Within | None = None,
        distinct: bool = False,
    ) -> Ranked:
        """Rank the photos for a query whose photos and vectors are resolved.

        Parameters
        ----------
        query : Query
            Its terms that are photos or vectors are not looked at.
        likenesses : sequence of Likeness
            In their place.
        k, offset : int
        exact : bool
            Compare with every photo instead of asking the index.
        within : Within, optional
            Limits beside those of the query.
        distinct : bool
            Leave out hits that are nearly the same as an earlier one.
        """
        started = time.perf_counter()
        with one_blas_thread():  # more of them spin for longer than these products take
            state = self._vectors.state()
            plan = self._planner.plan(query, likenesses, within, state)
            wanted = offset + k + 1
            judged = plan.wants and (query.cut or query.order != "relevance")
            # What is told of a list as a whole must not depend on the page that is asked for.
            depth = N_CANDIDATES if judged or distinct else wanted
            if query.order != "relevance" and not judged:
                depth = max(state.n_vectors, 1)
            while True:
                best = self._best(plan, state, depth, exact=exact)
                order, is_whole, n_good = best.order, best.is_whole, None
                if judged:
                    n_good = self._n_good(plan, state, best.scores[order])
                    is_whole = is_whole or n_good < len(order)
                    order = order[: max(n_good, 0 if query.cut else _TOP)]
                order = self._ordered(query, best.ids, order, top=_TOP if judged else 0)
                others: dict[int, list[int]] = {}
                if distinct:
                    order, others = self._distinct(state, best.ids, order, wanted)
                if is_whole or (not judged and (not distinct or len(order) >= wanted)):
                    break
                depth *= _DEEPER
            hits = [best.hit(row) for row in order[offset : offset + k]]
            evidence = replace(best.evidence, seconds=time.perf_counter() - started, words=plan.words)
            return Ranked(hits, others, n_good, len(order) > offset + k, evidence)

    def _best(self, plan: QueryPlan, state: Snapshot, depth: int, *, exact: bool) -> _Best:
        """Score at least the `depth` best by every part."""
        ids, evidence = self._candidates(plan, state, depth, exact=exact)
        ids = ids[~np.isin(ids, [like.photo_id for like in plan.likenesses if like.photo_id is not None])]
        cosines = self._cosines(plan, state, ids)
        parts = told_apart(self._parts(plan, state, ids, cosines))
        scores = fused(parts, len(ids))
        # Very near photos have scores that are equal to the last bit, and so have those unlike what is subtracted.
        nearness = np.sign(plan.likenesses[0].weight) * cosines[0] if cosines else scores
        order, is_whole = np.lexsort((ids, -nearness, -scores)), depth >= evidence.n_photos
        if plan.by_words:
            good = scores[order] >= plan.least_score(scores)
            order, is_whole = order[good], is_whole or not good.all()
        return _Best(ids, parts, scores, order, is_whole, evidence)

    # -- candidates -------------------------------------------------------------------------------------------

    def _candidates(
        self, plan: QueryPlan, state: Snapshot, wanted: int, *, exact: bool
    ) -> tuple[NDArray[np.int64], SearchEvidence]:
        """Ids int64 (n,) of photos worth scoring by every part."""
        alone = not plan.parts and len(plan.likenesses) == 1
        # By powers of two: so far pages have the same candidates, and join though many be equally near.
        n = 1 << (wanted + len(plan.likenesses) + _TIES).bit_length() if alone else max(N_CANDIDATES, wanted)
        n_photos = state.n_vectors if plan.admitted is None else len(plan.admitted)
        evidence = SearchEvidence("words" if plan.by_words else "exact", n_photos, 0, 0, 0, 0.0)
        found = []
        direction = plan.direction(state)
        if direction is not None:
            bitmap = None
            if plan.admitted is not None:
                bitmap = np.zeros(int(plan.admitted.max(initial=0)) + 1, np.bool_)
                bitmap[plan.admitted] = True
            hits = state.search(direction, max(1, min(n, n_photos)), filter=bitmap, exact=exact)
            ids = hits.ids[0]
            found.append(ids[ids >= 0])
            method = "lopq" if state.segments and not exact else "exact"
            stats = hits.stats
            evidence = SearchEvidence(method, n_photos, stats.n_cells, stats.n_codes, stats.n_reranked, 0.0)
        if plan.parts or direction is None:
            scores = fused(plan.parts, len(plan.ids))
            if not plan.wants:  # all else is nearly equally good: all are ranked
                n = len(plan.ids)
            if n < len(scores):
                best = np.argpartition(-scores, n)[:n]
                found.append(plan.ids[np.sort(best)])
            else:
                found.append(plan.ids)
        return np.unique(np.concatenate(found)), evidence

    def _parts(
        self, plan: QueryPlan, state: Snapshot, ids: NDArray[np.int64], cosines: Sequence[NDArray[np.float32]]
    ) -> list[Part]:
        """Score photos by every part."""
        parts = self._likeness_parts(plan, state, cosines)
        if plan.parts:
            places = np.searchsorted(plan.ids, ids)
            parts += [replace(part, scores=part.scores[places]) for part in plan.parts]
        return parts

    def _likeness_parts(self, plan: QueryPlan, state: Snapshot, cosines: Sequence[NDArray[np.float32]]) -> list[Part]:
        if not plan.likenesses:
            return []
        calibration = self._calibration or self._background.calibration(state)
        weights = [plan.content * like.weight * (1.0 if like.weight > 0 else SUBTRACTED) for like in plan.likenesses]
        return [
            Part(like.name, weight, calibration(each))
            for like, weight, each in zip(plan.likenesses, weights, cosines, strict=True)
        ]

    def _cosines(self, plan: QueryPlan, state: Snapshot, ids: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        if not plan.likenesses or not len(ids):
            return [np.empty(len(ids), np.float32) for _ in plan.likenesses]
        queries = state.space.compared(np.stack([like.embedding for like in plan.likenesses]))
        # By rows: a matrix product rounds otherwise for other numbers of candidates, and pages must join to the bit.
        return [np.nan_to_num(np.clip(state.products(query, ids), -1, 1), nan=-1.0) for query in queries]

    # -- the list ---------------------------------------------------------------------------------------------

    def _n_good(self, plan: QueryPlan, state: Snapshot, scores: NDArray[np.float32]) -> int:
        ids, embeddings = self._background.sample(state)
        if plan.admitted is not None:
            kept = np.isin(ids, plan.admitted)
            ids, embeddings = ids[kept], embeddings[kept]
        queries = [state.space.compared(like.embedding[None])[0] for like in plan.likenesses]
        parts = self._likeness_parts(plan, state, [embeddings @ query for query in queries])
        if plan.parts:
            places = np.minimum(np.searchsorted(plan.ids, ids), len(plan.ids) - 1)
            parts += [replace(part, scores=part.scores[places]) for part in plan.parts]
        n_photos = state.n_vectors if plan.admitted is None else len(plan.admitted)
        return n_beyond_chance(scores, fused(parts, len(ids)), n_photos)

    def _ordered(
        self, query: Query, ids: NDArray[np.int64], order: NDArray[np.int64], *, top: int
    ) -> NDArray[np.int64]:
        """Bring hits into the order asked for; the `top` best matches stay above."""
        if query.order == "relevance" or not len(order):
            return order
        rest = order[top:]
        if query.order == "time":
            times = self._catalog.times_of(ids[rest].tolist())
            keys = [times.get(photo_id) or "" for photo_id in ids[rest].tolist()]
            ranked = sorted(range(len(rest)), key=lambda i: keys[i], reverse=True)
        else:
            columns = self._columns.current()
            rows = columns.rows_of(ids[rest])
            quality = at_rows(np.nan_to_num(columns.measure("quality")), rows)
            ranked = np.argsort(-quality, kind="stable").tolist()
        return np.concatenate([order[:top], rest[np.array(ranked, np.int64)]])

    def _distinct(
        self, state: Snapshot, ids: NDArray[np.int64], order: NDArray[np.int64], wanted: int
    ) -> tuple[NDArray[np.int64], dict[int, list[int]]]:
        """Leave out what is nearly the same as an earlier hit, until enough are left; gives what, by the hit before."""
        n = max(_LOOKED_THROUGH, 3 * wanted)
        while True:
            looked = order[:n]
            own = representatives(self._vectors.compared(state, ids[looked]), NEARLY_THE_SAME)
            first = own == np.arange(len(own))
            if len(looked) == len(order) or np.count_nonzero(first) >= wanted:
                break
            n *= _DEEPER
        others: dict[int, list[int]] = {}
        for i in np.flatnonzero(~first):
            others.setdefault(int(ids[looked[own[i]]]), []).append(int(ids[looked[i]]))
        return looked[first], others
