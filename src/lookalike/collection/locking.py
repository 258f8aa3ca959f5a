"""The right to write to a collection, which one process holds at a time, and small changes made with it.

An `add` may hold it for hours. Small changes of the same process (tags given on the page while photos are still
coming) do not wait for that: both write in transactions of their own, which SQLite lets come one after the other. Those
of other processes do, so that whoever holds the right may count on what it has read of the index.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from lookalike.catalog import Catalog
from lookalike.collection.vectors import CATALOG
from lookalike.errors import CollectionError, CollectionLockedError

__all__ = ["adding", "changing", "writing"]

_WAIT_SECONDS = 10.0

_STATE = threading.Condition()
_adding: Counter[Path] = Counter()
"""Collections that this process is adding to."""
_changing: Counter[Path] = Counter()
"""Small changes under way beside that."""


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
def adding(directory: Path) -> Iterator[None]:
    """Hold the right to write, and let small changes of this process come between; see `writing`."""
    place = directory.resolve()
    with writing(directory):
        with _STATE:
            _adding[place] += 1
        try:
            yield
        finally:
            with _STATE:
                _adding[place] -= 1
                _STATE.wait_for(lambda: not _changing[place])


@contextmanager
def changing(directory: Path) -> Iterator[Catalog]:
    """Change what the catalog keeps beside photos (tags, filters) in one transaction.

    Raises
    ------
    CollectionLockedError
        Another process is writing, and was for ten seconds.
    CollectionError
        The disk is full or cannot be written to.
    """
    with (
        _right_to_change(directory),
        closing(Catalog(directory / CATALOG, writable=True, create=False)) as catalog,
        catalog.transaction(),
    ):
        yield catalog


@contextmanager
def _right_to_change(directory: Path) -> Iterator[None]:
    place = directory.resolve()
    with _STATE:
        is_ours = bool(_adding[place])
        _changing[place] += is_ours
    if not is_ours:
        with writing(directory, wait_seconds=_WAIT_SECONDS):
            yield
        return
    try:
        yield
    finally:
        with _STATE:
            _changing[place] -= 1
            _STATE.notify_all()
