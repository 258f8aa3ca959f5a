"""The embeddings of a collection, ready to be searched, and kept up with the catalog while photos come and go.

Up to a few thousand photos every search compares them all. From there on an LOPQ index (lookalike.index) holds the
photos up to an id, on disk and memory-mapped, and only those that came since are compared exactly; both answers are
merged.
What the view holds is replaced as a whole, so any number of threads may search while it is brought up to date.
Memory: 4 bytes per dimension for each photo that is not in the index: 21 MB at 4,096 photos of 1,280 dimensions, up to
84 MB while photos stream in (maintenance.py).
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog
from lookalike.collection.hits import SearchEvidence
from lookalike.collection.maintenance import open_index, read_space
from lookalike.collection.space import Space
from lookalike.errors import FormatError

if TYPE_CHECKING:
    from lookalike.index import LOPQIndex

__all__ = ["VectorState", "VectorView"]


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class VectorState:
    """The embeddings of one moment.

    Attributes
    ----------
    generation : int
        Of the catalog, at that moment.
    space : Space
        Where they are compared.
    index_name : str or None
    index : LOPQIndex or None
        Holds the photos with an id up to `indexed_through`.
    indexed_through : int
    ids, embeddings, norms : int64 (n,), float32 (n, dim), float32 (n,)
        The photos that are not in the index, present or gone, and their distances from the mean.
    present : int64 (n_present,)
        Ids of all photos that may be found, ascending.
    """

    generation: int
    space: Space
    index_name: str | None
    index: LOPQIndex | None
    indexed_through: int
    ids: NDArray[np.int64]
    embeddings: NDArray[np.float32]
    norms: NDArray[np.float32]
    present: NDArray[np.int64]


class VectorView:
    """A searchable view of the embeddings in a catalog.

    Parameters
    ----------
    catalog : Catalog
    segments : Path
        Folder of the collection's index segments.
    dim : int
        Dimension of the embeddings.
    """

    def __init__(self, catalog: Catalog, segments: Path, dim: int) -> None:
        self._catalog = catalog
        self._segments = segments
        self._dim = dim
        self._lock = threading.Lock()
        self._state: VectorState | None = None

    def refresh(self) -> VectorState:
        """Return a state as new as the catalog."""
        state = self._state
        if state is not None and state.generation == self._catalog.generation:
            return state
        with self._lock:
            state = self._state
            while state is None or state.generation != self._catalog.generation:
                with self._catalog.snapshot():
                    state = self._state = self._load(state)
            return state

    def _load(self, before: VectorState | None) -> VectorState:
        catalog = self._catalog
        generation = catalog.generation
        space = read_space(catalog, self._dim)
        index_name: str | None = catalog.setting("index")
        indexed_through = int(catalog.setting("indexed_through") or 0)
        index = before.index if before is not None and before.index_name == index_name else None
        if index is None and index_name is not None:
            try:
                index = open_index(self._segments / index_name)
            except (FormatError, OSError) as error:
                # Either a writer has put another in its place, which `refresh` will find, or it is damaged.
                _log.warning("the index cannot be used, every photo is compared instead: %s", error)
                index_name, indexed_through = None, 0

        # What was held of photos that are not in the index stays; only newer ones are fetched.
        ids, embeddings = np.zeros(0, np.int64), np.zeros((0, self._dim), np.float32)
        norms = np.zeros(0, np.float32)
        if before is not None and before.indexed_through <= indexed_through:
            fresh = before.ids > indexed_through
            ids, embeddings, norms = before.ids[fresh], before.embeddings[fresh], before.norms[fresh]
            if not np.array_equal(before.space.mean, space.mean):
                norms = space.norms(embeddings)
        new = list(catalog.embedding_blocks(int(ids[-1]) if len(ids) else indexed_through))
        return VectorState(
            generation=generation,
            space=space,
            index_name=index_name,
            index=index,
            indexed_through=indexed_through,
            ids=np.concatenate([ids, *(block_ids for block_ids, _ in new)]),
            embeddings=np.concatenate([embeddings, *(block for _, block in new)]),
            norms=np.concatenate([norms, *(space.norms(block) for _, block in new)]),
            present=catalog.present_ids(),
        )

    def search(
        self, state: VectorState, query: NDArray[np.float32], k: int, *, exclude: int | None, exact: bool
    ) -> tuple[list[tuple[int, float]], SearchEvidence]:
        """Find the `k` photos nearest to a unit `query` float32 (dim,) in the space of `state`.

        Parameters
        ----------
        state : VectorState
            What `refresh` gave; the query was centred by its space.
        k : int
        exclude : int or None
            A photo that is not to be found.
        exact : bool
            Compare with every photo, indexed or not.

        Returns
        -------
        hits : list of (photo_id, cosine)
            Best first; of equal ones the older photo first.
        evidence : SearchEvidence
        """
        started = time.perf_counter()
        allowed = np.isin(state.ids, state.present, assume_unique=True)
        cosines = state.space.cosines(query, state.embeddings, state.norms)
        candidate_ids, candidate_cosines = [state.ids[allowed]], [cosines[allowed]]
        n_cells = n_codes = 0
        n_compared = int(allowed.sum())
        if state.index is not None:
            wanted = state.present[state.present <= state.indexed_through]
            if exact:
                ids, found = self._exact(state, query, wanted)
                n_compared += len(ids)
            else:
                every = len(wanted) == len(state.index)
                hits = state.index.search(query[None], k + 1, filter=None if every else wanted)
                filled = hits.ids[0] >= 0
                ids, found = hits.ids[0][filled], (1 - hits.distances[0][filled]).astype(np.float32)
                n_cells, n_codes = hits.stats.n_cells, hits.stats.n_codes
                n_compared += hits.stats.n_reranked
            candidate_ids.append(ids)
            candidate_cosines.append(found)
        ids, cosines = np.concatenate(candidate_ids), np.concatenate(candidate_cosines)
        best = np.lexsort((ids, -cosines))
        if exclude is not None:
            best = best[ids[best] != exclude]
        best = best[:k]
        method = "lopq" if state.index is not None and not exact else "exact"
        evidence = SearchEvidence(
            method, len(state.present), n_cells, n_codes, n_compared, time.perf_counter() - started
        )
        return [(int(ids[i]), float(cosines[i])) for i in best], evidence

    def _exact(
        self, state: VectorState, query: NDArray[np.float32], wanted: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Compare with every indexed photo, as the catalog holds them."""
        all_ids, all_cosines = [], []
        for ids, embeddings in self._catalog.embedding_blocks(0, through=state.indexed_through):
            keep = np.isin(ids, wanted, assume_unique=True)
            all_ids.append(ids[keep])
            all_cosines.append(state.space.cosines(query, embeddings[keep], state.space.norms(embeddings[keep])))
        return np.concatenate(all_ids), np.concatenate(all_cosines)
