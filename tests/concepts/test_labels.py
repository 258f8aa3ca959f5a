"""Broader terms, stored labels and tags."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.concepts import broader, confidences, imagenet, likeliest, tags
from lookalike.errors import InvalidArgumentError

WORDS = imagenet()


def logits(seed: int, n: int = 1, scale: float = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, (n, 1000)).astype(np.float32)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 50))
def test_a_broader_term_is_never_less_likely_than_a_narrower_one(seed: int, scale: float) -> None:
    scores = broader(confidences(logits(seed, 3, scale)))
    narrow, wide = np.array([(term, above) for term, parents in enumerate(WORDS.parents) for above in parents]).T
    assert (scores[:, wide] >= scores[:, narrow]).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_dog_is_the_sum_of_all_dogs() -> None:
    row = np.zeros((1, 1000), np.float32)
    row[0, [WORDS.number("pug"), WORDS.number("beagle"), WORDS.number("tabby cat")]] = 0.4, 0.3, 0.3
    scores = broader(row)[0]
    assert scores[WORDS.number("dog")] == pytest.approx(0.7)
    assert scores[WORDS.number("animal")] == pytest.approx(1)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1))
def test_tags_hold_everything_above_what_they_hold(seed: int, threshold: float) -> None:
    found = dict(tags(logits(seed, scale=10)[0], threshold=threshold))
    for name in found:
        for above in WORDS.ancestors(WORDS.number(name)):
            assert WORDS.names[above] in found
    assert all(score >= threshold for score in found.values())


def test_tags_go_from_narrow_to_broad() -> None:
    row = np.zeros(1000)
    row[WORDS.number("golden retriever")] = 20
    names = [name for name, _ in tags(row)]
    assert names == ["golden retriever", "retriever", "gun dog", "hunting dog", "dog", "mammal", "animal"]


def test_a_photo_of_nothing_known_has_no_tags() -> None:
    assert tags(np.zeros(1000), threshold=0.6) == []


def test_likeliest_are_sorted_and_in_the_stored_form() -> None:
    probabilities = confidences(logits(1, 5))
    classes, kept = likeliest(probabilities)
    assert (classes.dtype, classes.shape, kept.dtype) == (np.uint16, (5, 16), np.float16)
    assert (np.diff(kept.astype(np.float32), axis=1) <= 0).all()
    np.testing.assert_array_equal(classes[:, 0], probabilities.argmax(axis=1))


def test_of_equal_classes_the_lower_number_comes_first() -> None:
    classes, _ = likeliest(np.full((1, 1000), 0.001), n_labels=3)
    np.testing.assert_array_equal(classes, [[0, 1, 2]])


@pytest.mark.parametrize("shape", [(1000,), (2, 999), (0,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArgumentError, match="shape"):
        broader(np.zeros(shape))


def test_wrong_arguments_are_refused() -> None:
    for threshold in (0, -1, 1.5, float("nan")):
        with pytest.raises(InvalidArgumentError, match="threshold"):
            tags(np.zeros(1000), threshold=threshold)
    for bad in (np.full(1000, np.nan), np.zeros((2, 1000)), np.zeros(7)):
        with pytest.raises(InvalidArgumentError, match="logits"):
            tags(bad)
    for n_labels in (0, 1001):
        with pytest.raises(InvalidArgumentError, match="n_labels"):
            likeliest(np.zeros((1, 1000)), n_labels=n_labels)
