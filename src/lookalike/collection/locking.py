"""The right to write to a collection, which one process holds at a time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from lookalike.errors import CollectionError, CollectionLockedError

__all__ = ["writing"]


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
