"""Recall on a sample: what share of the true ten nearest a search finds; and the watch that a writer keeps of it.

The watch looks as soon as all segments are coded with a model, and again whenever a quarter of the index has changed:
some of the stored vectors are searched for both ways, by codes as users do, with the index's own defaults, and exactly.
It tells what distortion does not: vectors that crowd into few cells, nearer to each other than codes can say, are coded
no less exactly than others. What is done about it is :func:`.training.asks`.

Exact search compares all vectors and not a sample of them: within a sample the nearest lie farther apart, which codes
tell more easily, and few of the true nearest are among them. So a look takes 2 * 256 * dim operations for each vector
of the index, and at most four times that for each that has changed. It runs in one thread: 0.6 s at 100,000 vectors of
128 dimensions, where adding and training take 34; some 30 s at a million of 1,280. Meanwhile no lock and no
transaction is held, memory is 33 MB and 24 bytes a vector, and closing the index ends it.
"""

from __future__ import annotations

import sqlite3
import threading

import numpy as np
from numpy.typing import NDArray

from lookalike.index.live import tables
from lookalike.index.live.snapshot import Snapshot
from lookalike.index.live.store import Store
from lookalike.kernels.threads import one_thread

__all__ = ["CHANGED", "look", "measured", "sample"]

CHANGED = 0.25
"""Share of the index that changes before it is looked at again, and before another training may be asked for."""
N_SEARCHES = 256
"""Searches differ by about .2, so the mean of so many is known to .013, an eighth of the fall that is acted on."""
_K = 10


class _Stopped(Exception):  # noqa: N818  not an error
    """The index is being closed."""


def sample(db: sqlite3.Connection, snapshot: Snapshot, n: int) -> NDArray[np.float32]:
    """Draw stored vectors to search for: float32 (up to n, dim), the same ones in the same state."""
    ids = np.random.default_rng(snapshot.seq).permutation(snapshot.ids())[:n]
    return tables.read_vectors(db, snapshot.dim, ids)[2]


def measured(snapshot: Snapshot, queries: NDArray[np.float32], *, stopping: threading.Event | None = None) -> float:
    """Search for stored vectors float32 (n, dim) both ways, and give the share of the true nearest found."""

    def between() -> None:
        if stopping is not None and stopping.is_set():
            raise _Stopped

    if not len(queries):
        return 1.0
    k = min(_K, snapshot.n_vectors)
    got, want = snapshot.search(queries, k), snapshot.search(queries, k, exact=True, between=between)
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(got.ids, want.ids, strict=True)]))


def look(store: Store, flush_at: int) -> bool:
    """Measure recall and keep it in the database, where it is time to and nothing waits for a flush. Tells whether."""
    snapshot = store.follower.current()
    if not snapshot.segments or store.follower.n_rows >= flush_at:
        return False
    with store.glance() as db:
        last = tables.watched(db)
        if "pending" in tables.models(db):
            return False
    if last is not None and last.model != snapshot.model_number:
        last = None
    if last is not None and snapshot.seq - last.seq < CHANGED * snapshot.n_vectors:
        return False
    with store.reading() as db:
        queries = sample(db, snapshot, N_SEARCHES)
    try:
        with one_thread():
            recall = measured(snapshot, queries, stopping=store.stopping)
    except _Stopped:
        return False
    assert snapshot.model_number is not None
    if last is None:
        now = tables.Watched(snapshot.model_number, snapshot.seq, recall, snapshot.seq, recall)
    else:
        now = tables.Watched(last.model, last.first_seq, last.first_recall, snapshot.seq, recall)
    with store.transaction() as db:
        live = tables.models(db).get("live")
        if live is not None and live.number == now.model:
            tables.set_watched(db, now)
    return True
