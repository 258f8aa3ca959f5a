"""Filters: few admitted vectors are all compared, many are scanned, and neither finds less than no filter does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.index import LOPQIndex, SearchResult, exact_search
from lookalike.quantization import LOPQModel

Data = tuple[np.ndarray, np.ndarray]


def recall(found: SearchResult, truth: SearchResult) -> float:
    """Share of the true hits, empty slots left out, that were found."""
    wanted = [set(row[row >= 0]) for row in truth.ids]
    n_found = sum(len(want & set(row)) for want, row in zip(wanted, found.ids, strict=True))
    return n_found / max(1, sum(map(len, wanted)))


@pytest.fixture(scope="module")
def model(photos_like: Data) -> LOPQModel:
    return LOPQModel.fit(photos_like[0], n_coarse=64, n_subquantizers=16, metric="cosine")


@pytest.fixture(scope="module")
def index(photos_like: Data, model: LOPQModel) -> LOPQIndex:
    index = LOPQIndex.from_model(model, rerank="float32")
    index.add(photos_like[0])
    return index


def masks(vectors: np.ndarray, share: float) -> Iterator[tuple[str, np.ndarray]]:
    """Admit a share of the vectors: by chance, a half-space along and across the first axis, a ball, all but a ball."""
    rng = np.random.default_rng(5)
    n = round(share * len(vectors))
    away = ((vectors - vectors[7]) ** 2).sum(axis=1)
    for name, value in {
        "chance": rng.random(len(vectors)),
        "half-space": vectors @ rng.normal(size=vectors.shape[1]),
        "first axis": vectors @ np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)[2][0],
        "ball": away,
        "all but a ball": -away,
    }.items():
        mask = np.zeros(len(vectors), np.bool_)
        mask[np.argsort(value, kind="stable")[:n]] = True
        yield name, mask


@pytest.mark.parametrize("arguments", [{}, {"n_probe": 1}, {"n_probe": 4}, {"n_probe": 2, "rerank": 20}], ids=str)
@pytest.mark.parametrize("share", [0.9, 0.5, 0.2, 0.05, 0.005, 0.0005])
def test_a_filter_never_loses_recall(
    index: LOPQIndex, photos_like: Data, share: float, arguments: dict[str, Any]
) -> None:
    vectors, queries = photos_like
    unfiltered = recall(index.search(queries, 10, **arguments), exact_search(vectors, queries, 10, metric="cosine"))
    required = min(unfiltered, 0.99)  # beyond it, single queries whose whole surroundings are filtered away count
    for name, mask in masks(vectors, share):
        truth = exact_search(vectors, queries, 10, metric="cosine", filter=mask)
        measured = recall(index.search(queries, 10, filter=mask, **arguments), truth)
        assert measured >= required, f"{name}: recall10@10 is {measured:.4f}, required {required:.4f}"


@given(
    n_admitted=st.integers(0, 150),
    k=st.integers(1, 200),
    metric=st.sampled_from(["l2", "cosine"]),
    form=st.sampled_from(["mask", "ids", "unknown ids too"]),
    text=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=20)
def test_a_narrow_filter_is_exact_search_over_what_it_admits(
    photos_like: Data,
    models: dict[str, LOPQModel],
    n_admitted: int,
    k: int,
    metric: str,
    form: str,
    text: bool,
    seed: int,
) -> None:
    """Several segments, dead rows, an all-zero vector and query, duplicates."""
    rng = np.random.default_rng(seed)
    vectors = photos_like[0][:1500].copy()
    vectors[rng.integers(0, 1500, 4)] = 0
    vectors[rng.integers(0, 1500, 50)] = vectors[3]
    queries = np.concatenate([photos_like[1][:3], vectors[3:4], np.zeros((1, 64), np.float32)])
    numbers = rng.permutation(3000)[:1500]
    names = np.array([f"photo {i}" for i in numbers]) if text else numbers
    index = LOPQIndex.from_model(models[metric], rerank="float32")
    for part in (slice(0, 1000), slice(1000, 1300), slice(1300, 1400), slice(1400, 1500)):
        index.add(vectors[part], names[part])
    dead = rng.choice(1500, 60, replace=False)
    index.remove(names[dead])
    rows = rng.choice(1500, n_admitted, replace=False)
    filter_: Any = names[rows]
    if form == "mask" and not text:
        filter_ = np.zeros(2500, np.bool_)  # ids beyond its end are not admitted
        filter_[numbers[rows][numbers[rows] < 2500]] = True
        rows = rows[numbers[rows] < 2500]
    elif form == "unknown ids too":
        filter_ = np.concatenate([filter_, np.array(["nobody"]) if text else [2**60, 3001]])
    rows = np.setdiff1d(rows, dead)
    hits = index.search(queries, k, filter=filter_, n_probe=1)
    assert (hits.stats.n_cells, hits.stats.n_codes, hits.stats.n_reranked) == (0, 0, len(rows) * len(queries))
    truth = exact_search(vectors[rows], queries, k, ids=names[rows], metric=metric) if len(rows) else None
    if truth is None:
        assert np.isinf(hits.distances).all()
        return
    np.testing.assert_allclose(hits.distances, truth.distances, rtol=1e-4, atol=1e-3)
    everything = index.search(queries, k, filter=filter_, n_candidates=10_000)
    np.testing.assert_array_equal(hits.distances, everything.distances)
    for found, want in zip(hits.ids, truth.ids, strict=True):
        assert len(set(found)) == min(k, len(rows)) + (k > len(rows))
        assert set(found) <= {*names[rows], "" if text else -1}
        assert k < len(rows) or set(found) == set(want)


@pytest.fixture(scope="module")
def models(photos_like: Data) -> dict[str, LOPQModel]:
    return {
        metric: LOPQModel.fit(photos_like[0][:1500], n_coarse=16, n_subquantizers=8, metric=metric)
        for metric in ("l2", "cosine")
    }


def test_a_wide_filter_is_scanned(index: LOPQIndex, photos_like: Data) -> None:
    vectors, queries = photos_like
    mask = np.random.default_rng(0).random(len(vectors)) < 0.9
    hits = index.search(queries, 10, filter=mask, n_probe=1, rerank=20)
    assert 0 < hits.stats.n_codes < mask.sum() * len(queries)
    assert 0 < hits.stats.n_reranked < hits.stats.n_codes
    assert mask[hits.ids].all()


def test_a_filter_that_admits_all_changes_nothing(index: LOPQIndex, photos_like: Data) -> None:
    everything = np.ones(len(photos_like[0]), np.bool_)
    for arguments in ({"n_probe": 1, "rerank": 20}, {"n_candidates": 300, "rerank": 20}):
        plain = index.search(photos_like[1], 10, **arguments)
        hits = index.search(photos_like[1], 10, filter=everything, **arguments)
        np.testing.assert_array_equal(hits.ids, plain.ids)
        np.testing.assert_array_equal(hits.distances, plain.distances)
        assert hits.stats.n_codes == plain.stats.n_codes


def test_candidates_are_counted_among_the_admitted(model: LOPQModel, photos_like: Data) -> None:
    vectors, queries = photos_like
    index = LOPQIndex.from_model(model, rerank=None)
    index.add(vectors)
    mask = np.random.default_rng(0).random(len(vectors)) < 0.5
    cells = model.encode(vectors)[0].ravel()
    longest = np.bincount(cells[mask]).max()
    stats = index.search(queries[:1], 10, filter=mask, n_candidates=500).stats
    assert 500 <= stats.n_codes < 500 + longest


def test_who_wants_codes_alone_gets_them_under_any_filter(
    index: LOPQIndex, model: LOPQModel, photos_like: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LOPQModel, "cost", 1e9)  # to compare vectors would be cheaper by far
    vectors, queries = photos_like
    codes_only = LOPQIndex.from_model(model, rerank=None)
    codes_only.add(vectors)
    few = np.arange(0, 6000, 200)
    hits, same = index.search(queries, 5, filter=few, rerank=False), codes_only.search(queries, 5, filter=few)
    assert hits.stats.n_reranked == same.stats.n_reranked == 0
    assert hits.stats.n_codes == same.stats.n_codes == len(few) * len(queries)
    np.testing.assert_array_equal(hits.ids, same.ids)


def test_range_search_under_a_narrow_filter_misses_nothing(index: LOPQIndex, photos_like: Data) -> None:
    vectors, queries = photos_like
    few = np.arange(0, 6000, 8)
    truth = exact_search(vectors, queries, len(few), metric="cosine", filter=few)
    radius = float(np.median(truth.distances[:, 50]))
    found = index.range_search(queries, radius, filter=few, rerank=5)
    counts = np.count_nonzero(truth.distances <= radius, axis=1)
    assert np.abs(np.diff(found.offsets) - counts).max() <= 1  # a distance may be rounded across the radius
    assert np.isin(found.ids, few).all()


def test_nothing_admitted_leaves_empty_slots(index: LOPQIndex, photos_like: Data) -> None:
    for nothing in ([], [10**9], np.zeros(6000, np.bool_)):
        hits = index.search(photos_like[1], 3, filter=nothing)
        assert (hits.ids == -1).all()
        assert np.isinf(hits.distances).all()
    empty = LOPQIndex.from_model(index.model)
    assert (empty.search(photos_like[1], 3, filter=[1, 2]).ids == -1).all()
