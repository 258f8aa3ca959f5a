"""Range search finds what exact search finds within the radius."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.errors import InvalidArgumentError
from lookalike.index import LOPQIndex, RangeResult, exact_search
from lookalike.quantization import LOPQModel

Data = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def models(photos_like: Data) -> dict[str, LOPQModel]:
    return {
        metric: LOPQModel.fit(photos_like[0], n_coarse=64, rotation="none", metric=metric)
        for metric in ("l2", "cosine")
    }


def filled(model: LOPQModel, vectors: np.ndarray, rerank: str | None = "float32") -> LOPQIndex:
    index = LOPQIndex.from_model(model, rerank=rerank)
    index.add(vectors)
    return index


def of(result: RangeResult, query: int) -> np.ndarray:
    return result.ids[result.offsets[query] : result.offsets[query + 1]]


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("rank", [1, 30, 100, 3000])
def test_all_cells_and_all_depth_are_exact_search(
    photos_like: Data, models: dict[str, LOPQModel], metric: str, rank: int
) -> None:
    vectors, queries = photos_like[0], photos_like[1][:20]
    truth = exact_search(vectors, queries, 6000, metric=metric)
    # between two distances, so that no rounding decides
    radius = float(np.median((truth.distances[:, rank - 1] + truth.distances[:, rank]) / 2))
    found = filled(models[metric], vectors).range_search(queries, radius, n_probe=64, rerank=6000)
    near = truth.distances <= radius
    sure = np.abs(truth.distances - radius) > 1e-5 * radius
    assert found.offsets.dtype == np.int64
    assert found.offsets[0] == 0
    assert found.offsets[-1] == len(found.ids) == len(found.distances)
    for i in range(20):
        assert set(truth.ids[i][near[i] & sure[i]]) <= set(of(found, i)) <= set(truth.ids[i][near[i] | ~sure[i]])
        distances = found.distances[found.offsets[i] : found.offsets[i + 1]]
        assert (np.diff(distances) >= 0).all()
        assert (distances <= np.float32(radius)).all()


@pytest.mark.parametrize("rank", [5, 50, 200])
def test_defaults_lose_few_of_what_lies_within(photos_like: Data, models: dict[str, LOPQModel], rank: int) -> None:
    vectors, queries = photos_like
    truth = exact_search(vectors, queries, 6000)
    radius = float(np.median(truth.distances[:, rank]))
    found = filled(models["l2"], vectors, "float16").range_search(queries, radius)
    wanted = [set(ids[distances <= radius]) for ids, distances in zip(truth.ids, truth.distances, strict=True)]
    n_found = sum(len(want & set(of(found, i))) for i, want in enumerate(wanted))
    measured, required = n_found / sum(map(len, wanted)), 0.98
    assert measured >= required, f"{measured:.4f} of what lies within was found, required {required}"


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("rerank", ["float16", "float32"])
def test_radius_zero_finds_duplicates_and_nothing_else(
    photos_like: Data, models: dict[str, LOPQModel], metric: str, rerank: str
) -> None:
    vectors = np.concatenate([photos_like[0][:1000], photos_like[0][:50], np.tile(photos_like[0][7], (300, 1))])
    found = filled(models[metric], vectors, rerank).range_search(photos_like[0][:100], 0)
    for i in range(100):
        twins = {i, 1000 + i} if i < 50 else {i}
        assert set(of(found, i)) == (twins | set(range(1050, 1350)) if i == 7 else twins)
    assert (found.distances == 0).all()


def test_an_endless_radius_gives_everything(photos_like: Data, models: dict[str, LOPQModel]) -> None:
    index = filled(models["l2"], photos_like[0][:700])
    index.add(photos_like[0][700:900])
    index.remove(np.arange(10))
    found = index.range_search(photos_like[1][:3], np.inf)
    np.testing.assert_array_equal(found.offsets, [0, 890, 1780, 2670])
    for i in range(3):
        assert sorted(of(found, i)) == list(range(10, 900))


def test_only_what_a_filter_admits_is_found(photos_like: Data, models: dict[str, LOPQModel]) -> None:
    index = filled(models["l2"], photos_like[0][:2000])
    found = index.range_search(photos_like[1][:5], 1e9, filter=np.arange(100, 350))
    assert np.diff(found.offsets).tolist() == [250] * 5
    assert set(found.ids) == set(range(100, 350))


def test_codes_alone_give_the_range_of_their_estimates(photos_like: Data, models: dict[str, LOPQModel]) -> None:
    index = filled(models["l2"], photos_like[0][:2000], None)
    queries = photos_like[1][:5]
    hits = index.search(queries, 2000, n_probe=64)
    found = index.range_search(queries, float(hits.distances[0, 500]), n_probe=64)
    for i in range(5):
        assert set(of(found, i)) == set(hits.ids[i][hits.distances[i] <= hits.distances[0, 500]])


def test_no_hits_no_queries_and_no_vectors_give_empty_ranges(models: dict[str, LOPQModel]) -> None:
    index = LOPQIndex.from_model(models["l2"])
    assert index.range_search(np.ones((2, 64)), 1).offsets.tolist() == [0, 0, 0]
    index.add(np.zeros((1, 64)), ["origin"])
    assert index.range_search(np.empty((0, 64)), 1).offsets.tolist() == [0]
    nothing = index.range_search(np.full(64, 9.0), 1)
    assert nothing.ids.tolist() == []
    assert index.range_search(np.zeros(64), 1).ids.tolist() == ["origin"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"radius": -1}, "`radius`"),
        ({"radius": float("nan")}, "`radius`"),
        ({"radius": "far"}, "`radius`"),
        ({"radius": None}, "`radius`"),
        ({"radius": True}, "`radius`"),
        ({"radius": 1, "n_probe": 0}, "`n_probe`"),
        ({"radius": 1, "rerank": -1}, "`rerank`"),
        ({"radius": 1, "filter": ["a"]}, "of kind str"),
    ],
)
def test_wrong_arguments_of_range_search_are_named(
    photos_like: Data, models: dict[str, LOPQModel], arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        filled(models["l2"], photos_like[0][:100]).range_search(np.ones(64), **arguments)
