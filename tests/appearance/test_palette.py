"""Palettes: shares, likeness to asked colours, vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lookalike.appearance import (
    N_COLOURS,
    colour_named,
    oklab_distances,
    oklab_of,
    palette_of,
    palette_scores,
    palette_vector,
    palette_vectors,
)
from lookalike.errors import InvalidArgumentError


def asked(**shares: float) -> NDArray[np.float32]:
    return np.array([[*colour_named(name), share] for name, share in shares.items()], dtype=np.float32)


def photo(**shares: float) -> NDArray[np.float32]:
    palette = np.zeros((N_COLOURS, 4), dtype=np.float32)
    palette[: len(shares)] = asked(**shares)
    return palette


def pixels(seed: int, n: int) -> NDArray[np.float32]:
    generator = np.random.default_rng(seed)
    return oklab_of(generator.integers(0, 256, (n, 3)) // generator.integers(1, 8))


@given(st.integers(0, 2**32 - 1), st.integers(1, 500))
def test_shares_fall_and_sum_to_one_and_unused_rows_are_empty(seed: int, n: int) -> None:
    palette = palette_of(pixels(seed, n))
    shares = palette[:, 3]
    assert palette.shape == (N_COLOURS, 4)
    assert abs(float(shares.sum()) - 1) < 1e-5
    assert (np.diff(shares) <= 1e-7).all()
    assert not palette[shares == 0].any()
    assert np.isfinite(palette).all()


@given(st.integers(0, 2**32 - 1), st.integers(2, 300))
def test_the_same_pixels_in_any_order_have_the_same_palette(seed: int, n: int) -> None:
    lab = pixels(seed, n)
    again = np.random.default_rng(seed).permutation(lab)
    assert np.array_equal(palette_of(lab), palette_of(lab))
    assert np.allclose(palette_of(lab), palette_of(again), atol=1e-4)


def test_two_colours_are_found_with_their_shares() -> None:
    palette = palette_of(np.repeat(np.stack([colour_named("teal"), colour_named("orange")]), [300, 100], axis=0))
    assert np.allclose(palette[:2], asked(teal=0.75, orange=0.25), atol=1e-4)
    assert not palette[2:].any()


def test_colours_of_a_palette_are_told_apart() -> None:
    palette = palette_of(pixels(3, 2000))
    used = palette[palette[:, 3] > 0, :3]
    between = oklab_distances(used[:, None], used[None])[np.triu_indices(len(used), 1)]
    assert between.min() >= 0.045


def test_the_photo_that_was_asked_for_comes_first() -> None:
    palettes = np.stack([palette_of(pixels(seed, 400)) for seed in range(40)])
    for i, palette in enumerate(palettes):
        scores = palette_scores(palettes, palette[palette[:, 3] > 0])
        assert scores[i] >= scores.max() - 1e-6
        assert np.argmax(palette_vectors(palettes) @ palette_vector(palette)) == i


def test_more_of_an_asked_colour_is_better_until_there_is_enough() -> None:
    palettes = np.stack([photo(red=share, black=1 - share) for share in (0.05, 0.2, 0.4, 0.9)])
    scores = palette_scores(palettes, asked(red=0.4))
    assert scores[0] < scores[1] < scores[2] <= scores[3] <= 1
    assert scores[2] > 0.99


def test_one_colour_of_a_photo_does_not_answer_two() -> None:
    both, one = palette_scores(np.stack([photo(red=0.5, blue=0.5), photo(red=1.0)]), asked(red=0.5, blue=0.5))
    assert both > 0.99
    assert one < 0.7


def test_asking_twice_for_a_colour_is_asking_once() -> None:
    palettes = np.stack([photo(red=0.5, blue=0.5), photo(red=1.0), photo(green=1.0)])
    twice = np.concatenate([asked(red=0.5), asked(red=0.5)])
    once = palette_scores(palettes, asked(red=1.0))
    assert np.allclose(palette_scores(palettes, twice), once, atol=0.02)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 7))
def test_scores_lie_between_zero_and_one_for_anything(seed: int, n: int, m: int) -> None:
    generator = np.random.default_rng(seed)
    palettes = generator.uniform(0, 1, (n, N_COLOURS, 4)).astype(np.float16)
    palettes[..., 3] /= np.maximum(palettes[..., 3].sum(1, keepdims=True), 1e-3)
    before = palettes.copy()
    scores = palette_scores(palettes, generator.uniform(-1, 1, (m, 4)) ** 2 + [0, 0, 0, 0.01])
    assert scores.shape == (n,)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.array_equal(before, palettes)


@given(st.integers(0, 2**32 - 1))
def test_vectors_have_unit_length_and_their_product_is_at_most_one(seed: int) -> None:
    vectors = palette_vectors(np.stack([palette_of(pixels(seed + i, 50)) for i in range(3)]))
    products = vectors @ vectors.T
    assert np.allclose(np.diag(products), 1, atol=1e-5)
    assert (products <= 1 + 1e-5).all()
    assert (products >= 0).all()


@pytest.mark.parametrize(
    "wrong", [np.zeros((0, 4)), np.zeros((1, 4)), np.ones((2, 3)), np.ones(4), [[np.nan, 0, 0, 1]], [[0.5, 0, 0, -1]]]
)
def test_what_is_no_list_of_colours_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidArgumentError):
        palette_scores(np.zeros((1, 6, 4), np.float32), wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError):
        palette_vector(wrong)  # type: ignore[arg-type]
