"""Exact search is exact: equal to the definition, whatever the blocks, ties, scales and filters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.index import exact, exact_search


def by_definition(vectors: np.ndarray, queries: np.ndarray, metric: str) -> np.ndarray:
    x, q = vectors.astype(np.float64), queries.astype(np.float64)
    if metric == "l2":
        return np.linalg.norm(q[:, None] - x, axis=2)
    lengths = np.linalg.norm(x, axis=1), np.linalg.norm(q, axis=1)
    products = np.where(np.outer(lengths[1], lengths[0]) > 0, np.outer(lengths[1], lengths[0]), 1)
    return 1 - q @ x.T / products


@given(
    n=st.integers(1, 700),
    dim=st.integers(1, 20),
    k=st.integers(1, 30),
    metric=st.sampled_from(["l2", "cosine"]),
    offset=st.sampled_from([0, 1000]),
    seed=st.integers(0, 2**32 - 1),
)
def test_distances_are_those_of_the_definition(n: int, dim: int, k: int, metric: str, offset: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, queries = (rng.normal(size=(m, dim)).astype(np.float32) + offset for m in (n, 3))
    hits = exact_search(vectors, queries, k, metric=metric)
    want = np.sort(by_definition(vectors, queries, metric), axis=1)[:, :k]
    np.testing.assert_allclose(hits.distances[:, : want.shape[1]], want, atol=1e-3 if offset else 2e-6, rtol=1e-4)
    assert (hits.ids[:, n:] == -1).all()
    assert np.isinf(hits.distances[:, n:]).all()
    for row in hits.ids[:, : min(n, k)]:
        assert len(set(row)) == min(n, k)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, photos_like: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, queries = photos_like
    whole = exact_search(vectors, queries, 20)
    monkeypatch.setattr(exact, "_BLOCK_VALUES", 1)
    monkeypatch.setattr(exact, "_QUERIES", 7)
    parts = exact_search(vectors, queries, 20)
    np.testing.assert_array_equal(parts.ids, whole.ids)
    np.testing.assert_array_equal(parts.distances, whole.distances)


def test_duplicates_come_in_the_order_of_rows_at_distance_zero() -> None:
    vectors = np.tile(np.random.default_rng(0).normal(size=(1, 32)).astype(np.float32), (1000, 1))
    for metric in ("l2", "cosine"):
        hits = exact_search(vectors, vectors[:2], 5, metric=metric)
        assert hits.ids.tolist() == [[0, 1, 2, 3, 4]] * 2
        assert (hits.distances == 0).all()


def test_zero_vectors_have_cosine_zero_to_everything() -> None:
    hits = exact_search(np.array([[0, 0], [1, 0], [-1, 0]]), [[2, 0], [0, 0]], 3, metric="cosine")
    assert hits.ids[0].tolist() == [1, 0, 2]
    np.testing.assert_allclose(hits.distances, [[0, 1, 2], [1, 1, 1]])


def test_filters_admit_by_mask_or_by_ids() -> None:
    vectors = np.arange(6, dtype=np.float32)[:, None]
    mask = np.array([False, True, False, True])
    assert exact_search(vectors, [[0]], 3, filter=mask).ids.tolist() == [[1, 3, -1]]
    assert exact_search(vectors, [[0]], 3, filter=[5, 2, 77]).ids.tolist() == [[2, 5, -1]]
    assert exact_search(vectors, [[0]], 2, filter=[]).ids.tolist() == [[-1, -1]]
    names = exact_search(vectors, [[0]], 3, ids=list("abcdef"), filter=["f", "b"])
    assert names.ids.tolist() == [["b", "f", ""]]
    with pytest.raises(InvalidArgumentError, match="text"):
        exact_search(vectors, [[0]], 3, ids=list("abcdef"), filter=mask)


def test_no_vectors_and_no_queries_give_empty_slots() -> None:
    hits = exact_search(np.empty((0, 4), np.float32), np.ones((2, 4)), 3)
    assert hits.ids.tolist() == [[-1] * 3] * 2
    assert exact_search(np.ones((5, 4)), np.empty((0, 4)), 3).ids.shape == (0, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_cannot_be_compared_are_refused(value: float) -> None:
    with pytest.raises(InvalidArgumentError, match="finite"):
        exact_search(np.full((3, 2), value), [[0, 0]])
    with pytest.raises(InvalidArgumentError, match="finite"):
        exact_search(np.ones((3, 2)), [[value, 0]])
