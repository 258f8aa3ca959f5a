"""Search of queries over segments: order the cells, scan their codes, re-rank the nearest exactly.

Kalantidis & Avrithis, CVPR 2014, section 4, and yahoo/lopq's searcher. Queries go in blocks: each step is one kernel
over the whole block, so that what Python costs is shared by its queries, and blocks go to threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.index.identities import Ids, empty_ids
from lookalike.index.plan import SearchPlan
from lookalike.index.query_tables import QueryTables, local_queries
from lookalike.index.segment import Segment
from lookalike.kernels.threads import map_blocks, n_threads
from lookalike.quantization import AdditiveQuantizer, LOPQModel

__all__ = ["Found", "Walk", "ids_of_rows", "merged"]

_ALL = np.empty(0, np.bool_)
_TABLE_VALUES = 1 << 19
"""Entries of the tables that are held at once (2 MiB): they stay in the processor's cache until they are used."""
_MOST_QUERIES, _MOST_VISITS = 1024, 1 << 15
"""Queries of a block, and cells that they visit: the more of them, the less often a rotation is read from memory."""
_MOST_SLOTS = 1 << 22
"""Candidates of a block: some 200 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Nearest vectors of a block of queries.

    Parameters
    ----------
    ids : int64 or str (n_queries, k)
        -1 or "" in empty slots.
    squared : float32 (n_queries, k)
        Never falling along a row; ``inf`` in empty slots.
    n_cells, n_codes, n_reranked : int
        Work done.
    """

    ids: Ids
    squared: NDArray[np.float32]
    n_cells: int = 0
    n_codes: int = 0
    n_reranked: int = 0


