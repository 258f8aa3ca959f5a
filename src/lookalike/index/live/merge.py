"""Merges: which segments, and how they become one.

Size-tiered (as in Cassandra and RocksDB's universal compaction): segments of a like size are merged as soon as there
are four, so that a vector is written about log4(n / flush_at) times in all; beyond twelve segments the smallest are
merged whatever their size. A segment of which a quarter is dead is written anew. Codes and stored vectors are copied,
never coded again.
"""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from lookalike.index.live import tables
from lookalike.index.live.flush import seqs_of
from lookalike.index.live.segment_files import StoredSegment
from lookalike.index.live.snapshot import Snapshot
from lookalike.index.live.store import Store
from lookalike.index.segment import Segment

__all__ = ["died_since", "due", "merge"]

FAN_IN = 4
MOST_SEGMENTS = 12
MOST_DEAD = 0.25


def due(sizes: list[tuple[int, int]], base: int) -> list[int]:
    """Choose segments to be merged.

    Parameters
    ----------
    sizes : list of (n_rows, n_alive)
    base : int
        Rows of a segment of the lowest tier.

    Returns
    -------
    list of int
        Their places in ``sizes``; empty when all is well.

    Examples
    --------
    >>> due([(10, 10), (11, 11), (400, 400), (9, 9), (12, 12)], base=10)
    [3, 0, 1, 4]
    >>> due([(100, 60), (100, 100)], base=10)
    [0]
    >>> due([(100, 100)], base=10)
    []
    """
    tiers: dict[int, list[int]] = defaultdict(list)
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place][1]):
        n_alive = max(1, sizes[place][1])
        tiers[max(0, int(np.log(n_alive / base) / np.log(FAN_IN) + 1e-9)) if n_alive > base else 0].append(place)
    for _, places in sorted(tiers.items()):
        if len(places) >= FAN_IN:
            return places
    if len(sizes) > MOST_SEGMENTS:
        return [place for places in tiers.values() for place in places][:FAN_IN]
    return [place for place, (n, n_alive) in enumerate(sizes) if n - n_alive > MOST_DEAD * n][:1]


def merge(store: Store, base: int, *, everything: bool = False) -> bool:
    """Merge what is due, or everything into one segment. Tells whether it did."""
    with store.upkeep:
        snapshot = store.follower.refresh()
        with store.glance() as db:
            if "pending" in tables.models(db):  # coded anew at this moment; merges wait
                return False
        sizes = [(len(each.segment), each.segment.n_alive) for each in snapshot.segments]
        if everything:
            places = list(range(len(sizes))) if len(sizes) > 1 or sizes != [(n, n) for n, _ in sizes] else []
        else:
            places = due(sizes, base)
        if not places:
            return False
        _merge(store, snapshot, [snapshot.segments[place] for place in places])
        return True


def _merge(store: Store, snapshot: Snapshot, sources: list[StoredSegment]) -> None:
    started = time.perf_counter()
    numbers = [each.number for each in sources]
    kept = [each.living_rows() for each in sources]
    ids = np.concatenate([each.ids[rows] for each, rows in zip(sources, kept, strict=True)])
    merged, written = None, (0, "")
    if len(ids):
        segment = Segment.merged([each.segment for each in sources])
        seqs = np.concatenate([each.seqs[rows] for each, rows in zip(sources, kept, strict=True)])
        merged = StoredSegment.of(store.new_number(), segment, seqs_of(segment, ids, seqs))
        written = store.write(merged)
    with store.transaction() as db:
        if merged is not None:
            assert snapshot.model_number is not None
            store.add_segment(db, merged, written, model=snapshot.model_number)
            dead = died_since(db, sources, snapshot.seq)
            tables.bury(db, merged.number, merged.locate(dead), tables.counts(db)["next_seq"] - 1)
        store.drop_segments(db, numbers)
        tables.count_written(db, merge=written[0], n_merges=1, merge_seconds=time.perf_counter() - started)
    store.follower.refresh()
    store.retire(segments=numbers)


def died_since(db: sqlite3.Connection, segments: list[StoredSegment], seq: int) -> NDArray[np.int64]:
    """Ids of rows of segments that died after a state: int64 (n,)."""
    dead = [each.ids[tables.tombstones(db, each.number, after=seq)] for each in segments]
    return np.concatenate([np.empty(0, np.int64), *dead])
