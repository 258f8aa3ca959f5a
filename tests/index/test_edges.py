"""What cannot be searched is refused by name; what is only strange is searched as anything else."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    "estimates": lambda index, x: index.model.estimates(x, [0], np.zeros((1, 2), np.uint8)),
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
    "a column in which one is missing": (np.array([[1, 2, 3, 4], None, 5], object)[:2], "same length"),
    "dates": (np.zeros((2, 4), "datetime64[s]"), "dtype datetime64"),
    "rows of different lengths": ([[1, 2, 3, 4], [1, 2, 3]], "same length"),
    "masked values": (np.ma.masked_equal(np.eye(4), 0), "masked"),
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


def test_a_column_of_vectors_is_taken_as_vectors() -> None:
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    column = np.empty(60, object)
    column[:] = list(x)
    index = LOPQIndex.build(column, bytes_per_vector=2)
    assert index.search(column, 1).ids[:, 0].tolist() == list(range(60))


@pytest.mark.parametrize("missing", [{}, {"na_object": np.nan}])
def test_ids_may_be_texts_of_any_length(missing: dict[str, float]) -> None:
    dtype = np.dtypes.StringDType(**missing)
    names = np.array([f"name {i}" for i in range(60)], dtype)
    index = LOPQIndex.build(np.eye(60), ids=names, bytes_per_vector=2)
    assert index.search(np.eye(60)[2], 1, filter=names[1:3]).ids.tolist() == [["name 2"]]
    assert index.search(np.eye(60)[7], 1).ids.tolist() == [["name 7"]]
    assert index.remove(names[:3]) == 3
    if missing:
        with pytest.raises(InvalidArgumentError, match="text"):
            index.add(np.eye(60)[:1], np.array([np.nan], dtype))


@pytest.mark.parametrize("scale", [1e-10, 1e-17, 1e-30])
def test_tiny_vectors_in_an_index_of_others_lie_at_its_origin(four: LOPQIndex, scale: float) -> None:
    index = LOPQIndex.from_model(four.model)
    index.add(np.random.default_rng(0).normal(size=(60, 4)))
    tiny = scale * np.random.default_rng(1).normal(size=(3, 4))
    index.add(tiny)
    queries = np.concatenate([np.eye(4), 1000 * np.eye(4), tiny])
    hits = index.search(queries, 63)
    for ids, distances, query in zip(hits.ids, hits.distances, queries, strict=True):
        np.testing.assert_allclose(distances[ids >= 60], np.linalg.norm(query), rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([1, "a"], "text and 1,"),
        (["a", 1], "text and 1,"),
        ([True, "a"], "text and True,"),
        ({1, 2}, r"of type set.*list\(ids\)"),
        ([[1], [1, 2]], "same length"),
        (np.ma.masked_equal([1, 2], 2), "masked"),
        ([np.int64(1), np.int64(1)], "`ids` holds 1 more than once"),
        (["a", "a"], "`ids` holds 'a' more than once"),
    ],
)
def test_ids_that_cannot_be_are_refused(four: LOPQIndex, ids: Any, words: str) -> None:
    index = LOPQIndex.from_model(four.model)
    with pytest.raises(InvalidArgumentError, match=words):
        index.add(np.eye(4)[:2], ids)


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ({1, 2}, r"`filter` is of type set.*list\(filter\)"),
        ([[1], [1, 2]], "same length"),
        ([1, "a"], "text and 1"),
        (np.ma.masked_equal([1, 2], 2), "masked"),
    ],
)
def test_filters_that_cannot_be_are_refused(four: LOPQIndex, filter: Any, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        four.search(np.ones(4), filter=filter)


def test_vectors_that_float16_cannot_tell_apart_are_warned_of() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 8))
    far = vectors + 1000
    for metric in ("l2", "cosine"):
        with pytest.warns(UserWarning, match='rerank="float32"'):
            LOPQIndex.build(far, bytes_per_vector=2, metric=metric)
    one_axis = np.concatenate([vectors, np.full((300, 1), 1000)], axis=1)
    for fine in (vectors, vectors + 10, one_axis, np.full((300, 8), 1.2345), 1e6 * vectors):
        LOPQIndex.build(fine, bytes_per_vector=2)
    LOPQIndex.build(far, bytes_per_vector=2, rerank="float32")


def test_a_radius_of_any_size_is_a_distance(four: LOPQIndex) -> None:
    everything = four.range_search(np.ones(4), np.inf, rerank=True, n_probe=60)
    for radius in (10**400, 1e300, np.float64(1e300), 10**39):
        found = four.range_search(np.ones(4), radius, rerank=True, n_probe=60)
        np.testing.assert_array_equal(found.ids, everything.ids)
    with pytest.raises(InvalidArgumentError, match="a number of 1329 bits"):
        four.range_search(np.ones(4), -(10**400))


@given(
    n=st.integers(1, 60),
    dim=st.integers(1, 9),
    distinct=st.integers(1, 60),
    cells=st.floats(0, 1),
    k=st.integers(1, 70),
    exponent=st.integers(-12, 12),
    n_zero=st.integers(0, 3),
    metric=st.sampled_from(["l2", "cosine"]),
    rerank=st.sampled_from(["float16", "float32", None]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=25)
@pytest.mark.filterwarnings("ignore:float16 keeps too few digits")
def test_whatever_is_built_answers_rightly(
    n: int,
    dim: int,
    distinct: int,
    cells: float,
    k: int,
    exponent: int,
    n_zero: int,
    metric: str,
    rerank: str | None,
    seed: int,
) -> None:
    """Any size, scale and number of cells, with duplicates and zero vectors: each hit once, nearest first, no NaN."""
    rng = np.random.default_rng(seed)
    vectors = 10.0**exponent * rng.normal(size=(distinct, dim))[rng.integers(0, distinct, n)]
    vectors[:n_zero] = 0
    queries = np.concatenate([vectors[:3], 10.0**exponent * rng.normal(size=(2, dim))])
    n_coarse = max(1, round(cells * n))
    index = LOPQIndex.build(vectors, n_coarse=n_coarse, bytes_per_vector=2, metric=metric, rerank=rerank)
    truth = exact_search(vectors, queries, k, metric=metric)
    hits = index.search(queries, k, n_probe=n_coarse, rerank=None if rerank is None else n)
    kept = min(n, k)
    for ids, distances in zip(hits.ids, hits.distances, strict=True):
        assert len(set(ids[:kept])) == kept
        assert ((ids[:kept] >= 0) & (ids[:kept] < n)).all()
        assert (ids[kept:] == -1).all()
        assert np.isfinite(distances[:kept]).all()
        assert (np.diff(distances[:kept]) >= 0).all()
        assert (distances[:kept] >= 0).all()
        assert np.isinf(distances[kept:]).all()
    unit = 1.0 if metric == "cosine" else np.abs(vectors).max(initial=0.0) or 10.0**exponent
    if rerank is not None:
        slack = {"float16": 4e-3, "float32": 1e-3}[rerank]
        np.testing.assert_allclose(
            hits.distances[:, :kept] / unit, truth.distances[:, :kept] / unit, rtol=1e-2, atol=slack
        )
    everything = index.range_search(queries, np.inf, n_probe=n_coarse)
    assert np.diff(everything.offsets).tolist() == [n] * len(queries)
    assert all(sorted(each) == list(range(n)) for each in np.split(everything.ids, everything.offsets[1:-1]))
    tuning = index.tune(queries, k=k, target_recall=1.0, truth=None if rerank else truth.ids)
    assert all(0 <= each.recall <= 1 for each in tuning.tried)
    assert tuning.reached or rerank != "float32"
    memory = index.memory()
    assert memory.n == n
    assert memory.total >= 10 * n


@given(
    n=st.integers(0, 40),
    coarse=st.sampled_from(["ivf", "multi_index"]),
    bits=st.sampled_from([4, 8]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=15)
def test_any_cells_and_codes_of_a_model_decode_to_finite_vectors(n: int, coarse: str, bits: int, seed: int) -> None:
    """Codes that no vector has too: what came from a file may hold any bytes."""
    rng = np.random.default_rng(seed)
    model = LOPQModel.fit(rng.normal(size=(100, 6)), coarse=coarse, n_coarse=3, n_subquantizers=4, bits=bits, seed=1)
    codes = rng.integers(0, 256, (n, model.n_bytes)).astype(np.uint8)
    cells = rng.integers(0, 3, (n,) if coarse == "ivf" else (n, 2))
    assert model.decode(cells, codes).shape == (n, 6)
    assert np.isfinite(model.decode(cells, codes)).all()
    estimates = model.estimates(np.eye(6), cells, codes)
    assert estimates.shape == (6, n)
    assert np.isfinite(estimates).all()


@pytest.mark.parametrize("rerank", ["float16", "float32"])
def test_a_zero_vector_is_at_right_angles_to_everything(rerank: str) -> None:
    """It comes after all with a positive cosine and before all with a negative one, whatever is cut off."""
    angles = np.deg2rad([0, 50, 70, 89, 91, 120, 180])
    vectors = np.zeros((8, 4))
    vectors[1:, 0], vectors[1:, 1] = np.cos(angles), np.sin(angles)
    query = np.eye(4)[:1]
    index = LOPQIndex.build(vectors, bytes_per_vector=2, metric="cosine", rerank=rerank)
    for k in (3, 4, 8):
        hits, truth = index.search(query, k), exact_search(vectors, query, k, metric="cosine")
        assert hits.ids.tolist() == truth.ids.tolist() == [[1, 2, 3, 4, 0, 5, 6, 7][:k]]
        np.testing.assert_allclose(hits.distances, truth.distances, atol=1e-3)
    assert index.range_search(query, 0.7).ids.tolist() == [1, 2, 3]
    assert index.range_search(query, 1.1).ids.tolist() == [1, 2, 3, 4, 0, 5]
    of_zero = index.search(np.zeros(4), 8)
    assert sorted(of_zero.ids[0]) == list(range(8))
    assert (of_zero.distances == 1).all()
    assert (exact_search(vectors, np.zeros(4), 8, metric="cosine").distances == 1).all()


@pytest.mark.parametrize("n_removed", [1, 10, 40, 60])
def test_ids_of_removed_vectors_are_never_given_again(four: LOPQIndex, n_removed: int) -> None:
    index = LOPQIndex.from_model(four.model)
    index.add(np.ones((60, 4)))
    assert index.remove(np.arange(60 - n_removed, 60)) == n_removed
    index.add(np.ones((2, 4)))
    assert sorted(index.ids) == [*range(60 - n_removed), 60, 61]
    index.add(np.ones((1, 4)), [100])
    index.remove([100, 61])
    index.add(np.ones((1, 4)))
    assert max(index.ids) == 101


def test_ids_that_are_used_up_are_told(four: LOPQIndex) -> None:
    index = LOPQIndex.from_model(four.model)
    index.add(np.ones((1, 4)), [2**63 - 2])
    index.add(np.ones((1, 4)))
    assert max(index.ids) == 2**63 - 1
    index.add(np.ones((0, 4)))
    with pytest.raises(InvalidArgumentError, match="Give ids of your own"):
        index.add(np.ones((1, 4)))
    index.add(np.ones((1, 4)), [5])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda index: pickle.loads(pickle.dumps(index))])  # noqa: TID251
def test_an_index_can_be_copied_and_pickled(copied: Callable[[LOPQIndex], LOPQIndex]) -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 4))
    index = LOPQIndex.build(vectors, bytes_per_vector=2)
    index.remove([59])
    index.tune(vectors[:5])
    other = copied(index)
    want, got = index.search(vectors, 5), other.search(vectors, 5)
    np.testing.assert_array_equal(got.ids, want.ids)
    np.testing.assert_array_equal(got.distances, want.distances)
    other.add(vectors[:1])
    assert other.remove([0, 1]) == 2
    assert (len(index), len(other), max(other.ids)) == (59, 58, 60)
    assert other.defaults == index.defaults


@pytest.mark.parametrize("filter", [None, range(0, 60, 2), [7]])
@pytest.mark.parametrize("settings", [{}, {"n_probe": 2**31 - 1}, {"n_candidates": 2**31 - 1}, {"rerank": 2**31 - 1}])
def test_more_hits_and_candidates_than_vectors_find_what_all_of_them_find(
    four: LOPQIndex, settings: dict[str, int], filter: Any
) -> None:
    queries = np.random.default_rng(1).normal(size=(3, 4))
    everything = four.search(queries, 60, n_probe=60, rerank=60, filter=filter)
    hits = four.search(queries, 10_000, filter=filter, **settings)
    np.testing.assert_array_equal(hits.ids[:, :60], everything.ids)
    np.testing.assert_array_equal(hits.distances[:, :60], everything.distances)
    assert hits.ids.shape == hits.distances.shape == (3, 10_000)
    assert (hits.ids[:, 60:] == -1).all()
    assert np.isinf(hits.distances[:, 60:]).all()


@pytest.mark.parametrize("name", ["k", "rerank", "n_probe", "n_candidates"])
@pytest.mark.parametrize("value", [2**31, 2**70, 10**400, np.int64(2**40)])
def test_absurd_numbers_are_refused(four: LOPQIndex, name: str, value: int) -> None:
    with pytest.raises(InvalidArgumentError, match=f"`{name}` is .*at most 2147483647"):
        four.search(np.ones(4), **{name: value})


def test_more_empty_slots_than_memory_holds_are_refused(four: LOPQIndex) -> None:
    for search in (four.search, lambda q, k: exact_search(np.ones((60, 4)), q, k)):
        with pytest.raises(InvalidArgumentError, match=r"only 60 vectors.*`k=60`"):
            search(np.ones((2, 4)), 10**9)


def test_depth_does_not_multiply_memory(photos_like: Data) -> None:
    """Of 6,000 vectors no more than 6,000 candidates are held, for some hundreds of queries at a time."""
    base, queries = photos_like
    index = LOPQIndex.build(base, bytes_per_vector=4)
    q = np.concatenate([queries] * 10)
    tracemalloc.start()
    hits = index.search(q, 10, rerank=2_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500e6
    np.testing.assert_array_equal(hits.ids, index.search(q, 10, rerank=6000).ids)


@pytest.mark.parametrize("method", ["decode", "estimates"])
@pytest.mark.parametrize(
    ("cells", "codes", "words"),
    [
        ([60], np.zeros((1, 2), np.uint8), "goes beyond"),
        ([-1], np.zeros((1, 2), np.uint8), "goes beyond"),
        ([0.0], np.zeros((1, 2), np.uint8), "`cells` is float64"),
        ([0, 1], np.zeros((1, 2), np.uint8), r"`cells` is int64 \(2,\)"),
        ([[0]], np.zeros((1, 2), np.uint8), r"`cells` is int64 \(1, 1\)"),
        ([0], np.zeros((1, 3), np.uint8), r"`codes` is uint8 \(1, 3\)"),
        ([0], np.zeros((1, 2), np.int64), "`codes` is int64"),
        ([0], np.zeros(2, np.uint8), r"`codes` is uint8 \(2,\)"),
        ([0], np.uint8(7), r"`codes` is uint8 \(\)"),
        ([], [], "`codes` is float64"),
    ],
)
def test_cells_and_codes_of_another_model_are_refused(
    four: LOPQIndex, method: str, cells: Any, codes: Any, words: str
) -> None:
    arguments = (cells, codes) if method == "decode" else (np.ones((1, 4)), cells, codes)
    with pytest.raises(InvalidArgumentError, match=words):
        getattr(four.model, method)(*arguments)


@pytest.mark.parametrize("model", [None, "model.safetensors", LOPQModel])
def test_what_is_no_model_starts_no_index(model: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="a LOPQModel is needed"):
        LOPQIndex.from_model(model)


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
    model = LOPQModel.fit(others, n_coarse=8, n_subquantizers=4)
    index = LOPQIndex.from_model(model, rerank="float32")
    index.add(np.broadcast_to(others[0], (1_000_000, 4)), np.arange(1000, 1_001_000))
    index.add(others, np.arange(1000))
    assert len(index) == 1_001_000
    hits = index.search(others[:2], 20)
    assert (hits.distances[0] == 0).all()
    assert len(set(hits.ids[0])) == 20
    assert hits.ids[1, 0] == 1
    assert np.isfinite(hits.distances).all()
    # by their codes a few lie behind the million, which no depth of re-ranking would reach
    estimates = model.estimates(others, *model.encode(others))
    shown = np.flatnonzero(np.diag(estimates) < estimates[:, 0])[:50]
    assert index.range_search(others[shown], 0).ids.tolist() == shown.tolist()
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


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("rotation", ["none", "local"])
def test_more_cells_find_no_less_where_residuals_differ_much(dim: int, rotation: str) -> None:
    """In few dimensions a query is a hundred times nearer to its own cell's centroid than to others visited."""
    vectors = np.random.default_rng(dim).normal(size=(4000, dim)).astype(np.float32)
    index = LOPQIndex.build(vectors, n_coarse=64, rotation=rotation)
    for n_probe in (1, 4, 64):
        found = index.search(vectors[:200], 1, n_probe=n_probe).ids[:, 0]
        assert (found == np.arange(200)).mean() > 0.97, f"a vector does not find itself in {n_probe} cells"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_process_may_write_to_its_copy_whatever_other_threads_did() -> None:
    code = """
import os, signal, sys
import numpy as np
from lookalike import LOPQIndex
index = LOPQIndex.build(np.eye(9), bytes_per_vector=2)
index._writing.acquire()
child = os.fork()
if not child:
    signal.alarm(30)
    index.add(np.eye(9)[:2])
    os._exit(len(index))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
