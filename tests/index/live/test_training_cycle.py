"""Models: trained when there is enough, exchanged in one step, taken up again after a kill."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.index.live import training
from lookalike.index.live.upkeep import Upkeep

SMALL = {"bytes_per_vector": 8, "flush_at": 100, "train_from": 200, "background": False}

KILLED = """
import os, sys
import numpy as np
from lookalike import LiveIndex
from lookalike.index.live import training
step = sys.argv[2]
index = LiveIndex.open(sys.argv[1], flush_at=100, train_from=200, background=False)
recode = training._recode
def die(*arguments):
    if step == "recode":
        recode(*arguments)
    os._exit(9)
setattr(training, "_recode" if step != "exchange" else "_exchange", die)
index.train()
"""


def test_there_is_a_model_from_a_number_of_vectors_on_and_another_at_twice(
    tmp_path: Path, clustered: np.ndarray
) -> None:
    with LiveIndex.open(tmp_path / "x", dim=16, **SMALL) as index:
        index.add(clustered[:199])
        assert index.stats().model is None
        index.add(clustered[199:200])
        first = index.stats()
        assert first.model_n_vectors == 200
        assert first.n_segments == 1
        for start in range(200, 420, 50):
            index.add(clustered[start : start + 50])
        second = index.stats(recall_sample=100)
        assert second.model_n_vectors == 400
        assert second.model != first.model
        assert second.n_trainings == 2
        assert second.recall is not None
        assert second.recall >= 0.95, f"recall {second.recall}, at least 0.95 is required"
    assert len(list((tmp_path / "x" / "models").iterdir())) == 1


@pytest.mark.parametrize("step", ["before", "recode", "exchange"])
def test_a_killed_recoding_goes_on_where_it_was(tmp_path: Path, clustered: np.ndarray, step: str) -> None:
    path = tmp_path / "x"
    with LiveIndex.open(path, dim=16, metric="cosine", centred=True, **SMALL) as index:
        index.add(clustered[:250])
        index.add(clustered[250:390])
        old = index.stats()
        assert old.n_segments == 2
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), step], capture_output=True, text=True, check=False
    )
    assert killed.returncode == 9, killed.stderr
    assert LiveIndex.verify(path).is_clean
    with LiveIndex.open(path, writable=False) as reader:
        assert reader.stats().n_pending == {"before": 0, "recode": 1, "exchange": 2}[step]
        assert reader.stats().model == old.model
        assert (reader.search(clustered[:390], 1, n_probe=99).ids[:, 0] == np.arange(390)).all()
    with LiveIndex.open(path, **SMALL) as index:
        stats = index.stats()
        assert stats.n_pending == 0
        assert stats.model != old.model
        assert stats.n_trainings == 2
        assert (index.search(clustered[:390], 1, n_probe=99).ids[:, 0] == np.arange(390)).all()
    assert LiveIndex.verify(path).is_clean


def test_changes_during_a_recoding_are_in_both(
    tmp_path: Path, clustered: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    with LiveIndex.open(path, dim=16, **SMALL) as index:
        index.add(clustered[:250])
        index.add(clustered[250:390])
        recode, steps = training._recode, []

        def change(*arguments: object) -> None:
            steps.append(len(steps))
            if len(steps) == 1:  # before the first segment was read, and after it was written
                index.remove([0, 300])
                recode(*arguments)
                index.remove([1, 301])
                index.add(clustered[1000:1002], [2, 302])
                index.flush()  # by the old model: has to be coded anew too
            else:
                recode(*arguments)

        monkeypatch.setattr(training, "_recode", change)
        monkeypatch.setattr(Upkeep, "_run", lambda self: None)
        index.train()
        assert len(steps) == 3
        assert not np.isin([0, 1, 300, 301], index.ids).any()
        hits = index.search(clustered[:390], 390, exact=True)
        assert not np.isin(hits.ids, [0, 1, 300, 301]).any()
        assert index.search(clustered[1000:1002], 1).ids[:, 0].tolist() == [2, 302]
        assert len(index) == 386
    assert LiveIndex.verify(path).is_clean


def test_other_vectors_than_those_of_the_training_bring_another(
    tmp_path: Path, clustered: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_LEAST_MEASURED", 100)
    with LiveIndex.open(tmp_path / "x", dim=16, **SMALL) as index:
        index.add(clustered[:1000])
        index.add(clustered[1000:1200])
        calm = index.stats()
        assert calm.drift is not None
        assert calm.drift < training.DRIFT
        assert calm.n_trainings == 1
        rng = np.random.default_rng(1)
        index.add(20 * rng.normal(size=(200, 16)) + 9)
        moved = index.stats()
        assert moved.n_trainings == 2
        assert moved.model_n_vectors == 1400


def test_the_mean_is_renewed_as_vectors_come(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(100, 8)) + 30).astype(np.float32)
    with LiveIndex.open(tmp_path / "x", dim=8, metric="cosine", centred=True, background=False) as index:
        for start in range(0, 100, 10):
            index.add(x[start : start + 10])
        mean = x[:80].sum(axis=0) / 96  # taken at 10, 20, 30, 50 and 80
        centred = x - mean
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        got = index.search(x[:5], 4)
        want = 1 - centred[:5] @ centred.T
        np.testing.assert_allclose(got.distances, np.sort(want, axis=1)[:, :4], atol=1e-5)


def test_training_of_nothing_is_refused(tmp_path: Path) -> None:
    with LiveIndex.open(tmp_path / "x", dim=8) as index, pytest.raises(ValueError, match="no vectors"):
        index.train()