class Walk:
    """A model and the lists a call may look at, prepared once for all its queries.

    Parameters
    ----------
    model : LOPQModel
    segments : sequence of Segment
    admitted : sequence of (bool (n,) or None)
        For each segment the rows that may be hits; None admits all.
    """

    def __init__(
        self, model: LOPQModel, segments: Sequence[Segment], admitted: Sequence[NDArray[np.bool_] | None]
    ) -> None:
        self._model = model
        self._segments = segments
        self._admitted = admitted
        if len(segments) == 1 and admitted[0] is None:
            self._occupied, self._counts = segments[0].cells, segments[0].lengths
            return
        cells = [np.empty(0, np.int64)]
        counts = [np.empty(0, np.int64)]
        for segment, mask in zip(segments, admitted, strict=True):
            cells.append(segment.cells)
            counts.append(segment.admitted_lengths(mask))
        used, inverse = np.unique(np.concatenate(cells), return_inverse=True)
        total = np.bincount(inverse, weights=np.concatenate(counts), minlength=len(used)).astype(np.int64)
        self._occupied = used[total > 0]
        self._counts = total[total > 0]

    def search(self, projected: NDArray[np.float32], compared: NDArray[np.float32], plan: SearchPlan) -> Found:
        """Nearest vectors of queries.

        Parameters
        ----------
        projected : float32 (n_queries, dim)
        compared : float32 (n_queries, dim_in)
            The same queries before projection, for re-ranking.
        plan : SearchPlan
        """
        if len(projected) == 1:
            return self._block(projected, compared, plan)
        n_visits = plan.likely_visits(len(self._occupied))
        per_thread = -(-len(projected) // n_threads())
        depth = max(plan.k, plan.rerank)
        block = max(1, min(per_thread, _MOST_QUERIES, _MOST_VISITS // n_visits, _MOST_SLOTS // depth))
        found = map_blocks(lambda rows: self._block(projected[rows], compared[rows], plan), len(projected), block)
        if len(found) == 1:
            return found[0]
        found.append(self._block(projected[:0], compared[:0], plan))  # there may have been no block at all
        return Found(
            np.concatenate([each.ids for each in found]),
            np.concatenate([each.squared for each in found]),
            *(sum(getattr(each, name) for each in found) for name in ("n_cells", "n_codes", "n_reranked")),
        )

    def _block(self, projected: NDArray[np.float32], compared: NDArray[np.float32], plan: SearchPlan) -> Found:
        near = self._model.coarse.scores(projected)
        if self._is_plain and plan.rerank and plan.n_candidates is None and len(projected):
            found = self._whole(projected, compared, near[:, 0], plan)
            if found is not None:
                return found
        depth = max(plan.k, plan.rerank)
        # what is compared exactly anyway needs no exact sums before, unless segments compete
        rescore = not plan.rerank or len(self._segments) > 1
        places = self._order(near, plan)
        n_queries, n_probe = places.shape
        if not n_probe:
            none = np.full((n_queries, plan.k), -1, np.int64)
            return Found(ids_of_rows(self._segments, none, none), np.full(none.shape, np.inf, np.float32))
        visits = places >= 0
        n_cells, n_codes = int(np.count_nonzero(visits)), int(self._counts[places][visits].sum())
        cells = np.where(visits, self._occupied[places], -1)
        local = local_queries(self._model, projected, cells)
        scanned = []
        n_tables = 1 if local is None and isinstance(self._model.product, AdditiveQuantizer) else n_probe
        step = max(1, _TABLE_VALUES // (n_tables * self._model.product.n_codes * 2**self._model.product.bits))
        for start in range(0, n_queries, step):
            part = slice(start, start + step)
            own = None if local is None else local[start * n_probe : (start + step) * n_probe]
            tables = QueryTables.of(self._model, projected[part], near[part], cells[part], own)
            scanned.append(self._scan(tables, cells[part], depth, rescore=rescore))
        numbers, rows, squared = scanned[0]
        if len(scanned) > 1:
            numbers, rows, squared = (np.concatenate(each) for each in zip(*scanned, strict=True))
        if not plan.rerank:
            return Found(ids_of_rows(self._segments, numbers, rows), squared, n_cells, n_codes)
        n_reranked = int(np.count_nonzero(rows >= 0))
        nearest = []
        for number, segment in enumerate(self._segments):
            here = rows if len(self._segments) == 1 else np.where(numbers == number, rows, -1)
            nearest.append(segment.nearest(compared, here, plan.k, cosine=self._model.metric == "cosine"))
        numbers, rows, squared = merged(nearest, plan.k)
        return Found(ids_of_rows(self._segments, numbers, rows), squared, n_cells, n_codes, n_reranked)

    @property
    def _is_plain(self) -> bool:
        """Whether one segment has all cells and admits all rows, and one table of a query serves all its codes."""
        product = self._model.product
        return (
            len(self._segments) == 1
            and self._admitted[0] is None
            and len(self._segments[0].cells) == self._model.coarse.n_cells
            and isinstance(product, AdditiveQuantizer)
            and not len(product.spreads)
        )

    def _whole(
        self, projected: NDArray[np.float32], compared: NDArray[np.float32], near: NDArray[np.float32], plan: SearchPlan
    ) -> Found | None:
        """Do as :meth:`_block` in one kernel; None where the cells that a plan names do not hold enough codes."""
        (segment,), product = self._segments, self._model.product
        assert isinstance(product, AdditiveQuantizer)
        n_probe, depth = plan.likely_visits(len(segment.cells)), max(plan.k, plan.rerank)
        squared, rows, n_codes = segment.search(
            compared,
            near,
            projected,
            product,
            n_probe=n_probe,
            depth=depth,
            k=plan.k,
            cosine=self._model.metric == "cosine",
        )
        if plan.n_probe is None and n_probe < len(segment.cells) and n_codes.min(initial=plan.enough) < plan.enough:
            return None
        n_reranked = int(np.minimum(n_codes, depth).sum())
        ids = ids_of_rows(self._segments, rows, rows)
        return Found(ids, squared, n_probe * len(projected), int(n_codes.sum()), n_reranked)

    def _order(self, near: NDArray[np.float32], plan: SearchPlan) -> NDArray[np.int64]:
        """Places in ``occupied`` of the cells to visit, nearest first: int64 (n_queries, n_visits), -1 beyond."""
        n_queries, n_parts = near.shape[:2]
        n_occupied = len(self._occupied)
        if not n_occupied or not n_queries:
            return np.empty((n_queries, 0), np.int64)
        if n_parts == 2:
            orders = [self._order_pairs(each, plan) for each in near]
            out = np.full((n_queries, max(map(len, orders))), -1, np.int64)
            for i, order in enumerate(orders):
                out[i, : len(order)] = order
            return out
        distances = near[:, 0]
        if n_occupied < distances.shape[1]:
            distances = np.ascontiguousarray(distances[:, self._occupied])
        wanted = min(n_occupied, plan.likely_visits(n_occupied))
        while True:
            places: NDArray[np.int64] = kernels.nearest_cells(distances, wanted)
            if plan.n_probe is not None and plan.n_candidates is None:
                return places
            cumulative = np.cumsum(self._counts[places], axis=1)
            visits = np.array([plan.n_visits(each) for each in cumulative])
            # when every cell of a prefix is wanted, more may be; a smaller number cannot change with more
            if wanted == n_occupied or (visits < wanted).all() or plan.are_enough(cumulative, wanted):
                places = places[:, : visits.max(initial=0)]
                places[np.arange(places.shape[1]) >= visits[:, None]] = -1
                return places
            wanted = min(n_occupied, 4 * wanted)

    def _order_pairs(self, near: NDArray[np.float32], plan: SearchPlan) -> NDArray[np.int64]:
        """Do as :meth:`_order` for one query of a multi-index: float32 (2, n_coarse)."""
        wanted = 64
        while True:
            cells, _ = kernels.multisequence(near[0], near[1], wanted)
            flat = self._model.coarse.flat(cells)
            places: NDArray[np.int64] = np.minimum(np.searchsorted(self._occupied, flat), len(self._occupied) - 1)
            places = places[self._occupied[places] == flat]
            visits = plan.n_visits(np.cumsum(self._counts[places]))
            if visits < len(places) or len(places) == len(self._occupied) or len(cells) < wanted:
                return places[:visits]
            wanted *= 4

    def _scan(
        self, tables: QueryTables, cells: NDArray[np.int64], depth: int, *, rescore: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Nearest rows by code in the given cells, over all segments: segment numbers, rows and squared distances.

        Without ``rescore``, which needs a single segment, in no order, and distances mean nothing.
        """
        found = []
        for segment, mask in zip(self._segments, self._admitted, strict=True):
            lists = np.minimum(np.searchsorted(segment.cells, cells), len(segment.cells) - 1)
            lists = np.where(segment.cells[lists] == cells, lists, -1)
            found.append(
                kernels.scan_lists(
                    tables.tables,
                    tables.slots,
                    lists,
                    tables.biases,
                    tables.level_scales,
                    tables.levels,
                    segment.offsets,
                    segment.first_blocks,
                    segment.blocks,
                    _ALL if mask is None else mask,
                    depth,
                    rescore=rescore,
                )
            )
        return merged(found, depth)


def ids_of_rows(segments: Sequence[Segment], numbers: NDArray[np.int64], rows: NDArray[np.int64]) -> Ids:
    """Ids of rows, given the numbers of their segments, both int64 (n_queries, k) and -1 in empty slots."""
    if len(segments) == 1:
        ids = segments[0].ids[rows]
        ids[rows < 0] = "" if ids.dtype.kind == "U" else -1
        return ids
    widest = max((s.ids for s in segments), key=lambda names: names.dtype.itemsize, default=None)
    ids = empty_ids(rows.shape, widest)
    for number, segment in enumerate(segments):
        here = (numbers == number) & (rows >= 0)
        ids[here] = segment.ids[rows[here]]
    return ids


def merged(
    found: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Pick the ``k`` nearest of what was found in each segment: segment numbers, rows and squared distances."""
    if len(found) == 1:
        squared, rows = found[0]
        return np.minimum(rows, 0), rows, squared
    squared, rows = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
    keys = kernels.join_keys(squared, np.where(rows >= 0, np.arange(rows.shape[1]), -1))
    keys.sort(axis=1)
    squared, best = kernels.split_keys(keys[:, :k])
    taken = np.maximum(best, 0)
    rows = np.where(best >= 0, np.take_along_axis(rows, taken, axis=1), -1)
    numbers = np.repeat(np.arange(len(found)), [each.shape[1] for _, each in found])
    return np.where(best >= 0, numbers[taken], -1), rows, squared
