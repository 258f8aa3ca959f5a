"""Wrong arguments, full disks, read-only places: clear errors, and nothing sound is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.errors import FormatError, InvalidArgumentError, LiveIndexError
from lookalike.index.live import flush, segment_files, upkeep
from lookalike.index.live.store import Store

SMALL = {"dim": 8, "bytes_per_vector": 4, "flush_at": 50, "train_from": 60, "background": False}


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)


def test_an_empty_index_finds_nothing_and_may_stay_empty(tmp_path: Path, x: np.ndarray) -> None:
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        assert len(index) == 0
        assert index.add(np.empty((0, 8))).tolist() == []
        assert index.remove([]) == index.remove([5]) == 0
        index.flush()
        index.compact()
        hits = index.search(x[:2], 3, exact=True)
        assert (hits.ids == -1).all()
        assert np.isinf(hits.distances).all()
    assert LiveIndex.verify(tmp_path / "x").is_clean
    LiveIndex.open(tmp_path / "x").close()


@pytest.mark.parametrize(
    ("vectors", "ids", "message"),
    [
        (np.ones((2, 9)), None, "dimension 9"),
        (np.full((1, 8), np.nan), None, "finite"),
        (np.full((1, 8), np.inf), None, "finite"),
        (np.array([["a"] * 8]), None, "dtype"),
        (np.ones((2, 8)), [1], "2 are needed"),
        (np.ones((2, 8)), [1, 1], "more than once"),
        (np.ones((1, 8)), [-1], "below 0"),
        (np.ones((1, 8)), ["a"], "kind str"),
        (np.ones((1, 8)), [2**63 - 1], "ids go up to"),
    ],
)
def test_wrong_vectors_and_ids_are_refused_whole(
    tmp_path: Path, vectors: np.ndarray, ids: list[int] | None, message: str
) -> None:
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        index.add(np.ones((1, 8)))
        with pytest.raises(InvalidArgumentError, match=message):
            index.add(vectors, ids)
        assert index.ids.tolist() == [0]
        with pytest.raises(InvalidArgumentError):
            index.search(np.full(8, np.nan))
        with pytest.raises(InvalidArgumentError):
            index.search(np.ones(8), 0)


def test_vectors_without_ids_are_refused_where_no_ids_are_left(tmp_path: Path) -> None:
    last = 2**63 - 2
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        index.add(np.ones((1, 8)), [last])
        with pytest.raises(InvalidArgumentError, match="Give `ids`"):
            index.add(np.ones((1, 8)))
        assert index.search(np.ones(8), 1).ids.tolist() == [[last]]
    assert LiveIndex.verify(tmp_path / "x").is_clean


def test_options_are_kept_and_must_agree(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="`dim` is missing"):
        LiveIndex.open(tmp_path / "x")
    LiveIndex.open(tmp_path / "x", dim=4, metric="cosine", centred=True, bytes_per_vector=8).close()
    LiveIndex.open(tmp_path / "x", dim=4, centred=True).close()
    with LiveIndex.open(tmp_path / "x") as index:
        assert (index.dim, index.metric) == (4, "cosine")
    for wrong in ({"dim": 5}, {"metric": "l2"}, {"centred": False}, {"bytes_per_vector": 16}):
        with pytest.raises(InvalidArgumentError, match="was made with"):
            LiveIndex.open(tmp_path / "x", **wrong)
    for wrong in ({"metric": "dot"}, {"compaction": "some"}, {"flush_at": 0}, {"centred": True}, {"dim": 10**12}):
        with pytest.raises(InvalidArgumentError):
            LiveIndex.open(tmp_path / "y", **{"dim": 4, **wrong})
    LiveIndex.open(tmp_path / "y", dim=4).close()  # what could not be made is in nobody's way


def test_other_peoples_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    for path in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(InvalidArgumentError):
            LiveIndex.open(path, dim=4)
    with pytest.raises(LiveIndexError, match="no live index"):
        LiveIndex.open(tmp_path, writable=False)
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as db, db:
        db.execute("CREATE TABLE vectors (x)")
    with pytest.raises(FormatError, match="another program"):
        LiveIndex.open(tmp_path, dim=4)
    with pytest.raises(FormatError, match="holds no live index"):
        LiveIndex.open(tmp_path, writable=False)


def test_readers_and_closed_indexes_change_nothing(tmp_path: Path) -> None:
    LiveIndex.open(tmp_path / "x", dim=4).close()
    with LiveIndex.open(tmp_path / "x", writable=False) as reader:
        for call in (lambda: reader.add(np.ones((1, 4))), lambda: reader.remove([1]), reader.flush, reader.train):
            with pytest.raises(LiveIndexError, match="writable=True"):
                call()
    for call in (lambda: reader.search(np.ones(4)), reader.train, lambda: len(reader)):
        with pytest.raises(LiveIndexError, match="closed"):
            call()
    assert "closed" in repr(reader)


def test_what_other_threads_add_while_it_is_closed_is_there_or_refused(tmp_path: Path) -> None:
    code = """
import sys, threading
import numpy as np
from lookalike import LiveIndex
from lookalike.errors import LiveIndexError

x = np.random.default_rng(0).random((400, 8), np.float32)

def until_closed(call):
    try:
        while True:
            call()
    except LiveIndexError as error:
        assert "closed" in str(error), error

