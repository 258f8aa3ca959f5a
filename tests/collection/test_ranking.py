"""Fusion, calibration, the cut, and near-duplicates, on made scores."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.collection.ranking import (
    COLOURS,
    Logistic,
    Part,
    fused,
    n_beyond_chance,
    representatives,
    spread_calibration,
    standing_out,
)

LEAST = 1e-4
"""Below it a part beside others says nothing more."""
ONE_IN_TEN = 0.1
"""Hits that may be by chance, down to where a list is cut."""

weights = st.floats(0.1, 3)
doubts = st.sampled_from([0.0, 0.02, 0.1])


def a_part(seed: int, weight: float = 1.0, n: int = 50, doubt: float = 0.0) -> Part:
    return Part(f"part {seed}", weight, np.random.default_rng(seed).random(n).astype(np.float32), doubt)


@given(st.integers(0, 10**6), doubts)
def test_one_part_alone_keeps_its_scores(seed: int, doubt: float) -> None:
    part = a_part(seed, doubt=doubt)
    np.testing.assert_array_equal(fused([part], 50), part.scores)


@given(st.integers(0, 10**6), weights, weights, doubts)
def test_fusing_never_falls_when_a_wanted_part_rises(seed: int, one: float, two: float, doubt: float) -> None:
    first, second = a_part(seed, one), a_part(seed + 1, two, doubt=doubt)
    higher = Part(second.name, two, np.minimum(second.scores + 0.2, 1).astype(np.float32), doubt)
    assert (fused([first, higher], 50) >= fused([first, second], 50) - 1e-6).all()


@given(st.integers(0, 10**6), weights)
def test_what_is_subtracted_lowers_and_the_more_the_likelier_it_is(seed: int, weight: float) -> None:
    wanted, unwanted = a_part(seed), a_part(seed + 1, -weight)
    assert (fused([wanted, unwanted], 50) <= np.maximum(fused([wanted], 50), LEAST) + 1e-6).all()
    likelier = Part("more", -weight, np.minimum(unwanted.scores + 0.2, 1).astype(np.float32))
    assert (fused([wanted, likelier], 50) <= fused([wanted, unwanted], 50) + 1e-6).all()


@given(st.integers(0, 10**6))
def test_fused_scores_do_not_depend_on_the_order_of_parts_and_are_probabilities(seed: int) -> None:
    parts = [a_part(seed), a_part(seed + 1, 0.5, doubt=0.1), a_part(seed + 2, -1.0)]
    scores = fused(parts, 50)
    np.testing.assert_allclose(scores, fused(parts[::-1], 50), atol=1e-6)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_heavier_part_decides() -> None:
    one, two = np.array([0.9, 0.2], np.float32), np.array([0.2, 0.9], np.float32)
    for weight, best in ((3.0, 0), (0.3, 1)):
        assert fused([Part("one", weight, one), Part("two", 1.0, two)], 2).argmax() == best


def test_a_doubted_part_cannot_outvote_another_by_being_sure() -> None:
    photo, colour = np.array([0.97, 0.2], np.float32), np.array([0.6, 1.0], np.float32)
    assert fused([Part("photo", 1, photo), Part("colour", 1, colour)], 2).argmax() == 1
    assert fused([Part("photo", 1, photo), Part("colour", 1, colour, 0.1)], 2).argmax() == 0


def test_where_nothing_is_wanted_all_that_is_not_unwanted_is_good() -> None:
    scores = fused([Part("-dog", -1.0, np.array([0.0, 1.0], np.float32))], 2)
    assert scores[0] > 0.9 > scores[1]


def test_the_cut_finds_a_planted_cluster_and_hardly_anything_in_noise() -> None:
    rng = np.random.default_rng(0)
    calibration = Logistic(-3.0, 9.9)
    noise = rng.normal(0, 0.08, 5000).astype(np.float32)
    background = calibration(noise[:2048])
    planted = calibration(np.concatenate([rng.normal(0.7, 0.05, 40), noise]).astype(np.float32))
    assert 40 <= n_beyond_chance(-np.sort(-planted)[:500], background, 5040) <= 50
    assert n_beyond_chance(-np.sort(-calibration(noise))[:500], background, 5000) <= 2


@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(1, 10**9))
def test_the_cut_is_at_the_last_hit_down_to_which_few_are_by_chance(seed: int, n: int, n_photos: int) -> None:
    rng = np.random.default_rng(seed)
    background = rng.random(500).astype(np.float32)
    scores = -np.sort(-rng.beta(rng.uniform(0.5, 20), 0.5, n).astype(np.float32))
    n_good = n_beyond_chance(scores, background, n_photos)
    odds, every = np.log(scores / (1 - scores + 1e-12)), np.log(background / (1 - background))
    lower, centre = np.quantile(every, [0.16, 0.5])
    expected = [n_photos * NormalDist().cdf(-each) for each in ((odds - centre) / (centre - lower)).tolist()]
    assert all(each > ONE_IN_TEN * rank * 0.999 for rank, each in enumerate(expected[n_good:], n_good + 1))
    assert not n_good or expected[n_good - 1] <= ONE_IN_TEN * n_good * 1.001


def test_the_best_of_copies_stands_for_them() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 0, 1, 2]]
    assert representatives(vectors, 0.95).tolist() == [0, 1, 0, 1, 4]


@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.floats(0.5, 0.99))
def test_the_first_earlier_one_that_stands_for_itself_and_is_alike_stands_for_each(
    seed: int, n: int, least: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 1, (40, 4))[rng.integers(0, 40, n)] + rng.normal(0, 0.1, (n, 4))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    own: list[int] = []
    for i in range(n):
        own.append(next((j for j in range(i) if own[j] == j and vectors[i] @ vectors[j] >= least), i))
    assert np.mean(representatives(vectors, least) == own) > 0.99  # products on the edge may be rounded otherwise


def test_calibration_by_spread_does_not_depend_on_the_scale_of_cosines() -> None:
    rng = np.random.default_rng(0)
    slopes = []
    for n_axes in (32, 512):
        vectors = rng.standard_normal((300, n_axes)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        slopes.append(spread_calibration(vectors).slope / np.sqrt(n_axes))  # the spread is 1 / sqrt(n_axes)
    assert slopes[0] == pytest.approx(slopes[1], rel=0.05)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=30))
def test_calibrations_keep_the_order(scores: list[float]) -> None:
    ordered = np.sort(np.array(scores, np.float32))
    for calibrated in (COLOURS(ordered), standing_out(ordered)):
        assert (np.diff(calibrated) >= 0).all()
