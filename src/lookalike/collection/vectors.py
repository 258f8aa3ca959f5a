"""The embeddings of a collection, searched in the state in which the last commit left them.

They lie in the catalog's file, in the tables of a live index (lookalike.index.live), so this is little more than that
index opened for reading, when it is first needed: what never searches by photo does without the engine. A photo whose
files have all gone is not in it; its embedding is laid aside in the catalog, until a file comes back.
Memory: 4 bytes per dimension for each photo that is in no segment: 21 to 42 MB at 1,280 dimensions, up to 84 MB while a
first model is put off (collection.py).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog
from lookalike.errors import CollectionError

if TYPE_CHECKING:
    from lookalike.index.live import LiveIndex
    from lookalike.index.live.snapshot import Snapshot

__all__ = ["CATALOG", "FLUSH_AT", "TRAIN_FROM", "VectorView", "is_indexed", "open_index"]

CATALOG = "catalog.sqlite"
FLUSH_AT = 4096
"""Photos in memory at which they are written as a segment: comparing so many takes a millisecond or two."""
TRAIN_FROM = 2048
"""Photos from which on there is a model, and segments of codes."""


def open_index(
    directory: Path, dim: int, *, writable: bool, train_from: int = TRAIN_FROM, background: bool = True
) -> LiveIndex:
    """Open the live index of a collection; imports the engine. For writing, the caller holds the writer's lock."""
    from lookalike.index.live import LiveIndex

    return LiveIndex(
        directory / CATALOG,
        directory,
        dim=dim,
        metric="cosine",
        centred=True,
        writable=writable,
        compaction="none",  # photos are hardly ever replaced: there would be much to copy and little to drop
        flush_at=FLUSH_AT,
        train_from=train_from,
        background=background,
    )


def is_indexed(catalog: Catalog) -> bool:
    """Whether searches go through segments of codes; asked without the engine."""
    row = catalog.connection.execute("SELECT 1 FROM segments WHERE state = 'live' LIMIT 1").fetchone()
    return row is not None


class VectorView:
    """The embeddings of one collection, for reading.

    Parameters
    ----------
    catalog : Catalog
    directory : Path
        Of the collection.
    dim : int
        Dimension of the embeddings.
    """

    def __init__(self, catalog: Catalog, directory: Path, dim: int) -> None:
        self._catalog = catalog
        self._directory = directory
        self._dim = dim
        self._lock = threading.Lock()
        self._index: LiveIndex | None = None

    @property
    def index(self) -> LiveIndex:
        """The live index, opened when first asked for.

        Raises
        ------
        CollectionError
            The collection was closed.
        """
        self._catalog.connection  # noqa: B018  says so if it was closed
        with self._lock:
            if self._index is None:
                self._index = open_index(self._directory, self._dim, writable=False)
            return self._index

    def state(self) -> Snapshot:
        """Return a state as new as the catalog; it never changes."""
        return self.index.snapshot()

    def close(self) -> None:
        """Let go of all that is open."""
        with self._lock:
            if self._index is not None:
                self._index.close()

    def embeddings(self, photo_ids: Sequence[int]) -> NDArray[np.float32]:
        """Return the embeddings float32 (n, dim) of photos, present or gone, as the encoder gave them.

        Raises
        ------
        UnknownPhotoError
            One of the ids is not in the collection.
        CollectionError
            The embedding of one is lost.
        """
        from lookalike.index.live import tables

        wanted = np.array([photo_id for photo_id in photo_ids if 0 < photo_id < 2**63], np.int64)
        with self._catalog.snapshot():  # one that returns meanwhile would be found in neither place
            ids, _, vectors = tables.read_vectors(self._catalog.connection, self._dim, np.unique(wanted))
            found = dict(zip(ids.tolist(), vectors, strict=True))
            aside = self._catalog.vectors_aside(set(wanted.tolist()) - found.keys())
        for photo_id, vector in aside.items():
            found[photo_id] = np.frombuffer(vector, "<f4")
        for photo_id in photo_ids:
            if photo_id not in found:
                self._catalog.photo(photo_id)  # raises, mostly
                raise CollectionError(f"The embedding of photo {photo_id} is lost. `lookalike repair` makes it again.")
        return np.stack([found[photo_id] for photo_id in photo_ids]) if found else np.empty((0, self._dim), np.float32)

    def compared(self, state: Snapshot, photo_ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the embeddings float32 (n, dim) of photos as searches compare them: centred, unit length."""
        return state.space.compared(self.embeddings(photo_ids.tolist()))
