"""The tags of a collection in the joint space (lookalike.tags): suggestions, photos of a tag, similar tags.

Space and index are learned when first asked for and kept in the collection's directory. From then on they follow what
changes: the places of tags are sums over photos, so an answer moves the tags that it is about, and these alone; photos
that come are placed, those that go are taken out. The catalog tells which photos changed, so nothing else is read. The
map is learned anew once a tenth of the tags or photos has changed, beside questions, which the map before answers until
then; where that takes seconds at most, at once.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import LookalikeError, UnknownTagError
from lookalike.kernels.threads import one_blas_thread
from lookalike.quantization.arguments import normalised as unit_length
from lookalike.query import normalised
from lookalike.tags.tag_file import LearnedTags
from lookalike.tags.tag_index import TagIndex
from lookalike.tags.tag_map import BLOCK, TagMap, add_tag_sums
from lookalike.tags.tag_ranking import Calibration
from lookalike.tags.tag_space import TagSpace
from lookalike.tags.tag_table import TagTable

if TYPE_CHECKING:
    from lookalike.collection.collection import Collection

__all__ = ["CollectionTags", "StoredEmbeddings", "tables_of", "tags_now", "unknown_tag"]

_CHANGED = 0.1
"""Share of tags or photos that may come or go before the map is learned anew."""
_MUCH = 0.5
"""The same before questions wait for that."""
_SMALL = 4096
"""Photos up to which they always wait: it takes some seconds at most."""
_MANY = 1000
"""Changed photos from which on the tags of all are read."""


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
    learned : LearnedTags
        Where it began.
    index : TagIndex
        Of the photos and tags that there are.
    """

    generation: int
    learned: LearnedTags
    index: TagIndex

    def suggest(self, embedding: NDArray[np.float32], k: int, *, photo_id: int | None) -> list[tuple[str, float]]:
        """Suggest tags for a photo, by its embedding (dim,) as the encoder gives it: tags with scores, best first."""
        rows = None if photo_id is None else np.flatnonzero(self.index.ids == photo_id)
        return self.index.suggest(embedding[None], k, rows=rows if rows is not None and len(rows) else None).of_photo(0)

    def nearest_photos(self, tag: str, k: int) -> list[tuple[int, float, bool]]:
        """Find the photos nearest to a tag: ids with cosines, and whether they carry it."""
        number = self.number(tag)
        carried = self.index.space.carried
        having = set(self.index.ids[carried.photos()[carried.tags == number]].tolist())
        return [(photo, cosine, photo in having) for photo, cosine in self.index.nearest_photos(number, k)]

    def likely_photos(self, tag: str, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Find the photos nearest to a tag: ids int64 (n,), and probabilities float32 (n,) that they deserve it."""
        number = self.number(tag)
        found = self.index.nearest_photos(number, k)
        cosines = np.array([cosine for _, cosine in found], np.float32)
        return np.array([photo for photo, _ in found], np.int64), self.index.space.probabilities(number, cosines)

    def similar(self, tag: str, k: int) -> list[tuple[str, float]]:
        """Find the tags nearest to a tag, with cosines."""
        return self.index.similar_tags(self.number(tag), k)

    def number(self, tag: str) -> int:
        """Return the number of a tag, given in any spelling.

        Raises
        ------
        UnknownTagError
        """
        form, space = normalised(tag), self.index.space
        number = space.number(form) if form in space.names else -1
        if number < 0 or not (space.carried.tags == number).any():
            raise unknown_tag(tag)
        return number


@dataclass(slots=True, eq=False)
class _Kept:
    """What is known of one collection, and whether it is just learned anew."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    state: CollectionTags | None = None
    learning: bool = False


_LOCK = threading.Lock()
_NOW: WeakKeyDictionary[Collection, _Kept] = WeakKeyDictionary()


def unknown_tag(tag: str) -> UnknownTagError:
    """Return the error that no photo has a tag."""
    return UnknownTagError(f"No photo has the tag {tag!r}. `lookalike tags` lists those that there are.")


def tags_now(collection: Collection, *, wait: bool = True) -> CollectionTags | None:
    """Return the joint space of a collection as it is now, learning what has to be; None where no photo has a tag.

    Parameters
    ----------
    collection : Collection
    wait : bool
        False: where learning takes long, it goes on beside, and what is known is given, or None.
    """
    with _LOCK:
        kept = _NOW.setdefault(collection, _Kept())
    if kept.lock.acquire(blocking=wait):
        try:
            kept.state = _current(collection, kept, wait=wait)
        finally:
            kept.lock.release()
    state = kept.state
    return state if state is not None and len(state.index.space.carried.tags) else None


def _current(collection: Collection, kept: _Kept, *, wait: bool) -> CollectionTags | None:
    generation = collection.generation
    state = kept.state or _read(collection)
    if state is not None and state.generation != generation:
        state = _followed(collection, state, generation)
    if (state is None or _is_stale(state, share=_MUCH)) and (wait or len(collection.ids()) <= _SMALL):
        return _learned(collection, generation)
    if (state is None or _is_stale(state, share=_CHANGED)) and not kept.learning:
        kept.learning = True
        threading.Thread(target=_learn_beside, args=(collection, kept), name="learning tags", daemon=True).start()
    return state


def tables_of(collection: Collection, ids: NDArray[np.int64]) -> tuple[TagTable, TagTable]:
    """Return what photos carry, and what was rejected for them; ids ascending."""
    nothing = TagTable.of([()] * len(ids))
    return _tables(collection, nothing, nothing, ids, ids, None)


# ---------------------------------------------------------------------- learning


def _learned(collection: Collection, generation: int) -> CollectionTags | None:
    ids, card = collection.ids(), collection.settings.card
    carried, rejected = tables_of(collection, ids)
    if not len(carried.tags):
        return None
    embeddings = StoredEmbeddings(collection, ids)
    space = TagSpace.fit(embeddings, carried, rejected=rejected, mean=collection.mean)
    index = TagIndex.build(_without_tags(space.map, space.calibration, len(ids)), embeddings, ids=ids).index
    learned = LearnedTags(space.map, space.calibration, index, len(carried.tags), len(ids))
    learned.write(collection.path, card.fingerprint)
    return _followed(collection, _begun(learned), generation)


def _learn_beside(collection: Collection, kept: _Kept) -> None:
    try:
        state = _learned(collection, collection.generation)
        with kept.lock:
            kept.state = state
    except (LookalikeError, sqlite3.Error):
        pass  # closed meanwhile, mostly; whatever it is, the next question meets it too
    finally:
        kept.learning = False


def _read(collection: Collection) -> CollectionTags | None:
    card = collection.settings.card
    learned = LearnedTags.read(collection.path, card.fingerprint, card.dim)
    return None if learned is None else _begun(learned)


def _begun(learned: LearnedTags) -> CollectionTags:
    """Return the state in which nothing is known yet but the photos."""
    ids = np.sort(np.asarray(learned.index.ids, np.int64)) // 2
    space = _without_tags(learned.map, learned.calibration, len(ids))
    return CollectionTags(-1, learned, TagIndex(space, ids, learned.index))


def _without_tags(map_: TagMap, calibration: Calibration, n_photos: int) -> TagSpace:
    nothing, sums = TagTable.of([()] * n_photos), np.zeros((0, map_.axes.shape[1]), np.float32)
    return TagSpace(map_, nothing, nothing, sums, sums, calibration)


def _is_stale(state: CollectionTags, *, share: float) -> bool:
    learned, n_photos, n_tags = state.learned, len(state.index.ids), len(state.index.space.carried.tags)
    share = _CHANGED if n_photos <= _SMALL else share
    return abs(n_tags - learned.n_tags) > share * learned.n_tags or (
        abs(n_photos - learned.n_photos) > share * learned.n_photos
    )


# ---------------------------------------------------------------------- following


def _followed(collection: Collection, state: CollectionTags, generation: int) -> CollectionTags:
    """Take in what changed since: photos that came, went, or were answered for."""
    index, ids = state.index, collection.ids()
    came, gone = _without(ids, index.ids), _without(index.ids, ids)
    told = None if state.generation < 0 else collection.retagged_since(state.generation)
    changed = None if told is None else np.union1d(np.array(told, np.int64), np.concatenate([came, gone]))
    if changed is not None and len(changed) > _MANY:
        changed = None
    if changed is not None and not len(changed):
        return replace(state, generation=generation)
    before = index.space
    tables = _tables(collection, before.carried, before.rejected, index.ids, ids, changed)
    n_more = len(tables[0].names) - len(before.names)
    new = _places(before.map, StoredEmbeddings(collection, came))
    sums = [
        np.vstack([each, np.zeros((n_more, before.n_dims), np.float32)]) for each in (before.sums, before.rejected_sums)
    ]
    moved = set(range(len(before.names), len(tables[0].names)))
    if changed is None:
        sums, moved = [np.zeros_like(each) for each in sums], set(range(len(tables[0].names)))

    def add(
        places: NDArray[np.float32],
        photos: NDArray[np.int64],
        all_ids: NDArray[np.int64],
        answers: tuple[TagTable, TagTable],
        sign: float,
    ) -> None:
        there = np.isin(photos, all_ids)
        rows = np.searchsorted(all_ids, photos[there])
        for out, table in zip(sums, answers, strict=True):
            part = table.rows(rows)
            add_tag_sums(out, places[there], part, sign)
            moved.update(part.tags.tolist())

    known = _without(ids if changed is None else changed, came)
    for photos, places in index.blocks(known):
        if changed is not None:
            add(places, photos, index.ids, (before.carried, before.rejected), -1.0)
        add(places, photos, ids, tables, 1.0)
    add(new, came, ids, tables, 1.0)
    space = replace(before, carried=tables[0], rejected=tables[1], sums=sums[0], rejected_sums=sums[1])
    index = index.changed(space, ids, came, new, np.array(sorted(moved), np.int64))
    return CollectionTags(generation, state.learned, index)


def _tables(
    collection: Collection,
    carried: TagTable,
    rejected: TagTable,
    ids_before: NDArray[np.int64],
    ids: NDArray[np.int64],
    changed: NDArray[np.int64] | None,
) -> tuple[TagTable, TagTable]:
    """Bring tables up to date with what was said and rejected of photos that changed, or of all; tags keep numbers."""
    asked = None if changed is None else changed[np.isin(changed, ids)].tolist()
    said = [(photo_id, tag) for photo_id, tag, _ in collection.said_tags(asked)]
    refused = collection.rejected_tags(asked)
    more = {tag for _, tag in said + refused} - set(carried.names)
    names = carried.names + tuple(sorted(more))
    numbers = {name: number for number, name in enumerate(names)}
    tables = []
    for table, pairs in ((carried, said), (rejected, refused)):
        photos = ids_before[table.photos()]
        kept = np.zeros(len(photos), np.bool_) if changed is None else ~np.isin(photos, changed)
        new = np.array([(photo_id, numbers[tag]) for photo_id, tag in pairs], np.int64).reshape(-1, 2)
        both = np.concatenate([np.column_stack([photos[kept], table.tags[kept]]), new])
        both = both[np.isin(both[:, 0], ids)]
        tables.append(TagTable.from_pairs(names, len(ids), np.searchsorted(ids, both[:, 0]), both[:, 1]))
    return tables[0], tables[1]


def _without(ids: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.setdiff1d(ids, others, assume_unique=True)


def _places(map_: TagMap, embeddings: StoredEmbeddings) -> NDArray[np.float32]:
    n = len(embeddings.ids)
    places = np.empty((n, map_.axes.shape[1]), np.float32)
    with one_blas_thread():
        for start in range(0, n, BLOCK):
            places[start : start + BLOCK] = unit_length(map_.places(map_.compared(embeddings[start : start + BLOCK])))
    return places
