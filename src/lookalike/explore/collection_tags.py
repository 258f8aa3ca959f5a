"""The tags of a collection in the joint space (:mod:`.tag_space`): suggestions, photos of a tag, similar tags.

The map is learned when first asked for and kept in the collection's directory (:mod:`.tag_file`). Every answer counts
at once: the places of tags are sums over photos, made of the tags as they are now. The map itself is learned anew once
a tenth of the tags or photos has changed; of fewer than 100 tags, whenever their number has. Which photos are near is
found by comparing all.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lookalike.collection import Collection
from lookalike.errors import UnknownTagError
from lookalike.explore.tag_file import LearnedTags
from lookalike.explore.tag_map import BLOCK, TagMap, add_tag_sums
from lookalike.explore.tag_ranking import NearestRows
from lookalike.explore.tag_space import TagSpace
from lookalike.explore.tag_table import TagTable
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.arguments import normalised as unit_length
from lookalike.query import normalised

__all__ = ["CollectionTags", "StoredEmbeddings", "tables_of", "tags_now"]

_CHANGED = 0.1
"""Share of tags or photos that may come or go before the map is learned anew."""
_FEW = 100
"""Tags of photos below which it is learned anew whenever their number changes: it takes no time."""


@dataclass(frozen=True, slots=True)
class StoredEmbeddings:
    """Embeddings of photos of a collection, read by slices as the encoder gave them."""

    collection: Collection
    ids: NDArray[np.int64]

    @property
    def shape(self) -> Any:  # noqa: ANN401  as NumPy has it
        """Numbers of photos and dimensions."""
        return len(self.ids), self.collection.settings.card.dim

    def __getitem__(self, rows: slice, /) -> NDArray[np.float32]:
        return self.collection.raw_embeddings(self.ids[rows])


@dataclass(frozen=True, slots=True, eq=False)
class CollectionTags:
    """The joint space of a collection at one moment.

    Attributes
    ----------
    generation : int
        Of the collection.
    ids : int64 (n,)
        Of the photos, ascending: rows of the space.
    raw : dict of str to str
        How each tag is written.
    space : TagSpace
    places : float16 (n, d)
        Of the photos, of unit length.
    """

    generation: int
    ids: NDArray[np.int64]
    raw: dict[str, str]
    space: TagSpace
    places: NDArray[np.float16]

    def suggest(self, embedding: NDArray[np.float32], k: int, *, photo_id: int | None) -> list[tuple[str, float]]:
        """Suggest tags for a photo, by its embedding (dim,) as the encoder gives it: tags with scores, best first."""
        row = None if photo_id is None else int(np.searchsorted(self.ids, photo_id))
        if row is not None and (row >= len(self.ids) or self.ids[row] != photo_id):
            row = None
        voters = np.flatnonzero(self.space.carried.per_photo() > 0)
        voters = voters if row is None else voters[voters != row]
        query = self.space.photos(embedding[None])
        nearest = NearestRows(1, joint=True)
        with one_blas_thread():
            for start in range(0, len(voters), BLOCK):
                block = voters[start : start + BLOCK]
                nearest.see(block, query @ self.places[block].astype(np.float32).T)
        rows = None if row is None else np.array([row])
        return self.space.suggest(embedding[None], k, neighbours=nearest.neighbours(), rows=rows).of_photo(0)

    def nearest_photos(self, tag: str, k: int) -> list[tuple[int, float, bool]]:
        """Find the photos nearest to a tag: ids with cosines, and whether they carry it."""
        number = self.number(tag)
        vector = self.space.tags[number]
        cosines = np.empty(len(self.ids), np.float32)
        with one_blas_thread():
            for start in range(0, len(self.ids), BLOCK):
                cosines[start : start + BLOCK] = self.places[start : start + BLOCK].astype(np.float32) @ vector
        carried = self.space.carried
        having = set(carried.photos()[carried.tags == number].tolist())
        order = np.lexsort((self.ids, -cosines))[:k].tolist()
        return [(int(self.ids[row]), float(cosines[row]), row in having) for row in order]

    def similar(self, tag: str, k: int) -> list[tuple[str, float]]:
        """Find the tags nearest to a tag, with cosines."""
        found = self.space.similar_tags(self.number(tag), max(len(self.space.names), 1))
        return [(name, cosine) for name, cosine in found if name in self.raw][:k]

    def number(self, tag: str) -> int:
        """Return the number of a tag, given in any spelling.

        Raises
        ------
        UnknownTagError
        """
        form = normalised(tag)
        if form not in self.raw:
            raise UnknownTagError(f"No photo has the tag {tag!r}. `lookalike tags` lists those that there are.")
        return self.space.number(form)


_LOCK = threading.Lock()
_NOW: WeakKeyDictionary[Collection, CollectionTags] = WeakKeyDictionary()


def tags_now(collection: Collection) -> CollectionTags:
    """Return the joint space of a collection as it is now, learning what has to be."""
    with _LOCK:
        generation = collection.generation
        known = _NOW.get(collection)
        if known is None or known.generation != generation:
            known = _NOW[collection] = _made(collection, generation)
        return known


def tables_of(collection: Collection, ids: NDArray[np.int64]) -> tuple[TagTable, TagTable, dict[str, str]]:
    """Return what photos carry, what was rejected for them, and how each tag that is carried is written."""
    said = collection.said_tags()
    raw: dict[str, str] = {}
    for _, tag, written in said:
        raw.setdefault(tag, written)
    refused = collection.rejected_tags()
    names = tuple(sorted(raw)) + tuple(sorted({tag for _, tag in refused} - raw.keys()))
    numbers = {name: number for number, name in enumerate(names)}
    carried = _table([(photo_id, numbers[tag]) for photo_id, tag, _ in said], names, ids)
    rejected = _table([(photo_id, numbers[tag]) for photo_id, tag in refused], names, ids)
    return carried, rejected, raw


def _table(pairs: list[tuple[int, int]], names: tuple[str, ...], ids: NDArray[np.int64]) -> TagTable:
    both = np.array(pairs, np.int64).reshape(-1, 2)
    kept = both[np.isin(both[:, 0], ids)]
    return TagTable.from_pairs(names, len(ids), np.searchsorted(ids, kept[:, 0]), kept[:, 1])


def _made(collection: Collection, generation: int) -> CollectionTags:
    ids = collection.ids()
    carried, rejected, raw = tables_of(collection, ids)
    card = collection.settings.card
    learned = LearnedTags.read(collection.path, card.fingerprint, card.dim)
    if learned is None or _is_stale(learned, len(carried.tags), len(ids)):
        embeddings = StoredEmbeddings(collection, ids)
        fitted = TagSpace.fit(embeddings, carried, rejected=rejected, mean=collection.mean)
        places = _places(fitted.map, embeddings)
        learned = LearnedTags(fitted.map, fitted.calibration, ids, places, len(carried.tags), len(ids))
        learned.write(collection.path, card.fingerprint)
    places = _places_of(collection, learned, ids)
    sums = np.zeros((2, carried.n_tags, places.shape[1]), np.float32)
    for start in range(0, len(ids), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(ids)), dtype=np.int64)
        for out, table in zip(sums, (carried, rejected), strict=True):
            add_tag_sums(out, places[rows].astype(np.float32), table.rows(rows))
    space = TagSpace(learned.map, carried, rejected, sums[0], sums[1], learned.calibration)
    return CollectionTags(generation, ids, raw, space, _unit(places))


def _is_stale(learned: LearnedTags, n_tags: int, n_photos: int) -> bool:
    if learned.n_tags < _FEW:
        return learned.n_tags != n_tags
    return (
        abs(n_tags - learned.n_tags) > _CHANGED * learned.n_tags
        or abs(n_photos - learned.n_photos) > _CHANGED * learned.n_photos
    )


def _places_of(collection: Collection, learned: LearnedTags, ids: NDArray[np.int64]) -> NDArray[np.float16]:
    """Places of the photos that there are now, those that came since placed as well."""
    if np.array_equal(learned.ids, ids):
        return learned.places
    places = np.empty((len(ids), learned.places.shape[1]), np.float16)
    at = np.minimum(np.searchsorted(learned.ids, ids), max(len(learned.ids) - 1, 0))
    known = learned.ids[at] == ids if len(learned.ids) else np.zeros(len(ids), np.bool_)
    places[known] = learned.places[at[known]]
    places[~known] = _places(learned.map, StoredEmbeddings(collection, ids[~known]))
    return places


def _places(map_: TagMap, embeddings: StoredEmbeddings) -> NDArray[np.float16]:
    n = len(embeddings.ids)
    places = np.empty((n, map_.axes.shape[1]), np.float16)
    with one_blas_thread():
        for start in range(0, n, BLOCK):
            block = embeddings[start : start + BLOCK]
            places[start : start + BLOCK] = map_.places(map_.compared(block))
    return places


def _unit(places: NDArray[np.float16]) -> NDArray[np.float16]:
    out = np.empty_like(places)
    for start in range(0, len(places), BLOCK):
        out[start : start + BLOCK] = unit_length(places[start : start + BLOCK].astype(np.float32))
    return out
