"""Searches: one state each, filters narrow and wide, both parts merged by distance."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lookalike import LiveIndex
from lookalike.errors import InvalidArgumentError
from lookalike.index import exact_search


@pytest.fixture(scope="module")
def index(clustered: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveIndex]:
    """Ids 0 to 2,999, 100 to 199 removed; the last hundred in memory."""
    path = tmp_path_factory.mktemp("live") / "x"
    with LiveIndex.open(
        path, dim=16, metric="cosine", bytes_per_vector=8, flush_at=400, train_from=1000, background=False
    ) as made:
        for start in range(0, 2800, 400):
            made.add(clustered[start : start + 400])
        made.add(clustered[2800:2900])
        made.flush()
        made.remove(np.arange(100, 200))
        made.add(clustered[2900:])
        stats = made.stats()
        assert stats.n_segments > 1
        assert stats.n_in_memory >= 100
        yield made


def recall(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(got, want, strict=True)]))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.005])
def test_a_filter_admits_what_it_names_at_any_selectivity(
    index: LiveIndex, clustered: np.ndarray, share: float
) -> None:
    rng = np.random.default_rng(2)
    mask = rng.random(3000) < share
    there = np.setdiff1d(np.arange(3000), np.arange(100, 200))
    keep = there[mask[there]]
    queries = clustered[rng.choice(3000, 50)] + 0.1 * rng.normal(size=(50, 16)).astype(np.float32)
    want = exact_search(clustered[keep], queries, 10, ids=keep, metric="cosine")
    for filter in (mask, np.flatnonzero(mask)):
        got = index.search(queries, 10, filter=filter)
        assert np.isin(got.ids[got.ids >= 0], keep).all()
        found = recall(got.ids, want.ids)
        assert found >= 0.95, f"recall {found} with {share:.1%} admitted, at least 0.95 is required"
        assert recall(index.search(queries, 10, filter=filter, exact=True).ids, want.ids) >= 0.99
    assert (index.search(queries, 10, filter=[]).ids == -1).all()


@pytest.mark.parametrize("exact", [False, True])
def test_more_hits_than_vectors_leave_slots_empty(index: LiveIndex, clustered: np.ndarray, exact: bool) -> None:
    hits = index.search(clustered[:2], 5000, exact=exact)
    there = np.setdiff1d(np.arange(3000), np.arange(100, 200))
    assert (np.sort(hits.ids[:, :2900], axis=1) == there).all()
    assert (hits.ids[:, 2900:] == -1).all()
    assert np.isinf(hits.distances[:, 2900:]).all()
    for k, words in ((10**9, "only"), (2**31, "at most"), (2**70, "at most")):
        with pytest.raises(InvalidArgumentError, match=words):
            index.search(clustered[:2], k, exact=exact)


def test_search_tells_its_evidence(index: LiveIndex, clustered: np.ndarray) -> None:
    stats = index.search(clustered[:5], 3, n_probe=4, rerank=20).stats
    assert stats.n_cells == 20
    assert stats.n_codes > 0
    assert stats.n_reranked <= 5 * (20 + index.stats().n_in_memory)
    exact = index.search(clustered[:5], 3, exact=True).stats
    assert (exact.n_cells, exact.n_codes, exact.n_reranked) == (0, 0, 5 * 2900)


def test_zero_vectors_rank_by_a_cosine_of_zero(tmp_path: Path, clustered: np.ndarray) -> None:
    with LiveIndex.open(tmp_path / "x", dim=16, metric="cosine", flush_at=50, train_from=60, background=False) as index:
        index.add(clustered[:100])
        index.add(np.zeros((1, 16)), [500])
        for _ in range(2):
            hits = index.search(clustered[0], 101, exact=True)
            assert hits.distances[0, hits.ids[0] == 500] == pytest.approx(1)
            assert (index.search(np.zeros(16), 101, exact=True).distances == 1).all()
            index.compact()


def test_threads_search_whole_states_while_one_writes(tmp_path: Path) -> None:
    """Every commit moves all vectors at once to another place, so a mixture of two states would show."""
    options = {"dim": 4, "bytes_per_vector": 2, "flush_at": 40, "train_from": 30, "compaction": "none"}
    with LiveIndex.open(tmp_path / "x", **options) as index:
        spread = np.random.default_rng(0).normal(size=(30, 4)) * 0.01
        index.add(spread, np.arange(30))
        wrong: list[object] = []
        stop = threading.Event()

        def search() -> None:
            while not stop.is_set():
                hits = index.search(np.zeros(4), 30, exact=True)
                places = np.round(hits.distances / 10)
                if (hits.ids < 0).any() or len(np.unique(places)) != 1 or len(np.unique(hits.ids)) != 30:
                    wrong.append(hits)

        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for round_ in range(1, 25):
                index.add(spread + np.array([10.0 * round_, 0, 0, 0]), np.arange(30))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not wrong, wrong[0]
        index.wait()
        assert index.stats().n_flushes > 3


def test_readers_of_other_processes_see_whole_states(tmp_path: Path) -> None:
    reader = (
        "import sys, numpy as np\n"
        "from lookalike import LiveIndex\n"
        "with LiveIndex.open(sys.argv[1], writable=False) as index:\n"
        "    last = 0\n"
        "    while last < 40:\n"
        "        hits = index.search(np.zeros(4), 30, exact=True)\n"
        "        places = np.unique(np.round(hits.distances / 10))\n"
        "        assert len(places) == 1 and len(np.unique(hits.ids)) == 30, hits\n"
        "        assert places[0] >= last, 'a commit was seen and then not'\n"
        "        last = places[0]\n"
    )
    options = {"dim": 4, "bytes_per_vector": 2, "flush_at": 40, "train_from": 30, "compaction": "none"}
    with LiveIndex.open(tmp_path / "x", **options) as index:
        spread = np.random.default_rng(0).normal(size=(30, 4)) * 0.01
        index.add(spread, np.arange(30))
        processes = [
            subprocess.Popen([sys.executable, "-c", reader, str(tmp_path / "x")], stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for round_ in range(1, 41):
            index.add(spread + np.array([10.0 * round_, 0, 0, 0]), np.arange(30))
            index.remove([1000])
            if round_ % 8 == 0:
                index.compact()
        for process in processes:
            _, error = process.communicate(timeout=60)
            assert process.returncode == 0, error
