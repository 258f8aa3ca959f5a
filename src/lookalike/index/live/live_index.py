"""The live index: vectors come, change and go while others search, and a crash loses nothing.

A log-structured merge tree (O'Neil et al., 1996) whose log is a SQLite database that holds every vector: what
:meth:`LiveIndex.add` returned from is durable, and everything else can be made again from there. The newest vectors are
compared exactly in memory (:mod:`.memory`), flushed to immutable segments of codes (:mod:`.flush`), which are merged
(:mod:`.merge`) and coded anew when the model is trained again (:mod:`.training`). A search sees one state
(:mod:`.snapshot`), of which there is a new one after every change (:mod:`.follower`).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import FormatError, LiveIndexError
from lookalike.index.identities import as_ids
from lookalike.index.live import tables
from lookalike.index.live.arguments import check_begun, check_vacant, existing_folder, next_ids, unique_ids
from lookalike.index.live.backup import copy_index
from lookalike.index.live.lock import writer_lock
from lookalike.index.live.opened import DATABASE, OpenedIndex
from lookalike.index.live.repair import mend, repaired
from lookalike.index.live.report import Report
from lookalike.index.live.verify import verify
from lookalike.quantization.arguments import as_vectors

__all__ = ["LiveIndex"]


class LiveIndex(OpenedIndex):
    """A vector index on disk that changes while it is searched. Make or open one with :meth:`open`.

    One process writes; any number of others open it with ``writable=False`` and see what was committed at their next
    search. Safe to use from several threads; a forked process opens it anew. The constructor itself serves an owner
    whose database holds other tables too: it takes no lock, and :meth:`put` writes vectors in the owner's transactions.

    Parameters
    ----------
    database : path-like
        SQLite file that holds the tables of the index, made when they are missing.
    folder : path-like
        Where segments and models lie.
    dim, metric, centred, bytes_per_vector, writable, compaction, flush_at, train_from, background
        As in :meth:`open`.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, LiveIndex.open(f"{folder}/vectors.live", dim=2) as index:
    ...     ids = index.add([[0, 1], [1, 0], [1, 1]])
    ...     n_removed = index.remove([2])
    ...     index.search([1, 0.9], k=1).ids.tolist()
    [[1]]
    """

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        dim: int | None = None,
        metric: str | None = None,
        centred: bool | None = None,
        bytes_per_vector: int | None = None,
        writable: bool = True,
        compaction: str = "eager",
        flush_at: int = 16_384,
        train_from: int = 2_048,
        background: bool = True,
    ) -> Self:
        """Open the index in a directory, or make one there.

        Parameters
        ----------
        path : path-like
        dim : int, optional
            Dimension of the vectors; needed to make an index.
        metric : {"l2", "cosine"}, optional
            "l2" unless given.
        centred : bool, optional
            Take the mean of all vectors off before they are compared (cosine only). It is taken anew with each model.
        bytes_per_vector : int, optional
            Bytes of a code; 16 unless given. These four are kept: when it is opened again, leave them out.
        writable : bool
            False opens it for reading only, while another process may write.
        compaction : {"none", "basic", "eager"}
            What becomes of removed and replaced vectors in memory: kept until the flush; removed ones dropped; both
            dropped.
        flush_at : int
            Vectors in memory at which they are written as a segment. Each search compares them all.
        train_from : int
            Number of vectors from which on they are coded; below, every search compares all of them.
        background : bool
            Flush, merge and train in threads. False does it inside of the calls that make it due, the same each time.

        Returns
        -------
        LiveIndex

        Raises
        ------
        IndexLockedError
            Another process is writing to it; the message names it.
        LiveIndexError
            It is not there or cannot be written.
        FormatError
            Damaged, or written by a newer version.
        InvalidArgumentError
        """
        folder = Path(path)
        with contextlib.ExitStack() as stack:
            if writable:
                check_vacant(folder)
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise LiveIndexError(f"`{folder}` cannot be made: {error.strerror or error}.") from error
                stack.enter_context(writer_lock(folder))
            index = cls(
                folder / DATABASE,
                folder,
                dim=dim,
                metric=metric,
                centred=centred,
                bytes_per_vector=bytes_per_vector,
                writable=writable,
                compaction=compaction,
                flush_at=flush_at,
                train_from=train_from,
                background=background,
            )
            index._lock = stack.pop_all()
        return index

    # ------------------------------------------------------------------ changing

    def add(self, vectors: ArrayLike, ids: ArrayLike | None = None) -> NDArray[np.int64]:
        """Add vectors; they are on disk, and found by every search, when this returns.

        Parameters
        ----------
        vectors : array-like (n, dim)
        ids : array-like (n,), optional
            Whole numbers from 0, all different. A vector that is there under the same id is replaced. By default the
            numbers after the largest id there ever was.

        Returns
        -------
        int64 (n,)
            The ids.

        Raises
        ------
        InvalidArgumentError
            Wrong vectors or ids. Nothing was added then.
        LiveIndexError
            The disk is full, or the index was opened for reading or closed. Nothing was added then.
        """
        store, upkeep = self._writer()
        x = as_vectors(vectors, "vectors", dim=self._dim)
        names = None if ids is None else unique_ids(ids, len(x))
        if not len(x):
            return np.empty(0, np.int64)
        upkeep.make_room()
        with store.changing():
            with store.transaction() as db:
                if names is None:
                    names = next_ids(tables.counts(db)["next_id"], len(x))
                first = store.put(db, names, x)
                n_vectors = tables.counts(db)["n_vectors"]
            self._follower.wrote(first, names, x, n_vectors=n_vectors)
        upkeep.changed(len(x))
        return names

    def remove(self, ids: ArrayLike) -> int:
        """Remove vectors by id and give their number; unknown ids do nothing. They are gone when this returns.

        Raises
        ------
        InvalidArgumentError, LiveIndexError
            As in :meth:`add`.
        """
        store, upkeep = self._writer()
        names = np.asarray(as_ids(ids, kind="int"), np.int64)
        upkeep.make_room()
        with store.changing():
            with store.transaction() as db:
                n_removed = store.remove(db, names)
            self._follower.refresh()
        upkeep.changed(n_removed)
        return n_removed

    def put(self, connection: sqlite3.Connection, ids: ArrayLike, vectors: ArrayLike) -> None:
        """Write vectors in a transaction that the caller has begun on its own connection to the same database.

        They are found from the caller's commit on; call :meth:`refresh` after it, so that upkeep takes note.

        Parameters
        ----------
        connection : sqlite3.Connection
            With a transaction begun (``BEGIN IMMEDIATE``).
        ids : array-like (n,)
        vectors : array-like (n, dim)

        Raises
        ------
        InvalidArgumentError
            Wrong vectors or ids, or no transaction.
        """
        store, _ = self._writer()
        x = as_vectors(vectors, "vectors", dim=self._dim)
        names = unique_ids(ids, len(x))
        check_begun(connection)
        if len(x):
            store.put(connection, names, x)

    def discard(self, connection: sqlite3.Connection, ids: ArrayLike) -> int:
        """Remove vectors in a transaction that the caller has begun, as :meth:`put` writes them; gives their number."""
        store, _ = self._writer()
        check_begun(connection)
        return store.remove(connection, np.asarray(as_ids(ids, kind="int"), np.int64))

    def refresh(self) -> None:
        """Take in what other connections have committed; a writer sees to what that makes due, as `add` does."""
        self._now()
        if self._upkeep is not None:
            self._upkeep.changed(1)
            self._upkeep.make_room()

    # ------------------------------------------------------------------ upkeep

    def flush(self) -> None:
        """Write what is in memory as a segment, once there is a model; raises what failed in the background."""
        self._writer()[1].flush()

    def compact(self) -> None:
        """Flush, and merge everything into one segment; the space of removed vectors returns."""
        self._writer()[1].compact()

    def train(self, *, progress: Callable[[int, int], None] | None = None) -> None:
        """Train a model on what is there now and code everything with it. Searches go on meanwhile.

        It happens by itself when the vectors have doubled, or when the model no longer fits them: ``stats()`` tells
        what asks for it.

        Parameters
        ----------
        progress : callable, optional
            Called, once there is the model, with how many segments are coded with it and how many there are.
        """
        self._writer()[1].train(progress)

    def wait(self) -> None:
        """Wait until the background has nothing left to do; raises what failed there."""
        self._writer()[1].wait()

    # ------------------------------------------------------------------ care

    @staticmethod
    def verify(path: str | os.PathLike[str]) -> Report:
        """Read every byte of an index and compare every count, checksum and cross-reference; writing may go on.

        Raises
        ------
        LiveIndexError, NewerVersionError
            There is no index, or one of a newer version.
        """
        folder = existing_folder(path)
        return verify(folder / DATABASE, folder)

    @staticmethod
    def repair(path: str | os.PathLike[str]) -> Report:
        """Make what is damaged again from the database, and tell what was mended and what could not be.

        Raises
        ------
        FormatError
            The database itself is damaged: restore a backup.
        IndexLockedError, LiveIndexError
        """
        folder = existing_folder(path)
        with writer_lock(folder):
            before = mend(folder / DATABASE, folder)
            if not before.is_clean:
                LiveIndex(folder / DATABASE, folder, background=False).close()
            return repaired(before, verify(folder / DATABASE, folder))

    @staticmethod
    def restore(backup: str | os.PathLike[str], path: str | os.PathLike[str]) -> Report:
        """Put a copy of a backup at a path at which nothing is, after a look at every byte of it.

        Raises
        ------
        FormatError
            The backup is damaged.
        InvalidArgumentError
            Something is at ``path``.
        LiveIndexError, NewerVersionError
        """
        folder, target = existing_folder(backup), Path(path)
        report = verify(folder / DATABASE, folder)
        if not report.is_clean:
            raise FormatError(f"the backup is damaged. Mend it with `LiveIndex.repair` first.\n{report}")
        copy_index(folder / DATABASE, folder, target, name=DATABASE)
        return verify(target / DATABASE, target)
