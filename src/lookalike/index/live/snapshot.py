"""One state of a live index, and search in it.

A snapshot never changes, so a search sees one state from beginning to end whatever is written meanwhile, and any
number of threads may search. Segments are searched by code and re-ranked, what is in memory is compared exactly; both
answers are merged by distance. What a filter leaves of the segments is left to the index (:mod:`..filtering`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.index.exact import cosine_distances
from lookalike.index.identities import admitted, as_ids
from lookalike.index.live.memory import Rows
from lookalike.index.live.scan import nearest_rows
from lookalike.index.live.segment_files import RERANK, StoredSegment
from lookalike.index.lopq_index import LOPQIndex
from lookalike.index.results import MOST, SearchResult, SearchStats, check_slots, padded
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization import LOPQModel
from lookalike.quantization.arguments import as_array, as_vectors, check_count, normalised

__all__ = ["Snapshot", "Space"]

_STORED_ROWS = 16_384
_STORED_BYTES = 1 << 25
"""Stored vectors that exact search unpacks at a time."""
_UNPACKED_ROWS = 128
"""The same where some are looked up: they stay in the processor's cache."""

_Found = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """How vectors are compared.

    Parameters
    ----------
    metric : {"l2", "cosine"}
    mean : float32 (dim,) or None
        What is taken off first.
    """

    metric: str
    mean: NDArray[np.float32] | None

    def compared(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors as they are compared by Euclidean distance: float32 (n, dim)."""
        centred = vectors if self.mean is None else vectors - self.mean
        return normalised(centred) if self.metric == "cosine" else centred

    def finish(self, squared: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances of the metric from squared ones (n_queries, k); ``inf`` stays."""
        if self.metric == "l2":
            return np.sqrt(squared)
        zero = np.logical_not(queries.any(axis=1))[:, None]
        return np.where(np.isfinite(squared), cosine_distances(squared, zero), np.float32(np.inf))


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A state.

    Parameters
    ----------
    seq : int
        Sequence number of the newest change in it.
    manifest : int
    flushed_seq : int
    n_vectors : int
    dim : int
    space : Space
    model_number : int or None
    model : LOPQModel or None
    segments : tuple of StoredSegment
        With their dead rows marked.
    memory : tuple of Rows
        What is in no segment.
    damaged : tuple of str
        What of the segments could not be opened; the vectors are in ``memory``.
    """

    seq: int
    manifest: int
    flushed_seq: int
    n_vectors: int
    dim: int
    space: Space
    model_number: int | None
    model: LOPQModel | None
    segments: tuple[StoredSegment, ...]
    memory: tuple[Rows, ...]
    damaged: tuple[str, ...] = ()
    _index: LOPQIndex | None = field(init=False, default=None)
    _ids: NDArray[np.int64] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.model is not None and self.segments:
            index = LOPQIndex(self.model, tuple(each.segment for each in self.segments), RERANK)
            object.__setattr__(self, "_index", index)

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        n_probe: int | None = None,
        n_candidates: int | None = None,
        rerank: int | bool | None = None,
        filter: ArrayLike | None = None,
        exact: bool = False,
        between: Callable[[], None] | None = None,
    ) -> SearchResult:
        """Nearest vectors of each query; see :meth:`LiveIndex.search`.

        ``between`` is called before each block of an exact search; what it raises ends the search.
        """
        started = time.perf_counter()
        q = self.space.compared(as_vectors(queries, "queries", dim=self.dim))
        wanted = check_count(k, "k", most=MOST)
        n_rows = sum(map(len, self.memory)) + sum(len(each.segment) for each in self.segments)
        check_slots(wanted, len(q), n_rows)
        k = min(wanted, max(1, n_rows))
        found, n_compared = [], 0
        with one_blas_thread():
            for rows in self.memory:
                mask = _both(rows.alive, None if filter is None else admitted(filter, rows.ids))
                found.append(self._near(rows.ids, rows.vectors, rows.norms, mask, q, k))
                n_compared += len(q) * (len(rows) if mask is None else int(np.count_nonzero(mask)))
        stats = SearchStats(0, 0, n_compared, 0.0)
        index = self._index
        if index is not None:
            if exact:
                index, n_admitted = self._filtered(index, filter)
                found += self._exact(index, q, k, between)
                stats += SearchStats(0, 0, len(q) * n_admitted, 0.0)
            else:
                most = min(k, max(1, len(index)))
                hits = index.search(q, most, n_probe=n_probe, n_candidates=n_candidates, rerank=rerank, filter=filter)
                found.append((hits.ids.astype(np.int64, copy=False), hits.distances))
                stats += replace(hits.stats, seconds=0.0)
        ids, distances = padded(*_merged(found, len(q), k), wanted)
        return SearchResult(ids, distances, stats + SearchStats(0, 0, 0, time.perf_counter() - started))

    def ids(self) -> NDArray[np.int64]:
        """All ids, rising: int64 (n_vectors,), read-only."""
        if self._ids is None:
            parts = [rows.ids if rows.alive is None else rows.ids[rows.alive] for rows in self.memory]
            parts += [each.ids[each.living_rows()] for each in self.segments]
            ids = np.sort(np.concatenate([np.empty(0, np.int64), *parts]))
            ids.flags.writeable = False
            object.__setattr__(self, "_ids", ids)  # the same whoever computes it
            return ids
        return self._ids

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors as they are compared: float32 (n, dim), NaN where there is none.

        Parameters
        ----------
        ids : int64 (n,)
            Rising.
        """
        vectors = np.full((len(ids), self.dim), np.nan, np.float32)
        for rows in self.memory:
            there = np.isin(rows.ids, ids)
            if rows.alive is not None:
                there &= rows.alive
            vectors[np.searchsorted(ids, rows.ids[there])] = rows.vectors[there]
        for each in self.segments:
            found = each.locate(ids)
            if each.segment.alive is not None:
                found = found[each.segment.alive[found]]
            places = np.searchsorted(ids, each.ids[found])
            for start in range(0, len(found), _UNPACKED_ROWS):
                part = slice(start, start + _UNPACKED_ROWS)
                vectors[places[part]] = each.segment.vectors(found[part])
        return vectors

    def products(self, direction: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inner products of a direction with vectors as they are compared.

        Parameters
        ----------
        direction : float32 (dim,)
            Not brought to where vectors are compared.
        ids : int64 (n,)
            Rising.

        Returns
        -------
        float32 (n,)
            NaN where there is no vector.
        """
        products = np.full(len(ids), np.nan, np.float32)
        for rows in self.memory:
            there = np.isin(rows.ids, ids)
            if rows.alive is not None:
                there &= rows.alive
            with one_blas_thread():
                products[np.searchsorted(ids, rows.ids[there])] = (rows.vectors @ direction)[there]
        for each in self.segments:
            found = each.locate(ids)
            if each.segment.alive is not None:
                found = found[each.segment.alive[found]]
            products[np.searchsorted(ids, each.ids[found])] = each.segment.products(direction, found)
        return products

    def holds(self, id: int) -> bool:
        """Tell whether there is a vector of this id."""
        for rows in self.memory:
            found = rows.ids == id
            if (found if rows.alive is None else found & rows.alive).any():
                return True
        for each in self.segments:
            row = each.locate(np.array([id], np.int64))
            if len(row) and (each.segment.alive is None or each.segment.alive[row[0]]):
                return True
        return False

    def _filtered(self, index: LOPQIndex, filter: ArrayLike | None) -> tuple[LOPQIndex, int]:
        """Give an index in which only admitted rows live, and how many these are."""
        if filter is None:
            return index, len(index)
        array = as_array(filter, "filter")
        wanted = (
            None if array.dtype.kind == "b" else np.unique(np.asarray(as_ids(filter, "filter", kind="int"), np.int64))
        )
        segments = []
        for each in self.segments:
            if wanted is None:
                named = admitted(array, each.ids)
            else:
                named = np.zeros(len(each.segment), np.bool_)
                named[each.locate(wanted)] = True
            mask = _both(each.segment.alive, named)
            if mask is not None and mask.any():
                segments.append(replace(each.segment, alive=mask))
        assert self.model is not None
        index = LOPQIndex(self.model, tuple(segments), RERANK)
        return index, len(index)

    def _exact(
        self, index: LOPQIndex, q: NDArray[np.float32], k: int, between: Callable[[], None] | None
    ) -> list[_Found]:
        """Compare with all living rows of an index, block by block."""
        found = []
        n_rows = max(1, min(_STORED_ROWS, _STORED_BYTES // (4 * self.dim)))
        for segment in index.segments:
            rows = np.arange(len(segment)) if segment.alive is None else np.flatnonzero(segment.alive)
            for start in range(0, len(rows), n_rows):
                if between is not None:
                    between()
                here = rows[start : start + n_rows]
                vectors = segment.vectors(here)
                norms = np.einsum("nd,nd->n", vectors, vectors)
                ids = np.asarray(segment.ids[here], np.int64)
                found.append(self._near(ids, vectors, norms, None, q, min(k, len(here))))
        return found

    def _near(
        self,
        ids: NDArray[np.int64],
        vectors: NDArray[np.float32],
        norms: NDArray[np.float32],
        mask: NDArray[np.bool_] | None,
        q: NDArray[np.float32],
        k: int,
    ) -> _Found:
        rows, squared = nearest_rows(vectors, norms, mask, q, k, cosine=self.space.metric == "cosine")
        names = np.where(rows >= 0, ids[np.maximum(rows, 0)], -1) if len(ids) else rows
        return names, self.space.finish(squared, q)


def _both(first: NDArray[np.bool_] | None, second: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if first is None or second is None:
        return second if first is None else first
    return first & second


def _merged(found: list[_Found], n_queries: int, k: int) -> _Found:
    """Take the k nearest of several answers; of equal ones the smaller id first."""
    ids = np.concatenate([np.full((n_queries, k), -1, np.int64), *(each[0] for each in found)], axis=1)
    distances = np.concatenate(
        [np.full((n_queries, k), np.inf, np.float32), *(each[1] for each in found)], axis=1, dtype=np.float32
    )
    order = np.lexsort((ids, distances), axis=1)[:, :k]
    ids, distances = np.take_along_axis(ids, order, axis=1), np.take_along_axis(distances, order, axis=1)
    return ids, distances
