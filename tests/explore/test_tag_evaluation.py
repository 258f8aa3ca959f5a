"""Figures of suggested tags, against the definitions spelled out."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.explore.tag_evaluation import RANKINGS, evaluate_tags, ranking_metrics
from lookalike.tags.tag_table import TagTable


def naive(suggested: list[int], hidden: set[int]) -> tuple[float, float, float]:
    hits = [tag in hidden for tag in suggested]
    gain = sum(1 / math.log2(place + 1) for place, hit in enumerate(hits, 1) if hit)
    best = sum(1 / math.log2(place + 1) for place in range(1, min(len(hidden), len(suggested)) + 1))
    return sum(hits) / len(suggested), sum(hits) / len(hidden), gain / best


@given(n=st.integers(1, 8), n_tags=st.integers(1, 12), k=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_metrics_are_those_of_the_definitions(n, n_tags, k, seed) -> None:
    generator = np.random.default_rng(seed)
    hidden = generator.random((n, n_tags)) < 0.3
    hidden[np.arange(n), generator.integers(n_tags, size=n)] = True
    suggested = np.full((n, k), -1, np.int32)
    for row in range(n):
        shown = generator.permutation(n_tags)[: generator.integers(0, min(k, n_tags) + 1)]
        suggested[row, : len(shown)] = shown
    expected = [naive(suggested[row].tolist(), set(np.flatnonzero(hidden[row]).tolist())) for row in range(n)]
    assert np.allclose(ranking_metrics(suggested, hidden), expected)


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=8), st.integers(0, 2**32 - 1))
def test_a_table_holds_what_it_was_made_of(lists, seed) -> None:
    table = TagTable.of(lists)
    assert [{table.names[tag] for tag in table.of_photo(row)} for row in range(len(table))] == [
        set(each) for each in lists
    ]
    assert table.per_tag().sum() == table.per_photo().sum() == sum(len(set(each)) for each in lists)
    rows = np.random.default_rng(seed).integers(0, max(len(lists), 1), 5) if lists else np.zeros(0, np.int64)
    assert [table.rows(rows).of_photo(i).tolist() for i in range(len(rows))] == [
        table.of_photo(row).tolist() for row in rows
    ]
    renamed = table.renamed(("z", *reversed(table.names)))
    assert [{renamed.names[tag] for tag in renamed.of_photo(row)} for row in range(len(table))] == [
        set(each) for each in lists
    ]


def test_suggestions_beat_popularity_and_are_as_good_as_neighbours_on_clusters(clusters) -> None:
    x, labels = clusters(300, 6, noise=0.9)
    tags = [
        [f"cluster {label}", f"half {label % 2}", *(["all"] if row % 2 else [])] for row, label in enumerate(labels)
    ]
    found = evaluate_tags(x, tags, k=3, rounds=2)
    assert set(found.figures) == set(RANKINGS)
    assert (found.n_photos, found.n_hidden, found.n_tags) == (300, 120, 9)
    ndcg = {name: figures[2] for name, figures in found.figures.items()}
    assert ndcg["space+votes"].mean > ndcg["popularity"].mean + 3 * ndcg["popularity"].standard_error
    assert ndcg["space+votes"].mean > ndcg["knn"].mean - ndcg["knn"].standard_error
    assert all(each.lowest <= each.score <= each.highest for each in found.reliability)


def test_the_same_seed_hides_the_same_photos(clusters) -> None:
    x, labels = clusters(60, 3)
    tags = [[str(label)] for label in labels]
    assert evaluate_tags(x, tags, seed=1).figures == evaluate_tags(x, tags, seed=1).figures


def test_too_few_photos_and_too_many_rounds_are_refused(clusters) -> None:
    x, labels = clusters(60, 3)
    with pytest.raises(InvalidArgumentError, match=r"Photos with tags: 9,"):
        evaluate_tags(x, [["a"] if row < 9 else [] for row in range(60)])
    with pytest.raises(InvalidArgumentError, match=r"more than all photos"):
        evaluate_tags(x, [[str(label)] for label in labels], rounds=6)
    with pytest.raises(InvalidArgumentError, match=r"`seed` is -1"):
        evaluate_tags(x, [[str(label)] for label in labels], seed=-1)


def test_tags_of_one_photo_each_are_refused() -> None:
    x = np.random.default_rng(0).standard_normal((12, 8)).astype(np.float32)
    with pytest.raises(InvalidArgumentError, match="None of the tags that were hidden is on another photo"):
        evaluate_tags(x, [[f"only {row}"] for row in range(12)])


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).parents[2] / "docs/explanation/tags.md").read_text(encoding="utf-8")
    block, in_a_collection = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, "tags.md", "exec"), names)
    assert len(names["space"].names) == 4
    compile(in_a_collection, "tags.md", "exec")
