"""Writing photos: a photo's record and its vector are written in one transaction.

What the catalog says has changed is followed by the live index on the catalog's own connection, so that no moment
exists at which one of the two knows a photo and the other does not. Embeddings of photos whose files have all gone are
laid aside, and taken in again when a file comes back. Where the content of a file changed, what people said of the
photo of before is kept with the new one, if the two look alike: cameras use names of files again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog, Changes
from lookalike.collection.vectors import CATALOG, TRAIN_FROM, open_index
from lookalike.index.live import LiveIndex, tables
from lookalike.index.live.repair import mend

__all__ = ["PhotoWriter"]

_log = logging.getLogger(__name__)
_ALIKE = 0.8
"""Cosine of embeddings beyond which a photo is taken for an edited one; figures: docs/explanation/photos.md."""
_BLOCK = 4096
"""Photos whose vectors are held at a time: 21 MB at 1,280 dimensions."""


class PhotoWriter:
    """Catalog and index of a collection, opened for writing; the caller holds the writer's lock.

    A damaged segment is made again when this is opened.

    Parameters
    ----------
    directory : Path
        Of the collection.
    dim : int
        Dimension of the embeddings.
    train_from : int
        Photos from which on there is a model.
    background : bool
        Whether flushes, merges and training happen beside the writing; else inside of it.
    """

    def __init__(self, directory: Path, dim: int, *, train_from: int = TRAIN_FROM, background: bool = True) -> None:
        self.catalog = Catalog(directory / CATALOG, writable=True, create=False)
        reopen = partial(open_index, directory, dim, writable=True, train_from=train_from, background=background)
        try:
            self.index = reopen()
            if damaged := self.index.snapshot().damaged:
                _log.warning("the index is damaged and is made again from the catalog: %s", "; ".join(damaged))
                self.index.close()
                mend(directory / CATALOG, directory)
                self.index = reopen()
        except BaseException:
            self.catalog.close()
            raise

    def close(self) -> None:
        """Flush what is in memory, and close both."""
        try:
            self.index.close()
        finally:
            self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Changes]:
        """Everything written to the catalog inside, and to the index for it, becomes durable together or not at all."""
        with self.catalog.transaction() as changes:
            yield changes
            _hand_on(self.catalog, self.index.dim, changes)
            follow(self.catalog, self.index, changes)
        self.index.refresh()


def _hand_on(catalog: Catalog, dim: int, changes: Changes) -> None:
    """Let photos that were edited in place inherit what people said of them, inside of the transaction."""
    present = catalog.present_among({before for before, _ in changes.replaced})
    for before, now in changes.replaced:
        if before in present:
            continue
        one, other = changes.embeddings.get(before, _stored(catalog, dim, before)), changes.embeddings[now]
        if one is not None and one @ other > _ALIKE * np.linalg.norm(one) * np.linalg.norm(other):
            catalog.inherit(now, before)


def _stored(catalog: Catalog, dim: int, photo_id: int) -> NDArray[np.float32] | None:
    _, _, vectors = tables.read_vectors(catalog.connection, dim, np.array([photo_id], np.int64))
    laid_aside = [np.frombuffer(vector, "<f4") for vector in catalog.vectors_aside([photo_id]).values()]
    return next(iter([*vectors, *laid_aside]), None)


def follow(catalog: Catalog, index: LiveIndex, changes: Changes) -> None:
    """Bring the index in line with what a transaction has changed in the catalog, inside of it."""
    moved = sorted(changes.moved | changes.embeddings.keys())
    for start in range(0, len(moved), _BLOCK):
        _follow(catalog, index, moved[start : start + _BLOCK], changes.embeddings)


def _follow(
    catalog: Catalog, index: LiveIndex, moved: list[int], embeddings: Mapping[int, NDArray[np.float32]]
) -> None:
    db = catalog.connection
    present = catalog.present_among(moved)
    new = {photo_id: embeddings[photo_id].astype("<f4") for photo_id in moved if photo_id in embeddings}
    gone = np.array([photo_id for photo_id in moved if photo_id not in present], np.int64)
    ids, _, vectors = tables.read_vectors(db, index.dim, gone)
    if len(ids):
        index.discard(db, ids)
    for photo_id, vector in [*zip(ids.tolist(), vectors, strict=True), *new.items()]:
        if photo_id not in present:
            catalog.lay_aside(photo_id, vector.astype("<f4").tobytes())
    returned = catalog.vectors_aside(present - new.keys())
    catalog.forget_aside(present)
    shown = {photo_id: new[photo_id] for photo_id in present & new.keys()}
    shown |= {photo_id: np.frombuffer(vector, "<f4") for photo_id, vector in returned.items()}
    if shown:
        index.put(db, list(shown), np.stack(list(shown.values())))
