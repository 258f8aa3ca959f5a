"""Recall on a sample is watched: a fall of it starts a training, and nothing else does."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.index.live import recall, tables, training
from lookalike.index.live.database import connect

OPENING = {"flush_at": 1000, "train_from": 2000, "background": False}


def some(scale: float, n: int = 3000, seed: int = 0) -> np.ndarray:
    """Vectors of 16 dimensions without any order: float32 (n, 16)."""
    return (scale * np.random.default_rng(seed).normal(size=(n, 16))).astype(np.float32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 3,000 vectors, looked at after its training."""
    path = tmp_path_factory.mktemp("trained") / "x"
    with LiveIndex.open(path, dim=16, bytes_per_vector=4, **OPENING) as index:
        index.add(some(10))
    return path


@pytest.fixture
def path(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(trained, tmp_path / "x")


def replace_all(index: LiveIndex, vectors: np.ndarray) -> None:
    """Replace by the thousand, as many as are flushed together."""
    for start in range(0, len(vectors), 1000):
        index.add(vectors[start : start + 1000], range(start, start + 1000))


def test_vectors_that_crowd_into_few_cells_bring_a_training_and_recall_is_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LiveIndex.open(path, **OPENING) as index:
        first = index.stats(recall_sample=500)
        assert (first.n_trainings, first.asks_for_training) == (1, None)
        assert first.recall_watched == first.recall_after_training
        assert first.recall is not None
        assert first.recall_after_training == pytest.approx(first.recall, abs=0.05)
        assert f"recall_after_training {first.recall_after_training}" in str(first)

        with monkeypatch.context() as patch:
            patch.setattr(training, "FALL", 1.0)
            replace_all(index, some(1, seed=1))
        fallen = index.stats(recall_sample=500)
        assert (fallen.n_trainings, fallen.recall_after_training) == (1, first.recall_after_training)
        assert fallen.drift is not None
        assert fallen.drift < 1, f"distortion rose to {fallen.drift}; this shall be told by recall alone"
        assert fallen.recall is not None
        assert fallen.recall < first.recall - 0.2
        assert fallen.recall_watched == pytest.approx(fallen.recall, abs=0.05)
        assert fallen.asks_for_training == "recall"
        with LiveIndex.open(path, writable=False) as reader:
            told = reader.stats()
        assert told.asks_for_training == "recall"
        assert told.recall_watched == fallen.recall_watched
        assert told.recall_after_training == first.recall_after_training

        index.add(some(1, 1, seed=2))
        back = index.stats(recall_sample=500)
        assert (back.n_trainings, back.asks_for_training) == (2, None)
        assert back.recall is not None
        assert back.recall >= first.recall - 0.05, f"recall {back.recall}, at least {first.recall} - .05 is required"
        assert back.recall_after_training == back.recall_watched == pytest.approx(back.recall, abs=0.05)
    assert LiveIndex.verify(path).is_clean


def test_an_index_without_drift_is_never_trained_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, measured = [], recall.measured

    def counted(*arguments: object, **options: object) -> float:
        looks.append(measured(*arguments, **options))  # type: ignore[arg-type]
        return looks[-1]

    monkeypatch.setattr(recall, "measured", counted)
    with LiveIndex.open(path, **OPENING) as index:
        for seed in range(1, 4):
            replace_all(index, some(10, seed=seed))
        stats = index.stats()
        assert (stats.n_trainings, stats.asks_for_training) == (1, None)
        assert stats.recall_watched == looks[-1]
        assert len(looks) == 9  # at each third that was replaced
        index.add(some(10, 500, seed=9), range(500))
        assert len(looks) == 9, "recall was measured before a quarter had changed"


def test_a_training_that_does_not_help_is_not_followed_by_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.9
    monkeypatch.setattr(recall, "measured", lambda *_, **__: now)
    with LiveIndex.open(path, **OPENING) as index:
        now = 0.6
        index.add(some(10, 1000, seed=1), range(1000))
        assert index.stats().n_trainings == 2
        for seed in range(2, 6):
            index.add(some(10, 1000, seed=seed), range(1000))
            stats = index.stats()
            assert (stats.n_trainings, stats.recall_after_training, stats.recall_watched) == (2, 0.6, 0.6)
        now = 0.4  # falls again
        index.add(some(10, 1000, seed=7), range(1000))
        assert index.stats().n_trainings == 3


def test_distortion_that_no_training_mends_asks_again_only_when_a_quarter_has_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "drift", lambda _: 2.0)
    with LiveIndex.open(path, **OPENING) as index:
        for start in range(0, 700, 100):
            index.add(some(10, 100, seed=start), range(start, start + 100))
        assert index.stats().n_trainings == 1
        index.add(some(10, 100), range(700, 800))
        assert index.stats().n_trainings == 2
        index.add(some(10, 100), range(100))
        assert index.stats().n_trainings == 2
        assert index.stats().asks_for_training is None


