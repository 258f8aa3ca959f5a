"""What an index takes: counted exactly where there is one, estimated where there is none yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.index import LOPQIndex
from lookalike.index.estimate import _memory as estimated_memory
from lookalike.quantization import LOPQModel
from lookalike.quantization.training import Recipe

Data = tuple[np.ndarray, np.ndarray]


@pytest.mark.parametrize("rerank", ["float16", "float32", None])
def test_memory_is_that_of_the_arrays(photos_like: Data, rerank: str | None) -> None:
    vectors = photos_like[0][:1500]
    index = LOPQIndex.build(vectors, rerank=rerank)
    index.add(vectors[:200])
    memory = index.memory()
    sizes = [segment.blocks.nbytes for segment in index._segments]
    assert memory.n == 1700
    assert memory.codes == 16 * 1700
    assert memory.codes + memory.padding == sum(sizes)
    assert memory.ids == 8 * 1700
    assert memory.lists == sum(8 * (3 * len(segment.cells) + 1) for segment in index._segments)
    assert memory.vectors == {"float16": 2, "float32": 4, None: 0}[rerank] * 1700 * 64
    assert memory.model == index.model.n_model_bytes
    assert memory.deletions == 0
    assert memory.total == sum((memory.codes, memory.padding, memory.ids, memory.lists, memory.vectors, memory.model))
    assert memory.per_vector == memory.total / 1700
    index.remove(np.arange(3))
    assert index.memory().deletions == 1500
    assert (index.memory().n, index.memory().n_deleted) == (1697, 3)
    assert index.memory().codes == memory.codes
    assert f"{memory.total:,}" in str(memory)


@pytest.mark.parametrize("ids", [None, [f"{i:04}" for i in range(3000)]])
def test_other_numbers_of_vectors_in_the_same_cells_are_accounted_for(photos_like: Data, ids: list[str] | None) -> None:
    model = LOPQModel.fit(photos_like[0], n_coarse=4)
    few, many = LOPQIndex.from_model(model), LOPQIndex.from_model(model)
    few.add(photos_like[0][:1000], ids and ids[:1000])
    many.add(photos_like[0][:3000], ids)
    few.remove(["0007"] if ids else [7])
    at, built = few.memory().at(3000), many.memory()
    for name in ("n", "codes", "ids", "lists", "vectors", "model", "deletions", "n_deleted"):
        assert getattr(at, name) == getattr(built, name), name
    assert abs(at.padding - built.padding) <= 4 * 32 * 16
    with pytest.raises(InvalidArgumentError, match="no vectors yet"):
        LOPQIndex.from_model(model).memory().at(5)
    with pytest.raises(InvalidArgumentError, match="`n`"):
        few.memory().at(0)


def test_an_empty_index_takes_what_its_model_takes(photos_like: Data) -> None:
    memory = LOPQIndex.from_model(LOPQModel.fit(photos_like[0][:300])).memory()
    assert memory.total == memory.model > 0
    assert memory.per_vector == 0


@pytest.mark.parametrize("n", [40, 1500, 6000])
@pytest.mark.parametrize("bytes_per_vector", [4, 16])
def test_estimated_bytes_are_near_those_of_the_index_that_is_built(
    photos_like: Data, n: int, bytes_per_vector: int
) -> None:
    built = LOPQIndex.build(photos_like[0][:n], bytes_per_vector=bytes_per_vector).memory()
    estimate = LOPQIndex.estimate(n, 64, bytes_per_vector=bytes_per_vector).memory
    assert (estimate.n, estimate.ids, estimate.vectors) == (built.n, built.ids, built.vectors)
    assert built.lists <= estimate.lists <= 1.2 * built.lists + 100
    assert estimate.codes == built.codes
    assert built.model <= estimate.model
    assert 0.8 * built.total <= estimate.total <= 2.5 * built.total


@pytest.mark.parametrize("rotation", ["none", "local", "grouped", "auto"])
@pytest.mark.parametrize("n_subquantizers", [4, 8, 24, 32])
@pytest.mark.parametrize("rerank", ["float16", None])
def test_estimated_bytes_are_those_of_the_index_where_the_recipe_is_known(
    photos_like: Data, rotation: str, n_subquantizers: int, rerank: str | None
) -> None:
    vectors = photos_like[0][:2500, :48]
    model = LOPQModel.fit(
        vectors,
        n_coarse=16,
        n_subquantizers=n_subquantizers,
        rotation=rotation,
        codebooks="additive",
        n_rotations=3,
    )
    n_axes, turned = model.frames.n_axes, model.frames.rotations.shape[1]
    kind = {0: "none", 16: "local"}.get(turned, "grouped")
    recipe = Recipe(kind, "additive", n_subquantizers, n_axes=n_axes, n_rotations=turned)
    index = LOPQIndex.from_model(model, rerank=rerank)
    index.add(vectors)
    built, estimate = index.memory(), estimated_memory(len(vectors), 48, model.dim, 16, recipe, rerank)
    for name in ("n", "codes", "ids", "lists", "vectors", "model", "deletions"):
        assert getattr(estimate, name) == getattr(built, name), name
    assert 0 <= built.padding <= 2 * estimate.padding


def test_the_padding_of_one_cell_is_known_beforehand(photos_like: Data) -> None:
    index = LOPQIndex.build(photos_like[0][:1001], n_coarse=1)
    assert LOPQIndex.estimate(1001, 64, n_coarse=1).memory.padding == index.memory().padding == 16 * 23


def test_the_peak_while_building_holds_what_must_be_held() -> None:
    for metric in ("l2", "cosine"):
        estimate = LOPQIndex.estimate(300_000, 64, metric=metric)
        assert estimate.peak_bytes > estimate.memory.total + 2 * 4 * 300_000 * 64
        assert f"{estimate.peak_bytes:,}" in str(estimate)


@given(
    n=st.integers(1, 10**12),
    dim=st.integers(1, 700),
    bytes_per_vector=st.integers(2, 80),
    share=st.none() | st.floats(0, 1),
    metric=st.sampled_from(["l2", "cosine"]),
    rerank=st.sampled_from(["float16", "float32", None]),
    threads=st.none() | st.integers(1, 64),
)
@settings(max_examples=10)
def test_an_estimate_of_anything_is_finite_and_positive(
    n: int, dim: int, bytes_per_vector: int, share: float | None, metric: str, rerank: str | None, threads: int | None
) -> None:
    n_coarse = None if share is None else max(1, min(n, int(share * 2**20)))
    estimate = LOPQIndex.estimate(
        n, dim, bytes_per_vector=bytes_per_vector, n_coarse=n_coarse, metric=metric, rerank=rerank, n_threads=threads
    )
    memory = estimate.memory
    assert memory.codes == n * bytes_per_vector
    assert memory.total <= estimate.peak_bytes
    assert min(memory.padding, memory.ids, memory.lists, memory.vectors, memory.model) >= 0
    steps = (*estimate.training, estimate.encoding)
    assert all(np.isfinite(each.processor_seconds) and each.processor_seconds >= 0 for each in steps)
    assert 0 < estimate.seconds < np.inf
    assert threads is None or estimate.n_threads == threads
    assert str(estimate)


def test_more_vectors_take_longer_and_threads_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_THREADS", "4")
    few, many = LOPQIndex.estimate(10_000, 32), LOPQIndex.estimate(10_000_000, 32)
    assert few.n_threads == 4
    for estimate in (few, many):
        spent = estimate.training_processor_seconds + estimate.encoding.processor_seconds
        assert spent / 4 <= estimate.seconds <= spent
        assert all(0 <= step.serial_seconds <= step.processor_seconds for step in estimate.training)
    assert many.encoding.processor_seconds > 100 * few.encoding.processor_seconds
    assert many.training_processor_seconds > few.training_processor_seconds
    assert "assuming rotation=" in str(few)


def test_an_estimate_names_its_assumptions() -> None:
    assert LOPQIndex.estimate(1_000_000, 16, n_coarse=1000, rerank=None).rotation == "local"
    assert LOPQIndex.estimate(1_000_000, 16, n_coarse=1000, rotation="auto").rotation == "local"
    assert LOPQIndex.estimate(1_000_000, 16, n_coarse=1000).rotation == "none"  # vectors are kept
    assert LOPQIndex.estimate(1_000_000, 16).n_coarse == 1024
    assert LOPQIndex.estimate(100_000, 256, rerank=None).rotation == "grouped"
    small = LOPQIndex.estimate(500, 16, rerank=None)
    assert small.rotation == "none"
    assert [step.name for step in small.training if step.name == "judging"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "`n`"),
        ({"dim": 2.5}, "`dim`"),
        ({"bytes_per_vector": 0}, "`bytes_per_vector`"),
        ({"bytes_per_vector": 1}, "`bytes_per_vector=2` or more"),
        ({"n_coarse": 101}, "there are only 100"),
        ({"metric": "dot"}, "`metric`"),
        ({"rerank": "int8"}, "`rerank`"),
        ({"n": 10**30}, "estimates go to"),
        ({"dim": 10**9}, "estimates go to"),
        ({"bytes_per_vector": 10**6}, "estimates go to 512 bytes"),
        ({"rotation": np.array(["a", "b"])}, "`rotation`"),
        ({"n": float("nan")}, "`n`"),
        ({"n_threads": 0}, "`n_threads`"),
    ],
)
def test_wrong_arguments_of_an_estimate_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        LOPQIndex.estimate(**({"n": 100, "dim": 8} | arguments))
