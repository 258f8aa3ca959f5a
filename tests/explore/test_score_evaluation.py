"""Figures of a score: areas, precisions and thresholds as counting gives them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import InvalidArgumentError
from lookalike.explore.score_evaluation import evaluate_scores

SCORES = st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=1, max_size=20)


@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_the_right_order(yes: list[float], no: list[float]) -> None:
    found = evaluate_scores(yes, no)
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a in yes for b in no]
    assert found.area == pytest.approx(np.mean(pairs))
    assert found.area + evaluate_scores(no, yes).area == pytest.approx(1)
    assert math.isnan(found.standard_error) or 0 < found.standard_error <= 0.5
    assert math.isnan(found.standard_error) == (min(len(yes), len(no)) < 10 or found.area in (0, 1))


@given(SCORES, SCORES)
def test_a_threshold_passes_what_scores_as_much_or_more(yes: list[float], no: list[float]) -> None:
    for row in evaluate_scores(yes, no).thresholds:
        right, wrong = sum(each >= row.threshold for each in yes), sum(each >= row.threshold for each in no)
        assert (row.recall, row.false_positive_rate) == (right / len(yes), wrong / len(no))
        assert math.isnan(row.precision) if not right + wrong else row.precision == right / (right + wrong)


def test_a_perfect_score_has_a_threshold_that_tells_all() -> None:
    found = evaluate_scores([0.7, 0.8, 0.9], [0.1, 0.2, 0.69])
    assert (found.area, found.average_precision, found.best) == (1.0, 1.0, 0.7)


def test_few_scores_and_scores_all_in_order_tell_no_error() -> None:
    assert math.isnan(evaluate_scores([0.9], [0.1]).standard_error)
    assert math.isnan(evaluate_scores([0.9] * 20, [0.1] * 20).standard_error)
    assert evaluate_scores([0.9] * 9 + [0.0], [0.1] * 10).standard_error > 0


@pytest.mark.parametrize(("yes", "no"), [([], [0.1]), ([0.1], []), ([math.nan], [0.1]), ([[0.1]], [0.1])])
def test_what_is_no_scores_is_refused(yes: list[float], no: list[float]) -> None:
    with pytest.raises(InvalidArgumentError):
        evaluate_scores(yes, no)
