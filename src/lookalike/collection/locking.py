"""The right to write to a collection, which one process holds at a time, and small changes made with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from lookalike.catalog import Catalog
from lookalike.collection.vectors import CATALOG
from lookalike.errors import CollectionError, CollectionLockedError

__all__ = ["changing", "writing"]

_WAIT_SECONDS = 10.0


def writing(directory: Path, *, wait_seconds: float = 0) -> AbstractContextManager[None]:
    """Hold the right to write to a collection.

    Raises
    ------
    CollectionLockedError
        Another process holds it; the message names it.
    CollectionError
        The directory cannot be written to.
    """
    from lookalike.index.live.lock import writer_lock  # with it comes the engine, which readers may do without

    return writer_lock(directory, wait_seconds=wait_seconds, locked=CollectionLockedError, unwritable=CollectionError)


@contextmanager
def changing(directory: Path) -> Iterator[Catalog]:
    """Change what the catalog keeps beside photos (tags, filters) in one transaction; an `add` is waited for, briefly.

    Raises
    ------
    CollectionLockedError
        Another process is writing, and was for ten seconds.
    CollectionError
        The disk is full or cannot be written to.
    """
    with (
        writing(directory, wait_seconds=_WAIT_SECONDS),
        closing(Catalog(directory / CATALOG, writable=True)) as catalog,
        catalog.transaction(),
    ):
        yield catalog
