"""The embeddings of a collection, ready to be searched, and kept up with the catalog while photos come and go.

Up to a few thousand photos every search compares them all. From there on an LOPQ index (lookalike.index) holds the
photos up to an id, on disk and memory-mapped, and only those that came since are compared exactly; both answers are
merged.
What the view holds is replaced as a whole, so any number of threads may search while it is brought up to date.
Memory: 4 bytes per dimension for each photo that is not in the index (21 MB at 4,096 photos of 1,280).
"""

from __future__ import annotations

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

if TYPE_CHECKING:
    from lookalike.index import LOPQIndex

__all__ = ["VectorView"]


@dataclass(frozen=True, slots=True)
class _State:
    generation: int
    space: Space
    index_name: str | None
    index: LOPQIndex | None
    indexed_through: int
    ids: NDArray[np.int64]
    embeddings: NDArray[np.float32]
    norms: NDArray[np.float32]
    present: NDArray[np.int64]

    def allowed(self) -> NDArray[np.bool_]:
        """Which of `ids` are present: bool (n,)."""
        return np.isin(self.ids, self.present, assume_unique=True)


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
        self._state: _State | None = None

    def refresh(self) -> _State:
        """Return a state as new as the catalog."""
        state = self._state
        if state is not None and state.generation == self._catalog.generation:
            return state
        with self._lock:
            state = self._state
            if state is None or state.generation != self._catalog.generation:
                with self._catalog.snapshot():
                    state = self._state = self._load(state)
            return state

    def _load(self, before: _State | None) -> _State:
        catalog = self._catalog
        space = read_space(catalog, self._dim)
        index_name: str | None = catalog.setting("index")
        indexed_through = int(catalog.setting("indexed_through") or 0)
        if before is not None and before.index_name == index_name:
            index = before.index
        else:
            index = open_index(self._segments / index_name) if index_name else None

        # What was held of photos that are not in the index stays; only newer ones are fetched.
        ids, embeddings = np.zeros(0, np.int64), np.zeros((0, self._dim), np.float32)
        if before is not None:
            fresh = before.ids > indexed_through
            ids, embeddings = before.ids[fresh], before.embeddings[fresh]
        new = list(catalog.embedding_blocks(int(ids[-1]) if len(ids) else indexed_through))
        ids = np.concatenate([ids, *(block_ids for block_ids, _ in new)])
        embeddings = np.concatenate([embeddings, *(block for _, block in new)])
        return _State(
            generation=catalog.generation,
            space=space,
            index_name=index_name,
            index=index,
            indexed_through=indexed_through,
            ids=ids,
            embeddings=embeddings,
            norms=space.norms(embeddings),
            present=catalog.present_ids(),
        )

    def search(
        self, query: NDArray[np.float32], k: int, *, exclude: int | None, exact: bool
    ) -> tuple[list[tuple[int, float]], SearchEvidence]:
        """Find the `k` photos nearest to a centred unit `query` float32 (dim,).

        Returns
        -------
        hits : list of (photo_id, cosine)
            Best first; of equal ones the older photo first.
        evidence : SearchEvidence
        """
        started = time.perf_counter()
        state = self.refresh()
        allowed = state.allowed()
        if exclude is not None:
            allowed &= state.ids != exclude
        cosines = state.space.cosines(query, state.embeddings, state.norms)
        candidate_ids, candidate_cosines = [state.ids[allowed]], [cosines[allowed]]
        n_cells = n_codes = 0
        n_compared = int(allowed.sum())
        if state.index is not None:
            indexed = state.present[state.present <= state.indexed_through]
            wanted = indexed if exclude is None else indexed[indexed != exclude]
            if exact:
                ids, found = self._exact(state, query, wanted)
                n_compared += len(ids)
            else:
                every = len(wanted) == len(state.index)
                hits = state.index.search(query[None], k, filter=None if every else wanted)
                filled = hits.ids[0] >= 0
                ids, found = hits.ids[0][filled], (1 - hits.distances[0][filled]).astype(np.float32)
                n_cells, n_codes = hits.stats.n_cells, hits.stats.n_codes
                n_compared += hits.stats.n_reranked
            candidate_ids.append(ids)
            candidate_cosines.append(found)
        ids, cosines = np.concatenate(candidate_ids), np.concatenate(candidate_cosines)
        best = np.lexsort((ids, -cosines))[:k]
        method = "lopq" if state.index is not None and not exact else "exact"
        evidence = SearchEvidence(
            method, len(state.present), n_cells, n_codes, n_compared, time.perf_counter() - started
        )
        return [(int(ids[i]), float(cosines[i])) for i in best], evidence

    def _exact(
        self, state: _State, query: NDArray[np.float32], wanted: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Compare with every indexed photo, as the catalog holds them."""
        all_ids, all_cosines = [], []
        for ids, embeddings in self._catalog.embedding_blocks(0, through=state.indexed_through):
            keep = np.isin(ids, wanted, assume_unique=True)
            all_ids.append(ids[keep])
            all_cosines.append(state.space.cosines(query, embeddings[keep], state.space.norms(embeddings[keep])))
        return np.concatenate(all_ids), np.concatenate(all_cosines)
