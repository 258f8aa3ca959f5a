"""Temperature scaling keeps the ranking, finds the temperature that made the data, and its table adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.concepts import (
    TEMPERATURES,
    confidences,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from lookalike.errors import InvalidArgumentError


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_probabilities_sum_to_one_and_the_ranking_stays(seed: int, temperature: float) -> None:
    logits = np.random.default_rng(seed).normal(0, 3, (4, 50)).astype(np.float32)
    plain, scaled = confidences(logits, temperature=1), confidences(logits, temperature=temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-5)
    order = np.argsort(logits, axis=1)
    for probabilities in (plain, scaled):
        assert (np.diff(np.take_along_axis(probabilities, order, axis=1), axis=1) >= 0).all()


def test_huge_logits_do_not_overflow() -> None:
    np.testing.assert_allclose(confidences(np.array([[1e30, -1e30, 0]])), [[1, 0, 0]])


def test_the_temperature_that_made_the_labels_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (2000, 10))
    for temperature in (0.5, 1, 2.5):
        probabilities = confidences(logits, temperature=temperature).astype(np.float64)
        labels = np.array([rng.choice(10, p=row / row.sum()) for row in probabilities])
        assert fit_temperature(logits, np.eye(10, dtype=bool)[labels]) == pytest.approx(temperature, rel=0.15)


def test_a_broad_label_counts_all_its_classes() -> None:
    logits = np.array([[2.0, 2.0, 0.0]] * 9 + [[0.0, 0.0, 2.0]])
    truth = np.array([[True, True, False]] * 10)
    assert 0.05 < fit_temperature(logits, truth) < 20


def test_known_encoders_have_temperatures_and_others_the_plain_softmax() -> None:
    assert set(TEMPERATURES) == {"efficientnet-lite2", "efficientnet-lite0"}
    logits = np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(confidences(logits, encoder="other"), confidences(logits, temperature=1))
    assert confidences(logits).max() > confidences(logits, temperature=1).max()


def test_a_reliability_table_counts_every_photo_once() -> None:
    table = reliability(np.array([0.0, 0.05, 0.85, 0.85, 1.0]), np.array([False, False, True, False, True]))
    np.testing.assert_array_equal(table.counts, [2, 0, 0, 0, 0, 0, 0, 0, 2, 1])
    assert table.accuracy[8] == 0.5
    assert table.confidence[8] == pytest.approx(0.85)
    assert np.isnan(table.accuracy[1])
    assert expected_calibration_error(table) == pytest.approx((2 * 0.025 + 2 * 0.35) / 5)


def test_what_is_said_as_often_as_it_is_true_has_no_error() -> None:
    said = np.repeat([0.25, 0.75], 4)
    right = np.array([True, False, False, False, True, True, True, False])
    assert expected_calibration_error(reliability(said, right)) == 0
    assert expected_calibration_error(reliability(np.zeros(0), np.zeros(0, bool))) == 0


def test_wrong_arguments_are_refused() -> None:
    for bad in (np.array([[np.inf, 0]]), np.zeros(3), np.zeros((2, 0))):
        with pytest.raises(InvalidArgumentError, match="logits"):
            confidences(bad)
    for temperature in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidArgumentError, match="temperature"):
            confidences(np.zeros((1, 2)), temperature=temperature)
    for truth in (np.zeros((1, 2), bool), np.ones((2, 2), bool)):
        with pytest.raises(InvalidArgumentError, match="truth"):
            fit_temperature(np.zeros((1, 2)), truth)
    with pytest.raises(InvalidArgumentError, match="confidences"):
        reliability(np.zeros(2), np.zeros(3, bool))
    for said, n_bins in ((1.5, 10), (np.nan, 10), (0.5, 0)):
        with pytest.raises(InvalidArgumentError, match="n_bins"):
            reliability(np.array([said]), np.array([True]), n_bins)
