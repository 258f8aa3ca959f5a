"""The index: a model, immutable segments, and what may be asked of them.

Additions become segments of their own, merged with their predecessors once those are not at least twice as large, so
n additions cost O(n log n) copying and a search sees O(log n) segments. A search takes the tuple of segments once
and never sees half of a change; writers take turns.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from typing import Any, Self
from weakref import WeakSet

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InvalidArgumentError
from lookalike.index.encoding import default_codebooks, default_rotation, encode_segment, warn_of_rounding
from lookalike.index.estimate import Estimate, estimated
from lookalike.index.exact import cosine_distances, stored_truth
from lookalike.index.filtering import Admission
from lookalike.index.identities import Ids, as_ids
from lookalike.index.memory import Memory
from lookalike.index.plan import SearchPlan
from lookalike.index.range_search import FIRST, RangeResult, check_radius, rounded, within
from lookalike.index.results import MOST, SearchResult, SearchStats, check_slots, padded
from lookalike.index.segment import Segment
from lookalike.index.storage import StoredIndex, read_index, verify_index, write_index
from lookalike.index.tuning import SearchDefaults, Truth, Tuning, given_truth, tuned
from lookalike.index.walk import Walk
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization import LOPQModel
from lookalike.quantization.arguments import as_vectors, check_choice, check_count, check_share, shown
from lookalike.quantization.model import METRICS
from lookalike.quantization.rotation import ROTATIONS

__all__ = ["LOPQIndex"]

_RERANK = ("float16", "float32")
_DEFAULT_RERANK = 768
_DEFAULT_PROBED_SHARE = 0.5
_MOST_DEAD = 0.25


class LOPQIndex:
    """Approximate search over codes, made exact at the top by re-ranking.

    Make one with :meth:`build`, :meth:`from_model` or :meth:`open`. Safe to use from several threads.
    """

    def __init__(
        self,
        model: LOPQModel,
        segments: tuple[Segment, ...],
        rerank: str | None,
        defaults: SearchDefaults | None = None,
        next_id: int = 0,
    ) -> None:
        self._model = model
        self._segments = segments
        self._rerank = rerank
        self._defaults = defaults
        self._next_id = next_id
        self._writing = threading.Lock()
        _indexes.add(self)

    def __getstate__(self) -> dict[str, Any]:
        """Give all but the lock, so that an index can be copied and pickled."""
        with self._writing:
            return {name: value for name, value in self.__dict__.items() if name != "_writing"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._writing = threading.Lock()
        _indexes.add(self)

    # ------------------------------------------------------------------ making

    @classmethod
    def build(
        cls,
        vectors: ArrayLike,
        *,
        ids: ArrayLike | None = None,
        bytes_per_vector: int = 16,
        n_coarse: int | None = None,
        metric: str = "l2",
        rotation: str | None = None,
        rerank: str | None = "float16",
        seed: int = 0,
    ) -> Self:
        """Train on vectors and index them.

        Parameters
        ----------
        vectors : array-like (n, dim), n >= 1
        ids : array-like (n,), optional
            Whole numbers from 0, or text; all different. By default the row numbers.
        bytes_per_vector : int
            Bytes of a code: two 4-bit codes a byte (see ``n_subquantizers`` of :meth:`LOPQModel.fit`).
        n_coarse : int, optional
            Cells; by default a power of two near sqrt(n).
        metric : {"l2", "cosine"}
        rotation : str, optional
            As in :meth:`LOPQModel.fit`. By default "auto" where codes are all there is; where vectors are kept, "none":
            what codes miss is then found by comparing more of them exactly, which takes a third of the time that
            rotations take (docs/tutorials/parameters.md). Where vectors are kept, codes are sums of codewords, without
            the trial of product codes that :meth:`LOPQModel.fit` makes, unless ``rotation`` is "auto".
        rerank : {"float16", "float32"} or None
            How vectors themselves are kept for exact re-ranking; None keeps codes only.
        seed : int

        Raises
        ------
        InvalidArgumentError
        """
        _check_rerank(rerank)
        n_bytes = check_count(bytes_per_vector, "bytes_per_vector")
        x = as_vectors(vectors, "vectors", trained_on=check_choice(metric, "metric", METRICS))
        rotation = default_rotation(rerank, n_bytes) if rotation is None else _checked_rotation(rotation)
        model = LOPQModel.fit(
            x,
            n_coarse=n_coarse,
            n_subquantizers=2 * n_bytes,
            rotation=rotation,
            codebooks=default_codebooks(rerank, n_bytes, rotation),
            metric=metric,
            seed=seed,
        )
        index = cls(model, (), rerank)
        index.add(x, ids)
        if rerank == "float16":
            warn_of_rounding(x, metric, index.segments[0].scale)
        return index

    @classmethod
    def from_model(cls, model: LOPQModel, *, rerank: str | None = "float16") -> Self:
        """Start an empty index on a trained model; see :meth:`build` for ``rerank``."""
        _check_rerank(rerank)
        if not isinstance(model, LOPQModel):
            raise InvalidArgumentError(
                f"`model` is {type(model).__name__}, but a LOPQModel is needed. "
                "Make one with LOPQModel.fit or LOPQModel.load."
            )
        return cls(model, (), rerank)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, mmap: bool = True) -> Self:
        """Open what :meth:`save` wrote.

        Parameters
        ----------
        path : path-like
        mmap : bool
            Leave codes and embeddings on disk, to be read as they are needed and shared with other processes.
            Otherwise everything is read and compared with its checksums.

        Raises
        ------
        FormatError
            Damaged, or written by a newer version.
        """
        stored = read_index(path, mmap=mmap)
        return cls(stored.model, stored.segments, stored.rerank, stored.defaults, stored.next_id)

    @staticmethod
    def verify(path: str | os.PathLike[str]) -> None:
        """Compare every file of a saved index with its checksum; FormatError names the first that differs."""
        verify_index(path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a directory (docs/formats/index.md); an index that was there is replaced in one step.

        Who saves to the same path at the same time waits.
        """
        write_index(path, self._stored)

    # ------------------------------------------------------------------ facts

    @property
    def model(self) -> LOPQModel:
        """The trained model."""
        return self._model

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The immutable pieces it consists of."""
        return self._segments

    @property
    def defaults(self) -> SearchDefaults | None:
        """What :meth:`tune` found, or None before it was called."""
        return self._defaults

    @property
    def ids(self) -> Ids:
        """Ids of all vectors, in no particular order: int64 or str (n,)."""
        segments = self._segments
        if not segments:
            return np.empty(0, np.int64)
        return np.concatenate([s.ids if s.alive is None else s.ids[s.alive] for s in segments])

    def memory(self) -> Memory:
        """Count the bytes of codes, ids, lists, stored vectors and the model."""
        return Memory.of(self._segments, self._model.n_model_bytes)

    @staticmethod
    def estimate(
        n: int,
        dim: int,
        *,
        bytes_per_vector: int = 16,
        n_coarse: int | None = None,
        metric: str = "l2",
        rotation: str | None = None,
        rerank: str | None = "float16",
        n_threads: int | None = None,
    ) -> Estimate:
        """Estimate what :meth:`build` will take for so many vectors: bytes, and processor seconds on this machine.

        Times the inner loops for about a second. What "auto" will choose depends on the data; assumed is the largest
        rotation that it tries, with sums of codewords, so bytes of the model are an upper bound.
        ``estimate.memory.at(n)`` accounts for other numbers of vectors in the same cells.

        Parameters
        ----------
        n, dim : int
            Vectors and their dimension.
        bytes_per_vector, n_coarse, metric, rotation, rerank
            As in :meth:`build`.
        n_threads : int, optional
            Threads that share the work, each on a core of its own; by default as many as the engine would use here.

        Returns
        -------
        Estimate
            Print it for a table.

        Raises
        ------
        InvalidArgumentError
        """
        _check_rerank(rerank)
        n_bytes = check_count(bytes_per_vector, "bytes_per_vector")
        rotation = default_rotation(rerank, n_bytes) if rotation is None else _checked_rotation(rotation)
        return estimated(
            check_count(n, "n"),
            check_count(dim, "dim"),
            n_codes=2 * n_bytes,
            rotation=rotation,
            codebooks=default_codebooks(rerank, n_bytes, rotation),
            n_coarse=n_coarse,
            metric=check_choice(metric, "metric", METRICS),
            rerank=rerank,
            threads=None if n_threads is None else check_count(n_threads, "n_threads"),
        )

    def __len__(self) -> int:
        return sum(segment.n_alive for segment in self._segments)

    def __repr__(self) -> str:
        model = self._model
        return (
            f"LOPQIndex({len(self)} vectors of dimension {model.dim_in}, {model.metric}, "
            f"{model.n_bytes} bytes per code, {model.coarse.n_cells} cells)"
        )

    # ------------------------------------------------------------------ changing

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> None:
        """Add vectors.

        Parameters
        ----------
        vectors : array-like (n, dim)
        ids : array-like (n,), optional
            None of them may be in the index already. By default the whole numbers after the largest id there ever was.

        Raises
        ------
        InvalidArgumentError
            Wrong vectors, or ids that repeat or are taken. Nothing was added then.
        """
        x = as_vectors(vectors, "vectors", dim=self._model.dim_in)
        with self._writing:
            first = self._first_free_id()
            names = self._new_ids(len(x), ids, first)
            if not len(x):
                return
            segments = [*self._segments, encode_segment(self._model, x, names, rerank=self._rerank)]
            while len(segments) > 1 and len(segments[-2]) < 2 * len(segments[-1]):
                segments[-2:] = [Segment.merged(segments[-2:])]
            self._segments = tuple(segments)
            self._next_id = first if names.dtype.kind == "U" else max(first, int(names.max()) + 1)

    def remove(self, ids: ArrayLike) -> int:
        """Remove vectors by id and give their number; unknown ids do nothing."""
        with self._writing:
            if not self._segments:
                return 0
            wanted = as_ids(ids, kind=self._kind())
            self._next_id = self._first_free_id()
            n_removed = 0
            segments = []
            for segment in self._segments:
                found = np.isin(segment.ids, wanted)
                if segment.alive is not None:
                    found &= segment.alive
                rows = np.flatnonzero(found)
                n_removed += len(rows)
                kept = segment.without(rows) if len(rows) else segment
                if len(kept) - kept.n_alive > _MOST_DEAD * len(kept):
                    kept = Segment.merged([kept])
                if len(kept):
                    segments.append(kept)
            self._segments = tuple(segments)
            return n_removed

    def _stored(self) -> StoredIndex:
        with self._writing:
            return StoredIndex(self._model, self._segments, self._rerank, self._defaults, self._first_free_id())

    def _kind(self) -> str:
        return "str" if self._segments[0].ids.dtype.kind == "U" else "int"

    def _first_free_id(self) -> int:
        """Give the number after the largest id there ever was, those of removed vectors too."""
        if self._segments and self._kind() == "str":
            return self._next_id
        return max([self._next_id, *(int(segment.ids.max()) + 1 for segment in self._segments if len(segment))])

    def _new_ids(self, n: int, ids: ArrayLike | None, first: int) -> Ids:
        if ids is None:
            if self._segments and self._kind() == "str":
                raise InvalidArgumentError(
                    "`ids` is missing, but this index names its vectors by text. Give one for each."
                )
            largest = np.iinfo(np.int64).max
            if first + n - 1 > largest:
                raise InvalidArgumentError(
                    f"`ids` is missing, but the largest id so far is {first - 1}, and there are no {n} after it. "
                    "Give ids of your own."
                )
            return np.arange(n, dtype=np.int64) + min(first, largest)
        names = as_ids(ids, n=n, kind=self._kind() if self._segments else None)
        unique, counts = np.unique(names, return_counts=True)
        if len(unique) != n:
            raise InvalidArgumentError(
                f"`ids` holds {shown(unique[counts > 1][0])} more than once; every id must be unique."
            )
        for segment in self._segments:
            taken = np.isin(segment.ids, names)
            if segment.alive is not None:
                taken &= segment.alive
            if taken.any():
                raise InvalidArgumentError(
                    f"`ids` holds {shown(segment.ids[taken][0])}, which is in the index already. "
                    "Remove it first to replace it."
                )
        return names

    # ------------------------------------------------------------------ searching

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        n_probe: int | None = None,
        n_candidates: int | None = None,
        rerank: int | bool | None = None,
        filter: ArrayLike | None = None,
    ) -> SearchResult:
        """Nearest vectors of each query.

        Parameters
        ----------
        queries : array-like (n_queries, dim) or (dim,)
        k : int
            Hits per query, at most 2^31 - 1, as of all these numbers; beyond the number of vectors, slots stay empty.
        n_probe : int, optional
            Visit exactly so many cells. More: better and slower.
        n_candidates : int, optional
            Visit cells until their lists hold so many admitted codes. With ``n_probe`` too, whichever comes first.
            With neither, half of the cells, and more while they hold fewer than ``k`` or ``rerank`` codes; or,
            where ``rerank`` is not given either, what :meth:`tune` found.
        rerank : int or bool, optional
            How many of the nearest by code are compared exactly with the stored vectors; False or 0 ranks by codes
            alone. By default, where vectors are stored, the larger of 768 and ten times ``k``, as with True; or, where
            neither ``n_probe`` nor ``n_candidates`` is given, what :meth:`tune` found.
        filter : bool array-like or array-like of ids, optional
            A mask ``mask[id]``, or the ids admitted; applied before anything is scored. Of few admitted vectors all are
            compared exactly. Of more, so many more cells are visited and vectors compared than ``n_probe`` and
            ``rerank`` say, that no less is found than without a filter; ``n_candidates`` is kept to.

        Returns
        -------
        SearchResult

        Raises
        ------
        InvalidArgumentError
        """
        q = as_vectors(queries, "queries", dim=self._model.dim_in)
        plan = self._plan(k, n_probe=n_probe, n_candidates=n_candidates, rerank=rerank)
        return self._search(q, plan, self._segments, filter)

    def range_search(
        self,
        queries: ArrayLike,
        radius: float,
        *,
        n_probe: int | None = None,
        n_candidates: int | None = None,
        rerank: int | bool | None = None,
        filter: ArrayLike | None = None,
    ) -> RangeResult:
        """Find all vectors within a distance of each query.

        Compares a query exactly with its nearest candidates by code, then with twice as many, and so on, until a step
        finds none more, or all that is visited was seen. Approximate as :meth:`search` is: what is missed lies in cells
        not visited, or ranks lower by its code than the step that found no more. With ``n_probe`` of all cells and
        ``rerank=True`` nothing is missed. An index that keeps codes only takes the distances that codes estimate.

        Parameters
        ----------
        queries : array-like (n_queries, dim) or (dim,)
        radius : float
            Greatest distance, in the index's metric: Euclidean, or 1 - cosine. 0 finds vectors equal to the query, as
            far as the stored vectors tell: float16 keeps three digits.
        n_probe, n_candidates : int, optional
            As in :meth:`search`.
        rerank : int or bool, optional
            Candidates of the first step, by default 512. True compares all that is visited; False or 0 takes the
            distances that codes estimate.
        filter : bool array-like or array-like of ids, optional
            As in :meth:`search`.

        Returns
        -------
        RangeResult

        Raises
        ------
        InvalidArgumentError
        """
        q = as_vectors(queries, "queries", dim=self._model.dim_in)
        limit, segments = check_radius(radius), self._segments
        n_vectors = sum(segment.n_alive for segment in segments)
        base = self._plan(1, n_probe=n_probe, n_candidates=n_candidates, rerank=rerank)
        first = n_vectors if rerank is True else FIRST if rerank is None else base.rerank or FIRST

        def search(rows: NDArray[np.int64], depth: int) -> SearchResult:
            plan = replace(base, k=depth, rerank=depth if base.rerank else 0)
            return self._search(q[rows], plan, segments, filter, as_stored=True)

        return within(search, limit, first=first, ranked_exactly=base.rerank > 0, n_queries=len(q), n_vectors=n_vectors)

    def tune(
        self, queries: ArrayLike, *, k: int = 10, target_recall: float = 0.95, truth: ArrayLike | None = None
    ) -> Tuning:
        """Find the cheapest search that finds enough, and make it the default of later ones.

        What is chosen holds for every later :meth:`search` that gives neither ``n_probe`` nor ``n_candidates`` nor
        ``rerank``, and is saved with the index. Tune again after changes that move the data.

        Parameters
        ----------
        queries : array-like (n_queries, dim)
            Queries like those that will come, some hundreds, none of them in the index if those to come are not.
            Settings are timed with all of them in one call.
        k : int
            Hits that count.
        target_recall : float
            Mean share of the true ``k`` nearest to be found: above 0, at most 1.
        truth : array-like (n_queries, at least k), optional
            Ids of the true hits, nearest first. By default they are found by exact search over the stored vectors;
            an index that keeps codes only has none and needs ``truth``.

        Returns
        -------
        Tuning
            Where the target is out of reach, ``reached`` is False, and what finds most became the default.

        Raises
        ------
        InvalidArgumentError
        """
        q = as_vectors(queries, "queries", dim=self._model.dim_in)
        k, stored, segments = check_count(k, "k", most=MOST), self._rerank is not None, self._segments
        target = check_share(target_recall, "target_recall")
        n_vectors = sum(segment.n_alive for segment in segments)
        check_slots(k, len(q), n_vectors)
        if not len(q) or not n_vectors:
            raise InvalidArgumentError("there is nothing to measure: `tune` needs queries, and vectors in the index.")
        if truth is None and not stored:
            raise InvalidArgumentError(
                "`truth` is missing, but this index keeps codes only and has nothing to search exactly. Give the ids "
                "of the true hits of each query, for example of `exact_search` over the vectors themselves."
            )
        if truth is None:
            ids, distances = stored_truth(segments, q, k, self._model.metric)
            last = np.where(np.isfinite(distances), distances, -np.inf).max(axis=1)
            true = Truth(ids, last.astype(np.float32))
        else:
            true = given_truth(truth, n_queries=len(q), k=k, kind=self._kind())

        def search(n_probe: int, depth: int) -> SearchResult:
            plan = SearchPlan(k=k, n_probe=None, n_candidates=None, rerank=depth, default_probe=n_probe)
            return self._search(q, plan, segments, None)

        found = tuned(
            search,
            true,
            k=k,
            target_recall=target,
            n_cells=len(np.unique(np.concatenate([segment.cells for segment in segments]))),
            n_vectors=n_vectors,
            reranks=stored,
        )
        self._defaults = SearchDefaults(found.chosen.n_probe, found.chosen.rerank, k)
        return found

    def _search(
        self,
        q: NDArray[np.float32],
        plan: SearchPlan,
        segments: tuple[Segment, ...],
        filter: ArrayLike | None,
        *,
        as_stored: bool = False,
    ) -> SearchResult:
        """Carry out a plan; ``as_stored`` rounds queries as vectors are, so that equal ones are at distance 0."""
        started = time.perf_counter()
        admission = Admission.of(segments, filter)
        check_slots(plan.k, len(q), sum(segment.n_alive for segment in segments))
        k = plan.k
        plan = admission.widened(plan).within(len(admission))
        with one_blas_thread():
            compared = self._model.compared(q)
            if as_stored and self._rerank == "float16" and segments:
                compared = rounded(compared, min(segment.scale for segment in segments))
            if admission.are_few(self._model, plan):
                found = admission.nearest(compared, plan.k, cosine=self._model.metric == "cosine")
            else:
                walk = Walk(self._model, segments, admission.masks)
                found = walk.search(self._model.projection.project(compared), compared, plan)
        distances = self._finish(found.squared, compared, plan)
        stats = SearchStats(found.n_cells, found.n_codes, found.n_reranked, time.perf_counter() - started)
        return SearchResult(*padded(found.ids, distances, k), stats)

    def _plan(self, k: int, *, n_probe: int | None, n_candidates: int | None, rerank: int | bool | None) -> SearchPlan:
        k = check_count(k, "k", most=MOST)
        stored = self._rerank is not None
        probe = int(np.ceil(_DEFAULT_PROBED_SHARE * self._model.coarse.n_cells))
        if n_probe is None and n_candidates is None and rerank is None and self._defaults is not None:
            probe, rerank = self._defaults.n_probe, self._defaults.depth(k)
        if rerank is None or rerank is True:
            depth = max(_DEFAULT_RERANK, 10 * k) if stored else 0
        else:
            depth = 0 if rerank is False else check_count(rerank, "rerank", least=0, most=MOST)
        if (depth or rerank is True) and not stored:
            raise InvalidArgumentError(
                "`rerank` needs the vectors themselves, but this index keeps codes only. "
                'Build it with rerank="float16", or leave `rerank` out.'
            )
        return SearchPlan(
            k=k,
            n_probe=None if n_probe is None else check_count(n_probe, "n_probe", most=MOST),
            n_candidates=None if n_candidates is None else check_count(n_candidates, "n_candidates", most=MOST),
            rerank=depth,
            default_probe=probe,
        )

    def _finish(
        self, squared: NDArray[np.float32], compared: NDArray[np.float32], plan: SearchPlan
    ) -> NDArray[np.float32]:
        """Distances of the metric from squared ones; estimates from codes may lie below 0, distances do not."""
        squared = np.maximum(squared, 0)
        if self._model.metric == "l2":
            return np.sqrt(squared)
        zero = np.zeros((len(squared), 1), np.bool_)
        if plan.rerank:
            zero = np.logical_not(compared.any(axis=1))[:, None]
        return np.where(np.isfinite(squared), cosine_distances(squared, zero), np.float32(np.inf))


_indexes: WeakSet[LOPQIndex] = WeakSet()


def _after_fork_in_child() -> None:
    """Let a forked child write: who wrote at that moment is not in it, and segments are exchanged in one step."""
    for index in list(_indexes):
        index._writing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _check_rerank(rerank: str | None) -> None:
    if rerank is not None:
        check_choice(rerank, "rerank", _RERANK)


def _checked_rotation(rotation: str) -> str:
    return check_choice(rotation, "rotation", ("auto", *ROTATIONS))
