"""The newest state of a live index, brought up to date with its database.

Writers and readers follow alike. Whether anything was committed is asked of SQLite (``PRAGMA data_version``, some
microseconds); then one read transaction gives what came since: vectors and removals later than the state, dead rows
later than it, and segments, models and the mean where these changed. A segment that cannot be opened is left out, and
its vectors are held in memory and compared exactly.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import FormatError, LiveIndexError
from lookalike.index.live import tables
from lookalike.index.live.database import end_transaction, read_transaction
from lookalike.index.live.memory import MemoryPart
from lookalike.index.live.model_files import read_model
from lookalike.index.live.segment_cache import SegmentCache
from lookalike.index.live.segment_files import StoredSegment, fits
from lookalike.index.live.snapshot import Snapshot, Space
from lookalike.quantization import LOPQModel

__all__ = ["Follower", "was_closed"]

_log = logging.getLogger(__name__)
_TRIES = 50
_FROZEN_SHARE = 4
"""The active buffer is frozen at a quarter of what memory may hold, so that compaction has something to work on."""


@dataclass(slots=True, eq=False)
class _Held:
    """What the newest state was made of."""

    facts: tables.Facts
    space: Space
    model_number: int | None
    model: LOPQModel | None
    segments: dict[int, StoredSegment]
    damaged: dict[int, str]
    memory: MemoryPart
    lost: MemoryPart


class Follower:
    """Follows the database of a live index.

    Parameters
    ----------
    db : sqlite3.Connection
        Its own; for reading only.
    folder : Path
        Holds ``segments`` and ``models``.
    compaction : {"none", "basic", "eager"}
    flush_at : int

    Attributes
    ----------
    cache : SegmentCache
        Every segment that is open.
    """

    def __init__(self, db: sqlite3.Connection, folder: Path, *, compaction: str, flush_at: int) -> None:
        self._db = db
        self._folder = folder
        self._compaction = compaction
        self._freeze_at = max(1, flush_at // _FROZEN_SHARE)
        self._lock = threading.RLock()
        self.cache = SegmentCache(folder / "segments")
        self._held: _Held | None = None
        self._snapshot: Snapshot | None = None
        self._data_version = -1
        self._closed = False

    @property
    def n_rows(self) -> int:
        """Rows in memory, dead ones too."""
        held = self._held
        return 0 if held is None else held.memory.n_rows

    @property
    def n_compactions(self) -> int:
        """Compactions in memory so far."""
        held = self._held
        return 0 if held is None else held.memory.n_compactions

    def current(self) -> Snapshot:
        """Give a state as new as the database.

        Raises
        ------
        LiveIndexError
            The database cannot be read, and never could, or it was closed.
        """
        with self._lock:
            if self._closed:
                raise was_closed()
            try:
                end_transaction(self._db)  # where one is open, nothing new is seen
                version = self._db.execute("PRAGMA data_version").fetchone()[0]
                if self._snapshot is None or version != self._data_version:
                    self._refresh()
                    self._data_version = version
            except (LiveIndexError, sqlite3.OperationalError) as error:
                if self._snapshot is None:
                    raise
                _log.warning("searching the last state that could be read: %s", error)
            assert self._snapshot is not None
            return self._snapshot

    def refresh(self) -> Snapshot:
        """Give a state as new as the database, or raise where it cannot be read."""
        with self._lock:
            if self._closed:
                raise was_closed()
            self._refresh()
            assert self._snapshot is not None
            return self._snapshot

    def wrote(self, first_seq: int, ids: NDArray[np.int64], vectors: NDArray[np.float32], *, n_vectors: int) -> None:
        """Take in vectors that were just committed, without reading them back where nothing else lies between.

        What another thread committed to segments and models meanwhile changes nothing in what is found, and is taken
        in by the next refresh.
        """
        with self._lock:
            held = self._held
            if held is None or held.facts.seq != first_seq - 1:
                self._refresh()
                return
            seqs = np.arange(first_seq, first_seq + len(ids), dtype=np.int64)
            with self._changing():
                held.memory.append(ids, seqs, held.space.compared(vectors))
                held.lost.remove(ids.tolist())
                for number, each in held.segments.items():
                    held.segments[number] = _without_ids(each, ids)
                self._publish(held, held.facts.after(first_seq + len(ids), n_vectors))

    def close(self) -> None:
        """Close the connection and let go of all that is mapped."""
        with self._lock:
            self._closed = True
            self._db.close()
            self.cache.keep(())
            self._held = self._snapshot = None

    # ------------------------------------------------------------------ reading

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Forget what is held when a change of it stops half way; the next refresh reads all anew."""
        try:
            yield
        except BaseException:
            self._held = None
            raise

    def _refresh(self) -> None:
        missing = -1
        for attempt in range(_TRIES):
            with read_transaction(self._db) as db:
                facts = tables.facts(db)
                if facts is None:
                    raise FormatError("the database holds no live index.")
                if self._held is not None and self._held.facts == facts:
                    return
                try:
                    with self._changing():
                        self._publish(self._read(db, facts, missing_is_lost=missing == facts.manifest), facts)
                    return
                except FileNotFoundError:  # merged away between two reads, or lost
                    missing = facts.manifest
                    time.sleep(0.001 * attempt)
        raise LiveIndexError("the segments of the live index change faster than they can be opened. Try again.")

    def _publish(self, held: _Held, facts: tables.Facts) -> None:
        held.facts, self._held = facts, held
        self._snapshot = Snapshot(
            facts.seq,
            facts.manifest,
            facts.flushed_seq,
            facts.n_vectors,
            facts.dim,
            held.space,
            held.model_number,
            held.model,
            tuple(held.segments.values()),
            (*held.lost.views(), *held.memory.views()),
            tuple(held.damaged.values()),
        )

    def _read(self, db: sqlite3.Connection, facts: tables.Facts, *, missing_is_lost: bool) -> _Held:
        before = self._held
        if before is None or before.facts.manifest != facts.manifest:
            held = self._read_manifest(db, facts, before, missing_is_lost=missing_is_lost)
        else:
            held = before
        if held.facts.seq == facts.seq:
            return held
        since = held.facts.seq
        for number, each in held.segments.items():
            held.segments[number] = each.without(tables.tombstones(db, number, after=since))
        after = max(since, facts.flushed_seq)
        removed, written = tables.changed_ids(db, after=after)
        held.memory.remove(removed.tolist())
        held.lost.remove(removed.tolist())
        held.lost.remove(written.tolist())
        for ids, seqs, vectors in tables.vector_blocks(db, facts.dim, after=after):
            held.memory.append(ids, seqs, held.space.compared(vectors))
        return held

    def _read_manifest(
        self, db: sqlite3.Connection, facts: tables.Facts, before: _Held | None, *, missing_is_lost: bool
    ) -> _Held:
        """Open what the manifest names; memory is taken over where vectors are compared as before, else read anew."""
        row = tables.models(db).get("live")
        damaged: dict[int, str] = {}
        model = before.model if before is not None and row is not None and before.model_number == row.number else None
        if row is not None and model is None:
            try:
                model = read_model(self._folder / "models", row)
                if len(row.mean or b"") != (4 * facts.dim if facts.centred else 0):
                    raise FormatError("its mean does not fit the index.")
            except (FormatError, OSError) as error:
                if isinstance(error, FileNotFoundError) and not missing_is_lost:
                    raise
                damaged[-1] = f"model {row.number}: {error}"
        mean = facts.mean if row is None else row.mean
        if len(mean or b"") != (4 * facts.dim if mean is not None else 0):
            mean = facts.mean
        space = Space(facts.metric, None if mean is None else np.frombuffer(mean, "<f4").astype(np.float32))
        segments = self._read_segments(db, model, damaged, missing_is_lost=missing_is_lost)
        if before is None or not _same(before.space, space):
            memory = self._empty(facts)
            for ids, seqs, vectors in tables.vector_blocks(db, facts.dim, after=facts.flushed_seq):
                memory.append(ids, seqs, space.compared(vectors))
            now = facts
        else:
            memory, now = before.memory, before.facts
            memory.drop_through(facts.flushed_seq)
        lost = self._empty(facts)
        if damaged:
            for text in damaged.values():
                _log.warning("left out until `repair`; its vectors are compared one by one: %s", text)
            found = [each.ids[each.living_rows()] for each in segments.values()]
            sound = np.sort(np.concatenate([np.empty(0, np.int64), *found]))
            for ids, seqs, vectors in tables.vector_blocks(db, facts.dim, after=0, through=facts.flushed_seq):
                keep = np.searchsorted(sound, ids, "right") == np.searchsorted(sound, ids)
                lost.append(ids[keep], seqs[keep], space.compared(vectors[keep]))
        number = None if row is None else row.number
        return _Held(now, space, number, model, segments, damaged, memory, lost)

    def _read_segments(
        self,
        db: sqlite3.Connection,
        model: LOPQModel | None,
        damaged: dict[int, str],
        *,
        missing_is_lost: bool,
    ) -> dict[int, StoredSegment]:
        rows = tables.segments(db)
        self.cache.keep(rows)
        segments: dict[int, StoredSegment] = {}
        for row in rows:
            if row.state != "live":
                continue
            try:
                stored = self.cache.opened(row)
                if model is None or not fits(stored.segment, model):
                    raise FormatError(f"segment {row.number} cannot be read without its model.")
            except (FormatError, OSError) as error:
                if isinstance(error, FileNotFoundError) and not missing_is_lost:
                    raise
                damaged[row.number] = f"segment {row.number}: {error}"
                continue
            # all its dead rows, also those that the state before knows: half of a change is never kept
            segments[row.number] = stored.without(tables.tombstones(db, row.number))
        return segments

    def _empty(self, facts: tables.Facts) -> MemoryPart:
        return MemoryPart(facts.dim, compaction=self._compaction, freeze_at=self._freeze_at)


def was_closed() -> LiveIndexError:
    """Return the error that an index was closed."""
    return LiveIndexError("this live index was closed. Open it again with `LiveIndex.open`.")


def _same(one: Space, other: Space) -> bool:
    if one.mean is None or other.mean is None:
        return one.mean is other.mean
    return np.array_equal(one.mean, other.mean)


def _without_ids(stored: StoredSegment, ids: NDArray[np.int64]) -> StoredSegment:
    rows = stored.locate(ids)
    alive = stored.segment.alive
    return stored.without(rows if alive is None else rows[alive[rows]])
