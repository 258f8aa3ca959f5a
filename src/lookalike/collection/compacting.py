"""A collection made small: one segment, a model of its photos as they are now if wanted, and no empty pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from lookalike.catalog import Catalog
from lookalike.collection.locking import writing
from lookalike.collection.vectors import CATALOG, TRAIN_FROM
from lookalike.collection.writing import PhotoWriter

__all__ = ["compact_collection"]


def compact_collection(directory: Path, dim: int, *, train: bool, tell: Callable[[str], None]) -> None:
    """Merge the index, and give space back to the disk; see `Collection.compact`."""

    def coded(n_done: int, n: int) -> None:
        if n_done < n:
            tell(f"Coding them with it: segment {n_done + 1} of {n}.")

    with writing(directory):
        train_from = sys.maxsize if train else TRAIN_FROM  # never twice
        with PhotoWriter(directory, dim, train_from=train_from, background=False) as writer:
            n_photos = len(writer.index)
            if train and n_photos >= TRAIN_FROM:
                tell(f"Training a model on {n_photos:,} photos; searching goes on.")
                writer.index.train(progress=coded)
            tell("Merging.")
            writer.index.compact()
        with closing(Catalog(directory / CATALOG, writable=True, create=False)) as catalog:
            catalog.give_back_space()
