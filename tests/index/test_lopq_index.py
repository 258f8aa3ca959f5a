"""The index against exact search and against definitions, through changes, and at the edges."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.index import LOPQIndex, exact_search
from lookalike.quantization import LOPQModel

Data = tuple[np.ndarray, np.ndarray]


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of the true hits (empty slots left out) that were found."""
    wanted = [set(row[row >= 0]) for row in truth]
    n_found = sum(len(want & set(row)) for want, row in zip(wanted, found, strict=True))
    n_wanted = sum(map(len, wanted))
    return n_found / n_wanted if n_wanted else 1.0


def squared_by_definition(model: LOPQModel, queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """``|R (q - offset) - y|^2``, y the centroids that a vector's code names, in the frame of its cell."""
    cells, codes = model.encode(vectors)
    cells = cells.reshape(len(vectors), -1)
    y = model.product.decode(codes, cells)
    projected = model.project(queries)
    local = [model.frames.to_local(np.tile(query, (len(vectors), 1)), cells) for query in projected]
    return np.stack([((each - y) ** 2).sum(axis=1) for each in local])


@pytest.fixture(scope="module")
def index(photos_like: Data) -> LOPQIndex:
    return LOPQIndex.build(photos_like[0], metric="cosine")


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_defaults_lose_nothing_that_exact_search_finds(photos_like: Data, metric: str) -> None:
    vectors, queries = photos_like
    found = LOPQIndex.build(vectors, metric=metric).search(queries, 10)
    truth = exact_search(vectors, queries, 10, metric=metric)
    measured, required = recall(found.ids, truth.ids), 0.99
    assert measured >= required, f"recall10@10 is {measured:.4f}, required {required}"
    same = found.ids == truth.ids
    np.testing.assert_allclose(found.distances[same], truth.distances[same], atol=2e-3)


@pytest.mark.parametrize("coarse", ["ivf", "multi_index"])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(("metric", "codebooks"), [("l2", "shared"), ("cosine", "shared"), ("cosine", "local")])
def test_distances_of_codes_are_those_to_the_reconstructions(
    photos_like: Data, coarse: str, bits: int, metric: str, codebooks: str
) -> None:
    vectors, queries = photos_like[0][:2000], photos_like[1][:10]
    model = LOPQModel.fit(
        vectors, coarse=coarse, n_coarse=8, n_subquantizers=16, bits=bits, metric=metric, codebooks=codebooks
    )
    index = LOPQIndex.from_model(model, rerank=None)
    index.add(vectors)
    hits = index.search(queries, 2000, n_probe=1000)
    squared = squared_by_definition(model, queries, vectors)
    want = np.sqrt(squared) if metric == "l2" else np.minimum(squared / 2, 2)
    np.testing.assert_allclose(hits.distances, np.take_along_axis(want, hits.ids, axis=1), rtol=1e-3, atol=1e-4)
    assert (np.sort(hits.ids, axis=1) == np.arange(2000)).all()
    assert (np.diff(hits.distances, axis=1) >= 0).all()


def test_an_error_code_adds_its_level_and_brings_estimates_nearer_to_true_distances(photos_like: Data) -> None:
    vectors, queries = photos_like
    model = LOPQModel.fit(vectors, n_coarse=16, n_subquantizers=15, error_code=True)
    index = LOPQIndex.from_model(model, rerank=None)
    index.add(vectors)
    hits = index.search(queries, 100, n_probe=16)
    plain = squared_by_definition(model, queries, vectors)
    codes = model.encode(vectors)[1]
    squared = plain + model.product.error_levels[codes[:, -1] >> 4]
    np.testing.assert_allclose(hits.distances, np.sqrt(np.take_along_axis(squared, hits.ids, axis=1)), rtol=1e-3)
    true = ((queries[:, None] - vectors) ** 2).sum(axis=2)
    assert np.abs(squared - true).mean() < 0.9 * np.abs(plain - true).mean()


def test_visiting_all_and_re_ranking_all_is_exact_search(photos_like: Data, index: LOPQIndex) -> None:
    vectors, queries = photos_like
    truth = exact_search(vectors, queries, 10, metric="cosine")
    full = index.search(queries, 10, n_probe=10_000, rerank=6000)
    assert recall(full.ids, truth.ids) > 0.995  # float16 may swap two that are nearly as near
    assert full.stats.n_codes == full.stats.n_reranked == 6000 * len(queries)


def test_half_of_the_cells_is_visited_unless_told(photos_like: Data) -> None:
    vectors, queries = photos_like
    model = LOPQModel.fit(vectors, coarse="multi_index", n_coarse=8, n_subquantizers=16)
    index = LOPQIndex.from_model(model, rerank=None)
    index.add(vectors)
    plain, half = index.search(queries, 10), index.search(queries, 10, n_probe=32)
    assert plain.stats.n_cells == half.stats.n_cells
    np.testing.assert_array_equal(plain.ids, half.ids)


def test_multi_index_visits_cells_by_the_sum_of_half_distances(photos_like: Data) -> None:
    vectors, queries = photos_like
    model = LOPQModel.fit(vectors, coarse="multi_index", n_coarse=16, n_subquantizers=16)
    index = LOPQIndex.from_model(model)
    index.add(vectors)
    cells = model.encode(vectors)[0]
    flat = cells[:, 0].astype(int) * 16 + cells[:, 1]
    for query in queries[:10]:
        near = model.coarse.scores(model.project(query))[0]
        order = np.argsort((near[0][:, None] + near[1]).ravel(), kind="stable")
        occupied = [cell for cell in order if (flat == cell).any()]
        for n_probe in (1, 5, 40, 1000):
            hits = index.search(query, 6000, n_probe=n_probe, rerank=0)
            visited = set(flat[hits.ids[0][hits.ids[0] >= 0]])
            assert visited == set(occupied[:n_probe])
        quota = index.search(query, 1, n_candidates=500)
        counts = np.cumsum([(flat == cell).sum() for cell in occupied])
        assert quota.stats.n_cells == int(np.searchsorted(counts, 500)) + 1


def test_more_cells_and_deeper_re_ranking_never_lose(photos_like: Data, index: LOPQIndex) -> None:
    vectors, queries = photos_like
    truth = exact_search(vectors, queries, 10, metric="cosine").ids
    by_probe = [recall(index.search(queries, 10, n_probe=n, rerank=200).ids, truth) for n in (1, 4, 16)]
    by_depth = [recall(index.search(queries, 10, n_probe=16, rerank=n).ids, truth) for n in (0, 20, 200)]
    assert by_probe == sorted(by_probe)
    assert by_depth == sorted(by_depth)


def test_stats_tell_the_work(index: LOPQIndex, photos_like: Data) -> None:
    stats = index.search(photos_like[1][:4], 5, n_probe=3, rerank=50).stats
    assert stats.n_cells == 12
    assert 0 < stats.n_reranked <= 200
    assert stats.n_codes >= stats.n_reranked
    assert stats.seconds > 0


def test_a_vector_finds_itself(photos_like: Data, index: LOPQIndex) -> None:
    hits = index.search(photos_like[0][:200], 1)
    np.testing.assert_array_equal(hits.ids[:, 0], np.arange(200))
    np.testing.assert_allclose(hits.distances[:, 0], 0, atol=1e-4)


def test_more_hits_than_vectors_leave_empty_slots() -> None:
    vectors = np.random.default_rng(0).normal(size=(7, 5))
    hits = LOPQIndex.build(vectors).search(vectors, 10)
    truth = exact_search(vectors, vectors, 10)
    np.testing.assert_array_equal(hits.ids, truth.ids)
    assert (hits.ids[:, 7:] == -1).all()
    assert np.isinf(hits.distances[:, 7:]).all()


@given(
    n=st.integers(1, 80),
    dim=st.integers(1, 12),
    distinct=st.integers(1, 80),
    k=st.integers(1, 90),
    metric=st.sampled_from(["l2", "cosine"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=20)
def test_small_sets_and_duplicates_are_searched_exactly(
    n: int, dim: int, distinct: int, k: int, metric: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(distinct, dim)).astype(np.float32)[rng.integers(0, distinct, n)]
    queries = np.concatenate([vectors[:2], rng.normal(size=(2, dim)).astype(np.float32)])
    index = LOPQIndex.build(vectors, bytes_per_vector=2, metric=metric, rerank="float32")
    hits, truth = index.search(queries, k), exact_search(vectors, queries, k, metric=metric)
    np.testing.assert_allclose(hits.distances, truth.distances, atol=1e-3, rtol=1e-4)
    assert len(set(hits.ids[0][hits.ids[0] >= 0])) == min(n, k)


def test_one_vector_many_times_with_one_other() -> None:
    vectors = np.tile(np.random.default_rng(0).normal(size=(1, 16)), (20_000, 1))
    vectors[12_345] += 1
    hits = LOPQIndex.build(vectors, rerank="float32").search(vectors[[0, 12_345]], 3)
    assert hits.ids[1, 0] == 12_345
    assert (hits.distances[0] == 0).all()
    assert len(set(hits.ids[0])) == 3


def test_one_cell_may_hold_everything(photos_like: Data) -> None:
    vectors, queries = photos_like
    index = LOPQIndex.build(vectors, n_coarse=1)
    assert index.search(queries, 10).stats.n_codes == 6000 * len(queries)
    assert recall(index.search(queries, 10).ids, exact_search(vectors, queries, 10).ids) > 0.99


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e9])
def test_float16_embeddings_keep_their_digits_at_any_scale(photos_like: Data, scale: float) -> None:
    vectors, queries = photos_like[0][:1000] * np.float32(scale), photos_like[1] * np.float32(scale)
    hits = LOPQIndex.build(vectors).search(queries, 10)
    truth = exact_search(vectors, queries, 10)
    assert recall(hits.ids, truth.ids) > 0.99
    same = hits.ids == truth.ids
    np.testing.assert_allclose(hits.distances[same], truth.distances[same], rtol=2e-3)


# ---------------------------------------------------------------------- ids and filters


def test_text_ids_come_back_and_empty_slots_are_empty_text() -> None:
    vectors = np.eye(4)
    index = LOPQIndex.build(vectors[:3], ids=["a", "long name", "c"])
    index.add(vectors[3:], ["an even longer name"])
    assert index.search(vectors[1], 1).ids.tolist() == [["long name"]]
    assert index.search(vectors[3], 6).ids[0, 0] == "an even longer name"
    assert index.search(vectors, 6).ids[:, 4:].tolist() == [["", ""]] * 4


def test_ids_of_64_bits_come_back() -> None:
    ids = np.array([2**63 - 1, 5, 2**40])
    index = LOPQIndex.build(np.eye(3), ids=ids)
    assert index.search(np.eye(3), 1).ids[:, 0].tolist() == ids.tolist()


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([1, 1, 2], "more than once"),
        ([1, 2], "3 are needed"),
        ([-1, 0, 1], "below 0"),
        ([0.5, 1, 2], "whole numbers or text"),
        (["a", "", "b"], "empty slot"),
        ([[1], [2], [3]], "one axis"),
    ],
)
def test_ids_that_cannot_be_are_refused(ids: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        LOPQIndex.build(np.eye(3), ids=ids)


@given(share=st.sampled_from([0.0005, 0.01, 0.3, 1.0]), seed=st.integers(0, 2**32 - 1), as_mask=st.booleans())
@settings(max_examples=15)
def test_filtered_search_finds_what_exact_filtered_search_finds(
    index: LOPQIndex, photos_like: Data, share: float, seed: int, as_mask: bool
) -> None:
    vectors, queries = photos_like
    mask = np.random.default_rng(seed).random(6000) < share
    filter_ = mask if as_mask else np.flatnonzero(mask)
    hits = index.search(queries, 10, filter=filter_)
    truth = exact_search(vectors, queries, 10, metric="cosine", filter=mask)
    assert mask[hits.ids[hits.ids >= 0]].all()
    assert recall(hits.ids, truth.ids) > 0.97
    assert hits.stats.n_codes <= mask.sum() * len(queries)


# ---------------------------------------------------------------------- changes


def test_added_vectors_are_found_and_removed_ones_are_not(photos_like: Data) -> None:
    vectors, _ = photos_like
    index = LOPQIndex.build(vectors[:3000])
    for start in range(3000, 3600, 100):
        index.add(vectors[start : start + 100])
    index.add(vectors[3600], [10_000])
    assert len(index) == 3601
    assert index.search(vectors[3550], 1).ids.tolist() == [[3550]]
    assert index.search(vectors[3600], 1).ids.tolist() == [[10_000]]
    assert index.remove([3550, 10_000, 5, 77_777]) == 3
    assert index.remove([5]) == 0
    assert len(index) == 3598
    assert sorted(index.ids) == [i for i in range(3600) if i not in (5, 3550)]
    for gone in (5, 3550, 3600):
        assert not np.isin(index.search(vectors[gone], 50).ids, [5, 3550, 10_000]).any()
    index.add(vectors[5], [5])
    assert index.search(vectors[5], 1).ids.tolist() == [[5]]


def test_an_index_changed_in_any_order_searches_as_one_built_of_what_is_left(photos_like: Data) -> None:
    vectors, queries = photos_like
    rng = np.random.default_rng(0)
    model = LOPQModel.fit(vectors, n_coarse=16, n_subquantizers=16)
    changed = LOPQIndex.from_model(model)
    alive: set[int] = set()
    for _ in range(60):
        ids = np.setdiff1d(rng.integers(0, 6000, rng.integers(1, 200)), list(alive))
        changed.add(vectors[ids], ids)
        alive |= set(ids.tolist())
        gone = rng.choice(sorted(alive), min(len(alive), int(rng.integers(0, 120))), replace=False)
        assert changed.remove(gone) == len(gone)
        alive -= set(gone.tolist())
    left = np.array(sorted(alive))
    fresh = LOPQIndex.from_model(model)
    fresh.add(vectors[left], left)
    a, b = changed.search(queries, 10, n_probe=4), fresh.search(queries, 10, n_probe=4)
    np.testing.assert_array_equal(a.ids, b.ids)
    np.testing.assert_allclose(a.distances, b.distances, rtol=1e-3)


def test_everything_may_be_removed_and_added_again() -> None:
    index = LOPQIndex.build(np.eye(5))
    assert index.remove(np.arange(5)) == 5
    assert len(index) == 0
    assert index.search(np.eye(5), 2).ids.tolist() == [[-1, -1]] * 5
    index.add(np.eye(5), ids=list("abcde"))
    assert index.search(np.eye(5)[2], 1).ids.tolist() == [["c"]]


def test_a_refused_addition_adds_nothing() -> None:
    index = LOPQIndex.build(np.eye(5))
    for vectors, ids in ((np.eye(5), [7, 8, 9, 10, 4]), (np.eye(4), None), (np.full((1, 5), np.nan), None)):
        with pytest.raises(InvalidArgumentError):
            index.add(vectors, ids)
    with pytest.raises(InvalidArgumentError, match="of kind str"):
        index.add(np.eye(5)[:1], ["a"])
    index.add(np.empty((0, 5)))
    assert len(index) == 5


def test_searches_during_changes_see_one_consistent_state(photos_like: Data) -> None:
    vectors, _ = photos_like
    index = LOPQIndex.build(vectors[:1000])
    stop = threading.Event()
    wrong: list[str] = []

    def search() -> None:
        while not stop.is_set():
            hits = index.search(vectors[:5], 3)
            if hits.ids[:, 0].tolist() != [0, 1, 2, 3, 4] or len({*hits.ids[0]}) != 3:
                wrong.append(str(hits.ids))

    searcher = threading.Thread(target=search)
    searcher.start()
    for start in range(1000, 2000, 50):
        index.add(vectors[start : start + 50])
        index.remove(np.arange(start - 500, start - 490))
    stop.set()
    searcher.join()
    assert wrong == []


# ---------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"k": 0}, "`k`"),
        ({"k": 2.5}, "`k`"),
        ({"n_probe": 0}, "`n_probe`"),
        ({"n_candidates": -3}, "`n_candidates`"),
        ({"rerank": -1}, "`rerank`"),
        ({"filter": [0.5]}, "filter"),
        ({"filter": ["a"]}, "of kind str"),
    ],
)
def test_wrong_search_arguments_are_named(index: LOPQIndex, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        index.search(np.ones(64), **arguments)


def test_wrong_queries_and_build_arguments_are_named(index: LOPQIndex) -> None:
    with pytest.raises(InvalidArgumentError, match="dimension 3, but dimension 64"):
        index.search(np.ones(3))
    with pytest.raises(InvalidArgumentError, match="finite"):
        index.search(np.full(64, np.nan))
    with pytest.raises(InvalidArgumentError, match="float16"):
        LOPQIndex.build(np.eye(3), rerank="int8")
    with pytest.raises(InvalidArgumentError, match="empty"):
        LOPQIndex.build(np.empty((0, 3)))
    with pytest.raises(InvalidArgumentError, match="codes only"):
        LOPQIndex.build(np.eye(3), rerank=None).search(np.ones(3), rerank=10)
    assert index.search(np.empty((0, 64)), 3).ids.shape == (0, 3)


SCRIPT = """
import hashlib
import numpy as np
from lookalike.index import LOPQIndex
rng = np.random.default_rng(3)
x = (rng.normal(size=(5000, 40)) @ rng.normal(size=(40, 40))).astype(np.float32)
hits = LOPQIndex.build(x, metric="cosine").search(x[:200], 10)
print(hashlib.sha256(hits.ids.tobytes() + hits.distances.tobytes()).hexdigest())
"""


def test_result_is_equal_for_any_thread_count() -> None:
    def run(n: str) -> str:
        settings = {"LOOKALIKE_THREADS": n, "OPENBLAS_NUM_THREADS": n, "OMP_NUM_THREADS": n}
        command = [sys.executable, "-c", SCRIPT]
        return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True).stdout

    assert run("1") == run("2")
