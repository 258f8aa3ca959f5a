"""One index of photos and tags: what is near to what, asked in one way.

Photos and tags are unit vectors of the joint space in one :class:`lookalike.LOPQIndex`; a filter says whether tags or
photos are asked for. A photo has the id ``2 id`` there and tag number t ``2 t + 1``, so that a filter is a mask, and
either may grow. The index is the one place where photos' places are kept: 2 bytes per dimension and vector, and 16 for
the code: 55 MB for 100,000 photos of 256 dimensions. What changes is taken out and put in again, as a small segment.

On 100,000 photos the nearest of a tag take a millisecond, where comparing all took 11, or 57 from float16
(docs/adr/0009-tags-and-photos-in-one-index.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.index import LOPQIndex
from lookalike.quantization.arguments import check_count
from lookalike.tags.tag_map import BLOCK, Rows
from lookalike.tags.tag_ranking import N_NEIGHBOURS, Neighbours
from lookalike.tags.tag_space import TagSpace, TagSuggestions

__all__ = ["TagIndex"]

_TRAINED_ON = 16_384
"""Photos that codes are trained on, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class TagIndex:
    """Search among photos and tags. Make one with :meth:`build`; it never changes.

    Parameters
    ----------
    space : TagSpace
    ids : int64 (n,)
        Photo of each row of the space, ascending.
    index : LOPQIndex
        Of photos and tags.
    """

    space: TagSpace
    ids: NDArray[np.int64]
    index: LOPQIndex
    _photos: NDArray[np.bool_] = field(init=False)
    _tagged: NDArray[np.bool_] = field(init=False)
    _tags: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        photos = np.zeros(2 * int(self.ids.max(initial=-1)) + 2, np.bool_)
        photos[2 * self.ids] = True
        tagged = np.zeros_like(photos)
        tagged[2 * self.ids] = self.space.carried.per_photo() > 0
        tags = np.zeros(2 * len(self.space.names), np.bool_)
        tags[1::2] = self.space.carried.per_tag() > 0
        for name, mask in (("_photos", photos), ("_tagged", tagged), ("_tags", tags)):
            object.__setattr__(self, name, mask)

    @classmethod
    def build(cls, space: TagSpace, embeddings: Rows, *, ids: ArrayLike | None = None, seed: int = 0) -> TagIndex:
        """Index the photos that the space was fitted on, in the same order, and its tags.

        Parameters
        ----------
        space : TagSpace
        embeddings : array-like (n, dim)
            As the encoder gives them; read by slices of rows.
        ids : array-like of int (n,), optional
            Ids of the photos, ascending; by default the row numbers.
        seed : int
        """
        n = space.n_photos
        names = np.arange(n, dtype=np.int64) if ids is None else np.asarray(ids, np.int64)
        places = np.empty((n, space.n_dims), np.float32)
        for start in range(0, n, BLOCK):
            places[start : min(start + BLOCK, n)] = space.photos(embeddings[start : min(start + BLOCK, n)])
        order = np.random.default_rng(seed).permutation(n)
        first, rest = np.sort(order[:_TRAINED_ON]), np.sort(order[_TRAINED_ON:])
        index = LOPQIndex.build(places[first], ids=2 * names[first], metric="cosine", seed=seed)
        index.add(places[rest], 2 * names[rest])
        nobody = np.empty(0, np.int64)
        return cls(space, names, index).changed(space, names, nobody, places[:0], np.arange(len(space.names)))

    # ------------------------------------------------------------------ asking

    def nearest_tags(self, embedding: ArrayLike, k: int = 10) -> list[tuple[str, float]]:
        """Return the tags nearest to a photo, an embedding (dim,), with their cosines."""
        return self._near_tags(self.space.photos(embedding), k, self._tags)

    def similar_tags(self, tag: str | int, k: int = 10) -> list[tuple[str, float]]:
        """Return the tags nearest to a tag, without itself, with their cosines."""
        number = self.space.number(tag)
        others = self._tags.copy()
        others[2 * number + 1] = False
        return self._near_tags(self.space.tags[number][None], k, others)

    def nearest_photos(self, tag: str | int, k: int = 10) -> list[tuple[int, float]]:
        """Return the ids of the photos nearest to a tag, whether they carry it or not, with their cosines."""
        query = self.space.tags[self.space.number(tag)][None]
        k = min(check_count(k, "k"), max(len(self.ids), 1))
        hits = self.index.search(query, k, filter=self._photos)
        return [(id_ // 2, cosine) for id_, cosine in _pairs(hits.ids[0], 1 - hits.distances[0])]

    def neighbours(
        self, embeddings: ArrayLike, k: int = N_NEIGHBOURS, *, rows: NDArray[np.int64] | None = None
    ) -> Neighbours:
        """Return the nearest tagged photos of photos, for :meth:`TagSpace.suggest`.

        Parameters
        ----------
        embeddings : array-like (n, dim)
        k : int
        rows : int64 (n,), optional
            Which photos of the space these are, to leave each out of its own neighbours.
        """
        hits = self.index.search(self.space.photos(embeddings), k + (rows is not None), filter=self._tagged)
        ids = np.asarray(hits.ids, np.int64)
        found = np.where(ids >= 0, np.searchsorted(self.ids, ids // 2), -1)
        cosines = (1 - hits.distances).astype(np.float32)
        if rows is not None:
            own = found == np.asarray(rows)[:, None]
            order = np.argsort(own, axis=1, kind="stable")  # itself last
            found, cosines = (np.take_along_axis(each, order, axis=1) for each in (np.where(own, -1, found), cosines))
            found, cosines = found[:, :k], cosines[:, :k]
        return Neighbours(found, np.where(found >= 0, cosines, -1).astype(np.float32))

    def suggest(self, embeddings: ArrayLike, k: int = 10, *, rows: NDArray[np.int64] | None = None) -> TagSuggestions:
        """Suggest tags by both nearness and votes; see :meth:`TagSpace.suggest`."""
        return self.space.suggest(embeddings, k, neighbours=self.neighbours(embeddings, rows=rows), rows=rows)

    def blocks(self, ids: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Give ids of photos, of these that are in the index, and their places, block by block."""
        for segment in self.index.segments:
            wanted = np.isin(segment.ids, 2 * ids)
            rows = np.flatnonzero(wanted if segment.alive is None else wanted & segment.alive)
            for start in range(0, len(rows), BLOCK):
                block = rows[start : start + BLOCK]
                yield segment.ids[block].astype(np.int64) // 2, segment.vectors(block)

    # ------------------------------------------------------------------ changing

    def changed(
        self,
        space: TagSpace,
        ids: NDArray[np.int64],
        came: NDArray[np.int64],
        places: NDArray[np.float32],
        tags: NDArray[np.int64],
    ) -> TagIndex:
        """Return the index of other photos and tags. This one stays as it is, and shares what is in both.

        Parameters
        ----------
        space : TagSpace
            As it is now; tags keep their numbers.
        ids : int64 (n,)
            Photos that there are now, ascending.
        came : int64 (m,)
            Those of them that are new.
        places : float32 (m, d)
            Theirs, of unit length.
        tags : int64 (n_moved,)
            Numbers of the tags that are not where they were, or new.
        """
        index = LOPQIndex(self.index.model, self.index.segments, "float16")
        gone = np.setdiff1d(self.ids, ids, assume_unique=True)
        index.remove(np.concatenate([2 * gone, 2 * tags + 1]))
        placed = tags[space.tags[tags].any(axis=1)]
        index.add(np.concatenate([places, space.tags[placed]]), np.concatenate([2 * came, 2 * placed + 1]))
        return TagIndex(space, ids, index)

    def _near_tags(self, query: NDArray[np.float32], k: int, admitted: NDArray[np.bool_]) -> list[tuple[str, float]]:
        k = min(check_count(k, "k"), max(len(self.space.names), 1))
        hits = self.index.search(query, k, filter=admitted)
        return [(self.space.names[id_ // 2], cosine) for id_, cosine in _pairs(hits.ids[0], 1 - hits.distances[0])]


def _pairs(ids: NDArray[np.int64], cosines: NDArray[np.float32]) -> list[tuple[int, float]]:
    return [(int(i), float(c)) for i, c in zip(ids, cosines, strict=True) if i >= 0]
