"""What of a collection is damaged is made again: from the catalog, and where that does not hold it, from the photos.

Segments and models come from the vectors, full text from the facts, thumbnails and lost embeddings from the photo
files where these are there. What was seen in a photo, where that is damaged, is dropped: the next `add` looks again.
Nothing is removed that cannot be made again.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.catalog import Catalog
from lookalike.collection.thumbnails import ThumbnailStore
from lookalike.collection.vectors import CATALOG
from lookalike.collection.verify import CollectionReport, cross_references, verify_collection
from lookalike.collection.writing import PhotoWriter
from lookalike.errors import FormatError, LookalikeError
from lookalike.index.live.repair import mend
from lookalike.photos import PhotoFacts

__all__ = ["repair_collection"]

Encode = Callable[[int], NDArray[np.float32] | None]
"""Gives the embedding of a photo of the collection, read from its file; None where that is not there."""


def repair_collection(directory: Path, dim: int, encode: Encode, remake: Callable[[int], object]) -> CollectionReport:
    """Make good what can be; the caller holds the writer's lock.

    Parameters
    ----------
    directory : Path
    dim : int
        Dimension of the embeddings.
    encode : callable
    remake : callable
        Makes the thumbnail of a photo; may raise.

    Raises
    ------
    FormatError
        The database itself is damaged.
    """
    before = verify_collection(directory)
    if before.is_clean:
        with closing(Catalog(directory / CATALOG, writable=True, create=False)) as catalog:
            catalog.compose_texts()
        return before
    ruined = [str(problem) for problem in before.problems if problem.place in ("database", "collection.json")]
    if ruined:
        raise FormatError(
            f"`{directory}` cannot be repaired, because what all else is made from is damaged: {' '.join(ruined)} "
            "Restore a backup (`lookalike restore`), or make a new collection and add the photos again."
        )
    thumbnails = ThumbnailStore(directory / "thumbnails")
    with closing(Catalog(directory / CATALOG, writable=True, create=False)) as catalog:
        encoded = _drop_damaged(catalog, 4 * dim, encode)
        catalog.compose_texts()
    mend(directory / CATALOG, directory)
    with PhotoWriter(directory, dim, background=False) as writer:
        catalog = writer.catalog
        with catalog.snapshot():
            found = cross_references(catalog, thumbnails)
        for photo_id in set(found.unvectored) - encoded.keys():
            embedding = encode(photo_id)
            if embedding is not None:
                encoded[photo_id] = embedding
        with writer.transaction() as changes:
            changes.embeddings.update(encoded)
            changes.moved.update(found.misplaced)
            catalog.forget_orphans()
            catalog.seen.forget(found.unsound)
            catalog.forget_text(found.unnamed)
            for photo_id in found.unwritten:
                _write_text(catalog, photo_id)
        for photo_id in found.unshown:
            thumbnails.path(catalog.photo(photo_id).sha256).unlink(missing_ok=True)
    for photo_id in found.unshown:
        with contextlib.suppress(LookalikeError, OSError):  # without its file: it stays a problem
            remake(photo_id)
    after = verify_collection(directory)
    mended = tuple(problem for problem in before.problems if problem not in after.problems)
    return replace(after, mended=mended)


def _drop_damaged(catalog: Catalog, n_bytes: int, encode: Encode) -> dict[int, NDArray[np.float32]]:
    """Drop vectors that are not what was saved, where they are of no use or can be made again; gives those that can."""
    encoded, dropped = {}, []
    for photo_id, crc, vector in catalog.connection.execute("SELECT id, crc, vector FROM vectors ORDER BY id"):
        whole = isinstance(vector, bytes) and len(vector) == n_bytes
        if whole and zlib.crc32(vector) == crc:
            continue
        embedding = encode(photo_id)
        if embedding is not None:
            encoded[photo_id] = embedding
        if embedding is not None or not whole:
            dropped.append(photo_id)
    with catalog.transaction():
        catalog.connection.executemany("DELETE FROM vectors WHERE id = ?", ((photo_id,) for photo_id in dropped))
    return encoded


def _write_text(catalog: Catalog, photo_id: int) -> None:
    record = catalog.photo(photo_id)
    try:
        facts = PhotoFacts.from_json(record.facts)
    except (ValueError, TypeError):  # told as a problem of its own
        facts = PhotoFacts()
    text = (facts.caption or "", " ".join(facts.keywords), facts.creator or "")
    catalog.write_text(photo_id, record.title, text)
    catalog.rewrite_keywords([photo_id])  # without those that are no tags any more
