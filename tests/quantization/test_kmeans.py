"""K-means: right on small cases, deterministic, without empty clusters while distinct vectors last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.kernels import assign
from lookalike.quantization import kmeans
from lookalike.quantization.kmeans import _fill_empty


def test_finds_well_separated_clusters() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    vectors = (truth[rng.integers(0, 3, 300)] + rng.normal(size=(300, 2)) * 0.1).astype(np.float32)
    found = kmeans(vectors, 3, rng=rng)
    np.testing.assert_allclose(found[np.lexsort(found.T.round())], truth[np.lexsort(truth.T)], atol=0.1)


def test_one_cluster_is_the_mean() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    np.testing.assert_allclose(kmeans(vectors, 1, rng=np.random.default_rng(0))[0], vectors.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(("n", "k"), [(1, 5), (3, 16), (4, 4)])
def test_fewer_vectors_than_clusters_reproduces_the_vectors(n: int, k: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(n, 3)).astype(np.float32)
    centroids = kmeans(vectors, k, rng=np.random.default_rng(0))
    assert centroids.shape == (k, 3)
    assert assign(vectors, centroids)[1].max() < 1e-10


def test_a_million_fold_duplicate_gives_no_nan() -> None:
    vectors = np.tile(np.array([[1.5, -2.5]], np.float32), (1000, 1))
    np.testing.assert_array_equal(kmeans(vectors, 4, rng=np.random.default_rng(0)), vectors[:4])


def test_empty_clusters_move_to_the_farthest_distinct_vectors() -> None:
    vectors = np.array([[0], [1], [1], [9], [9], [5]], np.float32)
    centroids = np.array([[0], [100], [200]], np.float32)
    labels, distances = assign(vectors, centroids)
    _fill_empty(vectors, labels, distances, centroids)
    assert centroids[:, 0].tolist() == [0, 9, 5]


@given(n=st.integers(1, 300), k=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_every_cluster_is_used_while_distinct_vectors_last(n: int, k: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(0, 5, (n, 2)).astype(np.float32)
    centroids = kmeans(vectors, k, rng=np.random.default_rng(seed))
    assert np.isfinite(centroids).all()
    used = len(np.unique(assign(vectors, centroids)[0]))
    distinct = len(np.unique(vectors, axis=0))
    assert used <= min(k, distinct)
    if distinct <= k:
        assert assign(vectors, centroids)[1].max() < 1e-6


def test_more_rounds_do_not_raise_the_error() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    errors = [
        assign(vectors, kmeans(vectors, 16, rng=np.random.default_rng(0), n_rounds=rounds))[1].sum()
        for rounds in (0, 1, 3, 10)
    ]
    assert errors == sorted(errors, reverse=True)