def test_nothing_waits_for_a_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, done, measured = threading.Event(), threading.Event(), recall.measured

    def slow(*arguments: object, **options: object) -> float:
        looking.set()
        assert done.wait(60)
        return measured(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(recall, "measured", slow)
    with LiveIndex.open(path, **{**OPENING, "background": True}) as index:
        model = index.stats().model
        index.add(some(10, 1000, seed=1), range(1000))
        assert looking.wait(60)
        index.add(some(10, 1000, seed=2))
        index.remove([5])
        assert index.search(some(10, 3, seed=2)).ids[:, 0].tolist() == [3000, 3001, 3002]
        index.flush()
        index.compact()
        assert index.stats().n_segments == 1
        index.train()
        done.set()
        index.wait()
        stats = index.stats()
        assert stats.model != model
        assert stats.recall_after_training is not None, "the new model was not looked at"
    assert LiveIndex.verify(path).is_clean


def test_closing_ends_a_look(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LiveIndex.open(path, **OPENING) as index:
        before = index.stats().recall_watched
        store, _ = index._writer()
        monkeypatch.setattr(recall, "CHANGED", 0.0)
        store.stopping.set()
        assert not recall.look(store, 1000)
        store.stopping.clear()
        with store.transaction() as db:
            tables.set_watched(db, tables.Watched(1, 1, 0.25, 1, 0.25))
        assert recall.look(store, 1000)
        assert (index.stats().recall_watched, index.stats().recall_after_training) == (before, 0.25)
        assert not recall.look(store, 0), "recall was measured while memory waits for a flush"


@pytest.mark.parametrize("value", ["nonsense", "{}", "[1, 2]", '[1, 1, "x", 1, null]', "17", None, b"\xff"])
def test_what_was_watched_is_measured_anew_where_it_cannot_be_read(path: Path, value: object) -> None:
    with LiveIndex.open(path, writable=False) as index:
        before = index.stats()
    assert before.recall_watched is not None
    with sqlite3.connect(path / "log.sqlite") as db:
        db.execute("UPDATE live SET value = ? WHERE name = 'watched'", (value,))
    db.close()
    with LiveIndex.open(path, writable=False) as reader:
        assert reader.stats().recall_watched is None
    with LiveIndex.open(path, **OPENING) as index:
        assert index.stats().recall_watched == before.recall_watched
    db = connect(path / "log.sqlite", writable=False)
    assert tables.watched(db) is not None
    db.close()


def test_progress_counts_the_segments_that_are_coded_anew(path: Path) -> None:
    told: list[tuple[int, int]] = []
    with LiveIndex.open(path, **OPENING) as index:
        index.add(some(10, 1000, seed=1))
        assert index.stats().n_segments == 2
        index.train(progress=lambda n_done, n: told.append((n_done, n)))
        assert told == [(0, 2), (1, 2), (2, 2)]
        assert index.stats().recall_after_training is not None
