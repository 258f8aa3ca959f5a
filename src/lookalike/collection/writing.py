"""Writing photos: a photo's record and its vector are written in one transaction.

What the catalog says has changed is followed by the live index on the catalog's own connection, so that no moment
exists at which one of the two knows a photo and the other does not. Embeddings of photos whose files have all gone are
laid aside, and taken in again when a file comes back.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from lookalike.catalog import Catalog, Changes
from lookalike.collection.vectors import CATALOG, open_index
from lookalike.index.live import LiveIndex, tables
from lookalike.index.live.repair import mend

__all__ = ["PhotoWriter"]

_log = logging.getLogger(__name__)


class PhotoWriter:
    """Catalog and index of a collection, opened for writing; the caller holds the writer's lock.

    A damaged segment is made again when this is opened.

    Parameters
    ----------
    directory : Path
        Of the collection.
    dim : int
        Dimension of the embeddings.
    background : bool
        Whether flushes, merges and training happen beside the writing; else inside of it.
    """

    def __init__(self, directory: Path, dim: int, *, background: bool = True) -> None:
        self.catalog = Catalog(directory / CATALOG, writable=True)
        try:
            self.index = open_index(directory, dim, writable=True, background=background)
            if damaged := self.index.snapshot().damaged:
                _log.warning("the index is damaged and is made again from the catalog: %s", "; ".join(damaged))
                self.index.close()
                mend(directory / CATALOG, directory)
                self.index = open_index(directory, dim, writable=True, background=background)
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
            follow(self.catalog, self.index, changes)
        self.index.refresh()


def follow(catalog: Catalog, index: LiveIndex, changes: Changes) -> None:
    """Bring the index in line with what a transaction has changed in the catalog, inside of it."""
    db = catalog.connection
    moved = sorted(changes.moved | changes.embeddings.keys())
    present = catalog.present_among(moved)
    vectors = {photo_id: embedding.astype("<f4").tobytes() for photo_id, embedding in changes.embeddings.items()}
    returned = catalog.vectors_aside(present - vectors.keys())
    vectors |= returned
    catalog.forget_aside(returned)
    gone = [photo_id for photo_id in moved if photo_id not in present]
    ids, _, found = tables.read_vectors(db, index.dim, np.array(gone, np.int64))
    for photo_id, vector in zip(ids.tolist(), found, strict=True):
        catalog.lay_aside(photo_id, vector.astype("<f4").tobytes())
    if len(ids):
        index.discard(db, ids)
    for photo_id in vectors.keys() - present:
        catalog.lay_aside(photo_id, vectors.pop(photo_id))
    shown = sorted(vectors)
    if shown:
        block = np.stack([np.frombuffer(vectors[photo_id], "<f4") for photo_id in shown])
        index.put(db, shown, block)
