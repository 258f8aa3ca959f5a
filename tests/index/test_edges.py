"""What cannot be searched is refused by name; what is only strange is searched as anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lookalike.errors import InvalidArgumentError
from lookalike.index import LOPQIndex, exact_search
from lookalike.quantization import LOPQModel

Data = tuple[np.ndarray, np.ndarray]

CALLS: dict[str, Callable[[LOPQIndex, Any], object]] = {
    "add": lambda index, x: index.add(x),
    "search": lambda index, x: index.search(x),
    "range_search": lambda index, x: index.range_search(x, 1.0),
    "tune": lambda index, x: index.tune(x),
    "encode": lambda index, x: index.model.encode(x),
    "build": lambda index, x: LOPQIndex.build(x),
}
BAD = {
    "NaN": (np.array([[0, 1, np.nan, 2]]), "finite"),
    "infinity": (np.array([[0, 1, np.inf, 2]], np.float32), "finite"),
    "minus infinity": (np.array([[0, -np.inf, 0, 2]], np.float16), "finite"),
    "more than float32 can square": (np.array([[0, 1e200, 0, 2]]), "finite"),
    "complex numbers": (np.ones((2, 4), complex), "dtype complex128"),
    "text": (np.full((2, 4), "a"), "dtype <U1"),
    "objects": (np.full((2, 4), None), "dtype object"),
    "dates": (np.zeros((2, 4), "datetime64[s]"), "dtype datetime64"),
    "three axes": (np.zeros((2, 2, 4)), "shape"),
    "no axis": (np.float32(1), "shape"),
    "no dimension": (np.empty((3, 0)), "at least one dimension"),
}


@pytest.fixture(scope="module")
def four() -> LOPQIndex:
    return LOPQIndex.build(np.random.default_rng(0).normal(size=(60, 4)), bytes_per_vector=2)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("bad", BAD)
def test_vectors_that_cannot_be_are_refused_wherever_they_come_in(four: LOPQIndex, call: str, bad: str) -> None:
    value, words = BAD[bad]
    with pytest.raises(InvalidArgumentError, match=words):
        CALLS[call](four, value)
    assert len(four) == 60


@pytest.mark.parametrize("call", [name for name in CALLS if name != "build"])
@pytest.mark.parametrize("dim", [1, 3, 5])
def test_another_dimension_is_refused_wherever_it_comes_in(four: LOPQIndex, call: str, dim: int) -> None:
    with pytest.raises(InvalidArgumentError, match=f"dimension {dim}, but dimension 4"):
        CALLS[call](four, np.ones((2, dim)))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint8, np.int64, np.bool_])
def test_any_real_dtype_order_and_stride_gives_the_same_index(dtype: type) -> None:
    numbers = np.random.default_rng(1).integers(0, 2, (200, 16))
    plain = LOPQIndex.build(numbers.astype(np.float32), bytes_per_vector=4)
    wide = np.zeros((400, 32), dtype, order="F")
    wide[::2, ::2] = numbers
    other = LOPQIndex.build(wide[::2, ::2], bytes_per_vector=4)
    want, got = plain.search(numbers[:20], 5), other.search(numbers[:20].astype(dtype), 5)
    np.testing.assert_array_equal(got.ids, want.ids)
    np.testing.assert_array_equal(got.distances, want.distances)


def test_lists_of_lists_are_vectors_too() -> None:
    index = LOPQIndex.build([[0, 0], [3, 4]], bytes_per_vector=2)
    hits = index.search([0, 0], 2)
    assert hits.ids.tolist() == [[0, 1]]
    np.testing.assert_allclose(hits.distances, [[0, 5]])


def test_empty_input_gives_empty_output(four: LOPQIndex) -> None:
    for nothing in (np.empty((0, 4)), np.empty((0, 4), np.int8)):
        assert four.search(nothing, 3).ids.shape == (0, 3)
        assert four.range_search(nothing, 3).offsets.tolist() == [0]
        assert four.model.encode(nothing)[1].shape == (0, 2)
        assert exact_search(np.eye(4), nothing, 3).distances.shape == (0, 3)
    empty = LOPQIndex.from_model(four.model)
    assert (empty.search(np.ones((2, 4)), 3).ids == -1).all()
    assert empty.remove([1, 2]) == 0
    assert empty.remove([]) == 0
    assert four.search(np.ones(4), 3, filter=[]).ids.tolist() == [[-1, -1, -1]]
    assert four.search(np.ones(4), 3, filter=np.zeros(60, bool)).ids.tolist() == [[-1, -1, -1]]


@pytest.mark.parametrize("coarse", ["ivf", "multi_index"])
@pytest.mark.parametrize("rerank", [None, "float16", "float32"])
@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_more_hits_than_vectors_give_each_once(coarse: str, rerank: str | None, metric: str) -> None:
    vectors = np.random.default_rng(2).normal(size=(50, 8))
    index = LOPQIndex.from_model(LOPQModel.fit(vectors, coarse=coarse, n_subquantizers=4, metric=metric), rerank=rerank)
    index.add(vectors)
    for said in ({}, {"n_probe": 10_000}, {"n_candidates": 10_000}):
        hits = index.search(vectors[:3], 400, **said)
        assert (np.sort(hits.ids[:, :50], axis=1) == np.arange(50)).all()
        assert (hits.ids[:, 50:] == -1).all()
        assert np.isinf(hits.distances[:, 50:]).all()


def test_fewer_vectors_than_cells_are_refused_and_as_many_are_not() -> None:
    vectors = np.random.default_rng(3).normal(size=(40, 6))
    with pytest.raises(InvalidArgumentError, match="`n_coarse` is 41, but there are only 40"):
        LOPQIndex.build(vectors, n_coarse=41)
    index = LOPQIndex.build(vectors, n_coarse=40, bytes_per_vector=2)
    assert index.search(vectors, 1, n_probe=40, rerank=40).ids[:, 0].tolist() == list(range(40))


def test_an_index_may_hold_fewer_vectors_than_its_model_has_cells() -> None:
    vectors = np.random.default_rng(4).normal(size=(400, 6))
    index = LOPQIndex.from_model(LOPQModel.fit(vectors, n_coarse=64, n_subquantizers=4))
    index.add(vectors[:3])
    for said in ({}, {"n_probe": 64}, {"n_candidates": 1}):
        assert index.search(vectors[:3], 1, **said).ids[:, 0].tolist() == [0, 1, 2]
    assert index.tune(vectors[:3], k=1).reached


def test_cells_that_repeat_each_other_lose_nothing() -> None:
    """Two distinct vectors, 32 centroids: most cells stay empty."""
    vectors = np.repeat(np.eye(2, 8, dtype=np.float32), 50, axis=0)
    index = LOPQIndex.build(vectors, n_coarse=32, bytes_per_vector=2)
    hits = index.search(vectors[[0, 99]], 50)
    assert set(hits.ids[0]) == set(range(50))
    assert set(hits.ids[1]) == set(range(50, 100))
    assert (hits.distances == 0).all()


def test_a_million_duplicates_lie_in_one_cell_and_hide_nothing() -> None:
    rng = np.random.default_rng(5)
    others = rng.normal(size=(1000, 4)).astype(np.float32)
    index = LOPQIndex.from_model(LOPQModel.fit(others, n_coarse=8, n_subquantizers=4), rerank="float32")
    index.add(np.broadcast_to(others[0], (1_000_000, 4)), np.arange(1000, 1_001_000))
    index.add(others, np.arange(1000))
    assert len(index) == 1_001_000
    hits = index.search(others[:2], 20)
    assert (hits.distances[0] == 0).all()
    assert len(set(hits.ids[0])) == 20
    assert hits.ids[1, 0] == 1
    assert np.isfinite(hits.distances).all()
    assert index.range_search(others[1:50], 0).ids.tolist() == list(range(1, 50))
    assert index.memory().n == 1_001_000


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_training_on_one_vector_many_times_gives_a_finite_model(metric: str) -> None:
    vectors = np.broadcast_to(np.float32([1, -2, 3, 0]), (100_000, 4))
    index = LOPQIndex.build(vectors, bytes_per_vector=2, n_coarse=4, metric=metric)
    hits = index.search(vectors[:1], 5)
    np.testing.assert_allclose(hits.distances, 0, atol=1e-3)
    assert len(set(hits.ids[0])) == 5


@pytest.mark.parametrize("rerank", [None, "float16"])
def test_one_cell_holding_everything_is_searched_whole(photos_like: Data, rerank: str | None) -> None:
    vectors, queries = photos_like[0][:1000], photos_like[1][:20]
    index = LOPQIndex.build(vectors, n_coarse=1, rerank=rerank)
    for said in ({}, {"n_probe": 1}, {"n_candidates": 1}):
        assert index.search(queries, 10, **said).stats.n_codes == 20_000
    found = index.range_search(queries, 1e9)
    assert np.diff(found.offsets).tolist() == [1000] * 20
