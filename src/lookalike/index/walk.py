"""Search of one query over segments: order the cells, score their codes, re-rank the nearest exactly.

Kalantidis & Avrithis, CVPR 2014, section 4, and yahoo/lopq's searcher: tables are built once per visited cell, or, with
a multi-index, once per visited half-cell and shared by all the pairs it is part of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.index.plan import SearchPlan
from lookalike.index.segment import Segment
from lookalike.kernels import adc_scan, adc_tables, list_rows, multisequence, rotate, top_k
from lookalike.quantization import LOPQModel

__all__ = ["Found", "Walk"]

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""Segment numbers, rows and squared distances, nearest first."""


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
        if not len(cells):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        numbers, rows, slots = self._rows(cells)
        self.n_codes += len(rows)
        distances = self._score(projected, cells, numbers, rows, slots)
        if not plan.rerank:
            best = top_k(distances, plan.k)
            return numbers[best], rows[best], distances[best]
        best = top_k(distances, max(plan.k, plan.rerank))
        numbers, rows = numbers[best], rows[best]
        self.n_reranked += len(best)
        exact = np.empty(len(best), np.float32)
        for number in np.unique(numbers):
            here = numbers == number
            exact[here] = self._segments[number].squared_distances(query, rows[here])
        best = top_k(exact, plan.k)
        return numbers[best], rows[best], exact[best]

    def _order(self, near: NDArray[np.float32], plan: SearchPlan) -> NDArray[np.int64]:
        """Numbers of the cells to visit, nearest first."""
        if len(near) == 1:
            order = np.argsort(near[0][self._occupied], kind="stable")
            return self._occupied[order[: plan.n_visits(np.cumsum(self._counts[order]))]]
        coarse = self._model.coarse
        wanted = 64
        while True:
            cells, _ = multisequence(near[0], near[1], wanted)
            flat = coarse.flat(cells)
            places = np.minimum(np.searchsorted(self._occupied, flat), max(0, len(self._occupied) - 1))
            places = places[self._occupied[places] == flat] if len(self._occupied) else places[:0]
            visits = plan.n_visits(np.cumsum(self._counts[places]))
            # when every cell of this prefix is wanted, more may be; a smaller number cannot change with more
            if visits < len(places) or len(places) == len(self._occupied) or len(cells) < wanted:
                return self._occupied[places[:visits]]
            wanted *= 4

    def _rows(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Admitted rows of cells over all segments: segment numbers, rows, and which of ``cells`` each is in."""
        all_numbers, all_rows, all_slots = [], [], []
        for number, (segment, mask) in enumerate(zip(self._segments, self._admitted, strict=True)):
            if not len(segment):
                continue
            places = np.minimum(np.searchsorted(segment.cells, cells), len(segment.cells) - 1)
            present = np.flatnonzero(segment.cells[places] == cells)
            places = places[present]
            rows, which = list_rows(segment.offsets[places], segment.offsets[places + 1])
            slots = present[which]
            if mask is not None:
                rows, slots = rows[mask[rows]], slots[mask[rows]]
            all_numbers.append(np.full(len(rows), number, np.int64))
            all_rows.append(rows)
            all_slots.append(slots)
        return np.concatenate(all_numbers), np.concatenate(all_rows), np.concatenate(all_slots)

    def _score(
        self,
        projected: NDArray[np.float32],
        cells: NDArray[np.int64],
        numbers: NDArray[np.int64],
        rows: NDArray[np.int64],
        slots: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Squared distances to the reconstructions of rows."""
        frames, product = self._model.frames, self._model.product
        n_parts = self._model.coarse.n_parts
        parts = self._model.coarse.unflat(cells)
        codes = np.concatenate([s.codes[rows[numbers == i]] for i, s in enumerate(self._segments)])
        distances = np.zeros(len(rows), np.float32)
        m, n_bytes = product.n_subquantizers // n_parts, product.n_bytes // n_parts
        for p, part in enumerate(projected.reshape(n_parts, -1)):
            used, slot_of_cell = np.unique(parts[:, p], return_inverse=True)
            local = rotate(
                np.broadcast_to(part, (len(used), len(part))),
                used.astype(np.int32),
                frames.offsets[p],
                frames.rotations[p],
                frames.rotation_of_cell[p],
            )
            tables = adc_tables(local, product.codebooks[p * m : (p + 1) * m])
            own = codes if n_parts == 1 else np.ascontiguousarray(codes[:, p * n_bytes : (p + 1) * n_bytes])
            distances += adc_scan(tables, own, slot_of_cell[slots].astype(np.int64))
        return distances
