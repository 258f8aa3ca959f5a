"""What is in memory: every version, or fewer; the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.index.live.memory import MemoryPart
from lookalike.index.live.scan import nearest_rows


def part(compaction: str) -> MemoryPart:
    """Ids 0 to 3 once, id 0 twice more, id 1 removed; buffers of four rows."""
    memory = MemoryPart(2, compaction=compaction, freeze_at=4)
    ids = np.array([0, 1, 2, 3, 0, 0, 4, 5], np.int64)
    for seq, each in enumerate(ids, 1):
        memory.append(ids[seq - 1 : seq], np.array([seq]), np.full((1, 2), seq, np.float32))
        if each == 3:
            memory.remove([1])
    return memory


@pytest.mark.parametrize(("compaction", "n_rows"), [("none", 8), ("basic", 7), ("eager", 5)])
def test_each_compaction_drops_what_it_says(compaction: str, n_rows: int) -> None:
    memory = part(compaction)
    assert memory.n_rows == n_rows
    assert memory.n_compactions == (compaction != "none")
    assert len(memory) == 5
    alive = {}
    for rows in memory.views():
        keep = slice(None) if rows.alive is None else rows.alive
        alive.update(zip(rows.ids[keep].tolist(), rows.vectors[keep, 0].tolist(), strict=True))
    assert alive == {0: 6, 2: 3, 3: 4, 4: 7, 5: 8}


@pytest.mark.parametrize("compaction", ["none", "basic", "eager"])
def test_what_a_segment_holds_is_forgotten(compaction: str) -> None:
    memory = part(compaction)
    memory.drop_through(5)
    assert sorted(int(i) for rows in memory.views() for i in rows.ids) == [0, 4, 5]
    memory.remove([0, 99])
    assert len(memory) == 2
    memory.drop_through(100)
    assert memory.n_rows == len(memory) == 0


def test_views_never_change() -> None:
    memory = MemoryPart(1, compaction="eager", freeze_at=1000)
    memory.append(np.arange(300), np.arange(1, 301), np.ones((300, 1), np.float32))
    (view,) = memory.views()
    memory.remove([5])
    memory.append(np.arange(10, 600), np.arange(301, 891), np.zeros((590, 1), np.float32))
    assert view.alive is None
    assert view.vectors.all()
    assert view.n_alive == len(view) == 300


def test_eager_compaction_flushes_less_under_skewed_updates(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    flushes = {}
    for compaction in ("none", "basic", "eager"):
        path = tmp_path / compaction
        with LiveIndex.open(
            path, dim=8, bytes_per_vector=4, compaction=compaction, flush_at=100, train_from=60, background=False
        ) as index:
            index.add(rng.normal(size=(60, 8)))
            for _ in range(20):
                index.add(rng.normal(size=(20, 8)), rng.choice(30, 20, replace=False))
            flushes[compaction] = index.stats().n_flushes
            assert len(index) == 60
        assert LiveIndex.verify(path).is_clean
    assert flushes["eager"] < flushes["basic"] <= flushes["none"], flushes


@pytest.mark.parametrize("cosine", [False, True])
def test_the_scan_finds_what_comparing_one_by_one_finds(cosine: bool) -> None:
    rng = np.random.default_rng(3)
    x, q = rng.normal(size=(500, 12)).astype(np.float32), rng.normal(size=(20, 12)).astype(np.float32)
    if cosine:
        x[7] = 0
        x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
        q /= np.linalg.norm(q, axis=1, keepdims=True)
    admitted = rng.random(500) < 0.3
    squared = np.square(q[:, None].astype(np.float64) - x).sum(axis=2)
    squared[:, 7] = 2 if cosine else squared[:, 7]
    squared[:, ~admitted] = np.inf
    want = np.argsort(squared, axis=1)[:, :9]
    rows, got = nearest_rows(x, np.square(x).sum(axis=1), admitted, q, 9, cosine=cosine)
    np.testing.assert_array_equal(rows, want)
    np.testing.assert_allclose(got, np.take_along_axis(squared, want, axis=1), rtol=1e-5)
    rows, got = nearest_rows(x[:3], np.square(x[:3]).sum(axis=1), np.zeros(3, np.bool_), q, 5, cosine=cosine)
    assert (rows == -1).all()
    assert np.isinf(got).all()
