"""Merges: few segments, each vector written a few times, dead rows dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lookalike import LiveIndex
from lookalike.index.live.merge import due

SMALL = {"dim": 8, "bytes_per_vector": 4, "flush_at": 50, "train_from": 50, "background": False}


def test_four_of_a_tier_are_merged_the_lowest_first() -> None:
    assert due([(50, 50)] * 3, 50) == []
    assert due([(50, 50)] * 4 + [(300, 300)] * 4, 50) == [0, 1, 2, 3]
    assert due([(50, 50)] * 3 + [(300, 300)] * 4, 50) == [3, 4, 5, 6]


def test_there_are_never_many_segments() -> None:
    assert len(due([(50 * 4**tier,) * 2 for tier in range(13)], 50)) == 4
    sizes: list[int] = []
    written = 0
    for _ in range(2000):
        sizes.append(100)
        while places := due([(n, n) for n in sizes], 100):
            merged = sum(sizes[place] for place in places)
            sizes = [n for place, n in enumerate(sizes) if place not in places] + [merged]
            written += merged
        assert len(sizes) <= 12
    assert written <= 2000 * 100 * 7


def test_segments_with_many_dead_rows_are_written_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        index.add(rng.normal(size=(60, 8)))
        index.flush()
        assert index.stats().n_rows == 60
        index.remove(np.arange(10))
        assert index.stats().n_dead == 10
        index.remove(np.arange(10, 30))
        stats = index.stats()
        assert (stats.n_rows, stats.n_dead, stats.n_merges) == (30, 0, 1)
        index.remove(np.arange(60))
        stats = index.stats()
        assert (stats.n_segments, stats.n_vectors) == (0, 0)
        assert index.search(np.ones(8), 2).ids.tolist() == [[-1, -1]]
    assert list((tmp_path / "x" / "segments").iterdir()) == []
    assert LiveIndex.verify(tmp_path / "x").is_clean


def test_compact_leaves_one_segment_without_dead_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 8)).astype(np.float32)
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        for start in range(0, 400, 40):
            index.add(x[start : start + 40])
        index.remove(np.arange(20))
        index.compact()
        stats = index.stats()
        assert (stats.n_segments, stats.n_rows, stats.n_dead, stats.n_in_memory) == (1, 380, 0, 0)
        index.compact()
        assert index.stats().n_merges == stats.n_merges
        assert (index.search(x[20:], 1, exact=True).ids[:, 0] == np.arange(20, 400)).all()
        assert stats.write_amplification > 1
    assert len(list((tmp_path / "x" / "segments").iterdir())) == 1