for round in range(10):
    path = f"{sys.argv[1]}/{round}"
    index, added = LiveIndex.open(path, dim=8, flush_at=100, train_from=10_000), []
    index.add(x)
    calls = (
        lambda: added.extend(index.add(x[:2]).tolist()),
        lambda: index.remove([5]),
        lambda: index.search(x[0]),
        index.wait,
    )
    threads = [threading.Thread(target=until_closed, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    threading.Event().wait(0.02 * (round % 3))
    index.close()
    for thread in threads:
        thread.join()
    with LiveIndex.open(path, writable=False) as index:
        assert {*index.ids.tolist(), 5} == {*range(400), *added}
    assert LiveIndex.verify(path).is_clean
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False, timeout=100
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_full_disk_while_flushing_loses_nothing(
    tmp_path: Path, x: np.ndarray, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for background in (False, True):
        path = tmp_path / str(background)
        with LiveIndex.open(path, **{**SMALL, "background": background}) as index:
            with monkeypatch.context() as patch:
                patch.setattr(segment_files, "write_array", full)
                index.add(x)
                index.add(x[:10], np.arange(300, 310))
                with pytest.raises(LiveIndexError, match=r"No space left.*No vector is lost"):
                    index.wait()
                assert (index.search(x, 1).ids[:, 0] == np.arange(200)).sum() >= 190
                assert len(index) == 210
            for _ in range(2):  # the background may have tried again before, and be trying still
                with contextlib.suppress(LiveIndexError):
                    index.flush()
            index.flush()
            assert index.stats().n_in_memory == 0
        assert "No space left" in caplog.text
        report = LiveIndex.verify(path)
        assert report.is_clean, report
        assert report.leftovers == ()


FULL = """
import resource, signal, sys
import numpy as np
from lookalike import LiveIndex
from lookalike.errors import LiveIndexError
x = np.random.default_rng(0).normal(size=(5000, 8)).astype(np.float32)
with LiveIndex.open(sys.argv[1], dim=8, train_from=10_000, background=False) as index:
    index.add(x[:100])
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
    try:
        index.add(x)
    except LiveIndexError as error:
        print(error)
    assert len(index) == 100, len(index)
    assert (index.search(x[:100], 1).ids[:, 0] == np.arange(100)).all()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    index.add(x[100:])
    assert len(index) == 5000
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of file sizes on Windows")
def test_a_full_disk_while_adding_loses_nothing(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FULL, str(tmp_path / "x")], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "cannot be read or written" in run.stdout
    assert "safe" in run.stdout
    assert LiveIndex.verify(tmp_path / "x").is_clean


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder, and no right to write where others may not: root gives its right up."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    if hasattr(os, "seteuid"):
        os.seteuid(os.getuid())
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="rights of folders are others on Windows")
def test_a_read_only_place_can_be_searched(nobody: Path, x: np.ndarray) -> None:
    path = nobody / "x"
    with LiveIndex.open(path, **SMALL) as index:
        index.add(x)
        index.remove([3])
    for each in (path, *path.rglob("*")):
        each.chmod(0o555 if each.is_dir() else 0o444)
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        with LiveIndex.open(path, writable=False) as reader:
            assert len(reader) == 199
            assert reader.search(x[5], 1, exact=True).ids.tolist() == [[5]]
        with pytest.raises(LiveIndexError, match="cannot be written to"):
            LiveIndex.open(path)
    finally:
        os.seteuid(os.getuid())
        for each in (path, *path.rglob("*")):
            each.chmod(0o755)


def test_adding_waits_while_memory_is_full_and_says_so(
    tmp_path: Path, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LiveIndex.open(tmp_path / "x", **{**SMALL, "background": True}) as index:
        index.add(x[:60])
        index.wait()
        go, most = threading.Event(), 0

        def slow(store: Store) -> bool:
            go.wait(10)
            return flush.flush(store)

        with monkeypatch.context() as patch:
            patch.setattr(upkeep, "flush", slow)
            index.add(x[60:180])
            threading.Timer(0.2, go.set).start()
            index.add(x[180:])
            most = index.stats().n_in_memory
        stats = index.stats()
        assert stats.n_stalls == 1
        assert stats.stall_seconds > 0
        assert most <= 20


def test_a_clock_that_goes_backwards_changes_nothing(
    tmp_path: Path, x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr("time.time", lambda: float(next(now)))
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        index.add(x, ids=range(200))
        index.add(x[::-1], ids=range(200))  # replaced later, at an earlier hour
        index.train()
        index.compact()
    with LiveIndex.open(tmp_path / "x", **SMALL) as index:
        assert index.search(x, 1).ids[:, 0].tolist() == list(range(200))[::-1]
    assert LiveIndex.verify(tmp_path / "x").is_clean


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_is_told_to_open_it_anew_and_leaves_the_index_to_its_parent(tmp_path: Path) -> None:
    code = """
import gc, os, sys
import numpy as np
from lookalike import LiveIndex
from lookalike.errors import IndexLockedError, LiveIndexError
x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
index = LiveIndex.open(sys.argv[1], dim=8, bytes_per_vector=4, flush_at=50, train_from=60)
index.add(x[:200])
index.wait()
child = os.fork()
if not child:
    for call in (lambda: index.add(x[:1]), lambda: index.search(x[:1]), index.flush, index.stats):
        try:
            call()
        except LiveIndexError as error:
            assert "forked" in str(error)
        else:
            os._exit(1)
    assert "another process" in repr(index)
    index.close()
    with LiveIndex.open(sys.argv[1], writable=False) as reader:
        assert len(reader) == 200
    del index
    gc.collect()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
try:
    LiveIndex.open(sys.argv[1])
except IndexLockedError as error:
    assert f"process {os.getpid()} " in str(error)
else:
    raise AssertionError
index.add(x[200:])
index.wait()
index.close()
"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "x"], check=True, timeout=120)
    report = LiveIndex.verify(tmp_path / "x")
    assert report.is_clean
    assert report.n_vectors == 300
