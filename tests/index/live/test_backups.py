"""Copies are whole, also of an index that is being written."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.errors import FormatError, InvalidArgumentError, LiveIndexError

SMALL = {"dim": 8, "bytes_per_vector": 4, "flush_at": 50, "train_from": 60}


def test_a_backup_while_writing_holds_one_state(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        stop = threading.Event()

        def write() -> None:
            n = 0
            while not stop.is_set():  # each state holds whole tens, all of one round
                index.add(np.full((10, 8), n % 7 + 1) + rng.normal(size=(10, 8)), np.arange(10) + 10 * (n % 40))
                n += 1

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for number in range(4):
                index.backup(tmp_path / f"copy{number}")
                report = LiveIndex.verify(tmp_path / "x")
                assert report.is_clean, report
        finally:
            stop.set()
            thread.join()
    for number in range(4):
        report = LiveIndex.verify(tmp_path / f"copy{number}")
        assert report.is_clean, report
        assert report.n_vectors % 10 == 0
        assert report.leftovers == ()


def test_a_backup_begins_again_when_a_segment_is_merged_away_while_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).normal(size=(156, 8)).astype(np.float32)
    with (
        LiveIndex.open(tmp_path / "x", background=False, **SMALL) as index,
        LiveIndex.open(tmp_path / "x", writable=False) as reader,
    ):
        for start in range(0, 156, 52):
            index.add(x[start : start + 52])
        copyfile = shutil.copyfile

        def merged_first(*given: object, **named: object) -> object:
            monkeypatch.undo()
            index.compact()
            return copyfile(*given, **named)

        assert index.stats().n_segments > 1
        monkeypatch.setattr(shutil, "copyfile", merged_first)
        reader.backup(tmp_path / "copy")
        report = LiveIndex.verify(tmp_path / "copy")
        assert report.is_clean, report
        assert (report.n_vectors, report.n_segments) == (156, 1)
        next((tmp_path / "x" / "segments").glob("*/seqs.npy")).unlink()
        with pytest.raises(FormatError, match=r"seqs.npy is missing. Mend"):
            reader.backup(tmp_path / "second")


def test_a_backup_is_restored_where_nothing_is(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    with LiveIndex.open(tmp_path / "x", background=False, **SMALL) as index:
        index.add(x)
        index.backup(tmp_path / "copy")
        index.remove(np.arange(100))
        with pytest.raises(InvalidArgumentError, match="already"):
            index.backup(tmp_path / "copy")
    with LiveIndex.open(tmp_path / "x", writable=False) as reader:
        reader.backup(tmp_path / "second")
        with pytest.raises(LiveIndexError, match="could not be made"):
            reader.backup(Path("/proc/nowhere/copy"))
    assert LiveIndex.restore(tmp_path / "copy", tmp_path / "back").is_clean
    with LiveIndex.open(tmp_path / "back", background=False) as index:
        assert len(index) == 200
        assert (index.search(x, 1, exact=True).ids[:, 0] == np.arange(200)).all()
        index.add(x[:1])
    with pytest.raises(InvalidArgumentError, match="already"):
        LiveIndex.restore(tmp_path / "copy", tmp_path / "back")
    with LiveIndex.open(tmp_path / "second", writable=False) as reader:
        assert len(reader) == 100


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    with LiveIndex.open(tmp_path / "x", background=False, **SMALL) as index:
        index.add(np.random.default_rng(0).normal(size=(100, 8)))
        index.backup(tmp_path / "copy")
    next((tmp_path / "copy" / "segments").iterdir()).joinpath("ids.npy").unlink()
    with pytest.raises(FormatError, match="backup is damaged"):
        LiveIndex.restore(tmp_path / "copy", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    with pytest.raises(LiveIndexError, match="no live index"):
        LiveIndex.restore(tmp_path / "nothing", tmp_path / "back")
