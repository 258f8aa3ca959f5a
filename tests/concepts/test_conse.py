"""Photos stand where the names of their classes stand."""

import numpy as np
import pytest

from lookalike.concepts import blended_vectors, imagenet, photo_vectors
from lookalike.encoders import cached_vectors, load_text_encoder
from lookalike.errors import InvalidArgumentError

AXES = np.eye(4, dtype=np.float32)


def test_a_sure_photo_stands_at_its_class_and_an_unsure_one_between() -> None:
    placed = photo_vectors(np.array([[2, 0], [1, 3]]), np.array([[1, 0], [0.6, 0.6]]), AXES)
    np.testing.assert_allclose(placed, [[0, 0, 1, 0], [0, 0.5**0.5, 0, 0.5**0.5]], atol=1e-6)
    assert placed.dtype == np.float32


def test_only_the_likeliest_count() -> None:
    placed = photo_vectors(np.array([[2, 0]]), np.array([[0.5, 0.5]]), AXES, n_labels=1)
    np.testing.assert_array_equal(placed, AXES[[2]])


def test_no_probability_is_nowhere_and_no_photos_are_none() -> None:
    np.testing.assert_array_equal(photo_vectors(np.array([[0]]), np.array([[0.0]]), AXES), np.zeros((1, 4)))
    assert photo_vectors(np.zeros((0, 3), np.uint16), np.zeros((0, 3), np.float16), AXES).shape == (0, 4)


def test_groups_are_blended_to_unit_length() -> None:
    blended = blended_vectors([["a"], ["b", "c"]], AXES[:3])
    np.testing.assert_allclose(blended, [[1, 0, 0, 0], [0, 0.5**0.5, 0.5**0.5, 0]], atol=1e-6)
    assert blended_vectors([], AXES[:0]).shape == (0, 4)


def test_words_find_the_classes_they_mean() -> None:
    words, encoder = imagenet(), load_text_encoder()
    numbers = [words.number(name) for name in ("tabby cat", "fire engine", "pizza", "seashore", "violin")]
    phrases = [words.phrases()[number] for number in numbers]
    vectors = blended_vectors(phrases, cached_vectors(encoder, [text for group in phrases for text in group]))
    placed = photo_vectors(np.arange(5)[:, None], np.ones((5, 1)), vectors)
    queries = encoder.encode(["a kitten", "emergency vehicle", "italian food", "holiday by the sea", "concert music"])
    np.testing.assert_array_equal((queries @ placed.T).argmax(axis=1), np.arange(5))


def test_wrong_arguments_are_refused() -> None:
    one = np.ones((1, 1))
    for classes in (np.array([[4]]), np.array([[-1]])):
        with pytest.raises(InvalidArgumentError, match="names a class outside"):
            photo_vectors(classes, one, AXES)
    for weight in (-1, np.nan, np.inf):
        with pytest.raises(InvalidArgumentError, match="negative or not finite"):
            photo_vectors(np.array([[0]]), one * weight, AXES)
    with pytest.raises(InvalidArgumentError, match="shape"):
        photo_vectors(np.array([0]), one, AXES)
    for texts in ([["a"], []], [["a", "b"]]):
        with pytest.raises(InvalidArgumentError, match="one vector for each text"):
            blended_vectors(texts, AXES[:1])
