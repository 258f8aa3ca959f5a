"""What a writer works on: the database, the folders of segments and models, and the state it keeps up to date.

Locks, in the order in which they are taken: ``upkeep`` (one merge, training or re-coding at a time), ``flushing`` (one
flush at a time), SQLite's own (one transaction at a time), and the follower's (for moments). A transaction begun by a
caller on another connection takes only the last two, so nothing waits in a circle.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError, LiveIndexError
from lookalike.index.live import tables
from lookalike.index.live.database import connect, read_transaction, transaction
from lookalike.index.live.follower import Follower, was_closed
from lookalike.index.live.model_files import model_file
from lookalike.index.live.segment_files import StoredSegment, segment_folder, write_segment

__all__ = ["Store", "leftovers", "told_of_the_disk"]


class Store:
    """The files of a live index, opened for writing.

    Parameters
    ----------
    database : Path
    folder : Path
    follower : Follower
    facts : Facts
        As they were when it was opened.
    """

    def __init__(self, database: Path, folder: Path, follower: Follower, facts: tables.Facts) -> None:
        self.database = database
        self.folder = folder
        self.follower = follower
        self.dim = facts.dim
        self.upkeep = threading.RLock()
        self.flushing = threading.RLock()
        self.stopping = threading.Event()
        self._db = connect(database, writable=True)
        self._glances = connect(database, writable=False)
        self._glancing = threading.Lock()
        self._writing = threading.RLock()
        self._closed = False
        self._keeping = 0
        self._retired: list[Path] = []
        self._retiring = threading.Lock()
        self._next_number = facts.next_number

    @property
    def segments(self) -> Path:
        """Folder of segments."""
        return self.folder / "segments"

    @property
    def models(self) -> Path:
        """Folder of models."""
        return self.folder / "models"

    # ------------------------------------------------------------------ transactions

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Let nobody else write, or close the store, meanwhile.

        Raises
        ------
        LiveIndexError
            It is closed.
        """
        with self._writing:
            if self._closed:
                raise was_closed()
            yield

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run what is inside in one transaction of the store's own connection."""
        with self.changing(), transaction(self._db) as db:
            yield db

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection of its own that sees one state, for as long as it takes."""
        with contextlib.closing(connect(self.database, writable=False)) as db, read_transaction(db):
            yield db

    @contextlib.contextmanager
    def glance(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one state, for a moment."""
        with self._glancing:
            if self._closed:
                raise was_closed()
            with read_transaction(self._glances) as db:
                yield db

    def put(self, db: sqlite3.Connection, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> int:
        """Write vectors in a transaction and give the sequence number of the first."""
        first = tables.put(db, ids, vectors)
        self._bury(db, ids, first + len(ids) - 1)
        n_bytes = vectors.nbytes
        tables.count_written(db, given=n_bytes, log=n_bytes + 24 * len(ids))
        return first

    def remove(self, db: sqlite3.Connection, ids: NDArray[np.int64]) -> int:
        """Remove vectors in a transaction and give the number of those that were there."""
        removed = tables.remove(db, ids)
        if len(removed):
            self._bury(db, removed, tables.counts(db)["next_seq"] - 1)
            tables.count_written(db, log=24 * len(removed))
        return len(removed)

    def _bury(self, db: sqlite3.Connection, ids: NDArray[np.int64], seq: int) -> None:
        """Mark the rows of ids dead in all segments, pending ones too."""
        for row in tables.segments(db):
            try:
                stored = self.follower.cache.opened(row)
            except (FormatError, FileNotFoundError):
                self._give_up(db, row)
            except OSError as error:
                raise LiveIndexError(
                    f"segment {row.number} cannot be read: {error.strerror or error}. Nothing was changed; try again."
                ) from error
            else:
                tables.bury(db, row.number, stored.locate(ids), seq)

    def _give_up(self, db: sqlite3.Connection, row: tables.SegmentRow) -> None:
        """Let a damaged segment never count again: its dead rows are not marked any more, whatever its files hold."""
        if row.state == "pending":  # made again
            self.drop_segments(db, [row.number])
        elif row.checksum:
            db.execute("UPDATE segments SET checksum = '' WHERE number = ?", (row.number,))
            self.changed_manifest(db)

    # ------------------------------------------------------------------ files

    def new_number(self) -> int:
        """Name a segment or a model: never twice, so that what was opened under a name stays what it is."""
        with self._retiring:
            number = self._next_number
            self._next_number += 1
            return number

    def write(self, stored: StoredSegment) -> tuple[int, str]:
        """Write a segment's files and give their bytes and the checksum.

        Raises
        ------
        LiveIndexError
            The disk is full or cannot be written. Nothing is lost: the database holds all vectors.
        """
        with told_of_the_disk(self.segments):
            return write_segment(self.segments, stored)

    def add_segment(
        self,
        db: sqlite3.Connection,
        stored: StoredSegment,
        written: tuple[int, str],
        *,
        model: int,
        source: int | None = None,
    ) -> None:
        """Enter a written segment in the manifest: live, or pending with a ``source``."""
        n_bytes, checksum = written
        db.execute(
            "INSERT INTO segments (number, state, model, source, n, last_seq, bytes, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                stored.number,
                "live" if source is None else "pending",
                model,
                source,
                len(stored.segment),
                int(stored.seqs.max()),
                n_bytes,
                checksum,
            ),
        )
        self.changed_manifest(db)

    def drop_segments(self, db: sqlite3.Connection, numbers: list[int]) -> None:
        """Take segments out of the manifest; their folders go with :meth:`retire`, after the commit."""
        for number in numbers:
            db.execute("DELETE FROM segments WHERE number = ?", (number,))
            db.execute("DELETE FROM tombstones WHERE segment = ?", (number,))
        self.changed_manifest(db)

    def changed_manifest(self, db: sqlite3.Connection) -> None:
        """Tell readers that segments, models or the mean are others."""
        facts = tables.facts(db)
        assert facts is not None
        tables.set_facts(db, manifest=facts.manifest + 1, next_number=max(facts.next_number, self._next_number))

    def retire(self, *, segments: list[int] | None = None, models: list[int] | None = None) -> None:
        """Delete what the manifest names no more; later, while a backup copies it."""
        paths = [segment_folder(self.segments, number) for number in segments or ()]
        paths += [model_file(self.models, number) for number in models or ()]
        with self._retiring:
            self._retired += paths
            if not self._keeping:
                _delete(self._retired)
                self._retired = []

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Delete nothing meanwhile."""
        with self._retiring:
            self._keeping += 1
        try:
            yield
        finally:
            with self._retiring:
                self._keeping -= 1
            self.retire()

    def sweep(self) -> None:
        """Delete what a killed run left: folders and models that the manifest does not name."""
        with self.reading() as db:
            named = {segment_folder(self.segments, row.number).name for row in tables.segments(db)}
            named |= {model_file(self.models, row.number).name for row in tables.models(db).values()}
        _delete(leftovers(self.folder, named))

    def close(self) -> None:
        """Fold the write-ahead log into the database, where no reader is in the way, and close it."""
        with self._writing, self._glancing:  # SQLite crashes where a connection is closed while it is used
            self._closed = True
            with contextlib.suppress(sqlite3.OperationalError):
                self._glances.close()
                self._db.execute("PRAGMA busy_timeout = 0")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()


@contextlib.contextmanager
def told_of_the_disk(folder: Path) -> Iterator[None]:
    """Say plainly that a disk is full or cannot be written, and that nothing is lost by it."""
    try:
        yield
    except OSError as error:
        raise LiveIndexError(
            f"`{folder}` cannot be written to: {error.strerror or error}. No vector is lost: the database holds them "
            "all, and searching goes on. Free some space or mend the permissions, and call `flush` again."
        ) from error


def leftovers(folder: Path, named: set[str]) -> list[Path]:
    """Files and folders of segments and models that no manifest names."""
    found = [*(folder / "segments").glob("*"), *(folder / "models").glob("*")]
    return sorted(path for path in found if path.name not in named)


def _delete(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
