"""What an index takes: counted exactly where there is one, estimated where there is none yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lookalike.errors import InvalidArgumentError
from lookalike.index import LOPQIndex
from lookalike.quantization import LOPQModel

Data = tuple[np.ndarray, np.ndarray]


@pytest.mark.parametrize("rerank", ["float16", "float32", None])
def test_memory_is_that_of_the_arrays(photos_like: Data, rerank: str | None) -> None:
    vectors = photos_like[0][:1500]
    index = LOPQIndex.build(vectors, rerank=rerank)
    index.add(vectors[:200])
    memory = index.memory()
    sizes = [segment.blocks.nbytes for segment in index._segments]
    assert memory.n == 1700
    assert memory.codes == sum(sizes)
    assert memory.ids == 8 * 1700
    assert memory.lists == sum(8 * (3 * len(segment.cells) + 1) for segment in index._segments)
    assert memory.vectors == {"float16": 2, "float32": 4, None: 0}[rerank] * 1700 * 64
    assert memory.model == index.model.n_model_bytes
    assert memory.deletions == 0
    assert memory.total == sum((memory.codes, memory.ids, memory.lists, memory.vectors, memory.model))
    assert memory.per_vector == memory.total / 1700
    index.remove(np.arange(3))
    assert index.memory().deletions == 1500
    assert index.memory().n == 1697
    assert f"{memory.total:,}" in str(memory)


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
    assert 0.85 * built.codes <= estimate.codes <= 1.15 * built.codes
    assert built.model <= 1.01 * estimate.model
    assert 0.8 * built.total <= estimate.total <= 2.5 * built.total


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
    assert LOPQIndex.estimate(1_000_000, 16, n_coarse=1000).rotation == "local"
    assert LOPQIndex.estimate(1_000_000, 16).n_coarse == 1024
    assert LOPQIndex.estimate(100_000, 256).rotation == "grouped"
    small = LOPQIndex.estimate(500, 16)
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
    ],
)
def test_wrong_arguments_of_an_estimate_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        LOPQIndex.estimate(**({"n": 100, "dim": 8} | arguments))
