"""Tuning finds the cheapest setting that reaches a recall, keeps it, and says what it could not reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.errors import FormatError, InvalidArgumentError
from lookalike.index import LOPQIndex, SearchResult, SearchStats, Setting, exact_search, storage
from lookalike.index.tuning import SearchDefaults, Truth, tuned
from lookalike.quantization import LOPQModel

Data = tuple[np.ndarray, np.ndarray]


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=True)]))


@pytest.fixture(scope="module")
def model(photos_like: Data) -> LOPQModel:
    return LOPQModel.fit(photos_like[0], n_coarse=64, rotation="none")


@pytest.fixture
def index(photos_like: Data, model: LOPQModel) -> LOPQIndex:
    made = LOPQIndex.from_model(model, rerank="float32")
    made.add(photos_like[0])
    return made


@pytest.mark.parametrize("target", [0.5, 0.9, 0.99])
def test_searches_that_say_nothing_reach_the_target_afterwards(
    index: LOPQIndex, photos_like: Data, target: float
) -> None:
    vectors, queries = photos_like
    found = index.tune(queries, target_recall=target)
    truth = exact_search(vectors, queries, 10).ids
    measured = recall(index.search(queries, 10).ids, truth)
    assert found.reached
    assert measured >= target, f"recall10@10 is {measured:.4f}, required {target}"
    assert measured == pytest.approx(found.chosen.recall)
    assert index.defaults == SearchDefaults(found.chosen.n_probe, found.chosen.rerank, 10)
    assert found.chosen in found.tried
    assert "chosen" in str(found)


def test_a_lower_target_needs_no_more_cells(index: LOPQIndex, photos_like: Data) -> None:
    least = []
    for target in (0.5, 0.99):
        found = index.tune(photos_like[1], target_recall=target)
        assert found.reached
        assert found.chosen.recall >= target
        least.append(min(each.n_probe for each in found.tried if each.recall >= target))
    assert least[0] <= least[1]


def test_what_a_search_says_itself_goes_before_what_was_tuned(index: LOPQIndex, photos_like: Data) -> None:
    queries = photos_like[1]
    before = [index.search(queries, 10, **said) for said in ({"n_probe": 3}, {"rerank": 99}, {"n_candidates": 500})]
    index.tune(queries, target_recall=0.5)
    after = [index.search(queries, 10, **said) for said in ({"n_probe": 3}, {"rerank": 99}, {"n_candidates": 500})]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)


def test_a_filter_that_admits_little_still_fills_its_hits(index: LOPQIndex, photos_like: Data) -> None:
    index.tune(photos_like[1], target_recall=0.3)
    assert (index.search(photos_like[1], 10, filter=np.arange(12)).ids >= 0).all()


def test_searches_for_more_hits_re_rank_as_much_more() -> None:
    assert [SearchDefaults(4, 40, 10).depth(k) for k in (1, 10, 11, 100)] == [40, 40, 44, 400]


def test_an_unreachable_target_keeps_the_best_and_says_so(photos_like: Data) -> None:
    vectors, queries = photos_like
    index = LOPQIndex.build(vectors, bytes_per_vector=2, rerank=None)
    truth = exact_search(vectors, queries, 10).ids
    found = index.tune(queries, target_recall=1.0, truth=truth)
    assert not found.reached
    assert found.chosen.recall == max(each.recall for each in found.tried) < 1
    assert found.chosen.rerank == 0
    assert recall(index.search(queries, 10).ids, truth) == pytest.approx(found.chosen.recall)
    assert "out of reach" in str(found)


def test_codes_only_need_the_truth_and_say_so(photos_like: Data) -> None:
    index = LOPQIndex.build(photos_like[0][:500], rerank=None)
    with pytest.raises(InvalidArgumentError, match="`truth` is missing, but this index keeps codes only"):
        index.tune(photos_like[1])


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("rerank", ["float16", "float32"])
def test_truth_is_that_of_exact_search_after_changes(photos_like: Data, metric: str, rerank: str) -> None:
    vectors, queries = photos_like
    index = LOPQIndex.build(vectors[:4000], metric=metric, rerank=rerank)
    index.add(vectors[4000:5000])
    index.remove(np.arange(100))
    found = index.tune(queries, target_recall=1.0)
    everything = index.search(queries, 10, n_probe=10_000, rerank=5000).ids
    mask = np.arange(5000) >= 100
    truth = exact_search(vectors[:5000], queries, 10, metric=metric, filter=mask).ids
    assert found.reached
    assert recall(index.search(queries, 10).ids, everything) > 0.99
    assert recall(everything, truth) > 0.99


def test_of_equal_vectors_any_will_do() -> None:
    vectors = np.tile(np.random.default_rng(0).normal(size=(20, 16)), (200, 1))
    index = LOPQIndex.build(vectors, rerank="float32")
    assert index.tune(vectors[:20], target_recall=1.0).reached


def test_text_ids_and_a_multi_index_are_tuned_too(photos_like: Data) -> None:
    vectors, queries = photos_like[0][:2000], photos_like[1]
    index = LOPQIndex.from_model(LOPQModel.fit(vectors, coarse="multi_index", n_coarse=8, n_subquantizers=16))
    index.add(vectors, [f"photo {i}" for i in range(2000)])
    assert index.tune(queries, k=5, target_recall=0.9).reached
    truth = np.array([f"photo {i}" for i in exact_search(vectors, queries, 5).ids.ravel()]).reshape(-1, 5)
    assert index.tune(queries, k=5, target_recall=0.9, truth=truth.astype(object)).reached


def test_what_was_tuned_is_saved_and_older_files_open(index: LOPQIndex, photos_like: Data, tmp_path: Path) -> None:
    index.save(tmp_path / "x")
    assert "defaults" not in json.loads((tmp_path / "x" / "index.json").read_text())
    assert LOPQIndex.open(tmp_path / "x").defaults is None
    index.tune(photos_like[1], target_recall=0.8)
    index.save(tmp_path / "x")
    opened = LOPQIndex.open(tmp_path / "x")
    assert opened.defaults == index.defaults
    got, want = opened.search(photos_like[1]), index.search(photos_like[1])
    np.testing.assert_array_equal(got.ids, want.ids)
    assert got.stats.n_codes == want.stats.n_codes


@pytest.mark.parametrize(
    "defaults",
    [
        None,
        3,
        {},
        {"n_probe": 1},
        {"n_probe": 0, "rerank": 1, "k": 1},
        {"n_probe": 1.5, "rerank": 1, "k": 1},
        {"n_probe": 1, "rerank": -1, "k": 1},
        {"n_probe": 1, "rerank": 1, "k": True},
        {"n_probe": 2**80, "rerank": 1, "k": 1},
        {"n_probe": 1, "rerank": 1, "k": 1, "more": 1},
    ],
)
def test_hostile_defaults_are_refused(tmp_path: Path, defaults: object) -> None:
    LOPQIndex.build(np.eye(3)).save(tmp_path / "x")
    manifest = tmp_path / "x" / "index.json"
    body = json.loads(manifest.read_text()) | {"defaults": defaults}
    del body["checksum"]
    manifest.write_text(json.dumps({**body, "checksum": storage._checksum(body)}))
    with pytest.raises(FormatError):
        LOPQIndex.open(tmp_path / "x")


def test_the_quickest_of_those_that_reach_is_chosen() -> None:
    """A search that is made up: recall grows with cells and depth, seconds too, with one slow spell."""
    calls = 0

    def search(n_probe: int, depth: int) -> SearchResult:
        nonlocal calls
        calls += 1
        n_found = min(10, n_probe // 3 + depth // 40)
        ids = np.where(np.arange(10) < n_found, np.arange(10), 99)[None]
        seconds = n_probe + depth / 100 + (50 if calls % 7 == 0 else 0)
        return SearchResult(ids, np.ones((1, 10), np.float32), SearchStats(0, 0, 0, seconds))

    truth = Truth(np.arange(10)[None])
    found = tuned(search, truth, k=10, target_recall=0.9, n_cells=64, n_vectors=10_000, reranks=True)
    assert found.reached
    assert found.chosen == Setting(4, 320, 0.9, 7.2)  # (1, 640) takes 7.4, (8, 320) 11.2
    assert isinstance(found.tried[0], Setting)
    assert calls < 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target_recall": 0}, "`target_recall`"),
        ({"target_recall": 1.01}, "`target_recall`"),
        ({"target_recall": float("nan")}, "`target_recall`"),
        ({"target_recall": "high"}, "`target_recall`"),
        ({"target_recall": True}, "`target_recall`"),
        ({"k": 0}, "`k`"),
        ({"truth": [[1, 2]]}, "`truth` has shape"),
        ({"truth": np.zeros((100, 10))}, "`truth` has dtype float64"),
        ({"truth": np.full((100, 10), "a")}, "`truth` has dtype"),
    ],
)
def test_wrong_arguments_of_tuning_are_named(photos_like: Data, arguments: dict[str, Any], words: str) -> None:
    index = LOPQIndex.build(photos_like[0][:300])
    with pytest.raises(InvalidArgumentError, match=words):
        index.tune(photos_like[1], **arguments)
    assert index.defaults is None


def test_nothing_can_be_tuned_without_queries_or_vectors(photos_like: Data) -> None:
    index = LOPQIndex.build(photos_like[0][:300])
    with pytest.raises(InvalidArgumentError, match="nothing to measure"):
        index.tune(np.empty((0, 64)))
    with pytest.raises(InvalidArgumentError, match="nothing to measure"):
        LOPQIndex.from_model(index.model).tune(photos_like[1])
