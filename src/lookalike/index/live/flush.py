"""From memory to a segment.

Vectors up to a sequence number are coded and written beside everything else; then one transaction names the segment,
moves ``flushed_seq`` and marks those of its rows dead that changed while it was written.
"""

from __future__ import annotations

import sqlite3
import time

import numpy as np
from numpy.typing import NDArray

from lookalike.index.encoding import encode_segment
from lookalike.index.live import tables
from lookalike.index.live.segment_files import RERANK, StoredSegment
from lookalike.index.live.snapshot import Snapshot
from lookalike.index.live.store import Store
from lookalike.index.segment import Segment
from lookalike.quantization import LOPQModel

__all__ = ["bury_changed", "distortion", "flush", "seqs_of", "stored_segment"]

_MEASURED = 1024


def flush(store: Store) -> bool:
    """Write what memory holds as a segment; nothing to do without a model. Tells whether it did."""
    with store.flushing:
        while True:
            snapshot = store.follower.refresh()
            if snapshot.model is None or snapshot.seq == snapshot.flushed_seq:
                return False
            if _flush(store, snapshot, snapshot.model):
                return True


def _flush(store: Store, snapshot: Snapshot, model: LOPQModel) -> bool:
    """Flush one state; False where the model was exchanged meanwhile."""
    assert snapshot.model_number is not None
    started = time.perf_counter()
    ids, seqs, vectors = _living(snapshot)
    stored, written, measured, spread = None, (0, ""), 0, 0.0
    if len(ids):
        stored = stored_segment(store.new_number(), model, ids, seqs, vectors)
        written = store.write(stored)
        sample = vectors[:: -(-len(vectors) // _MEASURED)]
        measured, spread = len(sample), distortion(model, sample)
    with store.transaction() as db:
        live = tables.models(db).get("live")
        if live is None or live.number != snapshot.model_number:
            if stored is not None:
                store.retire(segments=[stored.number])
            return False
        if stored is not None:
            store.add_segment(db, stored, written, model=live.number)
            bury_changed(db, stored, after=snapshot.seq)
        tables.set_facts(db, flushed_seq=snapshot.seq)
        db.execute("DELETE FROM removals WHERE seq <= ?", (snapshot.seq,))
        store.changed_manifest(db)
        before = tables.written(db)  # drift is told from the latest flushes: each counts half of the next
        drift = {
            "drift_n": measured - before.get("drift_n", 0) / 2,
            "drift_sum": measured * spread - before.get("drift_sum", 0) / 2,
        }
        seconds = time.perf_counter() - started
        tables.count_written(db, flush=written[0], n_flushes=1, flush_seconds=seconds, **drift)
    store.follower.refresh()
    return True


def stored_segment(
    number: int,
    model: LOPQModel,
    ids: NDArray[np.int64],
    seqs: NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> StoredSegment:
    """Code vectors, as they are compared float32 (n, dim), as a segment that knows its rows' sequence numbers."""
    segment = encode_segment(model, vectors, ids, rerank=RERANK)
    return StoredSegment.of(number, segment, seqs_of(segment, ids, seqs))


def seqs_of(segment: Segment, ids: NDArray[np.int64], seqs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bring sequence numbers (n,) of ids (n,) into the order of a segment's rows."""
    order = np.argsort(ids)
    found: NDArray[np.int64] = seqs[order[np.searchsorted(ids, segment.ids, sorter=order)]]
    return found


def bury_changed(db: sqlite3.Connection, stored: StoredSegment, *, after: int) -> None:
    """Mark rows of a new segment dead whose ids were removed or replaced after a state that is not flushed yet."""
    removed, written = tables.changed_ids(db, after=after)
    rows = stored.locate(np.concatenate([removed, written]))
    tables.bury(db, stored.number, rows, tables.counts(db)["next_seq"] - 1)


def distortion(model: LOPQModel, vectors: NDArray[np.float32]) -> float:
    """Mean squared distance from vectors, as they are compared, to what their codes stand for."""
    if not len(vectors):
        return 0.0
    return float(np.mean(np.square(vectors - model.decode(*model.encode(vectors))).sum(axis=1)))


def _living(snapshot: Snapshot) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Rows in memory that no segment holds, damaged ones included."""
    ids, seqs = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    vectors = [np.empty((0, snapshot.dim), np.float32)]
    for rows in snapshot.memory:
        keep = rows.seqs > snapshot.flushed_seq
        if rows.alive is not None:
            keep &= rows.alive
        ids.append(rows.ids[keep])
        seqs.append(rows.seqs[keep])
        vectors.append(rows.vectors if keep.all() else rows.vectors[keep])
    return np.concatenate(ids), np.concatenate(seqs), np.concatenate(vectors)
