"""Search of one query over segments: order the cells, score their codes, re-rank the nearest exactly.

Kalantidis & Avrithis, CVPR 2014, section 4, and yahoo/lopq's searcher: tables are built once per visited cell, or, with
a multi-index, once per visited half-cell and shared by all the pairs it is part of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike import kernels
from lookalike.index.plan import SearchPlan
from lookalike.index.segment import Segment
from lookalike.quantization import LOPQModel

__all__ = ["Found", "Walk"]

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Segment numbers, rows and squared distances, nearest first."""

_ALL = np.empty(0, np.bool_)


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
        cells = [np.empty(0, np.int64)]
        counts = [np.empty(0, np.int64)]
        for segment, mask in zip(segments, admitted, strict=True):
            cells.append(segment.cells)
            if mask is None:
                counts.append(np.diff(segment.offsets))
            else:
                before = np.concatenate([[0], np.cumsum(mask)])
                counts.append(before[segment.offsets[1:]] - before[segment.offsets[:-1]])
        used, inverse = np.unique(np.concatenate(cells), return_inverse=True)
        total = np.bincount(inverse, weights=np.concatenate(counts), minlength=len(used)).astype(np.int64)
        self._first_blocks = [segment.first_blocks() for segment in segments]
        n_parts = model.coarse.n_parts
        self._codebooks = np.split(model.product.transposed(), n_parts)
        self._occupied = used[total > 0]
        self._counts = total[total > 0]
        self.n_cells = self.n_codes = self.n_reranked = 0

    def search(
        self, projected: NDArray[np.float32], query: NDArray[np.float32], near: NDArray[np.float32], plan: SearchPlan
    ) -> Found:
        """Nearest rows of one query.

        Parameters
        ----------
        projected : float32 (dim,)
        query : float32 (dim_in,)
            The same query before projection, for re-ranking.
        near : float32 (n_parts, n_coarse)
            Its squared distances to the coarse centroids.
        plan : SearchPlan
        """
        cells = self._order(near, plan)
        self.n_cells += len(cells)
        self.n_codes += int(self._counts[np.searchsorted(self._occupied, cells)].sum())
        if not len(cells):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        numbers, rows, distances = self._scan(projected, cells, max(plan.k, plan.rerank))
        if not plan.rerank:
            return numbers[: plan.k], rows[: plan.k], distances[: plan.k]
        self.n_reranked += len(rows)
        exact = np.empty(len(rows), np.float32)
        for number in range(len(self._segments)):
            here = np.flatnonzero(numbers == number)
            if len(here):
                exact[here] = self._segments[number].squared_distances(query, rows[here])
        best = kernels.top_k(exact, plan.k)
        return numbers[best], rows[best], exact[best]

    def _order(self, near: NDArray[np.float32], plan: SearchPlan) -> NDArray[np.int64]:
        """Numbers of the cells to visit, nearest first."""
        if len(near) == 1:
            order = np.argsort(near[0][self._occupied], kind="stable")
            return self._occupied[order[: plan.n_visits(np.cumsum(self._counts[order]))]]
        coarse = self._model.coarse
        wanted = 64
        while True:
            cells, _ = kernels.multisequence(near[0], near[1], wanted)
            flat = coarse.flat(cells)
            places = np.minimum(np.searchsorted(self._occupied, flat), max(0, len(self._occupied) - 1))
            places = places[self._occupied[places] == flat] if len(self._occupied) else places[:0]
            visits = plan.n_visits(np.cumsum(self._counts[places]))
            # when every cell of this prefix is wanted, more may be; a smaller number cannot change with more
            if visits < len(places) or len(places) == len(self._occupied) or len(cells) < wanted:
                return self._occupied[places[:visits]]
            wanted *= 4

    def _scan(self, projected: NDArray[np.float32], cells: NDArray[np.int64], depth: int) -> Found:
        """Nearest rows by code in the given cells, over all segments."""
        frames = self._model.frames
        parts = self._model.coarse.unflat(cells)
        product = self._model.product
        tables, slots = [], np.empty(parts.shape, np.int64)
        n_slots = 0
        for p, part in enumerate(projected.reshape(parts.shape[1], -1)):
            if parts.shape[1] == 1:  # the cells of one codebook are all different
                used, slots[:, 0] = parts[:, 0], np.arange(len(parts))
            else:
                used, slots[:, p] = np.unique(parts[:, p], return_inverse=True)
                slots[:, p] += n_slots
            n_slots += len(used)
            tables.append(
                kernels.query_tables(
                    part,
                    used,
                    frames.offsets[p],
                    frames.rotations[p],
                    frames.rotation_scales[p],
                    frames.rotation_of_cell[p],
                    self._codebooks[p],
                )
            )
        stacked = np.concatenate(tables) if len(tables) > 1 else tables[0]
        if len(product.error_levels):
            whole = np.empty((n_slots, product.n_codes, 16), np.float32)
            whole[:, :-1] = stacked
            whole[:, -1] = product.error_levels
            stacked = whole
        found: list[Found] = []
        for number, (segment, mask) in enumerate(zip(self._segments, self._admitted, strict=True)):
            places = np.minimum(np.searchsorted(segment.cells, cells), len(segment.cells) - 1)
            present = np.flatnonzero(segment.cells[places] == cells)
            places = places[present]
            starts, ends = segment.offsets[places], segment.offsets[places + 1]
            distances, rows = kernels.scan_lists(
                stacked,
                slots[present],
                starts,
                ends,
                self._first_blocks[number][places],
                segment.blocks,
                _ALL if mask is None else mask,
                depth,
            )
            found.append((np.full(len(rows), number, np.int64), rows, distances))
        if len(found) == 1:
            return found[0]
        numbers, rows, distances = (np.concatenate(each) for each in zip(*found, strict=True))
        best = kernels.top_k(distances, depth)
        return numbers[best], rows[best], distances[best]
