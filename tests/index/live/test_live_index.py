"""A live index: what was added is found, what was removed is not, whatever else goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.errors import IndexLockedError, InvalidArgumentError
from lookalike.index import exact_search

SMALL = {"bytes_per_vector": 8, "flush_at": 200, "train_from": 600, "background": False}


def found(index: LiveIndex, vectors: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Which vectors find their own id first, when all cells are visited."""
    return index.search(vectors, 1, n_probe=10_000).ids[:, 0] == ids


def test_the_first_vectors_are_found_before_anything_was_learned(tmp_path: Path, clustered: np.ndarray) -> None:
    with LiveIndex.open(tmp_path / "x.live", dim=16, background=False) as index:
        assert index.search(clustered[:2], 3).ids.tolist() == [[-1] * 3] * 2
        assert index.add(clustered[:50]).tolist() == list(range(50))
        got = index.search(clustered[:60], 5)
        want = exact_search(clustered[:50], clustered[:60], 5)
        np.testing.assert_array_equal(got.ids, want.ids)
        np.testing.assert_array_equal(got.distances, want.distances)


@pytest.mark.parametrize(
    ("compaction", "metric", "centred"),
    [("none", "l2", False), ("basic", "cosine", False), ("eager", "cosine", True)],
)
def test_everything_is_there_after_it_was_opened_again(
    tmp_path: Path, clustered: np.ndarray, compaction: str, metric: str, centred: bool
) -> None:
    path = tmp_path / "x.live"
    with LiveIndex.open(path, dim=16, metric=metric, centred=centred, compaction=compaction, **SMALL) as index:
        for start in range(0, 1000, 90):
            index.add(clustered[start : start + 90])
        n = len(index)
        index.add(-clustered[100:200], np.arange(100, 200))
        assert index.remove(np.arange(50, 120)) == 70
        index.add(clustered[60:70], np.arange(60, 70))
    ids = np.array([*range(50), *range(60, 70), *range(120, n)])
    vectors = clustered[ids].copy()
    vectors[(ids >= 120) & (ids < 200)] *= -1
    for writable in (False, True):
        with LiveIndex.open(path, writable=writable, background=False) as index:
            np.testing.assert_array_equal(index.ids, ids)
            assert len(index) == len(ids)
            assert found(index, vectors, ids).all()
            hits = index.search(clustered, 100, exact=True)
            assert not np.isin(hits.ids, [*range(50, 60), *range(70, 120)]).any()


def test_a_reader_in_another_process_sees_each_commit(tmp_path: Path, clustered: np.ndarray) -> None:
    path = tmp_path / "x.live"
    script = (
        "import sys, numpy as np, lookalike\n"
        f"with lookalike.LiveIndex.open({str(path)!r}, writable=False) as index:\n"
        "    for line in sys.stdin:\n"
        "        query = np.array(eval(line), np.float32)\n"
        "        print(len(index), index.search(query, 1).ids[0, 0], flush=True)\n"
    )
    with (
        LiveIndex.open(path, dim=16, **SMALL) as index,
        subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as reader,
    ):
        assert reader.stdin is not None
        assert reader.stdout is not None

        def ask(query: np.ndarray) -> list[int]:
            reader.stdin.write(f"{query.tolist()}\n")
            reader.stdin.flush()
            return [int(each) for each in reader.stdout.readline().split()]

        for n in range(100, 1000, 100):  # through training, flushes and merges
            index.add(clustered[n - 100 : n])
            assert ask(clustered[n - 1]) == [n, n - 1]
        index.remove([7])
        assert ask(clustered[7])[0] == 899
        index.compact()
        assert ask(clustered[8]) == [899, 8]
        reader.stdin.close()


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    with LiveIndex.open(tmp_path / "x.live", dim=4):
        with pytest.raises(IndexLockedError, match="process"):
            LiveIndex.open(tmp_path / "x.live")
        LiveIndex.open(tmp_path / "x.live", writable=False).close()
    LiveIndex.open(tmp_path / "x.live").close()


def test_vectors_come_back_as_they_were_given(tmp_path: Path, clustered: np.ndarray) -> None:
    with LiveIndex.open(tmp_path / "x.live", dim=16, metric="cosine", **SMALL) as index:
        index.add(clustered[:700])
        index.remove([5])
        np.testing.assert_array_equal(index.vectors([699, 0, 0]), clustered[[699, 0, 0]])
        with pytest.raises(InvalidArgumentError, match="holds 5"):
            index.vectors([4, 5])
        assert 4 in index
        assert 5 not in index
        assert 700 not in index
        assert -1 not in index
        assert "a" not in index
