"""Keeping the mean and the index of a collection in step with its growth.

Both are renewed when the collection has grown by half, so their total cost stays a small multiple of the last one's.
Between two trainings new photos are coded by the old model. Whatever happens on the way, what the catalog names stays
whole: a new index is written beside the old one, and one transaction changes the name. An index that is missing or
damaged is made again. Memory while an index is made: 4 bytes per dimension and photo (0.5 GB at 100,000 of 1,280).
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog
from lookalike.collection.space import Space
from lookalike.errors import FormatError

if TYPE_CHECKING:
    from lookalike.index import LOPQIndex

_log = logging.getLogger(__name__)

__all__ = ["INDEX_FROM", "maintain", "open_index", "read_space"]

INDEX_FROM = 4096
"""Photos from which on an index is kept: below, exact search takes a millisecond or two."""

GROWTH = 1.5


def read_space(catalog: Catalog, dim: int) -> Space:
    """Return the space that the catalog names, or the one without a mean."""
    mean = catalog.setting("mean")
    if mean is None:
        return Space(np.zeros(dim, np.float32), 0)
    return Space(np.frombuffer(mean, dtype="<f4").copy(), int(catalog.setting("mean_n_photos")))


def open_index(path: Path, *, mmap: bool = True) -> LOPQIndex:
    """Open an index; imports the engine, which workers and small collections do without."""
    from lookalike.index import LOPQIndex

    return LOPQIndex.open(path, mmap=mmap)


def maintain(catalog: Catalog, segments: Path, dim: int, *, max_fresh: int = INDEX_FROM) -> bool:
    """Renew the mean, and build or extend the index, where the collection's growth asks for it.

    The caller holds the writer's lock.

    Parameters
    ----------
    max_fresh : int
        Photos that may lie outside the index before it is built or extended. While photos stream in this is
        larger, because comparing a few tens of thousands costs less than indexing them twice.

    Returns
    -------
    bool
        Whether anything was renewed.
    """
    n_photos = catalog.n_embeddings()
    indexed_through = int(catalog.setting("indexed_through") or 0)
    old_name: str | None = catalog.setting("index")
    if old_name is not None and not (segments / old_name).is_dir():  # lost: made again from the catalog
        old_name, indexed_through = None, 0
    _remove_others(segments, old_name)
    space = read_space(catalog, dim)
    grown = n_photos > 0 and n_photos >= space.n_photos * GROWTH
    index_due = catalog.n_embeddings(after=indexed_through) >= max_fresh
    # An index and the mean it was built with belong together: once there is an index, both are renewed or neither.
    if not index_due and (old_name is not None or not grown):
        return False

    if grown:
        space = _fit_space(catalog, dim)
    name = None
    if index_due:
        name = f"{int(catalog.setting('index') or 0) + 1:06d}"
        base = None if grown or old_name is None else segments / old_name
        index = _index(catalog, space, base=base, after=indexed_through)
        segments.mkdir(exist_ok=True)
        index.save(segments / name)
        indexed_through = int(index.ids.max())
    with catalog.transaction():
        catalog.set_setting("mean", space.mean.astype("<f4").tobytes())
        catalog.set_setting("mean_n_photos", space.n_photos)
        if name is not None:
            catalog.set_setting("index", name)
            catalog.set_setting("indexed_through", indexed_through)
    _remove_others(segments, name or old_name)
    return True


def _remove_others(segments: Path, name: str | None) -> None:
    """Remove every index but the one called `name`: old ones, and what a run that was killed left behind."""
    for path in segments.iterdir() if segments.is_dir() else ():
        if path.name != name:
            shutil.rmtree(path, ignore_errors=True)


def _index(catalog: Catalog, space: Space, *, base: Path | None, after: int) -> LOPQIndex:
    """Build an index of every photo, or extend the one at `base` by those with an id larger than `after`."""
    if base is not None:
        try:
            index = open_index(base, mmap=False)
        except (FormatError, OSError) as error:
            _log.warning("the index is damaged and is built anew: %s", error)
        else:
            index.add(*_centred(catalog, space, after))
            return index
    from lookalike.index import LOPQIndex

    vectors, ids = _centred(catalog, space, 0)
    return LOPQIndex.build(vectors, ids=ids, metric="cosine")


def _centred(catalog: Catalog, space: Space, after: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the centred embeddings float32 (n, dim) and the ids (n,) of all photos with an id larger than `after`."""
    n_photos = catalog.n_embeddings(after=after)
    vectors, ids = np.empty((n_photos, len(space.mean)), np.float32), np.empty(n_photos, np.int64)
    start = 0
    for block_ids, block in catalog.embedding_blocks(after):
        end = start + len(block)
        vectors[start:end], ids[start:end] = space.centre(block), block_ids
        start = end
    return vectors, ids


def _fit_space(catalog: Catalog, dim: int) -> Space:
    total = np.zeros(dim, np.float64)
    n_photos = 0
    for ids, embeddings in catalog.embedding_blocks(0):
        total += embeddings.sum(axis=0, dtype=np.float64)
        n_photos += len(ids)
    return Space.fit(total, n_photos)
